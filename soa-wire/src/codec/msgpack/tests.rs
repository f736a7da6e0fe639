//! The bytes of MessagePack.

use std::collections::BTreeMap;

use serde::ser::{SerializeMap, SerializeSeq};
use serde::{Deserialize, Serialize};

use super::super::{
    Amount, Blob, Date, DateTime, DecodeErrorKind, Encoding, Time, UtcDateTime, Value,
};
use super::{decode_value, encode_into, from_slice, to_vec};
use crate::value;

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

fn written<T: Serialize>(value: T) -> String {
    hex(&to_vec(&value).unwrap())
}

#[test]
fn integers_take_the_smallest_form() {
    for (number, expected) in [
        (0, "00"),
        (127, "7f"),
        (128, "cc80"),
        (255, "ccff"),
        (256, "cd0100"),
        (65_536, "ce00010000"),
        (1 << 32, "cf0000000100000000"),
        (i128::from(u64::MAX), "cfffffffffffffffff"),
        (-1, "ff"),
        (-32, "e0"),
        (-33, "d0df"),
        (-128, "d080"),
        (-129, "d1ff7f"),
        (-32_769, "d2ffff7fff"),
        (i128::from(i64::MIN), "d38000000000000000"),
    ] {
        assert_eq!(written(number), expected);
        assert_eq!(written(Value::from(number)), expected);
        if let Ok(number) = i64::try_from(number) {
            assert_eq!(written(number), expected);
        }
    }
    for number in [i128::MAX, i128::from(i64::MIN) - 1] {
        assert!(to_vec(&number).is_err());
    }
    assert!(to_vec(&u128::MAX).is_err());
}

#[test]
fn integers_are_read_in_any_form() {
    for bytes in [
        &b"\x05"[..],
        b"\xcc\x05",
        b"\xcd\0\x05",
        b"\xce\0\0\0\x05",
        b"\xcf\0\0\0\0\0\0\0\x05",
        b"\xd0\x05",
        b"\xd1\0\x05",
        b"\xd2\0\0\0\x05",
        b"\xd3\0\0\0\0\0\0\0\x05",
    ] {
        assert_eq!(from_slice::<u8>(bytes), Ok(5));
        assert_eq!(decode_value(bytes), Ok(value!(5)));
    }
}

#[test]
fn floats_are_64_bits_wide() {
    assert_eq!(written(1.5_f32), "cb3ff8000000000000");
    assert_eq!(written(1.5_f64), "cb3ff8000000000000");
    assert_eq!(from_slice::<f64>(b"\xca\x3f\xc0\0\0"), Ok(1.5));
}

#[test]
fn text_and_bytes_have_forms_of_their_own() {
    assert_eq!(written("a"), "a161");
    assert_eq!(written("a".repeat(32)), format!("d920{}", "61".repeat(32)));
    assert_eq!(written(Blob::from([1, 2])), "c4020102");
    assert_eq!(written(vec![1_u8, 2]), "920102");
    let long = "x".repeat(70_000);
    assert_eq!(to_vec(&long).unwrap()[..5], [0xdb, 0, 1, 0x11, 0x70]);
    assert_eq!(from_slice::<&str>(&to_vec(&long).unwrap()), Ok(&*long));
}

#[test]
fn ext_types_have_the_layout_of_the_protocol() {
    assert_eq!(
        written(DateTime::from_micros(-1).unwrap()),
        "d701ffffffffffffffff"
    );
    assert_eq!(
        written(UtcDateTime::from_micros(1).unwrap()),
        "d70a0000000000000001"
    );
    assert_eq!(written(Date::new(2026, 11, 21).unwrap()), "d60307ea0b15");
    assert_eq!(
        written(Time::new(1, 2, 3, 4).unwrap()),
        "c7070401020300000004"
    );
    assert_eq!(
        written("1.5".parse::<super::super::Decimal>().unwrap()),
        "c705050003312e35"
    );
    assert_eq!(
        written(Amount::new("JPY", -500).unwrap()),
        "c70b024a5059fffffffffffffe0c"
    );
}

