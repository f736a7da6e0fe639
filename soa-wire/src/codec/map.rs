//! Maps as they are on the wire.
//!
//! A [`Map`] is a list of pairs: it keeps their order, takes keys of any type, and, when read, keeps keys that occur
//! twice. Python's dictionaries keep the last of those, so a lookup finds the last. It walks the list, which is
//! faster than hashing for the few keys that messages have.

use std::collections::HashSet;
use std::fmt::{self, Formatter};

use super::integer::Integer;
use super::value::{Map, Value};

/// The number of keys up to which each is compared with the others, which needs no memory.
const MAX_COMPARED: usize = 16;

impl Map {
    /// An empty map.
    pub const fn new() -> Self {
        Self(Vec::new())
    }

    /// An empty map with room for a number of pairs.
    pub fn with_capacity(capacity: usize) -> Self {
        Self(Vec::with_capacity(capacity))
    }

    /// The number of pairs.
    pub fn len(&self) -> usize {
        self.0.len()
    }

    /// True if there are no pairs.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// The value of the last pair whose key is this text.
    pub fn get(&self, key: &str) -> Option<&Value> {
        self.0
            .iter()
            .rev()
            .find(|(found, _)| found.as_str() == Some(key))
            .map(|(_, value)| value)
    }

    /// The value of the last pair whose key is this text, for changes.
    pub fn get_mut(&mut self, key: &str) -> Option<&mut Value> {
        self.0
            .iter_mut()
            .rev()
            .find(|(found, _)| found.as_str() == Some(key))
            .map(|(_, value)| value)
    }

    /// True if there is a pair whose key is this text.
    pub fn contains_key(&self, key: &str) -> bool {
        self.get(key).is_some()
    }

    /// Sets the value of a key. Replaces and returns the last one that the key has, or adds a pair at the end.
    pub fn insert(&mut self, key: impl Into<Value>, value: impl Into<Value>) -> Option<Value> {
        let (key, value) = (key.into(), value.into());
        match self.0.iter_mut().rev().find(|(found, _)| *found == key) {
            Some((_, place)) => Some(std::mem::replace(place, value)),
            None => {
                self.0.push((key, value));
                None
            }
        }
    }

    /// Adds a pair at the end, even if the key is there already.
    pub fn push(&mut self, key: impl Into<Value>, value: impl Into<Value>) {
        self.0.push((key.into(), value.into()));
    }

    /// Removes all pairs whose key is this text, and returns the value of the last.
    pub fn remove(&mut self, key: &str) -> Option<Value> {
        let mut removed = None;
        for (_, value) in self
            .0
            .extract_if(.., |(found, _)| found.as_str() == Some(key))
        {
            removed = Some(value);
        }
        removed
    }

    /// Keeps the last pair of each key, as Python's dictionaries do.
    fn keep_last(&mut self) {
        let keys = || self.0.iter().map(|(key, _)| key);
        let is_last: Vec<bool> = match self.0.len() <= MAX_COMPARED {
            true => {
                let is_last = |(at, key)| keys().skip(at + 1).all(|other| other != key);
                if keys().enumerate().all(is_last) {
                    return;
                }
                keys().enumerate().map(is_last).collect()
            }
            false => {
                let mut texts: HashSet<&str> = HashSet::new();
                let mut integers: HashSet<&Integer> = HashSet::new();
                let mut is_last: Vec<bool> = keys()
                    .rev()
                    .map(|key| match key {
                        Value::Text(text) => texts.insert(text),
                        Value::Integer(integer) => integers.insert(integer),
                        // No type has so many keys of another kind that are also its fields.
                        _ => true,
                    })
                    .collect();
                is_last.reverse();
                is_last
            }
        };
        let mut is_last = is_last.into_iter();
        self.0.retain(|_| is_last.next().unwrap_or(true));
    }

    /// The pairs, in order.
    pub fn iter(&self) -> std::slice::Iter<'_, (Value, Value)> {
        self.0.iter()
    }

    /// The pairs, as a list.
    pub fn into_pairs(self) -> Vec<(Value, Value)> {
        self.0
    }
}

