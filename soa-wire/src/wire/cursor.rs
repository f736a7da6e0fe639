//! The view of an encoding that the readers of envelopes have.

use std::borrow::Cow;
use std::fmt;

use crate::codec::Kind;

/// A key of a map. It is compared as bytes: checking that unknown keys are UTF-8 would take half the time of a
/// scan.
#[derive(Debug)]
pub(super) enum Key<'a> {
    Text(Cow<'a, [u8]>),
    Other,
}

impl Key<'_> {
    /// The bytes of the text; empty if the key is not text.
    #[inline]
    pub(super) fn name(&self) -> &[u8] {
        match self {
            Self::Text(bytes) => bytes,
            Self::Other => &[],
        }
    }
}

/// The error for bytes that are not one whole value in their encoding.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Fault {
    pub(super) at: usize,
    pub(super) what: &'static str,
}

impl fmt::Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} at byte {}", self.what, self.at)
    }
}

/// A cursor over an encoded value, forwards only.
///
/// A method that reads a value expects its kind: the caller has to ask for the [`kind`](Self::kind) before.
pub(super) trait Cursor<'a>: Clone {
    /// The position inside of a list or map that was entered.
    type Entries;

    /// The offset of the next byte.
    fn at(&self) -> usize;

    /// The kind of the next value.
    fn kind(&mut self) -> Result<Kind, Fault>;

    /// Enters a list or map.
    fn enter(&mut self) -> Result<Self::Entries, Fault>;

    /// Moves to the next entry, before its key or item. Returns false if there is none.
    fn more(&mut self, entries: &mut Self::Entries) -> Result<bool, Fault>;

    /// Reads a key and stands before its value.
    fn key(&mut self) -> Result<Key<'a>, Fault>;

    /// Reads a text; `None` if it is not UTF-8.
    fn text(&mut self) -> Result<Option<Cow<'a, str>>, Fault>;

    /// Reads a text without checking its bytes.
    fn raw_text(&mut self) -> Result<Cow<'a, [u8]>, Fault>;

    fn boolean(&mut self) -> Result<bool, Fault>;

    /// Reads an integer; `None` for one that does not fit.
    fn integer(&mut self) -> Result<Option<i64>, Fault>;

    /// Reads an integer or a float.
    fn number(&mut self) -> Result<f64, Fault>;

    /// Passes over a value of any kind, without recursion.
    fn skip(&mut self) -> Result<(), Fault>;

    /// Checks that nothing follows.
    fn end(&mut self) -> Result<(), Fault>;

    /// A cursor at another place of the same bytes.
    fn moved_to(&self, at: usize) -> Self;
}
