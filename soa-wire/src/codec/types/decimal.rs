//! Decimal numbers, as text.
//!
//! Python's `Decimal` travels as its text, and every digit of that text means something: `1.10` and `1.1`
//! are printed differently, values of 80 digits occur, and so do exponents, infinities and NaNs (with and without a
//! payload). No decimal type of fixed size holds all that, so [`Decimal`] keeps the text and has no arithmetic. For that,
//! it converts to and from a type that has: `rust_decimal`'s, with the feature of that name. It can be compared by its
//! value ([`Decimal::cmp_value`]), whatever its digits.
//!
//! It accepts the ASCII texts that the reference's constructor accepts, except those with white space and underscores,
//! which the reference never writes. The bounds of exponents are the same, too: beyond them that constructor raises, and
//! a client of the reference crashes.

use std::cmp::Ordering;
use std::fmt::{self, Display, Formatter};
use std::str::FromStr;

use super::error::ParseError;
use super::number::Number;

/// The largest exponent that Python's decimals can have, in scientific notation.
const MAX_EXPONENT: i64 = 999_999_999_999_999_999;
/// The smallest exponent of the last digit that they can have.
const MIN_LAST_EXPONENT: i64 = -1_999_999_999_999_999_997;
/// The wire counts the bytes of the text in 16 bits.
const MAX_BYTES: usize = 65_535;

/// A decimal number of any precision, or an infinity, or not a number.
///
/// Equality is that of the texts: `1.0` and `1.00` differ, as they do when printed. There is no `Ord`, which would have to
/// agree with it. Numbers are compared by [`cmp_value`](Self::cmp_value).
///
/// ```
/// # use soa_wire::codec::Decimal;
/// let price: Decimal = "1.10".parse()?;
/// assert_eq!(price.as_str(), "1.10");
/// assert!("1,10".parse::<Decimal>().is_err());
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone, PartialEq, Eq, Hash)]
pub struct Decimal(Box<str>);

impl Decimal {
    /// The text, exactly as it was given.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// True if the number is zero, of either sign and any exponent.
    pub fn is_zero(&self) -> bool {
        matches!(Number::of(&self.0), Number::Finite(number) if number.is_zero())
    }

    /// True if this is a finite number: neither an infinity nor a NaN.
    pub fn is_finite(&self) -> bool {
        matches!(Number::of(&self.0), Number::Finite(_))
    }

    /// True if this is not a number, with or without a payload.
    pub fn is_nan(&self) -> bool {
        matches!(Number::of(&self.0), Number::Nan)
    }

    /// Compares two decimals by their values, exactly: `1.0` is equal to `1.00`, and `-0` to `0`. Infinities are the two
    /// ends. All NaNs are equal, and after everything else.
    ///
    /// ```
    /// # use soa_wire::codec::Decimal;
    /// let mut prices: Vec<Decimal> = vec!["10".parse()?, "NaN".parse()?, "9.95".parse()?, "1E+1".parse()?];
    /// prices.sort_by(Decimal::cmp_value);
    /// let sorted: Vec<&str> = prices.iter().map(Decimal::as_str).collect();
    /// assert_eq!(sorted, ["9.95", "10", "1E+1", "NaN"]);
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn cmp_value(&self, other: &Self) -> Ordering {
        Number::of(&self.0).order(Number::of(&other.0))
    }

    /// The nearest floating point number. Infinite if the number is beyond their range.
    pub fn to_f64(&self) -> f64 {
        // Rust does not know the NaNs with a payload or an `s`, which are the only texts that it refuses.
        self.0.parse().unwrap_or(f64::NAN)
    }

    /// The sign and the digits of the whole number that this is, of at most as many digits; `None` if it is another one.
    pub(crate) fn whole_digits(&self, most: usize) -> Option<String> {
        match Number::of(&self.0) {
            Number::Finite(number) => number.whole_digits(most),
            _ => None,
        }
    }

    /// The sign and all digits of a finite number, and the number of digits behind the point. Negative, if there are zeros
    /// in place of digits before it.
    #[cfg(feature = "rust_decimal")]
    pub(crate) fn scaled_digits(&self) -> Option<(String, i128)> {
        match Number::of(&self.0) {
            Number::Finite(number) => Some(number.scaled_digits()),
            _ => None,
        }
    }

