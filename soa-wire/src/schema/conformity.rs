//! Schemas from Conformity's introspection: what a service says of itself, as a [`Schema`].
//!
//! This is the way back of [`Schema::introspect`], and reads the answers of PySOA's services as well. It keeps what the
//! check of a value and the reading of text need: kinds, limits, fields. Descriptions and defaults are left out. A kind that
//! is unknown here allows anything, so a schema never refuses what its service accepts.

use std::collections::{BTreeSet, HashMap};

use serde_json::{Number, Value as Json};

use super::node::{Bounds, ExtraKeys, Field, Keys, Lengths, Node, NodeKind, Schema};
use crate::codec::{Map, Value};

impl Schema {
    /// Reads a schema of an answer of `introspect`: a map with a `type`. Nil allows anything.
    ///
    /// ```
    /// # use soa_wire as soa;
    /// use soa::schema::Schema;
    /// use soa::value;
    ///
    /// let number = value!({ "type": "integer", "gt": 0 });
    /// let schema = Schema::from_introspection(&value!({
    ///     "type": "dictionary",
    ///     "contents": { "number": number },
    ///     "optional_keys": [],
    ///     "allow_extra_keys": false,
    /// }));
    /// let errors = schema.check(&value!({ "number": 0 }));
    /// assert_eq!(errors[0].message, "Value not > 0");
    /// ```
    pub fn from_introspection(schema: &Value) -> Self {
        let name = schema.get("name").and_then(Value::as_str);
        let root = node(schema);
        let mut definitions: HashMap<String, Node> = named(schema, "definitions")
            .map(|(name, definition)| (name.to_owned(), node(definition)))
            .collect();
        // A type within itself refers to the whole by its name, or by this sign if another type has the same name.
        definitions.insert("#".to_owned(), root.clone());
        if let Some(name) = name {
            let named = definitions.entry(name.to_owned());
            named.or_insert_with(|| root.clone());
        }
        Self {
            name: name.map(str::to_owned),
            root,
            definitions,
        }
    }
}

/// Converts a schema. The depth of the recursion is that of the value, which its reader has limited.
fn node(schema: &Value) -> Node {
    kind(schema).into_node()
}

fn kind(schema: &Value) -> NodeKind {
    // A type within itself is `anything` for readers that do not know this key.
    if let Some(name) = schema.get("reference").and_then(Value::as_str) {
        return NodeKind::Reference(name.to_owned());
    }
    let name = schema.get("type").and_then(Value::as_str);
    match name.unwrap_or("anything") {
        "null" => NodeKind::Nil,
        "boolean" => NodeKind::Boolean,
        "integer" => NodeKind::Integer {
            bounds: bounds(schema),
            range: None,
        },
        "float" => NodeKind::Float(bounds(schema)),
        "decimal" => NodeKind::Decimal(bounds(schema)),
        "unicode" => NodeKind::Text {
            lengths: lengths(schema),
            form: None,
        },
        "email_address" | "ip_address" | "ipv4_address" | "ipv6_address" | "unicode_decimal" => {
            NodeKind::TEXT
        }
        "bytes" => NodeKind::Bytes(lengths(schema)),
        "datetime" => NodeKind::DateTime { utc: None },
        "date" => NodeKind::Date,
        "time" => NodeKind::Time,
        "currint.Amount" => NodeKind::Amount,
        "list" | "set" | "sequence" => NodeKind::List {
            contents: Box::new(part(schema, "contents")),
            lengths: lengths(schema),
        },
        "tuple" => NodeKind::Tuple(parts(schema, "contents")),
        "dictionary" => dictionary(schema),
        "schemaless_dictionary" => NodeKind::Entries {
            values: Box::new(part(schema, "value_type")),
            lengths: lengths(schema),
            keys: keys(schema.get("key_type")),
        },
        "nullable" => NodeKind::Nullable(Box::new(part(schema, "nullable"))),
        "constant" => constants(schema),
        "any" => NodeKind::Any(parts(schema, "options")),
        // A value has to meet all requirements. One of them says of which kind it is.
        "all" => {
            let requirements = parts(schema, "requirements").into_iter();
            let mut kinds = requirements.map(|requirement| requirement.kind);
            let known = kinds.find(|kind| *kind != NodeKind::Anything);
            known.unwrap_or(NodeKind::Anything)
        }
        "polymorph" => polymorph(schema),
        _ => NodeKind::Anything,
    }
}

