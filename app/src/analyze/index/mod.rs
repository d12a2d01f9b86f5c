//! The index of a folder of reports: a page with a row a file, made from the reports that are there and from what failed. Main thread.
//!
//! Nothing is kept between runs: each report holds its own line ([`Summary`]), so an index that is written again after a run that did only
//! what was missing is that of the whole folder.

use std::fmt::Write as _;
use std::io;
use std::path::{Path, PathBuf};

use runtime_core::state::SECTION_LABELS;

use super::failure::Failure;
use super::write::write_whole;
use crate::formats::Format;
use crate::formats::palette::SECTION_COLOURS;
use crate::formats::report::summary::Summary;
use crate::html::{csp_hash, escaped, href};

const PAGE: &str = include_str!("index.html");
const STYLE: &str = include_str!("index.css");
const SCRIPT: &str = include_str!("index.js");
/// What tells our index from a page of the user's.
const GENERATOR: &str = "<meta name=\"generator\" content=\"Anacrusis index\">";
/// Its name, and the one where the first is taken by a page of the user's.
const NAMES: [&str; 2] = ["index.html", "anacrusis-index.html"];
/// Size of a picture of the sections, pixels.
const PICTURE: (f64, f64) = (180.0, 16.0);
const TAKES: &str = "a String takes any text";

/// A line of the index.
struct Row {
    /// Where the report is, from the index; `None` where there is none.
    link: Option<String>,
    /// What is shown: the way from the index without the suffix, or the input's own name.
    name: String,
    summary: Option<Summary>,
    /// Why it failed, if it did.
    failure: Option<String>,
}

/// Writes the index of a folder and returns its path.
///
/// # Errors
/// What the system says.
pub(super) fn write(folder: &Path, failures: &[Failure]) -> io::Result<PathBuf> {
    std::fs::create_dir_all(folder)?;
    let path = NAMES
        .iter()
        .map(|name| folder.join(name))
        .find(|path| is_ours(path))
        .ok_or_else(|| io::Error::new(io::ErrorKind::AlreadyExists, format!("{} are there and not ours", NAMES.join(" and "))))?;
    let mut rows = rows(folder, failures)?;
    rows.sort_by(|a, b| a.name.cmp(&b.name));
    write_whole(&path, page(folder, &rows).as_bytes())?;
    Ok(path)
}

/// True where there is no such file, or one that an earlier run wrote.
fn is_ours(path: &Path) -> bool {
    match std::fs::read(path) {
        Ok(bytes) => String::from_utf8_lossy(&bytes).contains(GENERATOR),
        Err(error) => error.kind() == io::ErrorKind::NotFound,
    }
}

fn rows(folder: &Path, failures: &[Failure]) -> io::Result<Vec<Row>> {
    let mut reports = Vec::new();
    find_reports(folder, &mut reports)?;
    let failure_of = |path: &Path| failures.iter().find(|failure| failure.report.as_deref() == Some(path)).map(|f| f.reason.clone());
    let mut rows = Vec::new();
    for path in &reports {
        let Some(summary) = Summary::read(path)? else { continue };
        let (below, name) = (below(folder, path), name_below(folder, path, &summary.name));
        let failure = summary.ended_by.clone().or_else(|| failure_of(path));
        rows.push(Row { link: Some(below), name, summary: Some(summary), failure });
    }
    for failure in failures {
        let is_listed = failure.report.as_ref().is_some_and(|path| reports.contains(path));
        if !is_listed {
            let file_name = failure.path.file_name().map_or_else(|| failure.name.clone(), |name| name.to_string_lossy().into_owned());
            let name = failure.report.as_ref().map_or_else(|| failure.name.clone(), |report| name_below(folder, report, &file_name));
            rows.push(Row { link: None, name, summary: None, failure: Some(failure.reason.clone()) });
        }
    }
    Ok(rows)
}

/// The way from the index to a report, `/` between its parts.
fn below(folder: &Path, report: &Path) -> String {
    report.strip_prefix(folder).unwrap_or(report).to_string_lossy().replace('\\', "/")
}

/// What a file is called in the index: where its report is, and its own name.
fn name_below(folder: &Path, report: &Path, file_name: &str) -> String {
    below(folder, report).rsplit_once('/').map_or_else(|| file_name.to_owned(), |(parent, _)| format!("{parent}/{file_name}"))
}

