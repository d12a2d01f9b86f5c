//! What every request passes through: who may ask, for how long, and the headers that every answer has. Server threads.

use std::collections::HashMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use axum::extract::{Query, Request, State};
use axum::http::header::{self, HeaderMap, HeaderName, HeaderValue};
use axum::http::{Method, StatusCode};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};
use serde_json::json;

use crate::access::{Access, Credentials, Refusal};
use crate::message::{Error, Message, to_text};

/// What pages may do unless they say otherwise: nothing.
const DEFAULT_POLICY: &str = "default-src 'none'; frame-ancestors 'none'; base-uri 'none'; form-action 'none'";

/// The rules at the door.
#[derive(Debug)]
pub(crate) struct Gate {
    pub(crate) access: Access,
    /// How long an answer may take.
    pub(crate) request_timeout: Duration,
}

/// In the extensions of every request: a handler that takes long because the client does, as with an upload, says so from time
/// to time, and has the whole time for an answer once more each time.
#[derive(Debug, Clone, Default)]
pub struct Progress(Arc<AtomicBool>);

impl Progress {
    /// Something came.
    pub fn made(&self) {
        self.0.store(true, Ordering::Relaxed);
    }

    fn take(&self) -> bool {
        self.0.swap(false, Ordering::Relaxed)
    }
}

/// Lets a request pass, or answers it itself.
pub(crate) async fn guard(State(gate): State<Arc<Gate>>, mut request: Request, next: Next) -> Response {
    let is_api = is_api(request.uri().path());
    // Pages from elsewhere that are on the list may read the answers too.
    let foreign = single(request.headers(), &header::ORIGIN).ok().flatten().filter(|origin| gate.access.allows_origin(origin));
    let foreign = foreign.and_then(|origin| HeaderValue::from_str(origin).ok());
    let mut response = match check(&gate.access, &request) {
        Err(refusal) => refusal.answer(is_api),
        Ok(()) if foreign.is_some() && is_preflight(&request) => preflight(),
        Ok(()) => match check_token(&gate.access, &request) {
            Err(refusal) if !is_public(&request) => refusal.answer(is_api),
            _ => {
                let progress = Progress::default();
                request.extensions_mut().insert(progress.clone());
                in_time(next.run(request), gate.request_timeout, &progress)
                    .await
                    .unwrap_or_else(|| refused_in(is_api, StatusCode::REQUEST_TIMEOUT, "timeout", "the request took too long".to_owned()))
            }
        },
    };
    add_headers(response.headers_mut(), foreign);
    response
}

/// Waits for an answer for as long as it may take; `None` where it does not come.
async fn in_time(answer: impl Future<Output = Response>, patience: Duration, progress: &Progress) -> Option<Response> {
    let mut answer = std::pin::pin!(answer);
    loop {
        match tokio::time::timeout(patience, answer.as_mut()).await {
            Ok(response) => return Some(response),
            Err(_) if progress.take() => {}
            Err(_) => return None,
        }
    }
}

/// Whether a path is one of the API's, whose errors have a form of their own.
pub(crate) fn is_api(path: &str) -> bool {
    path == "/api" || path.starts_with("/api/")
}

/// An error as the API says it: `{"error": {"code": ..., "message": ...}}`.
pub fn api_error(status: StatusCode, code: &str, message: &str) -> Response {
    let body = json!({ "error": { "code": code, "message": message } });
    (status, [(header::CONTENT_TYPE, "application/json")], body.to_string()).into_response()
}

/// An error in the form that belongs to a path.
pub(crate) fn refused_in(is_api: bool, status: StatusCode, code: &'static str, message: String) -> Response {
    if is_api { api_error(status, code, &message) } else { refused(status, code, message) }
}

/// An error as the rest of the server says it.
pub(crate) fn refused(status: StatusCode, code: &'static str, message: String) -> Response {
    let text = to_text(Message::Error(Error { code, message }));
    (status, [(header::CONTENT_TYPE, "application/json")], text).into_response()
}

