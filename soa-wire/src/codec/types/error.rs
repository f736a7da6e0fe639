//! Errors of values that a type of the wire cannot hold.

use std::fmt::{self, Display, Formatter};

/// An error about numbers that the type has no value for: a thirteenth month, the year 10000, a currency of two letters.
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct RangeError {
    what: &'static str,
}

impl RangeError {
    pub(crate) const fn new(what: &'static str) -> Self {
        Self { what }
    }
}

impl Display for RangeError {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        write!(f, "out of range: {}", self.what)
    }
}

impl std::error::Error for RangeError {}

/// An error about text that cannot be read as the type.
#[derive(Clone, PartialEq, Eq)]
pub struct ParseError {
    expected: &'static str,
    text: Box<str>,
}

impl ParseError {
    #[cold]
    pub(crate) fn new(expected: &'static str, text: &str) -> Self {
        // The beginning of a long text is enough, and a peer may have sent it.
        let shown = text.char_indices().nth(80).map_or(text.len(), |(at, _)| at);
        Self {
            expected,
            text: text.get(..shown).unwrap_or_default().into(),
        }
    }
}

impl Display for ParseError {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        write!(f, "{:?} is not {}", self.text, self.expected)
    }
}

impl std::error::Error for ParseError {}

crate::debug_as_text!(RangeError, ParseError);
