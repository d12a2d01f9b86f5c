//! Applies the allow-list of `deny.toml` to every package that `cargo metadata` resolves.

use std::collections::BTreeSet;
use std::fs;
use std::path::Path;

use serde_json::Value;

use crate::error::TaskError;

/// Packages whose licence expression cannot be satisfied from the allow-list, one message each.
///
/// # Errors
/// An unreadable `deny.toml`.
pub fn violations(root: &Path, metadata: &Value) -> Result<Vec<String>, TaskError> {
    let path = root.join("deny.toml");
    let text = fs::read_to_string(&path).map_err(|e| TaskError::io(&path, e))?;
    let allowed = allow_list(&text);
    let packages = metadata["packages"].as_array().into_iter().flatten();
    Ok(packages
        .filter(|package| !package["source"].is_null())
        .filter_map(|package| {
            let name = package["name"].as_str().unwrap_or_default();
            match package["license"].as_str() {
                None => Some(format!("{name} states no licence")),
                Some(expression) if is_allowed(expression, &allowed) => None,
                Some(expression) => Some(format!("{name} is under {expression}, which deny.toml does not allow")),
            }
        })
        .collect())
}

/// The quoted strings of `allow = [...]`.
fn allow_list(toml: &str) -> BTreeSet<String> {
    let list = toml.split("\nallow = [").nth(1).and_then(|rest| rest.split(']').next()).unwrap_or_default();
    list.split('"').skip(1).step_by(2).map(str::to_owned).collect()
}

/// Whether an SPDX expression can be satisfied: OR needs one side, AND needs both.
fn is_allowed(expression: &str, allowed: &BTreeSet<String>) -> bool {
    let expression = expression.trim();
    // The old notation "MIT/Apache-2.0" means OR.
    for (operator, all) in [(" OR ", false), ("/", false), (" AND ", true)] {
        let parts = split_outside_parentheses(expression, operator);
        if parts.len() > 1 {
            return if all {
                parts.iter().all(|part| is_allowed(part, allowed))
            } else {
                parts.iter().any(|part| is_allowed(part, allowed))
            };
        }
    }
    match expression.strip_prefix('(').and_then(|rest| rest.strip_suffix(')')) {
        Some(inner) => is_allowed(inner, allowed),
        None => allowed.contains(expression),
    }
}

fn split_outside_parentheses<'a>(expression: &'a str, operator: &str) -> Vec<&'a str> {
    let (mut parts, mut depth, mut start) = (Vec::new(), 0usize, 0);
    for (at, character) in expression.char_indices() {
        match character {
            '(' => depth += 1,
            ')' => depth = depth.saturating_sub(1),
            _ if depth == 0 && at >= start && expression[at..].starts_with(operator) => {
                parts.push(&expression[start..at]);
                start = at + operator.len();
            }
            _ => {}
        }
    }
    parts.push(&expression[start..]);
    parts
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn expressions_are_judged_as_spdx_means_them() {
        let allowed: BTreeSet<String> = ["MIT", "Apache-2.0", "Unicode-3.0", "Apache-2.0 WITH LLVM-exception"].map(str::to_owned).into();
        for good in
            ["MIT", "MIT OR GPL-3.0", "MIT/Apache-2.0", "(MIT OR GPL-2.0) AND Unicode-3.0", "GPL-2.0 OR Apache-2.0 WITH LLVM-exception"]
        {
            assert!(is_allowed(good, &allowed), "{good}");
        }
        for bad in ["GPL-3.0", "MIT AND GPL-2.0", "(MIT AND GPL-2.0) OR LGPL-3.0", "", "mit"] {
            assert!(!is_allowed(bad, &allowed), "{bad}");
        }
    }

    #[test]
    fn the_list_is_read_and_has_no_gpl() {
        let text = fs::read_to_string(crate::workspace_root().join("deny.toml")).unwrap();
        let list = allow_list(&text);
        assert!(list.contains("MIT") && list.contains("MPL-2.0"));
        assert!(!list.iter().any(|licence| licence.contains("GPL")));
    }
}
