//! The comparison of an expected tree with a response.
//!
//! A tree describes a part of the response: maps may have more keys, and lists more elements at their end. Only an empty
//! map or list has to be empty. Values that must *not* be there are searched leaf by leaf, in a list at any index.

use soa_runtime::codec::Value;

use super::display::{cut, with_commas};
use super::matcher::same;
use super::path::{Path, Segment};
use super::tree::{Leaf, Tree};
use super::typed::Typed;

/// The greatest number of gaps of one list that are reported one by one.
const MAX_REPORTED_GAPS: usize = 3;

/// One place in which a response differs from the expectation.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Mismatch {
    /// The line with the expectation; `None` if several lines make it.
    pub(super) line: Option<usize>,
    pub(super) path: Path,
    pub(super) expected: String,
    pub(super) got: String,
}

impl Mismatch {
    pub(super) fn describe(&self) -> String {
        let Self {
            path,
            expected,
            got,
            ..
        } = self;
        format!("`{path}` should be {expected}\nbut is {got}")
    }
}

impl Leaf {
    pub(super) fn accepts(&self, value: &Value) -> bool {
        match &self.typed {
            Typed::Value(expected) => same(expected, value),
            Typed::Any(kind) => kind.accepts(value),
            Typed::Pattern(pattern) => pattern.accepts(value),
            // Both are resolved to values before a response is compared.
            Typed::Moment(_) | Typed::Template(_) => false,
        }
    }

    fn describe(&self) -> String {
        match &self.typed {
            Typed::Value(value) => describe(value),
            Typed::Any(kind) => kind.to_string(),
            Typed::Pattern(pattern) => pattern.to_string(),
            Typed::Moment(_) | Typed::Template(_) => String::new(),
        }
    }

    /// Returns advice about a value that looks almost the same.
    fn advice(&self, actual: &Value) -> &'static str {
        match (&self.typed, actual) {
            (Typed::Value(Value::DateTime(_)), Value::UtcDateTime(_)) => {
                "\na time with a zone never equals one without: `utc_now` and `utc_midnight` have a zone"
            }
            (Typed::Value(Value::UtcDateTime(_)), Value::DateTime(_)) => {
                "\na time without a zone never equals one with a zone: `now`, `midnight` and numbers have none"
            }
            _ => "",
        }
    }
}

/// Returns a value with its type, as text.
pub(super) fn describe(value: &Value) -> String {
    match value {
        Value::Nil => "nil".to_owned(),
        value => format!("{} ({})", cut(value), value.kind_name()),
    }
}

/// Returns the places at which a response lacks an expected value.
pub(super) fn missing(expected: &Tree, actual: &Value) -> Vec<Mismatch> {
    let mut found = Vec::new();
    part(expected, Some(actual), &Path::default(), None, &mut found);
    found
}

/// Adds the differences of one part. `nearby` is a line about the surrounding list, for gaps, which have no line.
fn part(
    expected: &Tree,
    actual: Option<&Value>,
    path: &Path,
    nearby: Option<usize>,
    found: &mut Vec<Mismatch>,
) {
    let nearby = first_line(expected).or(nearby);
    let (line, wanted) = match (expected, actual) {
        (Tree::Map(pairs), Some(Value::Map(map))) if !pairs.is_empty() => {
            for (key, tree) in pairs {
                part(
                    tree,
                    map.get(key),
                    &path.then(Segment::Key(key.clone())),
                    nearby,
                    found,
                );
            }
            return;
        }
        (Tree::List(list), Some(Value::List(values))) => {
            elements(list, values, path, nearby, found);
            return;
        }
        // The whole map is missing: each line that expects something in it is reported.
        (Tree::Map(pairs), None) if !pairs.is_empty() => {
            for (key, tree) in pairs {
                part(
                    tree,
                    None,
                    &path.then(Segment::Key(key.clone())),
                    nearby,
                    found,
                );
            }
            return;
        }
        (Tree::List(list), None) => {
            elements(list, &[], path, nearby, found);
            return;
        }
        (Tree::Leaf(leaf), Some(actual)) if leaf.accepts(actual) => return,
        (Tree::Map(pairs), Some(Value::Map(map))) if pairs.is_empty() && map.is_empty() => return,
        (Tree::Leaf(leaf), Some(actual)) => {
            found.push(Mismatch {
                line: Some(leaf.line),
                path: path.clone(),
                expected: leaf.describe(),
                got: format!("{}{}", describe(actual), leaf.advice(actual)),
            });
            return;
        }
        (Tree::Leaf(leaf), None) => (Some(leaf.line), leaf.describe()),
        (Tree::List(_), _) => (first_line(expected), "a list".to_owned()),
        (Tree::Map(pairs), _) if pairs.is_empty() => (
            nearby,
            "{} (an empty map), because no line states a value".to_owned(),
        ),
        (Tree::Map(_), _) => (first_line(expected), "a map".to_owned()),
    };
    found.push(Mismatch {
        line,
        path: path.clone(),
        expected: wanted,
        got: actual.map_or_else(|| "missing".to_owned(), describe),
    });
}

