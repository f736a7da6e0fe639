//! Schemas as data, in the form of Conformity's introspection (protocol, section 7).
//!
//! Properties that only JSON Schema has (`default`, `deprecated`, `pattern`, `format`, …) are additional keys. Tools of
//! PySOA ignore unknown keys. So are the names of types (`name`), and the shapes of types that contain themselves: inside of
//! itself, such a type is `anything` with the key `reference`: the `name` of the whole schema, or of one of its `definitions`.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::{Number, Value as Json};

use super::node::{Bounds, ExtraKeys, Field, Keys, Lengths, Node, NodeKind, Schema};
use crate::codec::{Integer, Map, Value};

impl Schema {
    /// Returns the schema as data, or `None` if it allows anything, as PySOA does.
    ///
    /// The description of the type itself is left out: it is for readers of the source, while those of the fields are for
    /// callers. A type inside of itself becomes `anything` with a `reference` to this schema or to one of its
    /// `definitions`.
    pub fn introspect(&self) -> Option<Value> {
        self.introspected(Writer::of(self))
    }

    /// Returns the schema of an answer as data: fields have the names under which they are written.
    pub fn introspect_written(&self) -> Option<Value> {
        let mut writer = Writer::of(self);
        writer.is_written = true;
        self.introspected(writer)
    }

    fn introspected<'a>(&'a self, mut writer: Writer<'a>) -> Option<Value> {
        if self.root.kind == NodeKind::Anything {
            return None;
        }
        let mut map = writer.kind(&self.root.kind);
        if let Some(name) = &self.name {
            map.insert("name", name.as_str());
        }
        let definitions = writer.definitions();
        if !definitions.is_empty() {
            map.insert("definitions", definitions.into_iter().collect::<Map>());
        }
        Some(Value::Map(map))
    }
}

struct Writer<'a> {
    schema: &'a Schema,
    /// True if fields have the names under which they are written, and not those under which they are read.
    is_written: bool,
    /// Names of the types that are being written, to find types inside of themselves.
    open: Vec<&'a str>,
    /// Names of the types that are told by reference, and so need a definition.
    recursive: BTreeSet<&'a str>,
    /// Names of the types within themselves whose shape is written already, once.
    written: BTreeSet<&'a str>,
    /// The number of types that were written in place.
    expanded: usize,
}

/// The greatest number of types that are written in place. Types that name each other many times would otherwise take more
/// room than there is.
const MAX_EXPANDED: usize = 10_000;

impl<'a> Writer<'a> {
    fn of(schema: &'a Schema) -> Self {
        Self {
            schema,
            is_written: false,
            open: vec!["#"],
            recursive: BTreeSet::new(),
            written: BTreeSet::new(),
            expanded: 0,
        }
    }

