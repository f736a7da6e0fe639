//! Settings before they have types: values that know their origin.
//!
//! Each source becomes a tree: a file by its lines, the environment by its variables, the command line by its flags.
//! The trees are merged ([`merge`](super::merge)), checked against the schema ([`check`](super::check)), deserialized,
//! and printed by `settings --print`. Each of these steps can name the place where a value was written.

use std::collections::BTreeMap;
use std::fmt;
use std::sync::Arc;

use serde_json::Value as Json;

/// The place where a value was written.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Origin {
    /// A line of a file.
    File(Arc<str>, usize),
    /// A variable of the environment.
    Variable(Arc<str>),
    /// A flag of the command line.
    Flag(Arc<str>),
    /// No source: a default.
    Nowhere,
}

impl fmt::Display for Origin {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::File(name, line) => write!(f, "{name}:{line}"),
            Self::Variable(name) => f.write_str(name),
            Self::Flag(flag) => f.write_str(flag),
            Self::Nowhere => f.write_str("settings"),
        }
    }
}

/// A value with its origin.
#[derive(Clone, Debug)]
pub(super) struct Node {
    pub(super) origin: Origin,
    pub(super) data: Data,
}

/// The value of a node.
#[derive(Clone, Debug)]
pub(super) enum Data {
    /// Text, a number, a boolean or null.
    Scalar(Json),
    /// Text of a variable or a flag that could not be parsed as the type of its key.
    Raw(String),
    List(Vec<Node>),
    Table(BTreeMap<String, Node>),
}

impl Data {
    /// Makes a tree of plain data. All of its nodes have the same origin.
    pub(super) fn from_json(value: Json, origin: &Origin) -> Self {
        let node = |value| Node {
            origin: origin.clone(),
            data: Self::from_json(value, origin),
        };
        match value {
            Json::Array(items) => Self::List(items.into_iter().map(node).collect()),
            Json::Object(entries) => {
                let entries = entries.into_iter();
                Self::Table(entries.map(|(key, value)| (key, node(value))).collect())
            }
            scalar => Self::Scalar(scalar),
        }
    }
}

impl Node {
    /// An empty table.
    pub(super) fn table(origin: Origin) -> Self {
        let data = Data::Table(BTreeMap::new());
        Self { origin, data }
    }

    /// The value under a key of this table.
    pub(super) fn get(&self, key: &str) -> Option<&Self> {
        match &self.data {
            Data::Table(entries) => entries.get(key),
            _ => None,
        }
    }

    /// The text of this value; `None` if it is of another type.
    pub(super) fn text(&self) -> Option<&str> {
        match &self.data {
            Data::Scalar(value) => value.as_str(),
            Data::Raw(text) => Some(text),
            Data::List(_) | Data::Table(_) => None,
        }
    }

    /// Returns true for null.
    pub(super) fn is_null(&self) -> bool {
        matches!(self.data, Data::Scalar(Json::Null))
    }

    /// The value at a path, or the last value on the way to it.
    pub(super) fn nearest<'a>(&self, path: impl IntoIterator<Item = &'a str>) -> &Self {
        let mut node = self;
        for key in path {
            let next = match &node.data {
                Data::Table(entries) => entries.get(key),
                Data::List(items) => key.parse().ok().and_then(|index: usize| items.get(index)),
                Data::Scalar(_) | Data::Raw(_) => None,
            };
            match next {
                Some(next) => node = next,
                None => break,
            }
        }
        node
    }
}