/// Adds the differences of the elements of a list. Only the first gaps are reported one by one, because a single mistyped
/// index makes thousands.
fn elements(
    list: &[Tree],
    values: &[Value],
    path: &Path,
    nearby: Option<usize>,
    found: &mut Vec<Mismatch>,
) {
    let mut gaps = 0;
    for (index, tree) in list.iter().enumerate() {
        let before = found.len();
        let path = path.then(Segment::Index(index));
        part(tree, values.get(index), &path, nearby, found);
        if tree.is_empty() && found.len() > before {
            gaps += 1;
            if gaps > MAX_REPORTED_GAPS {
                found.truncate(before);
            }
        }
    }
    if gaps > MAX_REPORTED_GAPS {
        found.push(Mismatch {
            line: nearby,
            path: path.clone(),
            expected: format!(
                "{{}} at {} more indexes, because no line states their values",
                with_commas(gaps - MAX_REPORTED_GAPS)
            ),
            got: "another value, or missing".to_owned(),
        });
    }
}

fn first_line(tree: &Tree) -> Option<usize> {
    tree.leaves().first().map(|(_, leaf)| leaf.line)
}

/// Returns the places at which a response has a value that must not be there.
pub(super) fn unwanted(not_expected: &Tree, actual: &Value) -> Vec<Mismatch> {
    let mut found = Vec::new();
    without(not_expected, actual, &Path::default(), &mut found);
    found
}

fn without(tree: &Tree, actual: &Value, path: &Path, found: &mut Vec<Mismatch>) {
    match (tree, actual) {
        (Tree::Map(pairs), Value::Map(map)) => {
            for (key, tree) in pairs {
                if let Some(actual) = map.get(key) {
                    without(tree, actual, &path.then(Segment::Key(key.clone())), found);
                }
            }
        }
        (Tree::List(list), Value::List(values)) => {
            for (index, tree) in list.iter().enumerate() {
                let path = path.then(Segment::Index(index));
                match tree {
                    Tree::Leaf(leaf) => in_list(leaf, values, &path, found),
                    tree => {
                        if let Some(actual) = values.get(index) {
                            without(tree, actual, &path, found);
                        }
                    }
                }
            }
        }
        (Tree::Leaf(leaf), Value::List(values)) => in_list(leaf, values, path, found),
        (Tree::Leaf(leaf), actual) if leaf.accepts(actual) => found.push(not(leaf, path, actual)),
        _ => {}
    }
}

fn in_list(leaf: &Leaf, values: &[Value], path: &Path, found: &mut Vec<Mismatch>) {
    let is_empty = matches!(&leaf.typed, Typed::Value(Value::List(list)) if list.is_empty());
    if is_empty && values.is_empty() {
        found.push(not(leaf, path, &Value::List(Vec::new())));
    }
    if let Some(value) = values.iter().find(|value| leaf.accepts(value)) {
        found.push(not(leaf, path, value));
    }
}

fn not(leaf: &Leaf, path: &Path, actual: &Value) -> Mismatch {
    Mismatch {
        line: Some(leaf.line),
        path: path.clone(),
        expected: format!("anything but {}", leaf.describe()),
        got: describe(actual),
    }
}

/// Returns the places at which a response has a key that must not be there, whatever its value.
pub(super) fn present(absent: &Tree, actual: &Value) -> Vec<Mismatch> {
    let leaves = absent.leaves().into_iter();
    leaves
        .filter_map(|(path, leaf)| {
            let found = path.find(actual)?;
            Some(Mismatch {
                line: Some(leaf.line),
                path,
                expected: "absent".to_owned(),
                got: describe(found),
            })
        })
        .collect()
}

