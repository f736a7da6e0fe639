//! JSON to [`Value`]s.
//!
//! A number with a point or an exponent is a float, any other an integer. Text for people keeps all digits: there it is a
//! decimal, which JSON has no other use for. The input is checked to be UTF-8 as a whole, first. Recursion ends at the
//! depth limit.

use super::super::error::{DecodeError, DecodeErrorKind};
use super::super::integer::Integer;
use super::super::limit::MAX_DEPTH;
use super::super::types::Decimal;
use super::super::value::{Map, Value};
use super::read::{Number, NumberKind, ReadError, Reader, TextSink, Token};

type Result<T> = std::result::Result<T, DecodeError>;

/// The value that a number with a point or an exponent becomes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Fractions {
    Floats,
    /// Decimals, except for NaN, the infinities, and exponents that no decimal has.
    Decimals,
}

pub(super) fn parse(input: &[u8], fractions: Fractions) -> Result<Value> {
    let text = match std::str::from_utf8(input) {
        Ok(text) => text,
        Err(error) => return Err(not_utf8().at(error.valid_up_to())),
    };
    let mut parser = Parser {
        input: text,
        reader: Reader::new(input),
        fractions,
    };
    parser.reader.skip_space();
    let value = parser.value(MAX_DEPTH)?;
    parser.reader.skip_space();
    if parser.reader.is_at_end() {
        Ok(value)
    } else {
        let error = DecodeError::new(DecodeErrorKind::TrailingBytes, "something after the value");
        Err(error.at(parser.reader.offset()))
    }
}

#[cold]
fn not_utf8() -> DecodeError {
    DecodeError::new(DecodeErrorKind::InvalidUtf8, "text that is not UTF-8")
}

#[cold]
fn syntax(message: &'static str) -> DecodeError {
    DecodeError::new(DecodeErrorKind::Syntax, message)
}

/// The error for input that ends here, or goes on otherwise than the grammar wants.
#[cold]
fn expected(reader: &Reader<'_>, what: &'static str) -> DecodeError {
    let (kind, found) = if reader.is_at_end() {
        (DecodeErrorKind::Truncated, "unexpected end of input")
    } else {
        (DecodeErrorKind::Syntax, "invalid JSON")
    };
    DecodeError::new(kind, format!("{found}, expected {what}"))
}

/// The number of entries that a list or map has room for at first. As much as a vector takes by itself, but at once.
const FIRST_ENTRIES: usize = 4;

struct Parser<'a> {
    /// The whole input: UTF-8, so that its texts need not be checked one by one.
    input: &'a str,
    reader: Reader<'a>,
    fractions: Fractions,
}

/// A text that is put together out of checked input.
struct Text<'a> {
    input: &'a str,
    text: String,
}

impl TextSink for Text<'_> {
    fn plain(&mut self, bytes: &[u8], offset: usize) -> std::result::Result<(), ReadError> {
        // Between two bytes of ASCII, so at boundaries.
        let plain = self.input.get(offset..offset + bytes.len());
        let plain = plain.unwrap_or_default();
        match self.text.is_empty() {
            // Mostly this is the whole text.
            true => self.text = plain.to_owned(),
            false => self.text.push_str(plain),
        }
        Ok(())
    }

    fn escape(&mut self, unit: u16, reader: &mut Reader<'_>) -> std::result::Result<(), ReadError> {
        self.text.push(reader.char(unit)?);
        Ok(())
    }
}

impl Parser<'_> {
    #[cold]
    fn error(&self, error: ReadError) -> DecodeError {
        let expected = |what| expected(&self.reader, what);
        let error = match error {
            ReadError::Value => expected("a value"),
            ReadError::NumberWord | ReadError::Digit => expected("a digit"),
            ReadError::Quote => expected("a key in quotes"),
            ReadError::ClosingQuote => expected("`\"`"),
            ReadError::ControlCharacter => syntax("invalid JSON: a control character within text"),
            ReadError::Escape => expected("an escape"),
            ReadError::HexDigits => expected("four hexadecimal digits"),
            ReadError::Surrogate => DecodeError::new(
                DecodeErrorKind::InvalidUtf8,
                "half a surrogate pair in an escape",
            ),
            ReadError::Utf8 => not_utf8(),
            ReadError::Colon => expected("`:`"),
            ReadError::Separator { close: b']' } => expected("`,` or `]`"),
            ReadError::Separator { .. } => expected("`,` or `}`"),
        };
        error.at(self.reader.offset())
    }

    fn value(&mut self, levels: usize) -> Result<Value> {
        let start = self.reader.offset();
        match self.reader.token() {
            Ok(Token::Nil) => Ok(Value::Nil),
            Ok(Token::Bool(value)) => Ok(Value::Bool(value)),
            Ok(Token::Number(number)) => self.number(number),
            Ok(Token::Text) => self.text().map(Value::Text),
            Ok(Token::List) => self.list(descend(levels, start)?).map(Value::List),
            Ok(Token::Map) => self.map(descend(levels, start)?).map(Value::Map),
            Err(error) => Err(self.error(error)),
        }
    }

    fn next_entry(&mut self, is_first: bool, close: u8) -> Result<bool> {
        let next = self.reader.next_entry(is_first, close);
        next.map_err(|error| self.error(error))
    }

    fn list(&mut self, levels: usize) -> Result<Vec<Value>> {
        let mut list = Vec::new();
        while self.next_entry(list.is_empty(), b']')? {
            if list.is_empty() {
                list = Vec::with_capacity(FIRST_ENTRIES);
            }
            list.push(self.value(levels)?);
        }
        Ok(list)
    }

    fn map(&mut self, levels: usize) -> Result<Map> {
        let mut map = Map::new();
        while self.next_entry(map.is_empty(), b'}')? {
            if map.is_empty() {
                map = Map::with_capacity(FIRST_ENTRIES);
            }
            let key = self.text()?;
            self.reader.colon().map_err(|error| self.error(error))?;
            map.push(key, self.value(levels)?);
        }
        Ok(map)
    }

    fn text(&mut self) -> Result<String> {
        let mut sink = Text {
            input: self.input,
            text: String::new(),
        };
        match self.reader.text(&mut sink) {
            Ok(()) => Ok(sink.text),
            Err(error) => Err(self.error(error)),
        }
    }

    fn number(&mut self, number: Number<'_>) -> Result<Value> {
        let text = number.text();
        let value = match number.kind {
            NumberKind::Integer if matches!(text, "0" | "-0") && self.reader.skip_digits() > 0 => {
                return Err(syntax("invalid JSON: a leading zero").at(self.reader.offset()));
            }
            NumberKind::Integer => Integer::from_digits(text).map(Value::Integer),
            NumberKind::Word if text == "-NaN" => {
                self.reader = self.reader.moved_to(self.reader.offset() - "NaN".len());
                return Err(self.error(ReadError::Digit));
            }
            NumberKind::Float
                if self.fractions == Fractions::Decimals && Decimal::accepts(text) =>
            {
                Some(Value::Decimal(Decimal::from_checked(text)))
            }
            // Rust's parser knows the words by these names.
            NumberKind::Float | NumberKind::Word => text.parse().ok().map(Value::Float),
        };
        value.ok_or_else(|| syntax("invalid JSON: a malformed number").at(self.reader.offset()))
    }
}

fn descend(levels: usize, offset: usize) -> Result<usize> {
    levels
        .checked_sub(1)
        .ok_or_else(|| DecodeError::too_deep().at(offset))
}
