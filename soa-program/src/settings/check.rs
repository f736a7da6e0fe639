//! Compares a tree of values with the shape that they must have, and tells every difference.
//!
//! What comes out is plain data that serde reads into the types; rules that no schema can say are told by serde and
//! garde afterwards.

use serde_json::{Map, Value as Json};

use super::error::Problem;
use super::path::Path;
use super::shape::{Kind, Shape, Table, Tagged, listed};
use super::suggest::{self, Suggestions};
use super::tree::{Data, Node};
use soa_runtime::period::Period;

/// The values as data, without keys that do not exist; and every difference from the schema. A value that is not what is
/// expected is there as it is.
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

    /// Tells that a value is not what is expected. It is repeated, unless that could tell a secret.
    fn unexpected(&mut self, node: &Node, shape: Shape<'_>, path: &Path) {
        let is_plain = !shape.is_secret()
            && !matches!(
                shape.kind(),
                Kind::Table(_) | Kind::Variants(_) | Kind::Tagged(_)
            );
        let found = match &node.data {
            Data::Scalar(Json::Null) => "nothing".to_owned(),
            Data::Scalar(value) if is_plain => value.to_string(),
            Data::Raw(text) if is_plain => format!("{text:?}"),
            Data::Scalar(Json::Number(_)) => "a number".to_owned(),
            Data::Scalar(Json::Bool(_)) => "a truth".to_owned(),
            Data::Scalar(_) | Data::Raw(_) => "text".to_owned(),
            Data::List(_) => "a list".to_owned(),
            Data::Table(_) => "a table".to_owned(),
        };
        let expected = shape.expected();
        self.problem(node, path, format!("expected {expected}, not {found}"));
    }

    fn value(&mut self, node: &Node, shape: Shape<'a>, path: &Path) -> Json {
        match (shape.kind(), &node.data) {
            (Kind::Table(table), Data::Table(_)) => return self.table(node, &table, path),
            (Kind::Variants(variants), Data::Table(entries)) => {
                let is_one = entries.len() == 1;
                let table = Table::of_variants(variants);
                let value = self.table(node, &table, path);
                if !is_one {
                    let names = listed(table.fields.iter().map(|(name, _)| *name), "or");
                    self.problem(node, path, format!("expected one key of {names}"));
                }
                return value;
            }
            (Kind::Tagged(tagged), Data::Table(_)) => return self.tagged(node, &tagged, path),
            (Kind::List(items), Data::List(nodes)) => {
                let list = nodes.iter().enumerate();
                let list = list.map(|(index, node)| self.value(node, items, &path.index(index)));
                let list = list.collect();
                if !is_within(shape.lengths(), nodes.len()) {
                    self.problem(node, path, format!("expected {}", shape.expected()));
                }
                return Json::Array(list);
            }
            (Kind::Alternatives(options), _) => {
                return self.alternatives(node, shape, &options, path);
            }
            (Kind::Anything, _) => return plain(node),
            (kind, Data::Scalar(value)) if fits(&kind, shape, value) => return value.clone(),
            _ => {}
        }
        self.unexpected(node, shape, path);
        match shape.kind() {
            // Serde would say the same of what was chosen in another way.
            Kind::Variants(_) | Kind::Tagged(_) => Json::Null,
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
                let message = format!("it is missing; expected {}", shape.expected());
                self.problem(node, &path.key(key), message);
            }
        }
        Json::Object(map)
    }

    /// The table that its tag chooses.
    fn tagged(&mut self, node: &Node, tagged: &Tagged<'a>, path: &Path) -> Json {
        let inner = path.key(tagged.key);
        let expected = || listed(tagged.texts(), "or");
        match node.get(tagged.key) {
            None => {
                let message = format!("it is missing; expected {}", expected());
                self.problem(node, &inner, message);
            }
            Some(tag) => match tag.text() {
                None => self.problem(tag, &inner, format!("expected {}", expected())),
                Some(text) => match tagged.get(text) {
                    Some(shape) => return self.value(node, shape, path),
                    None => {
                        let advice = suggest::name(text, tagged.texts());
                        self.problem(tag, &inner, format!("there is no `{text}` here{advice}"));
                    }
                },
            },
        }
        plain(node)
    }

    /// The alternative that fits; what is wrong is told of the one that fits best.
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
        // Only tables have mistakes further in; any other value is simply not one of the options.
        match (&node.data, best) {
            (Data::Table(_), Some(best)) => self.problems.extend(best),
            _ => self.unexpected(node, shape, path),
        }
        plain(node)
    }
}

/// Whether a plain value is what is expected.
fn fits(kind: &Kind<'_>, shape: Shape<'_>, value: &Json) -> bool {
    match (kind, value) {
        (Kind::Text, Json::String(text)) => is_within(shape.lengths(), text.chars().count()),
        (Kind::Choice(texts), Json::String(text)) => texts.contains(&text.as_str()),
        (Kind::Period, Json::String(text)) => is_long_enough(text, shape),
        (Kind::Period, Json::Number(number)) => is_long_enough(&number.to_string(), shape),
        (Kind::Truth, Json::Bool(_)) => true,
        (Kind::Integer, Json::Number(number)) => {
            (number.is_i64() || number.is_u64()) && is_in(shape.bounds(), number.as_f64())
        }
        (Kind::Number, Json::Number(number)) => is_in(shape.bounds(), number.as_f64()),
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

/// A value that may be anything.
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
