//! [`Value`]s to JSON, byte for byte as Python's `json.dumps` does: by default, or without blanks and escapes.

use std::io::Write;

use super::super::error::EncodeError;
use super::super::value::Value;

/// The layout of JSON.
#[derive(Clone, Copy)]
pub(super) struct Layout {
    comma: &'static [u8],
    colon: &'static [u8],
    /// True if characters beyond ASCII are escaped.
    is_ascii: bool,
    /// True if NaN and the infinities are words. Otherwise they cannot be written.
    has_words: bool,
}

impl Layout {
    /// The default of Python's `json`: that of the queue.
    pub(super) const QUEUE: Self = Self {
        comma: b", ",
        colon: b": ",
        is_ascii: true,
        has_words: true,
    };

    /// JSON of the web: without blanks, in UTF-8, and without words of Python.
    pub(super) const COMPACT: Self = Self {
        comma: b",",
        colon: b":",
        is_ascii: false,
        has_words: false,
    };
}

pub(super) fn write(
    value: &Value,
    out: &mut Vec<u8>,
    levels: usize,
    layout: Layout,
) -> Result<(), EncodeError> {
    match value {
        Value::Nil => out.extend_from_slice(b"null"),
        Value::Bool(true) => out.extend_from_slice(b"true"),
        Value::Bool(false) => out.extend_from_slice(b"false"),
        Value::Integer(value) => write_display(value, out),
        Value::Float(value) if !layout.has_words && !value.is_finite() => {
            return Err(EncodeError::new(format!(
                "{value} cannot be carried by JSON"
            )));
        }
        Value::Float(value) => write_float(*value, out),
        Value::Text(value) => write_text_in(value, out, layout.is_ascii),
        Value::List(list) => {
            let levels = levels.checked_sub(1).ok_or_else(EncodeError::too_deep)?;
            out.push(b'[');
            for (index, element) in list.iter().enumerate() {
                if index > 0 {
                    out.extend_from_slice(layout.comma);
                }
                write(element, out, levels, layout)?;
            }
            out.push(b']');
        }
        Value::Map(map) => {
            let levels = levels.checked_sub(1).ok_or_else(EncodeError::too_deep)?;
            out.push(b'{');
            for (index, (key, value)) in map.iter().enumerate() {
                if index > 0 {
                    out.extend_from_slice(layout.comma);
                }
                write_key(key, out, layout)?;
                out.extend_from_slice(layout.colon);
                write(value, out, levels, layout)?;
            }
            out.push(b'}');
        }
        Value::Bytes(_)
        | Value::DateTime(_)
        | Value::UtcDateTime(_)
        | Value::Date(_)
        | Value::Time(_)
        | Value::Decimal(_)
        | Value::Amount(_) => return Err(not_in_json(value, "")),
    }
    Ok(())
}

#[cold]
fn not_in_json(value: &Value, role: &str) -> EncodeError {
    EncodeError::new(format!(
        "{}{role} cannot be carried by JSON",
        value.kind_name()
    ))
}

/// A key is text; Python makes text of scalars too.
pub(super) fn write_key(key: &Value, out: &mut Vec<u8>, layout: Layout) -> Result<(), EncodeError> {
    match key {
        Value::Text(value) => write_text_in(value, out, layout.is_ascii),
        Value::Nil | Value::Bool(_) | Value::Integer(_) | Value::Float(_) => {
            out.push(b'"');
            write(key, out, 0, layout)?;
            out.push(b'"');
        }
        _ => return Err(not_in_json(key, " as a map's key")),
    }
    Ok(())
}

fn write_display(value: impl std::fmt::Display, out: &mut Vec<u8>) {
    // Writing to a vector cannot fail.
    let _ = write!(out, "{value}");
}

/// The shortest digits that read back as the same number, laid out as Python does: with an exponent of two digits or
/// more from 1e16 upwards and below 1e-4, else in full with at least one digit behind the point.
fn write_float(value: f64, out: &mut Vec<u8>) {
    if value.is_nan() {
        return out.extend_from_slice(b"NaN");
    }
    if value.is_infinite() {
        let text: &[u8] = if value > 0.0 {
            b"Infinity"
        } else {
            b"-Infinity"
        };
        return out.extend_from_slice(text);
    }
    let magnitude = value.abs();
    if magnitude == 0.0 || (1e-4..1e16).contains(&magnitude) {
        // `Debug` and not `Display`, which leaves out the `.0`.
        return write_display(format_args!("{value:?}"), out);
    }
    let text = format!("{value:e}");
    let (mantissa, exponent) = text.split_once('e').unwrap_or((&text, "0"));
    let (sign, digits) = match exponent.strip_prefix('-') {
        Some(digits) => ('-', digits),
        None => ('+', exponent),
    };
    write_display(format_args!("{mantissa}e{sign}{digits:0>2}"), out);
}

pub(crate) fn write_text(value: &str, out: &mut Vec<u8>) {
    write_text_in(value, out, true);
}

fn write_text_in(value: &str, out: &mut Vec<u8>, is_ascii: bool) {
    out.push(b'"');
    let mut rest = value;
    while let Some(at) = rest.find(|char| !is_plain(char, is_ascii)) {
        let (plain, special) = rest.split_at(at);
        out.extend_from_slice(plain.as_bytes());
        let mut chars = special.chars();
        if let Some(char) = chars.next() {
            write_escape(char, out);
        }
        rest = chars.as_str();
    }
    out.extend_from_slice(rest.as_bytes());
    out.push(b'"');
}

fn is_plain(char: char, is_ascii: bool) -> bool {
    let is_written = match is_ascii {
        true => matches!(char, ' '..='~'),
        // Python escapes control characters of ASCII, and leaves DEL as it is.
        false => char >= ' ',
    };
    is_written && char != '"' && char != '\\'
}

fn write_escape(char: char, out: &mut Vec<u8>) {
    let short = match char {
        '"' => b'"',
        '\\' => b'\\',
        '\n' => b'n',
        '\r' => b'r',
        '\t' => b't',
        '\u{8}' => b'b',
        '\u{c}' => b'f',
        _ => {
            for unit in char.encode_utf16(&mut [0; 2]) {
                write_display(format_args!("\\u{unit:04x}"), out);
            }
            return;
        }
    };
    out.extend_from_slice(&[b'\\', short]);
}
