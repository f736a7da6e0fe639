//! Schemas as data: a tree of nodes, in the terms of Conformity.

use std::collections::HashMap;

use serde_json::Number;

use crate::codec::{Map, Value};

/// The schema of one body: a tree of nodes, and the named types that it refers to.
///
/// ```
/// # use soa_wire as soa;
/// use schemars::JsonSchema;
/// use soa::schema::Schema;
/// use soa::value;
///
/// #[derive(JsonSchema)]
/// #[schemars(deny_unknown_fields)]
/// struct Square {
///     number: i64,
/// }
///
/// let errors = Schema::of::<Square>().check(&value!({ "number": "twelve" }));
/// assert_eq!((errors[0].code, errors[0].message.as_str()), ("INVALID", "Not an integer"));
/// assert_eq!(errors[0].field.as_deref(), Some("number"));
/// ```
#[derive(Clone, Debug, PartialEq)]
pub struct Schema {
    /// Name of the type.
    pub(crate) name: Option<String>,
    pub(crate) root: Node,
    pub(crate) definitions: HashMap<String, Node>,
}

/// The parts of a schema, for the crates of this framework that translate it: to other descriptions, and to other forms of
/// values.
#[doc(hidden)]
impl Schema {
    /// Returns the name of the type; `None` for types that are written in place.
    pub fn type_name(&self) -> Option<&str> {
        self.name.as_deref()
    }

    /// Returns the shape of the type itself.
    pub fn root(&self) -> &Node {
        &self.root
    }

    /// Returns the named type that a [`NodeKind::Reference`] means.
    pub fn definition(&self, name: &str) -> Option<&Node> {
        self.definitions.get(name)
    }

    /// Returns the fields of the type, in the order of their declaration; `None` if it is not a struct.
    pub fn fields(&self) -> Option<&[Field]> {
        match &self.resolve(&self.root)?.kind {
            NodeKind::Dictionary { fields, .. } => Some(fields),
            _ => None,
        }
    }
}

impl Schema {
    /// Returns the schema of any value.
    pub(crate) fn anything() -> Self {
        Self {
            name: None,
            root: NodeKind::Anything.into_node(),
            definitions: HashMap::new(),
        }
    }

    /// Returns true if the schema describes a map, as every body is.
    pub fn describes_a_map(&self) -> bool {
        self.is_map(&self.root, 0)
    }

    /// True if the schema describes a map that has no keys.
    #[doc(hidden)]
    pub fn describes_no_fields(&self) -> bool {
        matches!(&self.root.kind, NodeKind::Dictionary { fields, extra: ExtraKeys::Refused } if fields.is_empty())
    }

    fn is_map(&self, node: &Node, depth: usize) -> bool {
        match &node.kind {
            NodeKind::Anything
            | NodeKind::Dictionary { .. }
            | NodeKind::Entries { .. }
            | NodeKind::Tagged { .. } => true,
            NodeKind::Any(options) => options.iter().any(|option| self.is_map(option, depth)),
            // A definition that refers only to itself, directly or by others, is not a map.
            NodeKind::Reference(name) => {
                depth <= self.definitions.len()
                    && (self.definitions.get(name)).is_none_or(|node| self.is_map(node, depth + 1))
            }
            _ => false,
        }
    }
}

/// One level of a schema.
#[derive(Clone, Debug, PartialEq)]
pub struct Node {
    /// The values that it allows.
    pub kind: NodeKind,
    /// The doc comment.
    pub description: Option<String>,
    /// Properties that introspection has and the check ignores, by name: a default, a pattern, a deprecation.
    pub remarks: Vec<(&'static str, serde_json::Value)>,
    /// Further texts that a constant allows: the aliases of an enum's variants.
    pub aliases: Vec<String>,
    /// True if a constant allows any other text: a variant of the enum stands for all of them.
    pub takes_others: bool,
    /// True if a field or a newtype has a decoder of its own, which may take other values than the schema says.
    pub has_decoder: bool,
    /// True if the alternatives are those of an enum that is flattened into a struct, each with all fields of the struct.
    pub is_sum: bool,
    /// The package of the type in protobuf, if the type says so. A field whose type has a name refers to the type, and has
    /// none.
    pub package: Option<String>,
}

impl Node {
    /// Returns the node without its title, which is the name of the Rust type for a whole body.
    pub(crate) fn without_title(mut self) -> Self {
        self.remarks.retain(|(name, _)| *name != "title");
        self
    }
}

/// A field of a dictionary.
#[derive(Clone, Debug, PartialEq)]
pub struct Field {
    /// The name in messages.
    pub name: String,
    /// The name under which the type writes the field, if it is another one.
    pub serialized_name: Option<String>,
    /// The values of the field.
    pub node: Node,
    /// True if the field cannot be absent.
    pub required: bool,
    /// True if the field is an `Option`, which is absent for `None`.
    pub is_option: bool,
    /// The name in the source, if it is known and another one.
    pub source_name: Option<String>,
    /// Further names under which the type takes the field.
    pub aliases: Vec<String>,
}

impl Field {
    pub(crate) fn new(name: &str, node: Node, required: bool) -> Self {
        Self {
            name: name.to_owned(),
            serialized_name: None,
            node,
            required,
            is_option: false,
            source_name: None,
            aliases: Vec::new(),
        }
    }

