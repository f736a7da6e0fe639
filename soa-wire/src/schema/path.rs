//! The names of fields in messages.

use super::node::{Node, NodeKind, Schema};

impl Schema {
    /// Converts a dotted path of the names in the Rust source to one of the names in messages.
    ///
    /// serde's renaming rules change only case and separators, so a field is found by its letters and digits. A field with
    /// an entirely different name keeps the one of the source.
    #[doc(hidden)]
    pub fn wire_path(&self, path: &str) -> String {
        let mut node = Some(&self.root);
        let steps: Vec<&str> = path
            .split('.')
            .map(|step| {
                let (name, below) = match node.and_then(|node| self.concrete(node)) {
                    Some(node) => step_down(node, step),
                    None => (step, None),
                };
                node = below;
                name
            })
            .collect();
        steps.join(".")
    }

    /// Follows nullables and references to a concrete node.
    fn concrete<'a>(&'a self, mut node: &'a Node) -> Option<&'a Node> {
        for _ in 0..=self.definitions.len() + 1 {
            node = match &node.kind {
                NodeKind::Reference(name) => self.definitions.get(name)?,
                NodeKind::Nullable(inner) => inner,
                _ => return Some(node),
            };
        }
        None
    }
}

/// Returns the name of a step of a path in messages, and the node below it.
fn step_down<'a>(node: &'a Node, step: &'a str) -> (&'a str, Option<&'a Node>) {
    match &node.kind {
        NodeKind::Dictionary { fields, .. } => {
            let exact = fields.iter().find(|field| field.name == step);
            let alike = || {
                fields
                    .iter()
                    .find(|field| plain(&field.name) == plain(step))
            };
            match exact.or_else(alike) {
                Some(field) => (&field.name, Some(&field.node)),
                None => (step, None),
            }
        }
        NodeKind::List { contents, .. } => (step, Some(contents)),
        NodeKind::Entries { values, .. } => (step, Some(values)),
        NodeKind::Tuple(places) => (step, step.parse().ok().and_then(|at: usize| places.get(at))),
        _ => (step, None),
    }
}

fn plain(name: &str) -> String {
    let letters = name.chars().filter(|letter| letter.is_alphanumeric());
    letters.flat_map(char::to_lowercase).collect()
}
