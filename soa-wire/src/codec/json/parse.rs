//! JSON to [`Value`]s.
//!
//! The grammar is that of RFC 8259 with `NaN`, `Infinity` and `-Infinity`. A number with a point or an exponent is a
//! float, any other an integer. The input is checked to be UTF-8 as a whole, first; so a run of plain characters between
//! two quotes is text as it stands. Recursion ends at the depth limit.

use super::super::MAX_DEPTH;
use super::super::error::{DecodeError, DecodeErrorKind};
use super::super::integer::Integer;
use super::super::map::Map;
use super::super::value::Value;

type Result<T> = std::result::Result<T, DecodeError>;

pub(super) fn parse(input: &[u8]) -> Result<Value> {
    let text = std::str::from_utf8(input).map_err(|error| {
        DecodeError::new(DecodeErrorKind::InvalidUtf8, "text that is not UTF-8")
            .at(error.valid_up_to())
    })?;
    let mut parser = Parser {
        rest: text,
        length: text.len(),
    };
    parser.skip_space();
    let value = parser.value(MAX_DEPTH)?;
    parser.skip_space();
    if parser.rest.is_empty() {
        Ok(value)
    } else {
        Err(parser.error(DecodeErrorKind::TrailingBytes, "something after the value"))
    }
}

struct Parser<'a> {
    rest: &'a str,
    length: usize,
}

impl<'a> Parser<'a> {
    #[cold]
    fn error(&self, kind: DecodeErrorKind, message: &'static str) -> DecodeError {
        DecodeError::new(kind, message).at(self.length - self.rest.len())
    }

    /// The error for what is not as the grammar wants it: the input ends here, or goes on otherwise.
    #[cold]
    fn expected(&self, what: &'static str) -> DecodeError {
        let kind = if self.rest.is_empty() {
            DecodeErrorKind::Truncated
        } else {
            DecodeErrorKind::Syntax
        };
        let found = if self.rest.is_empty() {
            "unexpected end of input"
        } else {
            "invalid JSON"
        };
        DecodeError::new(kind, format!("{found}, expected {what}"))
            .at(self.length - self.rest.len())
    }

    fn peek(&self) -> Option<u8> {
        self.rest.as_bytes().first().copied()
    }

