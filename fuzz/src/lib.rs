//! The parts that fuzz targets share: types with every feature of serde, and, by the feature `server`, a server with typed
//! and untyped actions.
//!
//! The types cover the ways through the codec. Each of serde's buffers (`flatten`, `untagged`, internal tags) takes values
//! out of the message, and passes them on in its own, more lenient way.

#[cfg(all(test, feature = "http"))]
mod allocations;
#[cfg(all(test, feature = "server"))]
mod allocator;
#[cfg(feature = "http")]
mod doors;
#[cfg(all(test, feature = "server"))]
mod memory;
#[cfg(all(test, feature = "redis"))]
mod round_trip;
#[cfg(feature = "server")]
mod server;
#[cfg(all(test, feature = "redis"))]
mod squares;
#[cfg(all(test, feature = "redis", target_os = "linux", target_arch = "x86_64"))]
mod system;
pub mod text;
#[cfg(all(test, feature = "redis", target_os = "linux", target_arch = "x86_64"))]
mod work;

use std::collections::BTreeMap;

pub use bytes::Bytes;
#[cfg(feature = "http")]
pub use doors::{carrying_doors, doors};
use garde::Validate;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
#[cfg(feature = "server")]
pub use server::{Fuzzed, server};
use soa_wire::{Amount, Blob, Date, DateTime, Decimal, Map, Nullable, Time, UtcDateTime, Value};

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
    /// More than MessagePack can express.
    pub wide: Option<i128>,
    /// The range of 8 bits.
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
    /// A date-time without a zone.
    pub local: Option<DateTime>,
    /// A date-time in UTC.
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
    /// All other fields.
    #[serde(flatten)]
    pub rest: BTreeMap<String, Value>,
}

/// A flattened struct.
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

/// Enums with each kind of tag.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, Validate, JsonSchema)]
#[garde(allow_unvalidated)]
pub struct Tagged {
    /// The tag around the content, serde's default.
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
    /// Children.
    #[serde(default)]
    #[garde(dive)]
    pub children: Vec<Tree>,
}
