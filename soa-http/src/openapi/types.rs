//! The types of requests and answers as JSON Schema: named ones once, as components.
//!
//! A type is described by the JSON that it has over HTTP, which is its text form. As an answer, it may differ from what a
//! request takes: a field that is left out of a message is null there. So a type has up to two components.

use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;

use serde_json::{Map, Number, Value as Json, json};
use soa_wire::schema::{Bounds, ExtraKeys, Field, Keys, Lengths, Node, NodeKind, Schema};

/// The way of a value.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(super) enum Side {
    Request,
    Answer,
}

/// The components of a document.
#[derive(Debug, Default)]
pub(super) struct Types {
    components: BTreeMap<String, Json>,
    /// The names of components, by the contents of their types.
    names: HashMap<String, String>,
    /// The names of types that were asked for already, by schema, name there, and side.
    known: HashMap<(usize, String, Side), String>,
    /// The schemas whose addresses are known.
    schemas: Vec<Arc<Schema>>,
}

impl Types {
    /// Returns the components by their names.
    pub(super) fn into_components(self) -> Map<String, Json> {
        self.components.into_iter().collect()
    }

    /// Returns a component of the framework's own.
    pub(super) fn own(&mut self, name: &str, make: impl FnOnce(&mut Self) -> Json) -> Json {
        if let Some(name) = self.names.get(name) {
            return reference(name);
        }
        let free = self.reserve(name);
        self.names.insert(name.to_owned(), free.clone());
        let component = make(self);
        self.components.insert(free.clone(), component);
        reference(&free)
    }

    /// Returns the schema of a whole body.
    pub(super) fn whole(&mut self, schema: &Arc<Schema>, side: Side) -> Json {
        match schema.type_name() {
            Some(_) => self.component(schema, ROOT, side),
            None => self.node(schema, schema.root(), side),
        }
    }

    /// Returns the schema of a field, where the field may be null if it is an option.
    pub(super) fn field(&mut self, schema: &Arc<Schema>, field: &Field, side: Side) -> Json {
        let value = self.node(schema, &field.node, side);
        match may_be_null(schema, field, side) {
            true => nullable(value),
            false => value,
        }
    }

