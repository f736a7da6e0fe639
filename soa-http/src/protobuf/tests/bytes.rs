//! Bytes that no honest caller sends, and those that only some do.

use proptest::prelude::*;
use schemars::JsonSchema;
use soa_wire::Value;

use super::message_of;
use super::values::everything;
use crate::protobuf::read;

/// The numbers of the fields.
#[derive(JsonSchema)]
#[expect(dead_code, reason = "only its schema is of interest")]
struct Small {
    number: i64,
    text: String,
    inner: Inner,
    numbers: Vec<i64>,
    inners: Vec<Inner>,
    maybe: Option<i64>,
    float: f64,
}

#[derive(JsonSchema)]
#[expect(dead_code, reason = "only its schema is of interest")]
struct Inner {
    number: i64,
    text: String,
}

/// Returns the fields, or what is wrong with the whole.
fn read(bytes: &[u8]) -> Result<Value, String> {
    let (value, errors) = outcome(bytes)?;
    assert_eq!(errors, [] as [String; 0]);
    Ok(value)
}

/// Returns the errors of the fields.
fn errors(bytes: &[u8]) -> Vec<String> {
    outcome(bytes).unwrap().1
}

fn outcome(bytes: &[u8]) -> Result<(Value, Vec<String>), String> {
    let message = message_of::<Small>().unwrap();
    let (value, errors) = read::message(&message, bytes).map_err(|error| error.to_string())?;
    let errors = errors.into_iter().map(|error| {
        let field = error.field.unwrap_or_default();
        format!("{field}: {}", error.message)
    });
    Ok((value, errors.collect()))
}

#[test]
fn lengths_and_varints_that_lie_are_not_protobuf() {
    for bytes in [
        &b"\x08"[..],                                        // a key without its value
        b"\x08\xff",                                         // a varint that does not end
        b"\x08\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\x01", // a varint of eleven bytes
        b"\x12\x05abc", // a text that is shorter than its length
        b"\x12\xff\xff\xff\xff\xff\xff\xff\xff\x7f", // a text of more bytes than there are
        b"\x1a\x04\x08\x01", // a message that is shorter than its length
        b"\x1a\x01\x08\x01", // a message that ends within a field
        b"\x22\x02\x01\xff", // packed numbers that end within one
        b"\x00\x01",    // the number 0
        b"\x0f\x01",    // a wire type that does not exist
        b"\x3d\x00\x00", // a float of two bytes
        b"\x54",        // the end of a group that did not begin
        b"\x53\x08\x01", // a group that does not end
        b"\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff", // only ones
    ] {
        assert!(read(bytes).is_err(), "{bytes:02x?}");
    }
}

#[test]
fn deep_nesting_ends_with_an_error() {
    // A group is skipped with its content.
    assert!(read(b"\x53\x5b\x08\x01\x5c\x54").is_ok());
    let problem = "a group does not end as it should, or has too many groups within";
    assert_eq!(read(&b"\x53".repeat(100_000)).unwrap_err(), problem);
    assert_eq!(read(b"\x53\x08\x01").unwrap_err(), problem);
    let mut groups = b"\x53".repeat(5_000);
    groups.extend(b"\x54".repeat(5_000));
    assert_eq!(read(&groups).unwrap_err(), problem);
    // Messages are as deep as their types are.
    let mut nested = Vec::new();
    for _ in 0..10_000 {
        let mut outer = vec![0x1a];
        prost::encoding::encode_varint(nested.len() as u64, &mut outer);
        outer.extend(nested);
        nested = outer;
    }
    assert!(read(&nested).is_ok());
}

#[test]
fn fields_of_a_newer_caller_are_skipped() {
    let value =
        read(b"\x08\x07\x98\x06\x05\xa2\x06\x03abc\xad\x06\0\0\0\0\xb1\x06\0\0\0\0\0\0\0\0")
            .unwrap();
    assert_eq!(value.get("number"), Some(&7.into()));
}

#[test]
fn a_number_is_never_cut_off() {
    assert_eq!(
        errors(b"\x08\x80\x80\x80\x80\x80\x01"),
        ["number: 34359738368 does not fit into 32 bits"]
    );
    assert_eq!(
        errors(b"\x20\x01\x20\xff\xff\xff\xff\x0f"),
        ["numbers.1: 4294967295 does not fit into 32 bits"]
    );
    let least = read(b"\x08\x80\x80\x80\x80\xf8\xff\xff\xff\xff\x01").unwrap();
    assert_eq!(least.get("number"), Some(&i64::from(i32::MIN).into()));
}

