//! The cursor over JSON, with `NaN` and infinities, as Python writes it.

use std::borrow::Cow;

use super::cursor::{Cursor, Entries, Fault, Key, Kind};

#[derive(Clone)]
pub(super) struct Json<'a> {
    bytes: &'a [u8],
    at: usize,
}

impl<'a> Json<'a> {
    pub(super) fn new(bytes: &'a [u8]) -> Self {
        Self { bytes, at: 0 }
    }

    fn fault(&self, what: &'static str) -> Fault {
        Fault { at: self.at, what }
    }

    fn peek(&self) -> Option<u8> {
        self.bytes.get(self.at).copied()
    }

    fn space(&mut self) {
        while let Some(b' ' | b'\t' | b'\n' | b'\r') = self.peek() {
            self.at += 1;
        }
    }

    fn expect(&mut self, byte: u8, what: &'static str) -> Result<(), Fault> {
        self.space();
        if self.peek() != Some(byte) {
            return Err(self.fault(what));
        }
        self.at += 1;
        Ok(())
    }

    fn word(&mut self, word: &'static [u8]) -> Result<(), Fault> {
        let rest = self.bytes.get(self.at..).unwrap_or_default();
        if !rest.starts_with(word) {
            return Err(self.fault("not a JSON value"));
        }
        self.at += word.len();
        Ok(())
    }

    fn digits(&mut self) -> Result<(), Fault> {
        let start = self.at;
        while self.peek().is_some_and(|byte| byte.is_ascii_digit()) {
            self.at += 1;
        }
        if self.at == start {
            return Err(self.fault("a number without digits"));
        }
        Ok(())
    }

    /// Passes over a number and says whether it is a whole one.
    fn pass_number(&mut self) -> Result<bool, Fault> {
        if self.peek() == Some(b'-') {
            self.at += 1;
        }
        match self.peek() {
            Some(b'I') => return self.word(b"Infinity").map(|()| false),
            Some(b'N') => return self.word(b"NaN").map(|()| false),
            Some(b'0') => self.at += 1,
            _ => self.digits()?,
        }
        let mut is_whole = true;
        if self.peek() == Some(b'.') {
            is_whole = false;
            self.at += 1;
            self.digits()?;
        }
        if let Some(b'e' | b'E') = self.peek() {
            is_whole = false;
            self.at += 1;
            if let Some(b'+' | b'-') = self.peek() {
                self.at += 1;
            }
            self.digits()?;
        }
        Ok(is_whole)
    }

    /// Passes over a text and gives the bytes between its quotes, and whether there are escapes in it.
    fn pass_text(&mut self) -> Result<(&'a [u8], bool), Fault> {
        self.expect(b'"', "a text is expected")?;
        let start = self.at;
        let mut has_escapes = false;
        loop {
            match self.peek() {
                None => return Err(self.fault("the message is truncated")),
                Some(b'"') => break,
                Some(0..=0x1f) => return Err(self.fault("a control character in a text")),
                Some(b'\\') => {
                    has_escapes = true;
                    self.at += 1;
                    match self.peek() {
                        Some(b'"' | b'\\' | b'/' | b'b' | b'f' | b'n' | b'r' | b't') => {
                            self.at += 1;
                        }
                        Some(b'u') => {
                            self.at += 1;
                            for _ in 0..4 {
                                if !self.peek().is_some_and(|byte| byte.is_ascii_hexdigit()) {
                                    return Err(self.fault("an escape without four digits"));
                                }
                                self.at += 1;
                            }
                        }
                        _ => return Err(self.fault("an unknown escape")),
                    }
                }
                Some(_) => self.at += 1,
            }
        }
        let raw = self.bytes.get(start..self.at).unwrap_or_default();
        self.at += 1;
        Ok((raw, has_escapes))
    }

    fn pass_scalar(&mut self, kind: Kind) -> Result<(), Fault> {
        match kind {
            Kind::Nil => self.word(b"null"),
            Kind::Bool if self.peek() == Some(b't') => self.word(b"true"),
            Kind::Bool => self.word(b"false"),
            Kind::Text => self.pass_text().map(drop),
            _ => self.pass_number().map(drop),
        }
    }
}

/// Which brackets are open: one bit a level, so that the deepest nesting that fits into a message costs an
/// eighth of its size.
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

    /// Whether the innermost bracket is a map's; `None` when none is open.
    fn innermost(&self) -> Option<bool> {
        let index = self.depth.checked_sub(1)?;
        let word = self.bits.get(index / 64)?;
        Some(word >> (index % 64) & 1 == 1)
    }
}

