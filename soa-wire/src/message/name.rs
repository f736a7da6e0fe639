//! The names of services and actions.

use std::borrow::{Borrow, Cow};
use std::cmp::Ordering;
use std::fmt;
use std::hash::{Hash, Hasher};
use std::ops::Deref;
use std::sync::Arc;

/// The name of a service or of an action. Clones are cheap.
///
/// Made from any text: a literal, a `String`, or a `&str` that lives only for a moment. Functions take names as
/// `impl Into<Name>`.
///
/// ```
/// # use soa_wire as soa;
/// use soa::Name;
///
/// let line = String::from("square 12");
/// let (action, _) = line.split_once(' ').unwrap();
/// let name = Name::from(action);
/// drop(line);
/// assert_eq!(name, "square");
///
/// const SQUARE: Name = Name::from_static("square");
/// assert_eq!(SQUARE, name);
/// ```
#[derive(Clone)]
pub struct Name(Text);

#[derive(Clone)]
enum Text {
    Static(&'static str),
    Shared(Arc<str>),
}

impl Name {
    /// Makes a name of a literal, without copying it.
    pub const fn from_static(name: &'static str) -> Self {
        Self(Text::Static(name))
    }

    /// Returns the text.
    pub fn as_str(&self) -> &str {
        match &self.0 {
            Text::Static(name) => name,
            Text::Shared(name) => name,
        }
    }
}

impl Default for Name {
    /// The empty name.
    fn default() -> Self {
        Self::from_static("")
    }
}

impl Deref for Name {
    type Target = str;

    fn deref(&self) -> &str {
        self.as_str()
    }
}

impl AsRef<str> for Name {
    fn as_ref(&self) -> &str {
        self
    }
}

impl Borrow<str> for Name {
    fn borrow(&self) -> &str {
        self
    }
}

impl From<&str> for Name {
    fn from(name: &str) -> Self {
        Self(Text::Shared(name.into()))
    }
}

impl From<String> for Name {
    fn from(name: String) -> Self {
        Self(Text::Shared(name.into()))
    }
}

impl From<&String> for Name {
    fn from(name: &String) -> Self {
        name.as_str().into()
    }
}

impl From<Box<str>> for Name {
    fn from(name: Box<str>) -> Self {
        Self(Text::Shared(name.into()))
    }
}

impl From<Arc<str>> for Name {
    fn from(name: Arc<str>) -> Self {
        Self(Text::Shared(name))
    }
}

impl From<Cow<'_, str>> for Name {
    fn from(name: Cow<'_, str>) -> Self {
        Self(Text::Shared(name.into()))
    }
}

impl From<&Self> for Name {
    fn from(name: &Self) -> Self {
        name.clone()
    }
}

impl From<Name> for String {
    fn from(name: Name) -> Self {
        name.as_str().to_owned()
    }
}

impl PartialEq for Name {
    fn eq(&self, other: &Self) -> bool {
        self.as_str() == other.as_str()
    }
}

impl Eq for Name {}

impl PartialOrd for Name {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl Ord for Name {
    fn cmp(&self, other: &Self) -> Ordering {
        self.as_str().cmp(other)
    }
}

impl Hash for Name {
    fn hash<H: Hasher>(&self, state: &mut H) {
        // As that of the text, by which maps are asked.
        self.as_str().hash(state);
    }
}

/// Comparisons with other kinds of text, both ways.
macro_rules! compared_with {
    ($($Text:ty),*) => {
        $(
            impl PartialEq<$Text> for Name {
                fn eq(&self, other: &$Text) -> bool {
                    let other: &str = other.as_ref();
                    self.as_str() == other
                }
            }

            impl PartialEq<Name> for $Text {
                fn eq(&self, other: &Name) -> bool {
                    other == self
                }
            }
        )*
    };
}

compared_with!(str, &str, String);

impl fmt::Display for Name {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self.as_str(), f)
    }
}

impl fmt::Debug for Name {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Debug::fmt(self.as_str(), f)
    }
}

#[cfg(test)]
mod tests {
    use std::collections::{BTreeMap, HashMap};

    use super::*;

    #[test]
    fn a_name_is_made_from_any_text_and_equals_it() {
        let text = String::from("square");
        let borrowed: &str = &text;
        let names = [
            Name::from_static("square"),
            Name::from(borrowed),
            Name::from(&text),
            Name::from(text.clone()),
            Name::from(text.clone().into_boxed_str()),
            Name::from(Arc::<str>::from(borrowed)),
            Name::from(Cow::Borrowed(borrowed)),
        ];
        for name in &names {
            assert_eq!(name, &names[0]);
            assert_eq!(*name, "square");
            assert_eq!(*name, text);
            assert_eq!("square", *name);
            assert_eq!(name.to_string(), "square");
            assert_eq!(format!("{name:?}"), "\"square\"");
            assert_eq!(String::from(name.clone()), text);
        }
        assert_eq!(Name::default(), "");
    }

    #[test]
    fn maps_of_names_are_asked_by_text() {
        let name = || Name::from(String::from("square"));
        let hashed = HashMap::from([(Name::from_static("square"), 1)]);
        assert_eq!(hashed.get(&name()), Some(&1));
        assert_eq!(hashed.get("square"), Some(&1));
        let sorted = BTreeMap::from([(name(), 1), (Name::from_static("cube"), 2)]);
        assert_eq!(sorted.get("cube"), Some(&2));
        assert!(sorted.keys().eq(["cube", "square"]));
    }
}
