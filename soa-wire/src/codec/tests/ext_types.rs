//! The ext types, bytes and large integers in every place that serde has for a field.

use std::collections::BTreeMap;
use std::fmt::Debug;

use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};

use super::{ALL_TYPES, Way, refused, same};
use crate::codec::{
    Amount, Blob, Date, DateTime, Decimal, Integer, Nullable, Time, UtcDateTime, Value, json,
    msgpack,
};
use crate::value;

#[derive(Debug, PartialEq, Serialize, Deserialize)]
struct Plain<T> {
    field: T,
    option: Option<T>,
    nullable: Nullable<T>,
    list: Vec<T>,
    map: BTreeMap<String, T>,
    pair: (T, T),
}

#[derive(Debug, PartialEq, Serialize, Deserialize)]
struct Flattened<T> {
    before: i64,
    own: T,
    #[serde(flatten)]
    plain: Plain<T>,
}

#[derive(Debug, PartialEq, Serialize, Deserialize)]
struct Rest {
    before: i64,
    #[serde(flatten)]
    rest: BTreeMap<String, Value>,
}

#[derive(Debug, PartialEq, Serialize, Deserialize)]
#[serde(untagged)]
enum Untagged<T> {
    Number(bool),
    It(T),
    Struct { field: T },
    Maybe(Nullable<T>),
}

#[derive(Debug, PartialEq, Serialize, Deserialize)]
#[serde(tag = "type")]
enum Tagged<T> {
    A { field: T, nullable: Nullable<T> },
}

#[derive(Debug, PartialEq, Serialize, Deserialize)]
struct Newtype<T>(T);

#[derive(Debug, PartialEq, Serialize, Deserialize)]
struct Wrapped<T> {
    #[serde(flatten)]
    within: Within<T>,
}

#[derive(Debug, PartialEq, Serialize, Deserialize)]
struct Within<T> {
    once: Newtype<T>,
    twice: Newtype<Newtype<T>>,
    nullable: Nullable<Newtype<T>>,
    newtype: Newtype<Nullable<T>>,
}

fn plain<T: Clone>(it: &T) -> Plain<T> {
    Plain {
        field: it.clone(),
        option: Some(it.clone()),
        nullable: Nullable::Value(it.clone()),
        list: vec![it.clone(), it.clone()],
        map: [("key".to_owned(), it.clone())].into(),
        pair: (it.clone(), it.clone()),
    }
}

fn everywhere<T>(ways: &[Way], it: T)
where
    T: Clone + Into<Value> + PartialEq + Debug + Serialize + DeserializeOwned,
{
    let wire: Value = it.clone().into();
    let w = || wire.clone();
    same(ways, &it, &wire);
    let body = value!({
        "field": (w()),
        "option": (w()),
        "nullable": (w()),
        "list": [(w()), (w())],
        "map": {"key": (w())},
        "pair": [(w()), (w())],
    });
    same(ways, &plain(&it), &body);

    let mut flat = crate::codec::Map::from([("before", Value::from(1)), ("own", w())]);
    flat.extend(body.as_map().unwrap().clone());
    same(
        ways,
        &Flattened {
            before: 1,
            own: it.clone(),
            plain: plain(&it),
        },
        &flat.into(),
    );

    same(
        ways,
        &Rest {
            before: 1,
            rest: [("it".to_owned(), w()), ("list".to_owned(), value!([(w())]))].into(),
        },
        &value!({"before": 1, "it": (w()), "list": [(w())]}),
    );

    same(ways, &Untagged::It(it.clone()), &wire);
    same(ways, &Untagged::Maybe::<T>(Nullable::Null), &Value::Nil);
    same(
        ways,
        &Untagged::Struct { field: it.clone() },
        &value!({"field": (w())}),
    );
    same(
        ways,
        &Tagged::A {
            field: it.clone(),
            nullable: Nullable::Value(it.clone()),
        },
        &value!({"type": "A", "field": (w()), "nullable": (w())}),
    );
    same(
        ways,
        &Wrapped {
            within: Within {
                once: Newtype(it.clone()),
                twice: Newtype(Newtype(it.clone())),
                nullable: Nullable::Value(Newtype(it.clone())),
                newtype: Newtype(Nullable::Value(it)),
            },
        },
        &value!({"once": (w()), "twice": (w()), "nullable": (w()), "newtype": (w())}),
    );
}