    /// Writes the types that were found inside of themselves, and those that are found so in them.
    fn definitions(&mut self) -> BTreeMap<&'a str, Value> {
        let mut written = BTreeMap::new();
        loop {
            let mut found = self.recursive.iter().copied();
            let Some(name) = found.find(|name| !written.contains_key(name)) else {
                return written;
            };
            self.open = vec!["#"];
            let definition = self.schema.definitions.get(name);
            let definition = definition.map(|definition| self.in_place(name, definition));
            written.insert(name, Value::Map(definition.unwrap_or_default()));
        }
    }

    /// Returns the name of a type as it is told; the whole document has the name `#` in references.
    fn shown(&self, name: &'a str) -> &'a str {
        match name {
            "#" => {
                let own = self.schema.name.as_deref();
                // Another type may have the same name.
                own.filter(|own| !self.schema.definitions.contains_key(*own))
                    .unwrap_or(name)
            }
            name => name,
        }
    }

    fn name(&self, field: &'a Field) -> &'a str {
        match self.is_written {
            true => field.written_name(),
            false => &field.name,
        }
    }

    fn node(&mut self, node: &'a Node) -> Value {
        let mut map = self.kind(&node.kind);
        // In Conformity, the description belongs to the inner schema of a nullable.
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

    fn kind(&mut self, kind: &'a NodeKind) -> Map {
        let mut map = Map::new();
        let name = match kind {
            NodeKind::Reference(name) => return self.reference(name),
            NodeKind::Anything => "anything",
            NodeKind::Nil => "null",
            NodeKind::Boolean => "boolean",
            NodeKind::Bytes(_) => "bytes",
            NodeKind::DateTime { .. } => "datetime",
            NodeKind::Date => "date",
            NodeKind::Time => "time",
            NodeKind::Decimal(_) => "decimal",
            NodeKind::Amount => "currint.Amount",
            NodeKind::Integer { .. } => "integer",
            NodeKind::Float(_) => "float",
            NodeKind::Text { form, .. } => form.unwrap_or("unicode"),
            NodeKind::List { .. } => "list",
            NodeKind::Tuple(_) => "tuple",
            NodeKind::Dictionary { .. } => "dictionary",
            NodeKind::Entries { .. } => "schemaless_dictionary",
            NodeKind::Nullable(_) => "nullable",
            NodeKind::Constant(_) => "constant",
            NodeKind::Any(_) => "any",
            NodeKind::Tagged { .. } => "polymorph",
        };
        map.insert("type", name);
        match kind {
            NodeKind::Integer {
                bounds: limits,
                range,
            } => {
                bounds(&mut map, limits);
                range_of_type(&mut map, *range);
            }
            NodeKind::Float(limits) | NodeKind::Decimal(limits) => bounds(&mut map, limits),
            NodeKind::Text {
                lengths: limits, ..
            }
            | NodeKind::Bytes(limits) => lengths(&mut map, *limits),
            NodeKind::Amount => drop(map.insert("valid_currencies", "(all currencies)")),
            NodeKind::List {
                contents,
                lengths: limits,
            } => {
                map.insert("contents", self.node(contents));
                lengths(&mut map, *limits);
            }
            NodeKind::Tuple(places) => drop(map.insert("contents", self.nodes(places))),
            NodeKind::Dictionary { fields, extra } => {
                let contents: Map = fields
                    .iter()
                    .map(|field| (self.name(field), self.node(&field.node)))
                    .collect();
                map.insert("contents", contents);
                let optional = fields.iter().filter(|field| !field.required);
                let mut optional: Vec<&str> = optional.map(|field| self.name(field)).collect();
                optional.sort_unstable();
                let optional: Vec<Value> = optional.into_iter().map(Value::from).collect();
                map.insert("optional_keys", optional);
                map.insert("allow_extra_keys", *extra != ExtraKeys::Refused);
            }
            NodeKind::Entries {
                values,
                lengths: limits,
                keys,
            } => {
                if let Some(keys) = self.keys(keys) {
                    map.insert("key_type", keys);
                }
                if values.kind != NodeKind::Anything {
                    map.insert("value_type", self.node(values));
                }
                lengths(&mut map, *limits);
            }
            NodeKind::Nullable(inner) => drop(map.insert("nullable", self.node(inner))),
            NodeKind::Constant(constants) => {
                let mut values: Vec<Value> = constants.iter().map(constant).collect();
                values.sort_by_key(|value| value.as_str().map(str::to_owned));
                map.insert("values", values);
            }
            NodeKind::Any(options) => drop(map.insert("options", self.nodes(options))),
            NodeKind::Tagged { field, options } => {
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

    fn keys(&mut self, keys: &'a Keys) -> Option<Value> {
        let kind = match keys {
            Keys::Any => return None,
            Keys::Other(node) => return Some(self.node(node)),
            Keys::Text => NodeKind::TEXT,
            Keys::Integer | Keys::Natural => NodeKind::Integer {
                bounds: Bounds {
                    gte: (*keys == Keys::Natural).then(|| 0.into()),
                    ..Bounds::default()
                },
                range: None,
            },
        };
        Some(Value::Map(Writer::of(self.schema).kind(&kind)))
    }

    fn reference(&mut self, name: &'a str) -> Map {
        let definition = self.schema.definitions.get(name);
        match definition.filter(|definition| self.is_in_place(name, definition)) {
            Some(definition) => self.in_place(name, definition),
            None => {
                let mut map = self.kind(&NodeKind::Anything);
                if definition.is_some() {
                    map.insert("reference", self.shown(name));
                }
                // The whole schema is the definition of the type that it is of.
                if definition.is_some() && name != "#" {
                    self.recursive.insert(name);
                }
                map
            }
        }
    }
}

impl<'a> Writer<'a> {
    /// True if a type is written where it stands. One within itself is, once.
    fn is_in_place(&mut self, name: &'a str, definition: &'a Node) -> bool {
        if self.open.contains(&name) || self.expanded >= MAX_EXPANDED {
            return false;
        }
        !self.schema.leads_to(definition, name) || self.written.insert(name)
    }

    fn in_place(&mut self, name: &'a str, definition: &'a Node) -> Map {
        self.expanded += 1;
        self.written.insert(name);
        self.open.push(name);
        let node = self.node(definition);
        self.open.pop();
        let mut map = match node {
            Value::Map(map) => map,
            _ => Map::new(), // `node` always returns a map.
        };
        map.insert("name", self.shown(name));
        map
    }
}

/// Adds the limits of a Rust type that is smaller than the integers of the protocol.
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

/// Converts a value that is neither a list nor a map.
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
