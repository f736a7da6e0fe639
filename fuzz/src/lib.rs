//! What the fuzz targets share: types with every trick that serde knows, and a server with typed and untyped
//! actions.
//!
//! The types are chosen for their ways through the codec, not for sense: each of serde's buffers (`flatten`,
//! `untagged`, internal tags) takes values out of the message and hands them on in its own, more lenient way.

#[cfg(test)]
mod memory;

use std::collections::BTreeMap;

pub use bytes::Bytes;
use garde::Validate;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use soa::{
    ActionError, Amount, Blob, Context, Date, DateTime, Decimal, Map, Nullable, Server, Time,
    UtcDateTime, Value, service,
};

/// A field for every type of the wire; all of them optional, so that a mutation of one is still a request.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, Validate, JsonSchema)]
#[serde(deny_unknown_fields)]
#[garde(allow_unvalidated)]
pub struct Wire {
    /// Between 0 and 1000.
    #[garde(range(min = 0, max = 1000))]
    pub integer: Option<i64>,
    /// The whole range of 64 bits.
    pub unsigned: Option<u64>,
    /// More than the wire can say.
    pub wide: Option<i128>,
    /// A small one.
    pub tiny: Option<i8>,
    /// A float.
    pub float: Option<f64>,
    /// A float of half the size.
    pub single: Option<f32>,
    /// Text.
    #[garde(length(chars, max = 10))]
    pub text: Option<String>,
    /// One character.
    pub letter: Option<char>,
    /// Bytes.
    pub blob: Option<Blob>,
    /// Without zone.
    pub local: Option<DateTime>,
    /// In UTC.
    pub utc: Option<UtcDateTime>,
    /// A day.
    pub date: Option<Date>,
    /// A time of day.
    pub time: Option<Time>,
    /// A decimal.
    pub decimal: Option<Decimal>,
    /// Money.
    pub amount: Option<Amount>,
    /// A value that may be nil.
    pub nullable: Option<Nullable<Vec<Nullable<bool>>>>,
    /// Two places.
    pub pair: Option<(i64, String)>,
    /// Names and numbers.
    pub names: Option<BTreeMap<String, i64>>,
    /// Numbers and names.
    pub numbers: Option<BTreeMap<i16, String>>,
    /// Anything.
    pub any: Option<Value>,
    /// Any map.
    pub map: Option<Map>,
    /// Nothing.
    pub unit: Option<()>,
}

/// A struct with two others flattened into it, the second of them a map.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, Validate, JsonSchema)]
#[garde(allow_unvalidated)]
pub struct Flat {
    /// An own field.
    pub own: Option<i64>,
    /// The fields of another struct.
    #[serde(flatten)]
    pub inner: Inner,
    /// What is left.
    #[serde(flatten)]
    pub rest: BTreeMap<String, Value>,
}

/// What is flattened.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, Validate, JsonSchema)]
#[garde(allow_unvalidated)]
pub struct Inner {
    /// A decimal out of a buffer.
    pub price: Option<Decimal>,
    /// A date-time out of a buffer.
    pub at: Option<UtcDateTime>,
    /// A nil out of a buffer.
    pub nothing: Option<Nullable<String>>,
}

/// An enum of each tagging.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, Validate, JsonSchema)]
#[garde(allow_unvalidated)]
pub struct Tagged {
    /// serde's own way.
    pub external: Option<External>,
    /// The tag beside the fields.
    pub internal: Option<Internal>,
    /// The tag beside the content.
    pub adjacent: Option<Adjacent>,
    /// No tag at all.
    pub untagged: Option<Vec<Untagged>>,
}

/// Externally tagged.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub enum External {
    /// Only a name.
    Unit,
    /// A value.
    Newtype(Date),
    /// Several.
    Tuple(u8, Nullable<String>),
    /// Fields.
    Struct {
        /// A field.
        value: Option<Value>,
    },
}

/// Internally tagged.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(tag = "kind")]
pub enum Internal {
    /// Only a tag.
    Unit,
    /// Fields.
    Struct {
        /// Money out of a buffer.
        amount: Option<Amount>,
        /// Bytes out of a buffer.
        blob: Option<Blob>,
    },
}

/// Adjacently tagged.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(tag = "kind", content = "content")]
pub enum Adjacent {
    /// Only a tag.
    Unit,
    /// A value.
    Newtype(Time),
    /// Fields.
    Struct {
        /// A field.
        number: i32,
    },
}

/// Untagged: no two of these can be mistaken for each other.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(untagged)]
pub enum Untagged {
    /// A whole number.
    Integer(i64),
    /// A date.
    Date(Date),
    /// A date-time.
    Utc(UtcDateTime),
    /// Text.
    Text(String),
    /// A list.
    List(Vec<bool>),
    /// Fields.
    Struct {
        /// Only here.
        #[serde(rename = "untagged_field")]
        field: Nullable<i64>,
    },
}

/// A type within itself.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, Validate, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Tree {
    /// A short name.
    #[garde(length(chars, max = 3))]
    pub name: String,
    /// What is below.
    #[serde(default)]
    #[garde(dive)]
    pub children: Vec<Tree>,
}

/// The service.
#[derive(Debug)]
pub struct Fuzzed;

#[service(name = "example", version = "1.0.0")]
impl Fuzzed {
    #[action]
    async fn wire(&self, body: Wire) -> Result<Wire, ActionError> {
        Ok(body)
    }

    #[action]
    async fn flat(&self, body: Flat) -> Result<Flat, ActionError> {
        Ok(body)
    }

    #[action]
    async fn tagged(&self, body: Tagged) -> Result<Tagged, ActionError> {
        Ok(body)
    }

    #[action]
    async fn tree(&self, body: Tree) -> Result<Tree, ActionError> {
        Ok(body)
    }

    #[action]
    async fn nothing(&self) -> Result<(), ActionError> {
        Ok(())
    }
}

/// The server: the service's typed actions, and `echo`, which takes anything. The captured requests that the
/// corpus starts from call `square` and `echo`.
pub fn server() -> Server {
    let echo = |body: Value, _cx: Context| async { Ok::<_, ActionError>(body) };
    let builder = Server::builder(Fuzzed)
        .action("echo", echo)
        .action("square", echo);
    builder.build().expect("the service is sound")
}
