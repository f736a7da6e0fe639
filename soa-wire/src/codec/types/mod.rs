//! The types that the wire has and Rust has not.
//!
//! PySOA's MessagePack carries six ext types: a [`DateTime`] without zone, a [`UtcDateTime`], a [`Date`], a [`Time`] of
//! day, a [`Decimal`] and an [`Amount`] of money. To these come [`Blob`], a string of bytes (serde would make a list of
//! numbers of a `Vec<u8>`), and [`Nullable`], a field that must be there and may be nil.
//!
//! They are our own, and not those of a calendar or decimal crate, for two reasons: such crates serialize as text, and
//! cannot be taught the ext types; and none of them has to be part of this crate's interface. Each converts to and from
//! plain numbers and text, which is all that a third-party type needs.
//!
//! Every value of these types is one that the reference can read: years are 1 to 9999, decimals are within the exponents
//! of Python's. So encoding one cannot fail, and a payload that breaks these rules is refused when it is read.

mod amount;
mod blob;
mod date;
mod datetime;
mod decimal;
mod nullable;
mod rules;
mod schema;
mod wire;

use std::fmt::{self, Display, Formatter};

pub use amount::Amount;
pub use blob::Blob;
pub use date::{Date, Time};
pub use datetime::{DateTime, UtcDateTime};
pub use decimal::Decimal;
pub use nullable::Nullable;
pub(crate) use schema::NULLABLE;

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
