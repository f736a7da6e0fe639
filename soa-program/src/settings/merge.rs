//! Merging of trees: a stronger source over a weaker one.
//!
//! Tables are merged key by key. Any other value replaces the weaker one. Where the schema allows exactly one of several
//! keys, such as the kind of a transport, a stronger choice replaces a weaker one. A null removes the weaker value,
//! unless the key accepts any value, null included.

use super::shape::{Shape, ShapeKind};
use super::tree::{Data, Node, Origin};

impl Node {
    /// Merges a stronger value at a path into this tree. Missing tables on the way are created.
    pub(super) fn insert(&mut self, path: &[String], node: Self, shape: Option<Shape<'_>>) {
        let Some((key, rest)) = path.split_first() else {
            self.merge(node, shape);
            return;
        };
        let mut table = Self::table(node.origin.clone());
        table.insert_key(key, rest, node);
        self.merge(table, shape);
    }

    fn insert_key(&mut self, key: &str, rest: &[String], node: Self) {
        let Data::Table(entries) = &mut self.data else {
            return;
        };
        let mut value = Self::table(node.origin.clone());
        value.insert(rest, node, None);
        entries.insert(key.to_owned(), value);
    }

    /// Merges a stronger value into this one, whose shape may be unknown.
    pub(super) fn merge(&mut self, stronger: Self, shape: Option<Shape<'_>>) {
        let Self { origin, data } = stronger;
        match (&mut self.data, data) {
            (Data::Table(below), Data::Table(above)) => {
                let is_choice =
                    shape.is_some_and(|shape| matches!(shape.kind(), ShapeKind::Variants(_)));
                if is_choice && above.values().any(|value| !value.is_null()) {
                    below.retain(|key, _| above.contains_key(key));
                }
                for (key, value) in above {
                    match below.get_mut(&key) {
                        Some(weaker) => {
                            weaker.merge(value, shape.and_then(|shape| shape.get(&key)));
                        }
                        None => {
                            below.insert(key, value);
                        }
                    }
                }
                // Errors about missing keys are best reported at the table that was written last.
                if origin != Origin::Nowhere {
                    self.origin = origin;
                }
            }
            (_, data) => *self = Self { origin, data },
        }
    }

    /// Removes the keys whose value is null, except where null is a value.
    pub(super) fn remove_nulls(&mut self, shape: Option<Shape<'_>>) {
        if let Data::Table(entries) = &mut self.data {
            let shape_of = |key: &String| shape.and_then(|shape| shape.get(key));
            let is_value = |key: &String| {
                let kind = shape_of(key).map(|shape| shape.kind());
                matches!(kind, Some(ShapeKind::Anything))
            };
            entries.retain(|key, value| !value.is_null() || is_value(key));
            for (key, value) in entries {
                value.remove_nulls(shape_of(key));
            }
        }
    }
}
