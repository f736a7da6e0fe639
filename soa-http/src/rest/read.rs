//! A request of HTTP to the body of a job: path, query and body, each field from its place.

use bytes::Bytes;
use percent_encoding::percent_decode_str;
use soa_wire::text::Plain;
use soa_wire::{Map, Value};

use super::refusal;
use crate::refusal::{Form, Refusal};
use crate::reply::Reply;
use crate::route::{BodyPart, RoutePlan, is_list_of_texts};

/// The texts of a path, by the names of their fields.
pub(crate) type PathTexts<'a> = &'a [(String, String)];

/// Reads a request: a map of its fields, before the schema has said what they are.
///
/// # Errors
/// The body is not JSON, or the query is not UTF-8.
pub(super) fn sent(
    plan: &RoutePlan,
    path: PathTexts<'_>,
    query: Option<&str>,
    body: &Bytes,
) -> Result<Value, Reply> {
    let query = query.unwrap_or_default();
    if percent_decode_str(query).decode_utf8().is_err() {
        return Err(Refusal::not_utf8("query").reply(Form::Detail));
    }
    let mut sent = match &plan.body {
        BodyPart::None => Map::new(),
        BodyPart::Field(name) => match is_blank(body) {
            true => Map::new(),
            false => Map::from([(name.as_str(), parse(body)?)]),
        },
        BodyPart::Rest => match is_blank(body) {
            true => Map::new(),
            false => match parse(body)? {
                Value::Map(map) => map,
                other => return Err(refusal::not_a_map(&other)),
            },
        },
    };
    for name in &plan.in_path {
        let text = path.iter().find(|(known, _)| known == name);
        if let Some((_, text)) = text {
            sent.insert(name.as_str(), text.as_str());
        }
    }
    add_query(plan, query, &mut sent);
    Ok(Value::Map(sent))
}

fn is_blank(body: &Bytes) -> bool {
    body.iter().all(u8::is_ascii_whitespace)
}

fn parse(body: &Bytes) -> Result<Value, Reply> {
    let text = std::str::from_utf8(body)
        .map_err(|error| refusal::not_json(error.valid_up_to(), "the text is not UTF-8"))?;
    let plain = Plain::from_json(text)
        .map_err(|error| refusal::not_json(error.offset().unwrap_or(0), error.message()))?;
    Ok(plain.into_exact().with_keys_once())
}

fn add_query(plan: &RoutePlan, query: &str, sent: &mut Map) {
    let mut lists: Map = Map::new();
    for (key, text) in form_urlencoded::parse(query.as_bytes()) {
        // The name of the field, or an alias of it. Other keys are ignored.
        let Some(field) = plan
            .field(&key)
            .filter(|field| plan.in_query.contains(&field.name))
        else {
            continue;
        };
        let schema = &plan.offered.request;
        if is_list_of_texts(schema, &field.node) {
            match lists.get_mut(&key) {
                Some(Value::List(list)) => list.push(text.into_owned().into()),
                _ => drop(lists.insert(&*key, vec![Value::from(text.into_owned())])),
            }
        } else if text.is_empty() && field.is_option && !refusal::is_text(schema, &field.node) {
            // Clients of the reference write no value for `None`.
        } else {
            sent.insert(&*key, text.into_owned());
        }
    }
    for (key, list) in lists {
        sent.insert(key, list);
    }
}
