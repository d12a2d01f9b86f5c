//! The report: one page a file, to look at, to listen to and to export from. Any thread.
//!
//! Self-contained: style, script and data stand in the page, and its content security policy allows nothing else but the audio. The page
//! in `page/` is assembled here; [`data`] is what it draws, [`summary`] what an index of many reports reads back from it.

mod data;
pub(crate) mod summary;

use std::fs::File;
use std::io::Write;
use std::path::Path;

use super::{Origin, WriteError};
use crate::document::Analysis;
use crate::html;

const PAGE: &str = include_str!("page/page.html");
const STYLE: &str = include_str!("page/page.css");
/// The script, in the order in which its parts need each other.
const SCRIPTS: [&str; 7] = [
    include_str!("page/text.js"),
    include_str!("page/model.js"),
    include_str!("page/axis.js"),
    include_str!("page/lanes.js"),
    include_str!("page/player.js"),
    include_str!("page/gestures.js"),
    include_str!("page/page.js"),
];
/// Where the audio goes in the page.
const AUDIO_PLACE: &str = "{{audio}}";

/// Writes the page.
///
/// # Errors
/// What the writer says, or the audio that is to be embedded.
pub(super) fn write(analysis: &Analysis, origin: &Origin, out: &mut dyn Write) -> Result<(), WriteError> {
    let script = format!("'use strict';\n(() => {{\n{}}})();\n", SCRIPTS.concat());
    let policy = format!(
        "default-src 'none'; script-src {}; style-src {}; media-src 'self' file: data: blob:; img-src data:; base-uri 'none'; form-action 'none'",
        html::csp_hash(&script),
        html::csp_hash(STYLE),
    );
    let summary = summary::Summary::of(analysis);
    let embedded = origin.audio.as_deref().filter(|_| origin.embeds_audio);
    let data = data::Data::of(analysis, origin.link.as_deref(), embedded.is_some());
    let parts = [
        ("{{title}}", html::escaped(&summary.name)),
        ("{{policy}}", policy),
        ("{{summary}}", html::script_json(&summary)),
        ("{{style}}", STYLE.to_owned()),
        ("{{data}}", html::script_json(&data)),
        ("{{script}}", script),
    ];
    let (before, after) = PAGE.split_once(AUDIO_PLACE).expect("the page has a place for the audio");
    out.write_all(html::filled(before, &parts).as_bytes())?;
    match (embedded, &origin.link) {
        (Some(path), _) => {
            write!(out, " src=\"data:{};base64,", media_type(path))?;
            html::write_base64(File::open(path)?, out)?;
            out.write_all(b"\"")?;
        }
        (None, Some(link)) => write!(out, " src=\"{}\"", html::escaped(&html::href(link)))?,
        (None, None) => {}
    }
    out.write_all(html::filled(after, &parts).as_bytes())?;
    Ok(())
}

/// What a browser calls the audio in a file of this name.
fn media_type(path: &Path) -> &'static str {
    let extension = path.extension().and_then(|e| e.to_str()).map(str::to_lowercase);
    match extension.as_deref() {
        Some("wav" | "wave") => "audio/wav",
        Some("mp1" | "mp2" | "mp3") => "audio/mpeg",
        Some("flac") => "audio/flac",
        Some("ogg" | "oga") => "audio/ogg",
        Some("aac") => "audio/aac",
        Some("m4a" | "mp4") => "audio/mp4",
        Some("webm" | "mkv" | "mka") => "audio/webm",
        Some("aif" | "aiff" | "aifc") => "audio/aiff",
        _ => "application/octet-stream",
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::document::samples::with_sections;

    fn page(analysis: &Analysis, origin: &Origin) -> String {
        let mut bytes = Vec::new();
        write(analysis, origin, &mut bytes).unwrap();
        String::from_utf8(bytes).unwrap()
    }

    /// What stands between two texts.
    fn between<'a>(page: &'a str, from: &str, to: &str) -> &'a str {
        page.split_once(from).unwrap().1.split_once(to).unwrap().0
    }

    #[test]
    fn nothing_comes_from_elsewhere_and_the_policy_fits_the_page() {
        let page = page(&with_sections(8, 0.5, 1), &Origin::default());
        for scheme in ["http://", "https://", "//cdn"] {
            assert!(!page.contains(scheme), "{scheme}");
        }
        let policy = between(&page, "http-equiv=\"Content-Security-Policy\" content=\"", "\">");
        assert!(policy.contains(&html::csp_hash(between(&page, "<style>", "</style>"))), "{policy}");
        assert!(policy.contains(&html::csp_hash(between(&page, "<script>", "</script>"))), "{policy}");
        assert!(policy.starts_with("default-src 'none';") && !policy.contains("unsafe") && !policy.contains('*'), "{policy}");
        assert!(!page.contains(" style=\"") && !page.contains(" onclick="), "the policy would refuse it");
        assert!(!page.contains("{{"), "every place is filled");
    }

    #[test]
    fn a_name_cannot_break_out() {
        let mut analysis = with_sections(2, 0.5, 1);
        analysis.file = "a/</script><script>alert(1)</script>{{data}}.wav".to_owned();
        let link = Some("\"><b>.wav".to_owned());
        let page = page(&analysis, &Origin { link, ..Origin::default() });
        assert!(!page.contains("<script>alert") && !page.contains("<b>"));
        assert_eq!(page.matches("<script").count(), 3, "summary, data, script");
        let data: serde_json::Value =
            serde_json::from_str(between(&page, "<script type=\"application/json\" id=\"data\">", "</script>")).unwrap();
        assert_eq!(data["document"]["file"], analysis.file.as_str());
    }

    #[test]
    fn audio_is_linked_or_embedded() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("a b.mp3");
        std::fs::write(&path, "foobar").unwrap();
        let linked = Origin { audio: Some(path.clone()), link: Some("../a b.mp3".to_owned()), embeds_audio: false };
        assert!(page(&with_sections(1, 0.5, 1), &linked).contains(" src=\"../a%20b.mp3\""));
        let embedded = Origin { embeds_audio: true, ..linked.clone() };
        assert!(page(&with_sections(1, 0.5, 1), &embedded).contains(" src=\"data:audio/mpeg;base64,Zm9vYmFy\""));
        std::fs::remove_file(path).unwrap();
        assert!(write(&with_sections(1, 0.5, 1), &embedded, &mut Vec::new()).is_err());
        assert!(write(&with_sections(1, 0.5, 1), &linked, &mut Vec::new()).is_ok());
    }
}
