//! The cursor over JSON, with `NaN` and infinities, as Python writes it.

use std::borrow::Cow;

use super::cursor::{Cursor, Fault, Key};
use crate::codec::Kind;
use crate::codec::json::{NumberKind, Passed, ReadError, Reader, Token};

#[derive(Clone)]
pub(super) struct Json<'a>(Reader<'a>);

/// The position inside of a list or map that was entered.
#[derive(Clone, Copy, Debug)]
pub(super) struct Entries {
    is_started: bool,
    /// The closing bracket.
    close: u8,
}

impl<'a> Json<'a> {
    pub(super) fn new(bytes: &'a [u8]) -> Self {
        Self(Reader::new(bytes))
    }

    #[cold]
    fn fault(&self, error: ReadError) -> Fault {
        let mut at = self.0.offset();
        let what = match error {
            ReadError::ClosingQuote => "the message is truncated",
            ReadError::Value | ReadError::Separator { .. } if self.0.is_at_end() => {
                "the message is truncated"
            }
            ReadError::Value | ReadError::NumberWord => "not a JSON value",
            ReadError::Digit => "a number without digits",
            ReadError::Quote => "expected text",
            ReadError::ControlCharacter => "a control character within text",
            ReadError::Escape => "an unknown escape",
            ReadError::HexDigits => {
                // The place of the digit that is missing.
                let is_hex = |byte: &&u8| byte.is_ascii_hexdigit();
                at += self.0.rest().iter().take_while(is_hex).count();
                "an escape without four digits"
            }
            ReadError::Surrogate | ReadError::Utf8 => "text that is not UTF-8",
            ReadError::Colon => "a colon is missing",
            ReadError::Separator { .. } => "a comma or a closing bracket is missing",
        };
        Fault { at, what }
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

    /// Passes over a text.
    fn pass_text(&mut self) -> Result<Text<'a>, Fault> {
        self.0.skip_space();
        let start = self.0.clone();
        let mut passed = Passed::default();
        self.read(|reader| reader.text(&mut passed))?;
        let quoted = self.0.since(start.offset());
        Ok(Text {
            raw: quoted
                .get(1..quoted.len().saturating_sub(1))
                .unwrap_or_default(),
            start: passed.has_escapes.then_some(start),
        })
    }

    #[inline]
    fn skip_text(&mut self) -> Result<(), Fault> {
        self.read(|reader| reader.text(&mut Passed::default()))
    }
}

/// A text that was passed over.
struct Text<'a> {
    /// The bytes between the quotes.
    raw: &'a [u8],
    /// The place to read it again from, if there are escapes in it.
    start: Option<Reader<'a>>,
}

impl<'a> Text<'a> {
    /// The text; `None` if it is not UTF-8, or half of a surrogate pair is missing.
    fn read(self) -> Option<Cow<'a, str>> {
        match self.start {
            Some(mut start) => {
                let mut text = String::with_capacity(self.raw.len());
                start.text(&mut text).ok()?;
                Some(Cow::Owned(text))
            }
            None => std::str::from_utf8(self.raw).ok().map(Cow::Borrowed),
        }
    }

    /// The bytes of the text. If its escapes are invalid, the bytes as they were sent.
    fn into_bytes(self) -> Cow<'a, [u8]> {
        let raw = self.raw;
        if self.start.is_none() {
            return Cow::Borrowed(raw);
        }
        match self.read() {
            Some(text) => Cow::Owned(text.into_owned().into_bytes()),
            None => Cow::Borrowed(raw),
        }
    }
}

/// The open brackets: one bit a level, so that the deepest nesting that fits into a message costs an eighth of its
/// size.
#[derive(Default)]
struct Nesting {
    bits: Vec<u64>,
    depth: usize,
}

impl Nesting {
    fn open(&mut self, is_map: bool) {
        let (word, bit) = (self.depth / 64, self.depth % 64);
        if word == self.bits.len() {
            self.bits.push(0);
        }
        if let Some(word) = self.bits.get_mut(word) {
            *word = *word & !(1 << bit) | u64::from(is_map) << bit;
        }
        self.depth += 1;
    }

    fn close(&mut self) {
        self.depth = self.depth.saturating_sub(1);
    }

    /// True if the innermost bracket is a map's; `None` if no bracket is open.
    fn innermost(&self) -> Option<bool> {
        let index = self.depth.checked_sub(1)?;
        let word = self.bits.get(index / 64)?;
        Some(word >> (index % 64) & 1 == 1)
    }
}

impl<'a> Cursor<'a> for Json<'a> {
    type Entries = Entries;

    fn at(&self) -> usize {
        self.0.offset()
    }

    fn kind(&mut self) -> Result<Kind, Fault> {
        self.0.skip_space();
        self.read(Reader::kind)
    }

    fn enter(&mut self) -> Result<Entries, Fault> {
        self.0.skip_space();
        let close = match self.read(Reader::token)? {
            Token::Map => b'}',
            _ => b']',
        };
        Ok(Entries {
            is_started: false,
            close,
        })
    }

    fn more(&mut self, entries: &mut Entries) -> Result<bool, Fault> {
        let is_first = !entries.is_started;
        entries.is_started = true;
        self.read(|reader| reader.next_entry(is_first, entries.close))
    }

    fn key(&mut self) -> Result<Key<'a>, Fault> {
        let key = self.pass_text()?;
        self.read(Reader::colon)?;
        Ok(Key::Text(key.into_bytes()))
    }

    fn text(&mut self) -> Result<Option<Cow<'a, str>>, Fault> {
        Ok(self.pass_text()?.read())
    }

    fn raw_text(&mut self) -> Result<Cow<'a, [u8]>, Fault> {
        Ok(self.pass_text()?.into_bytes())
    }

    fn boolean(&mut self) -> Result<bool, Fault> {
        self.0.skip_space();
        Ok(self.read(Reader::token)? == Token::Bool(true))
    }

    fn integer(&mut self) -> Result<Option<i64>, Fault> {
        self.0.skip_space();
        let number = self.read(Reader::number)?;
        Ok(match number.kind {
            NumberKind::Integer => number.text().parse().ok(),
            NumberKind::Float | NumberKind::Word => None,
        })
    }

    fn number(&mut self) -> Result<f64, Fault> {
        self.0.skip_space();
        let number = self.read(Reader::number)?;
        // Rust's parser knows `NaN` and `Infinity` by these names, and every number of JSON.
        Ok(number.text().parse().unwrap_or(f64::NAN))
    }

    fn skip(&mut self) -> Result<(), Fault> {
        let mut nesting = Nesting::default();
        self.0.skip_space();
        loop {
            let token = self.read(Reader::token)?;
            let mut is_first = matches!(token, Token::List | Token::Map);
            if is_first {
                nesting.open(token == Token::Map);
            } else if token == Token::Text {
                self.skip_text()?;
            }
            // Goes to the next value: where a list or map ends, so may those around it.
            loop {
                let Some(is_map) = nesting.innermost() else {
                    return Ok(());
                };
                let close = if is_map { b'}' } else { b']' };
                if self.read(|reader| reader.next_entry(is_first, close))? {
                    if is_map {
                        self.skip_text()?;
                        self.read(Reader::colon)?;
                    }
                    break;
                }
                nesting.close();
                is_first = false;
            }
        }
    }

    fn end(&mut self) -> Result<(), Fault> {
        self.0.skip_space();
        if !self.0.is_at_end() {
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
