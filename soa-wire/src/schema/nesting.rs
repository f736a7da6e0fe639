//! The work that a type can cause by containing itself.
//!
//! serde tries the alternatives of an untagged enum one after the other, on the same value. If two of them read the same
//! part of it, and that part is the enum again, each level doubles the work. A message of some hundred bytes would then
//! keep a thread busy for years. So the depth of such a body is limited by the number of alternatives.

use std::collections::{BTreeMap, BTreeSet};

use super::node::{Node, NodeKind, Schema};
use crate::codec::{MAX_DEPTH, Value};

/// The greatest number of times that serde may try a part of a body.
const MAX_TRIES: usize = 50_000;

impl Schema {
    /// Returns the depth of lists and maps that a body of this type may have.
    #[doc(hidden)]
    pub fn max_depth(&self) -> usize {
        let mut branches = 1;
        for (name, node) in &self.definitions {
            self.each_choice(node, &mut |options| {
                branches = branches.max(self.branches(name, options));
            });
        }
        if branches < 2 {
            return MAX_DEPTH;
        }
        let mut depth = 0;
        let mut tries = branches;
        while tries <= MAX_TRIES {
            depth += 1;
            tries = tries.saturating_mul(branches);
        }
        depth
    }

    /// Calls a function with the alternatives of each node, without following references.
    fn each_choice<'a>(&'a self, node: &'a Node, found: &mut dyn FnMut(&'a [Node])) {
        if let NodeKind::Any(options) = &node.kind {
            found(options);
        }
        for child in children(node) {
            self.each_choice(child, found);
        }
    }

    /// Returns the number of alternatives that read the same part of a value as the definition that they are in.
    fn branches(&self, definition: &str, options: &[Node]) -> usize {
        let mut by_part: BTreeMap<Option<&str>, usize> = BTreeMap::new();
        let mut of_any_key = 0;
        for option in options {
            let Some(option) = self.concrete(option) else {
                continue;
            };
            match &option.kind {
                NodeKind::Dictionary { fields, .. } => {
                    for field in fields {
                        if self.leads_to(&field.node, definition) {
                            *by_part.entry(Some(&field.name)).or_default() += 1;
                        }
                    }
                }
                NodeKind::Entries { values, .. } => {
                    of_any_key += usize::from(self.leads_to(values, definition));
                }
                NodeKind::List { .. } | NodeKind::Tuple(_) if self.leads_to(option, definition) => {
                    *by_part.entry(None).or_default() += 1;
                }
                _ => {}
            }
        }
        by_part.into_values().max().unwrap_or(0) + of_any_key
    }

    /// Returns true if a node contains a definition.
    fn leads_to(&self, node: &Node, definition: &str) -> bool {
        let mut seen = BTreeSet::new();
        let mut pending = vec![node];
        while let Some(node) = pending.pop() {
            if let NodeKind::Reference(name) = &node.kind {
                if name == definition {
                    return true;
                }
                if seen.insert(name) {
                    pending.extend(self.definitions.get(name));
                }
            }
            pending.extend(children(node));
        }
        false
    }
}

/// Returns the nodes directly within a node.
fn children(node: &Node) -> Vec<&Node> {
    match &node.kind {
        NodeKind::List { contents, .. } => vec![contents],
        NodeKind::Entries { values, .. } => vec![values],
        NodeKind::Nullable(inner) => vec![inner],
        NodeKind::Tuple(nodes) | NodeKind::Any(nodes) => nodes.iter().collect(),
        NodeKind::Dictionary { fields, .. } => fields.iter().map(|field| &field.node).collect(),
        NodeKind::Tagged { options, .. } => options.iter().map(|(_, node)| node).collect(),
        _ => Vec::new(),
    }
}

/// Returns true if lists and maps are nested more deeply than this.
#[doc(hidden)]
pub fn is_deeper_than(value: &Value, depth: usize) -> bool {
    let Some(below) = depth.checked_sub(1) else {
        return matches!(value, Value::List(_) | Value::Map(_));
    };
    match value {
        Value::List(items) => items.iter().any(|item| is_deeper_than(item, below)),
        Value::Map(map) => map.iter().any(|(_, value)| is_deeper_than(value, below)),
        _ => false,
    }
}
