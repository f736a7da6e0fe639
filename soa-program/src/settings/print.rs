//! The effective settings, as `settings --print` shows them.

use std::fmt::Write;

use serde_json::Value as Json;
use soa_runtime::redact::Redaction;

use super::path::Path;
use super::shape::{Shape, ShapeKind};
use super::tree::{Data, Node, Origin};

/// Placeholder for a secret.
const REDACTED: &str = "\"<redacted>\"";

/// Widest line whose origin is aligned with those of the others.
const ALIGNED_WIDTH_LIMIT: usize = 60;

/// Prints one line per key in TOML, with the origin as a comment.
pub(super) fn effective(tree: &Node, root: Shape<'_>) -> String {
    let mut lines = Vec::new();
    walk(Some(tree), root, &Path::root(), &mut lines);
    let widths = lines.iter().map(|line: &Line| line.text.chars().count());
    // One long list should not move the origins of all other lines out of sight.
    let width = widths
        .filter(|width| *width <= ALIGNED_WIDTH_LIMIT)
        .max()
        .unwrap_or(0);
    let mut out = String::new();
    for Line { text, origin } in lines {
        // Writing to a string cannot fail.
        let _ = writeln!(out, "{text:width$}  # {origin}");
    }
    out
}

struct Line {
    text: String,
    origin: String,
}

impl Line {
    fn new(path: &Path, value: &str, origin: &Origin) -> Self {
        let text = format!("{path} = {value}");
        let origin = match origin {
            Origin::Nowhere => "default".to_owned(),
            origin => origin.to_string(),
        };
        Self { text, origin }
    }
}

fn walk(node: Option<&Node>, shape: Shape<'_>, path: &Path, lines: &mut Vec<Line>) {
    let default = shape.default();
    let default_node;
    let node = match (node, default) {
        (Some(node), _) => node,
        (None, Some(default)) => {
            default_node = Node {
                origin: Origin::Nowhere,
                data: Data::from_json(default.clone(), &Origin::Nowhere),
            };
            &default_node
        }
        // A key without a value and a default is left to the program.
        (None, None) => match shape.kind() {
            ShapeKind::Table(table) if !table.fields.is_empty() && !shape.is_optional() => {
                default_node = Node::table(Origin::Nowhere);
                &default_node
            }
            _ => return,
        },
    };
    let shape = shape.for_value(node);
    let Data::Table(entries) = &node.data else {
        lines.push(Line::new(path, &text_of(node, shape), &node.origin));
        return;
    };
    let before = lines.len();
    let has_one_key = matches!(
        shape.kind(),
        ShapeKind::Variants(_) | ShapeKind::Alternatives(_)
    );
    let fields = shape.fields();
    for (key, field) in &fields {
        let value = entries.get(*key);
        if value.is_some() || !has_one_key {
            entry(value, *field, path, key, lines);
        }
    }
    for (key, value) in entries {
        if let Some(inner) = shape.get(key)
            && !fields.iter().any(|(name, _)| name == key)
        {
            entry(Some(value), inner, path, key, lines);
        }
    }
    // An empty table may be significant, as it is for a service in `client_routing`.
    if lines.len() == before && node.origin != Origin::Nowhere {
        lines.push(Line::new(path, "{}", &node.origin));
    }
}

/// Prints the value of one key of a table.
fn entry(node: Option<&Node>, shape: Shape<'_>, path: &Path, key: &str, lines: &mut Vec<Line>) {
    let path = path.key(key);
    match node {
        Some(node) if hides(shape, key) => lines.push(Line::new(&path, REDACTED, &node.origin)),
        _ => walk(node, shape, &path, lines),
    }
}

/// Returns true if a value is not marked as a secret, but has the name of one. Only text and values of any type count.
fn hides(shape: Shape<'_>, key: &str) -> bool {
    matches!(shape.kind(), ShapeKind::Anything | ShapeKind::Text)
        && Redaction::standard().hides(key)
}

/// Formats a value as inline TOML. Nested secrets are redacted, too.
fn text_of(node: &Node, shape: Shape<'_>) -> String {
    let shape = shape.for_value(node);
    if shape.is_secret() {
        return REDACTED.to_owned();
    }
    match &node.data {
        Data::Scalar(value) => value.to_string(),
        Data::Raw(text) => Json::from(text.as_str()).to_string(),
        Data::List(nodes) => {
            let items = nodes.iter().map(|node| match shape.kind() {
                ShapeKind::List(item) => text_of(node, item),
                _ => text_of(node, shape),
            });
            format!("[{}]", items.collect::<Vec<_>>().join(", "))
        }
        Data::Table(entries) => {
            let entries = entries.iter().map(|(key, node)| {
                let inner = shape.get(key)?;
                let value = match hides(inner, key) {
                    true => REDACTED.to_owned(),
                    false => text_of(node, inner),
                };
                // TOML has no nulls.
                let is_there = !matches!(node.data, Data::Scalar(Json::Null));
                is_there.then(|| format!("{} = {value}", Path::root().key(key)))
            });
            format!("{{ {} }}", entries.flatten().collect::<Vec<_>>().join(", "))
        }
    }
}
