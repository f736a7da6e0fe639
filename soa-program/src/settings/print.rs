//! The settings that result, as `settings --print` shows them.

use std::fmt::Write;

use serde_json::Value as Json;

use super::path::Path;
use super::shape::{Kind, Shape};
use super::tree::{Data, Node, Origin};
use super::variables::data_of;
use soa_runtime::redact::Redaction;

/// What is shown in place of a secret.
const REDACTED: &str = "\"<redacted>\"";

/// One line a key, with where it comes from behind it.
pub(super) fn effective(tree: &Node, root: Shape<'_>) -> String {
    let mut lines = Vec::new();
    walk(Some(tree), root, &Path::root(), &mut lines);
    let widths = lines.iter().map(|line: &Line| line.text.chars().count());
    // A long list in one line should not push all the others' origins out of sight.
    let width = widths.filter(|width| *width <= 60).max().unwrap_or(0);
    let mut out = String::new();
    for Line { text, origin } in lines {
        // Writing to a text cannot fail.
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
    let of_default;
    let node = match (node, default) {
        (Some(node), _) => node,
        (None, Some(default)) => {
            of_default = Node {
                origin: Origin::Nowhere,
                data: data_of(default.clone(), &Origin::Nowhere),
            };
            &of_default
        }
        // What is not there, and has no default, is left to the program.
        (None, None) => match shape.kind() {
            Kind::Table(table) if !table.fields.is_empty() && !shape.is_optional() => {
                of_default = Node::table(Origin::Nowhere);
                &of_default
            }
            _ => return,
        },
    };
    let shape = shape.of(node);
    let Data::Table(entries) = &node.data else {
        lines.push(Line::new(path, &text_of(node, shape), &node.origin));
        return;
    };
    let before = lines.len();
    let has_one_key = matches!(shape.kind(), Kind::Variants(_) | Kind::Alternatives(_));
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
    // That a table is there may say something, as with a service that may be called.
    if lines.len() == before && node.origin != Origin::Nowhere {
        lines.push(Line::new(path, "{}", &node.origin));
    }
}

/// What stands under a key of a table.
fn entry(node: Option<&Node>, shape: Shape<'_>, path: &Path, key: &str, lines: &mut Vec<Line>) {
    let path = path.key(key);
    match node {
        Some(node) if hides(shape, key) => lines.push(Line::new(&path, REDACTED, &node.origin)),
        _ => walk(node, shape, &path, lines),
    }
}

/// Whether a value that is not marked as a secret has the name of one: a text, or what nothing is known of.
fn hides(shape: Shape<'_>, key: &str) -> bool {
    matches!(shape.kind(), Kind::Anything | Kind::Text) && Redaction::standard().hides(key)
}

/// A value as TOML. Further in, secrets are redacted as well.
fn text_of(node: &Node, shape: Shape<'_>) -> String {
    let shape = shape.of(node);
    if shape.is_secret() {
        return REDACTED.to_owned();
    }
    match &node.data {
        Data::Scalar(value) => value.to_string(),
        Data::Raw(text) => Json::from(text.as_str()).to_string(),
        Data::List(nodes) => {
            let items = nodes.iter().map(|node| match shape.kind() {
                Kind::List(item) => text_of(node, item),
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
