//! What settings may look like: a view of the JSON Schema that `schemars` makes of their types.
//!
//! The schema is the one description of settings. Values are checked against it, variables find their keys in it, the
//! effective settings take their defaults from it, and the page that documents all keys is written from it. A [`Shape`]
//! is one place in it, with references followed and the null of an `Option` taken away: a key that may be absent is no
//! key that may be null.

use serde_json::{Map, Value as Json};

use super::tree::Node;
use soa_runtime::period::{self, Period};
use soa_runtime::secret;

/// How many references are followed before a schema counts as one that says nothing.
const MAX_REFERENCES: usize = 16;

/// One place in a schema.
#[derive(Clone, Copy)]
pub(super) struct Shape<'a> {
    /// Where it stands: it may have a description and a default of its own.
    outer: &'a Json,
    /// What it is, behind references and options.
    inner: &'a Json,
    document: &'a Json,
    is_optional: bool,
}

/// What a value must be.
pub(super) enum Kind<'a> {
    Table(Table<'a>),
    /// A table with exactly one of these keys.
    Variants(Vec<(&'a str, Shape<'a>)>),
    /// A table whose other keys depend on the text under one.
    Tagged(Tagged<'a>),
    List(Shape<'a>),
    Text,
    Period,
    Integer,
    Number,
    Truth,
    /// One of these texts.
    Choice(Vec<&'a str>),
    Alternatives(Vec<Shape<'a>>),
    Anything,
}

/// A table with its keys.
pub(super) struct Table<'a> {
    pub(super) fields: Vec<(&'a str, Shape<'a>)>,
    required: Vec<&'a str>,
    /// What other keys may have; `None` where there are no others.
    pub(super) others: Option<Shape<'a>>,
}

/// A table whose other keys depend on the text under one.
pub(super) struct Tagged<'a> {
    pub(super) key: &'a str,
    /// The texts, and the whole table that belongs to each.
    pub(super) options: Vec<(&'a str, Shape<'a>)>,
}

impl<'a> Tagged<'a> {
    /// What tells these tables apart, if there is something.
    fn of(options: &[Shape<'a>]) -> Option<Self> {
        let Kind::Table(first) = options.first()?.kind() else {
            return None;
        };
        let constant = |(key, field): &(&'a str, Shape<'a>)| {
            (first.requires(key) && field.constant().is_some()).then_some(*key)
        };
        let key = first.fields.iter().find_map(constant)?;
        let named = options.iter().map(|option| {
            let text = option.get(key).and_then(|field| field.constant());
            text.map(|text| (text, *option))
        });
        let options = named.collect::<Option<_>>()?;
        Some(Self { key, options })
    }

    pub(super) fn texts(&self) -> impl Iterator<Item = &'a str> + Clone {
        self.options.iter().map(|(text, _)| *text)
    }

    /// The table that belongs to a text.
    pub(super) fn get(&self, text: &str) -> Option<Shape<'a>> {
        let option = self.options.iter().find(|(known, _)| *known == text);
        option.map(|(_, shape)| *shape)
    }
}

impl<'a> Table<'a> {
    /// The variants of an enum, as a table.
    pub(super) fn of_variants(variants: Vec<(&'a str, Shape<'a>)>) -> Self {
        Self {
            fields: variants,
            required: Vec::new(),
            others: None,
        }
    }

    pub(super) fn requires(&self, key: &str) -> bool {
        self.required.contains(&key)
    }
}

impl<'a> Shape<'a> {
    /// The whole of a schema.
    pub(super) fn root(document: &'a Json) -> Self {
        Self::at(document, document)
    }

    fn at(outer: &'a Json, document: &'a Json) -> Self {
        let mut inner = outer;
        let mut is_optional = false;
        for _ in 0..MAX_REFERENCES {
            let Some((next, is_option)) = behind(inner, document) else {
                break;
            };
            is_optional |= is_option;
            inner = next;
        }
        Self {
            outer,
            inner,
            document,
            is_optional,
        }
    }

    /// Whether it is an `Option`.
    pub(super) fn is_optional(&self) -> bool {
        self.is_optional
    }

    /// The same for all places of one type.
    pub(super) fn identity(&self) -> *const Json {
        self.inner
    }

    fn child(&self, schema: &'a Json) -> Self {
        Self::at(schema, self.document)
    }

    fn word(&self, name: &str) -> Option<&'a Json> {
        self.outer.get(name).or_else(|| self.inner.get(name))
    }

    fn number(&self, name: &str) -> Option<f64> {
        self.inner.get(name).and_then(Json::as_f64)
    }

    /// What it is for.
    pub(super) fn description(&self) -> Option<&'a str> {
        self.word("description").and_then(Json::as_str)
    }

    /// What it has when nobody writes it.
    pub(super) fn default(&self) -> Option<&'a Json> {
        self.word("default").filter(|default| !default.is_null())
    }

    /// Whether its value is not for everybody's eyes.
    pub(super) fn is_secret(&self) -> bool {
        self.inner.get("format").and_then(Json::as_str) == Some(secret::FORMAT)
            || self.word("writeOnly").and_then(Json::as_bool) == Some(true)
    }

    pub(super) fn kind(&self) -> Kind<'a> {
        let Some(object) = self.inner.as_object() else {
            return Kind::Anything;
        };
        if object.get("format").and_then(Json::as_str) == Some(period::FORMAT) {
            return Kind::Period;
        }
        if let Some(choice) = constants(object) {
            return Kind::Choice(choice);
        }
        for word in ["oneOf", "anyOf"] {
            if let Some(options) = object.get(word).and_then(Json::as_array) {
                return self.alternatives(options);
            }
        }
        let kind = match object.get("type") {
            Some(Json::Array(names)) => names.iter().find(|name| name.as_str() != Some("null")),
            name => name,
        };
        match kind.and_then(Json::as_str) {
            Some("object") => Kind::Table(self.table(object)),
            Some("array") => match object.get("items") {
                Some(items) => Kind::List(self.child(items)),
                None => Kind::Anything,
            },
            Some("string") => Kind::Text,
            Some("integer") => Kind::Integer,
            Some("number") => Kind::Number,
            Some("boolean") => Kind::Truth,
            _ => Kind::Anything,
        }
    }

    fn table(&self, object: &'a Map<String, Json>) -> Table<'a> {
        let fields = object.get("properties").and_then(Json::as_object);
        let required = object.get("required").and_then(Json::as_array);
        let others = match object.get("additionalProperties") {
            Some(Json::Bool(false)) => None,
            // Serde lets unknown keys through unless it is told not to. In settings they are mistakes.
            None if fields.is_some() => None,
            None => Some(self.child(&Json::Bool(true))),
            Some(schema) => Some(self.child(schema)),
        };
        let fields = fields.into_iter().flatten();
        Table {
            fields: fields
                .map(|(key, schema)| (key.as_str(), self.child(schema)))
                .collect(),
            required: required
                .into_iter()
                .flatten()
                .filter_map(Json::as_str)
                .collect(),
            others,
        }
    }

    fn alternatives(&self, options: &'a [Json]) -> Kind<'a> {
        let options: Vec<_> = options.iter().map(|option| self.child(option)).collect();
        let texts = options.iter().map(|option| option.inner.as_object());
        let texts: Option<Vec<_>> = texts.map(|option| constants(option?)).collect();
        if let Some(texts) = texts {
            return Kind::Choice(texts.concat());
        }
        if let Some(tagged) = Tagged::of(&options) {
            return Kind::Tagged(tagged);
        }
        let variants = options.iter().map(|option| option.as_variant());
        match variants.collect() {
            Some(variants) => Kind::Variants(variants),
            None => Kind::Alternatives(options),
        }
    }

    /// The only text that this can be, if there is only one.
    fn constant(&self) -> Option<&'a str> {
        match constants(self.inner.as_object()?)?.as_slice() {
            [only] => Some(*only),
            _ => None,
        }
    }

    /// The table that a value has chosen by its tag; the same where there is nothing to choose.
    pub(super) fn of(&self, node: &Node) -> Self {
        match self.kind() {
            Kind::Tagged(tagged) => {
                let text = node.get(tagged.key).and_then(Node::text);
                text.and_then(|text| tagged.get(text)).unwrap_or(*self)
            }
            _ => *self,
        }
    }

    /// The variant of an enum, which is a table with one key.
    fn as_variant(&self) -> Option<(&'a str, Self)> {
        let Kind::Table(table) = self.kind() else {
            return None;
        };
        match table.fields.as_slice() {
            [(name, field)] if table.requires(name) && table.others.is_none() => {
                // What is said of the variant is said around the table.
                let outer = if field.description().is_some() {
                    field.outer
                } else {
                    self.outer
                };
                Some((name, Self { outer, ..*field }))
            }
            _ => None,
        }
    }

    /// The shape of what stands under a key of this table.
    pub(super) fn get(&self, key: &str) -> Option<Self> {
        match self.kind() {
            Kind::Table(table) => {
                let field = table.fields.iter().find(|(name, _)| *name == key);
                field.map(|(_, shape)| *shape).or(table.others)
            }
            Kind::Variants(variants) => {
                let variant = variants.iter().find(|(name, _)| *name == key);
                variant.map(|(_, shape)| *shape)
            }
            Kind::Tagged(tagged) => {
                let options = tagged.options.iter();
                options
                    .map(|(_, option)| option.get(key))
                    .find_map(|field| field)
            }
            Kind::Alternatives(options) => options.iter().find_map(|option| option.get(key)),
            // Neither is anything known of what is further in.
            Kind::Anything => Some(*self),
            _ => None,
        }
    }

    /// The keys of this table that have names.
    pub(super) fn fields(&self) -> Vec<(&'a str, Self)> {
        match self.kind() {
            Kind::Table(table) => table.fields,
            Kind::Variants(variants) => variants,
            Kind::Alternatives(options) => options.iter().flat_map(Self::fields).collect(),
            _ => Vec::new(),
        }
    }

    /// The least and the largest number.
    pub(super) fn bounds(&self) -> (Option<f64>, Option<f64>) {
        let of_type = match self.inner.get("format").and_then(Json::as_str) {
            Some("uint32") => Some(f64::from(u32::MAX)),
            Some("int32") => Some(f64::from(i32::MAX)),
            _ => None,
        };
        (self.number("minimum"), self.number("maximum").or(of_type))
    }

    /// The least and the largest length of a text or a list.
    pub(super) fn lengths(&self) -> (Option<f64>, Option<f64>) {
        let (least, most) = match self.kind() {
            Kind::List(_) => ("minItems", "maxItems"),
            _ => ("minLength", "maxLength"),
        };
        (self.number(least), self.number(most))
    }

    /// What is expected here, for people.
    pub(super) fn expected(&self) -> String {
        match self.kind() {
            Kind::Table(table) if table.others.is_some() && table.fields.is_empty() => {
                "a table".to_owned()
            }
            Kind::Table(table) => format!("a table with {}", names(&table.fields, "and")),
            Kind::Variants(variants) => {
                format!("a table with {}", names(&variants, "or"))
            }
            Kind::Tagged(tagged) => {
                let texts = listed(tagged.texts(), "or");
                format!("a table whose `{}` is {texts}", tagged.key)
            }
            Kind::List(items) => format!("a list{} of {}", self.limits(), items.expected()),
            Kind::Text => format!("text{}", self.limits()),
            Kind::Period => format!("{}{}", period::EXPECTED, self.least_time()),
            Kind::Integer => format!("a whole number{}", range(self.bounds(), "")),
            Kind::Number => format!("a number{}", range(self.bounds(), "")),
            Kind::Truth => "`true` or `false`".to_owned(),
            Kind::Choice(texts) => listed(texts.iter().copied(), "or"),
            Kind::Alternatives(options) => {
                let options: Vec<_> = options.iter().map(Self::expected).collect();
                options.join(", or ")
            }
            Kind::Anything => "any value".to_owned(),
        }
    }

    /// The least time, where there is one.
    pub(super) fn least_period(&self) -> Option<Period> {
        self.word(period::LEAST)?.as_str()?.parse().ok()
    }

    /// The least time, for people.
    pub(super) fn least_time(&self) -> String {
        let least = self.least_period();
        least.map_or_else(String::new, |least| format!(", of at least `{least}`"))
    }

    /// The limits of its length, for people.
    pub(super) fn limits(&self) -> String {
        let things = match self.kind() {
            Kind::List(_) => " items",
            _ => " characters",
        };
        match range(self.lengths(), things) {
            range if range.is_empty() => range,
            range => format!(" ({})", range.trim_start()),
        }
    }
}

