//! The check of a tree of values against the schema, which reports every difference.
//!
//! The result is plain data for serde. Rules that a schema cannot express are checked by serde and garde afterwards
//! ([`decode`](super::decode)).

use serde_json::{Map, Value as Json};
use soa_runtime::period::Period;

use super::error::Problem;
use super::path::Path;
use super::shape::{Shape, ShapeKind, Table, Tagged, listed};
use super::suggestion::{Suggestions, advice_for_name};
use super::tree::{Data, Node};

/// Returns the values as data, and every difference from the schema. Unknown keys are left out of the data; values of the
/// wrong type stay in it.
pub(super) fn check(node: &Node, root: Shape<'_>) -> (Json, Vec<Problem>) {
    let mut checker = Checker {
        suggestions: Suggestions::new(root),
        problems: Vec::new(),
    };
    let value = checker.value(node, root, &Path::root());
    (value, checker.problems)
}

struct Checker<'a> {
    suggestions: Suggestions<'a>,
    problems: Vec<Problem>,
}

impl<'a> Checker<'a> {
    fn problem(&mut self, node: &Node, path: &Path, message: impl Into<String>) {
        let problem = Problem::at(&node.origin, path.to_string(), message);
        self.problems.push(problem);
    }

    /// Reports a value of the wrong type. The message contains the value, unless it could be a secret.
    fn unexpected(&mut self, node: &Node, shape: Shape<'_>, path: &Path) {
        let is_plain = !shape.is_secret()
            && !matches!(
                shape.kind(),
                ShapeKind::Table(_) | ShapeKind::Variants(_) | ShapeKind::Tagged(_)
            );
        let found = match &node.data {
            Data::Scalar(Json::Null) => "null".to_owned(),
            Data::Scalar(value) if is_plain => value.to_string(),
            Data::Raw(text) if is_plain => format!("{text:?}"),
            Data::Scalar(Json::Number(_)) => "a number".to_owned(),
            Data::Scalar(Json::Bool(_)) => "a boolean".to_owned(),
            Data::Scalar(_) | Data::Raw(_) => "text".to_owned(),
            Data::List(_) => "a list".to_owned(),
            Data::Table(_) => "a table".to_owned(),
        };
        let expected = shape.expected();
        self.problem(node, path, format!("expected {expected}, found {found}"));
    }

    fn value(&mut self, node: &Node, shape: Shape<'a>, path: &Path) -> Json {
        match (shape.kind(), &node.data) {
            (ShapeKind::Table(table), Data::Table(_)) => return self.table(node, &table, path),
            (ShapeKind::Variants(variants), Data::Table(entries)) => {
                let is_one = entries.len() == 1;
                let table = Table::of_variants(variants);
                let value = self.table(node, &table, path);
                if !is_one {
                    let names = listed(table.fields.iter().map(|(name, _)| *name), "or");
                    self.problem(node, path, format!("expected exactly one key: {names}"));
                }
                return value;
            }
            (ShapeKind::Tagged(tagged), Data::Table(_)) => return self.tagged(node, &tagged, path),
            (ShapeKind::List(items), Data::List(nodes)) => {
                let list = nodes.iter().enumerate();
                let list = list.map(|(index, node)| self.value(node, items, &path.index(index)));
                let list = list.collect();
                if !is_within(shape.lengths(), nodes.len()) {
                    self.problem(node, path, format!("expected {}", shape.expected()));
                }
                return Json::Array(list);
            }
            (ShapeKind::Alternatives(options), _) => {
                return self.alternatives(node, shape, &options, path);
            }
            (ShapeKind::Anything, _) => return plain(node),
            (kind, Data::Scalar(value)) if fits(&kind, shape, value) => return value.clone(),
            _ => {}
        }
        self.unexpected(node, shape, path);
        match shape.kind() {
            // Serde would report such a value a second time.
            ShapeKind::Variants(_) | ShapeKind::Tagged(_) => Json::Null,
            _ => plain(node),
        }
    }

