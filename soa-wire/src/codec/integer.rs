//! Whole numbers of any size.
//!
//! Python's integers have no bounds, and JSON carries them as they are; MessagePack stops at 64 bits. [`Integer`] holds
//! each number in exactly one way: as an `i64` where it fits, else as a `u64`, else as its decimal text. So equality is
//! equality of numbers, and no digit is lost between reading and writing.
//!
//! There is no arithmetic: this type only carries numbers. Text of thousands of digits costs
//! no more than its length, because it is never converted.

use std::cmp::Ordering;
use std::fmt::{self, Display, Formatter};
use std::str::FromStr;

use super::types::ParseError;

/// A whole number of any size.
///
/// ```
/// # use soa_wire::codec::Integer;
/// let large: Integer = "100000000000000000000".parse()?;
/// assert!(large > Integer::from(u64::MAX));
/// assert_eq!(large.as_i64(), None);
/// assert_eq!(large.as_i128(), Some(100_000_000_000_000_000_000));
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone, PartialEq, Eq, Hash)]
pub struct Integer(Repr);

#[derive(Clone, PartialEq, Eq, Hash)]
enum Repr {
    Small(i64),
    /// Above `i64::MAX` only.
    Unsigned(u64),
    /// Beyond both only: an optional `-`, and digits without leading zeros.
    Big(Box<str>),
}

impl Integer {
    /// The number, if it fits an `i64`.
    pub fn as_i64(&self) -> Option<i64> {
        match self.0 {
            Repr::Small(number) => Some(number),
            Repr::Unsigned(_) | Repr::Big(_) => None,
        }
    }

    /// The number, if it fits a `u64`.
    pub fn as_u64(&self) -> Option<u64> {
        match self.0 {
            Repr::Small(number) => u64::try_from(number).ok(),
            Repr::Unsigned(number) => Some(number),
            Repr::Big(_) => None,
        }
    }

    /// The number, if it fits an `i128`.
    pub fn as_i128(&self) -> Option<i128> {
        match &self.0 {
            Repr::Small(number) => Some(i128::from(*number)),
            Repr::Unsigned(number) => Some(i128::from(*number)),
            Repr::Big(text) => text.parse().ok(),
        }
    }

    /// The number, if it fits a `u128`.
    pub fn as_u128(&self) -> Option<u128> {
        match &self.0 {
            Repr::Small(number) => u128::try_from(*number).ok(),
            Repr::Unsigned(number) => Some(u128::from(*number)),
            Repr::Big(text) => text.parse().ok(),
        }
    }

    /// The nearest floating point number. Infinite if the number is beyond their range.
    pub fn to_f64(&self) -> f64 {
        match &self.0 {
            Repr::Small(number) => *number as f64,
            Repr::Unsigned(number) => *number as f64,
            // Decimal digits always parse as a float; the alternative is there so that nothing can panic.
            Repr::Big(text) => text.parse().unwrap_or(f64::NAN),
        }
    }

    /// True if the number is zero.
    pub fn is_zero(&self) -> bool {
        self.0 == Repr::Small(0)
    }

    /// The decimal text of a number beyond 64 bits.
    pub(crate) fn big_text(&self) -> Option<&str> {
        match &self.0 {
            Repr::Big(text) => Some(text),
            Repr::Small(_) | Repr::Unsigned(_) => None,
        }
    }

    /// Reads `-`, then at least one digit, and nothing else: the integers of JSON.
    pub(crate) fn from_digits(text: &str) -> Option<Self> {
        if let Ok(number) = text.parse::<i64>() {
            return Some(Self(Repr::Small(number)));
        }
        let (negative, digits) = match text.strip_prefix('-') {
            Some(digits) => (true, digits),
            None => (false, text.strip_prefix('+').unwrap_or(text)),
        };
        if digits.is_empty() || !digits.bytes().all(|byte| byte.is_ascii_digit()) {
            return None;
        }
        let digits = digits.trim_start_matches('0');
        if !negative && let Ok(number) = digits.parse::<u64>() {
            return Some(Self::from(number));
        }
        if negative {
            let text = format!("-{digits}");
            // With its leading zeros gone it may fit after all.
            return Some(match text.parse::<i64>() {
                Ok(number) => Self(Repr::Small(number)),
                Err(_) => Self(Repr::Big(text.into_boxed_str())),
            });
        }
        Some(Self(Repr::Big(digits.into())))
    }
}

