//! Schemas of maps whose parts are in several places, merged into whole dictionaries.
//!
//! serde flattens an enum into a struct, and puts a tag into the struct that a variant wraps. `schemars` writes both as
//! `properties` beside a `$ref`, `oneOf`, `anyOf` or `allOf`, where each alternative also has the fields of the struct.
//! Conformity has no such sums. They become alternatives that are whole dictionaries.
//!
//! Two flattened enums become all combinations of their variants. If these are too many, the schema has only the common
//! fields, and allows any other key. serde still checks those.

use serde_json::{Map, Value as Json};

/// The key in the schema of a type with its package in protobuf.
pub(super) const PACKAGE: &str = "x-soa-package";

type Object = Map<String, Json>;

/// The greatest number of alternatives of a sum.
const MAX_ALTERNATIVES: usize = 64;

/// The greatest number of references that are followed one after another.
const MAX_DEPTH: usize = 16;

/// The keywords with a part of a map.
const PARTS: [&str; 4] = ["$ref", "oneOf", "anyOf", "allOf"];

/// The named types of a schema.
#[derive(Clone, Copy)]
pub(super) struct Definitions<'a>(pub(super) Option<&'a Object>);

impl<'a> Definitions<'a> {
    fn get(self, reference: &str) -> Option<&'a Object> {
        self.0?.get(&definition_name(reference))?.as_object()
    }
}

/// Returns the name in a reference.
pub(super) fn definition_name(reference: &str) -> String {
    let name = reference.strip_prefix("#/$defs/").unwrap_or(reference);
    name.replace("~1", "/").replace("~0", "~")
}

/// The keywords that describe a type and not its values. A sum has them once.
const REMARKS: [&str; 8] = [
    PACKAGE,
    "$schema",
    "$defs",
    "title",
    "description",
    "default",
    "deprecated",
    "examples",
];

/// True for a schema whose parts are in several places.
pub(super) fn is_sum(schema: &Object) -> bool {
    let has_parts = PARTS.iter().any(|part| schema.contains_key(*part));
    schema.contains_key("properties") && has_parts || schema.contains_key("allOf")
}

/// Merges a schema whose parts are in several places. Returns `None` for any other schema.
pub(super) fn whole(schema: &Object, definitions: Definitions<'_>) -> Option<Object> {
    if !is_sum(schema) {
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

/// Returns the maps that a schema allows, each with all of its fields; `None` if they are too many. Alternatives that are
/// not maps are left out, as they cannot be a part of one.
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

/// Merges each schema of one list with each of the other.
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
            // The remarks of the first one are about this place.
            (Some(_), _) if REMARKS.contains(&&**key) => {}
            // If one part does not allow further keys, the whole does not.
            (Some(closed), _) if *closed == Json::Bool(false) => {}
            _ => drop(sum.insert(key.clone(), value.clone())),
        }
    }
    sum
}

/// Replaces `unevaluatedProperties` by `additionalProperties`, as all fields are now in one place.
fn settled(mut schema: Object) -> Object {
    if schema.remove("unevaluatedProperties") == Some(Json::Bool(false)) {
        schema.insert("additionalProperties".to_owned(), false.into());
    }
    schema
}