    fn table(&mut self, node: &Node, table: &Table<'a>, path: &Path) -> Json {
        let Data::Table(entries) = &node.data else {
            return Json::Null;
        };
        let mut map = Map::new();
        for (key, value) in entries {
            let field = table.fields.iter().find(|(name, _)| name == key);
            let inner = path.key(key);
            match field.map(|(_, shape)| *shape).or(table.others) {
                Some(shape) => {
                    map.insert(key.clone(), self.value(value, shape, &inner));
                }
                None => {
                    let fields = table.fields.iter().map(|(name, _)| *name);
                    let advice = self.suggestions.advice(&value.origin, path, key, fields);
                    self.problem(value, &inner, format!("there is no such key; {advice}"));
                }
            }
        }
        for (key, shape) in &table.fields {
            if table.requires(key) && !entries.contains_key(*key) {
                let message = format!("the key is missing; expected {}", shape.expected());
                self.problem(node, &path.key(key), message);
            }
        }
        Json::Object(map)
    }

    /// Checks a table against the schema that its tag selects.
    fn tagged(&mut self, node: &Node, tagged: &Tagged<'a>, path: &Path) -> Json {
        let inner = path.key(tagged.key);
        let expected = || listed(tagged.texts(), "or");
        match node.get(tagged.key) {
            None => {
                let message = format!("the key is missing; expected {}", expected());
                self.problem(node, &inner, message);
            }
            Some(tag) => match tag.text() {
                None => self.problem(tag, &inner, format!("expected {}", expected())),
                Some(text) => match tagged.get(text) {
                    Some(shape) => return self.value(node, shape, path),
                    None => {
                        let advice = advice_for_name(text, tagged.texts());
                        self.problem(tag, &inner, format!("unknown name `{text}`{advice}"));
                    }
                },
            },
        }
        plain(node)
    }

    /// Checks a value against the alternatives. If none fits, the problems of the best one are reported.
    fn alternatives(
        &mut self,
        node: &Node,
        shape: Shape<'a>,
        options: &[Shape<'a>],
        path: &Path,
    ) -> Json {
        let before = std::mem::take(&mut self.problems);
        let mut best: Option<Vec<Problem>> = None;
        for option in options {
            let value = self.value(node, *option, path);
            let problems = std::mem::take(&mut self.problems);
            if problems.is_empty() {
                self.problems = before;
                return value;
            }
            if best.as_ref().is_none_or(|best| problems.len() < best.len()) {
                best = Some(problems);
            }
        }
        self.problems = before;
        // Only tables have nested mistakes. Any other value is just not one of the alternatives.
        match (&node.data, best) {
            (Data::Table(_), Some(best)) => self.problems.extend(best),
            _ => self.unexpected(node, shape, path),
        }
        plain(node)
    }
}

/// Returns true if a scalar is of the expected kind and within its limits.
fn fits(kind: &ShapeKind<'_>, shape: Shape<'_>, value: &Json) -> bool {
    match (kind, value) {
        (ShapeKind::Text, Json::String(text)) => is_within(shape.lengths(), text.chars().count()),
        (ShapeKind::Choice(texts), Json::String(text)) => texts.contains(&text.as_str()),
        (ShapeKind::Period, Json::String(text)) => is_long_enough(text, shape),
        (ShapeKind::Period, Json::Number(number)) => is_long_enough(&number.to_string(), shape),
        (ShapeKind::Boolean, Json::Bool(_)) => true,
        (ShapeKind::Integer, Json::Number(number)) => {
            (number.is_i64() || number.is_u64()) && is_in(shape.bounds(), number.as_f64())
        }
        (ShapeKind::Number, Json::Number(number)) => is_in(shape.bounds(), number.as_f64()),
        _ => false,
    }
}

fn is_long_enough(text: &str, shape: Shape<'_>) -> bool {
    let period = text.parse::<Period>();
    let least = shape.least_period();
    period.is_ok_and(|period| least.is_none_or(|least| period >= least))
}

fn is_in((least, most): (Option<f64>, Option<f64>), number: Option<f64>) -> bool {
    number.is_some_and(|number| {
        least.is_none_or(|least| number >= least) && most.is_none_or(|most| number <= most)
    })
}

#[allow(clippy::cast_precision_loss)] // Lengths in memory are far below 2⁵³.
fn is_within(limits: (Option<f64>, Option<f64>), length: usize) -> bool {
    is_in(limits, Some(length as f64))
}

/// Converts a tree to data without a check.
fn plain(node: &Node) -> Json {
    match &node.data {
        Data::Scalar(value) => value.clone(),
        Data::Raw(text) => text.clone().into(),
        Data::List(nodes) => nodes.iter().map(plain).collect(),
        Data::Table(entries) => {
            let entries = entries.iter();
            entries
                .map(|(key, node)| (key.clone(), plain(node)))
                .collect()
        }
    }
}
