//! The values that types refuse and accept.

use std::collections::{BTreeMap, HashMap};

use serde::{Deserialize, Serialize};

use super::{ALL, ALL_TYPES, Way, refused, same};
use crate::codec::{Blob, Integer, MAX_DEPTH, Map, Value, json, msgpack};
use crate::value;

#[derive(Debug, PartialEq, Serialize, Deserialize)]
struct Point {
    x: i64,
    y: i64,
}

#[test]
fn an_integer_is_not_made_of_anything_else() {
    for wire in [
        value!(1.0),
        value!(true),
        value!("1"),
        value!([1]),
        value!({}),
        value!(nil),
    ] {
        refused::<i64>(&ALL, &wire);
        refused::<u8>(&ALL, &wire);
        refused::<i128>(&ALL, &wire);
        refused::<Integer>(&ALL, &wire);
    }
    refused::<u8>(&ALL, &value!(256));
    refused::<u64>(&ALL, &value!(-1));
    refused::<i64>(&ALL, &value!((u64::MAX)));
}

#[test]
fn a_float_may_be_given_as_an_integer() {
    for way in ALL {
        assert_eq!(way.read::<f64>(&value!(2)), Ok(2.0));
        assert_eq!(way.read::<f32>(&value!(-2)), Ok(-2.0));
    }
    for way in [Way::Json, Way::Value] {
        let large: Integer = "100000000000000000000".parse().unwrap();
        assert_eq!(way.read::<f64>(&large.clone().into()), Ok(1e20));
        assert_eq!(way.read::<i128>(&large.clone().into()), Ok(10_i128.pow(20)));
        assert_eq!(way.read::<u128>(&large.into()), Ok(10_u128.pow(20)));
    }
    refused::<f64>(&ALL, &value!("2"));
    refused::<f64>(&ALL, &value!(true));
}

#[test]
fn text_and_bytes_are_not_each_other() {
    refused::<String>(&ALL_TYPES, &value!((Blob::from(*b"abc"))));
    refused::<char>(&ALL_TYPES, &value!((Blob::from(*b"a"))));
    refused::<Blob>(&ALL, &value!("abc"));
    refused::<Blob>(&ALL, &value!([1, 2, 3]));
    refused::<BTreeMap<String, i64>>(&ALL_TYPES, &value!({(Blob::from(*b"a")): 1}));
}

#[test]
fn a_character_is_a_text_of_one() {
    same(&ALL, &'ß', &value!("ß"));
    refused::<char>(&ALL, &value!("ab"));
    refused::<char>(&ALL, &value!(""));
}

#[test]
fn a_struct_is_read_from_a_map_only() {
    same(&ALL, &Point { x: 1, y: 2 }, &value!({"x": 1, "y": 2}));
    let error = refused::<Point>(&ALL, &value!([1, 2]));
    assert_eq!(error.message(), "invalid type: list, expected struct Point");
    refused::<Point>(&ALL, &value!({"x": 1}));
    refused::<Point>(&ALL, &value!({"x": 1, "y": 2, "x": 3}));
    // Neither a position nor bytes name a field.
    refused::<Point>(&ALL_TYPES, &value!({0: 1, 1: 2}));
    refused::<Point>(&ALL_TYPES, &value!({(Blob::from(*b"x")): 1, "y": 2}));
}

#[test]
fn unknown_keys_are_passed_over_unless_the_type_denies_them() {
    #[derive(Debug, Deserialize)]
    #[serde(deny_unknown_fields)]
    struct Strict {
        #[expect(dead_code, reason = "what matters is that it is read")]
        x: i64,
    }
    for way in ALL {
        let wire = value!({"z": [{"deep": nil}], "x": 1, "y": 2, "": {}});
        assert_eq!(way.read(&wire), Ok(Point { x: 1, y: 2 }));
    }
    let error = refused::<Strict>(&ALL, &value!({"x": 1, "z": 2}));
    assert_eq!(error.message(), "unknown field `z`, expected `x`");
}

#[test]
fn a_tuple_has_exactly_as_many_elements() {
    same(&ALL, &(1, "a".to_owned()), &value!([1, "a"]));
    refused::<(i64, i64)>(&ALL, &value!([1]));
    let error = refused::<(i64, i64)>(&ALL, &value!([1, 2, 3]));
    assert_eq!(error.message(), "invalid length 3, expected 2 elements");
    refused::<[i64; 2]>(&ALL, &value!([1, 2, 3]));
}

#[test]
fn maps_have_keys_of_other_types() {
    let map: BTreeMap<i64, bool> = [(-1, true), (300, false)].into();
    same(&ALL_TYPES, &map, &value!({(-1): true, 300: false}));
    // As in Python, JSON makes text of them, and does not make numbers of the text again.
    assert_eq!(
        json::to_vec(&map).unwrap(),
        br#"{"-1": true, "300": false}"#
    );
    refused::<HashMap<i64, bool>>(&ALL, &value!({"1": true}));
}

#[test]
fn third_party_types_travel_as_text() {
    let address: std::net::IpAddr = "10.0.0.1".parse().unwrap();
    same(&ALL, &address, &value!("10.0.0.1"));
}

fn nest(depth: usize) -> Value {
    let mut value = Value::Nil;
    for level in 0..depth {
        value = if level % 2 == 0 {
            Value::List(vec![value])
        } else {
            Value::Map(Map::from([("k", value)]))
        };
    }
    value
}

#[test]
fn nesting_ends_at_the_limit_in_both_directions() {
    let deepest = nest(MAX_DEPTH);
    for way in ALL {
        assert_eq!(way.write(&deepest), deepest);
        assert_eq!(way.read::<Value>(&deepest).as_ref(), Ok(&deepest));
    }
    let too_deep = nest(MAX_DEPTH + 1);
    let message = "nested deeper than 128 lists and maps";
    let mut out = Vec::new();
    for error in [
        msgpack::encode_value(&too_deep, &mut out).unwrap_err(),
        msgpack::to_vec(&too_deep).unwrap_err(),
        json::encode_value(&too_deep, &mut out).unwrap_err(),
        json::to_vec(&too_deep).unwrap_err(),
        super::to_value(&too_deep).unwrap_err(),
    ] {
        assert_eq!(error.to_string(), message);
    }
    assert!(out.is_empty());
    let error = super::from_value::<Value>(too_deep).unwrap_err();
    assert_eq!(error.message(), message);
}

#[test]
fn enums_count_as_the_maps_that_they_are() {
    #[derive(Debug, Serialize, Deserialize)]
    enum Chain {
        End,
        Newtype(Box<Chain>),
        Tuple(Box<Chain>, i64),
        Struct { next: Box<Chain> },
    }
    let chain = |levels: usize, link: fn(Box<Chain>) -> Chain| {
        (0..levels).fold(Chain::End, |end, _| link(Box::new(end)))
    };
    for (link, width) in [
        (Chain::Newtype as fn(Box<Chain>) -> Chain, 1),
        (|next| Chain::Tuple(next, 0), 2),
        (|next| Chain::Struct { next }, 2),
    ] {
        let levels = MAX_DEPTH / width;
        let bytes = msgpack::to_vec(&chain(levels, link)).unwrap();
        msgpack::from_slice::<Chain>(&bytes).unwrap();
        super::to_value(&chain(levels, link)).unwrap();
        assert!(msgpack::to_vec(&chain(levels + 1, link)).is_err());
        assert!(super::to_value(&chain(levels + 1, link)).is_err());
    }
}
