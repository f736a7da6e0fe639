//! Trees: the values of several lines, put together.
//!
//! The line `input int: user.ids.0: 5` puts one leaf into a tree, at a [`Path`]. Maps and lists are created as the paths
//! need them. A list that is filled out of order has empty maps in its gaps, as in PySOA. Each leaf keeps its line, so
//! that a failure can point at it.

use soa_runtime::codec::{Map, Value};

use super::path::{Path, Segment};
use super::typed::Typed;

/// The value of one line.
#[derive(Clone, Debug)]
pub(super) struct Leaf {
    pub(super) line: usize,
    pub(super) typed: Typed,
    /// False if the line names no type, so that its text may be read by a schema.
    pub(super) has_type: bool,
}

/// The values of several lines, put together.
#[derive(Clone, Debug)]
pub(super) enum Tree {
    Leaf(Leaf),
    List(Vec<Tree>),
    Map(Vec<(String, Tree)>),
}

impl Default for Tree {
    fn default() -> Self {
        Self::Map(Vec::new())
    }
}

impl Tree {
    /// Creates the tree of a value, as lines of a plan would have written it.
    pub(super) fn of(value: Value, line: usize) -> Self {
        match value {
            Value::List(list) if !list.is_empty() => Self::List(
                list.into_iter()
                    .map(|value| Self::of(value, line))
                    .collect(),
            ),
            Value::Map(map)
                if !map.is_empty() && map.iter().all(|(key, _)| key.as_str().is_some()) =>
            {
                let pairs = map.into_pairs().into_iter().filter_map(|(key, value)| {
                    Some((key.as_str()?.to_owned(), Self::of(value, line)))
                });
                Self::Map(pairs.collect())
            }
            value => Self::Leaf(Leaf {
                line,
                typed: Typed::Value(value),
                has_type: true,
            }),
        }
    }

    /// Returns true if no line has put a value in.
    pub(super) fn is_empty(&self) -> bool {
        matches!(self, Self::Map(pairs) if pairs.is_empty())
    }

    /// Puts a leaf in, in place of an earlier one at the same path.
    pub(super) fn put(&mut self, path: &Path, leaf: Leaf) -> Result<(), String> {
        let mut place = self;
        for (at, segment) in path.0.iter().enumerate() {
            let above = || Path(path.0.get(..at).unwrap_or_default().to_vec());
            if place.is_empty() && at > 0 {
                // New, or the gap of a list: it becomes the container that the path needs.
                *place = match segment {
                    Segment::Key(_) => Self::Map(Vec::new()),
                    Segment::Index(_) => Self::List(Vec::new()),
                };
            }
            place = match (place, segment) {
                (Self::Map(pairs), Segment::Key(key)) => {
                    let found = pairs.iter().position(|(name, _)| name == key);
                    let index = found.unwrap_or_else(|| {
                        pairs.push((key.clone(), Self::default()));
                        pairs.len() - 1
                    });
                    match pairs.get_mut(index) {
                        Some((_, place)) => place,
                        None => return Err(format!("`{path}` cannot be placed")),
                    }
                }
                (Self::List(list), Segment::Index(index)) => {
                    if list.len() <= *index {
                        list.resize_with(index + 1, Self::default);
                    }
                    match list.get_mut(*index) {
                        Some(place) => place,
                        None => return Err(format!("`{path}` cannot be placed")),
                    }
                }
                (Self::Map(_), Segment::Index(index)) => {
                    let what = match at {
                        0 => "a body is a map".to_owned(),
                        _ => format!("`{}` is a map in other lines", above()),
                    };
                    return Err(format!(
                        "{what} and has no index {index}; write a key of digits in braces: `{{{index}}}`"
                    ));
                }
                (Self::List(_), Segment::Key(key)) => {
                    return Err(format!(
                        "`{}` is a list in other lines and has no key `{key}`",
                        above()
                    ));
                }
                (Self::Leaf(leaf), _) => {
                    return Err(format!(
                        "`{}` already has a value, from line {}",
                        above(),
                        leaf.line
                    ));
                }
            };
        }
        *place = Self::Leaf(leaf);
        Ok(())
    }

    /// Returns the tree with the values of another one added. Where both have a value, that of the other one counts. A gap
    /// in a list counts as `{}`.
    pub(super) fn overlaid(self, other: Self) -> Self {
        match (self, other) {
            (Self::Map(mut pairs), Self::Map(others)) => {
                for (key, other) in others {
                    match pairs.iter().position(|(name, _)| *name == key) {
                        Some(at) => {
                            let (_, tree) = pairs.swap_remove(at);
                            pairs.push((key, tree.below(other)));
                            // Back to its place, as the order is that of the lines.
                            let last = pairs.len() - 1;
                            pairs.swap(at, last);
                        }
                        None => pairs.push((key, other)),
                    }
                }
                Self::Map(pairs)
            }
            (Self::List(list), Self::List(others)) => {
                let length = list.len().max(others.len());
                let mut lists = (list.into_iter(), others.into_iter());
                let both = (0..length).map(|_| match (lists.0.next(), lists.1.next()) {
                    (Some(tree), Some(other)) => tree.below(other),
                    (tree, other) => tree.or(other).unwrap_or_default(),
                });
                Self::List(both.collect())
            }
            (_, other) => other,
        }
    }

