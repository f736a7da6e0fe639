//! Settings before they have types: values, each with where it comes from.
//!
//! Every source becomes a tree: a file by its lines, the environment by its variables, the command line by its flags.
//! Trees are laid over each other, the stronger over the weaker: tables key by key, everything else as a whole. Where one
//! of several keys is chosen, the stronger choice takes the place of another one. A null takes away what is below it,
//! unless any value may stand there. What is left is compared with the schema ([`check`](super::check)), read into the types,
//! and shown by `settings --print`, and each of these can say where a value was written.

use std::collections::BTreeMap;
use std::fmt;
use std::sync::Arc;

use serde_json::Value as Json;

use super::shape::{Kind, Shape};

/// Where a value comes from.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Origin {
    /// A line of a file.
    File(Arc<str>, usize),
    /// A variable of the environment.
    Variable(Arc<str>),
    /// A flag of the command line.
    Flag(Arc<str>),
    /// Nobody wrote it.
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

/// A value and where it comes from.
#[derive(Clone, Debug)]
pub(super) struct Node {
    pub(super) origin: Origin,
    pub(super) data: Data,
}

/// What a value is.
#[derive(Clone, Debug)]
pub(super) enum Data {
    /// Text, a number, a truth or nothing.
    Scalar(Json),
    /// Text of a variable or a flag, which is read as whatever its key takes.
    Raw(String),
    List(Vec<Node>),
    Table(BTreeMap<String, Node>),
}

impl Node {
    pub(super) fn table(origin: Origin) -> Self {
        let data = Data::Table(BTreeMap::new());
        Self { origin, data }
    }

    pub(super) fn get(&self, key: &str) -> Option<&Self> {
        match &self.data {
            Data::Table(entries) => entries.get(key),
            _ => None,
        }
    }

    /// What it says, if it is text.
    pub(super) fn text(&self) -> Option<&str> {
        match &self.data {
            Data::Scalar(value) => value.as_str(),
            Data::Raw(text) => Some(text),
            Data::List(_) | Data::Table(_) => None,
        }
    }

    fn is_null(&self) -> bool {
        matches!(self.data, Data::Scalar(Json::Null))
    }

    /// Puts a value at a path, through tables that are made where there are none.
    pub(super) fn insert(&mut self, path: &[String], node: Self, shape: Option<Shape<'_>>) {
        let Some((key, rest)) = path.split_first() else {
            self.lay(node, shape);
            return;
        };
        let mut table = Self::table(node.origin.clone());
        table.insert_here(key, rest, node);
        self.lay(table, shape);
    }

    fn insert_here(&mut self, key: &str, rest: &[String], node: Self) {
        let Data::Table(entries) = &mut self.data else {
            return;
        };
        let mut value = Self::table(node.origin.clone());
        value.insert(rest, node, None);
        entries.insert(key.to_owned(), value);
    }

    /// Lays a stronger value over this one, which has a known shape or none.
    pub(super) fn lay(&mut self, stronger: Self, shape: Option<Shape<'_>>) {
        let Self { origin, data } = stronger;
        match (&mut self.data, data) {
            (Data::Table(below), Data::Table(above)) => {
                let is_choice =
                    shape.is_some_and(|shape| matches!(shape.kind(), Kind::Variants(_)));
                if is_choice && above.values().any(|value| !value.is_null()) {
                    below.retain(|key, _| above.contains_key(key));
                }
                for (key, value) in above {
                    match below.get_mut(&key) {
                        Some(weaker) => weaker.lay(value, shape.and_then(|shape| shape.get(&key))),
                        None => {
                            below.insert(key, value);
                        }
                    }
                }
                // The table that was written last says best where to write what is missing.
                if origin != Origin::Nowhere {
                    self.origin = origin;
                }
            }
            (_, data) => *self = Self { origin, data },
        }
    }

    /// Takes away what nulls stand for.
    pub(super) fn without_nulls(&mut self, shape: Option<Shape<'_>>) {
        if let Data::Table(entries) = &mut self.data {
            let shape_of = |key: &String| shape.and_then(|shape| shape.get(key));
            let is_value = |key: &String| {
                let kind = shape_of(key).map(|shape| shape.kind());
                matches!(kind, Some(Kind::Anything))
            };
            entries.retain(|key, value| !value.is_null() || is_value(key));
            for (key, value) in entries {
                value.without_nulls(shape_of(key));
            }
        }
    }

    /// The value at a path, or the last one on the way to it.
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