    /// Returns the schema of an object with some of the fields of a body.
    pub(super) fn fields<'a>(
        &mut self,
        schema: &Arc<Schema>,
        fields: impl IntoIterator<Item = &'a Field>,
        extra: &ExtraKeys,
        side: Side,
    ) -> Json {
        let mut properties = Map::new();
        let mut required: Vec<&str> = Vec::new();
        for field in fields {
            let name = match side {
                Side::Request => &field.name,
                Side::Answer => field.written_name(),
            };
            if field.required {
                required.push(name);
            }
            let value = self.field(schema, field, side);
            properties.insert(name.to_owned(), value);
        }
        let mut object = Map::new();
        object.insert("type".to_owned(), "object".into());
        object.insert("properties".to_owned(), Json::Object(properties));
        if !required.is_empty() {
            object.insert("required".to_owned(), required.into());
        }
        let additional = match extra {
            ExtraKeys::Refused => Some(false.into()),
            ExtraKeys::Allowed => None,
            ExtraKeys::Taken { values, .. } => Some(self.node(schema, values, side)),
        };
        if let Some(additional) = additional {
            object.insert("additionalProperties".to_owned(), additional);
        }
        Json::Object(object)
    }

    /// Returns the schema of a node.
    pub(super) fn node(&mut self, schema: &Arc<Schema>, node: &Node, side: Side) -> Json {
        let mut described = match self.kind(schema, node, side) {
            Json::Object(object) => object,
            other => return other,
        };
        let mut description = node.description.clone().unwrap_or_default();
        if let Some(limits) = limits_in_words(&node.kind) {
            add_paragraph(&mut description, &limits);
        }
        for (name, remark) in &node.remarks {
            match *name {
                "value_descriptions" => add_paragraph(&mut description, &variants(remark)),
                name => drop(described.insert(keyword(name).to_owned(), remark.clone())),
            }
        }
        if !description.is_empty() {
            described.insert("description".to_owned(), description.into());
        }
        Json::Object(described)
    }

    fn kind(&mut self, schema: &Arc<Schema>, node: &Node, side: Side) -> Json {
        let mut object = Map::new();
        let mut set = |key: &str, value: Json| drop(object.insert(key.to_owned(), value));
        match &node.kind {
            NodeKind::Anything => {}
            NodeKind::Nil => set("type", "null".into()),
            NodeKind::Boolean => set("type", "boolean".into()),
            NodeKind::Integer { bounds, range } => {
                set("type", "integer".into());
                add_range(&mut object, bounds, *range);
            }
            NodeKind::Float(bounds) => {
                set("type", "number".into());
                add_bounds(&mut object, bounds);
            }
            NodeKind::Text { lengths, form } => {
                set("type", "string".into());
                if let Some(form) = form {
                    set("format", format_of(form).into());
                }
                add_lengths(&mut object, *lengths, "minLength", "maxLength");
            }
            NodeKind::Bytes(lengths) => {
                set("type", "string".into());
                set("contentEncoding", "base64".into());
                // The limits are those of the bytes: three of them are four letters.
                let letters =
                    |bytes: Option<u64>| bytes.map(|one| one.div_ceil(3).saturating_mul(4));
                let lengths = Lengths {
                    min: letters(lengths.min),
                    max: letters(lengths.max),
                };
                add_lengths(&mut object, lengths, "minLength", "maxLength");
            }
            NodeKind::DateTime { utc: Some(true) } => return text("date-time"),
            NodeKind::DateTime { utc: Some(false) } => return text("date-time-local"),
            NodeKind::DateTime { utc: None } => {
                return json!({ "anyOf": [text("date-time"), text("date-time-local")] });
            }
            NodeKind::Date => return text("date"),
            NodeKind::Time => return text("time-local"),
            NodeKind::Decimal(_) => {
                return json!({ "type": "string", "format": "decimal", "examples": ["12.30"] });
            }
            NodeKind::Amount => {
                set("type", "string".into());
                set("pattern", "^[A-Z]{3} -?[0-9]+$".into());
                set("examples", json!(["USD 1250"]));
            }
            NodeKind::List { contents, lengths } => {
                set("type", "array".into());
                set("items", self.node(schema, contents, side));
                add_lengths(&mut object, *lengths, "minItems", "maxItems");
            }
            NodeKind::Tuple(places) => {
                let items = places.iter().map(|place| self.node(schema, place, side));
                set("type", "array".into());
                set("prefixItems", items.collect());
                set("minItems", places.len().into());
                set("maxItems", places.len().into());
            }
            NodeKind::Dictionary { fields, extra } => {
                return self.fields(schema, fields, extra, side);
            }
            NodeKind::Entries {
                values,
                lengths,
                keys,
            } => {
                set("type", "object".into());
                let values = self.node(schema, values, side);
                set("additionalProperties", open(values));
                if let Some(names) = self.keys(schema, keys, side) {
                    object.insert("propertyNames".to_owned(), names);
                }
                add_lengths(&mut object, *lengths, "minProperties", "maxProperties");
            }
            NodeKind::Nullable(inner) => return nullable(self.node(schema, inner, side)),
            NodeKind::Constant(values) => return constant(values, node.takes_others, &[]),
            NodeKind::Any(options) => {
                let options = options.iter().map(|option| self.node(schema, option, side));
                set("anyOf", options.collect());
            }
            NodeKind::Tagged { field, options } => {
                return self.tagged(schema, field, options, side);
            }
            NodeKind::Reference(name) => return self.component(schema, name, side),
        }
        Json::Object(object)
    }

    /// Returns the schema of several objects that a field tells apart. A variant that stands for all other names overlaps
    /// with none, as its name is none of theirs.
    fn tagged(
        &mut self,
        schema: &Arc<Schema>,
        tag: &str,
        options: &[(String, Node)],
        side: Side,
    ) -> Json {
        let names: Vec<&str> = options.iter().map(|(name, _)| name.as_str()).collect();
        let described = options.iter().map(|(name, option)| {
            let mut described = self.node(schema, option, side);
            let NodeKind::Dictionary { fields, .. } = &option.kind else {
                return described;
            };
            let own = fields.iter().find(|field| field.name == tag);
            if own.is_some_and(|own| own.node.takes_others)
                && let Some(place) = described.pointer_mut("/properties")
                && let Some(place) = place.get_mut(tag)
            {
                let others: Vec<&str> = names
                    .iter()
                    .copied()
                    .filter(|other| other != name)
                    .collect();
                *place = constant(&[name.as_str().into()], true, &others);
            }
            described
        });
        json!({ "oneOf": described.collect::<Vec<_>>() })
    }

    /// Returns the schema of the keys of a map, all of which are text in JSON.
    fn keys(&mut self, schema: &Arc<Schema>, keys: &Keys, side: Side) -> Option<Json> {
        match keys {
            Keys::Any | Keys::Text => None,
            Keys::Integer => Some(json!({ "pattern": "^-?[0-9]+$" })),
            Keys::Natural => Some(json!({ "pattern": "^[0-9]+$" })),
            Keys::Other(node) => match node.kind {
                NodeKind::Boolean => Some(json!({ "enum": ["true", "false"] })),
                _ => Some(self.node(schema, node, side)),
            },
        }
    }

    /// Returns the reference to a named type of a schema, whose component is made if it is not there yet.
    fn component(&mut self, schema: &Arc<Schema>, name: &str, side: Side) -> Json {
        let Some(node) = schema.definition(name) else {
            return json!({});
        };
        let place = (Arc::as_ptr(schema).addr(), name.to_owned(), side);
        if let Some(name) = self.known.get(&place) {
            return reference(name);
        }
        let contents = Contents::of(schema, name);
        let shown = shown(schema, name);
        // A type whose answers are as its requests is one component.
        let key = match contents.differs {
            true => format!("{side:?} {}", contents.text),
            false => contents.text,
        };
        let is_new = !self.names.contains_key(&key);
        let component = match self.names.get(&key) {
            Some(component) => component.clone(),
            None => {
                let wanted = match (
                    contents.differs && self.components.contains_key(shown),
                    side,
                ) {
                    (false, _) => shown.to_owned(),
                    (true, Side::Request) => format!("{shown}-Input"),
                    (true, Side::Answer) => format!("{shown}-Output"),
                };
                self.reserve(&wanted)
            }
        };
        self.names.insert(key, component.clone());
        self.known.insert(place, component.clone());
        self.schemas.push(Arc::clone(schema));
        if is_new {
            let described = self.node(schema, node, side);
            self.components.insert(component.clone(), described);
        }
        reference(&component)
    }

    /// Takes a name that no component has: this one, or one with a number.
    fn reserve(&mut self, wanted: &str) -> String {
        let is_allowed = |one: char| one.is_ascii_alphanumeric() || "._-".contains(one);
        let wanted: String = wanted
            .chars()
            .map(|one| if is_allowed(one) { one } else { '_' })
            .collect();
        let mut name = wanted.clone();
        let mut number = 1;
        while self.components.contains_key(&name) {
            number += 1;
            name = format!("{wanted}{number}");
        }
        self.components.insert(name.clone(), Json::Null);
        name
    }
}

