//! Schemas and validation of the wire's types.

use garde::Validate;
use schemars::{JsonSchema, schema_for};

use crate::codec::{
    Amount, Blob, Date, DateTime, Decimal, Integer, Map, Nullable, Time, UtcDateTime, Value,
};

#[derive(JsonSchema)]
#[expect(dead_code, reason = "only its schema is looked at")]
struct Everything {
    date_time: DateTime,
    utc: UtcDateTime,
    date: Date,
    time: Time,
    decimal: Decimal,
    amount: Amount,
    blob: Blob,
    value: Value,
    map: Map,
    integer: Integer,
    nullable: Nullable<i64>,
    option: Option<DateTime>,
    option_of_value: Option<Value>,
    option_of_nullable: Option<Nullable<String>>,
    nullable_date: Nullable<Date>,
    list_of_nullables: Vec<Nullable<bool>>,
    list: Vec<Amount>,
}

#[test]
fn every_schema_says_which_type_of_the_wire_it_is() {
    let schema = schema_for!(Everything);
    let properties = schema.get("properties").unwrap().as_object().unwrap();
    let lines: Vec<String> = properties
        .iter()
        .map(|(name, schema)| format!("{name}: {schema}"))
        .collect();
    insta::assert_snapshot!(lines.join("\n"), @r#"
    date_time: {"x-soa-type":"datetime","type":"string","format":"date-time","pattern":"^[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9:.]+$"}
    utc: {"x-soa-type":"datetime-utc","type":"string","format":"date-time","pattern":"^[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9:.]+(Z|[+-][0-9:.]+)$"}
    date: {"x-soa-type":"date","type":"string","format":"date","pattern":"^[0-9]{4}-[0-9]{2}-[0-9]{2}$"}
    time: {"x-soa-type":"time","type":"string","format":"time","pattern":"^[0-9]{2}:[0-9]{2}:[0-9.]+$"}
    decimal: {"x-soa-type":"decimal","type":"string","format":"decimal","pattern":"^[+-]?([0-9.]+([eE][+-]?[0-9]+)?|[iI][nN][fF].*|[sS]?[nN][aA][nN][0-9]*)$"}
    amount: {"x-soa-type":"currint.Amount","type":"string","pattern":"^[A-Z]{3} -?[0-9]+$"}
    blob: {"x-soa-type":"bytes","type":"string","format":"binary"}
    value: {"x-soa-type":"anything"}
    map: {"x-soa-type":"schemaless_dictionary","type":"object"}
    integer: {"type":"integer"}
    nullable: {"type":["integer","null"],"format":"int64","x-soa-nullable":true}
    option: {"x-soa-type":"datetime","type":["string","null"],"format":"date-time","pattern":"^[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9:.]+$"}
    option_of_value: {"x-soa-type":"anything"}
    option_of_nullable: {"type":["string","null"],"x-soa-nullable":true}
    nullable_date: {"x-soa-type":"date","type":["string","null"],"format":"date","pattern":"^[0-9]{4}-[0-9]{2}-[0-9]{2}$","x-soa-nullable":true}
    list_of_nullables: {"type":"array","items":{"type":["boolean","null"],"x-soa-nullable":true}}
    list: {"type":"array","items":{"type":"string","x-soa-type":"currint.Amount","pattern":"^[A-Z]{3} -?[0-9]+$"}}
    "#);
    insta::assert_snapshot!(schema.get("required").unwrap(), @r#"["date_time","utc","date","time","decimal","amount","blob","value","map","integer","nullable","nullable_date","list_of_nullables","list"]"#);
    assert!(schema.get("$defs").is_none());
}

#[derive(Validate)]
struct Inner {
    #[garde(range(max = 10))]
    number: i64,
}

#[derive(Validate)]
struct Outer {
    #[garde(dive)]
    nullable: Nullable<Inner>,
    #[garde(dive)]
    when: DateTime,
    #[garde(dive)]
    option: Option<Value>,
    #[garde(inner(length(min = 2)))]
    text: Nullable<String>,
    #[garde(length(max = 3))]
    blob: Blob,
}

fn outer(nullable: Nullable<Inner>, text: Nullable<String>, blob: &[u8]) -> Outer {
    Outer {
        nullable,
        when: DateTime::MIN,
        option: Some(Value::Nil),
        text,
        blob: blob.into(),
    }
}

#[test]
fn validation_reaches_through_a_nullable() {
    assert!(
        outer(Nullable::Null, Nullable::Null, b"123")
            .validate()
            .is_ok()
    );
    let valid = outer(
        Inner { number: 10 }.into(),
        Nullable::Value("ab".to_owned()),
        b"",
    );
    assert!(valid.validate().is_ok());
    let invalid = outer(
        Inner { number: 11 }.into(),
        Nullable::Value("a".to_owned()),
        b"1234",
    );
    insta::assert_snapshot!(invalid.validate().unwrap_err(), @r#"
    blob: length is greater than 3
    nullable.number: greater than 10
    text: length is lower than 2
    "#);
}
