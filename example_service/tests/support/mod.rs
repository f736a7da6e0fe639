//! Messages captured from the reference (PySOA 1.4.9 over Redis), beside this file in `vectors/`.
//!
//! `NN_name.json` says what is in the `.bin` files: `decoded` is their content, with
//! `{"$ext": code, "hex": …}` for an extension type, `{"$bin": hex}` for bytes and
//! `{"$map": [[key, value], …]}` for a map with keys other than text, and `{"$counting": n}` for the
//! bytes 0, 1, …, 255, 0, … of length n.

use std::path::{Path, PathBuf};

use bytes::Bytes;
use soa::codec::{json, msgpack};
use soa::wire::FrameHead;
use soa::{Encoding, Map, Value};

/// One captured exchange.
pub(crate) struct Vector {
    pub(crate) name: String,
    pub(crate) requests: Vec<Message>,
    pub(crate) responses: Vec<Message>,
}

/// One captured message.
pub(crate) struct Message {
    pub(crate) file: String,
    pub(crate) frame: Bytes,
    /// `None` where the reference itself could not decode it, or where it is too large to be written down.
    pub(crate) decoded: Option<Value>,
    pub(crate) is_malformed: bool,
}

impl Message {
    pub(crate) fn payload(&self) -> &[u8] {
        &self.frame[FrameHead::read(&self.frame).unwrap().payload_start()..]
    }

    pub(crate) fn encoding(&self) -> Encoding {
        let head = FrameHead::read(&self.frame).unwrap();
        let content_type = head.content_type().and_then(Encoding::from_content_type);
        content_type.unwrap_or(Encoding::MessagePack)
    }

    /// The frame with an expiry that has not passed.
    pub(crate) fn unexpired(&self) -> Bytes {
        const KEY: &[u8] = b"\xaa__expiry__";
        let mut frame = self.frame.to_vec();
        if let Some(at) = find(&frame, KEY) {
            let value = at + KEY.len();
            if frame[value] == 0xcb {
                frame[value + 1..value + 9].copy_from_slice(&9e9_f64.to_be_bytes());
            } else if frame[value] == 0xce {
                frame[value + 1..value + 5].copy_from_slice(&u32::MAX.to_be_bytes());
            }
        } else if let Some(at) = find(&frame, b"\"__expiry__\": ") {
            // The first digit of the Unix seconds.
            frame[at + 14] = b'9';
        }
        frame.into()
    }
}

fn find(haystack: &[u8], needle: &[u8]) -> Option<usize> {
    haystack
        .windows(needle.len())
        .position(|window| window == needle)
}

pub(crate) fn decode(encoding: Encoding, payload: &[u8]) -> Result<Value, soa::codec::DecodeError> {
    match encoding {
        Encoding::Json => json::decode_value(payload),
        _ => msgpack::decode_value(payload),
    }
}

fn folder() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/vectors")
}

/// All captured exchanges, sorted by name.
pub(crate) fn all() -> Vec<Vector> {
    let mut names: Vec<String> = std::fs::read_dir(folder())
        .unwrap()
        .map(|entry| entry.unwrap().file_name().into_string().unwrap())
        .filter_map(|file| file.strip_suffix(".json").map(str::to_owned))
        .collect();
    names.sort();
    names.iter().map(|name| vector(name)).collect()
}

/// One captured exchange by its name.
pub(crate) fn vector(name: &str) -> Vector {
    let text = std::fs::read(folder().join(format!("{name}.json"))).unwrap();
    let description = json::decode_value(&text).unwrap();
    let messages = |side: &str| {
        let messages = description
            .get(side)
            .and_then(Value::as_list)
            .unwrap_or_default();
        messages.iter().map(message).collect()
    };
    Vector {
        name: name.to_owned(),
        requests: messages("request"),
        responses: messages("response"),
    }
}

fn message(description: &Value) -> Message {
    let file = description.get("file").and_then(Value::as_str).unwrap();
    let decoded = description.get("decoded").map(expected);
    Message {
        file: file.to_owned(),
        frame: std::fs::read(folder().join(file)).unwrap().into(),
        is_malformed: description.get("decoded_error").is_some(),
        decoded,
    }
}

/// The value that a description stands for.
fn expected(description: &Value) -> Value {
    match description {
        Value::List(items) => items.iter().map(expected).collect::<Vec<_>>().into(),
        Value::Map(map) => {
            if let Some(hex) = map.get("$bin").and_then(Value::as_str) {
                return Value::Bytes(unhex(hex).into());
            }
            if let Some(length) = map.get("$counting").and_then(Value::as_i64) {
                let bytes: Vec<u8> = (0..=255)
                    .cycle()
                    .take(usize::try_from(length).unwrap())
                    .collect();
                return Value::Bytes(bytes.into());
            }
            if let Some(code) = map.get("$ext").and_then(Value::as_i64) {
                let payload = unhex(map.get("hex").and_then(Value::as_str).unwrap());
                let mut bytes = vec![
                    0xc7,
                    u8::try_from(payload.len()).unwrap(),
                    u8::try_from(code).unwrap(),
                ];
                bytes.extend(payload);
                return msgpack::decode_value(&bytes).unwrap();
            }
            if let Some(pairs) = map.get("$map").and_then(Value::as_list) {
                let pairs = pairs.iter().map(|pair| {
                    let pair = pair.as_list().unwrap();
                    (expected(&pair[0]), expected(&pair[1]))
                });
                return pairs.collect::<Map>().into();
            }
            let entries = map
                .iter()
                .map(|(key, value)| (key.clone(), expected(value)));
            entries.collect::<Map>().into()
        }
        scalar => scalar.clone(),
    }
}

fn unhex(hex: &str) -> Vec<u8> {
    (0..hex.len())
        .step_by(2)
        .map(|at| u8::from_str_radix(&hex[at..at + 2], 16).unwrap())
        .collect()
}