fn samples() -> Vec<Value> {
    vec![
        DateTime::MIN.into(),
        UtcDateTime::MAX.into(),
        Date::MAX.into(),
        Time::MIDNIGHT.into(),
        "-1.50E+7".parse::<Decimal>().unwrap().into(),
        Amount::new("EUR", -5).unwrap().into(),
        Blob::from([0, 255]).into(),
    ]
}

#[test]
fn a_date_time_goes_everywhere() {
    everywhere(&ALL_TYPES, DateTime::from_micros(-1).unwrap());
    everywhere(&ALL_TYPES, DateTime::MAX);
}

#[test]
fn a_date_time_in_utc_goes_everywhere() {
    everywhere(&ALL_TYPES, UtcDateTime::MIN);
}

#[test]
fn a_date_goes_everywhere() {
    everywhere(&ALL_TYPES, Date::new(2024, 2, 29).unwrap());
}

#[test]
fn a_time_goes_everywhere() {
    everywhere(&ALL_TYPES, Time::new(23, 59, 59, 999_999).unwrap());
}

#[test]
fn a_decimal_goes_everywhere() {
    for text in ["1.10", "NaN", &"9".repeat(300)] {
        everywhere(&ALL_TYPES, text.parse::<Decimal>().unwrap());
    }
}

#[test]
fn an_amount_goes_everywhere() {
    everywhere(&ALL_TYPES, Amount::new("JPY", i64::MIN).unwrap());
}

#[test]
fn bytes_go_everywhere() {
    everywhere(&ALL_TYPES, Blob::from([1, 2, 3]));
    everywhere(&ALL_TYPES, Blob::default());
}

#[test]
fn a_value_of_any_kind_goes_where_its_type_would() {
    for sample in samples() {
        same(
            &ALL_TYPES,
            &plain(&sample),
            &super::to_value(&plain(&sample)).unwrap(),
        );
        everywhere_but_untagged(&ALL_TYPES, &sample);
    }
    everywhere_but_untagged(
        &super::ALL,
        &value!({"a": [1, (-1), 2.5, true, "x", nil], "": {}}),
    );
    everywhere_but_untagged(&super::ALL, &value!([[], [1], [1, "x"], [(-100), 5]]));
    let large: Integer = "123456789012345678901234567890".parse().unwrap();
    everywhere_but_untagged(&[Way::Json, Way::Value], &large.into());
}

/// A value is never the second choice of an untagged enum.
fn everywhere_but_untagged(ways: &[Way], it: &Value) {
    let w = || it.clone();
    same(
        ways,
        &Wrapped {
            within: Within {
                once: Newtype(w()),
                twice: Newtype(Newtype(w())),
                nullable: Nullable::Value(Newtype(w())),
                newtype: Newtype(Nullable::Value(w())),
            },
        },
        &value!({"once": (w()), "twice": (w()), "nullable": (w()), "newtype": (w())}),
    );
    let wire = value!({"type": "A", "field": (w()), "nullable": (w())});
    same(
        ways,
        &Tagged::A {
            field: w(),
            nullable: Nullable::Value(w()),
        },
        &wire,
    );
}

#[test]
fn a_large_integer_goes_everywhere_but_into_messagepack() {
    for text in [
        "18446744073709551616",
        "-9223372036854775809",
        &"8".repeat(400),
    ] {
        let large: Integer = text.parse().unwrap();
        everywhere(&[Way::Json, Way::Value], large.clone());
        assert_eq!(
            msgpack::to_vec(&vec![&large]).unwrap_err().to_string(),
            format!("integer `{text}` does not fit 64 bits")
        );
        let mut out = vec![7];
        assert!(msgpack::encode_value(&value!([1, (large)]), &mut out).is_err());
        assert_eq!(out, [7]);
    }
    everywhere(&super::ALL, Integer::from(u64::MAX));
    everywhere(&super::ALL, Integer::from(i64::MIN));
}