/// All reports below a folder. Links are not followed.
fn find_reports(folder: &Path, found: &mut Vec<PathBuf>) -> io::Result<()> {
    let suffix = format!(".{}", Format::Report.suffix());
    for entry in std::fs::read_dir(folder)? {
        let entry = entry?;
        let kind = entry.file_type()?;
        if kind.is_dir() {
            find_reports(&entry.path(), found)?;
        } else if kind.is_file() && entry.file_name().to_string_lossy().ends_with(&suffix) {
            found.push(entry.path());
        }
    }
    Ok(())
}

fn page(folder: &Path, rows: &[Row]) -> String {
    let (n_whole, n_failed) =
        (rows.iter().filter(|row| row.failure.is_none()).count(), rows.iter().filter(|row| row.failure.is_some()).count());
    let duration_sec: f64 = rows.iter().filter_map(|row| row.summary.as_ref()).map(|summary| summary.duration_sec).sum();
    let name = folder.canonicalize().ok().and_then(|path| Some(path.file_name()?.to_string_lossy().into_owned()));
    let policy = format!(
        "default-src 'none'; script-src {}; style-src {}; img-src data:; base-uri 'none'; form-action 'none'",
        csp_hash(SCRIPT),
        csp_hash(STYLE)
    );
    let mut failed = String::new();
    if n_failed > 0 {
        write!(failed, ", <strong class=\"failed\">{n_failed} failed</strong>").expect(TAKES);
    }
    let files = if n_whole == 1 { "1 file".to_owned() } else { format!("{n_whole} files") };
    let parts = [
        ("{{generator}}", GENERATOR.to_owned()),
        ("{{title}}", escaped(&name.unwrap_or_else(|| "Reports".to_owned()))),
        ("{{policy}}", policy),
        ("{{style}}", STYLE.to_owned()),
        ("{{counts}}", format!("{files}{failed}, {} of audio", clock(duration_sec))),
        ("{{legend}}", legend()),
        ("{{rows}}", rows.iter().map(table_row).collect()),
        ("{{script}}", SCRIPT.to_owned()),
    ];
    crate::html::filled(PAGE, &parts)
}

fn table_row(row: &Row) -> String {
    let summary = row.summary.as_ref();
    let name = match &row.link {
        Some(link) => format!("<a href=\"{}\">{}</a>", escaped(&href(link)), escaped(&row.name)),
        None => escaped(&row.name),
    };
    let cell = |value: f64, text: String| format!("<td class=\"number\" data-value=\"{value}\">{text}</td>");
    let unknown = || cell(-1.0, "\u{2013}".to_owned());
    let duration = summary.map_or_else(unknown, |s| cell(s.duration_sec, clock(s.duration_sec)));
    let tempo = summary.and_then(|s| s.tempo_bpm.map(|bpm| (bpm, s.other_bpm))).map_or_else(unknown, |(bpm, other)| {
        let other = other.map_or(String::new(), |other| format!(" <span class=\"doubt\" title=\"possible too\">or {other:.1}</span>"));
        cell(bpm, format!("{bpm:.1}{other}"))
    });
    let meter = summary.map(|s| s.beats_per_bar).filter(|&n| n > 0).map_or_else(unknown, |n| cell(f64::from(n), n.to_string()));
    let confidence =
        summary.filter(|s| s.n_beats > 0).map_or_else(unknown, |s| cell(s.confidence, format!("{:.0} %", 100.0 * s.confidence)));
    let sections = summary.map_or_else(String::new, picture);
    let n_sections = summary.map_or(-1.0, |s| s.sections.len() as f64);
    let (class, state) = match (&row.failure, summary.map(|s| s.warnings.join("; "))) {
        (Some(reason), _) => ("failed", format!("<strong>failed</strong> {}", escaped(reason))),
        (None, Some(warnings)) if !warnings.is_empty() => ("doubt", escaped(&warnings)),
        _ => ("done", "done".to_owned()),
    };
    let rank = ["failed", "doubt", "done"].iter().position(|&name| name == class).unwrap_or(0);
    format!(
        "<tr><th scope=\"row\">{name}</th>{duration}{tempo}{meter}{confidence}<td data-value=\"{n_sections}\">{sections}</td>\
         <td class=\"{class}\" data-value=\"{rank}\">{state}</td></tr>\n"
    )
}

