//! The agreement of the scanner and the decoder, which share their readers, and of what is written with its maps.

use std::time::Duration;

use proptest::prelude::*;

use super::cursor::{Cursor, Fault};
use super::frame::ProtocolVersion;
use super::json::Json;
use super::msgpack::MessagePack;
use super::request::write_request;
use crate::codec::{Encoding, Map, Value, json, msgpack};
use crate::message::{ContextHeader, Control, JobRequest};
use crate::value;

fn scan<'a>(mut cursor: impl Cursor<'a>) -> Result<(), Fault> {
    cursor.skip()?;
    cursor.end()
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(2000))]

    #[test]
    fn the_scanner_passes_over_all_messagepack_that_is_decoded(
        bytes in prop::collection::vec(
            prop_oneof![any::<u8>(), 0x80_u8..0xa8, Just(0xc0_u8), Just(0xd9_u8), Just(0xdc_u8)],
            0..24,
        ),
    ) {
        if msgpack::decode_value(&bytes).is_ok() {
            prop_assert_eq!(scan(MessagePack::new(&bytes)), Ok(()));
        }
    }

    #[test]
    fn the_scanner_passes_over_all_json_that_is_decoded(
        text in r#"([\[\]{}:, ]|"[a-z\\"]{0,3}"|-?[0-9.e+-]{1,4}|null|true|NaN|-?Infinity|"a": ?){0,8}"#,
    ) {
        if json::decode_value(text.as_bytes()).is_ok() {
            prop_assert_eq!(scan(Json::new(text.as_bytes())), Ok(()));
        }
    }
}

#[test]
fn the_scanner_and_the_decoder_find_faults_at_the_same_places() {
    // But for a count that the message is too short for, which the scanner refuses at once.
    for bytes in [
        &b"\x91\xa5abc"[..],
        b"\x81\xa1a\xcd\x01",
        b"\x91\xc1",
        b"\x91\xd4\x05",
        b"\x91\xd7\x01\0\0",
        b"\x91\xc7\x03\x05\0",
        b"\x90\xc0",
    ] {
        let fault = scan(MessagePack::new(bytes)).unwrap_err();
        let error = msgpack::decode_value(bytes).unwrap_err();
        assert_eq!(
            Some(fault.at),
            error.offset(),
            "{bytes:x?}: {fault}, {error}"
        );
    }
    for text in [
        "",
        "[1",
        "[1 2]",
        "[1,]",
        r#"{"a" 1}"#,
        r#"{"a": tru}"#,
        r#"{"a"#,
        r#"["\x"]"#,
        "[-]",
        "[1.]",
        "[1e]",
        "[-Inf]",
        "[\"\n\"]",
        "{} {}",
    ] {
        let fault = scan(Json::new(text.as_bytes())).unwrap_err();
        let error = json::decode_value(text.as_bytes()).unwrap_err();
        assert_eq!(Some(fault.at), error.offset(), "{text}: {fault}, {error}");
    }
}

#[test]
fn the_scanner_accepts_invalid_text_and_the_decoder_refuses_it() {
    for text in [&br#"["\ud800"]"#[..], b"[\"\xff\"]"] {
        assert_eq!(scan(Json::new(text)), Ok(()));
        assert!(json::decode_value(text).is_err());
    }
    assert_eq!(scan(MessagePack::new(b"\xa1\xff")), Ok(()));
    assert!(msgpack::decode_value(b"\xa1\xff").is_err());
}

#[test]
fn the_headers_of_a_request_are_those_of_their_maps() {
    let mut context = ContextHeader::new("id");
    context.set("switches".to_owned(), value!([7, 5])).unwrap();
    let mut full = context.clone();
    full.caller = Some("caller".into());
    full.calling_service = Some("service".into());
    full.set(
        "traceparent".to_owned(),
        "00-0123456789abcdef0123456789abcdef-0123456789abcdef-01".into(),
    )
    .unwrap();
    full.set("tracestate".to_owned(), "a=b".into()).unwrap();
    full.set("locale".to_owned(), "fr_FR".into()).unwrap();
    // One that hides one of our own is left out, and keys of other types are kept.
    full.extra.push("caller", "another");
    full.extra.push(3, value!({ "a": [1] }));
    let mut control = Control {
        suppress_response: Some(false),
        ..Control::default()
    };
    control.set("timeout".to_owned(), 5.into()).unwrap();
    for encoding in [Encoding::MessagePack, Encoding::Json] {
        for (context, control) in [(&context, Control::default()), (&full, control.clone())] {
            let job = JobRequest::new(context.clone(), control, vec![]);
            let lifetime = Duration::from_secs(60);
            let frame = write_request(ProtocolVersion::V1, encoding, 1, "a!b", lifetime, &job);
            let frame = frame.unwrap();
            let maps = [
                ("control", job.control.to_map()),
                ("context", job.context.to_map()),
            ];
            for (key, map) in maps {
                let map = Value::Map(Map::from([(key, Value::Map(map))]));
                let entry = encoding.encode_value(&map).unwrap();
                // Without the brackets around it.
                let end = entry.len() - usize::from(encoding == Encoding::Json);
                let entry = &entry[1..end];
                let is_there = frame.windows(entry.len()).any(|window| window == entry);
                assert!(is_there, "{key} of {}", String::from_utf8_lossy(&frame));
            }
        }
    }
}
