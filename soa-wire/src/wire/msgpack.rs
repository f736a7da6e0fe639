//! The cursor over MessagePack.

use std::borrow::Cow;

use super::cursor::{Cursor, Entries, Fault, Key, Kind};

#[derive(Clone)]
pub(super) struct MessagePack<'a> {
    bytes: &'a [u8],
    at: usize,
}

impl<'a> MessagePack<'a> {
    pub(super) fn new(bytes: &'a [u8]) -> Self {
        Self { bytes, at: 0 }
    }

    #[cold]
    fn fault(&self, what: &'static str) -> Fault {
        Fault { at: self.at, what }
    }

    #[inline]
    fn take(&mut self, length: usize) -> Result<&'a [u8], Fault> {
        let end = self.at.saturating_add(length);
        match self.bytes.get(self.at..end) {
            Some(taken) => {
                self.at = end;
                Ok(taken)
            }
            None => Err(self.fault("the message is truncated")),
        }
    }

    #[inline]
    fn array<const N: usize>(&mut self) -> Result<[u8; N], Fault> {
        let taken = self.take(N)?;
        taken
            .try_into()
            .map_err(|_| self.fault("the message is truncated"))
    }

    #[inline]
    fn marker(&mut self) -> Result<u8, Fault> {
        self.array::<1>().map(|[marker]| marker)
    }

    #[inline]
    fn length<const N: usize>(&mut self) -> Result<u32, Fault> {
        let bytes = self.array::<N>()?;
        Ok(bytes
            .iter()
            .fold(0, |length, byte| length << 8 | u32::from(*byte)))
    }

    /// The marker and, for what has a length or a count, that.
    fn header(&mut self) -> Result<(u8, u32), Fault> {
        let marker = self.marker()?;
        let length = match marker {
            0x80..=0x9f => u32::from(marker & 0x0f),
            0xa0..=0xbf => u32::from(marker & 0x1f),
            0xc4 | 0xc7 | 0xd9 => self.length::<1>()?,
            0xc5 | 0xc8 | 0xda | 0xdc | 0xde => self.length::<2>()?,
            0xc6 | 0xc9 | 0xdb | 0xdd | 0xdf => self.length::<4>()?,
            0xc1 => {
                self.at -= 1;
                return Err(self.fault("the marker 0xc1 is never used"));
            }
            _ => 0,
        };
        Ok((marker, length))
    }

    #[inline(never)]
    fn unusual_key(&mut self) -> Result<Key<'a>, Fault> {
        if self.kind()? == Kind::Text {
            Ok(Key::Text(Cow::Borrowed(self.text_bytes()?)))
        } else {
            self.skip()?;
            Ok(Key::Other)
        }
    }

    #[inline]
    fn text_bytes(&mut self) -> Result<&'a [u8], Fault> {
        // Nearly every text of an envelope is a short one.
        let length = match self.bytes.get(self.at) {
            Some(marker @ 0xa0..=0xbf) => {
                self.at += 1;
                u32::from(marker & 0x1f)
            }
            _ => self.header()?.1,
        };
        self.take(to_usize(length))
    }
}

/// A length of a header; on the platforms that we run on a `usize` holds every `u32`, and where it did not
/// the value would be too long for the message anyway.
#[inline]
fn to_usize(length: u32) -> usize {
    usize::try_from(length).unwrap_or(usize::MAX)
}

