//! `GET /api/v1/openapi.json`: the whole API as an OpenAPI 3.1 document, made of the types and the handlers' own words.

use axum::Json;
use utoipa::openapi::path::Operation;
use utoipa::openapi::security::{ApiKey, ApiKeyValue, HttpAuthScheme, HttpBuilder, SecurityRequirement, SecurityScheme};
use utoipa::openapi::{ContentBuilder, Ref, RefOr, Response, ResponseBuilder};
use utoipa::{Modify, OpenApi};

use super::error::ErrorBody;
use super::jobs::feed::{JobBeat, JobProgress, JobSection};

/// The document.
#[derive(OpenApi)]
#[openapi(
    info(title = "Anacrusis", description = "Where the beat is, ahead of time; and the analysis of files. docs/api.md has examples."),
    paths(
        get,
        super::state::get,
        super::timeline::get,
        super::hints::post,
        super::outputs::list,
        super::outputs::patch,
        super::sessions::list,
        super::sessions::start,
        super::sessions::get,
        super::sessions::change,
        super::sessions::delete,
        super::jobs::routes::list,
        super::jobs::routes::post,
        super::jobs::routes::get,
        super::jobs::routes::delete,
        super::jobs::routes::follow,
        super::jobs::routes::result,
    ),
    components(schemas(ErrorBody, JobBeat, JobSection, JobProgress)),
    tags(
        (name = "live", description = "What is heard now"),
        (name = "outputs", description = "Who is told"),
        (name = "sessions", description = "Recordings"),
        (name = "jobs", description = "The analysis of files"),
    ),
    modifiers(&Everywhere),
)]
struct Document;

/// What holds for every operation: who may ask, and the errors of the door.
struct Everywhere;

impl Modify for Everywhere {
    fn modify(&self, document: &mut utoipa::openapi::OpenApi) {
        let bearer = SecurityScheme::Http(HttpBuilder::new().scheme(HttpAuthScheme::Bearer).build());
        let query = SecurityScheme::ApiKey(ApiKey::Query(ApiKeyValue::with_description("token", "as the header, for what cannot set one")));
        let components = document.components.get_or_insert_default();
        components.add_security_scheme("bearer", bearer);
        components.add_security_scheme("token", query);
        let needs = |name: &str| SecurityRequirement::new::<_, [&str; 0], _>(name, []);
        // The first: nothing, where the server listens on this machine alone and was given no token.
        document.security = Some(vec![SecurityRequirement::default(), needs("bearer"), needs("token")]);
        for item in document.paths.paths.values_mut() {
            let operations = [&mut item.get, &mut item.post, &mut item.patch, &mut item.delete];
            operations.into_iter().flatten().for_each(add_door);
        }
    }
}

/// The errors that any request may meet.
fn add_door(operation: &mut Operation) {
    let words = "`token`, `origin`, `host`, `timeout`, `method`, or the request is no HTTP";
    operation.responses.responses.entry("4XX".to_owned()).or_insert_with(|| RefOr::T(error(words)));
}

fn error(description: &str) -> Response {
    let schema = Ref::from_schema_name("ErrorBody");
    ResponseBuilder::new().description(description).content("application/json", ContentBuilder::new().schema(Some(schema)).build()).build()
}

/// This document
#[utoipa::path(get, path = "/api/v1/openapi.json", tag = "live", responses((status = 200, description = "OpenAPI 3.1", body = Object)))]
pub(super) async fn get() -> Json<utoipa::openapi::OpenApi> {
    Json(document())
}

/// The document, as it is served.
pub fn document() -> utoipa::openapi::OpenApi {
    Document::openapi()
}
