//! Which key was meant.

use super::path::Path;
use super::shape::{Kind, Shape, listed};
use super::tree::Origin;

/// How deep keys are looked for: deeper ones belong to types that contain themselves.
const MAX_DEPTH: usize = 8;

/// Finds the key that is nearest to one that does not exist.
pub(super) struct Suggestions<'a> {
    root: Shape<'a>,
}

impl<'a> Suggestions<'a> {
    pub(super) fn new(root: Shape<'a>) -> Self {
        Self { root }
    }

    /// What to do about a key: write the nearest of its siblings, write it where there is such a key, or choose among the
    /// siblings.
    pub(super) fn advice<'b>(
        &self,
        origin: &Origin,
        parent: &Path,
        key: &str,
        siblings: impl Iterator<Item = &'b str> + Clone,
    ) -> String {
        let shown = |path: Path| match origin {
            Origin::Variable(_) => path.variable(),
            _ => path.to_string(),
        };
        if let Some(near) = nearest(key, siblings.clone()) {
            return format!("did you mean `{}`?", shown(parent.key(near)));
        }
        if let Some(elsewhere) = self.elsewhere(key) {
            return format!("did you mean `{}`?", shown(elsewhere));
        }
        format!("expected {}", listed(siblings, "or"))
    }

    /// A key of this name in another place; the one that is the least deep.
    fn elsewhere(&self, key: &str) -> Option<Path> {
        let mut places = vec![(Path::root(), self.root)];
        for _ in 0..MAX_DEPTH {
            let mut deeper = Vec::new();
            for (path, shape) in places {
                for (name, field) in shape.fields() {
                    if same(name, key) {
                        return Some(path.key(name));
                    }
                    deeper.push((path.key(name), field));
                }
                if let Kind::Table(table) = shape.kind()
                    && let Some(others) = table.others
                {
                    deeper.push((path.key("<name>"), others));
                }
            }
            places = deeper;
        }
        None
    }
}

/// What to do about a name that does not exist: what follows the sentence that says so.
pub(super) fn name<'b>(given: &str, names: impl Iterator<Item = &'b str> + Clone) -> String {
    match nearest(given, names.clone()) {
        Some(near) => format!("; did you mean `{near}`?"),
        None if names.clone().next().is_none() => String::new(),
        None => format!("; expected {}", listed(names, "or")),
    }
}

/// The name that was probably meant, if there is one that is near.
fn nearest<'b>(key: &str, names: impl Iterator<Item = &'b str> + Clone) -> Option<&'b str> {
    let key = normal(key);
    // The reference has its units in the names of keys: `receive_timeout_in_seconds`.
    let mut long = names
        .clone()
        .filter(|name| key.starts_with(&format!("{name}_")));
    if let Some(name) = long.next() {
        return Some(name);
    }
    let near = names.map(|name| (strsim::damerau_levenshtein(&key, &normal(name)), name));
    let (distance, name) = near.min_by_key(|(distance, _)| *distance)?;
    (distance * 3 <= name.len().max(3)).then_some(name)
}

/// Whether two keys are the same but for case and dashes, as in a variable's name.
pub(super) fn same(one: &str, other: &str) -> bool {
    normal(one) == normal(other)
}

fn normal(key: &str) -> String {
    key.to_lowercase().replace('-', "_")
}
