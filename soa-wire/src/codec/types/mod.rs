//! The types of the wire that Rust has no type for.
//!
//! PySOA's MessagePack carries six ext types: a [`DateTime`] without zone, a [`UtcDateTime`], a [`Date`], a [`Time`] of
//! day, a [`Decimal`] and an [`Amount`] of money. Besides, there are [`Blob`], a string of bytes (serde would make a list of
//! numbers of a `Vec<u8>`), and [`Nullable`], a field that must be there and may be nil.
//!
//! They are types of this crate, and not those of a calendar or decimal crate, for two reasons: such types serialize as
//! text and not as ext types, and third-party types stay out of this crate's interface. Each converts to and from plain
//! numbers and text, so any third-party type can be made of it.
//!
//! Every value of these types is one that the reference can read: years are 1 to 9999, decimals are within the exponents
//! of Python's. So encoding one cannot fail, and a payload that breaks these rules is refused when it is read.

mod amount;
mod base64;
mod blob;
mod date;
mod datetime;
mod decimal;
mod error;
mod ext;
mod nullable;
mod number;
mod rules;
mod wire;

pub use amount::Amount;
pub use blob::Blob;
pub use date::{Date, Time};
pub use datetime::{DateTime, UtcDateTime};
pub use decimal::Decimal;
pub use error::{ParseError, RangeError};
pub(crate) use ext::Ext;
pub use nullable::Nullable;