/// The name by which a type refers to itself, if it is the whole body.
const ROOT: &str = "#";

/// Returns the name of a type of a schema.
fn shown<'a>(schema: &'a Schema, name: &'a str) -> &'a str {
    match name {
        ROOT => schema.type_name().unwrap_or("Body"),
        name => name,
    }
}

/// The contents of a type, by which it is told from another of the same name.
struct Contents {
    text: String,
    /// True if a field may be null in an answer, and not in a request.
    differs: bool,
}

impl Contents {
    fn of(schema: &Schema, name: &str) -> Self {
        let mut differs = false;
        let mut types: BTreeMap<&str, &Node> = BTreeMap::new();
        let mut pending: Vec<&str> = vec![name];
        while let Some(name) = pending.pop() {
            let Some(node) = schema.definition(name) else {
                continue;
            };
            if types.insert(shown(schema, name), node).is_some() {
                continue;
            }
            let mut nodes = vec![node];
            while let Some(node) = nodes.pop() {
                if let NodeKind::Dictionary { fields, .. } = &node.kind {
                    let is_other = |field: &Field| {
                        may_be_null(schema, field, Side::Answer)
                            != may_be_null(schema, field, Side::Request)
                    };
                    differs |= fields.iter().any(is_other);
                }
                if let NodeKind::Reference(name) = &node.kind {
                    pending.push(name);
                }
                nodes.extend(inner(node));
            }
        }
        let own = format!("Reference({:?})", shown(schema, ROOT));
        let text = format!("{} {types:?}", shown(schema, name));
        Self {
            text: text.replace("Reference(\"#\")", &own),
            differs,
        }
    }
}

