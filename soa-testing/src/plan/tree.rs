//! Paths, and the trees that lines put together.
//!
//! `input int: user.ids.0: 5` puts one leaf into a tree, under a [`Path`] of keys and indexes: `user` and `ids` are keys,
//! `0` is an index, and what is in braces is a key whatever it looks like (`{0}`, `{a.b}`). Each leaf knows its line, so
//! that a failure can point at it. Containers come into being as the paths need them; a list that is filled out of order
//! has empty maps in its gaps, as in the reference.

use std::fmt;

use super::typed::Typed;
use soa_runtime::codec::{Map, Value};

/// Longer lists cannot be written by hand, and a stray digit must not take all memory.
const MAX_INDEX: usize = 9_999;
/// Deeper bodies cannot travel.
const MAX_DEPTH: usize = 100;

/// One step of a path.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Segment {
    Key(String),
    Index(usize),
}

/// Where in a body something is.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Path(pub(super) Vec<Segment>);

impl Path {
    /// Reads `a.0.{b.c}`.
    pub(super) fn parse(text: &str) -> Result<Self, String> {
        let mut segments = Vec::new();
        let mut rest = text;
        loop {
            let end = end_of_segment(rest)
                .ok_or_else(|| format!("the braces of path `{text}` do not match"))?;
            let (segment, behind) = rest.split_at(end);
            segments.push(Segment::parse(segment, text)?);
            if segments.len() > MAX_DEPTH {
                return Err(format!("the path is deeper than {MAX_DEPTH}"));
            }
            match behind.strip_prefix('.') {
                Some(behind) => rest = behind,
                None => return Ok(Self(segments)),
            }
        }
    }

    pub(super) fn then(&self, segment: Segment) -> Self {
        let mut segments = self.0.clone();
        segments.push(segment);
        Self(segments)
    }

    /// What is there in a value.
    pub(super) fn find<'a>(&self, value: &'a Value) -> Option<&'a Value> {
        let mut segments = self.0.iter();
        segments.try_fold(value, |value, segment| match segment {
            Segment::Key(key) => value.get(key),
            Segment::Index(index) => value.as_list()?.get(*index),
        })
    }
}

/// Where the dot after the first segment is, or the end.
fn end_of_segment(text: &str) -> Option<usize> {
    let mut depth = 0_usize;
    for (at, character) in text.char_indices() {
        match character {
            '{' => depth += 1,
            '}' => depth = depth.checked_sub(1)?,
            '.' if depth == 0 => return Some(at),
            _ => {}
        }
    }
    (depth == 0).then_some(text.len())
}

impl Segment {
    fn parse(text: &str, path: &str) -> Result<Self, String> {
        if text.is_empty() {
            return Err(format!(
                "path `{path}` has an empty name in it; a name with dots goes into braces: `{{a.b}}`"
            ));
        }
        if text.bytes().all(|byte| byte.is_ascii_digit()) {
            let index = text.parse().ok().filter(|index| *index <= MAX_INDEX);
            let index =
                index.ok_or_else(|| format!("index {text} is over the limit of {MAX_INDEX}"))?;
            return Ok(Self::Index(index));
        }
        // The outermost braces are not part of the name.
        let mut key = String::with_capacity(text.len());
        let mut depth = 0_usize;
        for character in text.chars() {
            let is_outermost = match character {
                '{' => {
                    depth += 1;
                    depth == 1
                }
                '}' => {
                    depth = depth.saturating_sub(1);
                    depth == 0
                }
                _ => false,
            };
            if !is_outermost {
                key.push(character);
            }
        }
        Ok(Self::Key(key))
    }
}

impl fmt::Display for Segment {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Index(index) => write!(f, "{index}"),
            Self::Key(key) => {
                let is_plain = !key.is_empty()
                    && !key.contains(['.', '{', '}'])
                    && !key.bytes().all(|byte| byte.is_ascii_digit());
                if is_plain {
                    f.write_str(key)
                } else {
                    write!(f, "{{{key}}}")
                }
            }
        }
    }
}

