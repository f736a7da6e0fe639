//! Ext types, read from their codes and payloads.

use std::fmt::{self, Formatter};

use super::amount::Amount;
use super::date::{Date, Time};
use super::datetime::{DateTime, UtcDateTime};
use super::decimal::Decimal;
use super::error::RangeError;
use crate::codec::error::{DecodeError, DecodeErrorKind};
use crate::codec::ext::{AMOUNT, BIG_INTEGER, DATE, DATE_TIME, DECIMAL, TIME, UTC_DATE_TIME};

/// An ext type of the protocol, read from its code and payload.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Ext<'a> {
    DateTime(DateTime),
    UtcDateTime(UtcDateTime),
    Date(Date),
    Time(Time),
    /// Text that `Decimal` accepts.
    Decimal(&'a str),
    Amount(Amount),
}

impl<'a> Ext<'a> {
    /// Reads a payload.
    pub(crate) fn parse(code: i8, payload: &'a [u8]) -> Result<Self, ExtError> {
        let invalid = |error: RangeError| ExtError::Invalid(Self::name(code), error);
        match code {
            DATE_TIME => DateTime::from_micros(i64::from_be_bytes(sized(code, payload)?))
                .map(Self::DateTime)
                .map_err(invalid),
            UTC_DATE_TIME => UtcDateTime::from_micros(i64::from_be_bytes(sized(code, payload)?))
                .map(Self::UtcDateTime)
                .map_err(invalid),
            DATE => Date::from_payload(sized(code, payload)?)
                .map(Self::Date)
                .map_err(invalid),
            TIME => Time::from_payload(sized(code, payload)?)
                .map(Self::Time)
                .map_err(invalid),
            AMOUNT => Amount::from_payload(sized(code, payload)?)
                .map(Self::Amount)
                .map_err(invalid),
            DECIMAL => decimal(payload).map(Self::Decimal),
            _ => Err(ExtError::Unknown(code)),
        }
    }

    /// The name of an ext type in an error.
    pub(crate) fn name(code: i8) -> &'static str {
        match code {
            DATE_TIME => "date-time",
            UTC_DATE_TIME => "date-time in UTC",
            DATE => "date",
            TIME => "time",
            DECIMAL => "decimal",
            AMOUNT => "currency amount",
            BIG_INTEGER => "large integer",
            _ => "unknown ext type",
        }
    }
}

fn sized<const N: usize>(code: i8, payload: &[u8]) -> Result<[u8; N], ExtError> {
    payload.try_into().map_err(|_| ExtError::Length {
        name: Ext::name(code),
        length: payload.len(),
    })
}

fn decimal(payload: &[u8]) -> Result<&str, ExtError> {
    const INVALID: ExtError = ExtError::Invalid(
        "decimal",
        RangeError::new("the text is not a decimal number"),
    );
    let wrong_length = || ExtError::Length {
        name: "decimal",
        length: payload.len(),
    };
    let (length, text) = payload.split_first_chunk().ok_or_else(wrong_length)?;
    if usize::from(u16::from_be_bytes(*length)) != text.len() {
        return Err(wrong_length());
    }
    let text = std::str::from_utf8(text).map_err(|_| INVALID)?;
    if Decimal::accepts(text) {
        Ok(text)
    } else {
        Err(INVALID)
    }
}

/// An ext type that cannot be read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum ExtError {
    Unknown(i8),
    Length { name: &'static str, length: usize },
    Invalid(&'static str, RangeError),
}

impl fmt::Display for ExtError {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        match self {
            Self::Unknown(code) => write!(f, "unknown ext type {code}"),
            Self::Length { name, length } => {
                write!(f, "invalid {name}: a payload of {length} bytes")
            }
            Self::Invalid(name, error) => write!(f, "invalid {name}: {error}"),
        }
    }
}

impl From<ExtError> for DecodeError {
    fn from(error: ExtError) -> Self {
        let kind = match error {
            ExtError::Unknown(_) => DecodeErrorKind::UnknownExtension,
            ExtError::Length { .. } | ExtError::Invalid(..) => DecodeErrorKind::OutOfRange,
        };
        Self::new(kind, error.to_string())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_payload_of_a_wrong_length_is_refused() {
        for (code, length) in [(1, 8), (10, 8), (3, 4), (4, 7), (2, 11)] {
            for wrong in [0, length - 1, length + 1] {
                let payload = vec![1; wrong];
                let error = Ext::parse(code, &payload).unwrap_err();
                assert!(matches!(error, ExtError::Length { .. }), "{code} {error}");
            }
        }
        for payload in [&b""[..], b"\0", b"\0\x015", b"\0\x01", b"\0\x0112"] {
            assert_eq!(Ext::parse(5, payload).is_err(), payload != b"\0\x015");
        }
    }

    #[test]
    fn a_payload_that_names_nothing_is_refused() {
        for (code, payload) in [
            (1, &i64::MAX.to_be_bytes()[..]),
            (10, &i64::MIN.to_be_bytes()),
            (3, &[0, 0, 1, 1]),
            (3, &[7, 231, 2, 29]),
            (4, &[24, 0, 0, 0, 0, 0, 0]),
            (4, &[0, 0, 0, 0, 15, 66, 64]),
            (2, b"usd\0\0\0\0\0\0\0\0"),
            (5, b"\0\x03abc"),
            (5, b"\0\x02\xc3\xbc"),
            (5, b"\0\x01\xff"),
        ] {
            let error = Ext::parse(code, payload).unwrap_err();
            assert!(matches!(error, ExtError::Invalid(..)), "{code} {error}");
        }
    }

    #[test]
    fn an_unknown_code_is_refused() {
        for code in [-128, -1, 0, 6, 9, 11, 127] {
            assert_eq!(Ext::parse(code, &[]), Err(ExtError::Unknown(code)));
        }
    }
}
