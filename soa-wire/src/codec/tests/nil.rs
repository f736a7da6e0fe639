//! Options and nils.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::{ALL, Way, refused, same};
use crate::codec::{DecodeErrorKind, Encoding, Nullable, Value};
use crate::value;

#[derive(Debug, PartialEq, Serialize, Deserialize)]
struct Fields {
    a: Option<i64>,
    b: Option<Nullable<i64>>,
    c: Nullable<i64>,
    d: Option<Value>,
}

const ABSENT: Fields = Fields {
    a: None,
    b: None,
    c: Nullable::Null,
    d: None,
};

#[test]
fn a_field_that_is_none_is_not_written() {
    same(&ALL, &ABSENT, &value!({"c": nil}));
}

#[test]
fn a_nil_is_kept_apart_from_an_absent_field() {
    let fields = Fields {
        b: Some(Nullable::Null),
        d: Some(Value::Nil),
        ..ABSENT
    };
    same(&ALL, &fields, &value!({"b": nil, "c": nil, "d": nil}));
    let fields = Fields {
        a: Some(1),
        b: Some(2.into()),
        c: 3.into(),
        d: Some(value!({"x": [nil]})),
    };
    same(
        &ALL,
        &fields,
        &value!({"a": 1, "b": 2, "c": 3, "d": {"x": [nil]}}),
    );
}

#[test]
fn a_nil_for_an_optional_field_is_refused() {
    let error = refused::<Fields>(&ALL, &value!({"a": nil, "c": nil}));
    assert_eq!(error.kind(), DecodeErrorKind::Nil);
    assert_eq!(error.message(), "invalid type: nil, expected i64");
}

#[test]
fn a_nullable_field_has_to_be_there() {
    let error = refused::<Fields>(&ALL, &value!({"a": 1}));
    assert_eq!(error.message(), "missing field `c`");
}

#[test]
fn a_newtype_around_an_option_is_as_optional_as_what_it_holds() {
    #[derive(Debug, PartialEq, Serialize, Deserialize)]
    struct Newtype(Option<i64>);
    #[derive(Debug, PartialEq, Serialize, Deserialize)]
    struct Holder {
        #[serde(default = "none")]
        field: Newtype,
    }
    fn none() -> Newtype {
        Newtype(None)
    }
    same(&ALL, &Holder { field: none() }, &value!({}));
    refused::<Holder>(&ALL, &value!({"field": nil}));
}

#[test]
fn an_option_within_an_option_refuses_nil_too() {
    #[derive(Debug, PartialEq, Serialize, Deserialize)]
    struct Twice {
        field: Option<Option<i64>>,
    }
    same(&ALL, &Twice { field: None }, &value!({}));
    same(
        &ALL,
        &Twice {
            field: Some(Some(1)),
        },
        &value!({"field": 1}),
    );
    refused::<Twice>(&ALL, &value!({"field": nil}));
}

#[test]
fn in_lists_and_maps_none_is_nil() {
    #[derive(Debug, PartialEq, Serialize, Deserialize)]
    struct Holder {
        list: Vec<Option<i64>>,
        tuple: (Option<i64>, i64),
        map: BTreeMap<String, Option<i64>>,
        nullable: Vec<Nullable<i64>>,
    }
    same(
        &ALL,
        &Holder {
            list: vec![Some(1), None],
            tuple: (None, 2),
            map: [("a".to_owned(), None), ("b".to_owned(), Some(3))].into(),
            nullable: vec![Nullable::Null, Nullable::Value(4)],
        },
        &value!({"list": [1, nil], "tuple": [nil, 2], "map": {"a": nil, "b": 3}, "nullable": [nil, 4]}),
    );
}

#[derive(Debug, PartialEq, Serialize, Deserialize)]
struct Inner {
    x: Option<i64>,
    y: Nullable<i64>,
}

#[derive(Debug, PartialEq, Serialize, Deserialize)]
struct Flat {
    own: Option<i64>,
    #[serde(flatten)]
    inner: Inner,
    #[serde(flatten)]
    rest: BTreeMap<String, Value>,
}

#[test]
fn fields_that_are_none_are_not_written_when_flattened() {
    let flat = |own, x, y, rest: &[(&str, Value)]| Flat {
        own,
        inner: Inner { x, y },
        rest: rest
            .iter()
            .map(|(key, value)| ((*key).to_owned(), value.clone()))
            .collect(),
    };
    same(
        &ALL,
        &flat(None, None, Nullable::Null, &[]),
        &value!({"y": nil}),
    );
    same(
        &ALL,
        &flat(Some(1), Some(2), 3.into(), &[("z", Value::Nil)]),
        &value!({"own": 1, "x": 2, "y": 3, "z": nil}),
    );
}

