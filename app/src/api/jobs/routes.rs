//! `/api/v1/jobs`: what can be asked of jobs. Server threads; whatever may wait for the disk is done on a thread that may.

use axum::Json;
use axum::body::Body;
use axum::extract::State;
use axum::http::{HeaderMap, HeaderValue, Request, StatusCode, header};
use axum::response::{IntoResponse, Response};
use clap::ValueEnum;
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};
use web::Progress;

use super::error::JobError;
use super::queue::Removed;
use super::record::{Job, JobOptions};
use super::roots::{RootError, resolve};
use super::{stream, upload};
use crate::api::Served;
use crate::api::body::file_body;
use crate::api::error::{ApiError, ErrorBody};
use crate::api::input::{At, json, media_type, query};
use crate::formats::Format;

/// Longest name of a file, characters.
const MAX_NAME_CHARS: usize = 255;

/// A file that lies on this machine.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct JobRequest {
    /// From one of the folders in `jobs.roots` on, or from the root of the file system on, and below one of them.
    pub path: String,
    /// How the beats are found.
    #[serde(default)]
    pub options: JobOptions,
}

/// What is said of an upload.
#[derive(Debug, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
pub struct UploadQuery {
    /// What the file is called; results bear its name.
    name: Option<String>,
    /// With the whole file known: better beats, no announce times.
    offline: Option<bool>,
    /// Tempi considered: `70:180`, BPM.
    bpm_range: Option<String>,
    /// Beats per bar, 2 to 7.
    meter: Option<u8>,
    /// The tempo, BPM.
    tempo: Option<f64>,
    /// What is said while it plays: `4 half;9.5 this-is-1`.
    hints: Option<String>,
}

/// Jobs.
#[derive(Debug, Serialize, ToSchema)]
pub struct JobsAnswer {
    /// The newest first.
    pub jobs: Vec<Job>,
    /// What results can be had in.
    pub formats: Vec<String>,
}

/// Analyse a file
///
/// Either its bytes are the body, with a type of `audio/...` or `application/octet-stream`, and the options stand in the address;
/// or the body is JSON that names a file below one of the folders in the setting `jobs.roots`.
#[utoipa::path(post, path = "/api/v1/jobs", tag = "jobs", params(UploadQuery),
    request_body(content((JobRequest = "application/json"), (Vec<u8> = "application/octet-stream"), (Vec<u8> = "audio/*"))), responses(
    (status = 201, description = "Taken in; the header Location says where it is", body = Job),
    (status = 400, description = "`body`: nothing, or no such JSON; `query`: no such options", body = ErrorBody),
    (status = 403, description = "`no_roots`, `outside`: the file may not be named", body = ErrorBody),
    (status = 404, description = "`not_found`: there is no such file", body = ErrorBody),
    (status = 413, description = "`too_large`: see `jobs.max_upload_mb`", body = ErrorBody),
    (status = 415, description = "`media_type`: neither sound nor JSON", body = ErrorBody),
    (status = 422, description = "`options`: a value that cannot be; `no_file`: a folder or a device", body = ErrorBody),
    (status = 429, description = "`full`: enough jobs wait", body = ErrorBody),
    (status = 503, description = "`elsewhere`: another program has the jobs; `disk`", body = ErrorBody),
))]
pub(in crate::api) async fn post(State(served): State<Served>, request: Request<Body>) -> Result<Response, ApiError> {
    let media_type = media_type(request.headers());
    let job = match media_type.as_str() {
        "application/json" => name_file(&served, request).await?,
        "application/octet-stream" => receive_file(&served, request).await?,
        sound if sound.starts_with("audio/") => receive_file(&served, request).await?,
        other => {
            let expected = "expected Content-Type: audio/..., application/octet-stream or application/json";
            return Err(ApiError::media_type(format_args!("{expected}, got {other:?}")));
        }
    };
    let location = [(header::LOCATION, format!("/api/v1/jobs/{}", job.id))];
    Ok((StatusCode::CREATED, location, Json(job)).into_response())
}

