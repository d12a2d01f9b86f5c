//! `GET /api/v1/timeline`: the events so far, page by page. Server threads.

use axum::Json;
use axum::extract::State;
use axum::http::Uri;
use outputs::event::Event;
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};

use super::Served;
use super::error::{ApiError, ErrorBody};
use super::input::query;

/// Events of one answer where nobody says how many.
const DEFAULT_LIMIT: usize = 1_000;

/// Which events.
#[derive(Debug, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
pub struct TimelineQuery {
    /// Number of the first one: 0, or `next` of the answer before.
    #[serde(default)]
    since: u64,
    /// At most so many; 1,000 where it is not said, 16,384 at the most.
    limit: Option<usize>,
}

/// Some of the events.
#[derive(Debug, Serialize, ToSchema)]
pub struct TimelineAnswer {
    /// Which start of the server numbered them; in another one numbers begin at 0 again.
    pub session: String,
    /// What to ask for next.
    pub next: u64,
    /// Whether older ones that were asked for are kept no more.
    pub truncated: bool,
    /// In the order in which they were said: ahead of time.
    pub events: Vec<NumberedEvent>,
}

/// One event, as the WebSocket has it.
#[derive(Debug, Serialize, ToSchema)]
pub struct NumberedEvent {
    /// Rising by 1.
    pub seq: u64,
    /// The event.
    #[serde(flatten)]
    pub event: Event,
}

/// The timeline so far
///
/// Beats, sections, approaches and locks, as the WebSocket says them. The last 16,384 are kept.
#[utoipa::path(get, path = "/api/v1/timeline", tag = "live", params(TimelineQuery), responses(
    (status = 200, description = "Events from `since` on", body = TimelineAnswer),
    (status = 400, description = "`query`: no such numbers", body = ErrorBody),
))]
pub(super) async fn get(State(served): State<Served>, uri: Uri) -> Result<Json<TimelineAnswer>, ApiError> {
    let TimelineQuery { since, limit } = query(&uri)?;
    let page = served.log.page(since, limit.unwrap_or(DEFAULT_LIMIT).min(web::MAX_EVENTS));
    let events = page.events.into_iter().map(|(seq, event)| NumberedEvent { seq, event }).collect();
    Ok(Json(TimelineAnswer { session: page.session, next: page.next, truncated: page.truncated, events }))
}