    /// Compares with a limit of a schema.
    pub(crate) fn cmp_number(&self, limit: &serde_json::Number) -> Option<Ordering> {
        let limit: Self = limit.to_string().parse().ok()?;
        Some(self.cmp_value(&limit))
    }

    /// True if text is a decimal.
    pub(crate) fn accepts(text: &str) -> bool {
        text.len() <= MAX_BYTES && is_decimal(text)
    }

    /// Makes a decimal of text that [`Decimal::accepts`].
    pub(crate) fn from_checked(text: &str) -> Self {
        Self(text.into())
    }

    /// The length and the text, as on the wire.
    pub(crate) fn to_payload(&self) -> Vec<u8> {
        // The length is checked when a decimal is made.
        let length = u16::try_from(self.0.len()).unwrap_or(u16::MAX);
        let mut payload = Vec::with_capacity(self.0.len() + 2);
        payload.extend_from_slice(&length.to_be_bytes());
        payload.extend_from_slice(self.0.as_bytes());
        payload
    }
}

fn is_decimal(text: &str) -> bool {
    let unsigned = text.strip_prefix(['+', '-']).unwrap_or(text);
    match unsigned.bytes().next() {
        Some(b'0'..=b'9' | b'.') => is_number(unsigned),
        _ => is_special(unsigned),
    }
}

fn is_special(text: &str) -> bool {
    if text.eq_ignore_ascii_case("inf") || text.eq_ignore_ascii_case("infinity") {
        return true;
    }
    let quiet = text.strip_prefix(['s', 'S']).unwrap_or(text);
    match quiet.split_at_checked(3) {
        Some((nan, payload)) => nan.eq_ignore_ascii_case("nan") && all_digits(payload),
        None => false,
    }
}

fn is_number(text: &str) -> bool {
    let (mantissa, exponent) = match text.split_once(['e', 'E']) {
        Some((mantissa, exponent)) => (mantissa, Some(exponent)),
        None => (text, None),
    };
    let (whole, fraction) = mantissa.split_once('.').unwrap_or((mantissa, ""));
    if !all_digits(whole) || !all_digits(fraction) || whole.len() + fraction.len() == 0 {
        return false;
    }
    let exponent = match exponent.map(parse_exponent) {
        Some(None) => return false,
        Some(Some(exponent)) => exponent,
        None => 0,
    };
    let zeros = whole
        .bytes()
        .chain(fraction.bytes())
        .take_while(|byte| *byte == b'0')
        .count();
    let significant = (whole.len() + fraction.len() - zeros).max(1);
    // Both are at most 65,535, and the exponent has at most 19 digits: nothing here overflows an i128.
    let last = i128::from(exponent) - count(fraction.len());
    let first = last + count(significant) - 1;
    first <= i128::from(MAX_EXPONENT) && last >= i128::from(MIN_LAST_EXPONENT)
}

fn count(length: usize) -> i128 {
    i128::try_from(length).unwrap_or(i128::MAX >> 1)
}

/// `None` if it is not an exponent, or far beyond any bound.
fn parse_exponent(text: &str) -> Option<i64> {
    let digits = text.strip_prefix(['+', '-']).unwrap_or(text);
    if digits.is_empty() || !all_digits(digits) {
        return None;
    }
    text.parse().ok()
}

fn all_digits(text: &str) -> bool {
    text.bytes().all(|byte| byte.is_ascii_digit())
}

impl FromStr for Decimal {
    type Err = ParseError;

    fn from_str(text: &str) -> Result<Self, ParseError> {
        if Self::accepts(text) {
            Ok(Self::from_checked(text))
        } else {
            Err(ParseError::new("a decimal number", text))
        }
    }
}

macro_rules! from_integer {
    ($($int:ty),*) => {
        $(
            impl From<$int> for Decimal {
                fn from(number: $int) -> Self {
                    Self(number.to_string().into_boxed_str())
                }
            }
        )*
    };
}