/// Returns the nodes directly within a node.
fn inner(node: &Node) -> Vec<&Node> {
    match &node.kind {
        NodeKind::List { contents, .. } => vec![contents],
        NodeKind::Entries { values, .. } => vec![values],
        NodeKind::Nullable(inner) => vec![inner],
        NodeKind::Tuple(nodes) | NodeKind::Any(nodes) => nodes.iter().collect(),
        NodeKind::Dictionary { fields, .. } => fields.iter().map(|field| &field.node).collect(),
        NodeKind::Tagged { options, .. } => options.iter().map(|(_, node)| node).collect(),
        _ => Vec::new(),
    }
}

/// True if a field may be null where its type may not. An answer has every field, and null for those that are absent. One
/// with a default is written.
fn may_be_null(schema: &Schema, field: &Field, side: Side) -> bool {
    let node = schema.resolve(&field.node);
    let takes_null = node.is_none_or(|node| {
        matches!(
            node.kind,
            NodeKind::Nullable(_) | NodeKind::Nil | NodeKind::Anything
        )
    });
    let has_default = || {
        field
            .node
            .remarks
            .iter()
            .any(|(name, _)| *name == "default")
    };
    let may_be_absent = || !field.required && !has_default();
    !takes_null && (field.is_option || side == Side::Answer && may_be_absent())
}

fn reference(name: &str) -> Json {
    json!({ "$ref": format!("#/components/schemas/{name}") })
}

fn text(format: &str) -> Json {
    json!({ "type": "string", "format": format })
}

/// Allows null besides. The description and the default are those of the whole.
fn nullable(value: Json) -> Json {
    let Json::Object(mut value) = value else {
        return value;
    };
    let mut whole = Map::new();
    for key in [
        "title",
        "description",
        "default",
        "deprecated",
        "examples",
        "writeOnly",
    ] {
        if let Some(remark) = value.remove(key) {
            whole.insert(key.to_owned(), remark);
        }
    }
    let mut options = match value.remove("anyOf") {
        Some(Json::Array(options)) if value.is_empty() => options,
        Some(options) => {
            value.insert("anyOf".to_owned(), options);
            vec![Json::Object(value)]
        }
        None => vec![Json::Object(value)],
    };
    let null = json!({ "type": "null" });
    if !options.contains(&null) {
        options.push(null);
    }
    whole.insert("anyOf".to_owned(), Json::Array(options));
    Json::Object(whole)
}

/// Returns the schema of values of a map: `true` if they may be any.
fn open(values: Json) -> Json {
    match values.as_object() {
        Some(object) if object.is_empty() => true.into(),
        _ => values,
    }
}

/// Returns the schema of constants. One that stands for all other texts is none of these.
fn constant(values: &[Json], takes_others: bool, others: &[&str]) -> Json {
    if takes_others {
        return match others {
            [] => json!({ "type": "string", "examples": values }),
            others => json!({ "type": "string", "examples": values, "not": { "enum": others } }),
        };
    }
    let mut object = Map::new();
    if values.iter().all(Json::is_string) {
        object.insert("type".to_owned(), "string".into());
    }
    match values {
        [only] => object.insert("const".to_owned(), only.clone()),
        values => object.insert("enum".to_owned(), values.into()),
    };
    Json::Object(object)
}