#[test]
fn a_field_of_another_type_is_named_and_the_others_are_read_on() {
    // A double for the float, text for the number, a number for the text and for a message, and text in an element.
    let bytes = b"\x0a\x01x\x10\x01\x18\x01\x39\0\0\0\0\0\0\0\0\x2a\x03\x0a\x01x\x20\x07";
    assert_eq!(
        errors(bytes),
        [
            "number: expected int32, found bytes with their length",
            "text: expected string, found a varint",
            "inner: expected tests.Inner, found a varint",
            "float: expected float, found 64 bits",
            "inners.0.number: expected int32, found bytes with their length",
        ]
    );
}

#[test]
fn text_that_is_not_utf_8_is_named() {
    assert_eq!(
        errors(b"\x12\x02a\xff"),
        ["text: the text is not UTF-8 at byte 1"]
    );
    assert_eq!(
        errors(b"\x1a\x03\x12\x01\x80"),
        ["inner.text: the text is not UTF-8 at byte 0"]
    );
}

#[test]
fn a_value_where_only_nil_can_travel_is_named() {
    let error = "maybe: an optional integer can only be nil by protobuf; use dispatch-json or dispatch-msgpack";
    assert_eq!(errors(b"\x32\x015"), [error]);
}

#[test]
fn numbers_of_a_list_may_be_packed() {
    let expected = Value::from(vec![Value::from(1), (-2).into(), 300.into()]);
    let packed = b"\x22\x0d\x01\xfe\xff\xff\xff\xff\xff\xff\xff\xff\x01\xac\x02";
    assert_eq!(read(packed).unwrap().get("numbers"), Some(&expected));
    let unpacked = b"\x20\x01\x20\xfe\xff\xff\xff\xff\xff\xff\xff\xff\x01\x20\xac\x02";
    assert_eq!(read(unpacked).unwrap().get("numbers"), Some(&expected));
}

#[test]
fn of_several_values_the_last_one_counts_and_messages_are_merged() {
    assert_eq!(
        read(b"\x08\x01\x08\x02").unwrap().get("number"),
        Some(&2.into())
    );
    let merged = read(b"\x1a\x02\x08\x01\x1a\x03\x12\x01x").unwrap();
    let inner = merged.get("inner").unwrap();
    assert_eq!(
        (inner.get("number"), inner.get("text")),
        (Some(&1.into()), Some(&"x".into()))
    );
}

#[test]
fn absent_messages_are_empty_and_absent_lists_have_no_elements() {
    let value = read(b"").unwrap();
    assert_eq!(
        value,
        soa_wire::value!({ "inner": {}, "numbers": [], "inners": [] })
    );
}

#[derive(JsonSchema)]
#[expect(dead_code, reason = "only its schema is of interest")]
struct Wide {
    elements: Vec<Lists>,
}

#[derive(JsonSchema)]
#[expect(dead_code, reason = "only its schema is of interest")]
struct Lists {
    a: Vec<i64>,
    b: Vec<i64>,
    c: Vec<i64>,
    d: Vec<i64>,
}

#[test]
fn elements_of_two_bytes_cannot_fill_the_memory() {
    let message = message_of::<Wide>().unwrap();
    let some = b"\x0a\x00".repeat(100_000);
    assert!(read::message(&message, &some).is_ok());
    let many = b"\x0a\x00".repeat(300_000);
    let error = read::message(&message, &many).unwrap_err();
    assert_eq!(error.to_string(), "more than 1000000 fields are absent");
}

proptest! {
    #[test]
    fn any_bytes_are_read_or_refused(bytes in any::<Vec<u8>>()) {
        let _ = read::message(&everything(), &bytes);
    }

    /// Keys of fields that exist, with anything behind them.
    #[test]
    fn any_fields_are_read_or_refused(fields in prop::collection::vec((0_u8..0xff, any::<[u8; 3]>()), 0..20)) {
        let bytes: Vec<u8> = fields
            .iter()
            .flat_map(|(key, rest)| std::iter::once(*key & 0x7f).chain(*rest))
            .collect();
        let _ = read::message(&everything(), &bytes);
    }
}
