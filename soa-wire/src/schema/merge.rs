//! Schemas that say a part of what a map is here and the rest elsewhere, put together.
//!
//! serde flattens an enum into a struct, and puts a tag into the struct that a variant wraps. `schemars` writes both as
//! `properties` beside a `$ref`, `oneOf`, `anyOf` or `allOf`: each alternative has the fields of the struct, too.
//! Conformity knows no such sums, so they are worked out here: alternatives that are whole dictionaries.
//!
//! Two flattened enums are every combination of their variants. Where those are too many, the fields that are known are
//! told and any further key is allowed: what is not in the schema, serde still checks.

use serde_json::{Map, Value as Json};

type Object = Map<String, Json>;

/// How many alternatives a sum may have.
const MAX_ALTERNATIVES: usize = 64;

/// How many names of types lead to one another.
const MAX_DEPTH: usize = 16;

/// The keywords that say a part of a map.
const PARTS: [&str; 4] = ["$ref", "oneOf", "anyOf", "allOf"];

/// What names stand for.
#[derive(Clone, Copy)]
pub(super) struct Definitions<'a>(pub(super) Option<&'a Object>);

impl<'a> Definitions<'a> {
    fn get(self, reference: &str) -> Option<&'a Object> {
        let name = super::convert::definition_name(reference);
        self.0?.get(&name)?.as_object()
    }
}

/// What is said about a type and not about its values; of a sum, that is said once.
const REMARKS: [&str; 7] = [
    "$schema",
    "$defs",
    "title",
    "description",
    "default",
    "deprecated",
    "examples",
];

/// The whole of a schema that has its parts in several places; `None` for any other.
pub(super) fn whole(schema: &Object, definitions: Definitions<'_>) -> Option<Object> {
    let has_parts = PARTS.iter().any(|part| schema.contains_key(*part));
    let is_sum = schema.contains_key("properties") && has_parts || schema.contains_key("allOf");
    if !is_sum {
        return None;
    }
    let (mut sum, values): (Object, Object) = schema
        .clone()
        .into_iter()
        .partition(|(key, _)| REMARKS.contains(&&**key));
    match alternatives(&values, definitions, MAX_DEPTH) {
        Some(alternatives) => {
            let alternatives: Vec<Object> = alternatives.into_iter().map(settled).collect();
            if let [only] = alternatives.as_slice() {
                return Some(both(&sum, only));
            }
            let alternatives = alternatives.into_iter().map(Json::Object).collect();
            sum.insert("oneOf".to_owned(), Json::Array(alternatives));
        }
        None => {
            let known = values.into_iter();
            sum.extend(
                known.filter(|(key, _)| !PARTS.contains(&&**key) && key != "unevaluatedProperties"),
            );
        }
    }
    Some(sum)
}

/// The maps that a schema allows, each with all of its fields; `None` where they are too many. What is no map is left
/// out: it cannot be a part of one.
fn alternatives(
    schema: &Object,
    definitions: Definitions<'_>,
    depth: usize,
) -> Option<Vec<Object>> {
    let depth = depth.checked_sub(1)?;
    let mut own = schema.clone();
    for part in PARTS {
        own.remove(part);
    }
    let mut found = vec![own];
    if let Some(reference) = schema.get("$ref").and_then(Json::as_str) {
        let parts = alternatives(definitions.get(reference)?, definitions, depth)?;
        found = combined(&found, &parts)?;
    }
    let all = schema.get("allOf").and_then(Json::as_array);
    for part in all.into_iter().flatten().filter_map(Json::as_object) {
        let parts = alternatives(part, definitions, depth)?;
        found = combined(&found, &parts)?;
    }
    for keyword in ["oneOf", "anyOf"] {
        let Some(options) = schema.get(keyword).and_then(Json::as_array) else {
            continue;
        };
        let mut parts = Vec::new();
        for option in options.iter().filter_map(Json::as_object) {
            parts.extend(alternatives(option, definitions, depth)?);
        }
        parts.retain(is_map);
        if !parts.is_empty() {
            found = combined(&found, &parts)?;
        }
    }
    Some(found)
}

fn is_map(schema: &Object) -> bool {
    schema.contains_key("properties") || schema.get("type").is_some_and(|name| name == "object")
}

/// Each of the ones with each of the others.
fn combined(ones: &[Object], others: &[Object]) -> Option<Vec<Object>> {
    if ones.len().saturating_mul(others.len()) > MAX_ALTERNATIVES {
        return None;
    }
    let pairs = ones
        .iter()
        .flat_map(|one| others.iter().map(move |other| (one, other)));
    Some(pairs.map(|(one, other)| both(one, other)).collect())
}

fn both(one: &Object, other: &Object) -> Object {
    let mut sum = one.clone();
    for (key, value) in other {
        match (sum.get_mut(key), value) {
            (Some(Json::Object(properties)), Json::Object(more)) if key == "properties" => {
                for (name, field) in more {
                    properties.insert(name.clone(), field.clone());
                }
            }
            (Some(Json::Array(required)), Json::Array(more)) if key == "required" => {
                required.extend(more.iter().cloned());
            }
            // What is said here is said of this place.
            (Some(_), _) if REMARKS.contains(&&**key) => {}
            // A map that is closed takes no further keys, whichever part of it says so.
            (Some(closed), _) if *closed == Json::Bool(false) => {}
            _ => drop(sum.insert(key.clone(), value.clone())),
        }
    }
    sum
}

/// Now that all fields are in one place, none is left to be evaluated elsewhere.
fn settled(mut schema: Object) -> Object {
    if schema.remove("unevaluatedProperties") == Some(Json::Bool(false)) {
        schema.insert("additionalProperties".to_owned(), false.into());
    }
    schema
}