    /// Returns the name of the field in what the type writes.
    pub fn written_name(&self) -> &str {
        self.serialized_name.as_deref().unwrap_or(&self.name)
    }

    /// True if a message may have the field under this name.
    pub fn is_named(&self, name: &str) -> bool {
        self.name == name || self.aliases.iter().any(|alias| alias == name)
    }

    /// Returns the field as a message has it: its name there, and its value.
    pub(crate) fn sent_in<'a>(&'a self, map: &'a Map) -> Option<(&'a str, &'a Value)> {
        let names = std::iter::once(&self.name).chain(&self.aliases);
        names
            .map(String::as_str)
            .find_map(|name| Some((name, map.get(name)?)))
    }
}

/// Limits of a number.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Bounds {
    /// Exclusive minimum.
    pub gt: Option<Number>,
    /// Minimum.
    pub gte: Option<Number>,
    /// Exclusive maximum.
    pub lt: Option<Number>,
    /// Maximum.
    pub lte: Option<Number>,
}

/// Limits of a length.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Lengths {
    /// Minimum.
    pub min: Option<u64>,
    /// Maximum.
    pub max: Option<u64>,
}

/// The values that a node allows.
#[derive(Clone, Debug, PartialEq)]
pub enum NodeKind {
    /// Any value.
    Anything,
    /// Nil.
    Nil,
    /// True or false.
    Boolean,
    /// An integer.
    Integer {
        /// The limits that its rules set.
        bounds: Bounds,
        /// The range of the Rust type, for limits that the bounds do not have. Not part of introspection.
        range: Option<(i128, i128)>,
    },
    /// A number with a fraction.
    Float(Bounds),
    /// Text.
    Text {
        /// The limits of its length, in characters.
        lengths: Lengths,
        /// Conformity's name of a form of text, such as `email_address`. It is part of introspection, but not checked:
        /// garde's rules and serde do that.
        form: Option<&'static str>,
    },
    /// Bytes.
    Bytes(Lengths),
    /// A date and a time of day.
    DateTime {
        /// True for UTC, false for no zone, `None` for either.
        utc: Option<bool>,
    },
    /// A date.
    Date,
    /// A time of day.
    Time,
    /// A decimal number.
    Decimal(Bounds),
    /// An amount of money.
    Amount,
    /// A list.
    List {
        /// The elements.
        contents: Box<Node>,
        /// The limits of its length.
        lengths: Lengths,
    },
    /// A list with a type for each element.
    Tuple(Vec<Node>),
    /// A struct.
    Dictionary {
        /// The fields, in the order of their declaration.
        fields: Vec<Field>,
        /// The keys besides those of the fields.
        extra: ExtraKeys,
    },
    /// A map with any keys.
    Entries {
        /// The values.
        values: Box<Node>,
        /// The limits of the number of entries.
        lengths: Lengths,
        /// The keys.
        keys: Keys,
    },
    /// The inner values, or nil.
    Nullable(Box<Node>),
    /// One of these texts, booleans, numbers or nil.
    Constant(Vec<serde_json::Value>),
    /// One of several alternatives.
    Any(Vec<Node>),
    /// Several dictionaries, told apart by the value of one field.
    Tagged {
        /// The field.
        field: String,
        /// The dictionaries by that value.
        options: Vec<(String, Node)>,
    },
    /// A named type, which is in `definitions`. Types can contain themselves.
    Reference(String),
}

/// The keys of a dictionary besides those of its fields.
#[derive(Clone, Debug, PartialEq)]
pub enum ExtraKeys {
    /// They are refused.
    Refused,
    /// They are ignored.
    Allowed,
    /// A flattened map takes them. Not part of introspection, which has no word for it.
    Taken {
        /// The values of the map.
        values: Box<Node>,
        /// The keys of the map.
        keys: Keys,
    },
}

impl ExtraKeys {
    pub(crate) fn allowed(are_allowed: bool) -> Self {
        match are_allowed {
            true => Self::Allowed,
            false => Self::Refused,
        }
    }
}

/// The type of the keys of a map.
#[derive(Clone, Debug, PartialEq)]
pub enum Keys {
    /// Any keys.
    Any,
    /// Texts.
    Text,
    /// Integers. In JSON they are text, so this is part of introspection, but not checked.
    Integer,
    /// Integers that are not negative, in the same way.
    Natural,
    /// Any other type, in the same way.
    Other(Box<Node>),
}

impl NodeKind {
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
            aliases: Vec::new(),
            takes_others: false,
            has_decoder: false,
            is_sum: false,
            package: None,
        }
    }
}
