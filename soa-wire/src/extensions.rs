//! A map by type, in which middleware puts values for later middleware and for handlers.

use std::any::{Any, TypeId, type_name};
use std::fmt;
use std::sync::Arc;

/// A value with its type, and the name of that.
type Entry = (TypeId, &'static str, Arc<dyn Any + Send + Sync>);

/// A map with one value for each type. An empty one does not allocate, and clones share their values until one of them
/// changes.
///
/// ```
/// # use soa_wire as soa;
/// use soa::Extensions;
///
/// #[derive(Debug, PartialEq)]
/// struct Tenant(&'static str);
///
/// let mut extensions = Extensions::new();
/// extensions.insert(Tenant("north"));
/// assert_eq!(extensions.get::<Tenant>(), Some(&Tenant("north")));
/// ```
#[derive(Clone, Default)]
pub struct Extensions(Option<Arc<Vec<Entry>>>);

impl Extensions {
    /// Creates an empty map.
    pub fn new() -> Self {
        Self::default()
    }

    /// Puts a value in, in place of an earlier one of the same type.
    pub fn insert<T: Send + Sync + 'static>(&mut self, value: T) {
        let entry: Entry = (TypeId::of::<T>(), type_name::<T>(), Arc::new(value));
        // There are few, so looking at each is faster than a hash.
        let entries = Arc::make_mut(self.0.get_or_insert_default());
        match entries.iter_mut().find(|(known, ..)| *known == entry.0) {
            Some(known) => *known = entry,
            None => entries.push(entry),
        }
    }

    /// Returns the value of this type.
    pub fn get<T: 'static>(&self) -> Option<&T> {
        let mut entries = self.0.as_ref()?.iter();
        let (_, _, value) = entries.find(|(known, ..)| *known == TypeId::of::<T>())?;
        value.downcast_ref()
    }
}

impl fmt::Debug for Extensions {
    /// Writes the names of the types only, because values may be secrets.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let entries = self.0.iter().flat_map(|entries| entries.iter());
        f.debug_set()
            .entries(entries.map(|(_, name, _)| name))
            .finish()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_value_is_found_by_its_type_and_never_printed() {
        let mut extensions = Extensions::new();
        assert_eq!(extensions.get::<String>(), None);
        extensions.insert(String::from("secret"));
        extensions.insert(7_u8);
        extensions.insert(8_u8);
        assert_eq!(extensions.clone().get::<u8>(), Some(&8));
        assert!(!format!("{extensions:?}").contains("secret"));
    }
}