/// What a reference or an option stands for, and whether it was an option.
fn behind<'a>(schema: &'a Json, document: &'a Json) -> Option<(&'a Json, bool)> {
    if let Some(reference) = schema.get("$ref").and_then(Json::as_str) {
        let target = document.pointer(reference.strip_prefix('#')?);
        return target.map(|target| (target, false));
    }
    for word in ["anyOf", "oneOf"] {
        if let Some(options) = schema.get(word).and_then(Json::as_array) {
            let is_null =
                |option: &&Json| option.get("type").and_then(Json::as_str) == Some("null");
            let mut others = options.iter().filter(|option| !is_null(option));
            return match (others.next(), others.next()) {
                (Some(only), None) if options.len() > 1 => Some((only, true)),
                _ => None,
            };
        }
    }
    None
}

/// The texts that a schema allows, if it allows nothing else.
fn constants(object: &Map<String, Json>) -> Option<Vec<&str>> {
    if let Some(constant) = object.get("const") {
        return Some(vec![constant.as_str()?]);
    }
    let texts = object.get("enum")?.as_array()?.iter();
    texts
        .filter(|text| !text.is_null())
        .map(Json::as_str)
        .collect()
}

fn names(fields: &[(&str, Shape<'_>)], word: &str) -> String {
    listed(fields.iter().map(|(name, _)| *name), word)
}

/// `` `a`, `b` or `c` ``.
pub(super) fn listed<'a>(names: impl Iterator<Item = &'a str>, word: &str) -> String {
    let names: Vec<_> = names.map(|name| format!("`{name}`")).collect();
    match names.as_slice() {
        [] => "nothing".to_owned(),
        [only] => only.clone(),
        [most @ .., last] => format!("{} {word} {last}", most.join(", ")),
    }
}

/// `` from 1 to 10``, with a blank in front of it; nothing where there are no limits.
fn range(limits: (Option<f64>, Option<f64>), things: &str) -> String {
    match limits {
        (Some(least), Some(most)) if least == most => format!(" of exactly {least}{things}"),
        (Some(least), Some(most)) => format!(" from {least} to {most}{things}"),
        (Some(least), None) => format!(" of at least {least}{things}"),
        (None, Some(most)) => format!(" of at most {most}{things}"),
        (None, None) => String::new(),
    }
}
