//! The reader of JSON, for the decoder and for the scanner of envelopes.
//!
//! The grammar is that of RFC 8259 with `NaN`, `Infinity` and `-Infinity`. A [`Reader`] is a slice of what has not been
//! read yet. It reads a value's first [`Token`], a text in parts, and what separates the entries of lists and maps; how
//! these follow one another, and how deep, is the business of the callers: the decoder builds a tree, the scanner
//! passes over everything without recursion.
//!
//! The bytes need not be UTF-8: a text with other bytes is an error only where its content is asked for. An error is one
//! small value without a message; the reader stands at its place, and each caller has words of its own.

use std::char;

use super::super::kind::Kind;

/// The beginning of a value.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) enum Token<'a> {
    Nil,
    Bool(bool),
    Number(Number<'a>),
    /// The reader stands before the quote.
    Text,
    /// The reader stands behind the bracket.
    List,
    /// The reader stands behind the bracket.
    Map,
}

/// A number, as the bytes of its text.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) struct Number<'a> {
    bytes: &'a [u8],
    pub(crate) kind: NumberKind,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum NumberKind {
    Integer,
    /// With a point or an exponent.
    Float,
    /// `NaN` or `Infinity`, with or without a sign. Python does not read `-NaN`, so a decoder has to refuse it.
    Word,
}

impl<'a> Number<'a> {
    pub(crate) fn text(self) -> &'a str {
        // Of a number only ASCII is read.
        std::str::from_utf8(self.bytes).unwrap_or_default()
    }
}

/// The reason why bytes are not JSON: mostly the name of what is expected at the place where the reader stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum ReadError {
    Value,
    /// The rest of a word behind a sign.
    NumberWord,
    Digit,
    /// The quote at the beginning of a text.
    Quote,
    /// The quote at the end of a text.
    ClosingQuote,
    /// A control character stands here, within text.
    ControlCharacter,
    Escape,
    HexDigits,
    /// Half a surrogate pair stands before this place.
    Surrogate,
    /// The text before this place is not UTF-8.
    Utf8,
    Colon,
    /// A comma, or this bracket.
    Separator {
        close: u8,
    },
}

type Result<T> = std::result::Result<T, ReadError>;

/// A receiver of the parts of a text.
pub(crate) trait TextSink {
    /// Takes a run of characters that stand for themselves, and its offset in the input.
    fn plain(&mut self, bytes: &[u8], offset: usize) -> Result<()>;

    /// Takes the UTF-16 unit that an escape stands for. The reader stands behind the escape.
    fn escape(&mut self, unit: u16, reader: &mut Reader<'_>) -> Result<()>;
}

/// The text, of input that may be other than UTF-8.
impl TextSink for String {
    fn plain(&mut self, bytes: &[u8], _: usize) -> Result<()> {
        let text = std::str::from_utf8(bytes).map_err(|_| ReadError::Utf8)?;
        self.push_str(text);
        Ok(())
    }

    fn escape(&mut self, unit: u16, reader: &mut Reader<'_>) -> Result<()> {
        self.push(reader.char(unit)?);
        Ok(())
    }
}

/// Passes over the text, and notes if it has escapes.
#[derive(Debug, Default)]
pub(crate) struct Passed {
    pub(crate) has_escapes: bool,
}

impl TextSink for Passed {
    fn plain(&mut self, _: &[u8], _: usize) -> Result<()> {
        Ok(())
    }

    fn escape(&mut self, _: u16, _: &mut Reader<'_>) -> Result<()> {
        self.has_escapes = true;
        Ok(())
    }
}

/// True for the bytes that do not stand for themselves within a text. A table, as texts are most of a message.
const SPECIAL: [bool; 256] = {
    let mut special = [false; 256];
    let mut byte = 0;
    while byte < 0x20 {
        special[byte] = true;
        byte += 1;
    }
    special[b'"' as usize] = true;
    special[b'\\' as usize] = true;
    special
};

#[derive(Debug, Clone)]
pub(crate) struct Reader<'a> {
    input: &'a [u8],
    /// The end of the input that has not been read yet.
    rest: &'a [u8],
}

