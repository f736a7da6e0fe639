//! The types of a schema as messages.

use std::collections::HashMap;
use std::fmt::Display;
use std::sync::Arc;

use soa_wire::Value;
use soa_wire::schema::{Field, Node, NodeKind, Schema};

use super::message::{ADVICE, Absence, Form, Message, Place};
use super::package::Packages;

/// The types of one schema.
pub(super) struct Types<'a> {
    packages: &'a mut Packages,
    schema: &'a Schema,
    /// True if `.proto` files have its messages.
    is_shown: bool,
    /// The messages of types, by their name in the schema and their package.
    known: HashMap<(&'a str, String), Arc<Message>>,
    /// The types around the current field.
    open: Vec<&'a str>,
    path: Vec<String>,
}

impl<'a> Types<'a> {
    pub(super) fn new(packages: &'a mut Packages, schema: &'a Schema, is_shown: bool) -> Self {
        Self {
            packages,
            schema,
            is_shown,
            known: HashMap::new(),
            open: Vec::new(),
            path: Vec::new(),
        }
    }

    /// Returns the fields of a message in a package. `parent` begins the names of types that have none.
    ///
    /// # Errors
    /// A field cannot travel.
    pub(super) fn fields(
        &mut self,
        fields: &'a [Field],
        package: &str,
        parent: &str,
    ) -> Result<Vec<Place>, String> {
        let mut places: Vec<Place> = Vec::with_capacity(fields.len());
        for field in fields {
            let place = self.field(field, package, parent)?;
            if let Some(other) = places.iter().find(|other| other.name == place.name) {
                let (one, two, name) = (&other.key, &place.key, &place.name);
                return Err(self.at_path(format_args!(
                    "the fields `{one}` and `{two}` would both be named `{name}`"
                )));
            }
            places.push(place);
        }
        Ok(places)
    }

    /// Returns a field of a message in a package.
    ///
    /// # Errors
    /// It cannot travel.
    pub(super) fn field(
        &mut self,
        field: &'a Field,
        package: &str,
        parent: &str,
    ) -> Result<Place, String> {
        self.path.push(field.name.clone());
        let name = identifier(&field.name);
        let hint = format!("{parent}_{name}");
        let kind = self.schema.resolve(&field.node).map(|node| &node.kind);
        let takes_nil = matches!(
            kind,
            Some(NodeKind::Nullable(_) | NodeKind::Nil | NodeKind::Anything)
        );
        let elements = match kind {
            Some(NodeKind::List { contents, .. }) if !field.is_option => Some(&**contents),
            _ => None,
        };
        let form = match elements {
            Some(elements) => self.element(elements, package, &hint)?,
            None if field.is_option => self.optional(&field.node),
            None => self.form(&field.node, package, &hint)?,
        };
        let absence = match &form {
            _ if !field.required => Absence::Left,
            _ if takes_nil => Absence::Nil,
            Form::Message(_) => Absence::Empty,
            _ => Absence::Left,
        };
        self.path.pop();
        Ok(Place {
            key: field.name.clone(),
            name,
            form,
            is_list: elements.is_some(),
            absence,
        })
    }

    /// Returns the form of the elements of a list.
    fn element(&mut self, node: &'a Node, package: &str, hint: &str) -> Result<Form, String> {
        let kind = self.schema.resolve(node).map(|node| &node.kind);
        match kind {
            Some(NodeKind::Nullable(_)) => Err(self.refused("a list of optional values")),
            Some(NodeKind::Anything) => Err(self.refused("a list of values of any type")),
            Some(NodeKind::List { .. }) => Err(self.refused("a list of lists")),
            _ => match self.form(node, package, hint)? {
                Form::Hollow(what) => {
                    Err(self.refused(format_args!("a list in which each element is {what}")))
                }
                form => Ok(form),
            },
        }
    }

    /// Returns the form of a value that may be nil.
    fn optional(&self, node: &'a Node) -> Form {
        match self.schema.resolve(node).map(|node| &node.kind) {
            Some(NodeKind::Nullable(inner)) => self.optional(inner),
            Some(NodeKind::Boolean) => Form::Hollow("an optional boolean"),
            Some(NodeKind::Integer { .. }) => Form::Hollow("an optional integer"),
            Some(NodeKind::Float(_)) => Form::Hollow("an optional float"),
            Some(NodeKind::Bytes(_)) => Form::Hollow("an optional value of bytes"),
            Some(NodeKind::Dictionary { .. }) => Form::Hollow("an optional struct"),
            Some(kind) => scalar(kind),
            None => UNKNOWN,
        }
    }

    /// Returns the form of a value that is there, and is no list.
    ///
    /// # Errors
    /// It cannot travel.
    pub(super) fn form(
        &mut self,
        node: &'a Node,
        package: &str,
        hint: &str,
    ) -> Result<Form, String> {
        let Some(definition) = self.schema.resolve(node) else {
            return Ok(UNKNOWN);
        };
        let fields = match &definition.kind {
            NodeKind::Nullable(inner) => return Ok(self.optional(inner)),
            NodeKind::Dictionary { fields, .. } => fields,
            kind => return Ok(scalar(kind)),
        };
        let own = definition.package.as_deref();
        let own = own.map_or_else(|| package.to_owned(), identifier);
        if self.is_shown && own != package {
            // Its place among the packages is that of its first use.
            self.packages.named(&own);
            let imports = &mut self.packages.named(package).imports;
            if !imports.contains(&own) {
                imports.push(own.clone());
            }
        }
        self.message(node, fields, &own, hint).map(Form::Message)
    }

