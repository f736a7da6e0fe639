//! Values that a line writes without a type, read by the schema of their action.
//!
//! Without a type, the text of a line is text, as in PySOA. Where the schema knows that the field is a date or a decimal,
//! such a text is read by the schema, as everything that people write. Lines with a type, references, and text that the
//! schema takes as text or that it cannot read stay as they are.

use soa_runtime::codec::{Map, Value};
use soa_runtime::message::code;

use super::case::ActionCase;
use super::tree::Tree;

/// The value of a tree, with what was read in place of what was written without a type.
pub(super) struct Written<'a> {
    tree: &'a Tree,
    /// The fields that a case expects to be wrong. Their text is sent as it is.
    wrong: Vec<&'a str>,
    /// True if the case expects something to be wrong, and does not say what.
    is_wrong: bool,
}

impl<'a> Written<'a> {
    /// Wraps a tree without times and references.
    pub(super) fn new(tree: &'a Tree) -> Self {
        Self {
            tree,
            wrong: Vec::new(),
            is_wrong: false,
        }
    }

    /// Leaves the text of the fields that an action is expected to refuse.
    pub(super) fn unless_refused(mut self, action: &'a ActionCase) -> Self {
        let errors = action.errors.iter();
        let errors = errors.filter(|(set, _)| !set.is_not && !set.of_job);
        for error in errors.flat_map(|(_, errors)| errors) {
            match &error.field {
                _ if error.code != code::INVALID => {}
                Some(field) => self.wrong.push(field),
                None => self.is_wrong = true,
            }
        }
        self
    }

    /// Returns the value, read by this function.
    pub(super) fn read(&self, read: impl FnOnce(Value) -> Value) -> Value {
        let written = self.tree.to_value();
        if self.is_wrong {
            return written;
        }
        let read = read(written.clone());
        self.chosen(self.tree, written, read, "")
    }

    fn chosen(&self, tree: &Tree, written: Value, read: Value, path: &str) -> Value {
        match (tree, written, read) {
            (Tree::Leaf(leaf), written, read) => match leaf.has_type || self.is_left(path) {
                true => written,
                false => read,
            },
            (Tree::List(trees), Value::List(written), Value::List(read))
                if trees.len() == written.len() && trees.len() == read.len() =>
            {
                let items = trees.iter().zip(written).zip(read).enumerate();
                items
                    .map(|(index, ((tree, written), read))| {
                        self.chosen(tree, written, read, &below(path, &index.to_string()))
                    })
                    .collect()
            }
            (Tree::Map(trees), Value::Map(written), Value::Map(read))
                if trees.len() == written.len() && trees.len() == read.len() =>
            {
                let pairs = trees.iter().zip(written.into_pairs());
                let pairs = pairs.zip(read.into_pairs());
                let chosen = pairs.map(|(((name, tree), written), read)| {
                    let path = below(path, name);
                    let key = match self.is_left(&path) {
                        true => written.0,
                        false => read.0,
                    };
                    (key, self.chosen(tree, written.1, read.1, &path))
                });
                Value::Map(chosen.collect::<Map>())
            }
            // The keys of two lines are the same key when they are read.
            (_, written, _) => written,
        }
    }

    /// Returns true if the case expects this field to be wrong, or a field within it or around it.
    fn is_left(&self, path: &str) -> bool {
        let is_within = |inner: &str, outer: &str| {
            let rest = inner.strip_prefix(outer);
            rest.is_some_and(|rest| rest.is_empty() || rest.starts_with('.'))
        };
        let mut wrong = self.wrong.iter();
        wrong.any(|field| is_within(field, path) || is_within(path, field))
    }
}

fn below(path: &str, step: &str) -> String {
    match path {
        "" => step.to_owned(),
        path => format!("{path}.{step}"),
    }
}
