//! The routes: which request is answered by what.

use std::sync::Arc;
use std::time::{Duration, Instant};

use axum::Router;
use axum::body::{Body, Bytes};
use axum::extract::rejection::PathRejection;
use axum::extract::{Path, RawQuery, Request, State};
use axum::http::header::{HOST, SET_COOKIE};
use axum::http::{HeaderMap, HeaderValue, Method, StatusCode, Uri};
use axum::middleware::from_fn_with_state;
use axum::response::{IntoResponse as _, Response};
use axum::routing::{get, post};
use serde::Serialize;
use serde_json::{Value as Json, json};

use super::answer::{Refusal, json_response, ok};
use super::asked::Asked;
use super::call;
use super::description;
use super::event;
use super::guard::{API, guard, guessed, sign_in};
use super::history::Span;
use super::letter::{self, Change};
use super::line::{Seen, WorkerLine, WorkerSeen};
use super::picture::Health;
use super::shared::{ASK_TIMEOUT, Dashboard};
use super::{asset, introspect};
use crate::check;
use crate::queue::{self, Waiting, frames, now};

/// Longest time of the check of the whole fleet, and the time between its two looks at the queues.
const CHECK_TIMEOUT: Duration = Duration::from_secs(30);
const CHECK_INTERVAL: Duration = Duration::from_secs(1);

/// Time for which the findings of a check are kept.
const FINDINGS_LIFETIME: Duration = Duration::from_secs(10);

/// Largest body of a request, in bytes.
const MAX_BODY: usize = 1 << 20;

/// Largest number of workers of an answer.
const MAX_WORKERS: usize = 500;

/// Number of requests that are shown of a queue without a wish, and the largest.
const PEEKED: (u64, u64) = (20, 100);

/// Number of requests of a queue that are read at once, and the size in bytes after which no more are.
const PEEKED_AT_ONCE: u64 = 10;
const MAX_PEEKED_BYTES: usize = 8 << 20;

type Answer = Result<Response, Refusal>;
type Name = Result<Path<String>, PathRejection>;
type TwoNames = Result<Path<(String, String)>, PathRejection>;
type Shared = State<Arc<Dashboard>>;

/// The whole server behind its guard.
pub(super) fn router(dashboard: &Arc<Dashboard>) -> Router {
    Router::new()
        .route("/api/session", get(session))
        .route("/api/login", post(login))
        .route("/api/logout", post(logout))
        .route("/api/fleet", get(fleet))
        .route("/api/events", get(events))
        .route("/api/services/{name}", get(service))
        .route("/api/services/{name}/workers/{id}", get(worker))
        .route("/api/services/{name}/queue", get(waiting))
        .route("/api/services/{name}/description", get(described))
        .route("/api/services/{name}/history", get(history))
        .route(
            "/api/services/{name}/actions/{action}/history",
            get(action_history),
        )
        .route("/api/graph", get(graph))
        .route("/api/check", get(findings))
        .route("/api/dead", get(letters))
        .route("/api/dead/letter", get(one_letter))
        .route("/api/dead/retry", post(retry))
        .route("/api/dead/drop", post(forget))
        .route("/api/call", post(make_call))
        .route("/api/call/check", get(check_call))
        .fallback(file)
        .method_not_allowed_fallback(wrong_method)
        .layer(from_fn_with_state(Arc::clone(dashboard), guard))
        .with_state(Arc::clone(dashboard))
}

async fn wrong_method(method: Method) -> Refusal {
    let message = format!("this path is not for {method}");
    Refusal::new(StatusCode::METHOD_NOT_ALLOWED, "BAD_REQUEST", message)
}

async fn file(request: Request) -> Answer {
    let path = request.uri().path();
    let is_reading = [Method::GET, Method::HEAD].contains(request.method());
    let file = asset::answer(path, request.headers());
    match file.filter(|_| is_reading && !path.starts_with(API)) {
        Some(file) => Ok(file),
        None => Err(Refusal::not_found("there is nothing at this path")),
    }
}

/// The names in a path.
fn named<T>(path: Result<Path<T>, PathRejection>) -> Result<T, Refusal> {
    let path = path.map_err(|error| Refusal::bad(format!("the path cannot be read: {error}")))?;
    Ok(path.0)
}

/// A value of the query.
fn wish(query: &RawQuery, key: &str) -> Option<String> {
    let query = query.0.as_deref().unwrap_or_default();
    let mut pairs = form_urlencoded::parse(query.as_bytes());
    pairs
        .find(|(name, _)| name == key)
        .map(|(_, value)| value.into_owned())
}

fn span(query: &RawQuery) -> Result<Span, Refusal> {
    match wish(query, "span") {
        None => Ok(Span::Minutes),
        Some(word) => {
            Span::read(&word).ok_or_else(|| Refusal::bad("`span` must be `5m`, `1h` or `1d`"))
        }
    }
}

