//! The reader of MessagePack, for the decoder and for the scanner of envelopes.
//!
//! A [`Reader`] is a slice of what has not been read yet. [`Reader::head`] reads the next marker with all that belongs
//! to it: a scalar with its value, text and bytes with their content, a list or map with its length only. The typed
//! methods ([`integer`](Reader::integer), [`text`](Reader::text) and so on) read one kind, and return `None` without
//! moving if the next value is of another, so that the caller can say what was found.
//!
//! An error is one small value without a message and without a place: [`Reader::offset`] is the place, and each caller
//! has words of its own.

use super::super::error::{DecodeError, DecodeErrorKind};
use super::super::kind::Kind;
use super::super::types::Ext;

/// The beginning of a value.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) enum Head<'de> {
    Nil,
    Bool(bool),
    Integer(Int),
    Float(f64),
    /// Not yet known to be UTF-8.
    Text(&'de [u8]),
    Bytes(&'de [u8]),
    /// The number of elements, which follow.
    List(usize),
    /// The number of pairs, which follow.
    Map(usize),
    Ext(i8, &'de [u8]),
}

/// An integer as it was written; either form may hold a small number.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Int {
    Unsigned(u64),
    Signed(i64),
}

/// The reason why bytes are not MessagePack.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum ReadError {
    Truncated,
    InvalidMarker(u8),
}

impl From<ReadError> for DecodeError {
    #[cold]
    fn from(error: ReadError) -> Self {
        match error {
            ReadError::Truncated => {
                Self::new(DecodeErrorKind::Truncated, "unexpected end of input")
            }
            ReadError::InvalidMarker(marker) => Self::new(
                DecodeErrorKind::InvalidMarker,
                format!("invalid marker 0x{marker:02x}"),
            ),
        }
    }
}

#[derive(Debug, Clone)]
pub(crate) struct Reader<'de> {
    input: &'de [u8],
    /// The end of the input that has not been read yet.
    rest: &'de [u8],
}

type Result<T, E = ReadError> = std::result::Result<T, E>;

/// A length as `usize`. On a machine where it does not fit, the input cannot be as long as that either.
fn length(length: u32) -> usize {
    usize::try_from(length).unwrap_or(usize::MAX)
}

impl<'de> Reader<'de> {
    pub(crate) fn new(input: &'de [u8]) -> Self {
        Self { input, rest: input }
    }

    /// A reader of the same input at another offset.
    pub(crate) fn moved_to(&self, offset: usize) -> Self {
        Self {
            input: self.input,
            rest: self.input.get(offset..).unwrap_or_default(),
        }
    }

    /// The number of bytes that have been read.
    #[inline]
    pub(crate) fn offset(&self) -> usize {
        self.input.len() - self.rest.len()
    }

    /// The number of bytes that are left, which is also an upper bound of the number of values.
    #[inline]
    pub(crate) fn remaining(&self) -> usize {
        self.rest.len()
    }

    /// Fails if there are bytes left.
    pub(crate) fn end(&self) -> Result<(), DecodeError> {
        if self.rest.is_empty() {
            Ok(())
        } else {
            Err(DecodeError::new(
                DecodeErrorKind::TrailingBytes,
                format!("{} bytes after the value", self.rest.len()),
            ))
        }
    }

    /// The next marker, which is not consumed.
    #[inline]
    pub(crate) fn peek(&self) -> Result<u8> {
        self.rest.first().copied().ok_or(ReadError::Truncated)
    }

    #[inline]
    pub(crate) fn next_is_nil(&self) -> bool {
        self.rest.first() == Some(&0xc0)
    }

    /// The kind of the next value.
    #[inline]
    pub(crate) fn kind(&self) -> Result<Kind> {
        Ok(match self.peek()? {
            0x00..=0x7f | 0xcc..=0xd3 | 0xe0..=0xff => Kind::Integer,
            0x80..=0x8f | 0xde | 0xdf => Kind::Map,
            0x90..=0x9f | 0xdc | 0xdd => Kind::List,
            0xa0..=0xbf | 0xd9..=0xdb => Kind::Text,
            0xc0 => Kind::Nil,
            marker @ 0xc1 => return Err(ReadError::InvalidMarker(marker)),
            0xc2 | 0xc3 => Kind::Bool,
            0xc4..=0xc6 => Kind::Bytes,
            0xc7..=0xc9 | 0xd4..=0xd8 => Kind::Ext,
            0xca | 0xcb => Kind::Float,
        })
    }

