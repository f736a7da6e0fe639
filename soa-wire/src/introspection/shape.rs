//! Access to the parts of a schema of `introspect`: a map with a `type`, in the form of Conformity.

use crate::codec::{Map, Value};

/// Returns the type of the values that a schema allows; `anything` if it has none.
pub(super) fn kind(schema: &Value) -> &str {
    text(schema, "type").unwrap_or("anything")
}

pub(super) fn text<'a>(schema: &'a Value, key: &str) -> Option<&'a str> {
    schema.get(key).and_then(Value::as_str)
}

pub(super) fn list<'a>(schema: &'a Value, key: &str) -> &'a [Value] {
    schema.get(key).and_then(Value::as_list).unwrap_or_default()
}

/// Returns the schemas of the fields of a dictionary, or of the options of a polymorph.
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

/// The limits of a number or of a length: the name, true for an upper limit, and true for an exclusive one.
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

/// Returns the dotted path of a field.
pub(super) fn join(path: &str, field: &str) -> String {
    match path {
        "" => field.to_owned(),
        path => format!("{path}.{field}"),
    }
}

/// Returns a path for messages; the body itself has the empty path.
pub(super) fn at(path: &str) -> String {
    match path {
        "" => "the body".to_owned(),
        path => format!("`{path}`"),
    }
}
