//! Reading a schema of `introspect`: maps with a `type`, as Conformity has them.

use crate::codec::{Map, Value};

/// What kind of value a schema allows; `anything` where it does not say.
pub(super) fn kind(schema: &Value) -> &str {
    text(schema, "type").unwrap_or("anything")
}

pub(super) fn text<'a>(schema: &'a Value, key: &str) -> Option<&'a str> {
    schema.get(key).and_then(Value::as_str)
}

pub(super) fn list<'a>(schema: &'a Value, key: &str) -> &'a [Value] {
    schema.get(key).and_then(Value::as_list).unwrap_or_default()
}

/// The schemas of the fields of a dictionary, or of the options of a polymorph.
pub(super) fn fields<'a>(
    schema: &'a Value,
    key: &str,
) -> impl Iterator<Item = (&'a str, &'a Value)> {
    let fields = schema.get(key).and_then(Value::as_map);
    let fields = fields.into_iter().flat_map(Map::iter);
    fields.filter_map(|(name, field)| Some((name.as_str()?, field)))
}

pub(super) fn is_optional(schema: &Value, field: &str) -> bool {
    let mut optional = list(schema, "optional_keys").iter();
    optional.any(|key| key.as_str() == Some(field))
}

pub(super) fn allows_extra_keys(schema: &Value) -> bool {
    schema.get("allow_extra_keys").and_then(Value::as_bool) == Some(true)
}

/// The limits of a number or of a length: name, whether it is an upper one, whether the limit itself is out.
pub(super) const LIMITS: [(&str, bool, bool); 6] = [
    ("gt", false, true),
    ("gte", false, false),
    ("min_length", false, false),
    ("lt", true, true),
    ("lte", true, false),
    ("max_length", true, false),
];

pub(super) fn limit(schema: &Value, name: &str) -> Option<f64> {
    schema.get(name).and_then(Value::as_f64)
}

/// The place of a field, dotted.
pub(super) fn join(path: &str, field: &str) -> String {
    match path {
        "" => field.to_owned(),
        path => format!("{path}.{field}"),
    }
}

/// `at` a place, or nothing for the body itself.
pub(super) fn at(path: &str) -> String {
    match path {
        "" => "the body".to_owned(),
        path => format!("`{path}`"),
    }
}
