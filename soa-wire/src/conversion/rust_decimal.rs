//! Decimals, and those of `rust_decimal`, which have arithmetic and up to 28 digits.

use rust_decimal::Decimal as Number;

use crate::codec::{Decimal, RangeError};

const NOT_FINITE: RangeError = RangeError::new("rust_decimal has neither NaN nor infinities");
const TOO_MANY_DIGITS: RangeError =
    RangeError::new("rust_decimal has at most 28 digits, and no more than 28 behind the point");

/// Keeps the digits: `1.10` stays `1.10`.
impl From<Number> for Decimal {
    fn from(number: Number) -> Self {
        Self::from_checked(&number.to_string())
    }
}

/// Keeps the digits: `1.10` stays `1.10`. Only zeros at the end are dropped, where they would be too many.
impl TryFrom<&Decimal> for Number {
    type Error = RangeError;

    /// Fails for a NaN, an infinity, and a number that would have to be rounded.
    fn try_from(decimal: &Decimal) -> Result<Self, RangeError> {
        let (mut digits, mut scale) = decimal.scaled_digits().ok_or(NOT_FINITE)?;
        while scale > i128::from(Self::MAX_SCALE) && digits.ends_with('0') {
            digits.pop();
            scale -= 1;
        }
        let significant = digits.trim_start_matches(['-', '0']);
        if significant.is_empty() {
            let scale = scale.clamp(0, i128::from(Self::MAX_SCALE));
            return Ok(Self::new(0, u32::try_from(scale).unwrap_or(0)));
        }
        // An i128 has up to 39 digits, so a longer number is refused before it is filled up with zeros.
        if scale < -39 || significant.len() > 39 {
            return Err(TOO_MANY_DIGITS);
        }
        while scale < 0 {
            digits.push('0');
            scale += 1;
        }
        let number = digits.parse().map_err(|_| TOO_MANY_DIGITS)?;
        let scale = u32::try_from(scale).map_err(|_| TOO_MANY_DIGITS)?;
        Self::try_from_i128_with_scale(number, scale).map_err(|_| TOO_MANY_DIGITS)
    }
}

impl TryFrom<Decimal> for Number {
    type Error = RangeError;

    /// Fails for a NaN, an infinity, and a number that would have to be rounded.
    fn try_from(decimal: Decimal) -> Result<Self, RangeError> {
        Self::try_from(&decimal)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn digits_are_kept_and_nothing_is_rounded() {
        for (text, expected) in [
            ("1.10", "1.10"),
            ("-0.05", "-0.05"),
            (".5", "0.5"),
            ("+5.", "5"),
            ("1.5E+3", "1500"),
            ("12E-3", "0.012"),
            ("-0", "0"),
            ("0.00", "0.00"),
            ("0E-999999999999999999", "0.0000000000000000000000000000"),
            ("0E+999999999999999999", "0"),
            (
                "79228162514264337593543950335",
                "79228162514264337593543950335",
            ),
            (
                "0.10000000000000000000000000000000000",
                "0.1000000000000000000000000000",
            ),
            ("000000000000000000000000000000000000000000000001", "1"),
        ] {
            let decimal: Decimal = text.parse().unwrap();
            assert_eq!(
                Number::try_from(&decimal).unwrap().to_string(),
                expected,
                "{text}"
            );
        }
        for text in [
            "NaN",
            "-Infinity",
            "79228162514264337593543950336",
            "0.00000000000000000000000000001",
            "1E+999999999999999999",
            "1E-999999999999999999",
            "1E+29",
        ] {
            let decimal: Decimal = text.parse().unwrap();
            assert!(Number::try_from(&decimal).is_err(), "{text}");
        }
        let nan: Decimal = "NaN".parse().unwrap();
        assert_eq!(
            Number::try_from(nan).unwrap_err().to_string(),
            "out of range: rust_decimal has neither NaN nor infinities"
        );
    }

    proptest! {
        #[test]
        fn there_and_back_nothing_changes(number in any::<i64>(), scale in 0_u32..=28) {
            let number = Number::new(number, scale);
            let back = Number::try_from(Decimal::from(number)).unwrap();
            prop_assert_eq!((back, back.scale()), (number, number.scale()));
        }
    }
}