async fn name_file(served: &Served, request: Request<Body>) -> Result<Job, ApiError> {
    let JobRequest { path, options } = json(request).await?;
    options.engine().map_err(|message| ApiError::unprocessable("options", message))?;
    let jobs = served.api.jobs.clone();
    blocking(move || {
        let file = resolve(&jobs.config.roots, &path).map_err(|error| match error {
            RootError::NoRoots => ApiError::forbidden("no_roots", error),
            RootError::Outside(_) => ApiError::forbidden("outside", error),
            RootError::Missing(_) => ApiError::not_found(error),
            RootError::NoFile(_) => ApiError::unprocessable("no_file", error),
        })?;
        Ok(jobs.add_file(file, path, options)?)
    })
    .await
}

async fn receive_file(served: &Served, request: Request<Body>) -> Result<Job, ApiError> {
    let asked: UploadQuery = query(request.uri())?;
    let name = file_name(asked.name.as_deref().unwrap_or_default());
    let options = asked.options()?;
    options.engine().map_err(|message| ApiError::unprocessable("options", message))?;
    let (jobs, for_folder) = (served.api.jobs.clone(), served.api.jobs.clone());
    let folder = blocking(move || Ok(for_folder.upload_folder()?)).await?;
    let progress = request.extensions().get::<Progress>().cloned().unwrap_or_default();
    let (parts, body) = request.into_parts();
    let file = upload::receive(folder, &parts.headers, body, jobs.config.max_upload_bytes(), &progress).await?;
    blocking(move || Ok(jobs.add_upload(file, name, options)?)).await
}

impl UploadQuery {
    fn options(&self) -> Result<JobOptions, ApiError> {
        let range = |text: &str| -> Option<[f64; 2]> {
            let (min, max) = text.split_once(':')?;
            Some([min.trim().parse().ok()?, max.trim().parse().ok()?])
        };
        let bpm_range = match &self.bpm_range {
            None => None,
            Some(text) => Some(range(text).ok_or_else(|| ApiError::bad_request("query", "bpm_range: expected MIN:MAX, as in 70:180"))?),
        };
        let hints = self.hints.as_deref().unwrap_or_default().split(';').map(str::trim).filter(|hint| !hint.is_empty());
        let hints = hints.map(str::to_owned).collect();
        Ok(JobOptions { offline: self.offline.unwrap_or_default(), bpm_range, meter: self.meter, tempo: self.tempo, hints })
    }
}

/// The last part of a name, without what no name has; "upload" where nothing is left.
fn file_name(given: &str) -> String {
    let last = given.rsplit(['/', '\\']).next().unwrap_or_default();
    let name: String = last.chars().filter(|c| !c.is_control()).take(MAX_NAME_CHARS).collect();
    if matches!(name.trim(), "" | "." | "..") { "upload".to_owned() } else { name }
}

/// All jobs
#[utoipa::path(get, path = "/api/v1/jobs", tag = "jobs", responses(
    (status = 200, description = "Those that wait, run, and are kept", body = JobsAnswer),
    (status = 503, description = "`elsewhere`, `disk`", body = ErrorBody),
))]
pub(in crate::api) async fn list(State(served): State<Served>) -> Result<Json<JobsAnswer>, ApiError> {
    let jobs = served.api.jobs.clone();
    let jobs = blocking(move || Ok(jobs.list()?)).await?;
    Ok(Json(JobsAnswer { jobs, formats: Format::value_variants().iter().map(|&format| name_of(format)).collect() }))
}

/// One job
#[utoipa::path(get, path = "/api/v1/jobs/{id}", tag = "jobs", params(("id" = u64, Path, description = "Its number")), responses(
    (status = 200, description = "How far it is", body = Job),
    (status = 404, description = "`not_found`: no job has this number", body = ErrorBody),
    (status = 503, description = "`elsewhere`, `disk`", body = ErrorBody),
))]
pub(in crate::api) async fn get(State(served): State<Served>, At(id): At<String>) -> Result<Json<Job>, ApiError> {
    let (jobs, id) = (served.api.jobs.clone(), number(&id)?);
    blocking(move || Ok(jobs.get(id)?)).await.map(Json)
}

