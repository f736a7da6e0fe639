//! Conversions between the types of the wire and those of other crates, each behind the feature of its crate.
//!
//! | feature | types |
//! |---|---|
//! | `rust_decimal` | [`Decimal`](crate::Decimal) and `rust_decimal::Decimal` |
//! | `jiff` | dates and times, and those of `jiff::civil`; [`UtcDateTime`](crate::UtcDateTime) and `jiff::Timestamp` |
//! | `chrono` | dates and times, and chrono's naive ones; [`UtcDateTime`](crate::UtcDateTime) and `chrono::DateTime` |
//! | `time` | dates and times, and those of `time`; [`UtcDateTime`](crate::UtcDateTime) and `time::OffsetDateTime` |
//! | `uuid` | `uuid::Uuid` as a field of requests and responses, where it is text; [`Value`](crate::Value) and `Uuid` |
//!
//! Conversions that can fail are `TryFrom`s, whose error says which limit is broken. Digits below a microsecond are dropped, as
//! the wire has no place for it.

#[cfg(feature = "chrono")]
mod chrono;
#[cfg(feature = "jiff")]
mod jiff;
#[cfg(any(feature = "chrono", feature = "jiff", feature = "time"))]
mod part;
#[cfg(feature = "rust_decimal")]
mod rust_decimal;
#[cfg(feature = "time")]
mod time;
#[cfg(feature = "uuid")]
mod uuid;
