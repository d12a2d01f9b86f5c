//! What every page that we write needs: text that cannot become markup, hashes for the content security policy, base64. Any thread.

use std::fmt::Write as _;
use std::io::{self, Read, Write};

use serde::Serialize;
use sha2::{Digest, Sha256};

const BASE64: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
/// Bytes that are encoded at a time: a multiple of 3.
const BASE64_BLOCK_BYTES: usize = 3 << 14;

/// Text as it stands between tags or in quotes.
pub(crate) fn escaped(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for c in text.chars() {
        match c {
            '&' => out.push_str("&amp;"),
            '<' => out.push_str("&lt;"),
            '>' => out.push_str("&gt;"),
            '"' => out.push_str("&quot;"),
            '\'' => out.push_str("&#39;"),
            _ => out.push(c),
        }
    }
    out
}

/// Text with its places filled, in one pass: what is filled in is not looked at again.
pub(crate) fn filled(template: &str, parts: &[(&str, String)]) -> String {
    let mut out = String::with_capacity(template.len() + parts.iter().map(|(_, text)| text.len()).sum::<usize>());
    let mut rest = template;
    while let Some((before, after)) = rest.split_once("{{") {
        out.push_str(before);
        let filled = parts.iter().find_map(|(place, text)| Some((text, after.strip_prefix(place.strip_prefix("{{")?)?)));
        let (text, after) = filled.expect("every place of the page is among the parts");
        out.push_str(text);
        rest = after;
    }
    out.push_str(rest);
    out
}

/// JSON that can stand in a `<script>`: without a `<`, nothing ends it.
pub(crate) fn script_json(value: &impl Serialize) -> String {
    serde_json::to_string(value).expect("strings and finite numbers make JSON").replace('<', "\\u003c")
}

/// What a content security policy allows one script or style by.
pub(crate) fn csp_hash(text: &str) -> String {
    format!("'sha256-{}'", base64(&Sha256::digest(text.as_bytes())))
}

/// A path as it stands in a link: `/` between parts, all else that could be misread in `%`.
pub(crate) fn href(path: &str) -> String {
    let mut out = String::with_capacity(path.len());
    for byte in path.bytes() {
        match byte {
            b'A'..=b'Z' | b'a'..=b'z' | b'0'..=b'9' | b'-' | b'.' | b'_' | b'~' | b'/' => out.push(char::from(byte)),
            _ => write!(out, "%{byte:02X}").expect("a String takes any text"),
        }
    }
    out
}

/// Base64 of a few bytes (RFC 4648, section 4).
pub(crate) fn base64(bytes: &[u8]) -> String {
    let mut out = String::with_capacity(bytes.len().div_ceil(3) * 4);
    for group in bytes.chunks(3) {
        let at = |idx: usize| u32::from(group.get(idx).copied().unwrap_or(0));
        let bits = at(0) << 16 | at(1) << 8 | at(2);
        for place in 0..4 {
            let is_filled = place <= group.len();
            out.push(if is_filled { char::from(BASE64[(bits >> (18 - 6 * place) & 63) as usize]) } else { '=' });
        }
    }
    out
}

/// Base64 of a whole stream, block by block.
///
/// # Errors
/// What reader or writer say.
pub(crate) fn write_base64(mut from: impl Read, to: &mut dyn Write) -> io::Result<()> {
    let mut block = Vec::with_capacity(BASE64_BLOCK_BYTES);
    loop {
        block.clear();
        if from.by_ref().take(BASE64_BLOCK_BYTES as u64).read_to_end(&mut block)? == 0 {
            return Ok(());
        }
        to.write_all(base64(&block).as_bytes())?;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn base64_is_that_of_the_rfc() {
        for (bytes, expected) in [("", ""), ("f", "Zg=="), ("fo", "Zm8="), ("foo", "Zm9v"), ("foobar", "Zm9vYmFy")] {
            assert_eq!(base64(bytes.as_bytes()), expected);
        }
        let long: Vec<u8> = (0..BASE64_BLOCK_BYTES * 2 + 1).map(|n| n as u8).collect();
        let mut streamed = Vec::new();
        write_base64(&long[..], &mut streamed).unwrap();
        assert_eq!(String::from_utf8(streamed).unwrap(), base64(&long));
    }

    #[test]
    fn text_cannot_become_markup() {
        assert_eq!(escaped("<b a=\"1\" c='2'>&</b>"), "&lt;b a=&quot;1&quot; c=&#39;2&#39;&gt;&amp;&lt;/b&gt;");
        let json = script_json(&"</script><!--");
        assert!(!json.contains('<'), "{json}");
        assert_eq!(serde_json::from_str::<String>(&json).unwrap(), "</script><!--");
        assert_eq!(href("a b/ö#?.wav"), "a%20b/%C3%B6%23%3F.wav");
    }

    #[test]
    fn a_policy_names_the_sha_256_of_the_text() {
        // printf 'alert(1)' | openssl dgst -sha256 -binary | base64
        assert_eq!(csp_hash("alert(1)"), "'sha256-bhHHL3z2vDgxUt0W3dWQOrprscmda2Y5pLsLg4GF+pI='");
    }
}
