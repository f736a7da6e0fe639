//! Requests and responses of the example service.
//!
//! Each is a plain struct with four derives. serde encodes it, garde validates it, and schemars describes it for tools and
//! for error messages. `Option` is a key that may be absent, and [`Nullable`] a value that may be nil.

use std::collections::BTreeMap;

use garde::Validate;
use schemars::JsonSchema;
use serde::{Deserialize, Deserializer, Serialize, Serializer};
use soa::{DateTime, Decimal, Map, Nullable, UtcDateTime, Value};

/// The request of `square`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, Validate, JsonSchema)]
#[serde(deny_unknown_fields)]
#[garde(allow_unvalidated)]
pub struct SquareRequest {
    /// The number to square
    pub number: i128,
}

/// The response of `square`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, Validate, JsonSchema)]
#[serde(deny_unknown_fields)]
#[garde(allow_unvalidated)]
pub struct SquareResponse {
    /// The squared number
    pub square: i128,
}

/// The request of `fail`: the attributes of the error.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize, Validate, JsonSchema)]
#[serde(deny_unknown_fields)]
#[garde(allow_unvalidated)]
pub struct FailRequest {
    /// The error's code, `EXAMPLE_FAILURE` by default
    pub code: Option<String>,
    /// The error's message
    pub message: Option<String>,
    /// The error's field, `some.field` by default
    pub field: Option<Nullable<String>>,
    /// The error's variables
    pub variables: Option<Nullable<Map>>,
    /// The permissions that the caller lacks
    pub denied_permissions: Option<Nullable<Vec<String>>>,
    /// Number of times that the error is reported, 1 by default
    #[garde(range(min = 1, max = 1000))]
    pub count: Option<u64>,
    /// True if the error is the fault of the service
    pub keep_caller_error: Option<bool>,
}

/// The request of `validate_me`: one field for each kind of rule.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, Validate, JsonSchema)]
#[serde(deny_unknown_fields)]
#[garde(allow_unvalidated)]
pub struct ValidateMeRequest {
    /// A positive number
    // garde has no exclusive limits. The schema has the one that error messages state.
    #[garde(range(min = 1))]
    #[schemars(extend("exclusiveMinimum" = 0))]
    pub id: i64,
    /// A short name
    #[garde(length(chars, min = 2, max = 10))]
    pub name: String,
    /// A few tags
    #[garde(length(max = 3))]
    pub tags: Option<Vec<String>>,
    /// One of three kinds
    pub kind: Option<Kind>,
    /// Yes or no
    pub flag: Option<bool>,
    /// A date-time, with or without zone
    pub when: Option<When>,
    /// A dictionary of its own
    #[garde(dive)]
    pub nested: Option<Nested>,
    /// Numbers by name
    pub extra_map: Option<BTreeMap<String, i64>>,
    /// A number or nil
    pub maybe: Option<Nullable<i64>>,
    /// A number or a text
    pub either: Option<Either>,
}

/// A constant.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum Kind {
    /// `a`
    A,
    /// `b`
    B,
    /// `c`
    C,
}

/// A date-time of either kind.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(untagged)]
pub enum When {
    /// Without a zone.
    Local(DateTime),
    /// In UTC.
    Utc(UtcDateTime),
}

/// A number or a text.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(untagged)]
pub enum Either {
    /// A number.
    Number(i64),
    /// A text.
    Text(String),
}

/// A dictionary in a dictionary.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, Validate, JsonSchema)]
#[serde(deny_unknown_fields)]
#[garde(allow_unvalidated)]
pub struct Nested {
    /// A number
    pub x: i64,
    /// A decimal
    pub y: Option<Decimal>,
}

/// A response that only confirms the request.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, Validate, JsonSchema)]
#[serde(deny_unknown_fields)]
#[garde(allow_unvalidated)]
pub struct OkResponse {
    /// Always true
    pub ok: bool,
}

/// The response of `bad_response`, which has to be an integer.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, Validate, JsonSchema)]
pub struct BadResponse {
    /// An integer according to the schema
    #[garde(custom(is_integer))]
    #[schemars(with = "i64")]
    pub x: Value,
}

fn is_integer(value: &Value, _context: &()) -> garde::Result {
    match value.as_i64() {
        Some(_) => Ok(()),
        None => Err(garde::Error::new("Not an integer")),
    }
}

/// The request of `not_serializable`.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, Validate, JsonSchema)]
#[serde(deny_unknown_fields)]
#[garde(allow_unvalidated)]
pub struct NotSerializableRequest {
    /// `tz`, `object` or `bigint` for a value that cannot be serialized, `set` for one that can
    pub what: Option<String>,
}

/// The response of `not_serializable`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, Validate, JsonSchema)]
#[garde(allow_unvalidated)]
pub struct NotSerializableResponse {
    /// The requested value
    #[schemars(with = "Value")]
    pub x: Odd,
}

/// A value, or an object that cannot be serialized.
#[derive(Debug, Clone, PartialEq)]
pub enum Odd {
    /// A value.
    Value(Value),
    /// An object that cannot be serialized.
    Object,
}

impl Serialize for Odd {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match self {
            Self::Value(value) => value.serialize(serializer),
            Self::Object => Err(serde::ser::Error::custom("an object cannot be serialized")),
        }
    }
}

