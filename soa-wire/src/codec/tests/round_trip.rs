//! Anything survives encoding and decoding, and no input makes a reader panic.

use std::collections::BTreeMap;

use bytes::Bytes;
use proptest::prelude::*;
use serde::{Deserialize, Serialize};

use crate::codec::{
    Amount, Blob, Date, DateTime, Decimal, Encoding, Integer, Map, Nullable, Time, UtcDateTime,
    Value, from_value, json, msgpack, to_value,
};
use crate::message::Body;

const MIN_MICROS: i64 = -62_135_596_800_000_000;
const MAX_MICROS: i64 = 253_402_300_799_999_999;

fn scalar() -> impl Strategy<Value = Value> {
    prop_oneof![
        Just(Value::Nil),
        any::<bool>().prop_map(Value::from),
        any::<i64>().prop_map(Value::from),
        (-200_i64..70_000).prop_map(Value::from),
        any::<u64>().prop_map(Value::from),
        any::<u64>().prop_map(|bits| Value::Float(f64::from_bits(bits))),
        ".{0,40}".prop_map(Value::from),
    ]
}

fn wire_only() -> impl Strategy<Value = Value> {
    prop_oneof![
        prop::collection::vec(any::<u8>(), 0..300).prop_map(|bytes| Value::Bytes(bytes.into())),
        (MIN_MICROS..=MAX_MICROS).prop_map(|micros| DateTime::from_micros(micros).unwrap().into()),
        (MIN_MICROS..=MAX_MICROS)
            .prop_map(|micros| UtcDateTime::from_micros(micros).unwrap().into()),
        (-719_162_i64..=2_932_896)
            .prop_map(|days| Date::from_days_since_epoch(days).unwrap().into()),
        (0_u64..86_400_000_000)
            .prop_map(|micros| Time::from_micros_since_midnight(micros).unwrap().into()),
        "-?[0-9]{1,40}(\\.[0-9]{0,40})?(E[+-][0-9]{1,4})?"
            .prop_map(|text| text.parse::<Decimal>().unwrap().into()),
        ("[A-Z]{3}", any::<i64>())
            .prop_map(|(currency, minor)| Amount::new(&currency, minor).unwrap().into()),
    ]
}

fn value(
    leaf: impl Strategy<Value = Value> + 'static,
    keys: BoxedStrategy<Value>,
) -> impl Strategy<Value = Value> {
    leaf.prop_recursive(6, 64, 20, move |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..20).prop_map(Value::List),
            prop::collection::vec((keys.clone(), inner), 0..20)
                .prop_map(|pairs| Value::Map(Map::from(pairs))),
        ]
    })
}

fn any_value() -> impl Strategy<Value = Value> {
    value(
        prop_oneof![scalar(), wire_only()],
        prop_oneof![".{0,10}".prop_map(Value::from), scalar(), wire_only()].boxed(),
    )
}

/// With a NaN of its own: JSON knows only one.
fn json_value() -> impl Strategy<Value = Value> {
    let large = "-?[1-9][0-9]{18,60}".prop_map(|text| text.parse::<Integer>().unwrap().into());
    let leaf = prop_oneof![scalar(), large].prop_map(|value| match value {
        Value::Float(value) if value.is_nan() => Value::Float(f64::NAN),
        other => other,
    });
    value(leaf, ".{0,10}".prop_map(Value::from).boxed())
}

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
enum Choice {
    Unit,
    Newtype(i32),
    Tuple(u8, String),
    Struct { a: Option<i64> },
}

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
struct Typed {
    flag: bool,
    small: i8,
    large: u64,
    float: f64,
    single: f32,
    text: String,
    letter: char,
    option: Option<String>,
    nullable: Nullable<i64>,
    both: Option<Nullable<i64>>,
    list: Vec<Option<u16>>,
    tuple: (i64, String),
    map: BTreeMap<String, Vec<i64>>,
    choices: Vec<Choice>,
    nested: Option<Box<Typed>>,
    value: Value,
    unit: (),
    #[serde(flatten)]
    flat: Flat,
}

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
struct Flat {
    flat_option: Option<i64>,
    flat_integer: Integer,
    #[serde(flatten)]
    rest: BTreeMap<String, Value>,
}

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
struct OnlyMessagePack {
    typed: Typed,
    blob: Blob,
    when: Option<UtcDateTime>,
    date: Nullable<Date>,
    price: Vec<Decimal>,
    #[serde(flatten)]
    rest: BTreeMap<String, Value>,
}

