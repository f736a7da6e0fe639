//! Writes envelopes in either encoding, splicing in bodies that are encoded already.

use rmp::encode;

use crate::codec::{EncodeError, Encoding, Value, json, msgpack};

/// Writes one message. Lists and maps are opened with their length and closed with [`close`](Self::close).
pub(super) struct Writer {
    encoding: Encoding,
    out: Vec<u8>,
    /// JSON: whether what comes next has something before it in its list or map.
    needs_comma: bool,
    /// JSON: the closing brackets of what is open.
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

    /// JSON: what has to stand before a value or a key.
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
            sure(encode::write_map_len(&mut self.out, count(length)));
        }
    }

    pub(super) fn list(&mut self, length: usize) {
        if self.is_json() {
            self.open_bracket(b'[', b']');
        } else {
            sure(encode::write_array_len(&mut self.out, count(length)));
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

    pub(super) fn key(&mut self, key: &str) {
        self.text(key);
        if self.is_json() {
            self.out.extend_from_slice(b": ");
            self.needs_comma = false;
        }
    }

    pub(super) fn text(&mut self, text: &str) {
        if self.is_json() {
            self.separate();
            json::write_text(text, &mut self.out);
        } else {
            sure(encode::write_str(&mut self.out, text));
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
            sure(encode::write_nil(&mut self.out));
        }
    }

    pub(super) fn boolean(&mut self, value: bool) {
        if self.is_json() {
            self.raw(if value { b"true" } else { b"false" });
        } else {
            sure(encode::write_bool(&mut self.out, value));
        }
    }

    pub(super) fn integer(&mut self, number: i64) {
        if self.is_json() {
            self.raw(number.to_string().as_bytes());
        } else {
            sure(encode::write_sint(&mut self.out, number));
        }
    }

    /// Splices in one value that is encoded already.
    pub(super) fn raw(&mut self, value: &[u8]) {
        if self.is_json() {
            self.separate();
        }
        self.out.extend_from_slice(value);
    }

    /// Splices in `count` entries of a map that are encoded already.
    pub(super) fn raw_entries(&mut self, entries: &[u8]) {
        if !entries.is_empty() {
            self.raw(entries);
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

/// Writing to a vector does not fail; `rmp` writes to anything.
fn sure<T, E>(written: Result<T, E>) {
    debug_assert!(written.is_ok(), "writing to a vector does not fail");
}

/// A length as MessagePack has it. Longer ones than it can say do not fit into memory here: each entry is at
/// least 24 bytes.
fn count(length: usize) -> u32 {
    u32::try_from(length).unwrap_or(u32::MAX)
}
