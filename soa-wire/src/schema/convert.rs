//! The conversion of the JSON Schema that `schemars` writes to the terms of Conformity.
//!
//! `schemars` writes `T | null` for `Option<T>`. Here, a field that may be absent is an optional key, and only
//! [`Nullable`](crate::codec::Nullable) allows nil, so the null is removed from fields that are not required. The
//! framework's own types have the marker `x-soa-type`.

use std::collections::HashMap;

use schemars::{JsonSchema, SchemaGenerator};
use serde_json::{Map, Number, Value as Json};

use super::merge::{self, Definitions, PACKAGE, definition_name};
use super::node::{Bounds, ExtraKeys, Field, Keys, Lengths, Node, NodeKind, Schema};
use crate::codec::{Amount, Date, DateTime, Decimal, NULLABLE, Time, UtcDateTime};

/// The properties that JSON Schema has and Conformity does not, with their names in introspection.
const REMARKS: [(&str, &str); 9] = [
    ("title", "title"),
    ("default", "default"),
    ("deprecated", "deprecated"),
    ("examples", "examples"),
    ("format", "format"),
    ("pattern", "pattern"),
    ("multipleOf", "multiple_of"),
    ("uniqueItems", "unique_items"),
    ("writeOnly", "write_only"),
];

/// The key in the schema of a field with what serde knows about it and JSON Schema does not: its name in the source, its
/// aliases, the name under which it is written, and if it has a decoder of its own.
const FIELD: &str = "x-soa-field";

/// The key in the schema of an enum's variant with its aliases.
const VARIANT: &str = "x-soa-variant";

/// Converts the JSON Schema of a type.
pub(super) fn from_json_schema(document: &Json) -> Schema {
    let definitions = document.get("$defs").and_then(Json::as_object);
    let converter = Converter {
        named: Definitions(definitions),
    };
    let root = match document.get("type").and_then(Json::as_str) {
        // `()`: the body `{}`.
        Some("null") => NodeKind::Dictionary {
            fields: Vec::new(),
            extra: ExtraKeys::Refused,
        }
        .into_node(),
        _ => converter.node(document).without_title(),
    };
    let mut definitions: HashMap<String, Node> = definitions
        .into_iter()
        .flatten()
        .map(|(name, definition)| (name.clone(), converter.node(definition)))
        .collect();
    // A type that contains itself refers to the whole document.
    definitions.insert("#".to_owned(), root.clone());
    Schema {
        name: None,
        root,
        definitions,
    }
}

/// A converter, with the types that a schema may refer to.
#[derive(Clone, Copy)]
struct Converter<'a> {
    named: Definitions<'a>,
}

