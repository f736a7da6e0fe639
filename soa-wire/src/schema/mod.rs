//! What a body must look like, and every way in which a given one does not.
//!
//! A type's schema comes from its `schemars` description (which knows serde's attributes and garde's
//! rules) and is kept in the terms of Conformity, the reference's validation library: dictionaries with
//! optional keys, nullables, constants. Its words are what callers of the reference know, so
//! [`Schema::check`] uses its codes and texts.
//!
//! Checking walks a decoded [`Value`](crate::codec::Value) and reports everything at once. It runs only when decoding or
//! validating the typed value failed: the happy path never sees a schema.

mod check;
mod convert;
mod introspect;
mod merge;
mod path;

use std::any::TypeId;
use std::collections::HashMap;
use std::sync::{Arc, OnceLock, PoisonError, RwLock};

use schemars::JsonSchema;
use serde_json::Number;

pub use check::FieldError;
#[doc(hidden)]
pub use check::{MAX_ERRORS, key_text};

/// The schema of one body: a tree, and the named types that it refers to.
#[derive(Clone, Debug, PartialEq)]
pub struct Schema {
    pub(crate) root: Node,
    pub(crate) definitions: HashMap<String, Node>,
}

impl Schema {
    /// The schema of a type; computed once a type.
    pub fn of<T: JsonSchema + 'static>() -> Arc<Self> {
        static SCHEMAS: OnceLock<RwLock<HashMap<TypeId, Arc<Schema>>>> = OnceLock::new();
        let schemas = SCHEMAS.get_or_init(RwLock::default);
        let id = TypeId::of::<T>();
        // A panic under the lock leaves a map that is whole: entries are inserted in one step.
        if let Some(schema) = schemas
            .read()
            .unwrap_or_else(PoisonError::into_inner)
            .get(&id)
        {
            return Arc::clone(schema);
        }
        let schema = Arc::new(convert::from_json_schema(
            schemars::generate::SchemaSettings::draft2020_12()
                .into_generator()
                .into_root_schema_for::<T>()
                .as_value(),
        ));
        let mut schemas = schemas.write().unwrap_or_else(PoisonError::into_inner);
        Arc::clone(schemas.entry(id).or_insert(schema))
    }

    /// Whether this can be the schema of a body, which is a map.
    pub fn describes_a_map(&self) -> bool {
        self.is_map(&self.root, 0)
    }

    fn is_map(&self, node: &Node, depth: usize) -> bool {
        match &node.kind {
            Kind::Anything
            | Kind::Dictionary { .. }
            | Kind::Entries { .. }
            | Kind::Tagged { .. } => true,
            Kind::Any(options) => options.iter().any(|option| self.is_map(option, depth)),
            // A definition that refers to itself only, however many times, is no map.
            Kind::Reference(name) => {
                depth <= self.definitions.len()
                    && (self.definitions.get(name)).is_none_or(|node| self.is_map(node, depth + 1))
            }
            _ => false,
        }
    }
}

/// One level of a schema.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Node {
    pub(crate) kind: Kind,
    pub(crate) description: Option<String>,
    /// What is told and not checked, by its name in introspection: a default, a pattern, that it is deprecated.
    pub(crate) remarks: Vec<(&'static str, serde_json::Value)>,
}

impl Node {
    /// The same without the title, which for a whole body is the name of its Rust type.
    pub(crate) fn without_title(mut self) -> Self {
        self.remarks.retain(|(name, _)| *name != "title");
        self
    }
}

/// A field of a dictionary.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Field {
    pub(crate) name: String,
    pub(crate) node: Node,
    pub(crate) required: bool,
}

/// Limits of a number.
#[derive(Clone, Debug, Default, PartialEq)]
pub(crate) struct Bounds {
    pub(crate) gt: Option<Number>,
    pub(crate) gte: Option<Number>,
    pub(crate) lt: Option<Number>,
    pub(crate) lte: Option<Number>,
}

/// Limits of a length.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub(crate) struct Lengths {
    pub(crate) min: Option<u64>,
    pub(crate) max: Option<u64>,
}

/// What a value may be.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Kind {
    Anything,
    Nil,
    Boolean,
    Integer {
        bounds: Bounds,
        /// What the Rust type can hold, where the bounds do not say it. Not part of introspection.
        range: Option<(i128, i128)>,
    },
    Float(Bounds),
    Text {
        lengths: Lengths,
        /// What Conformity calls text of a special form, such as `email_address`. It is told and not checked: garde's
        /// rules and serde know better.
        form: Option<&'static str>,
    },
    Bytes(Lengths),
    DateTime {
        /// `None` where either will do.
        utc: Option<bool>,
    },
    Date,
    Time,
    Decimal,
    Amount,
    List {
        contents: Box<Node>,
        lengths: Lengths,
    },
    /// A list with a type for each place.
    Tuple(Vec<Node>),
    Dictionary {
        fields: Vec<Field>,
        allow_extra_keys: bool,
    },
    /// A map with keys of the callers' choice.
    Entries {
        values: Box<Node>,
        lengths: Lengths,
        keys: Keys,
    },
    Nullable(Box<Node>),
    /// One of these texts, booleans, numbers or nil.
    Constant(Vec<serde_json::Value>),
    Any(Vec<Node>),
    /// A dictionary that says in one of its fields which dictionary it is.
    Tagged {
        field: String,
        options: Vec<(String, Node)>,
    },
    /// A named type: `definitions` has it. Types can contain themselves.
    Reference(String),
}

/// What the keys of a map are.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Keys {
    Any,
    Text,
    /// In JSON they are text all the same, so that is told and not checked.
    Integer,
    /// The same without negative ones.
    Natural,
}

impl Kind {
    /// Any text.
    pub(crate) const TEXT: Self = Self::Text {
        lengths: Lengths {
            min: None,
            max: None,
        },
        form: None,
    };

    pub(crate) fn into_node(self) -> Node {
        Node {
            kind: self,
            description: None,
            remarks: Vec::new(),
        }
    }
}