#[test]
fn a_struct_that_flattens_another_still_refuses_a_nil_for_its_own_optional_field() {
    #[derive(Debug, PartialEq, Serialize, Deserialize)]
    struct Own {
        option: Option<i64>,
        both: Option<Nullable<i64>>,
        #[serde(flatten)]
        rest: BTreeMap<String, Option<i64>>,
    }
    let own = Own {
        option: None,
        both: Some(Nullable::Null),
        rest: BTreeMap::new(),
    };
    same(&ALL, &own, &value!({"both": nil}));
    let error = refused::<Own>(&ALL, &value!({"option": nil}));
    assert_eq!(error.kind(), DecodeErrorKind::Nil);
    let read = Way::MessagePack.read::<Own>(&value!({"z": nil})).unwrap();
    assert_eq!(read.rest, [("z".to_owned(), None)].into());
}

fn lenient<T: serde::de::DeserializeOwned>(body: &Value) -> bool {
    let [first, second] = [Encoding::MessagePack, Encoding::Json].map(|encoding| {
        let bytes = encoding.encode_value(body).unwrap();
        encoding.decode_body::<T>(&bytes).unwrap().is_lenient
    });
    assert_eq!(first, second);
    first
}

#[test]
fn a_nil_that_may_have_been_for_a_field_is_noted() {
    assert!(lenient::<Flat>(&value!({"x": nil, "y": 1})));
    #[derive(Debug, Deserialize)]
    #[serde(untagged)]
    enum Untagged {
        #[expect(dead_code, reason = "what matters is that it is read")]
        Variant { field: Option<i64> },
    }
    assert!(lenient::<Untagged>(&value!({"field": nil})));
}

#[test]
fn a_nil_that_is_right_where_it_stands_is_not_noted() {
    assert!(!lenient::<Flat>(&value!({"own": 1, "y": 1})));
    assert!(!lenient::<Fields>(&value!({"b": nil, "c": nil, "d": nil})));
    assert!(!lenient::<BTreeMap<String, Value>>(
        &value!({"a": nil, "b": [nil, {"c": nil}]})
    ));
    assert!(!lenient::<Value>(&value!({"a": nil})));
    assert!(!lenient::<BTreeMap<String, Option<i64>>>(
        &value!({"a": nil})
    ));
    assert!(!lenient::<BTreeMap<String, Vec<Option<i64>>>>(
        &value!({"a": [nil]})
    ));
    assert!(!lenient::<BTreeMap<String, Nullable<i64>>>(
        &value!({"a": nil})
    ));
    assert!(!lenient::<()>(&value!({})));
    assert!(lenient::<()>(&value!({"a": nil})));
}

#[test]
fn what_serde_takes_out_of_its_buffers_too_readily_is_noted() {
    #[derive(Debug, Deserialize)]
    #[serde(untagged)]
    #[expect(dead_code, reason = "what matters is that it is read")]
    enum Untagged {
        Text { text: String },
        Inner { inner: Inner },
    }
    #[derive(Debug, Deserialize)]
    #[expect(dead_code, reason = "what matters is that it is read")]
    struct Inner {
        field: i64,
    }
    assert!(!lenient::<Untagged>(&value!({"text": "abc"})));
    assert!(!lenient::<Untagged>(&value!({"inner": {"field": 1}})));
    assert!(lenient::<Untagged>(&value!({"inner": [1]})));
    let bytes = [0x81, 0xa4, b't', b'e', b'x', b't', 0xc4, 0x01, b'a'];
    let decoded = Encoding::MessagePack
        .decode_body::<Untagged>(&bytes)
        .unwrap();
    assert!(decoded.is_lenient);
}

#[test]
fn a_nan_is_noted() {
    #[derive(Debug, Deserialize)]
    #[expect(dead_code, reason = "what matters is that it is read")]
    struct Place {
        latitude: f64,
    }
    let noted = |latitude: f64| {
        let bytes = Encoding::MessagePack
            .encode_value(&value!({"latitude": latitude}))
            .unwrap();
        let decoded = Encoding::MessagePack.decode_body::<Place>(&bytes).unwrap();
        let buffered = Encoding::MessagePack
            .decode_body::<BTreeMap<String, Value>>(&bytes)
            .unwrap();
        assert_eq!(decoded.is_lenient, buffered.is_lenient);
        decoded.is_lenient
    };
    assert!(noted(f64::NAN));
    assert!(!noted(f64::INFINITY));
    assert!(!noted(52.5));
}

#[derive(Debug, PartialEq, Serialize, Deserialize)]
struct Prices {
    label: String,
    note: Option<String>,
    #[serde(flatten)]
    prices: BTreeMap<u32, Option<i64>>,
}