impl Converter<'_> {
    fn node(self, schema: &Json) -> Node {
        let Some(object) = schema.as_object() else {
            return NodeKind::Anything.into_node();
        };
        let mut node = Node {
            kind: self.kind(object),
            description: text(object, "description"),
            remarks: remarks(object),
            aliases: Vec::new(),
            takes_others: false,
            is_sum: merge::is_sum(object),
            has_decoder: object
                .get(FIELD)
                .and_then(|told| told.get("decoder"))
                .is_some_and(|decoder| *decoder == Json::Bool(true)),
            package: text(object, PACKAGE),
        };
        add_aliases(&mut node, object);
        node
    }

    fn kind(self, object: &Map<String, Json>) -> NodeKind {
        if object.contains_key(NULLABLE) {
            let mut value = object.clone();
            value.remove(NULLABLE);
            // The null is among the types or the alternatives.
            return nullable(self.kind(&value));
        }
        if let Some(kind) = object
            .get("x-soa-type")
            .and_then(Json::as_str)
            .and_then(|marker| own_kind(marker, object))
        {
            return kind;
        }
        if let Some(whole) = merge::whole(object, self.named) {
            return self.kind(&whole);
        }
        if let Some(reference) = object.get("$ref").and_then(Json::as_str) {
            return NodeKind::Reference(definition_name(reference));
        }
        if let Some(constant) = constants(object) {
            return NodeKind::Constant(constant);
        }
        for alternatives in ["anyOf", "oneOf"] {
            if let Some(options) = object.get(alternatives).and_then(Json::as_array) {
                return self.alternatives_of(options);
            }
        }
        match object.get("type") {
            Some(Json::String(name)) => self.typed(name, object),
            Some(Json::Array(names)) => {
                let (nulls, names): (Vec<_>, Vec<_>) = names
                    .iter()
                    .filter_map(Json::as_str)
                    .partition(|name| *name == "null");
                let mut kinds: Vec<Node> = names
                    .iter()
                    .map(|name| self.typed(name, object).into_node())
                    .collect();
                let kind = match (kinds.pop(), kinds.is_empty()) {
                    (None, _) => NodeKind::Nil,
                    (Some(only), true) => only.kind,
                    (Some(last), false) => {
                        kinds.push(last);
                        NodeKind::Any(kinds)
                    }
                };
                if nulls.is_empty() {
                    kind
                } else {
                    nullable(kind)
                }
            }
            _ => NodeKind::Anything,
        }
    }

    fn alternatives_of(self, options: &[Json]) -> NodeKind {
        let is_null = |option: &Json| option.get("type").is_some_and(|name| name == "null");
        let rest: Vec<Node> = options
            .iter()
            .filter(|option| !is_null(option))
            .map(|option| self.node(option))
            .collect();
        let had_null = rest.len() < options.len();
        let is_date_time = |node: &Node| matches!(node.kind, NodeKind::DateTime { .. });
        // An enum of the two date-times: Conformity has one name for both.
        if rest.len() > 1 && rest.iter().all(is_date_time) {
            let kind = NodeKind::DateTime { utc: None };
            return if had_null { nullable(kind) } else { kind };
        }
        let kind = match tag_of(&rest) {
            Some(field) => {
                let mut tagged = Vec::with_capacity(rest.len());
                for option in rest {
                    if let Some(value) = tag_value(&option, &field) {
                        tagged.push((value, option));
                    }
                }
                NodeKind::Tagged {
                    field,
                    options: tagged,
                }
            }
            None => match <[Node; 1]>::try_from(rest) {
                Ok([only]) => only.kind,
                Err(rest) if rest.is_empty() => NodeKind::Nil,
                Err(rest) => NodeKind::Any(rest),
            },
        };
        if had_null { nullable(kind) } else { kind }
    }

    fn typed(self, name: &str, object: &Map<String, Json>) -> NodeKind {
        match name {
            "null" => NodeKind::Nil,
            "boolean" => NodeKind::Boolean,
            "integer" => integer(object),
            "number" => NodeKind::Float(bounds(object)),
            "string" => NodeKind::Text {
                lengths: lengths(object, "minLength", "maxLength"),
                form: form(object),
            },
            "array" => self.array(object),
            "object" => self.dictionary(object),
            _ => NodeKind::Anything,
        }
    }

    fn array(self, object: &Map<String, Json>) -> NodeKind {
        if let Some(places) = object.get("prefixItems").and_then(Json::as_array) {
            return NodeKind::Tuple(places.iter().map(|place| self.node(place)).collect());
        }
        let contents = object.get("items");
        let contents = contents.map_or(NodeKind::Anything.into_node(), |contents| {
            self.node(contents)
        });
        NodeKind::List {
            contents: Box::new(contents),
            lengths: lengths(object, "minItems", "maxItems"),
        }
    }

    fn dictionary(self, object: &Map<String, Json>) -> NodeKind {
        let properties = object.get("properties").and_then(Json::as_object);
        let additional = object.get("additionalProperties");
        let is_closed = additional == Some(&Json::Bool(false));
        // A map with numbers as keys: schemars writes it as a pattern. In MessagePack the keys are numbers.
        let pattern = object.get("patternProperties").and_then(Json::as_object);
        let by_pattern = pattern.and_then(|patterns| patterns.iter().next());
        let Some(properties) = properties.filter(|properties| !properties.is_empty()) else {
            if is_closed && pattern.is_none() {
                return NodeKind::Dictionary {
                    fields: Vec::new(),
                    extra: ExtraKeys::Refused,
                };
            }
            let values = by_pattern.map(|(_, values)| values).or(additional);
            return NodeKind::Entries {
                values: Box::new(
                    values.map_or(NodeKind::Anything.into_node(), |values| self.node(values)),
                ),
                lengths: lengths(object, "minProperties", "maxProperties"),
                keys: by_pattern.map_or(Keys::Text, |(pattern, _)| keys_of(pattern)),
            };
        };
        let required = object.get("required").and_then(Json::as_array);
        let is_required = |name: &str| {
            required.is_some_and(|names| names.iter().any(|required| required == name))
        };
        let fields = properties
            .iter()
            .map(|(name, schema)| {
                let required = is_required(name);
                let mut node = self.node(schema);
                let mut is_option = false;
                if !required
                    && !is_nullable(schema)
                    && let NodeKind::Nullable(inner) = node.kind
                {
                    node.kind = inner.kind;
                    is_option = true;
                }
                Field {
                    is_option,
                    ..named(name, node, required, schema)
                }
            })
            .collect();
        // Beside the fields, these are of a flattened map.
        let extra = match (by_pattern, additional) {
            (Some((pattern, values)), _) => Some((values, keys_of(pattern))),
            (None, Some(values @ Json::Object(_))) => Some((values, Keys::Text)),
            (None, _) => None,
        };
        let extra = match extra {
            Some((values, keys)) => ExtraKeys::Taken {
                values: Box::new(self.node(values)),
                keys,
            },
            None => ExtraKeys::allowed(!is_closed),
        };
        NodeKind::Dictionary { fields, extra }
    }
}

