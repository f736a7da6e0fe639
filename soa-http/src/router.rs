//! The doors as a router: each path with its methods, and the limits around every request.

use std::collections::BTreeMap;
use std::convert::Infallible;
use std::panic::AssertUnwindSafe;
use std::sync::Arc;
use std::time::Instant;

use axum::Router;
use axum::body::Body;
use axum::extract::{FromRequestParts, RawPathParams, Request};
use axum::http::header::ALLOW;
use axum::http::request::Parts;
use axum::http::{HeaderMap, HeaderName, HeaderValue, Method, Response, StatusCode};
use axum::routing::any_service;
use bytes::Bytes;
use futures_util::FutureExt;
use soa_runtime::{Channel, Component};

use crate::body::{self, media_type};
use crate::call::{self, server_timing};
use crate::descriptions::{self, Description};
use crate::dispatch;
use crate::doors::{Doors, without_slash};
use crate::encoding::Encoding;
use crate::head::{CORRELATION_ID, Head, given_id, id_header};
use crate::health;
use crate::invoke;
use crate::probe::Probe;
use crate::refusal::{Form, Refusal};
use crate::reply::{JSON, MSGPACK, PROTOBUF, Reply};
use crate::report;
use crate::rest;
use crate::route::{BodyPart, RoutePlan};

/// Returns the router of the doors of components.
pub(crate) fn router(doors: &Arc<Doors>) -> Router {
    let mut router = Router::new();
    let mut add = |path: &str, place: Place| {
        // With a slash at the end and without, it is the same path. The files of a page are relative to theirs.
        let other = match &place {
            Place::Description(description) if description.is_of_page() => None,
            _ => other_spelling(path),
        };
        let methods = place.methods();
        let entry = Arc::new(Entry {
            doors: Arc::clone(doors),
            // Names of methods can be in a header.
            allow: HeaderValue::from_str(&methods.join(", ")).ok(),
            methods: methods.into_iter().map(str::to_owned).collect(),
            place,
        });
        for path in std::iter::once(path).chain(other.as_deref()) {
            let service = tower_service(Arc::clone(&entry));
            let before = std::mem::take(&mut router);
            router = before.route(path, any_service(service));
        }
    };
    let is_dispatch = |channel: &Channel| !matches!(channel, Channel::Rest | Channel::Call);
    if doors.channels().iter().any(is_dispatch) {
        add("/invoke", Place::Jobs(JobDoor::Invoke));
    }
    if doors.protobuf().is_some() {
        add(
            report::PROTOBUF_PATH,
            Place::Description(Description::ReportProtobuf),
        );
    }
    let calls = doors.settings().calls.trim_end_matches('/');
    if !calls.is_empty() {
        add(
            &format!("{calls}/{{service}}"),
            Place::Jobs(JobDoor::Service),
        );
        add(
            &format!("{calls}/{{service}}/{{action}}"),
            Place::Jobs(JobDoor::Action),
        );
    }
    for component in doors.components() {
        add(component.health_path(), Place::Health(component.clone()));
    }
    for (path, probe) in doors.probes() {
        add(path, Place::Probe(probe));
    }
    let mut by_path: BTreeMap<String, Vec<Arc<RoutePlan>>> = BTreeMap::new();
    for plan in doors.routes() {
        by_path
            .entry(pattern(plan))
            .or_default()
            .push(Arc::clone(plan));
    }
    for (path, plans) in by_path {
        add(&path, Place::Jobs(JobDoor::Rest(plans.into())));
    }
    if doors.settings().docs {
        // A route of the service goes before the report that every service has.
        let mut routes = doors.routes().iter();
        let has_own = routes.any(|plan| without_slash(&plan.path) == report::PATH);
        for (path, description) in descriptions::all() {
            if !(has_own && path == report::PATH) {
                add(path, Place::Description(description));
            }
        }
    }
    match doors.cors() {
        Some(cors) => cors.clone().around(router),
        None => router,
    }
}

/// Returns a path without the slash at its end, or with one if it has none.
fn other_spelling(path: &str) -> Option<String> {
    match path.strip_suffix('/') {
        Some("") => None,
        Some(without) => Some(without.to_owned()),
        None => Some(format!("{path}/")),
    }
}

/// Returns the path of a route with the places of its names in place of them: actions may name the same place differently.
fn pattern(plan: &RoutePlan) -> String {
    let segments = plan.path.split('/').enumerate();
    let segments = segments.map(|(index, segment)| match segment.starts_with('{') {
        true => format!("{{p{index}}}"),
        false => segment.to_owned(),
    });
    segments.collect::<Vec<_>>().join("/")
}

/// A path of the router.
#[derive(Debug)]
struct Entry {
    doors: Arc<Doors>,
    place: Place,
    /// The methods of the path.
    methods: Vec<String>,
    /// The methods, as a header.
    allow: Option<HeaderValue>,
}