impl<'a> Cursor<'a> for Json<'a> {
    fn at(&self) -> usize {
        self.at
    }

    fn kind(&mut self) -> Result<Kind, Fault> {
        self.space();
        Ok(match self.peek() {
            None => return Err(self.fault("the message is truncated")),
            Some(b'n') => Kind::Nil,
            Some(b't' | b'f') => Kind::Bool,
            Some(b'"') => Kind::Text,
            Some(b'[') => Kind::List,
            Some(b'{') => Kind::Map,
            Some(b'-' | b'0'..=b'9' | b'N' | b'I') => {
                let mut ahead = self.clone();
                if ahead.pass_number()? {
                    Kind::Integer
                } else {
                    Kind::Float
                }
            }
            Some(_) => return Err(self.fault("not a JSON value")),
        })
    }

    fn enter(&mut self) -> Result<Entries, Fault> {
        self.space();
        self.at += 1;
        Ok(Entries {
            left: 0,
            is_started: false,
        })
    }

    fn more(&mut self, entries: &mut Entries) -> Result<bool, Fault> {
        self.space();
        match self.peek() {
            Some(b']' | b'}') => {
                // Which of the two it must be, `skip` has checked: envelopes are skipped over first.
                self.at += 1;
                return Ok(false);
            }
            Some(b',') if entries.is_started => {
                self.at += 1;
                self.space();
                if let Some(b']' | b'}') = self.peek() {
                    return Err(self.fault("a comma without a value"));
                }
            }
            Some(_) if entries.is_started => return Err(self.fault("a comma is missing")),
            Some(_) => {}
            None => return Err(self.fault("the message is truncated")),
        }
        entries.is_started = true;
        Ok(true)
    }

    fn key(&mut self) -> Result<Key<'a>, Fault> {
        let (raw, has_escapes) = self.pass_text()?;
        self.expect(b':', "a colon is missing")?;
        self.space();
        Ok(Key::Text(unescaped(raw, has_escapes)))
    }

    fn text(&mut self) -> Result<Option<Cow<'a, str>>, Fault> {
        let (raw, has_escapes) = self.pass_text()?;
        let Ok(text) = std::str::from_utf8(raw) else {
            return Ok(None);
        };
        if has_escapes {
            Ok(unescape(text).map(Cow::Owned))
        } else {
            Ok(Some(Cow::Borrowed(text)))
        }
    }

    fn raw_text(&mut self) -> Result<Cow<'a, [u8]>, Fault> {
        let (raw, has_escapes) = self.pass_text()?;
        Ok(unescaped(raw, has_escapes))
    }

    fn boolean(&mut self) -> Result<bool, Fault> {
        self.space();
        let is_true = self.peek() == Some(b't');
        self.pass_scalar(Kind::Bool)?;
        Ok(is_true)
    }

    fn integer(&mut self) -> Result<Option<i64>, Fault> {
        self.space();
        let start = self.at;
        self.pass_number()?;
        let raw = self.bytes.get(start..self.at).unwrap_or_default();
        Ok(std::str::from_utf8(raw)
            .ok()
            .and_then(|text| text.parse().ok()))
    }

    fn number(&mut self) -> Result<f64, Fault> {
        self.space();
        let start = self.at;
        self.pass_number()?;
        let raw = self.bytes.get(start..self.at).unwrap_or_default();
        // Rust's parser knows `NaN` and `Infinity` by these names.
        let number = std::str::from_utf8(raw)
            .ok()
            .and_then(|text| text.parse().ok());
        number.ok_or_else(|| self.fault("not a number"))
    }

    fn skip(&mut self) -> Result<(), Fault> {
        let mut nesting = Nesting::default();
        loop {
            match self.kind()? {
                kind @ (Kind::List | Kind::Map) => {
                    self.at += 1;
                    let is_map = kind == Kind::Map;
                    self.space();
                    if self.peek() == Some(if is_map { b'}' } else { b']' }) {
                        self.at += 1;
                    } else {
                        nesting.open(is_map);
                        if is_map {
                            self.pass_text()?;
                            self.expect(b':', "a colon is missing")?;
                        }
                        continue;
                    }
                }
                kind => self.pass_scalar(kind)?,
            }
            // A value ended: so may the lists and maps around it.
            loop {
                let Some(is_map) = nesting.innermost() else {
                    return Ok(());
                };
                self.space();
                match self.peek() {
                    Some(b',') => {
                        self.at += 1;
                        if is_map {
                            self.pass_text()?;
                            self.expect(b':', "a colon is missing")?;
                        }
                        break;
                    }
                    Some(b'}') if is_map => self.at += 1,
                    Some(b']') if !is_map => self.at += 1,
                    None => return Err(self.fault("the message is truncated")),
                    Some(_) => return Err(self.fault("a comma or a closing bracket is missing")),
                }
                nesting.close();
            }
        }
    }

    fn end(&mut self) -> Result<(), Fault> {
        self.space();
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

/// The bytes of a text; as they stand where its escapes make no sense.
fn unescaped(raw: &[u8], has_escapes: bool) -> Cow<'_, [u8]> {
    let text = std::str::from_utf8(raw).ok().filter(|_| has_escapes);
    match text.and_then(unescape) {
        Some(text) => Cow::Owned(text.into_bytes()),
        None => Cow::Borrowed(raw),
    }
}

/// The text that a JSON text with escapes stands for; `None` where half of a surrogate pair is missing.
fn unescape(text: &str) -> Option<String> {
    let quoted = format!("\"{text}\"");
    serde_json::from_str(&quoted).ok()
}