/// Adds the aliases of an enum's variants to where their names stand: a constant, the constant of a tag, or the single
/// field of a map. [`VARIANT`] is written by `#[soa::body]`.
fn add_aliases(node: &mut Node, object: &Map<String, Json>) {
    let own = object.get(VARIANT);
    match &mut node.kind {
        NodeKind::Constant(_) => {
            // Variants with an attribute are constants of their own.
            let options = object.get("oneOf").and_then(Json::as_array);
            let options = options.into_iter().flatten();
            let variants = options.filter_map(|option| option.get(VARIANT));
            let told: Vec<&Json> = own.into_iter().chain(variants).collect();
            node.aliases = told.iter().copied().flat_map(aliases).collect();
            node.takes_others = told.into_iter().any(is_other);
        }
        NodeKind::Dictionary { fields, .. } => {
            let Some(own) = own else {
                return;
            };
            let is_tag = |field: &&mut Field| matches!(field.node.kind, NodeKind::Constant(_));
            if let Some(tag) = fields.iter_mut().find(is_tag) {
                tag.node.aliases = aliases(own);
                tag.node.takes_others = is_other(own);
            } else if let [field] = fields.as_mut_slice() {
                field.aliases = aliases(own);
            }
        }
        _ => {}
    }
}

fn is_other(told: &Json) -> bool {
    told.get("other") == Some(&Json::Bool(true))
}

fn text(object: &Map<String, Json>, key: &str) -> Option<String> {
    object.get(key).and_then(Json::as_str).map(str::to_owned)
}

fn aliases(told: &Json) -> Vec<String> {
    aliases_of(told.get("aliases"))
}

fn aliases_of(aliases: Option<&Json>) -> Vec<String> {
    let aliases = aliases.and_then(Json::as_array);
    let aliases = aliases.into_iter().flatten().filter_map(Json::as_str);
    aliases.map(str::to_owned).collect()
}

/// Returns a field with what its type tells about it. [`FIELD`] is written by `#[soa::body]`.
fn named(name: &str, node: Node, required: bool, schema: &Json) -> Field {
    let field = Field::new(name, node, required);
    let Some(told) = schema.get(FIELD).and_then(Json::as_object) else {
        return field;
    };
    Field {
        source_name: text(told, "source"),
        serialized_name: text(told, "serialized"),
        aliases: aliases_of(told.get("aliases")),
        ..field
    }
}

/// Returns the type of keys with a pattern: of integers, or of one of the framework's own types.
fn keys_of(pattern: &str) -> Keys {
    if pattern.starts_with("^-?\\d") {
        return Keys::Integer;
    }
    if pattern.starts_with("^\\d") {
        return Keys::Natural;
    }
    let own = [
        (
            pattern_of::<DateTime>(),
            NodeKind::DateTime { utc: Some(false) },
        ),
        (
            pattern_of::<UtcDateTime>(),
            NodeKind::DateTime { utc: Some(true) },
        ),
        (pattern_of::<Date>(), NodeKind::Date),
        (pattern_of::<Time>(), NodeKind::Time),
        (
            pattern_of::<Decimal>(),
            NodeKind::Decimal(Bounds::default()),
        ),
        (pattern_of::<Amount>(), NodeKind::Amount),
    ];
    let mut own = own.into_iter();
    let found = own.find(|(known, _)| known.as_deref() == Some(pattern));
    found.map_or(Keys::Any, |(_, kind)| {
        Keys::Other(Box::new(kind.into_node()))
    })
}