fn part(schema: &Value, key: &str) -> Node {
    schema.get(key).map_or(NodeKind::Anything.into_node(), node)
}

fn parts(schema: &Value, key: &str) -> Vec<Node> {
    let parts = schema.get(key).and_then(Value::as_list);
    parts.unwrap_or_default().iter().map(node).collect()
}

fn named<'a>(schema: &'a Value, key: &str) -> impl Iterator<Item = (&'a str, &'a Value)> {
    let entries = schema.get(key).and_then(Value::as_map);
    let entries = entries.into_iter().flat_map(Map::iter);
    entries.filter_map(|(name, schema)| Some((name.as_str()?, schema)))
}

fn dictionary(schema: &Value) -> NodeKind {
    let optional = schema.get("optional_keys").and_then(Value::as_list);
    let optional = optional.unwrap_or_default().iter();
    let optional: BTreeSet<&str> = optional.filter_map(Value::as_str).collect();
    let is_optional = |name: &str| optional.contains(name);
    let fields = named(schema, "contents")
        .map(|(name, field)| Field::new(name, node(field), !is_optional(name)));
    NodeKind::Dictionary {
        fields: fields.collect(),
        extra: ExtraKeys::allowed(
            schema.get("allow_extra_keys").and_then(Value::as_bool) == Some(true),
        ),
    }
}

fn polymorph(schema: &Value) -> NodeKind {
    let Some(field) = schema.get("switch_field").and_then(Value::as_str) else {
        return NodeKind::Anything;
    };
    let options = named(schema, "contents_map");
    NodeKind::Tagged {
        field: field.to_owned(),
        options: options
            .map(|(name, option)| (name.to_owned(), node(option)))
            .collect(),
    }
}

fn constants(schema: &Value) -> NodeKind {
    let values = schema.get("values").and_then(Value::as_list);
    let values: Option<Vec<Json>> = values.unwrap_or_default().iter().map(constant).collect();
    values.map_or(NodeKind::Anything, NodeKind::Constant)
}

/// Converts a constant; `None` if JSON does not have it.
fn constant(value: &Value) -> Option<Json> {
    match value {
        Value::Nil => Some(Json::Null),
        Value::Bool(value) => Some((*value).into()),
        Value::Text(text) => Some(text.as_str().into()),
        number => self::number(number).map(Json::Number),
    }
}

fn keys(schema: Option<&Value>) -> Keys {
    let Some(schema) = schema else {
        return Keys::Any;
    };
    match kind(schema) {
        NodeKind::Text { .. } => Keys::Text,
        NodeKind::Integer { .. } => Keys::Integer,
        NodeKind::Anything => Keys::Any,
        kind => Keys::Other(Box::new(kind.into_node())),
    }
}

fn bounds(schema: &Value) -> Bounds {
    let limit = |key| schema.get(key).and_then(number);
    Bounds {
        gt: limit("gt"),
        gte: limit("gte"),
        lt: limit("lt"),
        lte: limit("lte"),
    }
}

fn lengths(schema: &Value) -> Lengths {
    let length = |key| schema.get(key).and_then(Value::as_u64);
    Lengths {
        min: length("min_length"),
        max: length("max_length"),
    }
}

fn number(value: &Value) -> Option<Number> {
    match value {
        Value::Integer(integer) => {
            let small = integer.as_i64().map(Number::from);
            small.or_else(|| integer.as_u64().map(Number::from))
        }
        Value::Float(float) => Number::from_f64(*float),
        _ => None,
    }
}