fn choice() -> impl Strategy<Value = Choice> {
    prop_oneof![
        Just(Choice::Unit),
        any::<i32>().prop_map(Choice::Newtype),
        (any::<u8>(), ".{0,5}").prop_map(|(a, b)| Choice::Tuple(a, b)),
        any::<Option<i64>>().prop_map(|a| Choice::Struct { a }),
    ]
}

fn typed(value: BoxedStrategy<Value>) -> impl Strategy<Value = Typed> {
    let scalars = (
        any::<bool>(),
        any::<i8>(),
        any::<u64>(),
        -1e300_f64..1e300,
        -1e30_f32..1e30,
        ".{0,40}",
        any::<char>(),
    );
    let options = (
        any::<Option<String>>(),
        any::<Option<i64>>(),
        any::<Option<Option<i64>>>(),
        prop::collection::vec(any::<Option<u16>>(), 0..20),
        (any::<i64>(), ".{0,40}"),
        prop::collection::btree_map(".{0,9}", prop::collection::vec(any::<i64>(), 0..4), 0..20),
        prop::collection::vec(choice(), 0..4),
    );
    let flat = (
        value.clone(),
        any::<Option<i64>>(),
        any::<i64>(),
        prop::collection::btree_map("rest.{0,5}", value, 0..20),
    );
    let one = (scalars, options, flat).prop_map(|(scalars, options, flat)| Typed {
        flag: scalars.0,
        small: scalars.1,
        large: scalars.2,
        float: scalars.3,
        single: scalars.4,
        text: scalars.5,
        letter: scalars.6,
        option: options.0,
        nullable: options.1.into(),
        both: options.2.map(Nullable::from),
        list: options.3,
        tuple: options.4,
        map: options.5,
        choices: options.6,
        nested: None,
        value: flat.0,
        unit: (),
        flat: Flat {
            flat_option: flat.1,
            flat_integer: flat.2.into(),
            rest: flat.3,
        },
    });
    prop::collection::vec(one, 1..3).prop_map(|all| {
        all.into_iter()
            .reduce(|inner, outer| Typed {
                nested: Some(Box::new(inner)),
                ..outer
            })
            .unwrap()
    })
}

fn read_as_everything(bytes: &[u8]) {
    let _ = msgpack::decode_value(bytes);
    let _ = msgpack::from_slice::<Typed>(bytes);
    let _ = msgpack::from_slice::<OnlyMessagePack>(bytes);
    let _ = msgpack::from_slice::<Value>(bytes);
    let _ = msgpack::from_slice::<serde::de::IgnoredAny>(bytes);
    let _ = json::decode_value(bytes);
    let _ = json::from_slice::<Typed>(bytes);
    for encoding in [Encoding::MessagePack, Encoding::Json] {
        let _ = encoding.decode_body::<()>(bytes);
        let _ = encoding.decode_body::<OnlyMessagePack>(bytes);
    }
}