fn pattern_of<T: JsonSchema>() -> Option<String> {
    let schema = T::json_schema(&mut SchemaGenerator::default());
    schema
        .get("pattern")
        .and_then(Json::as_str)
        .map(str::to_owned)
}

fn remarks(object: &Map<String, Json>) -> Vec<(&'static str, Json)> {
    let is_own = object.contains_key("x-soa-type");
    let is_text = object.get("type").is_some_and(|name| {
        name == "string"
            || name
                .as_array()
                .is_some_and(|names| names.contains(&"string".into()))
    });
    let mut found = Vec::new();
    for (key, remark) in REMARKS {
        let Some(value) = object.get(key) else {
            continue;
        };
        let is_kept = match key {
            // A null means absence, which an optional key expresses.
            "default" => !value.is_null(),
            // The formats of numbers are the names of Rust's types.
            "format" => is_text && !is_own && form(object).is_none(),
            "pattern" => !is_own,
            _ => true,
        };
        if is_kept {
            found.push((remark, value.clone()));
        }
    }
    if let Some(variants) = described_variants(object) {
        found.push(("value_descriptions", variants.into()));
    }
    found
}

/// Returns the doc comments of the variants of an enum without fields.
fn described_variants(object: &Map<String, Json>) -> Option<Map<String, Json>> {
    let options = object.get("oneOf")?.as_array()?;
    constants(object)?;
    let mut described = Map::new();
    for option in options {
        let name = option.get("const").and_then(Json::as_str);
        if let (Some(name), Some(description)) = (name, option.get("description")) {
            described.insert(name.to_owned(), description.clone());
        }
    }
    (!described.is_empty()).then_some(described)
}

/// Returns Conformity's type of a form of text, if it has one.
fn form(object: &Map<String, Json>) -> Option<&'static str> {
    match object.get("format")?.as_str()? {
        "email" => Some("email_address"),
        "ip" => Some("ip_address"),
        "ipv4" => Some("ipv4_address"),
        "ipv6" => Some("ipv6_address"),
        _ => None,
    }
}

fn nullable(kind: NodeKind) -> NodeKind {
    match kind {
        NodeKind::Nullable(_) | NodeKind::Nil | NodeKind::Anything => kind,
        kind => NodeKind::Nullable(Box::new(kind.into_node())),
    }
}

/// Returns the kind of one of the framework's own types, by its marker.
fn own_kind(marker: &str, object: &Map<String, Json>) -> Option<NodeKind> {
    let kind = match marker {
        "anything" => return Some(NodeKind::Anything),
        "datetime" => NodeKind::DateTime { utc: Some(false) },
        "datetime-utc" => NodeKind::DateTime { utc: Some(true) },
        "date" => NodeKind::Date,
        "time" => NodeKind::Time,
        // Of decimals, the rules of the framework keep exclusive limits too.
        "decimal" => NodeKind::Decimal(Bounds {
            gt: number(object, "exclusiveMinimum"),
            lt: number(object, "exclusiveMaximum"),
            ..bounds(object)
        }),
        "currint.Amount" => NodeKind::Amount,
        "bytes" => NodeKind::Bytes(lengths(object, "minLength", "maxLength")),
        "schemaless_dictionary" => NodeKind::Entries {
            values: Box::new(NodeKind::Anything.into_node()),
            lengths: lengths(object, "minProperties", "maxProperties"),
            keys: Keys::Any,
        },
        _ => return None,
    };
    // An `Option` of such a type keeps the marker, and adds null to the types.
    let is_option = object
        .get("type")
        .and_then(Json::as_array)
        .is_some_and(|names| names.iter().any(|name| name == "null"));
    Some(if is_option { nullable(kind) } else { kind })
}