#[test]
fn the_header_of_a_map_counts_what_is_there() {
    #[derive(Serialize)]
    struct Sixteen {
        a: Option<u8>,
        b: u8,
        c: u8,
        d: u8,
        e: u8,
        f: u8,
        g: u8,
        h: u8,
        i: u8,
        j: u8,
        k: u8,
        l: u8,
        m: u8,
        n: u8,
        o: u8,
        p: Vec<Option<u8>>,
    }
    let sixteen = |a| Sixteen {
        a,
        b: 1,
        c: 1,
        d: 1,
        e: 1,
        f: 1,
        g: 1,
        h: 1,
        i: 1,
        j: 1,
        k: 1,
        l: 1,
        m: 1,
        n: 1,
        o: 1,
        p: vec![None],
    };
    let tail: String = (b'b'..=b'o').map(|key| format!("a1{key:02x}01")).collect();
    assert_eq!(written(sixteen(None)), format!("8f{tail}a17091c0"));
    assert_eq!(
        written(sixteen(Some(1))),
        format!("de0010a16101{tail}a17091c0")
    );
    // A header that shrinks moves what lies behind it, and what follows is not mistaken for it.
    let after = [sixteen(None), sixteen(None)];
    assert_eq!(
        decode_value(&to_vec(&after).unwrap()).unwrap(),
        super::super::to_value(&after).unwrap()
    );
}

#[test]
fn a_value_of_one_byte_after_a_none_is_kept() {
    #[derive(Serialize)]
    struct Fields {
        a: Option<u8>,
        b: Option<u8>,
        c: (),
        d: Option<u8>,
    }
    let fields = Fields {
        a: None,
        b: Some(5),
        c: (),
        d: None,
    };
    assert_eq!(written(fields), "82a16205a163c0");
}

#[test]
fn a_map_of_unknown_length_leaves_out_what_is_none() {
    struct Unknown(usize);
    impl Serialize for Unknown {
        fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
            let mut map = serializer.serialize_map(None)?;
            for index in 0..self.0 {
                map.serialize_entry(&index, &index)?;
                map.serialize_entry("none", &None::<u8>)?;
            }
            map.end()
        }
    }
    for length in [0, 1, 15, 16, 17, 70_000] {
        let expected: BTreeMap<usize, usize> = (0..length).map(|index| (index, index)).collect();
        assert_eq!(
            to_vec(&Unknown(length)).unwrap(),
            to_vec(&expected).unwrap()
        );
    }
}

#[test]
fn a_list_of_unknown_or_wrong_length_is_counted() {
    struct Claimed(Option<usize>, usize);
    impl Serialize for Claimed {
        fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
            let mut list = serializer.serialize_seq(self.0)?;
            for _ in 0..self.1 {
                list.serialize_element(&None::<u8>)?;
            }
            list.end()
        }
    }
    for claimed in [None, Some(0), Some(16), Some(100_000)] {
        for length in [0, 15, 16, 70_000] {
            assert_eq!(
                to_vec(&Claimed(claimed, length)).unwrap(),
                to_vec(&vec![(); length]).unwrap()
            );
        }
    }
}

#[test]
fn encoding_that_fails_leaves_the_buffer_as_it_was() {
    struct Fails;
    impl Serialize for Fails {
        fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
            let mut list = serializer.serialize_seq(None)?;
            list.serialize_element(&1)?;
            Err(serde::ser::Error::custom("on purpose"))
        }
    }
    let mut out = vec![1, 2, 3];
    let error = encode_into(&Fails, &mut out).unwrap_err();
    assert_eq!(error.to_string(), "on purpose");
    assert_eq!(out, [1, 2, 3]);
}

#[test]
fn text_and_bytes_are_borrowed_from_the_input() {
    #[derive(Debug, PartialEq, Deserialize)]
    struct Borrowed<'a> {
        text: &'a str,
        bytes: &'a [u8],
    }
    let input = to_vec(&value!({"text": "x", "bytes": (Blob::from([1]))})).unwrap();
    let borrowed: Borrowed<'_> = from_slice(&input).unwrap();
    assert_eq!(
        borrowed,
        Borrowed {
            text: "x",
            bytes: &[1]
        }
    );
    assert!(input.as_ptr_range().contains(&borrowed.text.as_ptr()));
}

/// The error of an input, which all readers agree on.
fn wrong(input: &[u8]) -> (DecodeErrorKind, Option<usize>, String) {
    let direct = decode_value(input).unwrap_err();
    let serde = from_slice::<Value>(input).unwrap_err();
    assert_eq!(direct.kind(), serde.kind(), "{direct} {serde}");
    (direct.kind(), direct.offset(), direct.to_string())
}

