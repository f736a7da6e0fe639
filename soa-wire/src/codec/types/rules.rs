//! garde's rules for fields that may be nil: a value is checked, nil is always valid.
//!
//! These are the rules of garde's default features. [`Nullable`] follows them as `Option` does in garde itself.

use garde::error::{NoKey, Path};
use garde::rules::alphanumeric::Alphanumeric;
use garde::rules::ascii::Ascii;
use garde::rules::contains::Contains;
use garde::rules::inner::Inner;
use garde::rules::ip::{Ip, IpKind};
use garde::rules::length::bytes::Bytes;
use garde::rules::length::chars::Chars;
use garde::rules::length::simple::Simple;
use garde::rules::length::utf16::Utf16CodeUnits;
use garde::rules::pattern::{Matcher, Pattern};
use garde::rules::prefix::Prefix;
use garde::rules::range::{Bounds, OutOfBounds};
use garde::rules::suffix::Suffix;
use garde::{Error, Report, Validate};

use super::nullable::Nullable;

impl<T: Validate> Validate for Nullable<T> {
    type Context = T::Context;

    fn validate_into(
        &self,
        context: &T::Context,
        parent: &mut dyn FnMut() -> Path,
        report: &mut Report,
    ) {
        if let Self::Value(value) = self {
            value.validate_into(context, parent, report);
        }
    }
}

impl<T: Bounds> Bounds for Nullable<T> {
    type Size = T::Size;

    const MIN: Self::Size = T::MIN;
    const MAX: Self::Size = T::MAX;

    fn validate_bounds(&self, lower: Self::Size, upper: Self::Size) -> Result<(), OutOfBounds> {
        match self {
            Self::Value(value) => value.validate_bounds(lower, upper),
            Self::Null => Ok(()),
        }
    }
}

impl<T: Ip> Ip for Nullable<T> {
    type Error = T::Error;

    fn validate_ip(&self, kind: IpKind) -> Result<(), Self::Error> {
        match self {
            Self::Value(value) => value.validate_ip(kind),
            Self::Null => Ok(()),
        }
    }
}

impl<T> Inner<T> for Nullable<T> {
    type Key = NoKey;

    fn validate_inner<F: FnMut(&T, &NoKey)>(&self, mut check: F) {
        if let Self::Value(value) = self {
            check(value, &NoKey::default());
        }
    }
}

impl<T: Pattern> Pattern for Nullable<T> {
    fn validate_pattern<M: Matcher>(&self, matcher: &M) -> bool {
        match self {
            Self::Value(value) => value.validate_pattern(matcher),
            Self::Null => true,
        }
    }
}

/// Rules that return true for a valid value.
macro_rules! tests {
    ($($Rule:ident::$method:ident($($argument:ident: $Type:ty)?)),* $(,)?) => {$(
        impl<T: $Rule> $Rule for Nullable<T> {
            fn $method(&self $(, $argument: $Type)?) -> bool {
                match self {
                    Self::Value(value) => value.$method($($argument)?),
                    Self::Null => true,
                }
            }
        }
    )*};
}

tests! {
    Alphanumeric::validate_alphanumeric(),
    Ascii::validate_ascii(),
    Contains::validate_contains(part: &str),
    Prefix::validate_prefix(part: &str),
    Suffix::validate_suffix(part: &str),
}

/// Rules about a length.
macro_rules! lengths {
    ($($Rule:ident::$method:ident),* $(,)?) => {$(
        impl<T: $Rule> $Rule for Nullable<T> {
            fn $method(&self, min: usize, max: usize) -> Result<(), Error> {
                match self {
                    Self::Value(value) => value.$method(min, max),
                    Self::Null => Ok(()),
                }
            }
        }
    )*};
}

lengths! {
    Bytes::validate_num_bytes,
    Chars::validate_num_chars,
    Simple::validate_length,
    Utf16CodeUnits::validate_num_code_units,
}