/// What a job says
///
/// Server-Sent Events: `beat` and `section` (types JobBeat and JobSection), each with an id; `progress` (JobProgress); and at last
/// `end` (Job). The header Last-Event-ID goes on after an id, also after a restart of the program: the same file gives the same beats.
#[utoipa::path(get, path = "/api/v1/jobs/{id}/events", tag = "jobs",
    params(("id" = u64, Path, description = "Its number"), ("Last-Event-ID" = Option<u64>, Header, description = "The id that was heard last")),
    responses(
    (status = 200, description = "To the end of the job", content_type = "text/event-stream", body = String),
    (status = 404, description = "`not_found`: no job has this number", body = ErrorBody),
    (status = 503, description = "`elsewhere`, `disk`", body = ErrorBody),
))]
pub(in crate::api) async fn follow(State(served): State<Served>, At(id): At<String>, headers: HeaderMap) -> Result<Response, ApiError> {
    let (jobs, id) = (served.api.jobs.clone(), number(&id)?);
    let run = blocking(move || Ok(jobs.follow(id)?)).await?;
    Ok(stream::events(run, stream::resume_at(&headers)).into_response())
}

/// Cancel or forget a job
///
/// One that waits or runs ends, and is kept as `cancelled`. One that is over is forgotten, with its results.
#[utoipa::path(delete, path = "/api/v1/jobs/{id}", tag = "jobs", params(("id" = u64, Path, description = "Its number")), responses(
    (status = 200, description = "It ends", body = Job),
    (status = 204, description = "It is forgotten"),
    (status = 404, description = "`not_found`: no job has this number", body = ErrorBody),
    (status = 503, description = "`elsewhere`, `disk`", body = ErrorBody),
))]
pub(in crate::api) async fn delete(State(served): State<Served>, At(id): At<String>) -> Result<Response, ApiError> {
    let (jobs, id) = (served.api.jobs.clone(), number(&id)?);
    Ok(match blocking(move || Ok(jobs.remove(id)?)).await? {
        Removed::Cancelled(job) => Json(*job).into_response(),
        Removed::Forgotten => StatusCode::NO_CONTENT.into_response(),
    })
}

/// A job's result
///
/// In every format of `anacrusis analyze`, the same bytes.
#[utoipa::path(get, path = "/api/v1/jobs/{id}/result/{format}", tag = "jobs",
    params(("id" = u64, Path, description = "Its number"), ("format" = String, Path, description = "One of `formats` of the list of jobs")),
    responses(
    (status = 200, description = "The file", content_type = "application/octet-stream", body = Vec<u8>),
    (status = 404, description = "`not_found`: no such job or format", body = ErrorBody),
    (status = 409, description = "`no_results`: not done yet, failed, or cancelled", body = ErrorBody),
    (status = 503, description = "`elsewhere`, `disk`", body = ErrorBody),
))]
pub(in crate::api) async fn result(State(served): State<Served>, At((id, format)): At<(String, String)>) -> Result<Response, ApiError> {
    let (jobs, id) = (served.api.jobs.clone(), number(&id)?);
    let known = Format::value_variants().iter().copied().find(|&known| name_of(known) == format);
    let Some(format) = known else {
        let names: Vec<String> = Format::value_variants().iter().map(|&format| name_of(format)).collect();
        return Err(ApiError::not_found(format_args!("expected a format of {}, got {format:?}", names.join(", "))));
    };
    let (path, job) = blocking(move || Ok(jobs.result(id, format.suffix())?)).await?;
    let (body, n_bytes) = file_body(path).await.map_err(|error| io_error("read the result", &error))?;
    let stem = job.name.rsplit(['/', '\\']).next().and_then(|name| name.rsplit_once('.')).map_or(job.name.as_str(), |(stem, _)| stem);
    let mut response = body.into_response();
    let headers = response.headers_mut();
    headers.insert(header::CONTENT_TYPE, HeaderValue::from_static(format.media_type()));
    headers.insert(header::CONTENT_LENGTH, HeaderValue::from(n_bytes));
    headers.insert(header::CONTENT_DISPOSITION, disposition(format, &format!("{stem}.{}", format.suffix())));
    if matches!(format, Format::Report | Format::Svg) {
        // A page of its own with no rights here: it bears what a stranger's file says.
        headers.insert(header::CONTENT_SECURITY_POLICY, HeaderValue::from_static(PAGE_POLICY));
    }
    Ok(response)
}

