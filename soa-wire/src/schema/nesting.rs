//! The work that a type can cause by containing itself.
//!
//! serde tries the alternatives of an untagged enum one after the other, on the same value. If two of them read the same
//! part of it, and that part is the enum again, each level doubles the work. A message of some hundred bytes would then
//! keep a thread busy for years. So the depth and the size of such a body are limited by the number of alternatives.

use std::collections::{BTreeMap, BTreeSet};

use super::node::{ExtraKeys, Node, NodeKind, Schema};
use crate::codec::Value;

impl Schema {
    /// Returns the number of alternatives that may read the same part of a body and lead to themselves. With more than one,
    /// the work of reading grows by this factor with each level of lists and maps.
    #[doc(hidden)]
    pub fn branches(&self) -> usize {
        let mut branches = 1;
        for (name, node) in &self.definitions {
            self.each_choice(node, &mut |options| {
                branches = branches.max(self.branches_of(name, options));
            });
        }
        branches
    }

    /// True if a field of the type, or of one within it, has a decoder of its own.
    #[doc(hidden)]
    pub fn has_decoders(&self) -> bool {
        let mut pending: Vec<&Node> = vec![&self.root];
        pending.extend(self.definitions.values());
        while let Some(node) = pending.pop() {
            if node.has_decoder {
                return true;
            }
            pending.extend(children(node));
        }
        false
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
    fn branches_of(&self, definition: &str, options: &[Node]) -> usize {
        let mut by_part: BTreeMap<Option<&str>, usize> = BTreeMap::new();
        let mut of_any_key = 0;
        for option in options {
            let Some(option) = self.concrete(option) else {
                continue;
            };
            match &option.kind {
                NodeKind::Dictionary { fields, extra } => {
                    if let ExtraKeys::Taken { values, .. } = extra {
                        of_any_key += usize::from(self.leads_to(values, definition));
                    }
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
    pub(super) fn leads_to(&self, node: &Node, definition: &str) -> bool {
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
        NodeKind::Dictionary { fields, extra } => {
            let taken = match extra {
                ExtraKeys::Taken { values, .. } => Some(&**values),
                _ => None,
            };
            let fields = fields.iter().map(|field| &field.node);
            fields.chain(taken).collect()
        }
        NodeKind::Tagged { options, .. } => options.iter().map(|(_, node)| node).collect(),
        _ => Vec::new(),
    }
}

/// Returns the number of levels of lists and maps.
#[doc(hidden)]
pub fn depth_of(value: &Value) -> u32 {
    let below = match value {
        Value::List(items) => items.iter().map(depth_of).max(),
        Value::Map(map) => map.iter().map(|(_, value)| depth_of(value)).max(),
        _ => return 0,
    };
    1 + below.unwrap_or(0)
}
