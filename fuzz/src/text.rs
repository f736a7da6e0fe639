//! The text form of values: what the target `text` checks, and the same for the captured messages as a test.

use schemars::JsonSchema;
use soa_wire::Value;
use soa_wire::schema::Schema;
use soa_wire::text::{self, Plain};

use crate::{Flat, Tagged, Tree, Wire};

/// Checks all that holds for any text: what can be written can be read, and what was read by a schema is written and read as
/// the same again.
pub fn check(data: &[u8]) {
    let Ok(json) = std::str::from_utf8(data) else {
        return;
    };
    let Ok(plain) = Plain::from_json(json) else {
        for schema in schemas() {
            assert!(text::read(&schema, json).is_err());
        }
        return;
    };
    let value = plain.clone().into_value();
    let written = text::write(&value);
    Plain::from_json(&written).expect("what was written is JSON");
    for schema in schemas() {
        let misfits = Plain::from_value(value.clone()).read_misfits(&schema);
        if schema.check(&value).is_empty() {
            assert_eq!(text::write(&misfits), written, "what fits stays as it is");
        }
        match plain.clone().read(&schema) {
            Ok(read) => is_read_again(&schema, &read),
            Err(error) => assert!(!error.errors().is_empty() && !error.to_string().is_empty()),
        }
    }
}

/// A value that fits its schema is written, and read as the same. Compared as text: a NaN does not equal itself.
fn is_read_again(schema: &Schema, read: &Value) {
    if !schema.check(read).is_empty() {
        return;
    }
    let written = text::write(read);
    let again = text::read(schema, &written).expect("what was written can be read");
    assert_eq!(text::write(&again), written);
}

fn schemas() -> Vec<std::sync::Arc<Schema>> {
    fn of<T: JsonSchema + 'static>() -> std::sync::Arc<Schema> {
        Schema::of::<T>()
    }
    vec![of::<Wire>(), of::<Flat>(), of::<Tagged>(), of::<Tree>()]
}

#[cfg(test)]
mod tests {
    use super::check;

    #[test]
    fn texts_of_every_type_are_read_as_they_were_written() {
        for text in [
            r#"{"decimal": "1.10", "amount": "USD 5", "blob": "AP/+", "date": "2026-11-21", "time": "08:30:00"}"#,
            r#"{"local": "2026-11-21T08:30:00", "utc": "2026-11-21T08:30:00Z", "numbers": {"7": "x"}, "wide": 1e30}"#,
            r#"{"own": "7", "price": 1.10, "rest": [1, {"a": null}], "at": "2026-02-30"}"#,
            r#"{"untagged": ["2026-11-21", "12", 12.0, [true], {"untagged_field": null}], "external": {"Newtype": "2026-11-21"}}"#,
            r#"{"internal": {"kind": "Struct", "amount": "USD 1", "blob": "AA=="}, "adjacent": {"kind": "Newtype", "content": "08:30:00"}}"#,
            r#"{"name": "abc", "children": [{"name": "long name"}]}"#,
            r#"{"float": "NaN", "single": "-Infinity", "decimal": "NaN", "integer": "9223372036854775808"}"#,
            "[",
            "[1e999]",
            "\"\\ud800\"",
            "7",
            "",
        ] {
            check(text.as_bytes());
        }
    }
}