/// What a report may do: run its own script and offer downloads, as nobody.
const PAGE_POLICY: &str = "sandbox allow-scripts allow-downloads; default-src 'none'; script-src 'unsafe-inline'; style-src 'unsafe-inline'; \
                           img-src data: blob:; media-src data: blob:; frame-ancestors 'none'; base-uri 'none'; form-action 'none'";

/// Pages are shown, everything else is kept; under a name that fits a header.
fn disposition(format: Format, name: &str) -> HeaderValue {
    let kind = if matches!(format, Format::Report | Format::Svg) { "inline" } else { "attachment" };
    let plain: String = name.chars().map(|c| if c.is_ascii_alphanumeric() || "._- ".contains(c) { c } else { '_' }).collect();
    HeaderValue::from_str(&format!("{kind}; filename=\"{plain}\"")).unwrap_or(HeaderValue::from_static("attachment"))
}

/// What `--format` calls it.
fn name_of(format: Format) -> String {
    format.to_possible_value().map(|value| value.get_name().to_owned()).unwrap_or_default()
}

/// The number in an address.
fn number(text: &str) -> Result<u64, ApiError> {
    text.parse()
        .map_err(|_| ApiError::not_found(format_args!("expected the number of a job, got {:?}", text.chars().take(40).collect::<String>())))
}

/// Does what may wait for the disk where nobody waits for it.
pub(in crate::api) async fn blocking<T: Send + 'static>(
    work: impl FnOnce() -> Result<T, ApiError> + Send + 'static,
) -> Result<T, ApiError> {
    let done = tokio::task::spawn_blocking(work).await;
    done.unwrap_or_else(|_| Err(ApiError::unavailable("ours", "an error of ours; please report it")))
}

/// The disk refuses.
pub(in crate::api) fn io_error(what: &str, error: &std::io::Error) -> ApiError {
    ApiError::unavailable("disk", format_args!("cannot {what}: {error}"))
}

impl From<JobError> for ApiError {
    fn from(error: JobError) -> Self {
        match &error {
            JobError::Store(super::store::StoreError::Elsewhere(_)) => Self::unavailable("elsewhere", error),
            JobError::Store(_) | JobError::Io { .. } => Self::unavailable("disk", error),
            JobError::Missing(_) => Self::not_found(error),
            JobError::Full(_) => Self::too_many("full", error),
            JobError::NoResults(_) => Self::conflict("no_results", error),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_is_the_last_part_and_nothing_odd() {
        let given = ["a/b/song.wav", "C:\\x\\song.wav", "", "..", "x/..", "so\nng\u{0}.wav", "ä ö.flac"];
        assert_eq!(given.map(file_name), ["song.wav", "song.wav", "upload", "upload", "upload", "song.wav", "ä ö.flac"]);
        assert_eq!(file_name(&"x".repeat(1_000)).len(), MAX_NAME_CHARS);
        assert_eq!(disposition(Format::Csv, "a\"b\r\nc.csv"), "attachment; filename=\"a_b__c.csv\"");
        assert_eq!(disposition(Format::Report, "ä.report.html"), "inline; filename=\"_.report.html\"");
    }

    #[test]
    fn options_in_an_address_are_those_of_a_body() {
        let uri = "/api/v1/jobs?offline=false&bpm_range=70:180&meter=3&hints=4%20half;9.5%20this-is-1&token=x".parse().unwrap();
        let options = query::<UploadQuery>(&uri).unwrap().options().unwrap();
        let expected = JobOptions {
            bpm_range: Some([70.0, 180.0]),
            meter: Some(3),
            hints: vec!["4 half".to_owned(), "9.5 this-is-1".to_owned()],
            ..JobOptions::default()
        };
        assert_eq!(options, expected);
        let bad = "/api/v1/jobs?bpm_range=70-180".parse().unwrap();
        assert_eq!(query::<UploadQuery>(&bad).unwrap().options().unwrap_err().code(), "query");
        let bad = "/api/v1/jobs?meter=many".parse().unwrap();
        assert_eq!(query::<UploadQuery>(&bad).unwrap_err().code(), "query");
    }
}
