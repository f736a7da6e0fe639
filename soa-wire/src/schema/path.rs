//! The names of fields in messages.
//!
//! garde reports a field by its name in the source, and a caller knows it by the name that it has sent: serde renames
//! fields, flattens structs into others, and writes a newtype as what is in it. The schema knows the names in messages,
//! and what `#[soa::body]` told it about those in the source. Without that, a name is found by its letters and digits, as
//! serde's rules for all fields change only case and separators.

use super::check::MAX_HOPS;
use super::node::{ExtraKeys, Field, Node, NodeKind, Schema};
use crate::codec::Value;

/// A step of a path to a value in a body.
#[derive(Clone, Debug, PartialEq, Eq)]
#[doc(hidden)]
pub enum PathStep {
    /// A name in messages, an index, or the key of a map.
    Wire(String),
    /// A name or an index in the source.
    Source(String),
}

impl PathStep {
    /// The length of the name in bytes.
    #[doc(hidden)]
    #[expect(clippy::len_without_is_empty, reason = "a step is no collection")]
    pub fn len(&self) -> usize {
        self.text().len()
    }

    fn text(&self) -> &str {
        match self {
            Self::Wire(text) | Self::Source(text) => text,
        }
    }

    fn names(&self, field: &Field) -> bool {
        match self {
            Self::Wire(name) => field.is_named(name),
            Self::Source(name) => {
                let name = name.strip_prefix("r#").unwrap_or(name);
                field.source_name.as_ref().unwrap_or(&field.name) == name
            }
        }
    }

    /// True if the step may name the field, by the rules of serde for all fields of a type.
    fn resembles(&self, field: &Field) -> bool {
        matches!(self, Self::Source(name) if field.source_name.is_none() && letters(&field.name) == letters(name))
    }
}

/// A path in the names of messages.
#[derive(Clone, Debug, PartialEq, Eq)]
#[doc(hidden)]
pub struct WirePath {
    /// The names, with dots between them.
    pub text: String,
    /// True if all names were found. Otherwise, those that were not are the ones of the source.
    pub is_known: bool,
}

impl Schema {
    /// Converts a path to the names in messages. With the body, a field has the name under which it was sent.
    #[doc(hidden)]
    pub fn wire_path(&self, steps: &[PathStep], body: Option<&Value>) -> WirePath {
        let mut budget = MAX_TRIES;
        match self.names_of(&self.root, body, steps, &mut budget) {
            Some(names) => WirePath {
                text: names.join("."),
                is_known: true,
            },
            None => WirePath {
                text: self.as_far_as_known(body, steps).join("."),
                is_known: false,
            },
        }
    }

    /// Returns the names of all steps; `None` if one of them is not known.
    fn names_of(
        &self,
        node: &Node,
        value: Option<&Value>,
        steps: &[PathStep],
        budget: &mut usize,
    ) -> Option<Vec<String>> {
        let Some((step, rest)) = steps.split_first() else {
            return Some(Vec::new());
        };
        *budget = budget.checked_sub(1)?;
        let node = self.concrete(node)?;
        let below = |node: Option<&Node>, name: &str, value, budget: &mut usize| {
            let mut names = match node {
                Some(node) => self.names_of(node, value, rest, budget)?,
                None => rest.iter().map(|step| step.text().to_owned()).collect(),
            };
            names.insert(0, name.to_owned());
            Some(names)
        };
        let found = match &node.kind {
            NodeKind::Dictionary { fields, extra } => match (field_of(fields, step), extra, step) {
                (Some(field), _, _) => {
                    let (name, value) = sent(field, value);
                    below(Some(&field.node), name, value, budget)
                }
                (None, ExtraKeys::Taken { values, .. }, PathStep::Wire(key)) => {
                    let value = value.and_then(Value::as_map).and_then(|map| map.get(key));
                    below(Some(values), key, value, budget)
                }
                _ => None,
            },
            NodeKind::List { contents, .. } => {
                let value = value.and_then(|value| element(value, step.text()));
                below(Some(contents), step.text(), value, budget)
            }
            NodeKind::Tuple(places) => {
                let place = step.text().parse().ok();
                let place = place.and_then(|at: usize| places.get(at))?;
                let value = value.and_then(|value| element(value, step.text()));
                below(Some(place), step.text(), value, budget)
            }
            NodeKind::Entries { values, .. } => {
                let value = value
                    .and_then(|value| value.as_map())
                    .and_then(|map| map.get(step.text()));
                below(Some(values), step.text(), value, budget)
            }
            NodeKind::Any(options) => options
                .iter()
                .find_map(|option| self.names_of(option, value, steps, budget)),
            NodeKind::Tagged { options, .. } => options
                .iter()
                .find_map(|(_, option)| self.names_of(option, value, steps, budget)),
            NodeKind::Anything => below(None, step.text(), None, budget),
            // A scalar: what is below it in the source is a newtype around it.
            _ => return Some(Vec::new()),
        };
        // A name that messages do not have: a flattened struct, or a newtype.
        found.or_else(|| match (step, &node.kind) {
            // Every key of a map is a step.
            (_, NodeKind::Entries { .. }) => None,
            (PathStep::Source(_), _) if !rest.is_empty() => {
                self.names_of(node, value, rest, budget)
            }
            _ => None,
        })
    }

    /// Returns the names of the steps, with those of the source from the first one that is not known.
    fn as_far_as_known(&self, body: Option<&Value>, steps: &[PathStep]) -> Vec<String> {
        let mut names = Vec::new();
        for known in (0..steps.len()).rev() {
            let (first, rest) = steps.split_at(known);
            let mut budget = MAX_TRIES;
            if let Some(found) = self.names_of(&self.root, body, first, &mut budget) {
                names = found;
                names.extend(rest.iter().map(|step| step.text().to_owned()));
                break;
            }
        }
        names
    }

    /// Follows nullables and references to a concrete node.
    pub(super) fn concrete<'a>(&'a self, mut node: &'a Node) -> Option<&'a Node> {
        for _ in 0..2 * MAX_HOPS {
            node = match &node.kind {
                NodeKind::Reference(name) => self.definitions.get(name)?,
                NodeKind::Nullable(inner) => inner,
                _ => return Some(node),
            };
        }
        None
    }
}

/// The greatest number of nodes that are visited for one path. A type that is an alternative of itself twice would take
/// a number that is exponential in the length of the path.
const MAX_TRIES: usize = 10_000;

fn field_of<'a>(fields: &'a [Field], step: &PathStep) -> Option<&'a Field> {
    let exact = fields.iter().find(|field| step.names(field));
    exact.or_else(|| fields.iter().find(|field| step.resembles(field)))
}

/// Returns the name of a field in the body, or the one that it has if it is not there, and its value.
fn sent<'a>(field: &'a Field, body: Option<&'a Value>) -> (&'a str, Option<&'a Value>) {
    let map = body.and_then(Value::as_map);
    match map.and_then(|map| field.sent_in(map)) {
        Some((name, value)) => (name, Some(value)),
        None => (&field.name, None),
    }
}

fn element<'a>(list: &'a Value, index: &str) -> Option<&'a Value> {
    list.as_list()?.get(index.parse::<usize>().ok()?)
}

fn letters(name: &str) -> String {
    let letters = name.chars().filter(|letter| letter.is_alphanumeric());
    letters.flat_map(char::to_lowercase).collect()
}
