//! Errors of values that a type of the wire cannot hold.

use std::fmt::{self, Display, Formatter};

/// Numbers that make no value of the type: a thirteenth month, the year 10000, a currency of two letters.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
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

/// Text that cannot be read as the type.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ParseError {
    expected: &'static str,
    text: Box<str>,
}

impl ParseError {
    #[cold]
    pub(crate) fn new(expected: &'static str, text: &str) -> Self {
        // The whole of a long text helps nobody, and it may have come from a peer.
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