    fn below(self, other: Self) -> Self {
        if other.is_empty() {
            other
        } else {
            self.overlaid(other)
        }
    }

    /// Returns the leaves with their paths.
    pub(super) fn leaves(&self) -> Vec<(Path, &Leaf)> {
        let mut found = Vec::new();
        self.walk(&Path::default(), &mut |path, leaf| {
            found.push((path.clone(), leaf))
        });
        found
    }

    fn walk<'a>(&'a self, path: &Path, visit: &mut impl FnMut(&Path, &'a Leaf)) {
        match self {
            Self::Leaf(leaf) => visit(path, leaf),
            Self::List(list) => {
                for (index, tree) in list.iter().enumerate() {
                    tree.walk(&path.then(Segment::Index(index)), visit);
                }
            }
            Self::Map(pairs) => {
                for (key, tree) in pairs {
                    tree.walk(&path.then(Segment::Key(key.clone())), visit);
                }
            }
        }
    }

    /// Returns the tree with each leaf replaced by another tree.
    pub(super) fn try_map<E>(
        &self,
        change: &mut impl FnMut(&Leaf) -> Result<Self, E>,
    ) -> Result<Self, E> {
        Ok(match self {
            Self::Leaf(leaf) => change(leaf)?,
            Self::List(list) => {
                let list = list.iter().map(|tree| tree.try_map(change));
                Self::List(list.collect::<Result<_, _>>()?)
            }
            Self::Map(pairs) => {
                let pairs = pairs
                    .iter()
                    .map(|(key, tree)| Ok((key.clone(), tree.try_map(change)?)));
                Self::Map(pairs.collect::<Result<_, _>>()?)
            }
        })
    }

    /// Returns the tree as a value. Matchers become nil; the parser does not allow them in values that are sent.
    pub(super) fn to_value(&self) -> Value {
        match self {
            Self::Leaf(leaf) => match &leaf.typed {
                Typed::Value(value) => value.clone(),
                _ => Value::Nil,
            },
            Self::List(list) => Value::List(list.iter().map(Self::to_value).collect()),
            Self::Map(pairs) => {
                let pairs = pairs
                    .iter()
                    .map(|(key, tree)| (key.as_str(), tree.to_value()));
                Value::Map(pairs.collect::<Map>())
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use soa_runtime::value;

    use super::*;

    fn leaf(value: impl Into<Value>) -> Leaf {
        Leaf {
            line: 1,
            typed: Typed::Value(value.into()),
            has_type: true,
        }
    }

    fn tree(paths: &[&str]) -> Tree {
        let mut tree = Tree::default();
        for (number, path) in paths.iter().enumerate() {
            tree.put(&Path::parse(path).unwrap(), leaf(number)).unwrap();
        }
        tree
    }

    #[test]
    fn dots_nest_digits_index_and_braces_escape() {
        assert_eq!(
            tree(&["foo.bar.baz"]).to_value(),
            value!({"foo": {"bar": {"baz": 0}}})
        );
        assert_eq!(
            tree(&["foo.bar.0.baz", "foo.bar.1"]).to_value(),
            value!({"foo": {"bar": [{"baz": 0}, 1]}})
        );
        assert_eq!(
            tree(&["foo.{bar.baz}", "foo.{0}"]).to_value(),
            value!({"foo": {"bar.baz": 0, "0": 1}})
        );
        assert_eq!(
            tree(&["foo.{{a.b}}"]).to_value(),
            value!({"foo": {"{a.b}": 0}})
        );
        assert_eq!(
            tree(&["foo.2.bar", "foo.0"]).to_value(),
            value!({"foo": [1, {}, {"bar": 0}]})
        );
    }

    #[test]
    fn lines_that_contradict_each_other_are_told() {
        for (first, second) in [("a", "a.b"), ("a.b", "a.0"), ("a.0", "a.b"), ("a", "0")] {
            let mut tree = tree(&[first]);
            assert!(
                tree.put(&Path::parse(second).unwrap(), leaf(2)).is_err(),
                "{first} {second}"
            );
        }
    }

    #[test]
    fn an_overlay_wins_where_both_say_something() {
        let overlaid = tree(&["a.b", "c.0", "c.1", "d"]).overlaid(tree(&["a.e", "c.0", "d.f"]));
        assert_eq!(
            overlaid.to_value(),
            value!({"a": {"b": 0, "e": 0}, "c": [1, 2], "d": {"f": 2}})
        );
    }
}