impl fmt::Display for Path {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (at, segment) in self.0.iter().enumerate() {
            if at > 0 {
                f.write_str(".")?;
            }
            segment.fmt(f)?;
        }
        Ok(())
    }
}

/// What one line says of one place.
#[derive(Clone, Debug)]
pub(super) struct Leaf {
    pub(super) line: usize,
    pub(super) typed: Typed,
}

/// What many lines say, put together.
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
    /// A value as the lines of a plan would have written it.
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
            }),
        }
    }

    /// Whether no line has said anything.
    pub(super) fn is_empty(&self) -> bool {
        matches!(self, Self::Map(pairs) if pairs.is_empty())
    }

    /// Puts a leaf in; a later one replaces an earlier one in the same place.
    pub(super) fn put(&mut self, path: &Path, leaf: Leaf) -> Result<(), String> {
        let mut place = self;
        for (at, segment) in path.0.iter().enumerate() {
            let above = || Path(path.0.get(..at).unwrap_or_default().to_vec());
            if place.is_empty() && at > 0 {
                // Just made, or the gap of a list: it becomes what is needed.
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
                        None => return Err(format!("`{path}` has no place")),
                    }
                }
                (Self::List(list), Segment::Index(index)) => {
                    if list.len() <= *index {
                        list.resize_with(index + 1, Self::default);
                    }
                    match list.get_mut(*index) {
                        Some(place) => place,
                        None => return Err(format!("`{path}` has no place")),
                    }
                }
                (Self::Map(_), Segment::Index(index)) => {
                    let what = match at {
                        0 => "a body".to_owned(),
                        _ => format!("`{}`, as other lines say,", above()),
                    };
                    return Err(format!(
                        "{what} is a map, and has no index {index}; a key of digits goes into braces: `{{{index}}}`"
                    ));
                }
                (Self::List(_), Segment::Key(key)) => {
                    return Err(format!(
                        "`{}` is a list, as other lines say: it has no key `{key}`",
                        above()
                    ));
                }
                (Self::Leaf(leaf), _) => {
                    return Err(format!(
                        "`{}` has a value of its own already, in line {}",
                        above(),
                        leaf.line
                    ));
                }
            };
        }
        *place = Self::Leaf(leaf);
        Ok(())
    }

    /// The same with what another says in addition, which wins where both say something. A gap in a list says `{}`.
    pub(super) fn overlaid(self, other: Self) -> Self {
        match (self, other) {
            (Self::Map(mut pairs), Self::Map(others)) => {
                for (key, other) in others {
                    match pairs.iter().position(|(name, _)| *name == key) {
                        Some(at) => {
                            let (_, tree) = pairs.swap_remove(at);
                            pairs.push((key, tree.below(other)));
                            // Back to where it was: the order is that of the lines.
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

    /// The leaves, with where they are.
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

    /// The same tree with every leaf turned into something else.
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

    /// The tree as a value; matchers have none, and the parser keeps them out of what is sent.
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
    use super::*;
    use soa_runtime::value;

    fn leaf(value: impl Into<Value>) -> Leaf {
        Leaf {
            line: 1,
            typed: Typed::Value(value.into()),
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
    fn a_path_reads_back_as_it_is_shown() {
        for text in ["a", "a.0.b", "a.{b.c}.1", "{0}.x", "a.{{b.c}}", "a-b_c.0.0"] {
            let path = Path::parse(text).unwrap();
            assert_eq!(Path::parse(&path.to_string()).unwrap(), path, "{text}");
        }
    }

    #[test]
    fn what_is_no_path_is_told() {
        for text in ["", ".", "a.", "a..b", "{a", "a}", "a.99999999999999999999"] {
            assert!(Path::parse(text).is_err(), "{text}");
        }
        assert!(Path::parse(&vec!["a"; 101].join(".")).is_err());
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
