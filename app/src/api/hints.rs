//! `POST /api/v1/hints`: what a user says about the beat, to the analysis that runs. Server threads.

use axum::Json;
use axum::body::Body;
use axum::extract::State;
use axum::http::{Request, StatusCode};
use runtime_core::bus::hint::{Hint, HintParseError};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::Served;
use super::error::{ApiError, ErrorBody};
use super::input::json;
use crate::live::hint_desk::DeskError;

/// One word of the user.
#[derive(Debug, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct HintBody {
    /// tap, half, double, nudge MS, this-is-1, meter N|auto, range MIN:MAX|auto, tempo BPM|auto, hold on|off, or clear.
    #[schema(examples("nudge 20"))]
    pub hint: String,
}

/// Say something about the beat
///
/// It takes effect at the sample that is heard when it arrives. The words and their meaning: docs/hints.md.
#[utoipa::path(post, path = "/api/v1/hints", tag = "live", request_body = HintBody, responses(
    (status = 202, description = "Passed on, in the form in which it is understood", body = HintBody),
    (status = 400, description = "`body`: no such JSON; `hint`: no hint", body = ErrorBody),
    (status = 409, description = "`no_hints`: a feed, a recording or no source at all takes none; `not_open`: no input is open", body = ErrorBody),
    (status = 422, description = "`hint`: a hint that cannot be, as a meter of 9", body = ErrorBody),
    (status = 429, description = "`busy`: too many at once", body = ErrorBody),
))]
pub(super) async fn post(State(served): State<Served>, request: Request<Body>) -> Result<(StatusCode, Json<HintBody>), ApiError> {
    let HintBody { hint } = json(request).await?;
    let hint: Hint = hint.parse().map_err(|error: HintParseError| ApiError::bad_request("hint", shown(&error)))?;
    served.api.hints.say(hint).map_err(|error| match error {
        DeskError::Closed(_) => ApiError::conflict("no_hints", error),
        DeskError::NotOpen(_) => ApiError::conflict("not_open", error),
        DeskError::Unusable { .. } => ApiError::unprocessable("hint", error),
        DeskError::Full => ApiError::too_many("busy", error),
    })?;
    Ok((StatusCode::ACCEPTED, Json(HintBody { hint: hint.to_string() })))
}

/// The message with the start of what was given: it may be long.
fn shown(error: &HintParseError) -> String {
    let text = error.text.chars().take(100).collect();
    HintParseError { text, expected: error.expected }.to_string()
}
