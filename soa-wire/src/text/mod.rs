//! The text form: every type of the wire as JSON for people, and for tools that know nothing of its ext types.
//!
//! JSON has neither dates nor decimals nor bytes, and the JSON of the queue cannot carry them. Here they are text, and a
//! schema says which text is which:
//!
//! | type | text | also read |
//! |---|---|---|
//! | date-time without zone | `"2026-11-21T08:30:00.250000"` | a space in place of the `T`, a fraction of 1 to 6 digits |
//! | date-time in UTC | `"2026-11-21T08:30:00+00:00"` | the same; `Z`, and any other offset |
//! | date, time | `"2026-11-21"`, `"08:30:00"` | |
//! | decimal | `"12.30"` | a number of JSON, whose digits are kept |
//! | amount | `"USD 1250"`, in minor units | |
//! | bytes | base64, with padding | |
//! | integer | a number of JSON, of any size | `2.0`; text, as `"9223372036854775808"` |
//! | float | a number of JSON; `"NaN"`, `"Infinity"`, `"-Infinity"` | text, as `"1.5"` |
//! | key of a map that is not text | the same as text: `{"7": …}` | |
//!
//! Everything else is as JSON says. The forms of dates and times are those of Python's `isoformat`.
//!
//! ```text
//!   text --from_json--> Plain --read by the schema--> Value
//!   text <--to_json---- Plain <---------of----------- Value
//! ```
//!
//! A written value is read as the same, wherever the schema names the type. Where it allows anything, text stays text. Of
//! several alternatives (an untagged enum), the first that fits is taken.
//!
//! Reading reports every text that is not of its type's form. Whether the value is allowed (limits, missing and unknown
//! fields, a text in place of a list) is the question of [`Schema::check`](crate::schema::Schema::check).

mod error;
mod plain;
mod read;
mod shape;

#[cfg(test)]
mod tests;

pub use error::TextError;
pub use plain::{Plain, read, write};
#[doc(hidden)]
pub use read::Reading;
#[doc(hidden)]
pub use shape::Shape;
