//! The arguments and results of the example service. Their fields are what a caller gives by position.

// The names say it, and descriptions would be part of what is published.
#![allow(missing_docs)]

use std::collections::BTreeMap;

use soa::{DateTime, Decimal, Value};

use super::types::{Color, Item, Node, Point, Scalars};

/// Declares a body with one field.
macro_rules! one_field {
    ($($name:ident { $field:ident: $type:ty })*) => {$(
        #[soa::body]
        pub struct $name {
            pub $field: $type,
        }
    )*};
}

one_field! {
    TextValue { value: String }
    IntValue { value: i64 }
    FloatValue { value: f64 }
    BoolValue { value: bool }
    BytesValue { value: soa::Blob }
    IntValues { values: Vec<i64> }
    TextValues { values: Vec<String> }
    PointArgument { point: Point }
    NodeArgument { node: Node }
    ItemArgument { item: Item }
    Count { count: u32 }
    MapValue { value: BTreeMap<String, i64> }
    MaybeText { value: Option<String> }
    MaybeInt { value: Option<i64> }
    MaybePoint { value: Option<Point> }
    DateTimeValue { value: DateTime }
    DecimalValue { value: Decimal }
    UuidValue { value: uuid::Uuid }
    ColorValue { value: Color }
    Message { message: String }
    Seconds { seconds: f64 }

    TextResult { result: String }
    IntResult { result: i64 }
    FloatResult { result: f64 }
    BoolResult { result: bool }
    BytesResult { result: soa::Blob }
    IntsResult { result: Vec<i64> }
    TextsResult { result: Vec<String> }
    ScalarsResult { result: Scalars }
    PointResult { result: Point }
    PointsResult { result: Vec<Point> }
    NodeResult { result: Node }
    ItemResult { result: Item }
    ItemsResult { result: Vec<Item> }
    MapResult { result: BTreeMap<String, i64> }
    MaybeTextResult { result: Option<String> }
    MaybeIntResult { result: Option<i64> }
    MaybePointResult { result: Option<Point> }
    UntypedResult { result: Value }
    DateTimeResult { result: DateTime }
    DecimalResult { result: Decimal }
    UuidResult { result: uuid::Uuid }
    ColorResult { result: Color }
}

#[soa::body]
pub struct ScalarArguments {
    pub i: i64,
    pub f: f64,
    pub b: bool,
    pub s: String,
}

#[soa::body]
pub struct Summands {
    pub a: i64,
    #[serde(default = "ten")]
    pub b: i64,
}

fn ten() -> i64 {
    10
}

#[soa::body]
pub struct Move {
    pub points: Vec<Point>,
    pub dx: i64,
    pub dy: i64,
}

#[soa::body]
pub struct Later {
    pub value: String,
    pub seconds: f64,
}

#[soa::body]
pub struct MainHealth {
    pub status: String,
    pub details: String,
}