fn add_range(object: &mut Map<String, Json>, bounds: &Bounds, range: Option<(i128, i128)>) {
    add_bounds(object, bounds);
    let Some((min, max)) = range else {
        return;
    };
    let format = match (
        i32::try_from(min),
        i32::try_from(max),
        i64::try_from(min),
        i64::try_from(max),
    ) {
        (Ok(_), Ok(_), _, _) => Some("int32"),
        (_, _, Ok(_), Ok(_)) => Some("int64"),
        _ => None,
    };
    if let Some(format) = format {
        object.insert("format".to_owned(), format.into());
    }
    let whole = |limit: i128| i64::try_from(limit).ok();
    let has_min = bounds.gt.is_some() || bounds.gte.is_some();
    // The limits of the format itself are not told again.
    if let Some(min) =
        whole(min).filter(|min| !has_min && ![i64::MIN, i32::MIN.into()].contains(min))
    {
        object.insert("minimum".to_owned(), min.into());
    }
    let has_max = bounds.lt.is_some() || bounds.lte.is_some();
    if let Some(max) =
        whole(max).filter(|max| !has_max && ![i64::MAX, i32::MAX.into()].contains(max))
    {
        object.insert("maximum".to_owned(), max.into());
    }
}

fn add_bounds(object: &mut Map<String, Json>, bounds: &Bounds) {
    for (key, limit) in [
        ("exclusiveMinimum", &bounds.gt),
        ("minimum", &bounds.gte),
        ("exclusiveMaximum", &bounds.lt),
        ("maximum", &bounds.lte),
    ] {
        if let Some(limit) = limit {
            object.insert(key.to_owned(), limit.clone().into());
        }
    }
}

fn add_lengths(object: &mut Map<String, Json>, lengths: Lengths, min: &str, max: &str) {
    for (key, limit) in [(min, lengths.min), (max, lengths.max)] {
        if let Some(limit) = limit {
            object.insert(key.to_owned(), limit.into());
        }
    }
}

/// Tells the limits of numbers that are text, for which JSON Schema has no keyword.
fn limits_in_words(kind: &NodeKind) -> Option<String> {
    let NodeKind::Decimal(bounds) = kind else {
        return None;
    };
    let limits = [
        ("more than", &bounds.gt),
        ("at least", &bounds.gte),
        ("less than", &bounds.lt),
        ("at most", &bounds.lte),
    ];
    let limits = limits.into_iter().filter_map(|(words, limit)| {
        let limit: &Number = limit.as_ref()?;
        Some(format!("{words} {limit}"))
    });
    let limits: Vec<String> = limits.collect();
    let mut letters = limits.join(", ");
    letters.get_mut(..1)?.make_ascii_uppercase();
    letters.push('.');
    Some(letters)
}

fn add_paragraph(description: &mut String, paragraph: &str) {
    if !description.is_empty() {
        description.push_str("\n\n");
    }
    description.push_str(paragraph);
}

/// Returns the doc comments of the variants of an enum as a list.
fn variants(described: &Json) -> String {
    let described = described.as_object().into_iter().flatten();
    let lines = described.map(|(name, said)| {
        let said = said.as_str().unwrap_or_default().replace('\n', " ");
        format!("* `{name}`: {said}")
    });
    lines.collect::<Vec<_>>().join("\n")
}

/// Returns the keyword of JSON Schema for a remark of introspection.
fn keyword(remark: &str) -> &str {
    match remark {
        "multiple_of" => "multipleOf",
        "unique_items" => "uniqueItems",
        "write_only" => "writeOnly",
        same => same,
    }
}

/// Returns the format of JSON Schema for a form of text in Conformity.
fn format_of(form: &str) -> &str {
    match form {
        "email_address" => "email",
        "ip_address" => "ip",
        "ipv4_address" => "ipv4",
        "ipv6_address" => "ipv6",
        other => other,
    }
}
