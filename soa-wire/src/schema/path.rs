//! What fields are called on the wire.

use super::{Kind, Node, Schema};

impl Schema {
    /// Turns a dotted path of names as the Rust source has them into one of the names on the wire.
    ///
    /// serde's renaming rules change case and separators only, so a field is found by its letters and digits. One
    /// that has another name altogether keeps the one of the source.
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

    /// Looks through nullables and names of types.
    fn concrete<'a>(&'a self, mut node: &'a Node) -> Option<&'a Node> {
        for _ in 0..=self.definitions.len() + 1 {
            node = match &node.kind {
                Kind::Reference(name) => self.definitions.get(name)?,
                Kind::Nullable(inner) => inner,
                _ => return Some(node),
            };
        }
        None
    }
}

/// One step of a path: what it is called on the wire, and what is below.
fn step_down<'a>(node: &'a Node, step: &'a str) -> (&'a str, Option<&'a Node>) {
    match &node.kind {
        Kind::Dictionary { fields, .. } => {
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
        Kind::List { contents, .. } => (step, Some(contents)),
        Kind::Entries { values, .. } => (step, Some(values)),
        Kind::Tuple(places) => (step, step.parse().ok().and_then(|at: usize| places.get(at))),
        _ => (step, None),
    }
}

fn plain(name: &str) -> String {
    let letters = name.chars().filter(|letter| letter.is_alphanumeric());
    letters.flat_map(char::to_lowercase).collect()
}