fn check(access: &Access, request: &Request) -> Result<(), Refusal> {
    let host = single(request.headers(), &header::HOST).map_err(|()| Refusal::Host("more than one, or not text".to_owned()))?;
    let origin = single(request.headers(), &header::ORIGIN).map_err(|()| Refusal::Origin("more than one, or not text".to_owned()))?;
    access.check_source(Credentials { host, origin, token: None })?;
    // `GET http://name/path`: that name is asked for, too.
    match request.uri().authority() {
        Some(authority) => access.check_source(Credentials { host: Some(authority.as_str()), origin, token: None }),
        None => Ok(()),
    }
}

fn check_token(access: &Access, request: &Request) -> Result<(), Refusal> {
    let bearer = single(request.headers(), &header::AUTHORIZATION).ok().flatten().and_then(|given| {
        let (scheme, token) = given.split_once(' ')?;
        scheme.eq_ignore_ascii_case("bearer").then(|| token.trim())
    });
    let query = Query::<HashMap<String, String>>::try_from_uri(request.uri()).ok();
    let in_query = query.as_ref().and_then(|query| query.0.get("token")).map(String::as_str);
    access.check_token(Credentials { token: bearer.or(in_query), ..Credentials::default() })
}

/// The one value of a header.
fn single<'a>(headers: &'a HeaderMap, name: &HeaderName) -> Result<Option<&'a str>, ()> {
    let mut values = headers.get_all(name).iter();
    match (values.next(), values.next()) {
        (None, _) => Ok(None),
        (Some(value), None) => value.to_str().map(Some).map_err(|_| ()),
        _ => Err(()),
    }
}

/// Files of the web view are the same for everybody; the page itself, and all that it asks for, needs the token.
fn is_public(request: &Request) -> bool {
    request.method() == Method::GET && request.uri().path().starts_with(crate::view::PREFIX)
}

/// A browser asks whether it may ask; it shows no token yet.
fn is_preflight(request: &Request) -> bool {
    request.method() == Method::OPTIONS && request.headers().contains_key(header::ACCESS_CONTROL_REQUEST_METHOD)
}

fn preflight() -> Response {
    let allowed = [
        (header::ACCESS_CONTROL_ALLOW_METHODS, "GET, POST, PUT, PATCH, DELETE"),
        (header::ACCESS_CONTROL_ALLOW_HEADERS, "authorization, content-type"),
    ];
    (StatusCode::NO_CONTENT, allowed).into_response()
}

fn add_headers(headers: &mut HeaderMap, foreign: Option<HeaderValue>) {
    let fixed = [
        (header::X_CONTENT_TYPE_OPTIONS, "nosniff"),
        (header::X_FRAME_OPTIONS, "DENY"),
        // The address of a page may have the token in it.
        (header::REFERRER_POLICY, "no-referrer"),
        (HeaderName::from_static("cross-origin-resource-policy"), "same-origin"),
    ];
    for (name, value) in fixed {
        headers.insert(name, HeaderValue::from_static(value));
    }
    headers.entry(header::CONTENT_SECURITY_POLICY).or_insert(HeaderValue::from_static(DEFAULT_POLICY));
    headers.entry(header::CACHE_CONTROL).or_insert(HeaderValue::from_static("no-store"));
    headers.append(header::VARY, HeaderValue::from_static("origin"));
    if let Some(origin) = foreign {
        headers.insert(header::ACCESS_CONTROL_ALLOW_ORIGIN, origin);
    }
}

impl Refusal {
    fn answer(self, is_api: bool) -> Response {
        let (status, code) = match self {
            Self::Host(_) => (StatusCode::MISDIRECTED_REQUEST, "host"),
            Self::Origin(_) => (StatusCode::FORBIDDEN, "origin"),
            Self::NoToken | Self::Token => (StatusCode::UNAUTHORIZED, "token"),
        };
        let mut response = refused_in(is_api, status, code, self.to_string());
        if status == StatusCode::UNAUTHORIZED {
            response.headers_mut().insert(header::WWW_AUTHENTICATE, HeaderValue::from_static("Bearer"));
        }
        response
    }
}