/// Reads the body of a request.
async fn read(body: Body) -> Result<Bytes, Refusal> {
    // The listener ends a body that comes too slowly.
    axum::body::to_bytes(body, MAX_BODY).await.map_err(|_| {
        let message =
            format!("the body of the request is over {MAX_BODY} bytes, or did not come whole");
        Refusal::new(StatusCode::PAYLOAD_TOO_LARGE, "TOO_LARGE", message)
    })
}

/// The host under which the page was opened, which the guard has admitted.
fn host<'a>(uri: &'a Uri, headers: &'a HeaderMap) -> &'a str {
    let of_header = || headers.get(HOST).and_then(|host| host.to_str().ok());
    let authority = uri.authority().map(|authority| authority.as_str());
    authority.or_else(of_header).unwrap_or_default()
}

async fn session(State(dashboard): Shared, headers: HeaderMap) -> Answer {
    let login = &dashboard.login;
    if !login.admits(&headers) {
        return ok(&json!({
            "version": env!("CARGO_PKG_VERSION"),
            "login": login.word(),
            "is_signed_in": false,
        }));
    }
    ok(&json!({
        "version": env!("CARGO_PKG_VERSION"),
        "login": login.word(),
        "is_signed_in": true,
        "allow_changes": dashboard.allow_changes,
        "interval_seconds": dashboard.interval.as_secs_f64(),
        "keeps_in_redis": dashboard.keeps_in_redis,
        "redis": dashboard.picture().redis.address,
    }))
}

async fn login(State(dashboard): Shared, headers: HeaderMap, body: Body) -> Answer {
    let body = read(body).await?;
    let request: Json = serde_json::from_slice(&body).unwrap_or_default();
    let Some(token) = request["token"].as_str() else {
        return Err(Refusal::bad("expected {\"token\": …}"));
    };
    let Some(cookie) = dashboard.login.begin(token, &headers) else {
        guessed(&dashboard).await?;
        return Err(sign_in());
    };
    with_cookie(&cookie)
}

async fn logout(State(dashboard): Shared, headers: HeaderMap) -> Answer {
    with_cookie(&dashboard.login.end(&headers))
}

fn with_cookie(cookie: &str) -> Answer {
    let mut response = StatusCode::NO_CONTENT.into_response();
    if let Ok(cookie) = HeaderValue::from_str(cookie) {
        response.headers_mut().insert(SET_COOKIE, cookie);
    }
    Ok(response)
}

async fn fleet(State(dashboard): Shared) -> Answer {
    let fleet = dashboard.picture().fleet()?;
    Ok(json_response(StatusCode::OK, fleet))
}

async fn events(State(dashboard): Shared) -> Answer {
    event::listen(&dashboard)
}

#[derive(Serialize)]
struct ServiceAnswer<'a> {
    at: Option<f64>,
    redis: &'a Health,
    #[serde(flatten)]
    seen: &'a Seen,
    workers: Vec<&'a WorkerLine>,
    workers_left_off: usize,
}

async fn service(State(dashboard): Shared, path: Name) -> Answer {
    let picture = dashboard.picture();
    let seen = picture.seen(&named(path)?)?;
    let workers = seen.workers.iter().map(|worker| &worker.line);
    ok(&ServiceAnswer {
        at: picture.looked.at,
        redis: &picture.redis,
        seen,
        workers: workers.take(MAX_WORKERS).collect(),
        workers_left_off: seen.workers.len().saturating_sub(MAX_WORKERS),
    })
}

#[derive(Serialize)]
struct WorkerAnswer<'a> {
    at: Option<f64>,
    redis: &'a Health,
    worker: &'a WorkerSeen,
}

async fn worker(State(dashboard): Shared, path: TwoNames) -> Answer {
    let (service, id) = named(path)?;
    let picture = dashboard.picture();
    let mut workers = picture.seen(&service)?.workers.iter();
    let worker = workers.find(|worker| worker.line.id == id);
    let worker = worker.ok_or_else(|| {
        Refusal::not_found(format!(
            "`{service}` has no worker `{id}` any more: it has ended"
        ))
    })?;
    ok(&WorkerAnswer {
        at: picture.looked.at,
        redis: &picture.redis,
        worker,
    })
}

