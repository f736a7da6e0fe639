//! A schema as data, in the form of Conformity's introspection (protocol, section 7).

use serde_json::{Number, Value as Json};

use super::{Bounds, Kind, Lengths, Node, Schema};
use crate::codec::{Integer, Map, Value};

impl Schema {
    /// The schema as data; `None` for one that allows anything, as the reference says nothing there.
    ///
    /// The description of the type itself is left out: it is written for those who read the source, the ones
    /// of its fields for those who call the service. A type that contains itself is `anything` there.
    pub fn introspect(&self) -> Option<Value> {
        match &self.root.kind {
            Kind::Anything => None,
            kind => {
                let mut writer = Writer {
                    schema: self,
                    open: vec!["#"],
                };
                Some(Value::Map(writer.kind(kind)))
            }
        }
    }
}

struct Writer<'a> {
    schema: &'a Schema,
    /// The names of the types that are being written, to find those that contain themselves.
    open: Vec<&'a str>,
}

impl<'a> Writer<'a> {
    fn node(&mut self, node: &'a Node) -> Value {
        let mut map = self.kind(&node.kind);
        if let Some(description) = &node.description {
            // In Conformity a description belongs to what may be nil, not to its being nullable.
            match map.get_mut("nullable") {
                Some(Value::Map(inner)) => inner.insert("description", description.as_str()),
                _ => map.insert("description", description.as_str()),
            };
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
            Kind::Bytes => "bytes",
            Kind::DateTime { .. } => "datetime",
            Kind::Date => "date",
            Kind::Time => "time",
            Kind::Decimal => "decimal",
            Kind::Amount => "currint.Amount",
            Kind::Integer { .. } => "integer",
            Kind::Float(_) => "float",
            Kind::Text(_) => "unicode",
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
            Kind::Integer { bounds: limits, .. } | Kind::Float(limits) => bounds(&mut map, limits),
            Kind::Text(limits) => lengths(&mut map, *limits),
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
                has_text_keys,
            } => {
                if *has_text_keys {
                    map.insert("key_type", Value::Map(self.kind(&TEXT)));
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

const TEXT: Kind = Kind::Text(Lengths {
    min: None,
    max: None,
});

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

fn constant(constant: &Json) -> Value {
    match constant {
        Json::Bool(value) => (*value).into(),
        Json::Number(value) => number(value),
        Json::String(text) => text.as_str().into(),
        _ => Value::Nil,
    }
}
