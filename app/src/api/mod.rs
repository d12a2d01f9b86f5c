//! The HTTP API: what holds, what was said, hints, outputs, recordings, and the analysis of files as jobs. Assembled on the MAIN
//! THREAD, answered on the server's threads.
//!
//! ```text
//! web::WebOutput (guard: host, origin, token; limits) -> router -> state, timeline: web::Log, what the WebSocket's clients are told
//!                                                              -> hints: live::hint_desk -> audio thread
//!                                                              -> outputs: outputs::dial::Roster
//!                                                              -> sessions: live::errand -> main thread -> an output that records
//!                                                              -> jobs: threads of their own
//! ```
//! Routes and document are one: [`openapi`] lists what every handler says of itself, and a test asks the router for each of them.

mod body;
pub mod error;
pub mod hints;
mod input;
pub mod jobs;
pub mod openapi;
pub mod outputs;
pub mod sessions;
pub mod state;
pub mod timeline;

use std::sync::Arc;

use ::outputs::dial::Roster;
use axum::Router;
use axum::http::{Method, StatusCode, Uri};
use axum::response::Response;
use axum::routing::{MethodRouter, get, patch, post};
use web::Log;

use self::jobs::queue::Jobs;
use self::sessions::Sessions;
use self::state::SourceKind;
use crate::live::hint_desk::HintDesk;
use crate::live::listen::ReportCell;

/// What one run has to offer.
pub struct Api {
    /// Where the music comes from.
    pub source: SourceKind,
    /// In words, where that is no input of ours.
    pub description: String,
    /// How the input fares; `None` where it is none of ours.
    pub input: Option<ReportCell>,
    /// Where hints are given in.
    pub hints: HintDesk,
    /// The outputs.
    pub roster: Arc<Roster>,
    /// Recorded sessions.
    pub sessions: Arc<Sessions>,
    /// Files that are analysed.
    pub jobs: Arc<Jobs>,
}

/// What every handler has: the run, and what one server said so far.
#[derive(Clone)]
struct Served {
    api: Arc<Api>,
    log: Arc<Log>,
}

/// Every path with its methods, as the document has them.
fn routes() -> Vec<(&'static str, MethodRouter<Served>)> {
    vec![
        ("/api/v1/openapi.json", get(openapi::get)),
        ("/api/v1/state", get(state::get)),
        ("/api/v1/timeline", get(timeline::get)),
        ("/api/v1/hints", post(hints::post)),
        ("/api/v1/outputs", get(outputs::list)),
        ("/api/v1/outputs/{id}", patch(outputs::patch)),
        ("/api/v1/sessions", get(sessions::list).post(sessions::start)),
        ("/api/v1/sessions/{name}", get(sessions::get).patch(sessions::change).delete(sessions::delete)),
        ("/api/v1/jobs", get(jobs::routes::list).post(jobs::routes::post)),
        ("/api/v1/jobs/{id}", get(jobs::routes::get).delete(jobs::routes::delete)),
        ("/api/v1/jobs/{id}/events", get(jobs::routes::follow)),
        ("/api/v1/jobs/{id}/result/{format}", get(jobs::routes::result)),
    ]
}

/// The routes of a run, for a server that keeps what it says in `log`.
pub fn router(api: Arc<Api>, log: Arc<Log>) -> Router {
    let router = routes().into_iter().fold(Router::new(), |router, (path, methods)| router.route(path, methods));
    router.method_not_allowed_fallback(wrong_method).with_state(Served { api, log })
}

/// The answer's header says which methods there are.
async fn wrong_method(method: Method, uri: Uri) -> Response {
    let message = format!("{} is not asked with {method}; the header Allow says with what", uri.path());
    web::api_error(StatusCode::METHOD_NOT_ALLOWED, "method", &message)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_route_is_in_the_document_and_nothing_else() {
        let document = openapi::document();
        let mut routed: Vec<&str> = routes().into_iter().map(|(path, _)| path).collect();
        routed.sort_unstable();
        let mut described: Vec<&str> = document.paths.paths.keys().map(String::as_str).collect();
        described.sort_unstable();
        assert_eq!(routed, described);
    }
}
