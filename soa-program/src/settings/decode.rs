//! Deserialization of checked values, and the rules that a schema cannot express.
//!
//! Serde and garde report the first mistake, or know only the path inside of a type. Here a wrong value is reported with
//! its place, removed, and the rest is deserialized again, so that all mistakes are reported at once.

use serde::de::DeserializeOwned;
use serde_json::Value as Json;
use serde_path_to_error::Segment;

use super::error::Problem;
use super::path::Path;
use super::section::Section;
use super::tree::Node;

/// Deserializes the settings of a service or of a middleware, which are at this path, and checks the rules of garde.
pub(super) fn section<S: Section>(
    values: Json,
    node: &Node,
    path: &Path,
    problems: &mut Vec<Problem>,
) -> Option<S> {
    let section: S = deserialize(values, node, path, problems)?;
    for problem in broken_rules(&section, node) {
        report(problem.within(path), problems);
    }
    Some(section)
}

/// Deserializes values, and reports what the types refuse although the schema accepts it: text in a wrong format, keys
/// that exclude each other. Each refused value is removed, so that it hides no other mistake.
pub(super) fn deserialize<T: DeserializeOwned>(
    mut values: Json,
    node: &Node,
    path: &Path,
    problems: &mut Vec<Problem>,
) -> Option<T> {
    loop {
        let error = match serde_path_to_error::deserialize(values.clone()) {
            Ok(read) => return Some(read),
            Err(error) => error,
        };
        let mut path = path.clone();
        let mut keys = Vec::new();
        for segment in error.path() {
            match segment {
                Segment::Seq { index } => {
                    path = path.index(*index);
                    keys.push(index.to_string());
                }
                Segment::Map { key } | Segment::Enum { variant: key } => {
                    path = path.key(key);
                    keys.push(key.clone());
                }
                Segment::Unknown => {}
            }
        }
        let origin = &node.nearest(keys.iter().map(String::as_str)).origin;
        let message = error.inner().to_string();
        report(Problem::at(origin, path.to_string(), message), problems);
        if !remove(&mut values, &keys) {
            return None;
        }
    }
}

/// Removes the value at these keys. If it is an item of a list, the whole list is removed, because the other items would
/// get other indices. If its table requires it, the next error is about that table.
fn remove(values: &mut Json, mut keys: &[String]) -> bool {
    while let [parents @ .., last] = keys {
        let mut parents_of = parents.iter();
        let parent = parents_of.try_fold(&mut *values, |value, key| value.get_mut(key));
        let table = parent.and_then(Json::as_object_mut);
        if table.is_some_and(|table| table.remove(last).is_some()) {
            return true;
        }
        keys = parents;
    }
    false
}

/// Adds a problem, unless it only follows from an earlier one further inside.
fn report(problem: Problem, problems: &mut Vec<Problem>) {
    // garde reports the names that fields have in Rust: `opens_at` for `opensAt`.
    let plain = |key: &str| key.to_lowercase().replace(['_', '-'], "");
    let key = plain(problem.key().unwrap_or_default());
    let mut earlier = problems.iter().filter_map(Problem::key).map(plain);
    let follows = earlier.any(|earlier| {
        let rest = earlier.strip_prefix(&*key);
        rest.is_some_and(|rest| key.is_empty() || rest.is_empty() || rest.starts_with(['.', '[']))
    });
    if !follows {
        problems.push(problem);
    }
}

/// The rules of garde that a section breaks, with keys relative to the section.
fn broken_rules<S: Section>(section: &S, node: &Node) -> Vec<Problem> {
    let Err(report) = section.validate() else {
        return Vec::new();
    };
    let problems = report.iter().map(|(path, error)| {
        let path = path.to_string();
        let keys = path.split(['.', '[', ']']).filter(|key| !key.is_empty());
        Problem::at(&node.nearest(keys).origin, path.clone(), error.message())
    });
    problems.collect()
}
