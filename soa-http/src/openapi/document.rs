//! The document itself: information, paths, components; made once.

use std::hash::{DefaultHasher, Hash, Hasher};
use std::sync::{Arc, Mutex, PoisonError};

use axum::http::header::{CACHE_CONTROL, ETAG, IF_NONE_MATCH};
use axum::http::{HeaderMap, HeaderValue, StatusCode};
use bytes::Bytes;
use serde_json::{Map, Value as Json, json};
use soa_runtime::{Channel, Component};

use super::answers::{call_errors, json_answer};
use super::operation::{BEARER, COOKIE, Operations};
use crate::doors::Doors;
use crate::hosted::{Hosted, Offered};
use crate::reply::{JSON, MSGPACK, PROTOBUF, Reply};
use crate::report;

/// The version of OpenAPI.
const VERSION: &str = "3.1.0";

/// The document that was made last, with the path at which the doors are mounted.
#[derive(Debug, Default)]
pub(crate) struct Cache(Mutex<Option<(String, Arc<Made>)>>);

#[derive(Debug)]
struct Made {
    text: Bytes,
    etag: HeaderValue,
}

impl Cache {
    /// Answers a request for the document of doors that are mounted at this path.
    pub(crate) fn answer(&self, doors: &Doors, mounted_at: &str, headers: &HeaderMap) -> Reply {
        let made = self.made(doors, mounted_at);
        let is_known = headers.get_all(IF_NONE_MATCH).iter().any(|known| {
            let known = known.to_str().unwrap_or_default().split(',');
            let mut known = known.map(|tag| tag.trim().trim_start_matches("W/"));
            known.any(|tag| tag == "*" || made.etag == tag)
        });
        let reply = match is_known {
            true => Reply::new(StatusCode::NOT_MODIFIED, JSON, Bytes::new()),
            false => Reply::new(StatusCode::OK, JSON, made.text.clone()),
        };
        let reply = reply.with_header(ETAG, made.etag.clone());
        reply.with_header(CACHE_CONTROL, HeaderValue::from_static("no-cache"))
    }

    fn made(&self, doors: &Doors, mounted_at: &str) -> Arc<Made> {
        // A document is stored whole, so a poisoned one is valid.
        let mut last = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some((path, made)) = &*last
            && path == mounted_at
        {
            return Arc::clone(made);
        }
        let text = document(doors, mounted_at).to_string();
        let mut hasher = DefaultHasher::new();
        text.hash(&mut hasher);
        let etag = format!("\"{:016x}\"", hasher.finish());
        let made = Arc::new(Made {
            text: text.into(),
            // Digits and quotation marks.
            etag: HeaderValue::from_str(&etag).unwrap_or(HeaderValue::from_static("\"0\"")),
        });
        *last = Some((mounted_at.to_owned(), Arc::clone(&made)));
        made
    }
}

/// Describes what the doors of a component offer.
pub(crate) fn document(doors: &Doors, mounted_at: &str) -> Json {
    let settings = doors.settings();
    let mut operations = Operations::new(settings.token_cookie.clone());
    let mut paths = Map::new();
    add_routes(doors, &mut operations, &mut paths);
    add_calls(doors, &mut operations, &mut paths);
    add_own(doors, &mut operations, &mut paths);
    let mut document = Map::new();
    let mut set = |key: &str, value: Json| drop(document.insert(key.to_owned(), value));
    set("openapi", VERSION.into());
    set("info", info(doors));
    // A path with names in it has no address that could be told here.
    if !mounted_at.is_empty() && !mounted_at.contains('{') {
        set("servers", json!([{ "url": mounted_at }]));
    }
    set("tags", operations.tags());
    set("paths", Json::Object(paths));
    let mut components = Map::new();
    if operations.is_secured {
        let mut schemes = Map::new();
        let bearer = json!({ "type": "http", "scheme": "bearer" });
        schemes.insert(BEARER.to_owned(), bearer);
        if let Some(name) = &settings.token_cookie {
            let cookie = json!({ "type": "apiKey", "in": "cookie", "name": name });
            schemes.insert(COOKIE.to_owned(), cookie);
        }
        components.insert("securitySchemes".to_owned(), Json::Object(schemes));
    }
    let schemas = operations.types.into_components();
    components.insert("schemas".to_owned(), Json::Object(schemas));
    set("components", Json::Object(components));
    Json::Object(document)
}

/// Returns title, version and description: those of the component, where it has them, and of its first service. Several
/// components are the title together.
fn info(doors: &Doors) -> Json {
    let names: Vec<&str> = doors.components().map(Component::name).collect();
    let first = doors.services().first();
    let version = first.map_or("", |hosted| hosted.server.version());
    let mut info = json!({ "title": (names.join(", ")), "version": version });
    let of_service = match doors.services() {
        [only] => only.server.descriptor().and_then(|one| one.documentation()),
        _ => None,
    };
    let described = doors.components().map(Component::description);
    let described: Vec<&str> = described.filter(|text| !text.is_empty()).collect();
    let description = Some(described.join("\n\n")).filter(|text| !text.is_empty());
    let description = description.or(of_service.map(str::to_owned));
    if let (Some(text), Some(info)) = (description, info.as_object_mut()) {
        info.insert("description".to_owned(), text.into());
    }
    info
}

fn add_routes(doors: &Doors, operations: &mut Operations, paths: &mut Map<String, Json>) {
    // Paths whose places have other names are the same path, so the names are those of the first.
    let mut known: Vec<(String, String, &[String])> = Vec::new();
    for plan in doors.routes() {
        let shape = plan.shape();
        let (path, names) = match known.iter().find(|(other, _, _)| *other == shape) {
            Some((_, path, names)) => (path.clone(), *names),
            None => {
                known.push((shape, plan.path.clone(), &plan.in_path));
                (plan.path.clone(), &*plan.in_path)
            }
        };
        let operation = operations.route(plan, names);
        add(
            paths,
            &path,
            &plan.method.as_str().to_lowercase(),
            operation,
        );
    }
}