/// The sections as blocks, with their names for those who cannot tell the colours.
fn picture(summary: &Summary) -> String {
    let (width, height) = PICTURE;
    if summary.sections.is_empty() || summary.duration_sec <= 0.0 {
        return "<span class=\"none\">none</span>".to_owned();
    }
    let x = |t_sec: f64| (t_sec / summary.duration_sec).clamp(0.0, 1.0) * width;
    let (mut blocks, mut words) = (String::new(), Vec::new());
    for (k, &(start_sec, label_idx)) in summary.sections.iter().enumerate() {
        let end_sec = summary.sections.get(k + 1).map_or(summary.duration_sec, |next| next.0);
        let (from, to) = (x(start_sec), x(end_sec));
        let idx = usize::from(label_idx).min(SECTION_LABELS.len() - 1);
        write!(blocks, "<rect x=\"{from:.1}\" width=\"{:.1}\" height=\"{height}\" fill=\"{}\"/>", to - from, SECTION_COLOURS[idx])
            .expect(TAKES);
        if k > 0 {
            write!(blocks, "<rect class=\"edge\" x=\"{from:.1}\" width=\"1\" height=\"{height}\"/>").expect(TAKES);
        }
        words.push(format!("{} {}", SECTION_LABELS[idx], clock(start_sec)));
    }
    let words = escaped(&words.join(", "));
    format!("<svg viewBox=\"0 0 {width} {height}\" width=\"{width}\" height=\"{height}\" role=\"img\"><title>{words}</title>{blocks}</svg>")
}

fn legend() -> String {
    let block = |(label, colour): (&&str, &&str)| {
        format!(
            "<li><svg viewBox=\"0 0 14 14\" width=\"14\" height=\"14\" aria-hidden=\"true\"><rect width=\"14\" height=\"14\" rx=\"3\" fill=\"{colour}\"/></svg>{label}</li>"
        )
    };
    SECTION_LABELS.iter().zip(&SECTION_COLOURS).map(block).collect()
}

/// `m:ss`, or `h:mm:ss`.
fn clock(t_sec: f64) -> String {
    let sec = t_sec.max(0.0).round() as u64;
    if sec >= 3600 { format!("{}:{:02}:{:02}", sec / 3600, sec / 60 % 60, sec % 60) } else { format!("{}:{:02}", sec / 60, sec % 60) }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::document::samples::with_sections;

    fn report(path: &Path, file: &str, ended_by: Option<&str>) {
        let mut analysis = with_sections(8, 0.5, 1);
        (analysis.file, analysis.ended_by) = (file.to_owned(), ended_by.map(str::to_owned));
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(path, Format::Report.render(&analysis)).unwrap();
    }

    fn failure(name: &str, report: PathBuf) -> Failure {
        Failure { name: name.to_owned(), reason: "is <empty>".to_owned(), path: PathBuf::from(name), report: Some(report) }
    }

    #[test]
    fn a_row_a_report_and_one_a_failure() {
        let folder = tempfile::tempdir().unwrap();
        report(&folder.path().join("a/ö 1.report.html"), "music/a/ö 1.wav", None);
        report(&folder.path().join("cut.report.html"), "cut.mp3", Some("ended early"));
        std::fs::write(folder.path().join("other.report.html"), "not ours").unwrap();
        let broken = failure("music/broken.wav", folder.path().join("b/broken.report.html"));
        let path = write(folder.path(), &[broken]).unwrap();
        assert_eq!(path, folder.path().join("index.html"));
        let page = std::fs::read_to_string(path).unwrap();
        assert_eq!(page.matches("<tr><th scope=\"row\">").count(), 3);
        for part in [
            "<a href=\"a/%C3%B6%201.report.html\">a/ö 1.wav</a>",
            "120.0",
            "<title>verse 0:02, chorus 0:06</title>",
            "<th scope=\"row\">b/broken.wav</th>",
            "is &lt;empty&gt;",
            "ended early",
            "1 file, <strong class=\"failed\">2 failed</strong>, 0:20 of audio",
        ] {
            assert!(page.contains(part), "{part}: {page}");
        }
        assert!(page.contains(&csp_hash(SCRIPT)) && page.contains(&csp_hash(STYLE)) && !page.contains("{{"));
        assert!(!page.contains("http:") && !page.contains("https:"));
    }

    #[test]
    fn it_is_written_again_and_a_page_of_the_users_stays() {
        let folder = tempfile::tempdir().unwrap();
        let first = write(folder.path(), &[]).unwrap();
        report(&folder.path().join("x.report.html"), "x.wav", None);
        assert_eq!(write(folder.path(), &[]).unwrap(), first);
        assert!(std::fs::read_to_string(&first).unwrap().contains("x.report.html"));
        std::fs::write(&first, "mine").unwrap();
        assert_eq!(write(folder.path(), &[]).unwrap(), folder.path().join("anacrusis-index.html"));
        assert_eq!(std::fs::read(&first).unwrap(), b"mine");
    }

    #[test]
    fn times_are_read_by_people() {
        assert_eq!([0.0, 59.6, 61.0, 3725.0].map(clock), ["0:00", "1:00", "1:01", "1:02:05"]);
    }
}
