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
use percent_encoding::percent_decode_str;
use soa_runtime::{Channel, Component};

use crate::body::{self, media_type};
use crate::call::{self, server_timing};
use crate::descriptions::{self, Description};
use crate::dispatch;
use crate::doors::{Doors, without_slash};
use crate::encoding::Encoding;
use crate::head::{CORRELATION_ID, DoorHead, Head, given_id, id_header};
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
    with_shortcuts(doors).0
}

/// Returns the router, and the shortcuts to its actions; none where a layer is around it.
pub(crate) fn with_shortcuts(doors: &Arc<Doors>) -> (Router, Shortcuts) {
    let mut router = Router::new();
    let mut shortcuts = Shortcuts::default();
    for (path, entry) in entries(doors) {
        router = router.route(&path, any_service(tower_service(Arc::clone(&entry))));
        // The router has taken the path, and its matcher is one like this.
        let _ = shortcuts.entries.insert(path, entry);
    }
    match doors.cors() {
        Some(cors) => (cors.clone().around(router), Shortcuts::default()),
        None => (router, shortcuts),
    }
}

/// The ways to actions without a router of axum, which boxes several futures and services for each request. For a listener
/// that has nothing around its doors.
#[derive(Debug, Default)]
pub(crate) struct Shortcuts {
    /// All paths of the router, as one with a name in it matches others, too.
    entries: matchit::Router<Arc<Entry>>,
}

impl Shortcuts {
    /// Returns the place of a path if it is one of actions, and the texts in the path.
    pub(crate) fn find(&self, path: &str) -> Option<(&Entry, Result<Names, Refusal>)> {
        let found = self.entries.at(path).ok()?;
        if !matches!(found.value.place, Place::Jobs(_)) {
            return None;
        }
        let decoded = |(name, text): (&str, &str)| {
            let text = percent_decode_str(text).decode_utf8();
            let text = text.map_err(|_| Refusal::not_utf8("path"))?;
            Ok((name.to_owned(), text.into_owned()))
        };
        Some((found.value, found.params.iter().map(decoded).collect()))
    }
}

/// Returns each path with what is there.
fn entries(doors: &Arc<Doors>) -> Vec<(String, Arc<Entry>)> {
    let mut entries = Vec::new();
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
            entries.push((path.to_owned(), Arc::clone(&entry)));
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
    entries
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
pub(crate) struct Entry {
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
        async move {
            let (mut parts, body) = request.into_parts();
            let names = path_texts(&mut parts).await;
            Ok(entry.answer(DoorHead::new(parts), body, names).await)
        }
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
    /// Answers a request with the texts in the places of its path.
    pub(crate) async fn answer(
        &self,
        parts: Arc<DoorHead>,
        body: Body,
        names: Result<Names, Refusal>,
    ) -> Response<Body> {
        let is_call = matches!(self.place, Place::Jobs(JobDoor::Service | JobDoor::Action));
        let since = is_call.then(Instant::now);
        // A connection does not end without an answer, and the answer does not have the text of the panic.
        let reply = AssertUnwindSafe(self.reply(&parts, body, names)).catch_unwind();
        let mut reply = reply.await.unwrap_or_else(|_| {
            tracing::error!(path = parts.uri.path(), "a door panicked");
            Refusal::panicked().reply(self.place.form(&parts.headers))
        });
        reply = reply.with_default_header(CORRELATION_ID, || given_id(&parts.headers));
        if let Some(timing) = since.and_then(|since| server_timing(since.elapsed())) {
            reply = reply.with_header(HeaderName::from_static("server-timing"), timing);
        }
        reply.into_response(&parts.method)
    }

    async fn reply(
        &self,
        parts: &Arc<DoorHead>,
        body: Body,
        names: Result<Names, Refusal>,
    ) -> Reply {
        if let Some(reply) = self.about_path(parts) {
            return reply;
        }
        match &self.place {
            Place::Jobs(door) => self.run(door, parts, body, names).await,
            Place::Description(description) => description.answer(&self.doors, parts),
            Place::Health(component) => match Head::read(parts, self.doors.settings()) {
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
    async fn run(
        &self,
        door: &JobDoor,
        parts: &Arc<DoorHead>,
        body: Body,
        names: Result<Names, Refusal>,
    ) -> Reply {
        let refuse = |refusal: Refusal| refusal.reply(door.form(&parts.headers));
        // Before its body is read.
        if self.doors.is_full() {
            return refuse(Refusal::busy());
        }
        let names = match names {
            Ok(names) => names,
            Err(refusal) => return refuse(refusal),
        };
        let head = match Head::read(parts, self.doors.settings()) {
            Ok(head) => head,
            Err(refusal) => return refuse(refusal),
        };
        let id = Arc::clone(&head.context.correlation_id);
        let reply = self.run_job(door, parts, head, names, body).await;
        let reply = reply.unwrap_or_else(refuse);
        reply.with_default_header(CORRELATION_ID, || id_header(&id))
    }

    async fn run_job(
        &self,
        door: &JobDoor,
        parts: &Parts,
        head: Box<Head>,
        names: Names,
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
                    dispatch::answer(doors, &parts.headers, head, Encoding::Json, body).await
                }
                MSGPACK if doors.channels().contains(&Channel::MessagePack) => {
                    dispatch::answer(doors, &parts.headers, head, Encoding::MessagePack, body).await
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

/// The texts in the places of a path with the names of the places, in its order, without escapes.
pub(crate) type Names = Vec<(String, String)>;

/// Returns the texts in the places of a path as a router of axum has found them.
async fn path_texts(parts: &mut Parts) -> Result<Names, Refusal> {
    let params = RawPathParams::from_request_parts(parts, &()).await;
    let params = params.map_err(|_| Refusal::not_utf8("path"))?;
    let texts = params.iter();
    Ok(texts
        .map(|(name, text)| (name.to_owned(), text.to_owned()))
        .collect())
}
