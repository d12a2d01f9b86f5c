//! What comes with a request, read with errors that say what was expected: JSON bodies, questions in the address. Server threads.

use axum::body::{Body, to_bytes};
use axum::extract::{FromRequestParts, Path, Query};
use axum::http::request::Parts;
use axum::http::{HeaderMap, Request, Uri, header};
use serde::de::DeserializeOwned;

use super::error::ApiError;

/// Longest JSON body, bytes.
const MAX_JSON_BYTES: usize = 65_536;

/// The media type of a body without its parameters, in lower case; empty = not said.
pub(super) fn media_type(headers: &HeaderMap) -> String {
    let given = headers.get(header::CONTENT_TYPE).and_then(|value| value.to_str().ok()).unwrap_or_default();
    given.split(';').next().unwrap_or_default().trim().to_ascii_lowercase()
}

/// Reads a JSON body.
///
/// The type has to be said: a page from elsewhere cannot do that without asking first, which is refused.
pub(super) async fn json<T: DeserializeOwned>(request: Request<Body>) -> Result<T, ApiError> {
    let given = media_type(request.headers());
    if given != "application/json" {
        return Err(ApiError::media_type(format_args!("expected Content-Type: application/json, got {given:?}")));
    }
    let length = request.headers().get(header::CONTENT_LENGTH).and_then(|value| value.to_str().ok()?.parse::<u64>().ok());
    let too_large = || ApiError::too_large(format_args!("expected at most {MAX_JSON_BYTES} bytes of JSON"));
    if length.is_some_and(|length| length > MAX_JSON_BYTES as u64) {
        return Err(too_large());
    }
    let body = to_bytes(request.into_body(), MAX_JSON_BYTES).await.map_err(|_| too_large())?;
    serde_json::from_slice(&body).map_err(|error| ApiError::bad_request("body", format_args!("the body is not what was expected: {error}")))
}

/// What an address names.
pub(super) struct At<T>(pub(super) T);

impl<T: DeserializeOwned + Send, S: Send + Sync> FromRequestParts<S> for At<T> {
    type Rejection = ApiError;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, ApiError> {
        let Path(value) = Path::from_request_parts(parts, state).await.map_err(|error| ApiError::bad_request("path", error.body_text()))?;
        Ok(Self(value))
    }
}

/// Reads the questions in an address.
pub(super) fn query<T: DeserializeOwned>(uri: &Uri) -> Result<T, ApiError> {
    let parsed = Query::try_from_uri(uri).map(|Query(value)| value);
    parsed.map_err(|error| ApiError::bad_request("query", error.body_text()))
}

#[cfg(test)]
mod tests {
    use super::*;
    use axum::http::HeaderValue;

    #[test]
    fn a_media_type_has_no_parameters_and_one_case() {
        let of = |text: &'static str| media_type(&HeaderMap::from_iter([(header::CONTENT_TYPE, HeaderValue::from_static(text))]));
        assert_eq!([of("Application/JSON; charset=utf-8"), of("audio/wav"), of("")], ["application/json", "audio/wav", ""]);
        assert_eq!(media_type(&HeaderMap::new()), "");
    }
}