fn add_calls(doors: &Doors, operations: &mut Operations, paths: &mut Map<String, Json>) {
    let prefix = doors.settings().calls.trim_end_matches('/');
    if prefix.is_empty() {
        return;
    }
    for hosted in doors.services() {
        let service = hosted.server.name();
        let has_route = |action: &str| {
            let mut routes = doors.routes().iter();
            routes.any(|plan| plan.hosted.server.name() == service && plan.offered.name() == action)
        };
        let mut described: Vec<&str> = Vec::new();
        for offered in hosted.offered() {
            let action = offered.name();
            if described.contains(&action) || has_route(action) {
                continue;
            }
            described.push(action);
            let variants: Vec<&Offered> = variants(hosted, action);
            if let Some(operation) = operations.call(hosted, &variants) {
                add(
                    paths,
                    &format!("{prefix}/{service}/{action}"),
                    "post",
                    operation,
                );
            }
        }
        for action in hosted.server.action_names() {
            let is_declared = hosted.offered().iter().any(|one| one.name() == action);
            if !is_declared {
                let operation = operations.untyped_call(hosted, action);
                add(
                    paths,
                    &format!("{prefix}/{service}/{action}"),
                    "post",
                    operation,
                );
            }
        }
    }
}

fn variants<'a>(hosted: &'a Hosted, action: &str) -> Vec<&'a Offered> {
    let offered = hosted.offered().iter().map(|one| &**one);
    offered.filter(|one| one.name() == action).collect()
}

/// Adds what every component has.
fn add_own(doors: &Doors, operations: &mut Operations, paths: &mut Map<String, Json>) {
    let media = doors.channels().iter().filter_map(|channel| match channel {
        Channel::Rest | Channel::Call => None,
        Channel::Json => Some(JSON),
        Channel::MessagePack => Some(MSGPACK),
        Channel::Protobuf => Some(PROTOBUF),
    });
    let media: Vec<&str> = media.collect();
    if !media.is_empty() {
        add(paths, "/invoke", "post", invoke(&media, operations));
    }
    for component in doors.components() {
        add(paths, component.health_path(), "get", health_operation());
    }
    let summary = "Lists the services and their addresses";
    add(
        paths,
        report::PATH,
        "get",
        text_operation(summary, "report"),
    );
    if doors.protobuf().is_some() {
        let summary = "Shows the messages of protobuf as `.proto` files";
        let operation = text_operation(summary, "report_protobuf");
        add(paths, report::PROTOBUF_PATH, "get", operation);
    }
}

/// Returns an operation that is answered with text for people.
fn text_operation(summary: &str, id: &str) -> Json {
    json!({
        "summary": summary,
        "operationId": id,
        "responses": { "200": {
            "description": "Text for people",
            "content": { "text/plain": { "schema": { "type": "string" } } },
        } },
    })
}

fn invoke(media: &[&str], operations: &mut Operations) -> Json {
    let errors = call_errors(&mut operations.types);
    let (request, response) = (
        json!({
            "type": "object",
            "properties": {
                "method": { "type": "string", "description": "Method, as `component:service:action`" },
                "args": { "type": "array", "items": {}, "description": "Arguments, in the order of their declaration" },
            },
            "required": ["method"],
        }),
        json!({
            "type": "object",
            "properties": {
                "result": { "description": "Result; null if there is an exception" },
                "exception": { "anyOf": [{ "type": "string" }, { "type": "null" }], "description": "Error in words" },
                "errors": { "description": "Errors with their codes and fields, beside an exception",
                    "$ref": format!("{}/properties/errors", errors["$ref"].as_str().unwrap_or_default()) },
            },
            "required": ["result", "exception"],
        }),
    );
    let content = |schema: &Json| -> Map<String, Json> {
        let media = media.iter().map(|media| match *media {
            PROTOBUF => (PROTOBUF.to_owned(), json!({})),
            media => (media.to_owned(), json!({ "schema": schema })),
        });
        media.collect()
    };
    let text = |description: &str| {
        json!({
            "description": description,
            "content": { "text/plain": { "schema": { "type": "string" } } },
        })
    };
    json!({
        "summary": "Calls an action by position",
        "operationId": "invoke",
        "requestBody": { "required": true, "content": content(&request) },
        "responses": {
            "200": { "description": "Result or exception", "content": content(&response) },
            "400": text("The body cannot be decoded"),
            "415": text("The content type is unknown"),
        },
    })
}

fn health_operation() -> Json {
    let word = json!({ "type": "string", "enum": ["OK", "WARNING", "ERROR"] });
    let schema = json!({
        "type": "object",
        "properties": {
            "status": word,
            "checks": { "type": "array", "items": {
                "type": "object",
                "properties": {
                    "name": { "type": "string" },
                    "status": word,
                    "details": { "type": "string" },
                },
                "required": ["name", "status"],
            } },
        },
        "required": ["status", "checks"],
    });
    json!({
        "summary": "Runs the health checks",
        "operationId": "health",
        "responses": {
            "200": json_answer("All is well", schema.clone()),
            "429": json_answer("A check warns", schema.clone()),
            "500": json_answer("A check failed", schema),
        },
    })
}

/// Adds an operation, unless the path has one for the method.
fn add(paths: &mut Map<String, Json>, path: &str, method: &str, operation: Json) {
    let item = paths.entry(path).or_insert_with(|| json!({}));
    if let Some(item) = item.as_object_mut() {
        item.entry(method).or_insert(operation);
    }
}