async fn waiting(State(dashboard): Shared, path: Name, query: RawQuery) -> Answer {
    let service = named(path)?;
    let count = match wish(&query, "count") {
        None => PEEKED.0,
        Some(count) => {
            let count = count.parse().ok();
            let count = count.filter(|count| (1..=PEEKED.1).contains(count));
            count.ok_or_else(|| {
                Refusal::bad(format!("`count` must be a number from 1 to {}", PEEKED.1))
            })?
        }
    };
    let picture = dashboard.picture();
    let is_paused = picture.seen(&service)?.line.is_paused;
    let redis = dashboard.redis();
    let (queue, requests) = dashboard
        .within(ASK_TIMEOUT, async {
            let masters = redis.masters().await?;
            let mut requests = Vec::new();
            for holder in redis.masters_of(&masters) {
                let mut bytes = 0;
                let mut from = 0;
                // A few at a time, since they may be large.
                while from < count && bytes < MAX_PEEKED_BYTES {
                    let to = count.min(from + PEEKED_AT_ONCE);
                    let frames = frames(&redis, &holder, &service, from, to - 1).await?;
                    if frames.is_empty() {
                        break;
                    }
                    bytes += frames.iter().map(Bytes::len).sum::<usize>();
                    requests.extend(frames.iter().map(Waiting::read));
                    from = to;
                }
            }
            let queue = redis.queue(&masters, &service).await?;
            Ok::<_, Refusal>((queue, requests))
        })
        .await?;
    let requests: Vec<Json> = requests.iter().map(queue::as_json).collect();
    let shown = u64::try_from(requests.len()).unwrap_or(0);
    ok(&json!({
        "service": service,
        "depth": queue.depth,
        "oldest_seconds": queue.oldest.map(|oldest| oldest.as_secs_f64()),
        "is_paused": is_paused,
        "left_off": queue.depth.saturating_sub(shown),
        "requests": requests,
    }))
}

async fn described(State(dashboard): Shared, path: Name, query: RawQuery) -> Answer {
    let service = named(path)?;
    dashboard.seen(&service)?;
    let is_fresh = wish(&query, "fresh").is_some();
    let told = introspect::of_service(&dashboard, &service, is_fresh).await?;
    ok(&description::shown(&service, &told))
}

async fn history(State(dashboard): Shared, path: Name, query: RawQuery) -> Answer {
    let (service, span) = (named(path)?, span(&query)?);
    let told = dashboard.history().of_service(&service, span, now());
    ok(&told.ok_or_else(|| Refusal::not_found(format!("nothing is known of `{service}`")))?)
}

async fn action_history(State(dashboard): Shared, path: TwoNames, query: RawQuery) -> Answer {
    let ((service, action), span) = (named(path)?, span(&query)?);
    dashboard.seen(&service)?;
    let told = dashboard
        .history()
        .of_action(&service, &action, span, now());
    ok(&told)
}

async fn graph(State(dashboard): Shared) -> Answer {
    let picture = dashboard.picture();
    let looked = &picture.looked;
    ok(&json!({
        "at": looked.at,
        "redis": picture.redis,
        "nodes": looked.nodes,
        "edges": looked.edges,
        "edges_left_off": looked.edges_left_off,
    }))
}

async fn findings(State(dashboard): Shared) -> Answer {
    let mut kept = dashboard.findings.lock().await;
    let fresh = kept.as_ref();
    let fresh = fresh.filter(|(since, _)| since.elapsed() < FINDINGS_LIFETIME);
    if let Some((_, known)) = fresh {
        return ok(known);
    }
    let redis = dashboard.redis();
    let (found, masters, services) = dashboard
        .within(CHECK_TIMEOUT, async {
            let found = check::check(&redis, &[], CHECK_INTERVAL).await?;
            Ok::<_, Refusal>(found)
        })
        .await?;
    let found: Vec<Json> = found.0.iter().map(check::as_json).collect();
    let told = json!({
        "redis": redis.address(),
        "masters": masters,
        "services": services,
        "findings": found,
    });
    let answer = ok(&told);
    *kept = Some((Instant::now(), told));
    answer
}

async fn letters(State(dashboard): Shared, query: RawQuery) -> Answer {
    ok(&letter::list(&dashboard, wish(&query, "service")).await?)
}

async fn one_letter(State(dashboard): Shared, query: RawQuery) -> Answer {
    match (wish(&query, "service"), wish(&query, "id")) {
        (Some(service), Some(id)) => ok(&letter::show(&dashboard, &service, &id).await?),
        _ => Err(Refusal::bad("expected `?service=NAME&id=ID`")),
    }
}

async fn retry(State(dashboard): Shared, body: Body) -> Answer {
    let request = read(body).await?;
    ok(&letter::change(&dashboard, &request, Change::Retry).await?)
}

async fn forget(State(dashboard): Shared, body: Body) -> Answer {
    let request = read(body).await?;
    ok(&letter::change(&dashboard, &request, Change::Forget).await?)
}

async fn make_call(State(dashboard): Shared, uri: Uri, headers: HeaderMap, body: Body) -> Answer {
    let asked = Asked::read(&read(body).await?)?;
    ok(&call::run(&dashboard, &asked, host(&uri, &headers)).await?)
}

/// Checks a call without making it: a reader may do so, too.
async fn check_call(
    State(dashboard): Shared,
    uri: Uri,
    headers: HeaderMap,
    query: RawQuery,
) -> Answer {
    let Some(request) = wish(&query, "request") else {
        return Err(Refusal::bad(
            "expected `?request=JSON`, the request of a call",
        ));
    };
    let mut asked = Asked::read(request.as_bytes())?;
    asked.is_check = true;
    ok(&call::run(&dashboard, &asked, host(&uri, &headers)).await?)
}
