//! Escapes in paths.

use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};
use soa_wire::Value;
use soa_wire::text::{self, Plain};

/// Everything but the characters that RFC 3986 calls unreserved.
const RESERVED: &AsciiSet = &NON_ALPHANUMERIC
    .remove(b'-')
    .remove(b'.')
    .remove(b'_')
    .remove(b'~');

/// Returns the text of a value in a path, a query or a header; `None` for nil.
pub(crate) fn text_of(value: &Value) -> Option<String> {
    match Plain::of(value).into_value() {
        Value::Nil => None,
        Value::Text(text) => Some(text),
        value => Some(text::write(&value)),
    }
}

/// Writes a value as one segment of a path.
pub(crate) fn escaped(text: &str) -> String {
    utf8_percent_encode(text, RESERVED).to_string()
}
