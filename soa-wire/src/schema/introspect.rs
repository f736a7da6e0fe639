//! A schema as data, in the form of Conformity's introspection (protocol, section 7).
//!
//! What Conformity has a word for is told by it. What only JSON schema knows stands beside it under names of its own
//! (`default`, `deprecated`, `pattern`, `format`, …): tools of the reference leave keys alone that they do not know.

use serde_json::{Number, Value as Json};

use super::{Bounds, Keys, Kind, Lengths, Node, Schema};
use crate::codec::{Integer, Map, Value};

impl Schema {
    /// The schema as data; `None` for one that allows anything, as the reference says nothing there.
    ///
    /// The description of the type itself is left out: it is written for those who read the source, the ones
    /// of its fields for those who call the service. A type that contains itself is `anything` there.
    pub fn introspect(&self) -> Option<Value> {
        match &self.root.kind {
            Kind::Anything => None,
            kind => Some(Value::Map(Writer::of(self).kind(kind))),
        }
    }
}

struct Writer<'a> {
    schema: &'a Schema,
    /// The names of the types that are being written, to find those that contain themselves.
    open: Vec<&'a str>,
}

impl<'a> Writer<'a> {
    fn of(schema: &'a Schema) -> Self {
        Self {
            schema,
            open: vec!["#"],
        }
    }

    fn node(&mut self, node: &'a Node) -> Value {
        let mut map = self.kind(&node.kind);
        // In Conformity a description belongs to what may be nil, not to its being nullable.
        let described = match map.get_mut("nullable") {
            Some(Value::Map(inner)) => inner,
            _ => &mut map,
        };
        if let Some(description) = &node.description {
            described.insert("description", description.as_str());
        }
        for (name, remark) in &node.remarks {
            described.insert(*name, data(remark));
        }
        Value::Map(map)
    }

    fn nodes(&mut self, nodes: &'a [Node]) -> Value {
        nodes
            .iter()
            .map(|node| self.node(node))
            .collect::<Vec<_>>()
            .into()
    }

    fn kind(&mut self, kind: &'a Kind) -> Map {
        let mut map = Map::new();
        let name = match kind {
            Kind::Reference(name) => return self.reference(name),
            Kind::Anything => "anything",
            Kind::Nil => "null",
            Kind::Boolean => "boolean",
            Kind::Bytes(_) => "bytes",
            Kind::DateTime { .. } => "datetime",
            Kind::Date => "date",
            Kind::Time => "time",
            Kind::Decimal => "decimal",
            Kind::Amount => "currint.Amount",
            Kind::Integer { .. } => "integer",
            Kind::Float(_) => "float",
            Kind::Text { form, .. } => form.unwrap_or("unicode"),
            Kind::List { .. } => "list",
            Kind::Tuple(_) => "tuple",
            Kind::Dictionary { .. } => "dictionary",
            Kind::Entries { .. } => "schemaless_dictionary",
            Kind::Nullable(_) => "nullable",
            Kind::Constant(_) => "constant",
            Kind::Any(_) => "any",
            Kind::Tagged { .. } => "polymorph",
        };
        map.insert("type", name);
        match kind {
            Kind::Integer {
                bounds: limits,
                range,
            } => {
                bounds(&mut map, limits);
                range_of_type(&mut map, *range);
            }
            Kind::Float(limits) => bounds(&mut map, limits),
            Kind::Text {
                lengths: limits, ..
            }
            | Kind::Bytes(limits) => lengths(&mut map, *limits),
            Kind::Amount => drop(map.insert("valid_currencies", "(all currencies)")),
            Kind::List {
                contents,
                lengths: limits,
            } => {
                map.insert("contents", self.node(contents));
                lengths(&mut map, *limits);
            }
            Kind::Tuple(places) => drop(map.insert("contents", self.nodes(places))),
            Kind::Dictionary {
                fields,
                allow_extra_keys,
            } => {
                let contents: Map = fields
                    .iter()
                    .map(|field| (field.name.as_str(), self.node(&field.node)))
                    .collect();
                map.insert("contents", contents);
                let optional = fields.iter().filter(|field| !field.required);
                let mut optional: Vec<&str> = optional.map(|field| field.name.as_str()).collect();
                optional.sort_unstable();
                let optional: Vec<Value> = optional.into_iter().map(Value::from).collect();
                map.insert("optional_keys", optional);
                map.insert("allow_extra_keys", *allow_extra_keys);
            }
            Kind::Entries {
                values,
                lengths: limits,
                keys,
            } => {
                if let Some(keys) = self.keys(*keys) {
                    map.insert("key_type", keys);
                }
                if values.kind != Kind::Anything {
                    map.insert("value_type", self.node(values));
                }
                lengths(&mut map, *limits);
            }
            Kind::Nullable(inner) => drop(map.insert("nullable", self.node(inner))),
            Kind::Constant(constants) => {
                let mut values: Vec<Value> = constants.iter().map(constant).collect();
                values.sort_by_key(|value| value.as_str().map(str::to_owned));
                map.insert("values", values);
            }
            Kind::Any(options) => drop(map.insert("options", self.nodes(options))),
            Kind::Tagged { field, options } => {
                map.insert("switch_field", field.as_str());
                let contents: Map = options
                    .iter()
                    .map(|(name, option)| (name.as_str(), self.node(option)))
                    .collect();
                map.insert("contents_map", contents);
            }
            _ => {}
        }
        map
    }

