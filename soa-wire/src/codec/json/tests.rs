//! The text of JSON. The expectations were taken from Python 3.11's `json.dumps`.

use super::super::{Blob, DecodeErrorKind, Integer, Value};
use super::{decode_value, encode_value, from_slice, to_vec};
use crate::value;

fn written(value: &Value) -> String {
    String::from_utf8(to_vec(value).unwrap()).unwrap()
}

#[test]
fn floats_are_written_as_python_writes_them() {
    for (float, expected) in [
        (0.0, "0.0"),
        (-0.0, "-0.0"),
        (1.0, "1.0"),
        (-2.5, "-2.5"),
        (100.0, "100.0"),
        (0.1, "0.1"),
        (1.0 / 3.0, "0.3333333333333333"),
        (123_456.789, "123456.789"),
        (1e15, "1000000000000000.0"),
        (999_999_999_999_999.9, "999999999999999.9"),
        (9_999_999_999_999_998.0, "9999999999999998.0"),
        (9_007_199_254_740_992.0, "9007199254740992.0"),
        (1e16, "1e+16"),
        (1e17, "1e+17"),
        (12_345_678_901_234_568.0, "1.2345678901234568e+16"),
        (123_456_789_012_345_680.0, "1.2345678901234568e+17"),
        (1e22, "1e+22"),
        (1e23, "1e+23"),
        (1e100, "1e+100"),
        (1.5e300, "1.5e+300"),
        (f64::MAX, "1.7976931348623157e+308"),
        (1e-4, "0.0001"),
        (0.000_123_45, "0.00012345"),
        (1e-5, "1e-05"),
        (0.000_012_345, "1.2345e-05"),
        (1e-7, "1e-07"),
        (3e-10, "3e-10"),
        (5e-324, "5e-324"),
        (f64::NAN, "NaN"),
        (f64::INFINITY, "Infinity"),
        (f64::NEG_INFINITY, "-Infinity"),
    ] {
        assert_eq!(written(&float.into()), expected);
        assert_eq!(decode_value(expected.as_bytes()), Ok(float.into()));
    }
}

#[test]
fn text_is_escaped_to_ascii() {
    let text = "a\u{7f}\0\n\r\t\u{8}\u{c}\"\\/é€😀\u{2028}";
    let expected = r#""a\u007f\u0000\n\r\t\b\f\"\\/\u00e9\u20ac\ud83d\ude00\u2028""#;
    assert_eq!(written(&text.into()), expected);
    assert_eq!(decode_value(expected.as_bytes()), Ok(text.into()));
    assert_eq!(decode_value("\"é😀\"".as_bytes()), Ok("é😀".into()));
}

#[test]
fn separators_are_those_of_python() {
    let value = value!({"a": [1, (-2), nil], "b": {}, "c": [], "d": {"e": true, "f": false}});
    assert_eq!(
        written(&value),
        r#"{"a": [1, -2, null], "b": {}, "c": [], "d": {"e": true, "f": false}}"#
    );
}

#[test]
fn keys_that_are_scalars_become_text() {
    let value = value!({1: 2, nil: 3, true: 4, 1.5: 5, (f64::NAN): 6});
    assert_eq!(
        written(&value),
        r#"{"1": 2, "null": 3, "true": 4, "1.5": 5, "NaN": 6}"#
    );
    for key in [value!([]), value!({}), value!((Blob::default()))] {
        let mut out = b"before".to_vec();
        let error = encode_value(&value!({"a": {(key.clone()): 1}}), &mut out).unwrap_err();
        assert_eq!(
            error.to_string(),
            format!(
                "{} as a map's key cannot be carried by JSON",
                key.kind_name()
            )
        );
        assert_eq!(out, b"before");
    }
}

#[test]
fn integers_have_any_size() {
    for text in [
        "0",
        "-1",
        "18446744073709551616",
        "-123456789012345678901234567890",
    ] {
        let number: Integer = text.parse().unwrap();
        assert_eq!(decode_value(text.as_bytes()), Ok(number.clone().into()));
        assert_eq!(written(&number.into()), text);
    }
    assert_eq!(decode_value(b"-0"), Ok(value!(0)));
}