from_integer!(i8, i16, i32, i64, i128, u8, u16, u32, u64, u128);

impl Display for Decimal {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl fmt::Debug for Decimal {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        Display::fmt(self, f)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn whatever_python_writes_is_kept_as_it_is() {
        for text in [
            "0",
            "-0",
            "1.10",
            ".5",
            "5.",
            "+.5e-3",
            "12345.E1",
            "1E+999999999999999999",
            "0E-1999999999999999997",
            "NaN",
            "-NaN123",
            "sNaN",
            "-sNaN12",
            "Infinity",
            "-Infinity",
            "inf",
        ] {
            assert_eq!(text.parse::<Decimal>().unwrap().as_str(), text);
        }
        let long = "9".repeat(65_535);
        assert_eq!(long.parse::<Decimal>().unwrap().as_str(), long);
    }

    #[test]
    fn what_would_make_python_raise_is_refused() {
        for text in [
            "",
            "+",
            ".",
            "e5",
            "1e",
            "1e+",
            "1.2.3",
            " 1",
            "1_0",
            "0x1",
            "infinit",
            "nan-1",
            "ssnan",
            "--1",
            "١",
            "1E+1000000000000000000",
            "10E+999999999999999999",
            "1E-1999999999999999998",
            "1E+99999999999999999999999999999999999999999999",
        ] {
            assert!(text.parse::<Decimal>().is_err(), "{text}");
        }
        assert!("9".repeat(65_536).parse::<Decimal>().is_err());
    }

    #[test]
    fn decimals_are_ordered_by_their_values() {
        let sorted = [
            &["-Infinity", "-inf"][..],
            &["-1E+999999999999999999", "-10E+999999999999999998"],
            &["-12.5", "-1.25e1", "-012.50"],
            &["-12.4999"],
            &["-1E-1999999999999999997"],
            &["0", "-0", "0E+5", "-.00", "0E-1999999999999999997"],
            &["1E-1999999999999999997"],
            &["0.099"],
            &["0.1", ".10", "1e-1"],
            &["1", "1.0", "1.00", "+1", "10E-1", "0.001E3"],
            &["1.0000000000000000000000000000000000000000000000001"],
            &["2"],
            &["10", "1E1"],
            &["1E+999999999999999999"],
            &["Infinity", "inf", "+Infinity"],
            &["NaN", "-NaN", "sNaN12", "NaN0"],
        ];
        let parse = |text: &&str| text.parse::<Decimal>().unwrap();
        for (at, group) in sorted.iter().enumerate() {
            for (other_at, other) in sorted.iter().enumerate() {
                for left in group.iter().map(parse) {
                    for right in other.iter().map(parse) {
                        let order = left.cmp_value(&right);
                        assert_eq!(order, at.cmp(&other_at), "{left} and {right}");
                    }
                }
            }
        }
    }

    #[test]
    fn a_whole_number_is_an_integer_whatever_its_form() {
        let integer = |text: &str| text.parse::<Decimal>().unwrap().whole_digits(30);
        for (text, expected) in [
            ("2", "2"),
            ("2.000", "2"),
            ("-0.0", "0"),
            ("-12E+3", "-12000"),
            ("1230E-1", "123"),
            ("1E+25", "10000000000000000000000000"),
            ("0E+999999999999999999", "0"),
        ] {
            assert_eq!(integer(text).as_deref(), Some(expected), "{text}");
        }
        for text in [
            "0.5",
            "123E-1",
            "1E-5",
            "1E+30",
            "1E+999999999999999999",
            "NaN",
            "inf",
        ] {
            assert_eq!(integer(text), None, "{text}");
        }
    }

    #[test]
    fn zeros_and_numbers_that_are_none_are_told_apart() {
        for (text, zero, finite) in [
            ("0", true, true),
            ("-0.00E+5", true, true),
            ("0.01", false, true),
            ("NaN0", false, false),
            ("Infinity", false, false),
        ] {
            let decimal: Decimal = text.parse().unwrap();
            assert_eq!(
                (decimal.is_zero(), decimal.is_finite()),
                (zero, finite),
                "{text}"
            );
        }
    }
}
