//! What the readers of envelopes need of an encoding.

use std::borrow::Cow;
use std::fmt;

/// What kind of value comes next.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Kind {
    Nil,
    Bool,
    Integer,
    Float,
    Text,
    List,
    Map,
    /// Bytes and extension types: nothing that an envelope has a use for.
    Other,
}

/// The position inside of a list or map that was entered.
#[derive(Clone, Copy, Debug)]
pub(super) struct Entries {
    /// Encodings that count: how many entries are left.
    pub(super) left: u32,
    /// Encodings with separators: whether an entry was read already.
    pub(super) is_started: bool,
}

/// A key of a map. It is compared as bytes: to check the text of keys that nobody knows would be half the
/// time of a scan.
#[derive(Debug)]
pub(super) enum Key<'a> {
    Text(Cow<'a, [u8]>),
    Other,
}

impl Key<'_> {
    /// The bytes of the text; nothing that anybody looks for where it is no text.
    #[inline]
    pub(super) fn name(&self) -> &[u8] {
        match self {
            Self::Text(bytes) => bytes,
            Self::Other => &[],
        }
    }
}

/// Bytes that are not one whole value in their encoding.
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

/// Goes over an encoded value, forwards only.
///
/// Every method that reads a value expects the kind that it is for; the caller has asked
/// [`kind`](Self::kind) before.
pub(super) trait Cursor<'a>: Clone {
    /// The offset of the next byte.
    fn at(&self) -> usize;

    /// What comes next.
    fn kind(&mut self) -> Result<Kind, Fault>;

    /// Goes into a list or map.
    fn enter(&mut self) -> Result<Entries, Fault>;

    /// Whether there is a further entry: then the cursor stands before its key or item.
    fn more(&mut self, entries: &mut Entries) -> Result<bool, Fault>;

    /// Reads a key and stands before its value.
    fn key(&mut self) -> Result<Key<'a>, Fault>;

    /// Reads a text; `None` where its bytes are not text.
    fn text(&mut self) -> Result<Option<Cow<'a, str>>, Fault>;

    /// Reads a text without a look at its bytes.
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
