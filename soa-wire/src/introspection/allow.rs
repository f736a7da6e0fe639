//! The check of a value against a schema of `introspect`.

use super::shape::{
    LIMITS, allows_extra_keys, at, fields, is_optional, join, kind, limit, list, text,
};
use crate::codec::Value;

/// Adds the differences of a value from its schema.
pub(super) fn check(schema: &Value, value: &Value, path: &str, problems: &mut Vec<String>) {
    let kind = kind(schema);
    let is_it = match kind {
        "null" => value.is_nil(),
        "boolean" => matches!(value, Value::Bool(_)),
        "integer" => matches!(value, Value::Integer(_)),
        "float" => matches!(value, Value::Float(_) | Value::Integer(_)),
        "bytes" => matches!(value, Value::Bytes(_)),
        "unicode" => matches!(value, Value::Text(_)),
        "datetime" => matches!(value, Value::DateTime(_) | Value::UtcDateTime(_)),
        "date" => matches!(value, Value::Date(_)),
        "time" => matches!(value, Value::Time(_)),
        "decimal" => matches!(value, Value::Decimal(_)),
        "currint.Amount" => matches!(value, Value::Amount(_)),
        "list" | "set" | "sequence" | "tuple" => matches!(value, Value::List(_)),
        "dictionary" | "schemaless_dictionary" | "polymorph" => matches!(value, Value::Map(_)),
        _ => true,
    };
    if !is_it {
        let found = value.kind_name();
        problems.push(format!(
            "{} should be of type {kind}, not {found}",
            at(path)
        ));
        return;
    }
    limits(schema, value, path, problems);
    match kind {
        "nullable" if !value.is_nil() => {
            if let Some(inner) = schema.get("nullable") {
                check(inner, value, path, problems);
            }
        }
        "constant" if !list(schema, "values").contains(value) => {
            problems.push(format!("{} must not be {value:?}", at(path)));
        }
        "any" => {
            let options = list(schema, "options");
            if !options.is_empty() && !options.iter().any(|option| allows(option, value)) {
                problems.push(format!("{} fits none of its options: {value:?}", at(path)));
            }
        }
        "all" => {
            for requirement in list(schema, "requirements") {
                check(requirement, value, path, problems);
            }
        }
        "list" | "set" | "sequence" => {
            if let Some(contents) = schema.get("contents") {
                for (index, item) in value.as_list().unwrap_or_default().iter().enumerate() {
                    check(contents, item, &join(path, &index.to_string()), problems);
                }
            }
        }
        "tuple" => tuple(schema, value, path, problems),
        "dictionary" => dictionary(schema, value, path, problems),
        "schemaless_dictionary" => {
            let (keys, values) = (schema.get("key_type"), schema.get("value_type"));
            for (key, value) in value.as_map().into_iter().flatten() {
                let name = key
                    .as_str()
                    .map_or_else(|| format!("{key:?}"), str::to_owned);
                let place = join(path, &name);
                if keys.is_some_and(|keys| !allows(keys, key)) {
                    problems.push(format!("`{place}` has a key that is not allowed"));
                }
                if let Some(values) = values {
                    check(values, value, &place, problems);
                }
            }
        }
        "polymorph" => polymorph(schema, value, path, problems),
        _ => {}
    }
}

/// Returns true if a schema allows a value.
pub(super) fn allows(schema: &Value, value: &Value) -> bool {
    let mut problems = Vec::new();
    check(schema, value, "", &mut problems);
    problems.is_empty()
}

fn limits(schema: &Value, value: &Value, path: &str, problems: &mut Vec<String>) {
    let length = match value {
        Value::Text(text) => Some(text.chars().count()),
        Value::Bytes(bytes) => Some(bytes.len()),
        Value::List(items) => Some(items.len()),
        Value::Map(map) => Some(map.len()),
        _ => None,
    };
    // An `f64` holds every length exactly: none is over 2^53.
    let length = length
        .and_then(|length| u32::try_from(length).ok())
        .map(f64::from);
    let Some(size) = length.or_else(|| value.as_f64()) else {
        return;
    };
    for (name, is_upper, is_exclusive) in LIMITS {
        let Some(limit) = limit(schema, name) else {
            continue;
        };
        let is_beyond = if is_upper { size > limit } else { size < limit };
        let is_limit = size == limit;
        if is_beyond || (is_exclusive && is_limit) {
            problems.push(format!(
                "{} violates {name} = {limit}: it is {size}",
                at(path)
            ));
        }
    }
}

fn tuple(schema: &Value, value: &Value, path: &str, problems: &mut Vec<String>) {
    let (places, items) = (
        list(schema, "contents"),
        value.as_list().unwrap_or_default(),
    );
    if places.len() != items.len() {
        let (should, is) = (places.len(), items.len());
        problems.push(format!(
            "{} should have {should} elements, not {is}",
            at(path)
        ));
    }
    for (index, (place, item)) in places.iter().zip(items).enumerate() {
        check(place, item, &join(path, &index.to_string()), problems);
    }
}

fn dictionary(schema: &Value, value: &Value, path: &str, problems: &mut Vec<String>) {
    for (name, field) in fields(schema, "contents") {
        match value.get(name) {
            Some(value) => check(field, value, &join(path, name), problems),
            None if is_optional(schema, name) => {}
            None => problems.push(format!("`{}` is missing", join(path, name))),
        }
    }
    if allows_extra_keys(schema) {
        return;
    }
    for (key, _) in value.as_map().into_iter().flatten() {
        let is_known = |key: &str| fields(schema, "contents").any(|(name, _)| name == key);
        match key.as_str() {
            Some(key) if is_known(key) => {}
            Some(key) => problems.push(format!("`{}` is unknown", join(path, key))),
            None => problems.push(format!("{} has the unknown key {key:?}", at(path))),
        }
    }
}

fn polymorph(schema: &Value, value: &Value, path: &str, problems: &mut Vec<String>) {
    let Some(field) = text(schema, "switch_field") else {
        return;
    };
    let Some(chosen) = value.get(field).and_then(Value::as_str) else {
        problems.push(format!("`{}` is missing", join(path, field)));
        return;
    };
    let option = |name| fields(schema, "contents_map").find(|(option, _)| *option == name);
    match option(chosen).or_else(|| option("__default__")) {
        Some((_, option)) => check(option, value, path, problems),
        None => problems.push(format!("`{}` must not be `{chosen}`", join(path, field))),
    }
}
