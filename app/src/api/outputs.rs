//! `/api/v1/outputs`: how the outputs fare, and their offsets. Server threads.

use axum::Json;
use axum::body::Body;
use axum::extract::State;
use axum::http::Request;
use outputs::status::OutputStatus;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::Served;
use super::error::{ApiError, ErrorBody};
use super::input::{At, json};

/// The outputs.
#[derive(Debug, Serialize, ToSchema)]
pub struct OutputsAnswer {
    /// In the order of their names.
    pub outputs: Vec<OutputStatus>,
}

/// What is to change.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct OutputChange {
    /// Everything this much later, ms; negative: earlier.
    #[schema(minimum = -500, maximum = 500)]
    pub offset_ms: f64,
}

/// The outputs and how they fare
#[utoipa::path(get, path = "/api/v1/outputs", tag = "outputs", responses(
    (status = 200, description = "All that are on", body = OutputsAnswer),
))]
pub(super) async fn list(State(served): State<Served>) -> Json<OutputsAnswer> {
    Json(OutputsAnswer { outputs: served.api.roster.statuses() })
}

/// Change an output's offset
///
/// It holds for this run, from the next beat on: the settings file stays as it is.
#[utoipa::path(patch, path = "/api/v1/outputs/{id}", tag = "outputs", request_body = OutputChange,
    params(("id" = String, Path, description = "`id` of an output")), responses(
    (status = 200, description = "Changed", body = OutputStatus),
    (status = 400, description = "`body`: no such JSON", body = ErrorBody),
    (status = 404, description = "`not_found`: no output has this id", body = ErrorBody),
    (status = 422, description = "`offset_ms`: not -500 to 500", body = ErrorBody),
))]
pub(super) async fn patch(
    State(served): State<Served>,
    At(id): At<String>,
    request: Request<Body>,
) -> Result<Json<OutputStatus>, ApiError> {
    let OutputChange { offset_ms } = json(request).await?;
    let roster = &served.api.roster;
    let changed = roster.set_offset_ms(&id, offset_ms).map_err(|error| ApiError::unprocessable("offset_ms", error))?;
    changed.map(Json).ok_or_else(|| {
        let ids: Vec<String> = roster.statuses().into_iter().map(|status| status.id).collect();
        ApiError::not_found(format_args!("no output has the id {id:?}; there are {}", ids.join(", ")))
    })
}