impl<'a> Cursor<'a> for MessagePack<'a> {
    fn at(&self) -> usize {
        self.at
    }

    #[inline]
    fn kind(&mut self) -> Result<Kind, Fault> {
        let Some(marker) = self.bytes.get(self.at) else {
            return Err(self.fault("the message is truncated"));
        };
        Ok(match marker {
            0x00..=0x7f | 0xcc..=0xd3 | 0xe0..=0xff => Kind::Integer,
            0x80..=0x8f | 0xde | 0xdf => Kind::Map,
            0x90..=0x9f | 0xdc | 0xdd => Kind::List,
            0xa0..=0xbf | 0xd9..=0xdb => Kind::Text,
            0xc0 => Kind::Nil,
            0xc1 => return Err(self.fault("the marker 0xc1 is never used")),
            0xc2 | 0xc3 => Kind::Bool,
            0xca | 0xcb => Kind::Float,
            _ => Kind::Other,
        })
    }

    #[inline]
    fn enter(&mut self) -> Result<Entries, Fault> {
        let left = match self.bytes.get(self.at) {
            Some(marker @ 0x80..=0x9f) => {
                self.at += 1;
                u32::from(marker & 0x0f)
            }
            _ => self.header()?.1,
        };
        Ok(Entries {
            left,
            is_started: false,
        })
    }

    #[inline]
    fn more(&mut self, entries: &mut Entries) -> Result<bool, Fault> {
        let is_there = entries.left > 0;
        entries.left = entries.left.saturating_sub(1);
        Ok(is_there)
    }

    #[inline]
    fn key(&mut self) -> Result<Key<'a>, Fault> {
        // Nearly every key is a short text.
        if let Some(marker @ 0xa0..=0xbf) = self.bytes.get(self.at) {
            let length = usize::from(marker & 0x1f);
            self.at += 1;
            return Ok(Key::Text(Cow::Borrowed(self.take(length)?)));
        }
        self.unusual_key()
    }

    #[inline]
    fn text(&mut self) -> Result<Option<Cow<'a, str>>, Fault> {
        let raw = self.text_bytes()?;
        Ok(std::str::from_utf8(raw).ok().map(Cow::Borrowed))
    }

    #[inline]
    fn raw_text(&mut self) -> Result<Cow<'a, [u8]>, Fault> {
        self.text_bytes().map(Cow::Borrowed)
    }

    fn boolean(&mut self) -> Result<bool, Fault> {
        Ok(self.marker()? == 0xc3)
    }

    fn integer(&mut self) -> Result<Option<i64>, Fault> {
        let marker = self.marker()?;
        Ok(match marker {
            0xcc => Some(u8::from_be_bytes(self.array()?).into()),
            0xcd => Some(u16::from_be_bytes(self.array()?).into()),
            0xce => Some(u32::from_be_bytes(self.array()?).into()),
            0xcf => i64::try_from(u64::from_be_bytes(self.array()?)).ok(),
            0xd0 => Some(i8::from_be_bytes(self.array()?).into()),
            0xd1 => Some(i16::from_be_bytes(self.array()?).into()),
            0xd2 => Some(i32::from_be_bytes(self.array()?).into()),
            0xd3 => Some(i64::from_be_bytes(self.array()?)),
            _ => Some(i8::from_be_bytes([marker]).into()),
        })
    }

    fn number(&mut self) -> Result<f64, Fault> {
        match self.bytes.get(self.at) {
            Some(0xca) => {
                self.at += 1;
                Ok(f32::from_be_bytes(self.array()?).into())
            }
            Some(0xcb) => {
                self.at += 1;
                Ok(f64::from_be_bytes(self.array()?))
            }
            Some(0xcf) => {
                self.at += 1;
                #[allow(clippy::cast_precision_loss)] // A point in time; the nearest float will do.
                let number = u64::from_be_bytes(self.array()?) as f64;
                Ok(number)
            }
            _ => {
                #[allow(clippy::cast_precision_loss)] // See above.
                let number = self.integer()?.unwrap_or(i64::MAX) as f64;
                Ok(number)
            }
        }
    }

    /// Counts the values that are still to come instead of keeping a stack: the memory is one number,
    /// however deep the nesting.
    fn skip(&mut self) -> Result<(), Fault> {
        let mut left: u64 = 1;
        while left > 0 {
            left -= 1;
            let (marker, length) = self.header()?;
            let length_bytes = to_usize(length);
            match marker {
                0x00..=0x7f | 0xc0..=0xc3 | 0xe0..=0xff => {}
                0x80..=0x8f | 0xde | 0xdf => left += 2 * u64::from(length),
                0x90..=0x9f | 0xdc | 0xdd => left += u64::from(length),
                0xa0..=0xbf | 0xc4..=0xc6 | 0xd9..=0xdb => {
                    self.take(length_bytes)?;
                }
                // An extension's code is one byte before its payload.
                0xc7..=0xc9 => {
                    self.take(1)?;
                    self.take(length_bytes)?;
                }
                0xcc | 0xd0 => drop(self.take(1)?),
                0xcd | 0xd1 | 0xd4 => drop(self.take(2)?),
                0xd5 => drop(self.take(3)?),
                0xca | 0xce | 0xd2 => drop(self.take(4)?),
                0xd6 => drop(self.take(5)?),
                0xcb | 0xcf | 0xd3 => drop(self.take(8)?),
                0xd7 => drop(self.take(9)?),
                0xd8 => drop(self.take(17)?),
            }
            // Every value is at least one byte: more than there are bytes is a lie in some header.
            if left > (self.bytes.len() - self.at) as u64 {
                return Err(self.fault("the message is truncated"));
            }
        }
        Ok(())
    }

    fn end(&mut self) -> Result<(), Fault> {
        if self.at < self.bytes.len() {
            return Err(self.fault("bytes follow the message"));
        }
        Ok(())
    }

    fn moved_to(&self, at: usize) -> Self {
        Self {
            bytes: self.bytes,
            at,
        }
    }
}