/// Returns true if a value is exactly the one of a tree, as requests of expected calls have to be.
pub(super) fn is_exactly(tree: &Tree, actual: &Value) -> bool {
    match (tree, actual) {
        (Tree::Leaf(leaf), actual) => leaf.accepts(actual),
        (Tree::Map(pairs), Value::Map(map)) => {
            pairs.len() == map.len()
                && pairs
                    .iter()
                    .all(|(key, tree)| map.get(key).is_some_and(|actual| is_exactly(tree, actual)))
        }
        (Tree::List(list), Value::List(values)) => {
            list.len() == values.len()
                && list
                    .iter()
                    .zip(values)
                    .all(|(tree, actual)| is_exactly(tree, actual))
        }
        _ => false,
    }
}

#[cfg(test)]
mod tests {
    use soa_runtime::value;

    use super::*;

    fn paths(found: &[Mismatch]) -> Vec<String> {
        found
            .iter()
            .map(|mismatch| mismatch.path.to_string())
            .collect()
    }

    fn tree(value: Value) -> Tree {
        Tree::of(value, 3)
    }

    #[test]
    fn a_response_may_have_more_than_is_expected() {
        let actual = value!({"a": {"b": 1, "c": 2}, "list": [1, 2, 3], "none": nil, "empty": {}});
        for expected in [
            value!({"a": {"b": 1}}),
            value!({"list": [1, 2]}),
            value!({"none": nil, "empty": {}}),
        ] {
            assert_eq!(missing(&tree(expected), &actual), []);
        }
        assert_eq!(
            paths(&missing(
                &tree(value!({"a": {"b": 2, "d": 1}, "list": [1, 3, 3, 4]})),
                &actual
            )),
            ["a.b", "a.d", "list.1", "list.3"]
        );
        assert_eq!(
            paths(&missing(&tree(value!({"a": {}, "list": []})), &actual)),
            ["a", "list"]
        );
        assert_eq!(
            paths(&missing(&tree(value!({"x": {"y": [1]}})), &actual)),
            ["x.y.0"]
        );
        assert_eq!(
            paths(&missing(
                &tree(value!({"none": {"y": 1}, "a": [1]})),
                &actual
            )),
            ["none", "a"]
        );
    }

    #[test]
    fn one_stray_index_is_not_told_a_thousand_times() {
        let mut expected = Tree::default();
        for path in ["a.9999.x", "a.1"] {
            let path = Path::parse(path).unwrap();
            let typed = Typed::Value(Value::from(1));
            expected
                .put(
                    &path,
                    Leaf {
                        line: 3,
                        typed,
                        has_type: true,
                    },
                )
                .unwrap();
        }
        let found = missing(&expected, &value!({"a": [{}, 1, {}]}));
        assert_eq!(paths(&found), ["a.3", "a.4", "a.5", "a.9999.x", "a"]);
        assert!(found[4].expected.contains("at 9,993 more indexes"));
        assert_eq!(missing(&expected, &value!({})).len(), 6);
    }

    #[test]
    fn what_must_not_be_there_may_have_another_value() {
        let actual = value!({"a": 1, "tags": ["x", "y"], "things": [{"id": 1}], "empty": []});
        for fine in [
            value!({"a": 2, "b": 1}),
            value!({"tags": "z"}),
            value!({"tags": ["z"]}),
            value!({"things": [{"id": 2}, {"id": 1}]}),
        ] {
            assert_eq!(unwanted(&tree(fine), &actual), []);
        }
        assert_eq!(
            paths(&unwanted(&tree(value!({"a": 1, "tags": "y"})), &actual)),
            ["a", "tags"]
        );
        assert_eq!(
            paths(&unwanted(
                &tree(value!({"tags": ["y"], "things": [{"id": 1}], "empty": []})),
                &actual
            )),
            ["tags.0", "things.0.id", "empty"]
        );
    }

    #[test]
    fn keys_that_must_not_be_there() {
        let actual = value!({"a": {"b": nil}, "list": [1]});
        let absent = tree(value!({"a": {"b": "", "c": ""}, "list": ["", ""], "z": ""}));
        assert_eq!(paths(&present(&absent, &actual)), ["a.b", "list.0"]);
    }

    #[test]
    fn calls_have_to_be_exactly_as_expected() {
        assert!(is_exactly(
            &tree(value!({"a": [1, {}]})),
            &value!({"a": [1.0, {}]})
        ));
        assert!(!is_exactly(
            &tree(value!({"a": 1})),
            &value!({"a": 1, "b": 2})
        ));
        assert!(is_exactly(&Tree::default(), &value!({})));
    }
}
