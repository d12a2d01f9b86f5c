//! `/api/v1/sessions`: recorded sessions, and recording while it runs. Server threads; the recording itself is an output like others.

use std::fs;
use std::io;
use std::path::{Path as FilePath, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::UNIX_EPOCH;

use axum::Json;
use axum::body::Body;
use axum::extract::State;
use axum::http::{HeaderValue, Request, StatusCode, header};
use axum::response::{IntoResponse, Response};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::Served;
use super::body::file_body;
use super::error::{ApiError, ErrorBody};
use super::input::{At, json};
use super::jobs::routes::{blocking, io_error};
use super::state::SourceKind;
use crate::live::errand::{Errand, Errands};

/// What sessions end in.
const SUFFIX: &str = ".jsonl";
/// Longest name, bytes, with its suffix.
const MAX_NAME_BYTES: usize = 100;

/// The recorded sessions of this user.
pub struct Sessions {
    folder: PathBuf,
    errands: Errands,
    recording: Mutex<Option<String>>,
    /// One change at a time.
    changing: tokio::sync::Mutex<()>,
}

/// One session.
#[derive(Debug, Serialize, ToSchema)]
pub struct SessionAnswer {
    /// What it is asked for by.
    pub name: String,
    /// Its length now, bytes.
    pub n_bytes: u64,
    /// When it was last written to, ms since the Unix epoch.
    pub modified_unix_ms: u64,
    /// Whether it is being recorded.
    pub is_recording: bool,
}

/// The sessions.
#[derive(Debug, Serialize, ToSchema)]
pub struct SessionsAnswer {
    /// The newest first.
    pub sessions: Vec<SessionAnswer>,
}

/// What to record into.
#[derive(Debug, Default, Deserialize, ToSchema)]
#[serde(deny_unknown_fields, default)]
pub struct SessionStart {
    /// Letters, digits, `.`, `_` and `-`; after the clock where it is not said. `.jsonl` is added.
    pub name: Option<String>,
}

/// What is to change.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct SessionChange {
    /// False: it is recorded no more.
    pub recording: bool,
}

impl Sessions {
    /// Those in a folder, which need not exist.
    pub fn new(folder: PathBuf, errands: Errands) -> Self {
        Self { folder, errands, recording: Mutex::default(), changing: tokio::sync::Mutex::default() }
    }

    fn recording(&self) -> Option<String> {
        self.recording.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    fn set_recording(&self, name: Option<String>) {
        *self.recording.lock().unwrap_or_else(PoisonError::into_inner) = name;
    }

    fn path(&self, name: &str) -> Result<PathBuf, ApiError> {
        if is_name(name) { Ok(self.folder.join(name)) } else { Err(missing(name)) }
    }

    fn describe(&self, name: &str) -> Result<SessionAnswer, ApiError> {
        let path = self.path(name)?;
        let metadata = fs::symlink_metadata(&path).ok().filter(fs::Metadata::is_file).ok_or_else(|| missing(name))?;
        let modified = metadata.modified().ok().and_then(|at| at.duration_since(UNIX_EPOCH).ok()).unwrap_or_default();
        Ok(SessionAnswer {
            name: name.to_owned(),
            n_bytes: metadata.len(),
            modified_unix_ms: u64::try_from(modified.as_millis()).unwrap_or(u64::MAX),
            is_recording: self.recording().as_deref() == Some(name),
        })
    }

    fn list(&self) -> io::Result<Vec<SessionAnswer>> {
        let entries = match fs::read_dir(&self.folder) {
            Ok(entries) => entries,
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Vec::new()),
            Err(error) => return Err(error),
        };
        let names = entries.flatten().filter_map(|entry| entry.file_name().into_string().ok());
        // What goes meanwhile is left out.
        let mut sessions: Vec<_> = names.filter_map(|name| self.describe(&name).ok()).collect();
        sessions.sort_by(|a, b| (b.modified_unix_ms, &b.name).cmp(&(a.modified_unix_ms, &a.name)));
        Ok(sessions)
    }
}

/// Whether a session can be called so: nothing that leads elsewhere, nothing that hides.
fn is_name(name: &str) -> bool {
    let stem = name.strip_suffix(SUFFIX).unwrap_or_default();
    let is_plain = name.bytes().all(|b| b.is_ascii_alphanumeric() || b"._-".contains(&b));
    !stem.is_empty() && !name.starts_with('.') && is_plain && name.len() <= MAX_NAME_BYTES
}

fn missing(name: &str) -> ApiError {
    ApiError::not_found(format_args!("there is no session {:?}", name.chars().take(MAX_NAME_BYTES).collect::<String>()))
}

