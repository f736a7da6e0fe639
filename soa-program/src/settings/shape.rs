//! Shapes of settings: a view of the JSON Schema that `schemars` makes of their types.
//!
//! The schema is the only description of the settings. Values are checked against it, variables find their keys in it,
//! the effective settings take their defaults from it, and the page of all keys is generated from it. A [`Shape`] is one
//! place in the schema. References are resolved, and the null of an `Option` is left out: a key that may be absent does
//! not accept null.

use serde_json::{Map, Value as Json};
use soa_runtime::period::{self, Period};
use soa_runtime::secret;

use super::tree::Node;

/// Largest number of references in a row. A schema with more counts as one that accepts anything.
const MAX_REFERENCES: usize = 16;

/// One place in a schema.
#[derive(Clone, Copy)]
pub(super) struct Shape<'a> {
    /// The schema at the place itself, which may have a description and a default of its own.
    outer: &'a Json,
    /// The schema behind references and options.
    inner: &'a Json,
    document: &'a Json,
    is_optional: bool,
}

/// The kind of value that a place accepts.
pub(super) enum ShapeKind<'a> {
    Table(Table<'a>),
    /// A table with exactly one of these keys.
    Variants(Vec<(&'a str, Shape<'a>)>),
    /// A table whose other keys depend on the text of one key.
    Tagged(Tagged<'a>),
    List(Shape<'a>),
    Text,
    Period,
    Integer,
    Number,
    Boolean,
    /// One of these texts.
    Choice(Vec<&'a str>),
    Alternatives(Vec<Shape<'a>>),
    Anything,
}

/// A table with its keys.
pub(super) struct Table<'a> {
    pub(super) fields: Vec<(&'a str, Shape<'a>)>,
    required: Vec<&'a str>,
    /// The shape of all other keys; `None` if there are no others.
    pub(super) others: Option<Shape<'a>>,
}

/// A table whose other keys depend on the text of one key.
pub(super) struct Tagged<'a> {
    pub(super) key: &'a str,
    /// The texts, and the whole table that belongs to each.
    pub(super) options: Vec<(&'a str, Shape<'a>)>,
}

impl<'a> Tagged<'a> {
    /// Finds the key that tells these tables apart, if there is one.
    fn of(options: &[Shape<'a>]) -> Option<Self> {
        let ShapeKind::Table(first) = options.first()?.kind() else {
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

    /// The table for a text.
    pub(super) fn get(&self, text: &str) -> Option<Shape<'a>> {
        let option = self.options.iter().find(|(known, _)| *known == text);
        option.map(|(_, shape)| *shape)
    }
}

impl<'a> Table<'a> {
    /// A table of the variants of an enum.
    pub(super) fn of_variants(variants: Vec<(&'a str, Shape<'a>)>) -> Self {
        Self {
            fields: variants,
            required: Vec::new(),
            others: None,
        }
    }

    /// Returns true if a key is required.
    pub(super) fn requires(&self, key: &str) -> bool {
        self.required.contains(&key)
    }
}

impl<'a> Shape<'a> {
    /// The root of a schema.
    pub(super) fn root(document: &'a Json) -> Self {
        Self::at(document, document)
    }

    fn at(outer: &'a Json, document: &'a Json) -> Self {
        let mut inner = outer;
        let mut is_optional = false;
        for _ in 0..MAX_REFERENCES {
            let Some((next, is_option)) = resolve(inner, document) else {
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

    /// Returns true for an `Option`.
    pub(super) fn is_optional(&self) -> bool {
        self.is_optional
    }

    /// A pointer that is equal for all places of one type.
    pub(super) fn identity(&self) -> *const Json {
        self.inner
    }

    fn child(&self, schema: &'a Json) -> Self {
        Self::at(schema, self.document)
    }

    fn keyword(&self, name: &str) -> Option<&'a Json> {
        self.outer.get(name).or_else(|| self.inner.get(name))
    }

    fn number(&self, name: &str) -> Option<f64> {
        self.inner.get(name).and_then(Json::as_f64)
    }

    /// The documentation of the place.
    pub(super) fn description(&self) -> Option<&'a str> {
        self.keyword("description").and_then(Json::as_str)
    }

    /// The default value.
    pub(super) fn default(&self) -> Option<&'a Json> {
        self.keyword("default").filter(|default| !default.is_null())
    }

    /// Returns true if the value is a secret.
    pub(super) fn is_secret(&self) -> bool {
        self.inner.get("format").and_then(Json::as_str) == Some(secret::FORMAT)
            || self.keyword("writeOnly").and_then(Json::as_bool) == Some(true)
    }

    pub(super) fn kind(&self) -> ShapeKind<'a> {
        let Some(object) = self.inner.as_object() else {
            return ShapeKind::Anything;
        };
        if object.get("format").and_then(Json::as_str) == Some(period::FORMAT) {
            return ShapeKind::Period;
        }
        if let Some(choice) = constants(object) {
            return ShapeKind::Choice(choice);
        }
        for keyword in ["oneOf", "anyOf"] {
            if let Some(options) = object.get(keyword).and_then(Json::as_array) {
                return self.alternatives(options);
            }
        }
        let kind = match object.get("type") {
            Some(Json::Array(names)) => names.iter().find(|name| name.as_str() != Some("null")),
            name => name,
        };
        match kind.and_then(Json::as_str) {
            Some("object") => ShapeKind::Table(self.table(object)),
            Some("array") => match object.get("items") {
                Some(items) => ShapeKind::List(self.child(items)),
                None => ShapeKind::Anything,
            },
            Some("string") => ShapeKind::Text,
            Some("integer") => ShapeKind::Integer,
            Some("number") => ShapeKind::Number,
            Some("boolean") => ShapeKind::Boolean,
            _ => ShapeKind::Anything,
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

    fn alternatives(&self, options: &'a [Json]) -> ShapeKind<'a> {
        let options: Vec<_> = options.iter().map(|option| self.child(option)).collect();
        let texts = options.iter().map(|option| option.inner.as_object());
        let texts: Option<Vec<_>> = texts.map(|option| constants(option?)).collect();
        if let Some(texts) = texts {
            return ShapeKind::Choice(texts.concat());
        }
        if let Some(tagged) = Tagged::of(&options) {
            return ShapeKind::Tagged(tagged);
        }
        let variants = options.iter().map(|option| option.as_variant());
        match variants.collect() {
            Some(variants) => ShapeKind::Variants(variants),
            None => ShapeKind::Alternatives(options),
        }
    }

    /// The text of a place that accepts exactly one text.
    fn constant(&self) -> Option<&'a str> {
        match constants(self.inner.as_object()?)?.as_slice() {
            [only] => Some(*only),
            _ => None,
        }
    }

    /// The shape for a value: the table that its tag selects, or this shape if it is not tagged.
    pub(super) fn for_value(&self, node: &Node) -> Self {
        match self.kind() {
            ShapeKind::Tagged(tagged) => {
                let text = node.get(tagged.key).and_then(Node::text);
                text.and_then(|text| tagged.get(text)).unwrap_or(*self)
            }
            _ => *self,
        }
    }

    /// The name and the shape of a variant of an enum, which is a table with one required key.
    fn as_variant(&self) -> Option<(&'a str, Self)> {
        let ShapeKind::Table(table) = self.kind() else {
            return None;
        };
        match table.fields.as_slice() {
            [(name, field)] if table.requires(name) && table.others.is_none() => {
                // The documentation of a variant is at the table, not at its key.
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

    /// The shape of the value under a key.
    pub(super) fn get(&self, key: &str) -> Option<Self> {
        match self.kind() {
            ShapeKind::Table(table) => {
                let field = table.fields.iter().find(|(name, _)| *name == key);
                field.map(|(_, shape)| *shape).or(table.others)
            }
            ShapeKind::Variants(variants) => {
                let variant = variants.iter().find(|(name, _)| *name == key);
                variant.map(|(_, shape)| *shape)
            }
            ShapeKind::Tagged(tagged) => {
                let options = tagged.options.iter();
                options
                    .map(|(_, option)| option.get(key))
                    .find_map(|field| field)
            }
            ShapeKind::Alternatives(options) => options.iter().find_map(|option| option.get(key)),
            // Values inside of any value may be anything, too.
            ShapeKind::Anything => Some(*self),
            _ => None,
        }
    }

    /// The keys that are known by name.
    pub(super) fn fields(&self) -> Vec<(&'a str, Self)> {
        match self.kind() {
            ShapeKind::Table(table) => table.fields,
            ShapeKind::Variants(variants) => variants,
            ShapeKind::Alternatives(options) => options.iter().flat_map(Self::fields).collect(),
            _ => Vec::new(),
        }
    }

    /// The smallest and the largest number.
    pub(super) fn bounds(&self) -> (Option<f64>, Option<f64>) {
        let of_type = match self.inner.get("format").and_then(Json::as_str) {
            Some("uint32") => Some(f64::from(u32::MAX)),
            Some("int32") => Some(f64::from(i32::MAX)),
            _ => None,
        };
        (self.number("minimum"), self.number("maximum").or(of_type))
    }

    /// The smallest and the largest length of a text or a list.
    pub(super) fn lengths(&self) -> (Option<f64>, Option<f64>) {
        let (least, most) = match self.kind() {
            ShapeKind::List(_) => ("minItems", "maxItems"),
            _ => ("minLength", "maxLength"),
        };
        (self.number(least), self.number(most))
    }

    /// Describes the accepted values for an error message or the page of keys, as in "expected …".
    pub(super) fn expected(&self) -> String {
        match self.kind() {
            ShapeKind::Table(table) if table.others.is_some() && table.fields.is_empty() => {
                "a table".to_owned()
            }
            ShapeKind::Table(table) => format!("a table with {}", names(&table.fields, "and")),
            ShapeKind::Variants(variants) => {
                format!("a table with {}", names(&variants, "or"))
            }
            ShapeKind::Tagged(tagged) => {
                let texts = listed(tagged.texts(), "or");
                format!("a table whose `{}` is {texts}", tagged.key)
            }
            ShapeKind::List(items) => {
                format!("a list of {}{}", items.expected_items(), self.limits())
            }
            ShapeKind::Text => format!("text{}", self.limits()),
            ShapeKind::Period => match self.least_time() {
                least if least.is_empty() => period::EXPECTED.to_owned(),
                least => format!("{},{least}", period::EXPECTED),
            },
            ShapeKind::Integer => format!("an integer{}", range(self.bounds())),
            ShapeKind::Number => format!("a number{}", range(self.bounds())),
            ShapeKind::Boolean => "a boolean (`true` or `false`)".to_owned(),
            ShapeKind::Choice(texts) => listed(texts.iter().copied(), "or"),
            ShapeKind::Alternatives(options) => {
                let options: Vec<_> = options.iter().map(Self::expected).collect();
                options.join(", or ")
            }
            ShapeKind::Anything => "any value".to_owned(),
        }
    }

    /// Describes the accepted values in the plural, as in "a list of …".
    pub(super) fn expected_items(&self) -> String {
        let expected = self.expected();
        for (one, many) in [
            ("a table", "tables"),
            ("a list", "lists"),
            ("an integer", "integers"),
            ("a number", "numbers"),
            ("a boolean (`true` or `false`)", "booleans"),
        ] {
            if let Some(rest) = expected.strip_prefix(one) {
                return format!("{many}{rest}");
            }
        }
        expected
    }

    /// The shortest accepted time, if there is a limit.
    pub(super) fn least_period(&self) -> Option<Period> {
        self.keyword(period::LEAST)?.as_str()?.parse().ok()
    }

    /// Describes the shortest accepted time: " of at least `1s`". Empty without a limit.
    pub(super) fn least_time(&self) -> String {
        let least = self.least_period();
        least.map_or_else(String::new, |least| format!(" of at least `{least}`"))
    }

    /// Describes the limits of the length: " with at least 1 character". Empty without limits.
    fn limits(&self) -> String {
        let one = match self.kind() {
            ShapeKind::List(_) => "item",
            _ => "character",
        };
        let count = |count: f64| match count {
            1.0 => format!("1 {one}"),
            count => format!("{count} {one}s"),
        };
        match self.lengths() {
            (Some(least), Some(most)) if least == most => format!(" with exactly {}", count(most)),
            (Some(least), Some(most)) => format!(" with {least} to {}", count(most)),
            (Some(least), None) => format!(" with at least {}", count(least)),
            (None, Some(most)) => format!(" with at most {}", count(most)),
            (None, None) => String::new(),
        }
    }
}

/// Follows one reference or option; the flag is true for an option.
fn resolve<'a>(schema: &'a Json, document: &'a Json) -> Option<(&'a Json, bool)> {
    if let Some(reference) = schema.get("$ref").and_then(Json::as_str) {
        let target = document.pointer(reference.strip_prefix('#')?);
        return target.map(|target| (target, false));
    }
    for keyword in ["anyOf", "oneOf"] {
        if let Some(options) = schema.get(keyword).and_then(Json::as_array) {
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

/// The texts of a schema that accepts only certain texts.
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

/// Lists names for a message: `` `a`, `b` or `c` ``.
pub fn listed<'a>(names: impl Iterator<Item = &'a str>, word: &str) -> String {
    let names: Vec<_> = names.map(|name| format!("`{name}`")).collect();
    match names.as_slice() {
        [] => "nothing".to_owned(),
        [only] => only.clone(),
        [most @ .., last] => format!("{} {word} {last}", most.join(", ")),
    }
}

/// Describes limits of a number: " from 1 to 10". Empty without limits.
fn range(limits: (Option<f64>, Option<f64>)) -> String {
    match limits {
        (Some(least), Some(most)) if least == most => format!(" of exactly {least}"),
        (Some(least), Some(most)) => format!(" from {least} to {most}"),
        (Some(least), None) => format!(" of at least {least}"),
        (None, Some(most)) => format!(" of at most {most}"),
        (None, None) => String::new(),
    }
}