#[test]
fn an_ext_type_is_not_taken_for_another_or_for_a_list() {
    #[derive(Debug, Deserialize)]
    struct Flat<T> {
        #[serde(flatten)]
        #[expect(dead_code, reason = "what matters is that it cannot be read")]
        within: Field<T>,
    }
    #[derive(Debug, Deserialize)]
    struct Field<T> {
        #[expect(dead_code, reason = "what matters is that it cannot be read")]
        field: T,
    }
    let date = || Value::from(Date::MAX);
    refused::<DateTime>(&ALL_TYPES, &date());
    refused::<Vec<Value>>(&ALL_TYPES, &date());
    refused::<(i8, Blob)>(&ALL_TYPES, &date());
    refused::<i64>(&ALL_TYPES, &date());
    refused::<String>(&ALL_TYPES, &date());
    for bad in [
        date(),
        value!([1, (Blob::from(0_i64.to_be_bytes()))]),
        value!("2026-11-21"),
    ] {
        let body = value!({"field": (bad)});
        refused::<Flat<DateTime>>(&ALL_TYPES, &body);
        refused::<Field<DateTime>>(&ALL_TYPES, &body);
        refused::<Field<Amount>>(&ALL_TYPES, &body);
    }
    let error = refused::<Field<i64>>(&ALL_TYPES, &value!({"field": (date())}));
    assert_eq!(error.message(), "invalid type: date, expected i64");
}

#[test]
fn a_list_of_a_number_and_bytes_stays_a_list() {
    #[derive(Debug, PartialEq, Serialize, Deserialize)]
    struct Flat {
        #[serde(flatten)]
        rest: BTreeMap<String, Value>,
    }
    let list = value!([1, (Blob::from(0_i64.to_be_bytes()))]);
    let flat = Flat {
        rest: [("a".to_owned(), list.clone())].into(),
    };
    same(&ALL_TYPES, &flat, &value!({"a": (list)}));
}

#[test]
fn json_carries_neither_bytes_nor_ext_types() {
    for sample in samples() {
        let error = json::to_vec(&value!({"a": [(sample.clone())]})).unwrap_err();
        assert_eq!(
            error.to_string(),
            format!("{} cannot be carried by JSON", sample.kind_name())
        );
    }
}

#[test]
fn the_reserved_name_is_for_the_ext_types_of_the_protocol() {
    #[derive(Serialize)]
    #[serde(rename = "_ExtStruct")]
    struct Pair<T, P>(T, P);
    #[derive(Serialize)]
    #[serde(rename = "_ExtStruct")]
    struct Ext<P>(P);
    for way in ALL_TYPES {
        let write =
            |value: &dyn Fn() -> Result<(), crate::codec::EncodeError>| value().unwrap_err();
        let error = write(&|| match way {
            Way::MessagePack => msgpack::to_vec(&Ext((99_i8, Blob::default()))).map(drop),
            _ => super::to_value(&Ext((99_i8, Blob::default()))).map(drop),
        });
        assert_eq!(error.to_string(), "unknown ext type 99");
        let error = write(&|| match way {
            Way::MessagePack => msgpack::to_vec(&Ext((3_i8, Blob::from([1])))).map(drop),
            _ => super::to_value(&Ext((3_i8, Blob::from([1])))).map(drop),
        });
        assert_eq!(error.to_string(), "invalid date: a payload of 1 bytes");
        assert!(msgpack::to_vec(&Ext(1)).is_err());
        assert!(msgpack::to_vec(&Ext((1, 2))).is_err());
        assert!(msgpack::to_vec(&Ext((1_i8, "x"))).is_err());
    }
    // A tuple struct of that name is none.
    assert_eq!(super::to_value(&Pair(1, 2)).unwrap(), value!([1, 2]));
}