/// The name for a new session.
fn new_name(asked: Option<&str>) -> Result<String, ApiError> {
    let clock = || format!("session-{}", UNIX_EPOCH.elapsed().unwrap_or_default().as_secs());
    let mut name = asked.map_or_else(clock, str::to_owned);
    if !name.ends_with(SUFFIX) {
        name.push_str(SUFFIX);
    }
    let expected = "expected at most 94 letters, digits, '.', '_' and '-', not a '.' first";
    if is_name(&name) { Ok(name) } else { Err(ApiError::unprocessable("name", format_args!("name: {expected}"))) }
}

/// Recorded sessions
#[utoipa::path(get, path = "/api/v1/sessions", tag = "sessions", responses(
    (status = 200, description = "Those of this user", body = SessionsAnswer),
    (status = 503, description = "`disk`", body = ErrorBody),
))]
pub(super) async fn list(State(served): State<Served>) -> Result<Json<SessionsAnswer>, ApiError> {
    let sessions = Arc::clone(&served.api.sessions);
    let sessions = blocking(move || sessions.list().map_err(|error| io_error("list the sessions", &error))).await?;
    Ok(Json(SessionsAnswer { sessions }))
}

/// Record from now on
#[utoipa::path(post, path = "/api/v1/sessions", tag = "sessions", request_body = SessionStart, responses(
    (status = 201, description = "It is recorded", body = SessionAnswer),
    (status = 400, description = "`body`: no such JSON", body = ErrorBody),
    (status = 409, description = "`recording`: one is recorded already; `exists`: there is one of this name; `no_source`: nothing is heard", body = ErrorBody),
    (status = 422, description = "`name`: a name that cannot be", body = ErrorBody),
    (status = 503, description = "`disk`, `ending`", body = ErrorBody),
))]
pub(super) async fn start(State(served): State<Served>, request: Request<Body>) -> Result<Response, ApiError> {
    let SessionStart { name } = json(request).await?;
    let name = new_name(name.as_deref())?;
    if served.api.source == SourceKind::None {
        return Err(ApiError::conflict("no_source", "nothing is heard here: there is nothing to record"));
    }
    let sessions = Arc::clone(&served.api.sessions);
    let _alone = sessions.changing.lock().await;
    if let Some(other) = sessions.recording() {
        return Err(ApiError::conflict("recording", format_args!("{other} is recorded already")));
    }
    let path = sessions.path(&name)?;
    let (folder, file) = (sessions.folder.clone(), path.clone());
    blocking(move || prepare(&folder, &file)).await?;
    let asked = sessions.errands.ask(|answer| Errand::Record { path, answer }).await;
    asked.map_err(|message| ApiError::unavailable("ending", message))?;
    sessions.set_recording(Some(name.clone()));
    let location = [(header::LOCATION, format!("/api/v1/sessions/{name}"))];
    // The file is made by the output's thread, a moment later.
    let begun = sessions.describe(&name);
    let answer = begun.unwrap_or(SessionAnswer { name, n_bytes: 0, modified_unix_ms: 0, is_recording: true });
    Ok((StatusCode::CREATED, location, Json(answer)).into_response())
}

/// Makes the folder; refuses a file that exists.
fn prepare(folder: &FilePath, file: &FilePath) -> Result<(), ApiError> {
    fs::create_dir_all(folder).map_err(|error| io_error("make the folder for sessions", &error))?;
    if fs::symlink_metadata(file).is_ok() {
        let name = file.file_name().unwrap_or_default().to_string_lossy();
        return Err(ApiError::conflict("exists", format_args!("there is a session {name} already")));
    }
    Ok(())
}

/// Record no more
#[utoipa::path(patch, path = "/api/v1/sessions/{name}", tag = "sessions", request_body = SessionChange,
    params(("name" = String, Path, description = "Its name")), responses(
    (status = 200, description = "It is whole", body = SessionAnswer),
    (status = 400, description = "`body`: no such JSON", body = ErrorBody),
    (status = 404, description = "`not_found`: there is none of this name", body = ErrorBody),
    (status = 409, description = "`not_recording`: it is not recorded", body = ErrorBody),
    (status = 422, description = "`recording`: recording begins with POST, in a new session", body = ErrorBody),
    (status = 503, description = "`ending`", body = ErrorBody),
))]
pub(super) async fn change(
    State(served): State<Served>,
    At(name): At<String>,
    request: Request<Body>,
) -> Result<Json<SessionAnswer>, ApiError> {
    let SessionChange { recording } = json(request).await?;
    let sessions = Arc::clone(&served.api.sessions);
    if recording {
        return Err(ApiError::unprocessable("recording", "expected false: recording begins with POST /api/v1/sessions, in a new session"));
    }
    let _alone = sessions.changing.lock().await;
    if sessions.recording().as_deref() != Some(name.as_str()) {
        sessions.describe(&name)?;
        return Err(ApiError::conflict("not_recording", format_args!("{name} is not recorded")));
    }
    let asked = sessions.errands.ask(|answer| Errand::StopRecording { answer }).await;
    asked.map_err(|message| ApiError::unavailable("ending", message))?;
    sessions.set_recording(None);
    sessions.describe(&name).map(Json)
}

