//! The sources that serde reads typed values from.
//!
//! A [`Source`] stands before a value: encoded bytes, or a [`Value`](super::Value). Its methods read one kind of value,
//! and return `None` without moving if the value is of another kind, so that the error can say what was found. What
//! serde asks for, and which rules hold, is the business of the [deserializer](super::deserializer); a source only
//! knows its own form of values.

use std::borrow::Cow;

use serde::de::{Error, Expected, Unexpected, Visitor};

use super::error::DecodeError;
use super::ext::BIG_INTEGER;
use super::types::Ext;

type Result<T> = std::result::Result<T, DecodeError>;

/// The beginning of a value of any kind.
pub(super) enum Token<'de, L, M> {
    Nil,
    Bool(bool),
    Signed(i64),
    Unsigned(u64),
    Float(f64),
    Text(&'de str),
    Bytes(&'de [u8]),
    List(L),
    Map(M),
    /// A code and a payload that belong together; the code may be that of a [`BIG_INTEGER`].
    Ext(i8, Cow<'de, [u8]>),
}

/// Something that holds one value, which serde reads.
pub(super) trait Source<'de> {
    /// The elements of a list that have not been read yet.
    type List;
    /// The pairs of a map that have not been read yet.
    type Map;

    /// True if errors name the field at fault. It costs a source of bytes too much to remember the keys.
    const NAMES_FIELDS: bool = false;

    /// The offset of the value in bytes; `None` if the source is not bytes.
    fn offset(&self) -> Option<usize>;

    /// Reads whatever is next.
    fn token(&mut self) -> Result<Token<'de, Self::List, Self::Map>>;

    /// Reads a nil. Returns false, and does not move, if the value is something else.
    fn nil(&mut self) -> bool;

    fn bool(&mut self) -> Result<Option<bool>>;

    /// Reads an integer into the visitor's method for its width. Anything else is a [mismatch](Self::mismatch).
    fn visit_integer<V: Visitor<'de>>(&mut self, visitor: V) -> Result<V::Value>;

    /// Reads a float, or an integer that only a float can hold.
    fn float(&mut self) -> Result<Option<f64>>;

    fn text(&mut self) -> Result<Option<&'de str>>;

    fn bytes(&mut self) -> Result<Option<&'de [u8]>>;

    fn list(&mut self) -> Result<Option<Self::List>>;

    fn map(&mut self) -> Result<Option<Self::Map>>;

    fn ext(&mut self) -> Result<Option<(i8, Cow<'de, [u8]>)>>;

    /// Passes over a value of any kind.
    fn skip(&mut self) -> Result<()>;

    /// True if serde's buffers are lenient about the value: nil, bytes, or a list.
    fn is_lenient(&self) -> bool;

    fn is_text(&self) -> bool;

    fn is_empty_map(&self) -> bool;

    /// The number of elements that are left.
    fn elements_left(list: &Self::List) -> usize;

    /// The number of pairs that are left.
    fn pairs_left(map: &Self::Map) -> usize;

    /// The number of values for which memory may be reserved if this number is announced.
    fn believable(&self, announced: usize) -> usize;

    /// Moves to the next element. Returns false if there is none.
    fn next_element(&mut self, list: &mut Self::List) -> bool;

    /// Moves to the key of the next pair. Returns false if there is none.
    fn next_key(&mut self, map: &mut Self::Map) -> bool;

    /// Moves to the value of the pair whose key was read last.
    fn next_value(&mut self, map: &mut Self::Map) -> Result<()>;

    /// The key of the pair whose value is read, as a step of the way to a field; `None` if it is not known.
    #[cold]
    fn step(_map: &Self::Map) -> Option<String> {
        None
    }

    /// The error for a value of another kind than expected.
    #[cold]
    fn mismatch(&mut self, expected: &dyn Expected) -> DecodeError {
        let start = self.offset();
        let found = match self.token() {
            Ok(Token::Nil) => Unexpected::Unit,
            Ok(Token::Bool(value)) => Unexpected::Bool(value),
            Ok(Token::Signed(value)) => Unexpected::Signed(value),
            Ok(Token::Unsigned(value)) => Unexpected::Unsigned(value),
            Ok(Token::Float(value)) => Unexpected::Float(value),
            // The text itself is not repeated: it may be long, and it may be secret.
            Ok(Token::Text(_)) => Unexpected::Other("text"),
            Ok(Token::Bytes(_)) => Unexpected::Other("bytes"),
            Ok(Token::List(_)) => Unexpected::Other("list"),
            Ok(Token::Map(_)) => Unexpected::Map,
            Ok(Token::Ext(BIG_INTEGER, _)) => Unexpected::Other("integer of more than 64 bits"),
            Ok(Token::Ext(code, _)) => Unexpected::Other(Ext::name(code)),
            Err(error) => return error,
        };
        let error: DecodeError = Error::invalid_type(found, expected);
        match start {
            Some(start) => error.at(start),
            None => error,
        }
    }
}