    fn message(
        &mut self,
        node: &'a Node,
        fields: &'a [Field],
        package: &str,
        hint: &str,
    ) -> Result<Arc<Message>, String> {
        let key = self.key_of(node);
        let known = key.map(|key| (key, package.to_owned()));
        if let Some(message) = known.as_ref().and_then(|known| self.known.get(known)) {
            return Ok(Arc::clone(message));
        }
        if let Some(key) = key {
            if self.open.contains(&key) {
                return Err(self.at_path(format_args!(
                    "the type `{}` contains itself; {ADVICE}",
                    self.name_of(key).unwrap_or(hint)
                )));
            }
            self.open.push(key);
        }
        let name = key.and_then(|key| self.name_of(key)).unwrap_or(hint);
        let name = identifier(name);
        let fields = self.fields(fields, package, &name)?;
        if key.is_some() {
            self.open.pop();
        }
        let message = self.finish(package, name, fields)?;
        if let Some(known) = known {
            self.known.insert(known, Arc::clone(&message));
        }
        Ok(message)
    }

    /// Returns the key of a type in the schema; `None` for one that is written in place.
    fn key_of(&self, mut node: &'a Node) -> Option<&'a str> {
        if std::ptr::eq(node, self.schema.root()) {
            return Some(ROOT);
        }
        let mut key = None;
        // The references have an end, as the node was resolved.
        while let NodeKind::Reference(name) = &node.kind {
            key = Some(name.as_str());
            node = self.schema.definition(name)?;
        }
        key
    }

    fn name_of(&self, key: &'a str) -> Option<&'a str> {
        match key {
            ROOT => self.schema.type_name(),
            name => Some(name),
        }
    }

    /// Adds a message to its package, unless it is there.
    ///
    /// # Errors
    /// The package has another message of this name.
    pub(super) fn finish(
        &mut self,
        package: &str,
        name: String,
        fields: Vec<Place>,
    ) -> Result<Arc<Message>, String> {
        let message = Message {
            package: package.to_owned(),
            name,
            fields,
        };
        if !self.is_shown {
            return Ok(Arc::new(message));
        }
        let messages = &mut self.packages.named(package).messages;
        match messages.iter().find(|known| known.name == message.name) {
            Some(known) if **known == message => Ok(Arc::clone(known)),
            Some(_) => {
                let name = message.name;
                Err(self.at_path(format_args!(
                    "the package `{package}` has another message `{name}` with other fields; rename one of the types, or put \
                     it into another package"
                )))
            }
            None => {
                let message = Arc::new(message);
                messages.push(Arc::clone(&message));
                Ok(message)
            }
        }
    }

    fn refused(&self, what: impl Display) -> String {
        self.at_path(format_args!("{what} has no form there; {ADVICE}"))
    }

    /// Returns a problem with the field that has it.
    fn at_path(&self, problem: impl Display) -> String {
        match self.path.is_empty() {
            true => problem.to_string(),
            false => format!("field `{}`: {problem}", self.path.join(".")),
        }
    }
}

/// The key of the type that a schema is about.
const ROOT: &str = "#";

const UNKNOWN: Form = Form::Hollow("a value of an unknown type");

/// Returns the form of a value that is neither a struct nor optional.
fn scalar(kind: &NodeKind) -> Form {
    match kind {
        NodeKind::Integer { .. } => Form::Integer,
        NodeKind::Float(_) => Form::Float,
        NodeKind::Boolean => Form::Boolean,
        NodeKind::Bytes(_) => Form::Bytes,
        NodeKind::Text { .. }
        | NodeKind::DateTime { .. }
        | NodeKind::Date
        | NodeKind::Time
        | NodeKind::Decimal(_)
        | NodeKind::Amount
        // A text can be sent, and others are refused by their value.
        | NodeKind::Anything => Form::Text,
        NodeKind::Constant(values) => choice(values),
        NodeKind::List { .. } => Form::Hollow("an optional list"),
        NodeKind::Tuple(_) => Form::Hollow("a tuple"),
        NodeKind::Entries { .. } => Form::Hollow("a map"),
        NodeKind::Any(_) | NodeKind::Tagged { .. } => Form::Hollow("one of several types"),
        NodeKind::Nil => Form::Hollow("always nil"),
        NodeKind::Dictionary { .. } | NodeKind::Nullable(_) | NodeKind::Reference(_) => UNKNOWN,
    }
}

/// Returns the form of constants: their texts.
fn choice(values: &[serde_json::Value]) -> Form {
    let others = values.iter().filter(|value| !value.is_string());
    let others: Vec<(String, Value)> = others
        .filter_map(|value| {
            let text = value.to_string();
            let value = soa_wire::codec::json::decode_value(text.as_bytes()).ok()?;
            Some((text, value))
        })
        .collect();
    match others.is_empty() {
        true => Form::Text,
        false => Form::Choice(others),
    }
}

/// Returns a name as `.proto` files can have it.
pub(super) fn identifier(name: &str) -> String {
    let is_allowed = |letter: char| letter.is_ascii_alphanumeric() || letter == '_';
    let mut identifier = name.replace(|letter| !is_allowed(letter), "_");
    if !identifier.starts_with(|first: char| first.is_ascii_alphabetic()) {
        identifier.insert(0, '_');
    }
    identifier
}