impl<'de> Deserialize<'de> for Odd {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        Value::deserialize(deserializer).map(Self::Value)
    }
}

/// The response of `get_context`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, Validate, JsonSchema)]
#[garde(allow_unvalidated)]
pub struct GetContextResponse {
    /// The context header as it was received
    pub context: Map,
    /// The control header as it was received
    pub control: Map,
    /// The active switches, sorted
    pub switches: Vec<i64>,
    /// The name of this action
    pub action: String,
}

/// The request of `call_square`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, Validate, JsonSchema)]
#[serde(deny_unknown_fields)]
#[garde(allow_unvalidated)]
pub struct CallSquareRequest {
    /// The number to square
    pub number: i128,
    /// The service that squares it, `example2` by default
    pub service: Option<String>,
}

/// The response of `call_square`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, Validate, JsonSchema)]
#[garde(allow_unvalidated)]
pub struct CallSquareResponse {
    /// The squared number
    pub square: i128,
    /// The context that this service received
    pub received_context: Map,
    /// The context that the called service received
    pub callee_context: Map,
    /// The control header that the called service received
    pub callee_control: Map,
    /// The context of the called service's response
    pub job_response_context: Map,
}

/// The response of `types`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, Validate, JsonSchema)]
#[garde(allow_unvalidated)]
pub struct TypesResponse {
    /// One value of every type of the protocol
    pub canonical: Map,
    /// The request's body
    pub received: Value,
}

/// The request of `big`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, Validate, JsonSchema)]
#[serde(deny_unknown_fields)]
#[garde(allow_unvalidated)]
pub struct BigRequest {
    /// Number of bytes or characters
    // One caller must not be able to take all the memory of the process.
    #[garde(range(max = 67_108_864))]
    pub size: u64,
    /// Type of the data, bytes by default
    pub kind: Option<BigKind>,
}

/// The type of the data of `big`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum BigKind {
    /// 0, 1, …, 255, repeated.
    Bytes,
    /// `0123456789abcdef`, repeated.
    Text,
}

/// The response of `big`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, Validate, JsonSchema)]
#[garde(allow_unvalidated)]
pub struct BigResponse {
    /// Data of the requested size
    pub data: Value,
}

/// The response of the versions 1 and 3 of `switched`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, Validate, JsonSchema)]
#[garde(allow_unvalidated)]
#[serde(deny_unknown_fields)]
pub struct SwitchedResponse {
    /// Version that answered
    pub version: u8,
}

/// The response of version 2 of `switched`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, Validate, JsonSchema)]
#[garde(allow_unvalidated)]
#[serde(deny_unknown_fields)]
pub struct SwitchedV2Response {
    /// Version that answered
    pub version: u8,
    /// True if switch 5 is on
    pub is_active_5: bool,
}

/// The request of `slow`.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize, Validate, JsonSchema)]
#[serde(deny_unknown_fields)]
#[garde(allow_unvalidated)]
pub struct SlowRequest {
    /// Time to sleep in seconds, 0.1 by default
    #[garde(range(min = 0.0, max = 3600.0))]
    pub seconds: Option<f64>,
}

/// The response of `slow`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, Validate, JsonSchema)]
#[garde(allow_unvalidated)]
pub struct SlowResponse {
    /// Time slept, in seconds
    pub slept: f64,
    /// Id of the process that slept
    pub pid: u32,
}

/// The request of `remember`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, Validate, JsonSchema)]
#[serde(deny_unknown_fields)]
#[garde(allow_unvalidated)]
pub struct RememberRequest {
    /// Name of the value
    pub key: String,
    /// Value to remember
    pub value: Value,
}

/// The request of `recall`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, Validate, JsonSchema)]
#[serde(deny_unknown_fields)]
#[garde(allow_unvalidated)]
pub struct RecallRequest {
    /// Name of the value
    pub key: String,
}

/// The response of `recall`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, Validate, JsonSchema)]
#[garde(allow_unvalidated)]
pub struct RecallResponse {
    /// Remembered value, nil if there is none
    pub value: Value,
}

/// The response of `get_things`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, Validate, JsonSchema)]
#[garde(allow_unvalidated)]
pub struct GetThingsResponse {
    /// Things that refer to their owners
    pub things: Vec<Thing>,
}

/// A thing.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Thing {
    /// `thing_type`
    #[serde(rename = "_type")]
    pub type_name: String,
    /// Its id
    pub id: String,
    /// The id of its owner, if it has one
    pub owner_id: Nullable<String>,
}

/// The request of `get_owners`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, Validate, JsonSchema)]
#[serde(deny_unknown_fields)]
#[garde(allow_unvalidated)]
pub struct GetOwnersRequest {
    /// Ids of the owners
    pub owner_ids: Vec<String>,
}

/// The response of `get_owners`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, Validate, JsonSchema)]
#[garde(allow_unvalidated)]
pub struct GetOwnersResponse {
    /// Owners by their ids
    pub owners: BTreeMap<String, Owner>,
}

/// An owner.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Owner {
    /// `owner_type`
    #[serde(rename = "_type")]
    pub type_name: String,
    /// Its id
    pub id: String,
    /// Its name
    pub name: String,
}