impl Display for Integer {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        match &self.0 {
            Repr::Small(number) => Display::fmt(number, f),
            Repr::Unsigned(number) => Display::fmt(number, f),
            Repr::Big(text) => f.write_str(text),
        }
    }
}

impl fmt::Debug for Integer {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        Display::fmt(self, f)
    }
}

impl FromStr for Integer {
    type Err = ParseError;

    fn from_str(text: &str) -> Result<Self, ParseError> {
        Self::from_digits(text).ok_or_else(|| ParseError::new("an integer", text))
    }
}

impl Ord for Integer {
    fn cmp(&self, other: &Self) -> Ordering {
        if let (Some(left), Some(right)) = (self.as_i128(), other.as_i128()) {
            return left.cmp(&right);
        }
        // At least one is beyond 128 bits, so sign, then length, then digits decide.
        let (left, right) = (self.to_string(), other.to_string());
        match (left.strip_prefix('-'), right.strip_prefix('-')) {
            (Some(_), None) => Ordering::Less,
            (None, Some(_)) => Ordering::Greater,
            (None, None) => by_magnitude(&left, &right),
            (Some(left), Some(right)) => by_magnitude(right, left),
        }
    }
}

fn by_magnitude(left: &str, right: &str) -> Ordering {
    left.len().cmp(&right.len()).then_with(|| left.cmp(right))
}

impl PartialOrd for Integer {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

macro_rules! from_small {
    ($($int:ty),*) => {
        $(
            impl From<$int> for Integer {
                fn from(number: $int) -> Self {
                    Self(Repr::Small(i64::from(number)))
                }
            }
        )*
    };
}

macro_rules! from_large {
    ($($int:ty),*) => {
        $(
            impl From<$int> for Integer {
                fn from(number: $int) -> Self {
                    match (i64::try_from(number), u64::try_from(number)) {
                        (Ok(number), _) => Self(Repr::Small(number)),
                        (_, Ok(number)) => Self(Repr::Unsigned(number)),
                        _ => Self(Repr::Big(number.to_string().into_boxed_str())),
                    }
                }
            }
        )*
    };
}

from_small!(i8, i16, i32, i64, u8, u16, u32);
from_large!(u64, i128, u128, isize, usize);

#[cfg(test)]
mod tests {
    use super::*;

    fn parse(text: &str) -> Integer {
        text.parse().unwrap()
    }

    #[test]
    fn a_number_has_one_form_however_it_was_made() {
        assert_eq!(Integer::from(7_u64), Integer::from(7_i8));
        assert_eq!(parse("007"), Integer::from(7));
        assert_eq!(parse("-0"), Integer::from(0));
        assert_eq!(parse("+5"), Integer::from(5));
        assert_eq!(parse("-00000000000000000000000000012"), Integer::from(-12));
        assert_eq!(
            parse("00000000000000000018446744073709551615"),
            Integer::from(u64::MAX)
        );
        assert_eq!(parse("-9223372036854775808"), Integer::from(i64::MIN));
        assert_eq!(
            parse("18446744073709551616"),
            Integer::from(u128::from(u64::MAX) + 1)
        );
    }

    #[test]
    fn numbers_are_ordered_by_their_value() {
        let mut numbers = [
            parse("10000000000000000000000000000000000000000000000"),
            Integer::from(u64::MAX),
            parse("-99999999999999999999999999999999999999999999"),
            Integer::from(-1),
            parse("9999999999999999999999999999999999999999999999"),
            parse("-10000000000000000000000000000000000000000000000"),
            Integer::from(i128::MAX),
            Integer::from(i64::MIN),
        ];
        numbers.sort();
        let texts: Vec<String> = numbers.iter().map(ToString::to_string).collect();
        insta::assert_snapshot!(texts.join("\n"), @r"
        -10000000000000000000000000000000000000000000000
        -99999999999999999999999999999999999999999999
        -9223372036854775808
        -1
        18446744073709551615
        170141183460469231731687303715884105727
        9999999999999999999999999999999999999999999999
        10000000000000000000000000000000000000000000000
        ");
    }

    #[test]
    fn what_is_not_an_integer_is_refused() {
        for text in [
            "", "-", "+", "1.0", "1e3", "--1", "0x10", "1_000", " 1", "١",
        ] {
            assert!(text.parse::<Integer>().is_err(), "{text:?}");
        }
    }
}