/// Download a session
#[utoipa::path(get, path = "/api/v1/sessions/{name}", tag = "sessions", params(("name" = String, Path, description = "Its name")), responses(
    (status = 200, description = "For `anacrusis replay`; one that is being recorded as it is now", content_type = "application/x-ndjson", body = String),
    (status = 404, description = "`not_found`: there is none of this name", body = ErrorBody),
    (status = 503, description = "`disk`", body = ErrorBody),
))]
pub(super) async fn get(State(served): State<Served>, At(name): At<String>) -> Result<Response, ApiError> {
    let sessions = Arc::clone(&served.api.sessions);
    let path = sessions.path(&name)?;
    let described = name.clone();
    blocking(move || sessions.describe(&described)).await?;
    let (body, n_bytes) = file_body(path).await.map_err(|error| io_error("read the session", &error))?;
    let mut response = body.into_response();
    let headers = response.headers_mut();
    headers.insert(header::CONTENT_TYPE, HeaderValue::from_static("application/x-ndjson"));
    headers.insert(header::CONTENT_LENGTH, HeaderValue::from(n_bytes));
    // Names have nothing in them that a header must not.
    headers.extend(HeaderValue::from_str(&format!("attachment; filename=\"{name}\"")).map(|value| (header::CONTENT_DISPOSITION, value)));
    Ok(response)
}

/// Delete a session
#[utoipa::path(delete, path = "/api/v1/sessions/{name}", tag = "sessions", params(("name" = String, Path, description = "Its name")), responses(
    (status = 204, description = "It is gone"),
    (status = 404, description = "`not_found`: there is none of this name", body = ErrorBody),
    (status = 409, description = "`recording`: it is being recorded", body = ErrorBody),
    (status = 503, description = "`disk`", body = ErrorBody),
))]
pub(super) async fn delete(State(served): State<Served>, At(name): At<String>) -> Result<StatusCode, ApiError> {
    let sessions = Arc::clone(&served.api.sessions);
    let _alone = sessions.changing.lock().await;
    // Asked before its file: that is made by the output's thread, a moment after the session began.
    if sessions.recording().as_deref() == Some(name.as_str()) {
        return Err(ApiError::conflict("recording", format_args!("{name} is being recorded")));
    }
    let removing = Arc::clone(&sessions);
    blocking(move || {
        removing.describe(&name)?;
        fs::remove_file(removing.path(&name)?).map_err(|error| io_error("delete the session", &error))
    })
    .await?;
    Ok(StatusCode::NO_CONTENT)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_lead_nowhere_else() {
        for good in ["a.jsonl", "set-1_2.jsonl", "a.b.jsonl"] {
            assert!(is_name(good), "{good}");
        }
        let long = format!("{}.jsonl", "x".repeat(95));
        for bad in
            ["", ".jsonl", "a", "a.json", "../a.jsonl", "a/b.jsonl", "..jsonl", ".a.jsonl", "a\\b.jsonl", "ä.jsonl", "a b.jsonl", &long]
        {
            assert!(!is_name(bad), "{bad}");
        }
        assert_eq!(new_name(Some("set")).unwrap(), "set.jsonl");
        assert_eq!(new_name(Some("set.jsonl")).unwrap(), "set.jsonl");
        assert!(is_name(&new_name(None).unwrap()));
        assert_eq!(new_name(Some("../x")).unwrap_err().code(), "name");
    }

    #[test]
    fn only_sessions_are_listed_and_links_are_none() {
        let folder = tempfile::tempdir().unwrap();
        let (to, _from) = std::sync::mpsc::channel();
        let sessions = Sessions::new(folder.path().join("sessions"), Errands::new(to));
        assert!(sessions.list().unwrap().is_empty(), "without a folder there are none");
        fs::create_dir(folder.path().join("sessions")).unwrap();
        for name in ["a.jsonl", "notes.txt", ".b.jsonl"] {
            fs::write(folder.path().join("sessions").join(name), b"xy").unwrap();
        }
        #[cfg(unix)]
        std::os::unix::fs::symlink("/etc/passwd", folder.path().join("sessions/link.jsonl")).unwrap();
        fs::create_dir(folder.path().join("sessions/folder.jsonl")).unwrap();
        let listed = sessions.list().unwrap();
        assert_eq!(listed.iter().map(|session| (session.name.as_str(), session.n_bytes)).collect::<Vec<_>>(), [("a.jsonl", 2)]);
        sessions.set_recording(Some("a.jsonl".to_owned()));
        assert!(sessions.describe("a.jsonl").unwrap().is_recording);
    }
}
