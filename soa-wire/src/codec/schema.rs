//! Schemas and validation of the wire's types.
//!
//! The types are valid by construction, so `garde` has no rules for them, except that a [`Blob`] and a [`Map`] have
//! lengths. Its rules for a [`Nullable`] are in `types::rules`.
//!
//! Each schema is inlined and carries a key `x-soa-type` beside the usual ones: JSON schema cannot name these types,
//! and introspection and the reporting of errors have to recognize them. As keys of maps they are recognized by their
//! patterns, which are all that schemars says of a key.

use std::borrow::Cow;

use garde::error::Path;
use garde::rules::length::bytes::HasBytes;
use garde::rules::length::simple::HasSimpleLength;
use garde::{Report, Validate};
use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde_json::{Value as Json, json};

use super::integer::Integer;
use super::types::{Amount, Blob, Date, DateTime, Decimal, Nullable, Time, UtcDateTime};
use super::value::{Map, Value};

/// The key that marks the schema of a [`Nullable`], as schemars says `null` for `Option`, too.
pub(crate) const NULLABLE: &str = "x-soa-nullable";

macro_rules! always_valid {
    ($($type:ty),*) => {
        $(
            impl Validate for $type {
                type Context = ();

                fn validate_into(&self, (): &(), _: &mut dyn FnMut() -> Path, _: &mut Report) {}
            }
        )*
    };
}

always_valid!(
    Amount,
    Blob,
    Date,
    DateTime,
    Decimal,
    Integer,
    Map,
    Time,
    UtcDateTime,
    Value
);

impl HasBytes for Blob {
    fn num_bytes(&self) -> usize {
        self.len()
    }
}

impl HasSimpleLength for Blob {
    fn length(&self) -> usize {
        self.len()
    }
}

impl HasSimpleLength for Map {
    fn length(&self) -> usize {
        self.len()
    }
}

macro_rules! schema {
    ($($type:ident: $schema:tt;)*) => {
        $(
            impl JsonSchema for $type {
                fn inline_schema() -> bool {
                    true
                }

                fn schema_name() -> Cow<'static, str> {
                    stringify!($type).into()
                }

                fn schema_id() -> Cow<'static, str> {
                    concat!("soa::", stringify!($type)).into()
                }

                fn json_schema(_: &mut SchemaGenerator) -> Schema {
                    json_schema!($schema)
                }
            }
        )*
    };
}

schema! {
    DateTime: {"x-soa-type": "datetime", "type": "string", "format": "date-time",
        "pattern": "^[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9:.]+$"};
    UtcDateTime: {"x-soa-type": "datetime-utc", "type": "string", "format": "date-time",
        "pattern": "^[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9:.]+(Z|[+-][0-9:.]+)$"};
    Date: {"x-soa-type": "date", "type": "string", "format": "date", "pattern": "^[0-9]{4}-[0-9]{2}-[0-9]{2}$"};
    Time: {"x-soa-type": "time", "type": "string", "format": "time", "pattern": "^[0-9]{2}:[0-9]{2}:[0-9.]+$"};
    Decimal: {"x-soa-type": "decimal", "type": "string", "format": "decimal",
        "pattern": "^[+-]?([0-9.]+([eE][+-]?[0-9]+)?|[iI][nN][fF].*|[sS]?[nN][aA][nN][0-9]*)$"};
    Amount: {"x-soa-type": "currint.Amount", "type": "string", "pattern": "^[A-Z]{3} -?[0-9]+$"};
    Blob: {"x-soa-type": "bytes", "type": "string", "format": "binary"};
    Value: {"x-soa-type": "anything"};
    Map: {"x-soa-type": "schemaless_dictionary", "type": "object"};
    Integer: {"type": "integer"};
}

impl<T: JsonSchema> JsonSchema for Nullable<T> {
    fn inline_schema() -> bool {
        true
    }

    fn schema_name() -> Cow<'static, str> {
        format!("Nullable_of_{}", T::schema_name()).into()
    }

    fn schema_id() -> Cow<'static, str> {
        format!("soa::Nullable<{}>", T::schema_id()).into()
    }

    fn json_schema(generator: &mut SchemaGenerator) -> Schema {
        let mut value = generator.subschema_for::<T>();
        // schemars writes the rules of a field beside its type, so where there is one it is kept.
        match value.get("type").and_then(Json::as_str) {
            Some(name) => {
                let types = json!([name, "null"]);
                value.insert("type".to_owned(), types);
                value.insert(NULLABLE.to_owned(), true.into());
                value
            }
            None => json_schema!({NULLABLE: true, "anyOf": [value, {"type": "null"}]}),
        }
    }
}