    /// Passes over so many bytes, which are ASCII.
    fn advance(&mut self, bytes: usize) -> &'a str {
        // At a boundary that is none, which ASCII rules out, everything would be passed over.
        let (passed, rest) = self.rest.split_at_checked(bytes).unwrap_or((self.rest, ""));
        self.rest = rest;
        passed
    }

    fn eat(&mut self, byte: u8) -> bool {
        let found = self.peek() == Some(byte);
        if found {
            self.advance(1);
        }
        found
    }

    fn eat_word(&mut self, word: &str) -> bool {
        match self.rest.strip_prefix(word) {
            Some(rest) => {
                self.rest = rest;
                true
            }
            None => false,
        }
    }

    fn skip_space(&mut self) {
        self.rest = self.rest.trim_start_matches([' ', '\t', '\n', '\r']);
    }

    fn value(&mut self, levels: usize) -> Result<Value> {
        match self.peek() {
            Some(b'"') => self.text().map(Value::Text),
            Some(b'{') => self.map(levels).map(Value::Map),
            Some(b'[') => self.list(levels).map(Value::List),
            Some(b'-' | b'0'..=b'9') => self.number(),
            Some(b'n') if self.eat_word("null") => Ok(Value::Nil),
            Some(b't') if self.eat_word("true") => Ok(Value::Bool(true)),
            Some(b'f') if self.eat_word("false") => Ok(Value::Bool(false)),
            Some(b'N') if self.eat_word("NaN") => Ok(Value::Float(f64::NAN)),
            Some(b'I') if self.eat_word("Infinity") => Ok(Value::Float(f64::INFINITY)),
            _ => Err(self.expected("a value")),
        }
    }

    fn descend(&self, levels: usize) -> Result<usize> {
        levels
            .checked_sub(1)
            .ok_or_else(|| DecodeError::too_deep().at(self.length - self.rest.len()))
    }

    fn list(&mut self, levels: usize) -> Result<Vec<Value>> {
        let levels = self.descend(levels)?;
        self.advance(1);
        let mut list = Vec::new();
        self.skip_space();
        if self.eat(b']') {
            return Ok(list);
        }
        loop {
            list.push(self.value(levels)?);
            self.skip_space();
            if self.eat(b']') {
                return Ok(list);
            }
            if !self.eat(b',') {
                return Err(self.expected("`,` or `]`"));
            }
            self.skip_space();
        }
    }

    fn map(&mut self, levels: usize) -> Result<Map> {
        let levels = self.descend(levels)?;
        self.advance(1);
        let mut map = Map::new();
        self.skip_space();
        if self.eat(b'}') {
            return Ok(map);
        }
        loop {
            if self.peek() != Some(b'"') {
                return Err(self.expected("a key in quotes"));
            }
            let key = self.text()?;
            self.skip_space();
            if !self.eat(b':') {
                return Err(self.expected("`:`"));
            }
            self.skip_space();
            map.push(key, self.value(levels)?);
            self.skip_space();
            if self.eat(b'}') {
                return Ok(map);
            }
            if !self.eat(b',') {
                return Err(self.expected("`,` or `}`"));
            }
            self.skip_space();
        }
    }

    fn number(&mut self) -> Result<Value> {
        let start = self.rest;
        let negative = self.eat(b'-');
        if negative && self.eat_word("Infinity") {
            return Ok(Value::Float(f64::NEG_INFINITY));
        }
        let leading_zero = self.peek() == Some(b'0');
        if self.digits()? > 1 && leading_zero {
            return Err(self.error(DecodeErrorKind::Syntax, "invalid JSON: a leading zero"));
        }
        let mut float = false;
        if self.eat(b'.') {
            float = true;
            self.digits()?;
        }
        if self.eat(b'e') || self.eat(b'E') {
            float = true;
            if !self.eat(b'-') {
                self.eat(b'+');
            }
            self.digits()?;
        }
        let (text, _) = start
            .split_at_checked(start.len() - self.rest.len())
            .unwrap_or_default();
        let value = if float {
            text.parse().ok().map(Value::Float)
        } else {
            Integer::from_digits(text).map(Value::Integer)
        };
        value.ok_or_else(|| self.error(DecodeErrorKind::Syntax, "invalid JSON: a malformed number"))
    }

    /// Passes over one digit or more, and says over how many.
    fn digits(&mut self) -> Result<usize> {
        let digits = self
            .rest
            .bytes()
            .take_while(|byte| byte.is_ascii_digit())
            .count();
        if digits == 0 {
            return Err(self.expected("a digit"));
        }
        self.advance(digits);
        Ok(digits)
    }

    fn text(&mut self) -> Result<String> {
        self.advance(1);
        let mut text = String::new();
        loop {
            let plain = self
                .rest
                .bytes()
                .take_while(|byte| !matches!(byte, b'"' | b'\\' | 0..=0x1f))
                .count();
            // Stops before an ASCII byte or at the end, so always at a boundary.
            text.push_str(self.advance(plain));
            match self.peek() {
                Some(b'"') => {
                    self.advance(1);
                    return Ok(text);
                }
                Some(b'\\') => {
                    self.advance(1);
                    text.push(self.escape()?);
                }
                Some(_) => {
                    return Err(self.error(
                        DecodeErrorKind::Syntax,
                        "invalid JSON: a control character within text",
                    ));
                }
                None => return Err(self.expected("`\"`")),
            }
        }
    }

    fn escape(&mut self) -> Result<char> {
        let char = match self.peek() {
            Some(b'"') => '"',
            Some(b'\\') => '\\',
            Some(b'/') => '/',
            Some(b'b') => '\u{8}',
            Some(b'f') => '\u{c}',
            Some(b'n') => '\n',
            Some(b'r') => '\r',
            Some(b't') => '\t',
            Some(b'u') => {
                self.advance(1);
                return self.unicode();
            }
            _ => return Err(self.expected("an escape")),
        };
        self.advance(1);
        Ok(char)
    }

    fn unicode(&mut self) -> Result<char> {
        let first = self.unit()?;
        let second = match first {
            0xd800..=0xdbff if self.eat_word("\\u") => Some(self.unit()?),
            _ => None,
        };
        let units = [first, second.unwrap_or_default()];
        let used = units.into_iter().take(1 + usize::from(second.is_some()));
        let mut chars = char::decode_utf16(used);
        match (chars.next(), chars.next()) {
            (Some(Ok(char)), None) => Ok(char),
            _ => Err(self.error(
                DecodeErrorKind::InvalidUtf8,
                "half a surrogate pair in an escape",
            )),
        }
    }

    /// Four hexadecimal digits.
    fn unit(&mut self) -> Result<u16> {
        match self.rest.split_at_checked(4) {
            Some((digits, rest)) if digits.bytes().all(|byte| byte.is_ascii_hexdigit()) => {
                self.rest = rest;
                u16::from_str_radix(digits, 16)
                    .map_err(|_| self.expected("four hexadecimal digits"))
            }
            _ => Err(self.expected("four hexadecimal digits")),
        }
    }
}
