//! The web view: the files of `visualizer/`, embedded, and how they are served. Server threads.
//!
//! `/` is its page; all else is below [`PREFIX`]. A browser keeps what it has and asks with the tag whether it still holds, so
//! that a page of an older version of the app never runs against a newer one.

use axum::extract::Path;
use axum::http::{HeaderMap, StatusCode, header};
use axum::response::{IntoResponse, Response};

use crate::guard::refused;

/// Where the page's modules, styles and data are. They are the same for everybody and hold no secret: no token is asked for,
/// because a module that imports another one cannot pass it on.
pub(crate) const PREFIX: &str = "/view/";
const PAGE: &str = "index.html";

/// One embedded file.
#[derive(Debug)]
struct Asset {
    /// Path below `visualizer/`, with `/`.
    name: &'static str,
    /// Entity tag, with its quotes.
    tag: &'static str,
    bytes: &'static [u8],
}

const ASSETS: &[Asset] = include!(concat!(env!("OUT_DIR"), "/assets.rs"));

/// The page itself.
pub(crate) async fn page(headers: HeaderMap) -> Response {
    answer(PAGE, &headers)
}

/// A file that the page asks for.
pub(crate) async fn asset(Path(name): Path<String>, headers: HeaderMap) -> Response {
    answer(&name, &headers)
}

fn answer(name: &str, headers: &HeaderMap) -> Response {
    // Looked up by the whole name among those that are embedded: there is no path to walk out of.
    let Some(asset) = ASSETS.iter().find(|asset| asset.name == name) else {
        return refused(StatusCode::NOT_FOUND, "not_found", format!("the web view has no file {name:?}"));
    };
    let known = headers.get_all(header::IF_NONE_MATCH).iter().filter_map(|tags| tags.to_str().ok());
    let is_known = known.flat_map(|tags| tags.split(',')).any(|tag| tag.trim().trim_start_matches("W/") == asset.tag);
    let fixed = [(header::ETAG, asset.tag), (header::CACHE_CONTROL, "no-cache")];
    let mut response = if is_known {
        (StatusCode::NOT_MODIFIED, fixed).into_response()
    } else {
        (fixed, [(header::CONTENT_TYPE, content_type(asset.name))], asset.bytes).into_response()
    };
    if let Ok(policy) = policy(headers).parse() {
        response.headers_mut().insert(header::CONTENT_SECURITY_POLICY, policy);
    }
    response
}

/// What the page may do: run and fetch what is from here, and nothing that stands in the page itself.
fn policy(headers: &HeaderMap) -> String {
    // Not every browser takes 'self' for the socket's scheme. The host was checked and has no odd characters.
    let host = headers.get(header::HOST).and_then(|host| host.to_str().ok()).unwrap_or_default();
    format!(
        "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; connect-src 'self' ws://{host} wss://{host}; \
         frame-ancestors 'none'; base-uri 'none'; form-action 'none'; require-trusted-types-for 'script'"
    )
}

fn content_type(name: &str) -> &'static str {
    match name.rsplit_once('.').map(|(_, ending)| ending) {
        Some("html") => "text/html; charset=utf-8",
        Some("css") => "text/css; charset=utf-8",
        Some("js") => "text/javascript; charset=utf-8",
        Some("json") => "application/json",
        Some("svg") => "image/svg+xml",
        _ => "application/octet-stream",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_file_that_is_named_in_one_is_there_and_nothing_is_from_elsewhere() {
        for asset in ASSETS {
            let text = std::str::from_utf8(asset.bytes).unwrap();
            assert!(!["src=\"http", "href=\"http", "from \"http", "import(\"http", "@import"].iter().any(|out| text.contains(out)));
            for import in text.split(" from ").skip(1).filter(|_| asset.name.ends_with(".js")) {
                let name = import.split(['"', '\'']).nth(1).unwrap_or_default();
                if import.starts_with(['"', '\'']) && name.starts_with('.') {
                    assert!(ASSETS.iter().any(|other| other.name == resolved(asset.name, name)), "{}: {name}", asset.name);
                }
            }
        }
        let page = std::str::from_utf8(ASSETS.iter().find(|asset| asset.name == PAGE).unwrap().bytes).unwrap();
        for part in page.split(&['"'][..]).filter_map(|part| part.strip_prefix("view/")) {
            assert!(ASSETS.iter().any(|asset| asset.name == part), "{part}");
        }
    }

    /// `../b/c.js` as `a/x.js` means it: `b/c.js`.
    fn resolved(from: &str, import: &str) -> String {
        let mut parts: Vec<&str> = from.split('/').collect();
        parts.pop();
        for part in import.split('/') {
            match part {
                "." => {}
                ".." => drop(parts.pop()),
                name => parts.push(name),
            }
        }
        parts.join("/")
    }

    #[test]
    fn what_is_not_for_users_is_not_embedded() {
        let of_others = |asset: &&Asset| ["tests/", "tools/", "node_modules/", "package"].iter().any(|out| asset.name.starts_with(out));
        assert_eq!(ASSETS.iter().find(of_others).map(|asset| asset.name), None);
        assert!(ASSETS.iter().all(|asset| content_type(asset.name) != "application/octet-stream"));
    }

    #[test]
    fn a_known_tag_is_answered_without_the_file_and_an_unknown_name_with_404() {
        let mut headers = HeaderMap::new();
        let first = answer(PAGE, &headers);
        assert_eq!(first.status(), StatusCode::OK);
        let tag = first.headers()[header::ETAG].clone();
        headers.insert(header::IF_NONE_MATCH, format!("\"other\", W/{}", tag.to_str().unwrap()).parse().unwrap());
        assert_eq!(answer(PAGE, &headers).status(), StatusCode::NOT_MODIFIED);
        for name in ["", "../Cargo.toml", "index.htm", "tests/page.mjs", "/index.html"] {
            assert_eq!(answer(name, &headers).status(), StatusCode::NOT_FOUND, "{name}");
        }
    }
}
