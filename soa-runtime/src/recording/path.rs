//! Paths of fields, with `*` for any name or index.

use std::error::Error;
use std::fmt;
use std::str::FromStr;

use crate::codec::{Map, Value};

/// A dotted path of a field in an answer: `items.0.price`, `items.*.price`, `errors.*.message`. A `*` stands for one name or
/// one index. The fields below a field belong to it.
///
/// ```
/// # use soa_runtime as soa;
/// use soa::recording::FieldPath;
///
/// let path: FieldPath = "items.*.updated".parse()?;
/// assert!(path.covers("items.7.updated") && path.covers("items.7.updated.by"));
/// assert!(!path.covers("items.7.price") && !path.covers("items"));
/// # Ok::<(), soa::recording::PathError>(())
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FieldPath(Vec<String>);

impl FieldPath {
    /// Returns true if this is the path of the field at a dotted path, or of one above it.
    pub fn covers(&self, dotted: &str) -> bool {
        let mut steps = dotted.split('.');
        self.0
            .iter()
            .all(|part| steps.next().is_some_and(|step| part == "*" || part == step))
    }

    /// Sets the field in a value. Maps on the way are made; a list has to have the index.
    pub(super) fn set(&self, value: &mut Value, new: &Value) {
        set(&self.0, value, new);
    }
}

fn set(path: &[String], place: &mut Value, new: &Value) {
    let Some((step, rest)) = path.split_first() else {
        new.clone_into(place);
        return;
    };
    match place {
        Value::List(items) => {
            let index: Option<usize> = step.parse().ok();
            for (at, item) in items.iter_mut().enumerate() {
                if step == "*" || Some(at) == index {
                    set(rest, item, new);
                }
            }
        }
        Value::Map(map) if step == "*" => {
            let pairs = std::mem::take(map).into_pairs().into_iter();
            *map = pairs
                .map(|(key, mut value)| {
                    set(rest, &mut value, new);
                    (key, value)
                })
                .collect();
        }
        Value::Map(map) => {
            if !map.contains_key(step) {
                let inner = match rest.is_empty() {
                    true => Value::Nil,
                    false => Value::Map(Map::new()),
                };
                map.insert(step.as_str(), inner);
            }
            if let Some(inner) = map.get_mut(step) {
                set(rest, inner, new);
            }
        }
        _ => {}
    }
}

/// The error of a path with an empty part.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PathError(String);

impl fmt::Display for PathError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "the path `{}` has an empty part: write it as `a.b`, `items.0.price` or `items.*.price`",
            self.0
        )
    }
}

impl Error for PathError {}

impl FromStr for FieldPath {
    type Err = PathError;

    fn from_str(text: &str) -> Result<Self, PathError> {
        let parts: Vec<String> = text.split('.').map(str::to_owned).collect();
        match parts.iter().any(String::is_empty) {
            true => Err(PathError(text.to_owned())),
            false => Ok(Self(parts)),
        }
    }
}

impl fmt::Display for FieldPath {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0.join("."))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::value;

    #[test]
    fn a_field_is_set_in_all_places_that_a_path_has() {
        let mut body = value!({ "items": [{ "a": 1 }, { "a": 2 }], "x": 7 });
        let set = |body: &mut Value, path: &str, new: Value| {
            path.parse::<FieldPath>().unwrap().set(body, &new);
        };
        set(&mut body, "items.*.a", 9.into());
        set(&mut body, "login.password", "y".into());
        set(&mut body, "items.1.a", 8.into());
        assert_eq!(
            body,
            value!({ "items": [{ "a": 9 }, { "a": 8 }], "x": 7, "login": { "password": "y" } })
        );
    }

    #[test]
    fn an_empty_part_is_a_mistake() {
        for wrong in ["", "a..b", ".a", "a."] {
            let error = wrong.parse::<FieldPath>().unwrap_err();
            assert!(error.to_string().contains("empty part"), "{error}");
        }
    }
}
