//! Values are read as they were written, by the schema of their type and by what a service says of it.

use std::collections::BTreeMap;

use proptest::prelude::*;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::{Plain, read, write};
use crate::codec::{
    Amount, Blob, Date, DateTime, Decimal, Integer, Map, Nullable, Time, UtcDateTime, Value,
    from_value, to_value,
};
use crate::schema::Schema;
use crate::value;

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
struct Everything {
    price: Decimal,
    day: Date,
    at: Time,
    local: DateTime,
    moment: UtcDateTime,
    total: Amount,
    blob: Blob,
    big: Integer,
    small: i8,
    share: f64,
    single: f32,
    flag: bool,
    text: String,
    tip: Option<Decimal>,
    until: Nullable<Date>,
    both: Option<Nullable<UtcDateTime>>,
    prices: Vec<Decimal>,
    pair: (Date, i64),
    by_number: BTreeMap<i64, Decimal>,
    by_id: BTreeMap<u32, Nullable<Time>>,
    by_day: BTreeMap<Date, Blob>,
    by_name: BTreeMap<String, Amount>,
    payment: Payment,
    choices: Vec<Choice>,
    either: Either,
    #[serde(flatten)]
    more: More,
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(tag = "kind")]
enum Payment {
    Card { fee: Decimal },
    Transfer { on: Date },
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
enum Choice {
    Nothing,
    At(UtcDateTime),
    Between(Date, Date),
    Worth { price: Decimal },
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(untagged)]
enum Either {
    Count(i64),
    Day(Date),
    List(Vec<Decimal>),
    Name(String),
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
struct More {
    rate: Decimal,
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
struct Tree {
    price: Decimal,
    inner: Vec<Tree>,
}

fn decimals() -> impl Strategy<Value = Decimal> {
    let number = "[+-]?[0-9]{1,40}(\\.[0-9]{0,40})?([eE][+-]?[0-9]{1,9})?";
    prop_oneof![number, "-?(Infinity|s?NaN[0-9]{0,3})"].prop_map(|text| text.parse().unwrap())
}

fn dates() -> impl Strategy<Value = Date> {
    (-719_162_i64..=2_932_896).prop_map(|days| Date::from_days_since_epoch(days).unwrap())
}

fn times() -> impl Strategy<Value = Time> {
    (0_u64..86_400_000_000).prop_map(|micros| Time::from_micros_since_midnight(micros).unwrap())
}

fn moments() -> impl Strategy<Value = DateTime> {
    (DateTime::MIN.as_micros()..=DateTime::MAX.as_micros())
        .prop_map(|micros| DateTime::from_micros(micros).unwrap())
}

fn amounts() -> impl Strategy<Value = Amount> {
    ("[A-Z]{3}", any::<i64>()).prop_map(|(currency, minor)| Amount::new(&currency, minor).unwrap())
}

fn blobs() -> impl Strategy<Value = Blob> {
    prop::collection::vec(any::<u8>(), 0..20).prop_map(Blob::from)
}

fn choices() -> impl Strategy<Value = Choice> {
    prop_oneof![
        Just(Choice::Nothing),
        moments().prop_map(|moment| Choice::At(moment.assume_utc())),
        (dates(), dates()).prop_map(|(from, to)| Choice::Between(from, to)),
        decimals().prop_map(|price| Choice::Worth { price }),
    ]
}

fn everything() -> impl Strategy<Value = Everything> {
    let own = (
        decimals(),
        dates(),
        times(),
        moments(),
        moments(),
        amounts(),
        blobs(),
    );
    let numbers = (
        "-?[1-9][0-9]{0,60}",
        any::<i8>(),
        prop_oneof![
            any::<f64>().prop_filter("one NaN for all", |float| !float.is_nan()),
            Just(f64::NEG_INFINITY),
            Just(-0.0),
        ],
        -1e30_f32..1e30,
        any::<bool>(),
        ".{0,20}",
    );
    let absent = (
        prop::option::of(decimals()),
        prop::option::of(dates()),
        prop::option::of(prop::option::of(moments())),
    );
    let lists = (
        prop::collection::vec(decimals(), 0..4),
        (dates(), any::<i64>()),
        prop::collection::btree_map(any::<i64>(), decimals(), 0..4),
        prop::collection::btree_map(any::<u32>(), prop::option::of(times()), 0..4),
        prop::collection::btree_map(dates(), blobs(), 0..4),
        prop::collection::btree_map(".{0,5}", amounts(), 0..4),
    );
    let enums = (
        prop_oneof![
            decimals().prop_map(|fee| Payment::Card { fee }),
            dates().prop_map(|on| Payment::Transfer { on }),
        ],
        prop::collection::vec(choices(), 0..4),
        prop_oneof![
            any::<i64>().prop_map(Either::Count),
            dates().prop_map(Either::Day),
            prop::collection::vec(decimals(), 0..4).prop_map(Either::List),
            "[a-z]{0,9}".prop_map(Either::Name),
        ],
        decimals(),
    );
    (own, numbers, absent, lists, enums).prop_map(|(own, numbers, absent, lists, enums)| {
        Everything {
            price: own.0,
            day: own.1,
            at: own.2,
            local: own.3,
            moment: own.4.assume_utc(),
            total: own.5,
            blob: own.6,
            big: numbers.0.parse().unwrap(),
            small: numbers.1,
            share: numbers.2,
            single: numbers.3,
            flag: numbers.4,
            text: numbers.5,
            tip: absent.0,
            until: absent.1.into(),
            both: absent.2.map(|at| at.map(DateTime::assume_utc).into()),
            prices: lists.0,
            pair: lists.1,
            by_number: lists.2,
            by_id: lists
                .3
                .into_iter()
                .map(|(id, time)| (id, time.into()))
                .collect(),
            by_day: lists.4,
            by_name: lists.5,
            payment: enums.0,
            choices: enums.1,
            either: enums.2,
            more: More { rate: enums.3 },
        }
    })
}

/// The schema of a type, as a remote caller has it.
fn told<T: JsonSchema + 'static>() -> Schema {
    Schema::from_introspection(&Schema::of::<T>().introspect().unwrap())
}

proptest! {
    #[test]
    fn a_value_of_any_type_is_read_as_it_was_written(everything in everything()) {
        let value = to_value(&everything).unwrap();
        let text = write(&value);
        prop_assert!(serde_json::from_str::<serde_json::Value>(&text).is_ok(), "{}", text);
        for schema in [&*Schema::of::<Everything>(), &told::<Everything>()] {
            let read = read(schema, &text).unwrap();
            prop_assert_eq!(&read, &value);
            prop_assert_eq!(schema.check(&read), []);
        }
        let read = read(&Schema::of::<Everything>(), &text).unwrap();
        prop_assert_eq!(from_value::<Everything>(read).unwrap(), everything);
    }

    #[test]
    fn no_json_makes_the_reader_panic(text in r#"[\[\]{}",:0-9a-z.+-]{0,60}"#) {
        let _ = read(&Schema::of::<Everything>(), &text);
        let _ = read(&Schema::of::<Tree>(), &text);
    }

    #[test]
    fn no_data_makes_the_reader_panic(text in r#"[-+0-9a-zA-Z:.=/]{0,30}"#, number in any::<f64>()) {
        for given in [Value::from(&*text), number.into(), value!([(&*text)]), value!({ (&*text): number })] {
            let whole = Map::from(["price", "blob", "big", "share", "by_number", "payment", "either"]
                .map(|field| (field, given.clone())));
            let _ = Plain::from_value(whole.into()).read(&Schema::of::<Everything>());
        }
    }
}

#[test]
fn numbers_keep_all_digits() {
    let schema = Schema::of::<Tree>();
    for text in [
        "1.10",
        "100",
        "-0.0000000000000000000000000001",
        "1E+500",
        "12345678901234567890.12",
    ] {
        let read = read(&schema, &format!(r#"{{"price": {text}, "inner": []}}"#)).unwrap();
        let price: Decimal = text.parse().unwrap();
        assert_eq!(read.get("price"), Some(&price.into()), "{text}");
    }
    // Of another source, a float is as good as its digits.
    let price = |number: f64| {
        let data = value!({ "price": number, "inner": [] });
        Plain::from_value(data).read(&schema)
    };
    let read: Decimal = "1.1".parse().unwrap();
    assert_eq!(price(1.10).unwrap().get("price"), Some(&read.into()));
    let error = price(0.1 + 0.2).unwrap_err().to_string();
    assert_eq!(
        error,
        r#"`price`: expected a decimal number such as "12.30", found the float 0.30000000000000004"#
    );
}

#[test]
fn numbers_may_be_text_and_whole_numbers_floats() {
    #[derive(JsonSchema)]
    #[expect(dead_code, reason = "only its schema is used")]
    struct Numbers {
        big: Integer,
        small: i64,
        share: f64,
    }
    let schema = Schema::of::<Numbers>();
    for (text, expected) in [
        (
            r#"{"big": "100000000000000000000"}"#,
            value!({ "big": ("100000000000000000000".parse::<Integer>().unwrap()) }),
        ),
        (
            r#"{"small": "-5", "share": "2.5"}"#,
            value!({ "small": (-5), "share": 2.5 }),
        ),
        (
            r#"{"small": 2.0, "share": 7}"#,
            value!({ "small": 2, "share": 7 }),
        ),
        (r#"{"small": 1e3}"#, value!({ "small": 1000 })),
        (r#"{"share": "NaN"}"#, value!({ "share": (f64::NAN) })),
    ] {
        assert_eq!(read(&schema, text).unwrap(), expected, "{text}");
    }
    // What is none is left to the check of the value.
    for text in [
        r#"{"small": 1.5}"#,
        r#"{"small": "x"}"#,
        r#"{"small": 1e999}"#,
        r#"{"share": "x"}"#,
    ] {
        let read = read(&schema, text).unwrap();
        let errors = schema.check(&read);
        assert!(errors.iter().any(|error| error.code == "INVALID"), "{text}");
    }
}

#[test]
fn everything_that_cannot_be_read_is_reported_at_once() {
    let text = r#"{
        "price": true, "day": "2026-02-30", "at": "8:30", "local": "2026-11-21T08:30:00Z",
        "moment": "2026-11-21T08:30:00", "total": "12.50 USD", "blob": "?", "until": 7, "prices": ["1", "one", null],
        "pair": ["today", 1], "by_number": {"x": "1", "7": "y"}, "by_day": {"monday": ""},
        "payment": {"kind": "Card", "fee": {}}
    }"#;
    let error = read(&Schema::of::<Everything>(), text).unwrap_err();
    insta::assert_snapshot!(error, @r#"
    `price`: expected a decimal number such as "12.30", found true
    `day`: expected a date such as "2026-11-21", found "2026-02-30"
    `at`: expected a time such as "08:30:00", found "8:30"
    `local`: expected a date-time without zone such as "2026-11-21T08:30:00", found "2026-11-21T08:30:00Z"
    `moment`: expected a date-time with its zone such as "2026-11-21T08:30:00+00:00", found "2026-11-21T08:30:00"
    `total`: expected an amount in minor units such as "USD 1250", found "12.50 USD"
    `blob`: expected bytes as base64 such as "AP/+", found "?"
    `until`: expected a date such as "2026-11-21", found the number 7
    `prices.1`: expected a decimal number such as "12.30", found "one"
    `prices.2`: expected a decimal number such as "12.30", found null
    `pair.0`: expected a date such as "2026-11-21", found "today"
    `by_number.x`: expected a key that is an integer, found "x"
    `by_number.7`: expected a decimal number such as "12.30", found "y"
    `by_day.monday`: expected a key that is a date such as "2026-11-21", found "monday"
    `payment.fee`: expected a decimal number such as "12.30", found a map
    "#);
    // A service says "datetime" for both kinds, so the zone is not compared.
    let text = r#"{"moment": "2026-11-21T08:30:00", "price": "x"}"#;
    let error = read(&told::<Everything>(), text).unwrap_err();
    assert_eq!(error.errors().len(), 1);
    let error = read(&told::<Everything>(), "{").unwrap_err();
    insta::assert_snapshot!(error, @r#"not JSON: unexpected end of input, expected a key in quotes at byte 1"#);
}

#[test]
fn a_long_text_is_cut_in_an_error() {
    let text = format!(r#"{{"price": "{}"}}"#, "é".repeat(1000));
    let error = read(&Schema::of::<Tree>(), &text).unwrap_err().to_string();
    assert!(error.ends_with("é\"…") && error.len() < 300, "{error}");
}

#[test]
fn where_anything_is_allowed_json_says_what_a_text_is() {
    let schema = Schema::from_introspection(&Value::Nil);
    let read = read(
        &schema,
        r#"{"price": "1.10", "number": 1.10, "list": [1e400]}"#,
    )
    .unwrap();
    assert_eq!(
        read,
        value!({ "price": "1.10", "number": 1.1, "list": [(f64::INFINITY)] })
    );
    let plain = Plain::from_json("[1.10]").unwrap();
    assert_eq!(plain.into_value(), value!([1.1]));
    // The types of values that do not come from JSON are kept.
    let price: Decimal = "1.10".parse().unwrap();
    let data = value!({ "price": price });
    assert_eq!(Plain::from_value(data.clone()).read(&schema).unwrap(), data);
}

#[test]
fn types_inside_of_themselves_are_read_to_their_leaves() {
    let text =
        r#"{"price": "1", "inner": [{"price": "2.0", "inner": [{"price": 3.00, "inner": []}]}]}"#;
    let tree: Tree = from_value(read(&Schema::of::<Tree>(), text).unwrap()).unwrap();
    assert_eq!(tree.inner[0].inner[0].price.as_str(), "3.00");
}

#[test]
fn alternatives_without_end_are_given_up() {
    #[derive(JsonSchema)]
    #[serde(untagged)]
    #[expect(dead_code, reason = "only its schema is used")]
    enum Twice {
        List(Vec<Twice>),
        Other(Vec<Twice>),
        Price(Decimal),
    }
    #[derive(JsonSchema)]
    #[expect(dead_code, reason = "only its schema is used")]
    struct Body {
        twice: Twice,
    }
    let depth = 100;
    let text = format!(
        r#"{{"twice": {}"x"{}}}"#,
        "[".repeat(depth),
        "]".repeat(depth)
    );
    let error = read(&Schema::of::<Body>(), &text).unwrap_err();
    assert!(
        error
            .to_string()
            .contains("too large or too deep to be read"),
        "{error}"
    );
}

#[test]
fn what_pysoa_says_of_a_service_is_understood() {
    let schema = Schema::from_introspection(&value!({
        "type": "dictionary",
        "contents": {
            "price": { "type": "all", "requirements": [{ "type": "anything" }, { "type": "decimal" }] },
            "days": { "type": "set", "contents": { "type": "date" } },
            "by_flag": { "type": "schemaless_dictionary", "key_type": { "type": "boolean" },
                "value_type": { "type": "nullable", "nullable": { "type": "bytes" } } },
            "by_time": { "type": "schemaless_dictionary", "key_type": { "type": "time" } },
            "thing": { "type": "polymorph", "switch_field": "kind", "contents_map": {
                "a": { "type": "dictionary", "contents": { "kind": { "type": "unicode" }, "at": { "type": "datetime" } } },
                "__default__": { "type": "dictionary", "contents": { "kind": { "type": "unicode" }, "at": { "type": "date" } } },
            } },
            "rate": { "type": "any", "options": [{ "type": "null" }, { "type": "decimal", "lt": 10 }, { "type": "unicode" }] },
            "text": { "type": "unicode_decimal" },
            "odd": { "type": "timedelta" },
        },
        "optional_keys": [],
        "allow_extra_keys": true,
    }));
    let text = r#"{"price": "1.0", "days": ["2026-11-21"], "by_flag": {"true": "AA==", "false": null},
        "by_time": {"08:30:00": "1.0"}, "thing": {"kind": "b", "at": "2026-11-21"}, "rate": "9.99",
        "text": "1.10", "odd": "1.10", "extra": "1.10"}"#;
    let decimal = |text: &str| text.parse::<Decimal>().unwrap();
    let day = Date::new(2026, 11, 21).unwrap();
    let time = Time::new(8, 30, 0, 0).unwrap();
    let expected = value!({
        "price": (decimal("1.0")), "days": [day], "by_flag": { true: (Blob::from([0])), false: nil },
        "by_time": { time: "1.0" }, "thing": { "kind": "b", "at": day }, "rate": (decimal("9.99")),
        "text": "1.10", "odd": "1.10", "extra": "1.10",
    });
    assert_eq!(read(&schema, text).unwrap(), expected);
    // Beyond the limit of the decimal, it is the next alternative.
    let read = read(&schema, r#"{"rate": "10.00"}"#).unwrap();
    assert_eq!(read, value!({ "rate": "10.00" }));
}

#[derive(JsonSchema)]
#[expect(dead_code, reason = "what matters is its schema")]
struct Numbers {
    id: i64,
    small: i8,
    large: u128,
    share: f64,
    any: Value,
    by_id: BTreeMap<u64, i64>,
}

/// Returns the fields and messages of the errors of a text that HTTP brought.
fn web_errors(json: &str) -> Vec<(String, String)> {
    let plain = Plain::from_json(json).unwrap();
    let (_, errors) = plain.read_as(&Schema::of::<Numbers>(), super::Reading::WEB);
    let errors = errors.into_iter();
    let told = errors.map(|error| (error.field.unwrap_or_default(), error.message));
    told.collect()
}

#[test]
fn integers_beyond_64_bits_are_errors_of_their_fields_where_the_encoding_has_none() {
    let large = "100000000000000000000";
    let found = web_errors(&format!(
        r#"{{"id": {large}, "small": -{large}, "large": {large}, "share": {large}, "any": [{{"a": -{large}}}], "by_id": {{"{large}": 1, "7": "{large}"}}}}"#
    ));
    let of = |field: &str| {
        let error = found.iter().find(|(known, _)| known == field);
        error.map(|(_, message)| message.as_str())
    };
    assert_eq!(of("id"), Some("Value not <= 9223372036854775807"));
    assert_eq!(of("small"), Some("Value not >= -128"));
    assert_eq!(of("large"), Some("Value not <= 18446744073709551615"));
    assert_eq!(of("any.0.a"), Some("Value not >= -9223372036854775808"));
    assert_eq!(of("by_id.7"), Some("Value not <= 9223372036854775807"));
    assert!(of(&format!("by_id.{large}")).is_some(), "{found:?}");
    assert_eq!(found.len(), 6, "{found:?}");

    let plain = Plain::from_json(&format!(r#"{{"a": {large}}}"#)).unwrap();
    let (_, errors) = plain.read_untyped(super::Reading::WEB);
    assert_eq!(errors.len(), 1);
    assert_eq!(errors[0].field.as_deref(), Some("a"));
}

#[test]
fn a_number_that_is_too_large_for_a_float_is_an_error_of_its_field() {
    for share in ["1e999", "-1e999", "\"1e999\""] {
        let found = web_errors(&format!(r#"{{"share": {share}}}"#));
        assert_eq!(found.len(), 1, "{share}");
        assert_eq!(found[0].0, "share");
    }
    for share in ["1e308", "1e-999", "\"Infinity\""] {
        assert!(web_errors(&format!(r#"{{"share": {share}}}"#)).is_empty());
    }
}
