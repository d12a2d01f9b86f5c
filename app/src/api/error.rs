//! Why a request is not met, as a value: status, a word for programs, a sentence for people. Server threads.

use axum::http::{HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use serde::Serialize;
use utoipa::ToSchema;

/// The body of every answer that is an error.
#[derive(Debug, Serialize, ToSchema)]
pub struct ErrorBody {
    /// What went wrong.
    pub error: ErrorWords,
}

/// What went wrong.
#[derive(Debug, Serialize, ToSchema)]
pub struct ErrorWords {
    /// One word for programs.
    pub code: String,
    /// For people: what was expected, and what came.
    pub message: String,
}

/// Why a request is not met.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ApiError {
    status: StatusCode,
    code: &'static str,
    message: String,
    /// Seconds after which to try again.
    retry_sec: Option<u32>,
}

impl ApiError {
    fn new(status: StatusCode, code: &'static str, message: impl ToString) -> Self {
        Self { status, code, message: message.to_string(), retry_sec: None }
    }

    /// 400: what came cannot be read.
    pub fn bad_request(code: &'static str, message: impl ToString) -> Self {
        Self::new(StatusCode::BAD_REQUEST, code, message)
    }

    /// 403: not for this API.
    pub fn forbidden(code: &'static str, message: impl ToString) -> Self {
        Self::new(StatusCode::FORBIDDEN, code, message)
    }

    /// 404: there is no such thing.
    pub fn not_found(message: impl ToString) -> Self {
        Self::new(StatusCode::NOT_FOUND, "not_found", message)
    }

    /// 409: not as things are now.
    pub fn conflict(code: &'static str, message: impl ToString) -> Self {
        Self::new(StatusCode::CONFLICT, code, message)
    }

    /// 413: more than is taken.
    pub fn too_large(message: impl ToString) -> Self {
        Self::new(StatusCode::PAYLOAD_TOO_LARGE, "too_large", message)
    }

    /// 415: another kind of body was expected.
    pub fn media_type(message: impl ToString) -> Self {
        Self::new(StatusCode::UNSUPPORTED_MEDIA_TYPE, "media_type", message)
    }

    /// 422: it can be read, and says something that cannot be.
    pub fn unprocessable(code: &'static str, message: impl ToString) -> Self {
        Self::new(StatusCode::UNPROCESSABLE_ENTITY, code, message)
    }

    /// 429: too much at once.
    pub fn too_many(code: &'static str, message: impl ToString) -> Self {
        Self { retry_sec: Some(1), ..Self::new(StatusCode::TOO_MANY_REQUESTS, code, message) }
    }

    /// 503: the system, or another program, does not let us now.
    pub fn unavailable(code: &'static str, message: impl ToString) -> Self {
        Self { retry_sec: Some(5), ..Self::new(StatusCode::SERVICE_UNAVAILABLE, code, message) }
    }

    /// The word for programs.
    pub fn code(&self) -> &'static str {
        self.code
    }

    /// The status.
    pub fn status(&self) -> StatusCode {
        self.status
    }
}

impl IntoResponse for ApiError {
    fn into_response(self) -> Response {
        let mut response = web::api_error(self.status, self.code, &self.message);
        if let Some(retry_sec) = self.retry_sec {
            response.headers_mut().insert(header::RETRY_AFTER, HeaderValue::from(retry_sec));
        }
        response
    }
}