impl<'a> Reader<'a> {
    pub(crate) fn new(input: &'a [u8]) -> Self {
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
    pub(crate) fn offset(&self) -> usize {
        self.input.len() - self.rest.len()
    }

    pub(crate) fn rest(&self) -> &'a [u8] {
        self.rest
    }

    pub(crate) fn is_at_end(&self) -> bool {
        self.rest.is_empty()
    }

    /// The input from an offset to what is read next.
    pub(crate) fn since(&self, start: usize) -> &'a [u8] {
        self.input.get(start..self.offset()).unwrap_or_default()
    }

    #[inline]
    fn peek(&self) -> Option<u8> {
        self.rest.first().copied()
    }

    #[inline]
    fn advance(&mut self, bytes: usize) -> &'a [u8] {
        let (passed, rest) = self
            .rest
            .split_at_checked(bytes)
            .unwrap_or((self.rest, &[]));
        self.rest = rest;
        passed
    }

    #[inline]
    fn eat(&mut self, byte: u8) -> bool {
        match self.rest.split_first() {
            Some((found, rest)) if *found == byte => {
                self.rest = rest;
                true
            }
            _ => false,
        }
    }

    fn eat_word(&mut self, word: &[u8]) -> bool {
        match self.rest.strip_prefix(word) {
            Some(rest) => {
                self.rest = rest;
                true
            }
            None => false,
        }
    }

    fn word(&mut self, word: &[u8]) -> Result<()> {
        if self.eat_word(word) {
            Ok(())
        } else {
            Err(ReadError::Value)
        }
    }

    #[inline]
    pub(crate) fn skip_space(&mut self) {
        while let Some((b' ' | b'\t' | b'\n' | b'\r', rest)) = self.rest.split_first() {
            self.rest = rest;
        }
    }

    /// Passes over any number of digits, and returns how many there were.
    pub(crate) fn skip_digits(&mut self) -> usize {
        let digits = self.rest.iter().take_while(|byte| byte.is_ascii_digit());
        let digits = digits.count();
        self.advance(digits);
        digits
    }

    fn digits(&mut self) -> Result<()> {
        match self.skip_digits() {
            0 => Err(ReadError::Digit),
            _ => Ok(()),
        }
    }

    /// Reads a whole scalar, or the beginning of anything else.
    #[inline]
    pub(crate) fn token(&mut self) -> Result<Token<'a>> {
        match self.peek() {
            Some(b'"') => Ok(Token::Text),
            Some(b'{') => {
                self.advance(1);
                Ok(Token::Map)
            }
            Some(b'[') => {
                self.advance(1);
                Ok(Token::List)
            }
            Some(b'-' | b'0'..=b'9' | b'N' | b'I') => self.number().map(Token::Number),
            Some(b'n') => self.word(b"null").map(|()| Token::Nil),
            Some(b't') => self.word(b"true").map(|()| Token::Bool(true)),
            Some(b'f') => self.word(b"false").map(|()| Token::Bool(false)),
            _ => Err(ReadError::Value),
        }
    }

    /// The kind of the next value. The reader moves only in case of an error, to the place of it.
    pub(crate) fn kind(&mut self) -> Result<Kind> {
        Ok(match self.peek() {
            Some(b'"') => Kind::Text,
            Some(b'{') => Kind::Map,
            Some(b'[') => Kind::List,
            Some(b'n') => Kind::Nil,
            Some(b't' | b'f') => Kind::Bool,
            Some(b'-' | b'0'..=b'9' | b'N' | b'I') => {
                let start = self.rest;
                let number = self.number()?;
                self.rest = start;
                match number.kind {
                    NumberKind::Integer => Kind::Integer,
                    NumberKind::Float | NumberKind::Word => Kind::Float,
                }
            }
            _ => return Err(ReadError::Value),
        })
    }

    /// Reads a number. Behind a leading zero it ends: what follows is no number any more.
    pub(crate) fn number(&mut self) -> Result<Number<'a>> {
        let start = self.clone();
        let has_sign = self.eat(b'-');
        match self.peek() {
            Some(first @ (b'N' | b'I')) => {
                let word: &[u8] = if first == b'N' { b"NaN" } else { b"Infinity" };
                if self.eat_word(word) {
                    return Ok(self.number_since(&start, NumberKind::Word));
                }
                return Err(if has_sign {
                    ReadError::NumberWord
                } else {
                    ReadError::Value
                });
            }
            Some(b'0') => {
                self.advance(1);
            }
            _ => self.digits()?,
        }
        let mut kind = NumberKind::Integer;
        if self.eat(b'.') {
            kind = NumberKind::Float;
            self.digits()?;
        }
        if let Some(b'e' | b'E') = self.peek() {
            kind = NumberKind::Float;
            self.advance(1);
            if let Some(b'+' | b'-') = self.peek() {
                self.advance(1);
            }
            self.digits()?;
        }
        Ok(self.number_since(&start, kind))
    }

    fn number_since(&self, start: &Self, kind: NumberKind) -> Number<'a> {
        let length = start.rest.len() - self.rest.len();
        let bytes = start.rest.get(..length).unwrap_or_default();
        Number { bytes, kind }
    }

    /// Reads a text, from its quote to its other quote.
    #[inline]
    pub(crate) fn text(&mut self, sink: &mut impl TextSink) -> Result<()> {
        if !self.eat(b'"') {
            return Err(ReadError::Quote);
        }
        loop {
            let is_special = |byte: &u8| SPECIAL[usize::from(*byte)]; // There is one for every byte.
            let plain = self.rest.iter().position(is_special);
            let start = self.offset();
            let plain = self.advance(plain.unwrap_or(self.rest.len()));
            sink.plain(plain, start)?;
            match self.peek() {
                Some(b'"') => {
                    self.advance(1);
                    return Ok(());
                }
                Some(b'\\') => {
                    self.advance(1);
                    let unit = self.escape()?;
                    sink.escape(unit, self)?;
                }
                Some(_) => return Err(ReadError::ControlCharacter),
                None => return Err(ReadError::ClosingQuote),
            }
        }
    }

    /// Reads an escape behind its backslash, as a unit of UTF-16.
    fn escape(&mut self) -> Result<u16> {
        let unit = match self.peek() {
            Some(byte @ (b'"' | b'\\' | b'/')) => byte,
            Some(b'b') => 0x08,
            Some(b'f') => 0x0c,
            Some(b'n') => b'\n',
            Some(b'r') => b'\r',
            Some(b't') => b'\t',
            Some(b'u') => {
                self.advance(1);
                return self.hex_digits();
            }
            _ => return Err(ReadError::Escape),
        };
        self.advance(1);
        Ok(u16::from(unit))
    }

    /// The character of an escape's unit, and of a second escape if the first is half of a surrogate pair.
    pub(crate) fn char(&mut self, unit: u16) -> Result<char> {
        let second = match unit {
            0xd800..=0xdbff if self.eat_word(b"\\u") => Some(self.hex_digits()?),
            _ => None,
        };
        let units = [unit, second.unwrap_or_default()];
        let used = units.into_iter().take(1 + usize::from(second.is_some()));
        let mut chars = char::decode_utf16(used);
        match (chars.next(), chars.next()) {
            (Some(Ok(char)), None) => Ok(char),
            _ => Err(ReadError::Surrogate),
        }
    }

    /// Reads four hexadecimal digits, or stays before them.
    fn hex_digits(&mut self) -> Result<u16> {
        let (digits, rest) = self.rest.split_at_checked(4).ok_or(ReadError::HexDigits)?;
        let mut unit = 0;
        for digit in digits {
            let digit = char::from(*digit).to_digit(16);
            let digit = digit.and_then(|digit| u16::try_from(digit).ok());
            unit = unit << 4 | digit.ok_or(ReadError::HexDigits)?;
        }
        self.rest = rest;
        Ok(unit)
    }

    /// Moves to the next entry of a list or a map. Returns false at the end of it, which is passed over.
    #[inline]
    pub(crate) fn next_entry(&mut self, is_first: bool, close: u8) -> Result<bool> {
        self.skip_space();
        if self.eat(close) {
            return Ok(false);
        }
        if !is_first {
            if !self.eat(b',') {
                return Err(ReadError::Separator { close });
            }
            self.skip_space();
        }
        Ok(true)
    }

    /// Moves from a key to its value.
    #[inline]
    pub(crate) fn colon(&mut self) -> Result<()> {
        self.skip_space();
        if !self.eat(b':') {
            return Err(ReadError::Colon);
        }
        self.skip_space();
        Ok(())
    }
}