#[test]
fn every_error_says_what_and_where() {
    use DecodeErrorKind::*;
    for (input, kind, offset, text) in [
        (&b""[..], Truncated, 0, "unexpected end of input at byte 0"),
        (
            b"\x92\x01",
            Truncated,
            2,
            "unexpected end of input at byte 2",
        ),
        (
            b"\xdd\xff\xff\xff\xff",
            Truncated,
            5,
            "unexpected end of input at byte 5",
        ),
        (
            b"\xdb\xff\xff\xff\xffabc",
            Truncated,
            5,
            "unexpected end of input at byte 5",
        ),
        (
            b"\x01\x02\x03",
            TrailingBytes,
            1,
            "2 bytes after the value at byte 1",
        ),
        (
            b"\x91\xc1",
            InvalidMarker,
            1,
            "invalid marker 0xc1 at byte 1",
        ),
        (
            b"\x91\xa3a\xff\xfe",
            InvalidUtf8,
            3,
            "text that is not UTF-8 at byte 3",
        ),
        (
            b"\x81\xa1\xff\x01",
            InvalidUtf8,
            2,
            "text that is not UTF-8 at byte 2",
        ),
        (
            b"\x91\xd4\x63\0",
            UnknownExtension,
            1,
            "unknown ext type 99 at byte 1",
        ),
        (
            b"\xd4\x80\0",
            UnknownExtension,
            0,
            "unknown ext type -128 at byte 0",
        ),
        (
            b"\x91\xd6\x03\0\0\x01\x01",
            OutOfRange,
            1,
            "invalid date: out of range: a year is 1 to 9999 at byte 1",
        ),
    ] {
        assert_eq!(wrong(input), (kind, Some(offset), text.to_owned()));
    }
    let deep = [0x91; 200];
    let (kind, offset, _) = wrong(&deep);
    assert_eq!((kind, offset), (TooDeep, Some(128)));
}

#[test]
fn an_ext_type_is_checked_wherever_it_is_read() {
    for (input, kind) in [
        (
            &b"\x81\xa1a\xd4\x63\0"[..],
            DecodeErrorKind::UnknownExtension,
        ),
        (
            b"\x81\xa1a\xd6\x03\0\0\x01\x01",
            DecodeErrorKind::OutOfRange,
        ),
        (b"\x81\xa1a\xd4\x03\0", DecodeErrorKind::OutOfRange),
    ] {
        #[derive(Debug, Deserialize)]
        struct Typed<T> {
            #[expect(dead_code, reason = "what matters is that it cannot be read")]
            a: T,
        }
        #[derive(Debug, Deserialize)]
        struct Flat {
            #[serde(flatten)]
            #[expect(dead_code, reason = "what matters is that it cannot be read")]
            typed: Typed<Date>,
        }
        assert_eq!(from_slice::<Typed<Date>>(input).unwrap_err().kind(), kind);
        assert_eq!(from_slice::<Typed<i64>>(input).unwrap_err().kind(), kind);
        assert_eq!(from_slice::<Typed<Value>>(input).unwrap_err().kind(), kind);
        assert_eq!(from_slice::<Flat>(input).unwrap_err().kind(), kind);
        // What nobody reads is not looked at.
        assert!(Encoding::MessagePack.decode_body::<()>(input).is_ok());
    }
}

#[test]
fn invalid_utf8_is_an_error_for_every_type() {
    let input = b"\xa2\xc3\x28";
    let kinds = [
        from_slice::<String>(input).map(drop).unwrap_err().kind(),
        from_slice::<&str>(input).map(drop).unwrap_err().kind(),
        from_slice::<char>(input).map(drop).unwrap_err().kind(),
        from_slice::<i64>(input).map(drop).unwrap_err().kind(),
        from_slice::<Value>(input).map(drop).unwrap_err().kind(),
        from_slice::<Blob>(input).map(drop).unwrap_err().kind(),
    ];
    assert_eq!(kinds, [DecodeErrorKind::InvalidUtf8; 6]);
}

#[test]
fn what_is_skipped_may_be_nested_without_end() {
    let mut input = b"\x81\xa1a".to_vec();
    input.extend([0x91; 100_000]);
    input.push(0xc0);
    Encoding::MessagePack.decode_body::<()>(&input).unwrap();
    input.pop();
    let error = Encoding::MessagePack.decode_body::<()>(&input).unwrap_err();
    assert_eq!(error.kind(), DecodeErrorKind::Truncated);
}

#[test]
fn announced_lengths_reserve_no_memory() {
    // 128 levels, each announcing four billion elements.
    let mut input = Vec::new();
    for _ in 0..128 {
        input.extend(b"\xdd\xff\xff\xff\xff");
    }
    input.extend([0xc0; 100_000]);
    assert_eq!(wrong(&input).0, DecodeErrorKind::Truncated);
}

#[test]
fn a_mismatch_names_neither_text_nor_bytes() {
    let error = from_slice::<i64>(&to_vec("secret").unwrap()).unwrap_err();
    assert_eq!(
        error.to_string(),
        "invalid type: text, expected i64 at byte 0"
    );
}