#[test]
fn a_point_or_an_exponent_makes_a_float() {
    for (text, float) in [
        ("1.0", 1.0),
        ("1e3", 1000.0),
        ("1E+3", 1000.0),
        ("25e-1", 2.5),
        ("-0.0", -0.0),
        ("1e400", f64::INFINITY),
    ] {
        assert_eq!(decode_value(text.as_bytes()), Ok(Value::from(float)));
    }
    assert!(from_slice::<i64>(b"1e3").is_err());
}

#[test]
fn white_space_is_allowed_around_everything() {
    assert_eq!(
        decode_value(b" \t\r\n{ \"a\" : [ 1 , 2 ] , \"b\":{ } } \n"),
        Ok(value!({"a": [1, 2], "b": {}}))
    );
}

#[test]
fn keys_that_occur_twice_are_kept() {
    let value = decode_value(br#"{"a": 1, "a": 2}"#).unwrap();
    assert_eq!(value.as_map().unwrap().len(), 2);
    assert_eq!(value.get("a"), Some(&value!(2)));
}

#[test]
fn what_is_not_json_is_refused() {
    use DecodeErrorKind::{InvalidUtf8, Syntax, TrailingBytes, Truncated};
    for (text, kind, offset) in [
        (&b""[..], Truncated, 0),
        (b"  ", Truncated, 2),
        (b"[", Truncated, 1),
        (b"[1", Truncated, 2),
        (b"{\"a\"", Truncated, 4),
        (b"\"abc", Truncated, 4),
        (b"\"\\", Truncated, 2),
        (b"-", Truncated, 1),
        (b"1.", Truncated, 2),
        (b"1e", Truncated, 2),
        (b"[1,]", Syntax, 3),
        (b"{,}", Syntax, 1),
        (b"{1: 2}", Syntax, 1),
        (b"{\"a\" 1}", Syntax, 5),
        (b"[1 2]", Syntax, 3),
        (b"nul", Syntax, 0),
        (b"True", Syntax, 0),
        (b"nan", Syntax, 0),
        (b"-NaN", Syntax, 1),
        (b"+1", Syntax, 0),
        (b".5", Syntax, 0),
        (b"1.e3", Syntax, 2),
        (b"01", Syntax, 2),
        (b"-01", Syntax, 3),
        (b"'a'", Syntax, 0),
        (b"\"\n\"", Syntax, 1),
        (b"\"\\x\"", Syntax, 2),
        (b"\"\\u12g4\"", Syntax, 3),
        (b"\"\\u+123\"", Syntax, 3),
        (b"\xef\xbb\xbf1", Syntax, 0),
        (b"1 2", TrailingBytes, 2),
        (b"{}]", TrailingBytes, 2),
        (b"Infinityx", TrailingBytes, 8),
        (b"[\"a\xff\"]", InvalidUtf8, 3),
        (b"\"\\ud800\"", InvalidUtf8, 7),
        (b"\"\\udc00\"", InvalidUtf8, 7),
        (b"\"\\ud800\\ud800\"", InvalidUtf8, 13),
        (b"\"\\ud800\\u0041\"", InvalidUtf8, 13),
        (b"\"\\ud800x\"", InvalidUtf8, 7),
    ] {
        let error = decode_value(text).unwrap_err();
        assert_eq!(
            (error.kind(), error.offset()),
            (kind, Some(offset)),
            "{} {error}",
            String::from_utf8_lossy(text)
        );
    }
    let deep = "[".repeat(100_000);
    let error = decode_value(deep.as_bytes()).unwrap_err();
    assert_eq!(
        (error.kind(), error.offset()),
        (DecodeErrorKind::TooDeep, Some(128))
    );
}

#[test]
fn an_error_is_one_line() {
    let error = decode_value(b"[1 2]").unwrap_err();
    assert_eq!(
        error.to_string(),
        "invalid JSON, expected `,` or `]` at byte 3"
    );
}