/// Returns the values of an `enum` or `const`, also of an enum whose documented variants are `const`s of their own.
fn constants(object: &Map<String, Json>) -> Option<Vec<Json>> {
    if let Some(value) = object.get("const") {
        return Some(vec![value.clone()]);
    }
    if let Some(values) = object.get("enum").and_then(Json::as_array) {
        return Some(values.clone());
    }
    let options = object.get("oneOf").and_then(Json::as_array)?;
    let values: Option<Vec<Vec<Json>>> = options
        .iter()
        .map(|option| option.as_object().and_then(constants))
        .collect();
    values.map(|values| values.into_iter().flatten().collect())
}

/// Returns the field that tells dictionaries apart: it has another constant in each of them.
fn tag_of(options: &[Node]) -> Option<String> {
    let [first, _, ..] = options else { return None };
    let NodeKind::Dictionary { fields, .. } = &first.kind else {
        return None;
    };
    fields
        .iter()
        .map(|field| &field.name)
        .find(|name| {
            let mut values: Vec<_> = options
                .iter()
                .map(|option| tag_value(option, name))
                .collect();
            values.sort();
            values.dedup();
            values.len() == options.len() && values.iter().all(Option::is_some)
        })
        .cloned()
}

fn tag_value(option: &Node, field: &str) -> Option<String> {
    let NodeKind::Dictionary { fields, .. } = &option.kind else {
        return None;
    };
    let field = fields.iter().find(|candidate| candidate.name == field)?;
    match &field.node.kind {
        NodeKind::Constant(values) => match values.as_slice() {
            [Json::String(value)] => Some(value.clone()),
            _ => None,
        },
        _ => None,
    }
}

fn number(object: &Map<String, Json>, key: &str) -> Option<Number> {
    object.get(key).and_then(Json::as_number).cloned()
}

/// Returns the limits that garde's `range` keeps. It has no exclusive ones, and a limit that nobody keeps is not promised.
fn bounds(object: &Map<String, Json>) -> Bounds {
    Bounds {
        gte: number(object, "minimum"),
        lte: number(object, "maximum"),
        ..Bounds::default()
    }
}

/// Converts an integer. garde has no exclusive limits, so `> 0` is written as `range(min = 1)` together with
/// `extend("exclusiveMinimum" = 0)`, and the exclusive limit is kept.
fn integer(object: &Map<String, Json>) -> NodeKind {
    let mut bounds = bounds(object);
    let whole = |number: &Option<Number>| number.as_ref().and_then(Number::as_i128);
    let gt = number(object, "exclusiveMinimum");
    if let (Some(above), Some(gte)) = (whole(&gt), whole(&bounds.gte))
        && gte == above.saturating_add(1)
    {
        bounds.gte = None;
        bounds.gt = gt;
    }
    let lt = number(object, "exclusiveMaximum");
    if let (Some(below), Some(lte)) = (whole(&lt), whole(&bounds.lte))
        && lte == below.saturating_sub(1)
    {
        bounds.lte = None;
        bounds.lt = lt;
    }
    let range = match object.get("format").and_then(Json::as_str) {
        Some("int8") => Some((i8::MIN.into(), i8::MAX.into())),
        Some("int16") => Some((i16::MIN.into(), i16::MAX.into())),
        Some("int32") => Some((i32::MIN.into(), i32::MAX.into())),
        Some("int64" | "int") => Some((i64::MIN.into(), i64::MAX.into())),
        Some("int128") => Some((i128::MIN, i128::MAX)),
        Some("uint8") => Some((0, u8::MAX.into())),
        Some("uint16") => Some((0, u16::MAX.into())),
        Some("uint32") => Some((0, u32::MAX.into())),
        Some("uint64" | "uint") => Some((0, u64::MAX.into())),
        _ => None,
    };
    NodeKind::Integer { bounds, range }
}

fn lengths(object: &Map<String, Json>, min: &str, max: &str) -> Lengths {
    let length = |key: &str| object.get(key).and_then(Json::as_u64);
    Lengths {
        min: length(min),
        max: length(max),
    }
}

/// Returns true if the type of a field is `Nullable<…>`, or an `Option` of it. For these, nil is a value and not absence.
fn is_nullable(schema: &Json) -> bool {
    let marked = |schema: &Json| schema.get(NULLABLE).is_some();
    marked(schema)
        || schema
            .get("anyOf")
            .and_then(Json::as_array)
            .is_some_and(|options| options.iter().any(marked))
}