/// The content of a path.
#[derive(Debug)]
enum Place {
    /// Actions of the services.
    Jobs(JobDoor),
    /// Something about the services.
    Description(Description),
    /// The health of a component.
    Health(Component),
    Probe(Probe),
}

/// A door to actions.
#[derive(Debug)]
enum JobDoor {
    Invoke,
    /// A service: its whole jobs, and its introspection.
    Service,
    /// An action by its name.
    Action,
    Rest(Arc<[Arc<RoutePlan>]>),
}

fn tower_service(
    entry: Arc<Entry>,
) -> impl tower_service::Service<
    Request,
    Response = Response<Body>,
    Error = Infallible,
    Future = impl Future<Output = Result<Response<Body>, Infallible>> + Send,
> + Clone
+ Send
+ Sync
+ 'static {
    tower::service_fn(move |request: Request| {
        let entry = Arc::clone(&entry);
        async move { Ok(entry.answer(request).await) }
    })
}

impl Place {
    /// Returns the methods of the path, sorted.
    fn methods(&self) -> Vec<&str> {
        let mut methods = match self {
            Self::Jobs(JobDoor::Invoke) => vec!["POST"],
            Self::Jobs(JobDoor::Service | JobDoor::Action) => vec!["GET", "HEAD", "POST"],
            Self::Description(_) | Self::Health(_) | Self::Probe(_) => vec!["GET", "HEAD"],
            Self::Jobs(JobDoor::Rest(plans)) => {
                let methods = plans.iter().map(|plan| plan.method.as_str());
                let mut methods: Vec<&str> = methods.collect();
                if methods.contains(&"GET") {
                    methods.push("HEAD");
                }
                methods
            }
        };
        methods.push("OPTIONS");
        methods.sort_unstable();
        methods
    }

    /// Returns the form of refusals to a request with these headers.
    fn form(&self, headers: &HeaderMap) -> Form {
        match self {
            Self::Jobs(door) => door.form(headers),
            _ => Form::Detail,
        }
    }
}

impl JobDoor {
    fn form(&self, headers: &HeaderMap) -> Form {
        match self {
            Self::Invoke => Form::Text,
            Self::Rest(_) => Form::Detail,
            Self::Service | Self::Action => Form::Errors(match &*media_type(headers) {
                MSGPACK => Encoding::MessagePack,
                _ => Encoding::Json,
            }),
        }
    }
}

impl Entry {
    async fn answer(&self, request: Request) -> Response<Body> {
        let since = Instant::now();
        let (parts, body) = request.into_parts();
        let method = parts.method.clone();
        let uri = parts.uri.clone();
        let id = given_id(&parts.headers);
        let form = self.place.form(&parts.headers);
        // A connection does not end without an answer, and the answer does not have the text of the panic.
        let reply = AssertUnwindSafe(self.reply(parts, body)).catch_unwind();
        let mut reply = reply.await.unwrap_or_else(|_| {
            tracing::error!(path = uri.path(), "a door panicked");
            Refusal::panicked().reply(form)
        });
        let id = id.map(|id| (HeaderName::from_static(CORRELATION_ID), id));
        reply = reply.with_default_header(id);
        let is_call = matches!(self.place, Place::Jobs(JobDoor::Service | JobDoor::Action));
        if is_call && let Some(timing) = server_timing(since.elapsed()) {
            reply = reply.with_header(HeaderName::from_static("server-timing"), timing);
        }
        reply.into_response(&method)
    }

    async fn reply(&self, mut parts: Parts, body: Body) -> Reply {
        if let Some(reply) = self.about_path(&parts) {
            return reply;
        }
        match &self.place {
            Place::Jobs(door) => self.run(door, parts, body).await,
            Place::Description(description) => description.answer(&self.doors, &mut parts).await,
            Place::Health(component) => match Head::read(&Arc::new(parts), self.doors.settings()) {
                Ok(head) => {
                    let id = id_header(&head.context.correlation_id);
                    health::health(&self.doors, component, head)
                        .await
                        .with_optional_header(id)
                }
                Err(refusal) => refusal.reply(Form::Detail),
            },
            Place::Probe(probe) => health::probe(&self.doors, *probe),
        }
    }

    /// Answers requests that are about the path itself: `OPTIONS`, and methods that it does not have.
    fn about_path(&self, parts: &Parts) -> Option<Reply> {
        let method = &parts.method;
        let is_known = self.methods.iter().any(|known| known == method.as_str());
        if is_known && *method != Method::OPTIONS {
            return None;
        }
        let allow = self.allow.clone();
        if *method == Method::OPTIONS {
            let reply = Reply::text(StatusCode::NO_CONTENT, "");
            return Some(reply.with_optional_header(allow.map(|allow| (ALLOW, allow))));
        }
        let form = match &self.place {
            // As the reference does.
            Place::Jobs(JobDoor::Invoke) => Form::Detail,
            place => place.form(&parts.headers),
        };
        Some(Refusal::method("Method Not Allowed", allow).reply(form))
    }

