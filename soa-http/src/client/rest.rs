//! Calls by route: the fields of a request in the path, the query and the body.

use axum::http::{Method, Uri};
use bytes::Bytes;
use form_urlencoded::Serializer;
use soa_wire::codec::json;
use soa_wire::declared;
use soa_wire::text::Shape;
use soa_wire::{Map, Value};

use super::known::KnownAction;
use crate::path::{escaped, text_of};
use crate::route::{BodyPart, RouteForm};

/// A call before it is sent.
pub(super) struct Written {
    pub(super) method: Method,
    pub(super) url: Uri,
    /// JSON; `None` for no body.
    pub(super) body: Option<Bytes>,
}

/// Writes a call.
///
/// # Errors
/// The action has no route, or a value cannot be in it.
pub(super) fn write(base: &str, action: &KnownAction, request: Value) -> Result<Written, String> {
    let route = action.route()?;
    let shaped = Shape::TEXT.of(&action.offered.request, request);
    let mut fields = match shaped {
        Value::Map(fields) => fields,
        other if route.body == BodyPart::Rest => {
            return Ok(Written {
                method: method(route),
                url: url(base, &route.path, "")?,
                body: Some(body(&other)?),
            });
        }
        _ => Map::new(),
    };
    let mut path = String::with_capacity(base.len() + route.path.len() + 16);
    for segment in route.path.split('/').skip(1) {
        path.push('/');
        let name = segment
            .strip_prefix('{')
            .and_then(|rest| rest.strip_suffix('}'));
        match name {
            None => path.push_str(segment),
            Some(name) => match fields.remove(name).map(|value| text_of(&value)) {
                Some(Some(text)) if !text.is_empty() => path.push_str(&escaped(&text)),
                _ => return Err(format!("`{name}` is in the path, and has no value")),
            },
        }
    }
    let mut query = Serializer::new(String::new());
    for name in &route.in_query {
        match fields.remove(name.as_str()) {
            Some(Value::List(values)) => {
                for value in values.iter().filter_map(text_of) {
                    query.append_pair(name, &value);
                }
            }
            Some(value) => {
                if let Some(value) = text_of(&value) {
                    query.append_pair(name, &value);
                }
            }
            None => {}
        }
    }
    let body = match &route.body {
        BodyPart::None => None,
        BodyPart::Field(name) => match fields.remove(name.as_str()) {
            // Absent is not the same as null for a server.
            None | Some(Value::Nil) => None,
            Some(value) => Some(body(&value)?),
        },
        BodyPart::Rest => Some(body(&Value::Map(fields))?),
    };
    Ok(Written {
        method: method(route),
        url: url(base, &path, &query.finish())?,
        body,
    })
}

fn body(value: &Value) -> Result<Bytes, String> {
    let mut out = Vec::with_capacity(128);
    json::encode_compact(value, &mut out).map_err(|error| error.to_string())?;
    Ok(out.into())
}

fn url(base: &str, path: &str, query: &str) -> Result<Uri, String> {
    let url = match query {
        "" => format!("{base}{path}"),
        query => format!("{base}{path}?{query}"),
    };
    Uri::try_from(url).map_err(|error| format!("the path or the query is too long: {error}"))
}

fn method(route: &RouteForm) -> Method {
    match route.method {
        declared::Method::Get => Method::GET,
        declared::Method::Post => Method::POST,
        declared::Method::Put => Method::PUT,
        declared::Method::Patch => Method::PATCH,
        declared::Method::Delete => Method::DELETE,
    }
}

/// True if the verb allows a second attempt: it has the effect of one.
pub(super) fn repeats(method: declared::Method) -> bool {
    !matches!(method, declared::Method::Post | declared::Method::Patch)
}