    /// The name of the next value in a message to a person; `nothing` at the end.
    pub(crate) fn kind_name(&self) -> &'static str {
        match self.kind() {
            Ok(kind) => kind.name(),
            Err(ReadError::Truncated) => "nothing",
            Err(ReadError::InvalidMarker(_)) => "an invalid marker",
        }
    }

    /// True if serde's buffers are lenient about the next value: nil, bytes, or a list.
    #[inline]
    pub(crate) fn next_is_lenient(&self) -> bool {
        matches!(
            self.rest.first(),
            Some(0xc0 | 0xc4..=0xc6 | 0x90..=0x9f | 0xdc | 0xdd)
        )
    }

    #[inline]
    pub(crate) fn next_is_map(&self) -> bool {
        matches!(self.rest.first(), Some(0x80..=0x8f | 0xde | 0xdf))
    }

    #[inline]
    pub(crate) fn next_is_empty_map(&self) -> bool {
        self.rest.first() == Some(&0x80)
    }

    #[inline]
    pub(crate) fn next_is_text(&self) -> bool {
        matches!(self.rest.first(), Some(0xa0..=0xbf | 0xd9..=0xdb))
    }

    #[inline]
    fn array<const N: usize>(&mut self) -> Result<[u8; N]> {
        let (array, rest) = self.rest.split_first_chunk().ok_or(ReadError::Truncated)?;
        self.rest = rest;
        Ok(*array)
    }

    #[inline]
    fn take(&mut self, length: usize) -> Result<&'de [u8]> {
        let (taken, rest) = self
            .rest
            .split_at_checked(length)
            .ok_or(ReadError::Truncated)?;
        self.rest = rest;
        Ok(taken)
    }

    #[inline]
    fn length8(&mut self) -> Result<usize> {
        let [byte] = self.array()?;
        Ok(usize::from(byte))
    }

    #[inline]
    fn length16(&mut self) -> Result<usize> {
        Ok(usize::from(u16::from_be_bytes(self.array()?)))
    }

    #[inline]
    fn length32(&mut self) -> Result<usize> {
        Ok(length(u32::from_be_bytes(self.array()?)))
    }

    /// Consumes a marker that was peeked at.
    #[inline]
    fn skip_marker(&mut self) {
        self.rest = self.rest.get(1..).unwrap_or_default();
    }

    #[inline]
    pub(crate) fn nil(&mut self) -> bool {
        let nil = self.next_is_nil();
        if nil {
            self.skip_marker();
        }
        nil
    }

    #[inline]
    pub(crate) fn bool(&mut self) -> Result<Option<bool>> {
        let value = match self.peek()? {
            0xc2 => false,
            0xc3 => true,
            _ => return Ok(None),
        };
        self.skip_marker();
        Ok(Some(value))
    }

    #[inline]
    pub(crate) fn integer(&mut self) -> Result<Option<Int>> {
        let marker = self.peek()?;
        match marker {
            0x00..=0x7f => {
                self.skip_marker();
                Ok(Some(Int::Unsigned(u64::from(marker))))
            }
            0xcc..=0xd3 | 0xe0..=0xff => {
                self.skip_marker();
                self.wide_integer(marker).map(Some)
            }
            _ => Ok(None),
        }
    }

    fn wide_integer(&mut self, marker: u8) -> Result<Int> {
        Ok(match marker {
            0xcc => Int::Unsigned(u64::from(u8::from_be_bytes(self.array()?))),
            0xcd => Int::Unsigned(u64::from(u16::from_be_bytes(self.array()?))),
            0xce => Int::Unsigned(u64::from(u32::from_be_bytes(self.array()?))),
            0xcf => Int::Unsigned(u64::from_be_bytes(self.array()?)),
            0xd0 => Int::Signed(i64::from(i8::from_be_bytes(self.array()?))),
            0xd1 => Int::Signed(i64::from(i16::from_be_bytes(self.array()?))),
            0xd2 => Int::Signed(i64::from(i32::from_be_bytes(self.array()?))),
            0xd3 => Int::Signed(i64::from_be_bytes(self.array()?)),
            _ => Int::Signed(i64::from(i8::from_be_bytes([marker]))),
        })
    }

    #[inline]
    pub(crate) fn float(&mut self) -> Result<Option<f64>> {
        let marker = self.peek()?;
        match marker {
            0xca => {
                self.skip_marker();
                Ok(Some(f64::from(f32::from_be_bytes(self.array()?))))
            }
            0xcb => {
                self.skip_marker();
                Ok(Some(f64::from_be_bytes(self.array()?)))
            }
            _ => Ok(None),
        }
    }

    /// The bytes of a text, not yet known to be UTF-8.
    #[inline]
    pub(crate) fn raw_text(&mut self) -> Result<Option<&'de [u8]>> {
        // Nearly every text is a short one.
        match self.rest.split_first() {
            Some((marker @ 0xa0..=0xbf, rest)) => {
                self.rest = rest;
                self.take(usize::from(marker & 0x1f)).map(Some)
            }
            _ => self.long_text(),
        }
    }

    fn long_text(&mut self) -> Result<Option<&'de [u8]>> {
        let marker = self.peek()?;
        if !matches!(marker, 0xd9..=0xdb) {
            return Ok(None);
        }
        self.skip_marker();
        let length = match marker {
            0xd9 => self.length8()?,
            0xda => self.length16()?,
            _ => self.length32()?,
        };
        self.take(length).map(Some)
    }

    #[inline]
    pub(crate) fn text(&mut self) -> Result<Option<&'de str>, DecodeError> {
        match self.raw_text()? {
            Some(bytes) => self.utf8(bytes).map(Some),
            None => Ok(None),
        }
    }

    /// Checks that the bytes just read are UTF-8.
    #[inline]
    pub(crate) fn utf8(&self, bytes: &'de [u8]) -> Result<&'de str, DecodeError> {
        std::str::from_utf8(bytes).map_err(|error| {
            let start = self.offset().saturating_sub(bytes.len());
            DecodeError::new(DecodeErrorKind::InvalidUtf8, "text that is not UTF-8")
                .at(start.saturating_add(error.valid_up_to()))
        })
    }

    #[inline]
    pub(crate) fn bytes(&mut self) -> Result<Option<&'de [u8]>> {
        let marker = self.peek()?;
        let length = match marker {
            0xc4 => {
                self.skip_marker();
                self.length8()?
            }
            0xc5 => {
                self.skip_marker();
                self.length16()?
            }
            0xc6 => {
                self.skip_marker();
                self.length32()?
            }
            _ => return Ok(None),
        };
        self.take(length).map(Some)
    }

    #[inline]
    pub(crate) fn list(&mut self) -> Result<Option<usize>> {
        let marker = self.peek()?;
        match marker {
            0x90..=0x9f => {
                self.skip_marker();
                Ok(Some(usize::from(marker & 0x0f)))
            }
            0xdc => {
                self.skip_marker();
                self.length16().map(Some)
            }
            0xdd => {
                self.skip_marker();
                self.length32().map(Some)
            }
            _ => Ok(None),
        }
    }

    #[inline]
    pub(crate) fn map(&mut self) -> Result<Option<usize>> {
        let marker = self.peek()?;
        match marker {
            0x80..=0x8f => {
                self.skip_marker();
                Ok(Some(usize::from(marker & 0x0f)))
            }
            0xde => {
                self.skip_marker();
                self.length16().map(Some)
            }
            0xdf => {
                self.skip_marker();
                self.length32().map(Some)
            }
            _ => Ok(None),
        }
    }

    /// The number of elements or pairs of a list or map, whichever is next.
    #[inline]
    pub(crate) fn entries(&mut self) -> Result<Option<usize>> {
        match self.rest.split_first() {
            Some((marker @ 0x80..=0x9f, rest)) => {
                self.rest = rest;
                Ok(Some(usize::from(marker & 0x0f)))
            }
            _ => self.many_entries(),
        }
    }

    fn many_entries(&mut self) -> Result<Option<usize>> {
        match self.list()? {
            None => self.map(),
            length => Ok(length),
        }
    }

    #[inline]
    pub(crate) fn ext(&mut self) -> Result<Option<(i8, &'de [u8])>> {
        let marker = self.peek()?;
        if !matches!(marker, 0xc7..=0xc9 | 0xd4..=0xd8) {
            return Ok(None);
        }
        self.skip_marker();
        self.ext_content(marker).map(Some)
    }

    /// The code and the payload of an ext type whose marker has been read.
    fn ext_content(&mut self, marker: u8) -> Result<(i8, &'de [u8])> {
        let length = match marker {
            0xc7 => self.length8()?,
            0xc8 => self.length16()?,
            0xc9 => self.length32()?,
            0xd4 => 1,
            0xd5 => 2,
            0xd6 => 4,
            0xd7 => 8,
            _ => 16,
        };
        let code = i8::from_be_bytes(self.array()?);
        self.take(length).map(|payload| (code, payload))
    }

    /// Reads an ext type, and checks that its code is known and its payload valid.
    #[inline]
    pub(crate) fn checked_ext(&mut self) -> Result<Option<(i8, &'de [u8])>, DecodeError> {
        let start = self.offset();
        match self.ext()? {
            Some((code, payload)) => match Ext::parse(code, payload) {
                Ok(_) => Ok(Some((code, payload))),
                Err(error) => Err(DecodeError::from(error).at(start)),
            },
            None => Ok(None),
        }
    }

    /// The beginning of the next value, whatever it is.
    #[inline]
    pub(crate) fn head(&mut self) -> Result<Head<'de>> {
        let marker = self.peek()?;
        let head = match marker {
            0x00..=0x7f | 0xcc..=0xd3 | 0xe0..=0xff => self.integer()?.map(Head::Integer),
            0x80..=0x8f | 0xde | 0xdf => self.map()?.map(Head::Map),
            0x90..=0x9f | 0xdc | 0xdd => self.list()?.map(Head::List),
            0xa0..=0xbf | 0xd9..=0xdb => self.raw_text()?.map(Head::Text),
            0xc0 => {
                self.skip_marker();
                Some(Head::Nil)
            }
            0xc1 => None,
            0xc2 | 0xc3 => self.bool()?.map(Head::Bool),
            0xc4..=0xc6 => self.bytes()?.map(Head::Bytes),
            0xc7..=0xc9 | 0xd4..=0xd8 => {
                self.ext()?.map(|(code, payload)| Head::Ext(code, payload))
            }
            0xca | 0xcb => self.float()?.map(Head::Float),
        };
        head.ok_or(ReadError::InvalidMarker(marker))
    }

    /// Passes over the next marker and what belongs to it: of a list or a map no more than the length. Returns the
    /// number of values that follow within it.
    #[inline]
    pub(crate) fn pass(&mut self) -> Result<u64> {
        let marker = self.peek()?;
        if marker == 0xc1 {
            return Err(ReadError::InvalidMarker(marker));
        }
        self.skip_marker();
        let content = match marker {
            0x00..=0x7f | 0xc0..=0xc3 | 0xe0..=0xff => return Ok(0),
            0x80..=0x8f => return Ok(2 * u64::from(marker & 0x0f)),
            0x90..=0x9f => return Ok(u64::from(marker & 0x0f)),
            0xdc => return Ok(u64::from(u16::from_be_bytes(self.array()?))),
            0xdd => return Ok(u64::from(u32::from_be_bytes(self.array()?))),
            0xde => return Ok(2 * u64::from(u16::from_be_bytes(self.array()?))),
            0xdf => return Ok(2 * u64::from(u32::from_be_bytes(self.array()?))),
            0xa0..=0xbf => usize::from(marker & 0x1f),
            0xc4 | 0xd9 => self.length8()?,
            0xc5 | 0xda => self.length16()?,
            0xc6 | 0xdb => self.length32()?,
            0xcc | 0xd0 => 1,
            0xcd | 0xd1 => 2,
            0xca | 0xce | 0xd2 => 4,
            0xcb | 0xcf | 0xd3 => 8,
            0xc7..=0xc9 | 0xd4..=0xd8 => {
                self.ext_content(marker)?;
                return Ok(0);
            }
        };
        self.take(content)?;
        Ok(0)
    }

    /// Passes over the next value, however deeply it is nested, without looking into text and ext types.
    pub(crate) fn skip(&mut self) -> Result<()> {
        let mut pending: u64 = 1;
        while pending > 0 {
            pending = (pending - 1).saturating_add(self.pass()?);
        }
        Ok(())
    }
}
