//! The cursor over MessagePack.

use std::borrow::Cow;

use super::cursor::{Cursor, Fault, Key};
use crate::codec::Kind;
use crate::codec::msgpack::{Int, ReadError, Reader};

#[derive(Clone)]
pub(super) struct MessagePack<'a>(Reader<'a>);

impl<'a> MessagePack<'a> {
    pub(super) fn new(bytes: &'a [u8]) -> Self {
        Self(Reader::new(bytes))
    }

    #[cold]
    fn fault(&self, error: ReadError) -> Fault {
        Fault {
            at: self.0.offset(),
            what: match error {
                ReadError::Truncated => "the message is truncated",
                ReadError::InvalidMarker(_) => "the marker 0xc1 is never used",
            },
        }
    }

    /// Reads by a function of the reader.
    #[inline]
    fn read<T>(
        &mut self,
        read: impl FnOnce(&mut Reader<'a>) -> Result<T, ReadError>,
    ) -> Result<T, Fault> {
        match read(&mut self.0) {
            Ok(read) => Ok(read),
            Err(error) => Err(self.fault(error)),
        }
    }
}

impl<'a> Cursor<'a> for MessagePack<'a> {
    /// The number of entries that are left.
    type Entries = usize;

    #[inline]
    fn at(&self) -> usize {
        self.0.offset()
    }

    #[inline]
    fn kind(&mut self) -> Result<Kind, Fault> {
        self.read(|reader| reader.kind())
    }

    #[inline]
    fn enter(&mut self) -> Result<usize, Fault> {
        self.read(Reader::entries).map(Option::unwrap_or_default)
    }

    #[inline]
    fn more(&mut self, left: &mut usize) -> Result<bool, Fault> {
        let is_there = *left > 0;
        *left = left.saturating_sub(1);
        Ok(is_there)
    }

    #[inline]
    fn key(&mut self) -> Result<Key<'a>, Fault> {
        match self.read(Reader::raw_text)? {
            Some(text) => Ok(Key::Text(Cow::Borrowed(text))),
            None => self.skip().map(|()| Key::Other),
        }
    }

    #[inline]
    fn text(&mut self) -> Result<Option<Cow<'a, str>>, Fault> {
        let text = self.read(Reader::raw_text)?.unwrap_or_default();
        Ok(std::str::from_utf8(text).ok().map(Cow::Borrowed))
    }

    #[inline]
    fn raw_text(&mut self) -> Result<Cow<'a, [u8]>, Fault> {
        let text = self.read(Reader::raw_text)?.unwrap_or_default();
        Ok(Cow::Borrowed(text))
    }

    #[inline]
    fn boolean(&mut self) -> Result<bool, Fault> {
        self.read(Reader::bool).map(Option::unwrap_or_default)
    }

    #[inline]
    fn integer(&mut self) -> Result<Option<i64>, Fault> {
        Ok(match self.read(Reader::integer)? {
            Some(Int::Unsigned(number)) => i64::try_from(number).ok(),
            Some(Int::Signed(number)) => Some(number),
            None => None,
        })
    }

    #[allow(clippy::cast_precision_loss)] // A point in time; the nearest float will do.
    #[inline]
    fn number(&mut self) -> Result<f64, Fault> {
        if let Some(number) = self.read(Reader::float)? {
            return Ok(number);
        }
        Ok(match self.read(Reader::integer)? {
            Some(Int::Unsigned(number)) => number as f64,
            Some(Int::Signed(number)) => number as f64,
            None => 0.0,
        })
    }

    /// Passes over a value. Counts the values that are still to come instead of keeping a stack: the memory is one number,
    /// however deep the nesting.
    fn skip(&mut self) -> Result<(), Fault> {
        let mut left: u64 = 1;
        while left > 0 {
            left = (left - 1).saturating_add(self.read(Reader::pass)?);
            // Every value is at least one byte: more than there are bytes is a lie in some header.
            if left > self.0.remaining() as u64 {
                return Err(self.fault(ReadError::Truncated));
            }
        }
        Ok(())
    }

    fn end(&mut self) -> Result<(), Fault> {
        if self.0.remaining() > 0 {
            return Err(Fault {
                at: self.at(),
                what: "bytes follow the message",
            });
        }
        Ok(())
    }

    fn moved_to(&self, at: usize) -> Self {
        Self(self.0.moved_to(at))
    }
}
