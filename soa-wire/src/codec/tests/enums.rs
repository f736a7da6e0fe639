//! Enums, in serde's representations.

use serde::{Deserialize, Serialize};

use super::{ALL, ALL_TYPES, refused, same};
use crate::codec::{Nullable, Value};
use crate::value;

#[derive(Debug, PartialEq, Serialize, Deserialize)]
enum External {
    Unit,
    Newtype(i64),
    Option(Option<i64>),
    Tuple(i64, Option<String>),
    Struct { a: Option<i64>, b: Nullable<i64> },
}

#[test]
fn a_variant_is_its_name_or_a_map_of_one() {
    same(&ALL, &External::Unit, &value!("Unit"));
    same(&ALL, &External::Newtype(1), &value!({"Newtype": 1}));
    same(&ALL, &External::Option(None), &value!({"Option": nil}));
    same(
        &ALL,
        &External::Tuple(1, None),
        &value!({"Tuple": [1, nil]}),
    );
    same(
        &ALL,
        &External::Struct {
            a: None,
            b: Nullable::Null,
        },
        &value!({"Struct": {"b": nil}}),
    );
    for way in ALL {
        assert_eq!(way.read(&value!({"Unit": nil})), Ok(External::Unit));
    }
}

#[test]
fn what_is_no_variant_is_refused() {
    for wire in [
        value!("Other"),
        value!("Newtype"),
        value!({"Unit": 1}),
        value!({}),
        value!({"Newtype": 1, "Unit": nil}),
        value!({"Struct": {"a": nil, "b": 1}}),
        value!({"Struct": [1, 2]}),
        value!({"Tuple": [1]}),
        value!({"Tuple": [1, nil, 2]}),
        value!(["Unit"]),
        value!(0),
        value!(nil),
    ] {
        refused::<External>(&ALL, &wire);
    }
    refused::<External>(&ALL_TYPES, &value!({0: nil}));
}

#[test]
fn tagged_enums_are_maps() {
    #[derive(Debug, PartialEq, Serialize, Deserialize)]
    #[serde(tag = "kind")]
    enum Internal {
        Unit,
        Struct { a: Option<i64>, b: Value },
    }
    same(&ALL, &Internal::Unit, &value!({"kind": "Unit"}));
    let it = Internal::Struct {
        a: None,
        b: Value::Nil,
    };
    same(&ALL, &it, &value!({"kind": "Struct", "b": nil}));

    #[derive(Debug, PartialEq, Serialize, Deserialize)]
    #[serde(tag = "kind", content = "of")]
    enum Adjacent {
        Unit,
        Newtype(i64),
    }
    same(&ALL, &Adjacent::Unit, &value!({"kind": "Unit"}));
    same(
        &ALL,
        &Adjacent::Newtype(5),
        &value!({"kind": "Newtype", "of": 5}),
    );
}

#[test]
fn a_flattened_enum_is_one_pair_of_the_map() {
    #[derive(Debug, PartialEq, Serialize, Deserialize)]
    struct Holder {
        own: Option<i64>,
        #[serde(flatten)]
        variant: External,
    }
    same(
        &ALL,
        &Holder {
            own: None,
            variant: External::Newtype(1),
        },
        &value!({"Newtype": 1}),
    );
}