impl Value {
    /// Keeps the last pair of each key, in all maps within.
    #[doc(hidden)]
    #[must_use]
    pub fn with_keys_once(mut self) -> Self {
        self.keep_last_pairs();
        self
    }

    fn keep_last_pairs(&mut self) {
        match self {
            Self::List(list) => list.iter_mut().for_each(Self::keep_last_pairs),
            Self::Map(map) => {
                map.keep_last();
                let values = map.0.iter_mut().map(|(_, value)| value);
                values.for_each(Self::keep_last_pairs);
            }
            _ => {}
        }
    }
}

impl fmt::Debug for Map {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        f.debug_map()
            .entries(self.0.iter().map(|(key, value)| (key, value)))
            .finish()
    }
}

impl From<Vec<(Value, Value)>> for Map {
    fn from(pairs: Vec<(Value, Value)>) -> Self {
        Self(pairs)
    }
}

impl<K: Into<Value>, V: Into<Value>, const N: usize> From<[(K, V); N]> for Map {
    fn from(pairs: [(K, V); N]) -> Self {
        pairs.into_iter().collect()
    }
}

impl<K: Into<Value>, V: Into<Value>> FromIterator<(K, V)> for Map {
    fn from_iter<I: IntoIterator<Item = (K, V)>>(pairs: I) -> Self {
        Self(
            pairs
                .into_iter()
                .map(|(key, value)| (key.into(), value.into()))
                .collect(),
        )
    }
}

impl<K: Into<Value>, V: Into<Value>> Extend<(K, V)> for Map {
    fn extend<I: IntoIterator<Item = (K, V)>>(&mut self, pairs: I) {
        self.0.extend(
            pairs
                .into_iter()
                .map(|(key, value)| (key.into(), value.into())),
        );
    }
}

impl IntoIterator for Map {
    type Item = (Value, Value);
    type IntoIter = std::vec::IntoIter<(Value, Value)>;

    fn into_iter(self) -> Self::IntoIter {
        self.0.into_iter()
    }
}

impl<'a> IntoIterator for &'a Map {
    type Item = &'a (Value, Value);
    type IntoIter = std::slice::Iter<'a, (Value, Value)>;

    fn into_iter(self) -> Self::IntoIter {
        self.0.iter()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn of_a_key_that_occurs_twice_the_last_counts() {
        let mut map = Map::from([("a", 1), ("b", 2), ("a", 3)]);
        assert_eq!(map.get("a"), Some(&Value::from(3)));
        assert_eq!(map.insert("a", 4), Some(Value::from(3)));
        assert_eq!(map, Map::from([("a", 1), ("b", 2), ("a", 4)]));
        assert_eq!(map.remove("a"), Some(Value::from(4)));
        assert_eq!(map, Map::from([("b", 2)]));
        assert_eq!(map.remove("a"), None);
    }

    #[test]
    fn of_pairs_with_the_same_key_the_last_is_kept_at_every_level_and_in_maps_of_every_size() {
        let inner = Map::from([("a", 1), ("a", 2)]);
        let value = Value::List(vec![Map::from([("b", inner.clone()), ("b", inner)]).into()]);
        let kept = Value::List(vec![Map::from([("b", Map::from([("a", 2)]))]).into()]);
        assert_eq!(value.with_keys_once(), kept);
        for size in [1, 2, 8, 9, 40] {
            let pairs = (0..size).map(|key| (Value::from(key), Value::from(0)));
            let again = (0..size).map(|key| (Value::from(key), Value::from(key)));
            let other = (0..size).map(|key| (Value::from(key.to_string()), Value::from(key)));
            let map: Map = pairs.chain(other.clone()).chain(again.clone()).collect();
            let kept: Map = other.chain(again).collect();
            assert_eq!(Value::Map(map).with_keys_once(), Value::Map(kept));
        }
    }

    #[test]
    fn a_key_may_be_of_any_type() {
        let mut map = Map::new();
        map.insert(1, "integer");
        map.insert("1", "text");
        map.insert(Value::Nil, "nil");
        assert_eq!(map.len(), 3);
        assert_eq!(map.get("1"), Some(&Value::from("text")));
    }
}
