//! The agreement of the scanner and the decoder, which share their readers.

use proptest::prelude::*;

use super::cursor::{Cursor, Fault};
use super::json::Json;
use super::msgpack::MessagePack;
use crate::codec::{json, msgpack};

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
