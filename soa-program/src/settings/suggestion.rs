//! Suggestions for names that do not exist: "did you mean …?".

use super::path::Path;
use super::shape::{Shape, ShapeKind, listed};
use super::tree::Origin;

/// Largest depth of keys that are searched. Deeper ones belong to types that contain themselves.
const SEARCH_DEPTH_LIMIT: usize = 8;

/// Finds the existing key that is most similar to one that does not exist.
pub(super) struct Suggestions<'a> {
    root: Shape<'a>,
}

impl<'a> Suggestions<'a> {
    pub(super) fn new(root: Shape<'a>) -> Self {
        Self { root }
    }

    /// Advice about an unknown key: a similar sibling, else a key of the same name elsewhere, else the list of siblings.
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

    /// The least deep key of this name in another place.
    fn elsewhere(&self, key: &str) -> Option<Path> {
        let mut places = vec![(Path::root(), self.root)];
        for _ in 0..SEARCH_DEPTH_LIMIT {
            let mut deeper = Vec::new();
            for (path, shape) in places {
                for (name, field) in shape.fields() {
                    if is_same_key(name, key) {
                        return Some(path.key(name));
                    }
                    deeper.push((path.key(name), field));
                }
                if let ShapeKind::Table(table) = shape.kind()
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

/// Advice about an unknown name, to be appended to the sentence that says so. Empty if there are no names.
pub(super) fn advice_for_name<'b>(
    given: &str,
    names: impl Iterator<Item = &'b str> + Clone,
) -> String {
    match nearest(given, names.clone()) {
        Some(near) => format!("; did you mean `{near}`?"),
        None if names.clone().next().is_none() => String::new(),
        None => format!("; expected {}", listed(names, "or")),
    }
}

/// The most similar name, if it is similar enough.
pub fn nearest<'b>(key: &str, names: impl Iterator<Item = &'b str> + Clone) -> Option<&'b str> {
    let key = normalized(key);
    // PySOA has units in the names of keys: `receive_timeout_in_seconds`.
    let mut long = names
        .clone()
        .filter(|name| key.starts_with(&format!("{name}_")));
    if let Some(name) = long.next() {
        return Some(name);
    }
    let near = names.map(|name| (strsim::damerau_levenshtein(&key, &normalized(name)), name));
    let (distance, name) = near.min_by_key(|(distance, _)| *distance)?;
    (distance * 3 <= name.len().max(3)).then_some(name)
}

/// Returns true if two keys differ only in case, dashes, dots and underscores, as the name of a variable does from its key.
pub(super) fn is_same_key(one: &str, other: &str) -> bool {
    normalized(one) == normalized(other)
}

fn normalized(key: &str) -> String {
    key.to_lowercase().replace(['-', '.'], "_")
}