    fn keys(&mut self, keys: Keys) -> Option<Value> {
        let kind = match keys {
            Keys::Any => return None,
            Keys::Text => Kind::TEXT,
            Keys::Integer | Keys::Natural => Kind::Integer {
                bounds: Bounds {
                    gte: (keys == Keys::Natural).then(|| 0.into()),
                    ..Bounds::default()
                },
                range: None,
            },
        };
        Some(Value::Map(Writer::of(self.schema).kind(&kind)))
    }

    fn reference(&mut self, name: &'a str) -> Map {
        let definition = self.schema.definitions.get(name);
        match definition.filter(|_| !self.open.contains(&name)) {
            Some(definition) => {
                self.open.push(name);
                let node = self.node(definition);
                self.open.pop();
                match node {
                    Value::Map(map) => map,
                    _ => Map::new(), // `node` gives maps only.
                }
            }
            None => self.kind(&Kind::Anything),
        }
    }
}

/// The limits of a Rust type that is smaller than what an integer of the wire may be.
fn range_of_type(map: &mut Map, range: Option<(i128, i128)>) {
    let Some((min, max)) = range.filter(|(_, max)| *max <= u32::MAX.into()) else {
        return;
    };
    if map.get("gt").is_none() && map.get("gte").is_none() {
        map.insert("gte", Integer::from(min));
    }
    if map.get("lt").is_none() && map.get("lte").is_none() {
        map.insert("lte", Integer::from(max));
    }
}

fn bounds(map: &mut Map, bounds: &Bounds) {
    for (name, limit) in [
        ("gt", &bounds.gt),
        ("gte", &bounds.gte),
        ("lt", &bounds.lt),
        ("lte", &bounds.lte),
    ] {
        if let Some(limit) = limit {
            map.insert(name, number(limit));
        }
    }
}

fn lengths(map: &mut Map, lengths: Lengths) {
    if let Some(max) = lengths.max {
        map.insert("max_length", max);
    }
    if let Some(min) = lengths.min {
        map.insert("min_length", min);
    }
}

fn number(number: &Number) -> Value {
    match number.as_i128() {
        Some(whole) => Integer::from(whole).into(),
        None => number.as_f64().unwrap_or(f64::NAN).into(),
    }
}

/// What is neither a list nor a map.
fn constant(constant: &Json) -> Value {
    match constant {
        Json::Bool(value) => (*value).into(),
        Json::Number(value) => number(value),
        Json::String(text) => text.as_str().into(),
        _ => Value::Nil,
    }
}

fn data(json: &Json) -> Value {
    match json {
        Json::Array(items) => items.iter().map(data).collect::<Vec<_>>().into(),
        Json::Object(entries) => {
            let entries = entries.iter();
            let map: Map = entries
                .map(|(key, value)| (key.as_str(), data(value)))
                .collect();
            map.into()
        }
        other => constant(other),
    }
}
