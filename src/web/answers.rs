//! What each route answers.

use axum::Json;
use axum::extract::{Request, State};
use axum::http::{HeaderValue, Method, StatusCode, Uri, header};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use axum::{Router, middleware};
use serde_json::json;

use super::WebState;
use crate::telemetry::redact;

/// Content type of Prometheus's text exposition.
const EXPOSITION: &str = "text/plain; version=0.0.4; charset=utf-8";

const INDEX: &str = "\
Percept

/metrics      metrics for Prometheus
/healthz      200 while the process works
/readyz       200 once the model is warm and enough streams are up
/api/streams  each stream's state, scores and active labels, as JSON
";

pub(super) fn router(state: WebState) -> Router {
    Router::new()
        .route("/", get(async || INDEX))
        .route("/metrics", get(metrics))
        .route("/healthz", get(healthz))
        .route("/readyz", get(readyz))
        .route("/api/streams", get(streams))
        .fallback(unknown)
        .method_not_allowed_fallback(wrong_method)
        .layer(middleware::from_fn(secured))
        .with_state(state)
}

async fn metrics(State(state): State<WebState>) -> Response {
    ([(header::CONTENT_TYPE, EXPOSITION)], state.metrics.exposition()).into_response()
}

async fn healthz(State(state): State<WebState>) -> Response {
    match (state.alive)() {
        Ok(()) => "ok\n".into_response(),
        Err(stuck) => unavailable(json!({ "alive": false, "reasons": [redact::mask(&stuck)] })),
    }
}

async fn readyz(State(state): State<WebState>) -> Response {
    let missing = (state.snapshot)().missing(state.ready_share);
    if missing.is_empty() {
        Json(json!({ "ready": true })).into_response()
    } else {
        unavailable(json!({ "ready": false, "reasons": missing }))
    }
}

async fn streams(State(state): State<WebState>) -> Response {
    Json((state.snapshot)().streams).into_response()
}

fn unavailable(why: serde_json::Value) -> Response {
    (StatusCode::SERVICE_UNAVAILABLE, Json(why)).into_response()
}

async fn unknown(uri: Uri) -> Response {
    let why = json!({ "error": "no such path", "path": uri.path(), "see": "/" });
    (StatusCode::NOT_FOUND, Json(why)).into_response()
}

async fn wrong_method(method: Method, uri: Uri) -> Response {
    let why =
        json!({ "error": "method not allowed", "method": method.as_str(), "path": uri.path() });
    (StatusCode::METHOD_NOT_ALLOWED, [(header::ALLOW, "GET, HEAD")], Json(why)).into_response()
}

/// No guessing of types, no caching of a moment, nothing to run and nowhere to be framed. No
/// CORS header: other sites' pages may not read what this says.
async fn secured(request: Request, next: Next) -> Response {
    let mut response = next.run(request).await;
    for (name, value) in [
        (header::X_CONTENT_TYPE_OPTIONS, "nosniff"),
        (header::CACHE_CONTROL, "no-store"),
        (header::CONTENT_SECURITY_POLICY, "default-src 'none'; frame-ancestors 'none'"),
        (header::REFERRER_POLICY, "no-referrer"),
    ] {
        response.headers_mut().insert(name, HeaderValue::from_static(value));
    }
    response
}