proptest! {
    #[test]
    fn any_value_survives_messagepack(value in any_value()) {
        let mut direct = Vec::new();
        msgpack::encode_value(&value, &mut direct).unwrap();
        prop_assert_eq!(&msgpack::decode_value(&direct).unwrap(), &value);
        // serde's way is slower, but leads to the same place.
        prop_assert_eq!(&msgpack::to_vec(&value).unwrap(), &direct);
        prop_assert_eq!(&msgpack::from_slice::<Value>(&direct).unwrap(), &value);
        prop_assert_eq!(&to_value(&value).unwrap(), &value);
        prop_assert_eq!(&from_value::<Value>(value.clone()).unwrap(), &value);
    }

    #[test]
    fn any_value_without_bytes_and_ext_types_survives_json(value in json_value()) {
        let text = json::to_vec(&value).unwrap();
        prop_assert!(text.is_ascii());
        prop_assert_eq!(json::decode_value(&text).unwrap(), value);
    }

    #[test]
    fn a_struct_of_all_kinds_of_fields_survives_both(typed in typed(json_value().boxed())) {
        prop_assert_eq!(&json::from_slice::<Typed>(&json::to_vec(&typed).unwrap()).unwrap(), &typed);
        prop_assert_eq!(&from_value::<Typed>(to_value(&typed).unwrap()).unwrap(), &typed);
    }

    #[test]
    fn a_struct_with_ext_types_survives_messagepack(
        typed in typed(any_value().boxed()),
        micros in prop::option::of(MIN_MICROS..=MAX_MICROS),
        days in prop::option::of(-719_162_i64..=2_932_896),
        bytes in prop::collection::vec(any::<u8>(), 0..20),
        rest in prop::collection::btree_map("rest.{0,5}", any_value(), 0..20),
    ) {
        let it = OnlyMessagePack {
            typed,
            blob: bytes.into(),
            when: micros.map(|micros| UtcDateTime::from_micros(micros).unwrap()),
            date: days.map(|days| Date::from_days_since_epoch(days).unwrap()).into(),
            price: vec![1.into()],
            rest,
        };
        let bytes = msgpack::to_vec(&it).unwrap();
        prop_assert_eq!(&msgpack::from_slice::<OnlyMessagePack>(&bytes).unwrap(), &it);
        prop_assert_eq!(&msgpack::decode_value(&bytes).unwrap(), &to_value(&it).unwrap());
        prop_assert_eq!(&from_value::<OnlyMessagePack>(to_value(&it).unwrap()).unwrap(), &it);
    }

    #[test]
    fn a_body_of_a_value_is_read_as_its_bytes_are(
        value in prop_oneof![
            any_value(),
            typed(any_value().boxed()).prop_map(|typed| to_value(&typed).unwrap()),
        ],
    ) {
        let bytes = Encoding::MessagePack.encode_value(&value).unwrap();
        let by_bytes = Body::from_bytes(Encoding::MessagePack, bytes.into());
        let Ok(by_value) = Body::from_value(value.clone()) else {
            prop_assert!(value.as_map().is_none());
            prop_assert!(by_bytes.to_value().is_err());
            return Ok(());
        };
        prop_assert!(by_value.error().is_none());
        prop_assert_eq!(by_value.bytes().unwrap(), by_bytes.bytes().unwrap());
        prop_assert_eq!(by_value.to_value().unwrap(), by_bytes.to_value().unwrap());
        match (by_value.decode_marked::<Typed>(), by_bytes.decode_marked::<Typed>()) {
            (Ok(one), Ok(other)) => {
                prop_assert_eq!(one.is_lenient, other.is_lenient);
                let again = Encoding::MessagePack.encode_body(&other.value).unwrap();
                let serialized = Body::serialized(&one.value);
                prop_assert_eq!(serialized.bytes().unwrap(), &Bytes::from(again));
            }
            (Err(_), Err(_)) => {}
            (one, other) => prop_assert!(false, "{:?}, {:?}", one, other),
        }
        prop_assert_eq!(by_value.into_value().unwrap(), value);
    }

    #[test]
    fn any_bytes_give_a_value_or_an_error(bytes in prop::collection::vec(any::<u8>(), 0..200)) {
        read_as_everything(&bytes);
    }

    #[test]
    fn any_text_gives_a_value_or_an_error(text in "[\\[\\]{}\",:\\\\0-9eE+.\\-a-zA-Zé \u{0}-\u{1f}]{0,60}") {
        read_as_everything(text.as_bytes());
    }

    #[test]
    fn a_message_with_a_byte_changed_gives_a_value_or_an_error(
        value in any_value(),
        at in any::<prop::sample::Index>(),
        byte in any::<u8>(),
    ) {
        let mut bytes = Vec::new();
        msgpack::encode_value(&value, &mut bytes).unwrap();
        let at = at.index(bytes.len());
        bytes[at] = byte;
        read_as_everything(&bytes);
        read_as_everything(&bytes[..at]);
    }
}
