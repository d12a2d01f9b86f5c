//! `GET /api/v1/state`: what holds now, and where it comes from. Server threads.

use axum::Json;
use axum::extract::State;
use serde::Serialize;
use utoipa::ToSchema;
use web::message;

use super::Served;
use crate::live::listen::InputReport;

/// Where the music comes from.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, ToSchema)]
#[serde(rename_all = "lowercase")]
pub enum SourceKind {
    /// An input of ours.
    Live,
    /// A plugin's feed.
    Bridge,
    /// A recorded session.
    Replay,
    /// Nowhere: files alone are analysed.
    None,
}

/// What holds now.
#[derive(Debug, Serialize, ToSchema)]
pub struct StateAnswer {
    /// Which start of the server this is, as the WebSocket's greeting says.
    pub session: String,
    /// Where the music comes from.
    pub source: SourceAnswer,
    /// As the WebSocket's messages of the type `state`, without bands.
    pub state: message::State,
}

/// Where the music comes from.
#[derive(Debug, Serialize, ToSchema)]
pub struct SourceAnswer {
    /// Which kind.
    pub kind: SourceKind,
    /// In words; empty where `input` says it.
    pub description: String,
    /// Whether it takes hints.
    pub can_hint: bool,
    /// How the input fares; null where it is none of ours.
    pub input: Option<InputReport>,
}

/// What holds now
#[utoipa::path(get, path = "/api/v1/state", tag = "live", responses(
    (status = 200, description = "What holds now", body = StateAnswer),
))]
pub(super) async fn get(State(served): State<Served>) -> Json<StateAnswer> {
    let (session, view) = served.log.now();
    let api = &served.api;
    let source = SourceAnswer {
        kind: api.source,
        description: api.description.clone(),
        can_hint: api.hints.is_open(),
        input: api.input.as_ref().map(|input| input.read()),
    };
    Json(StateAnswer { session, source, state: message::State::new(&view, false) })
}