    /// Answers with the correlation id of the job.
    async fn run(&self, door: &JobDoor, mut parts: Parts, body: Body) -> Reply {
        let form = door.form(&parts.headers);
        // Before its body is read.
        if self.doors.is_full() {
            return Refusal::busy().reply(form);
        }
        let names = match door {
            JobDoor::Invoke => Vec::new(),
            _ => match path_texts(&mut parts).await {
                Ok(names) => names,
                Err(refusal) => return refusal.reply(form),
            },
        };
        let parts = Arc::new(parts);
        let head = match Head::read(&parts, self.doors.settings()) {
            Ok(head) => head,
            Err(refusal) => return refusal.reply(form),
        };
        let id = id_header(&head.context.correlation_id);
        let reply = self.run_job(door, &parts, head, names, body).await;
        let reply = reply.unwrap_or_else(|refusal| refusal.reply(form));
        reply.with_default_header(id)
    }

    async fn run_job(
        &self,
        door: &JobDoor,
        parts: &Parts,
        head: Head,
        names: Vec<(String, String)>,
        body: Body,
    ) -> Result<Reply, Refusal> {
        let doors = &*self.doors;
        let body = body::read(&parts.headers, body, doors).await?;
        // Requests whose bodies come slowly take no place of those that run.
        let _place = doors.enter().ok_or_else(Refusal::busy)?;
        let named = |name: &str| {
            let found = names.iter().find(|(known, _)| known == name);
            found.map_or("", |(_, text)| text.as_str())
        };
        let is_get = matches!(parts.method, Method::GET | Method::HEAD);
        Ok(match door {
            JobDoor::Invoke => match &*media_type(&parts.headers) {
                JSON if doors.channels().contains(&Channel::Json) => {
                    dispatch::answer(doors, head, Encoding::Json, body).await
                }
                MSGPACK if doors.channels().contains(&Channel::MessagePack) => {
                    dispatch::answer(doors, head, Encoding::MessagePack, body).await
                }
                PROTOBUF if let Some(protobuf) = doors.protobuf() => {
                    invoke::answer(doors, protobuf, &parts.headers, head, &body).await
                }
                _ => Reply::text(
                    StatusCode::UNSUPPORTED_MEDIA_TYPE,
                    "Unsupported Content-Type",
                ),
            },
            JobDoor::Service if is_get => {
                let service = named("service");
                call::action(
                    doors,
                    service,
                    "introspect",
                    head,
                    Encoding::Json,
                    &Bytes::new(),
                )
                .await
            }
            JobDoor::Action if is_get && named("action") == "status" => {
                let service = named("service");
                call::action(
                    doors,
                    service,
                    "status",
                    head,
                    Encoding::Json,
                    &Bytes::new(),
                )
                .await
            }
            JobDoor::Action if is_get => {
                let message = "Only `status` can be read by GET: call actions by POST";
                let allow = HeaderValue::from_static("OPTIONS, POST");
                return Err(Refusal::method(message, Some(allow)));
            }
            JobDoor::Service | JobDoor::Action => {
                let encoding = match &*media_type(&parts.headers) {
                    MSGPACK => Encoding::MessagePack,
                    "" | JSON => Encoding::Json,
                    _ if body.is_empty() => Encoding::Json,
                    other => return Err(Refusal::unsupported(other)),
                };
                let service = named("service");
                match door {
                    JobDoor::Service => call::job(doors, service, head, encoding, &body).await,
                    _ => call::action(doors, service, named("action"), head, encoding, &body).await,
                }
            }
            JobDoor::Rest(plans) => {
                let asked = match parts.method {
                    Method::HEAD => "GET",
                    _ => parts.method.as_str(),
                };
                let mut plans = plans.iter();
                let Some(plan) = plans.find(|plan| plan.method.as_str() == asked) else {
                    return Err(Refusal::method("Method Not Allowed", None));
                };
                let media = media_type(&parts.headers);
                let is_json = media.is_empty() || media == JSON || media.ends_with("+json");
                if plan.body != BodyPart::None && !body.is_empty() && !is_json {
                    return Err(Refusal::unsupported(&media));
                }
                let texts = names.into_iter().zip(&plan.in_path);
                let texts: Vec<(String, String)> = texts
                    .map(|((_, text), name)| (name.clone(), text))
                    .collect();
                rest::answer(doors, plan, head, &texts, &body).await
            }
        })
    }
}

/// Returns the texts in the places of a path, in its order, without escapes.
async fn path_texts(parts: &mut Parts) -> Result<Vec<(String, String)>, Refusal> {
    let params = RawPathParams::from_request_parts(parts, &()).await;
    let params = params.map_err(|_| Refusal::not_utf8("path"))?;
    let texts = params.iter();
    Ok(texts
        .map(|(name, text)| (name.to_owned(), text.to_owned()))
        .collect())
}
