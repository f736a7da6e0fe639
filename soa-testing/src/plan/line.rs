//! The value that a matched line states, and the part of the line that is wrong.

use super::form::Slot;
use super::grammar::Matched;
use super::path::Path;
use super::tree::{Leaf, Tree};
use super::typed::Typed;

/// A mistake in a line that has a form: the part of the line, and the description.
pub(super) struct Wrong {
    pub(super) slot: Slot,
    pub(super) problem: String,
}

impl From<String> for Wrong {
    /// Creates a mistake in the value, where most of them are.
    fn from(problem: String) -> Self {
        Self {
            slot: Slot::Value,
            problem,
        }
    }
}

impl Slot {
    /// Creates a mistake in this part of a line.
    pub(super) fn wrong(self, problem: impl Into<String>) -> Wrong {
        Wrong {
            slot: self,
            problem: problem.into(),
        }
    }
}

/// Returns the data type that a line names, or the default.
pub(super) fn data_type<'a>(matched: &Matched<'a>) -> &'a str {
    matched.get(Slot::DataType).unwrap_or("str")
}

/// Returns the value of a line, to be sent.
pub(super) fn value(matched: &Matched<'_>) -> Result<Typed, String> {
    Typed::value(data_type(matched), matched.text(Slot::Value))
}

/// Returns the value of a line, or its matcher, to be compared with a response.
pub(super) fn expected(matched: &Matched<'_>) -> Result<Typed, String> {
    Typed::expected(data_type(matched), matched.text(Slot::Value))
}

/// Puts a value into a tree, at the path of the line.
pub(super) fn put(
    tree: &mut Tree,
    line: usize,
    matched: &Matched<'_>,
    typed: Typed,
) -> Result<(), Wrong> {
    let path = Path::parse(matched.text(Slot::Path));
    let leaf = Leaf {
        line,
        typed,
        has_type: matched.has(Slot::DataType),
    };
    let put = path.and_then(|path| tree.put(&path, leaf));
    put.map_err(|problem| Slot::Path.wrong(problem))
}
