//! What the server answers to: `/` with what the page needs, `/health`, `/schema` and `/ws`. Server threads.

use std::sync::Arc;

use axum::Router;
use axum::extract::State;
use axum::extract::ws::WebSocketUpgrade;
use axum::extract::ws::rejection::WebSocketUpgradeRejection;
use axum::http::{StatusCode, Uri, header};
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use serde::Serialize;
use tokio::sync::{mpsc, watch};

use crate::client;
use crate::guard::{is_api, refused, refused_in};
use crate::hub::Hub;
use crate::message::{SCHEMA, SCHEMA_VERSION};
use crate::server::Limits;
use crate::view;

/// Longest WebSocket message that is read at all, bytes. Longer than a request may be, so that most that are too long get an
/// answer and not an end.
const MAX_MESSAGE_BYTES: usize = 65_536;
/// Buffers of one client, bytes. Requests are short; answers go out one at a time.
const READ_BUFFER_BYTES: usize = 4_096;
const MAX_WRITE_BUFFER_BYTES: usize = 262_144;

/// What the pages need.
#[derive(Debug, Clone)]
pub(crate) struct Pages {
    pub(crate) hub: Arc<Hub>,
    pub(crate) limits: Limits,
    pub(crate) stop: watch::Receiver<bool>,
    /// What a stop waits for: clients hold on to it, and the routes themselves do not.
    pub(crate) alive: mpsc::WeakSender<()>,
}

/// The server's own routes.
pub(crate) fn routes(pages: Pages) -> Router {
    Router::new()
        .route("/", get(view::page))
        .route(&format!("{}{{*name}}", view::PREFIX), get(view::asset))
        .route("/health", get(health))
        .route("/schema", get(schema))
        .route("/ws", get(upgrade))
        .fallback(nothing)
        .with_state(pages)
}

/// How the server is, for whoever watches over it.
#[derive(Debug, Serialize)]
struct Health<'a> {
    v: u32,
    status: &'a str,
    program: &'a str,
    program_version: &'a str,
    session: &'a str,
    uptime_sec: f64,
    clients: usize,
    max_clients: usize,
    events: u64,
    states: u64,
    locked: Option<bool>,
}

async fn health(State(Pages { hub, .. }): State<Pages>) -> Response {
    let health = Health {
        v: SCHEMA_VERSION,
        status: "ok",
        program: "anacrusis",
        program_version: env!("CARGO_PKG_VERSION"),
        session: &hub.session,
        uptime_sec: hub.started.elapsed().as_secs_f64(),
        clients: hub.clients(),
        max_clients: hub.config.max_clients,
        events: hub.n_events(),
        states: hub.n_states(),
        locked: hub.is_locked(),
    };
    axum::Json(health).into_response()
}

async fn schema() -> Response {
    ([(header::CONTENT_TYPE, "application/schema+json")], SCHEMA).into_response()
}

async fn upgrade(State(pages): State<Pages>, upgrade: Result<WebSocketUpgrade, WebSocketUpgradeRejection>) -> Response {
    let Pages { hub, limits, stop, alive } = pages;
    let upgrade = match upgrade {
        Ok(upgrade) => upgrade,
        Err(rejection) => {
            let status = rejection.status();
            let message = format!("expected a WebSocket upgrade: {}", rejection.body_text());
            let mut response = refused(status, "upgrade", message);
            if status == StatusCode::BAD_REQUEST {
                *response.status_mut() = StatusCode::UPGRADE_REQUIRED;
                response.headers_mut().insert(header::UPGRADE, header::HeaderValue::from_static("websocket"));
            }
            return response;
        }
    };
    let Some(place) = hub.take_place() else {
        let message = format!("all {} places for clients are taken", hub.config.max_clients);
        return refused(StatusCode::SERVICE_UNAVAILABLE, "full", message);
    };
    upgrade
        .read_buffer_size(READ_BUFFER_BYTES)
        .write_buffer_size(0)
        .max_write_buffer_size(MAX_WRITE_BUFFER_BYTES)
        .max_message_size(MAX_MESSAGE_BYTES)
        .max_frame_size(MAX_MESSAGE_BYTES)
        .on_upgrade(move |socket| async move {
            let alive = alive.upgrade();
            client::serve(socket, hub, limits, stop, place).await;
            drop(alive);
        })
}

async fn nothing(uri: Uri) -> Response {
    let is_api = is_api(uri.path());
    let expected =
        if is_api { "there is nothing here; GET /api/v1/openapi.json says what there is" } else { "expected /, /health, /schema or /ws" };
    refused_in(is_api, StatusCode::NOT_FOUND, "not_found", expected.to_owned())
}
