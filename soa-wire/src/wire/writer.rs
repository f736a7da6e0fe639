//! A writer of envelopes in either encoding, which splices in bodies that are encoded already.

use rmp::encode;
use serde::ser;

use crate::codec::{EncodeError, Encoding, Value, json, msgpack};
use crate::message::Body;

/// Writes one message. Lists and maps are opened with their length and closed with [`close`](Self::close).
pub(super) struct Writer {
    encoding: Encoding,
    out: Vec<u8>,
    /// JSON: true if the next entry needs a comma before it.
    needs_comma: bool,
    /// JSON: the closing brackets of all open lists and maps.
    open: Vec<u8>,
}

impl Writer {
    pub(super) fn new(encoding: Encoding, out: Vec<u8>) -> Self {
        Self {
            encoding,
            out,
            needs_comma: false,
            open: Vec::new(),
        }
    }

    pub(super) fn finish(self) -> Vec<u8> {
        self.out
    }

    fn is_json(&self) -> bool {
        self.encoding == Encoding::Json
    }

    /// JSON: writes the separator before a value or a key.
    fn separate(&mut self) {
        if self.needs_comma {
            self.out.extend_from_slice(b", ");
        }
        self.needs_comma = true;
    }

    pub(super) fn map(&mut self, length: usize) {
        if self.is_json() {
            self.open_bracket(b'{', b'}');
        } else {
            match u8::try_from(length) {
                Ok(length @ ..16) => self.out.push(0x80 | length),
                _ => infallible(encode::write_map_len(&mut self.out, count(length))),
            }
        }
    }

    pub(super) fn list(&mut self, length: usize) {
        if self.is_json() {
            self.open_bracket(b'[', b']');
        } else {
            match u8::try_from(length) {
                Ok(length @ ..16) => self.out.push(0x90 | length),
                _ => infallible(encode::write_array_len(&mut self.out, count(length))),
            }
        }
    }

    fn open_bracket(&mut self, open: u8, close: u8) {
        self.separate();
        self.out.push(open);
        self.open.push(close);
        self.needs_comma = false;
    }

    pub(super) fn close(&mut self) {
        if let Some(bracket) = self.open.pop() {
            self.out.push(bracket);
            self.needs_comma = true;
        }
    }

    // In line, as the length of a literal is known then.
    #[inline]
    pub(super) fn key(&mut self, key: &str) {
        self.text(key);
        if self.is_json() {
            self.out.extend_from_slice(b": ");
            self.needs_comma = false;
        }
    }

    #[inline]
    pub(super) fn text(&mut self, text: &str) {
        if self.is_json() {
            self.separate();
            json::write_text(text, &mut self.out);
            return;
        }
        match u8::try_from(text.len()) {
            // Nearly all texts of an envelope are so short.
            Ok(length @ ..32) => {
                self.out.reserve(text.len() + 1);
                self.out.push(0xa0 | length);
                self.out.extend_from_slice(text.as_bytes());
            }
            _ => infallible(encode::write_str(&mut self.out, text)),
        }
    }

    pub(super) fn optional_text(&mut self, text: Option<&str>) {
        match text {
            Some(text) => self.text(text),
            None => self.nil(),
        }
    }

    pub(super) fn nil(&mut self) {
        if self.is_json() {
            self.raw(b"null");
        } else {
            infallible(encode::write_nil(&mut self.out));
        }
    }

    pub(super) fn boolean(&mut self, value: bool) {
        if self.is_json() {
            self.raw(if value { b"true" } else { b"false" });
        } else {
            infallible(encode::write_bool(&mut self.out, value));
        }
    }

    pub(super) fn integer(&mut self, number: i64) {
        if self.is_json() {
            self.raw(number.to_string().as_bytes());
        } else {
            infallible(encode::write_sint(&mut self.out, number));
        }
    }

    /// Splices in one value that is encoded already.
    pub(super) fn raw(&mut self, value: &[u8]) {
        if self.is_json() {
            self.separate();
        }
        self.out.extend_from_slice(value);
    }

    /// Splices in a body, which must be in the encoding of the message.
    pub(super) fn body(&mut self, body: &Body) -> Result<(), EncodeError> {
        if body.encoding() != self.encoding {
            return Err(ser::Error::custom(format!(
                "the body is encoded as {:?}, not {:?}",
                body.encoding(),
                self.encoding
            )));
        }
        let bytes = body.bytes().map_err(ser::Error::custom)?;
        self.raw(bytes);
        Ok(())
    }

    /// Splices in entries of a map that are encoded already.
    pub(super) fn raw_entries(&mut self, entries: &[u8]) {
        if !entries.is_empty() {
            self.raw(entries);
        }
    }

    /// Writes a key of any kind with its value.
    pub(super) fn pair(&mut self, key: &Value, value: &Value) -> Result<(), EncodeError> {
        if self.is_json() {
            self.separate();
            json::encode_pair(key, value, &mut self.out)
        } else {
            msgpack::encode_pair(key, value, &mut self.out)
        }
    }

    pub(super) fn value(&mut self, value: &Value) -> Result<(), EncodeError> {
        if self.is_json() {
            self.separate();
            json::encode_value(value, &mut self.out)
        } else {
            msgpack::encode_value(value, &mut self.out)
        }
    }
}

/// Takes the result of writing to a vector, which does not fail. `rmp` writes to anything.
fn infallible<T, E>(written: Result<T, E>) {
    debug_assert!(written.is_ok(), "writing to a vector does not fail");
}

/// A length in 32 bits. Greater lengths do not fit into memory here: each entry takes at least 24 bytes.
fn count(length: usize) -> u32 {
    u32::try_from(length).unwrap_or(u32::MAX)
}