#[test]
fn a_flattened_map_may_have_numbers_as_keys() {
    let prices = Prices {
        label: "x".to_owned(),
        note: None,
        prices: [(5, Some(7)), (6, None)].into(),
    };
    let body = Value::Map(
        [
            (Value::from("label"), Value::from("x")),
            (Value::from(5), Value::from(7)),
            (Value::from(6), Value::Nil),
        ]
        .into_iter()
        .collect(),
    );
    for way in [Way::MessagePack, Way::Value] {
        same(&[way], &prices, &body);
    }
}

#[test]
fn a_number_is_no_name_of_a_field() {
    let body = Value::Map([(Value::from(0), Value::from(7))].into_iter().collect());
    for way in [Way::MessagePack, Way::Value] {
        assert!(way.read::<Fields>(&body).is_err());
    }
}

#[test]
fn a_none_in_a_flattened_map_is_kept_and_a_field_that_is_none_is_left_out() {
    #[derive(Debug, PartialEq, Serialize, Deserialize)]
    struct Scores {
        id: i64,
        note: Option<String>,
        #[serde(flatten)]
        scores: BTreeMap<String, Option<i64>>,
    }
    let scores = Scores {
        id: 1,
        note: None,
        scores: [("a".to_owned(), None), ("b".to_owned(), Some(2))].into(),
    };
    same(&ALL, &scores, &value!({"id": 1, "a": nil, "b": 2}));
}

#[test]
fn a_none_in_a_map_of_unknown_length_is_kept() {
    struct Collected;
    impl Serialize for Collected {
        fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
            let pairs = ["a", "b"].into_iter().filter(|key| !key.is_empty());
            serializer.collect_map(pairs.map(|key| (key, None::<i64>)))
        }
    }
    for way in ALL {
        assert_eq!(way.write(&Collected), value!({"a": nil, "b": nil}));
    }
}

#[test]
fn a_nullable_of_what_is_nullable_itself_is_null() {
    for way in ALL {
        assert_eq!(
            way.read::<Nullable<Option<i64>>>(&Value::Nil),
            Ok(Nullable::Null)
        );
        assert_eq!(way.read::<Nullable<Value>>(&Value::Nil), Ok(Nullable::Null));
        assert_eq!(way.read::<Option<Value>>(&Value::Nil), Ok(None));
    }
    assert_eq!(Way::Value.write(&Nullable::<i64>::Null), Value::Nil);
}

#[test]
fn a_body_of_nothing_is_the_empty_map() {
    #[derive(Debug, PartialEq, Serialize, Deserialize)]
    struct Nothing;
    for encoding in [Encoding::MessagePack, Encoding::Json] {
        let empty = encoding.encode_value(&value!({})).unwrap();
        assert_eq!(encoding.encode_body(&()).unwrap(), empty);
        assert_eq!(encoding.encode_body(&Nothing).unwrap(), empty);
        let full = encoding.encode_value(&value!({"a": [1, {}]})).unwrap();
        for body in [&empty, &full] {
            encoding.decode_body::<()>(body).unwrap();
            assert_eq!(
                encoding.decode_body::<Nothing>(body).unwrap().value,
                Nothing
            );
        }
        // Elsewhere it is a nil.
        let list = encoding.encode_value(&value!([nil])).unwrap();
        let mut out = match encoding {
            Encoding::MessagePack => crate::codec::msgpack::to_vec(&vec![()]).unwrap(),
            Encoding::Json => crate::codec::json::to_vec(&vec![()]).unwrap(),
        };
        assert_eq!(out, list);
        out.push(b'}');
        assert!(encoding.decode_value(&out).is_err());
    }
}

#[test]
fn a_body_that_is_not_a_map_is_refused() {
    for encoding in [Encoding::MessagePack, Encoding::Json] {
        let message = |error: crate::codec::EncodeError| error.to_string();
        assert_eq!(
            encoding.encode_body(&vec![1]).map_err(message),
            Err("a body must be a map, not list".to_owned())
        );
        for nil in [Value::Nil, Nullable::<i64>::Null.into()] {
            assert_eq!(
                encoding.encode_body(&nil).map_err(message),
                Err("a body must be a map, not nil".to_owned())
            );
        }
        assert!(encoding.encode_body(&None::<()>).is_err());
        for body in [value!([]), value!(nil), value!("x"), value!(1)] {
            let bytes = encoding.encode_value(&body).unwrap();
            let error = encoding.decode_body::<()>(&bytes).unwrap_err();
            assert_eq!(error.kind(), DecodeErrorKind::NotAMap, "{error}");
            assert_eq!(error.offset(), Some(0));
        }
        let error = encoding.decode_body::<()>(b"").unwrap_err();
        assert_eq!(error.kind(), DecodeErrorKind::Truncated);
    }
}
