//! The number that the text of a decimal stands for.
//!
//! A decimal is compared and converted without arithmetic, by its sign, the place of its first digit and its digits. So
//! the exponents of 18 digits that a decimal can have cost no more than small ones.

use std::cmp::Ordering;

/// A decimal's text, taken apart.
#[derive(Debug, Clone, Copy)]
pub(super) enum Number<'a> {
    Finite(Finite<'a>),
    Infinite { is_negative: bool },
    Nan,
}

/// A finite number: the digits of a whole and a fraction, times a power of ten.
#[derive(Debug, Clone, Copy)]
pub(super) struct Finite<'a> {
    is_negative: bool,
    whole: &'a str,
    fraction: &'a str,
    exponent: i64,
}

impl<'a> Number<'a> {
    /// Takes apart text that is a decimal.
    pub(super) fn of(text: &'a str) -> Self {
        let is_negative = text.starts_with('-');
        let unsigned = text.strip_prefix(['+', '-']).unwrap_or(text);
        match unsigned.bytes().next() {
            Some(b'i' | b'I') => Self::Infinite { is_negative },
            Some(b'0'..=b'9' | b'.') => {
                let (mantissa, exponent) = match unsigned.split_once(['e', 'E']) {
                    // An exponent fits, as the decimal was checked.
                    Some((mantissa, exponent)) => (mantissa, exponent.parse().unwrap_or(0)),
                    None => (unsigned, 0),
                };
                let (whole, fraction) = mantissa.split_once('.').unwrap_or((mantissa, ""));
                Self::Finite(Finite {
                    is_negative,
                    whole,
                    fraction,
                    exponent,
                })
            }
            _ => Self::Nan,
        }
    }

    /// Compares two numbers. Infinities are the ends, all NaNs are equal and after them.
    pub(super) fn order(self, other: Self) -> Ordering {
        self.rank()
            .cmp(&other.rank())
            .then_with(|| match (self, other) {
                (Self::Finite(left), Self::Finite(right)) => left.order(right),
                _ => Ordering::Equal,
            })
    }

    fn rank(self) -> u8 {
        match self {
            Self::Infinite { is_negative: true } => 0,
            Self::Finite(_) => 1,
            Self::Infinite { is_negative: false } => 2,
            Self::Nan => 3,
        }
    }
}

impl Finite<'_> {
    fn digits(&self) -> impl Iterator<Item = u8> {
        self.whole.bytes().chain(self.fraction.bytes())
    }

    fn significant_digits(&self) -> impl Iterator<Item = u8> {
        self.digits().skip_while(|digit| *digit == b'0')
    }

    /// The power of ten of the first significant digit; `None` for zero.
    fn place(&self) -> Option<i128> {
        let zeros = self.digits().position(|digit| digit != b'0')?;
        // Both lengths are at most 65,535, the length of a decimal's text.
        let length = |length: usize| i128::try_from(length).unwrap_or(0);
        Some(i128::from(self.exponent) + length(self.whole.len()) - 1 - length(zeros))
    }

    pub(super) fn is_zero(&self) -> bool {
        self.place().is_none()
    }

    fn order(self, other: Self) -> Ordering {
        match (self.sign(), other.sign()) {
            (1, 1) => self.order_of_size(other),
            (-1, -1) => other.order_of_size(self),
            (left, right) => left.cmp(&right),
        }
    }

    /// Returns 1, -1, or 0 for both zeros.
    fn sign(self) -> i8 {
        match (self.is_zero(), self.is_negative) {
            (true, _) => 0,
            (false, true) => -1,
            (false, false) => 1,
        }
    }

    /// Compares two numbers other than zero without their signs.
    fn order_of_size(self, other: Self) -> Ordering {
        self.place().cmp(&other.place()).then_with(|| {
            let (mut left, mut right) = (self.significant_digits(), other.significant_digits());
            loop {
                match (left.next(), right.next()) {
                    (None, None) => return Ordering::Equal,
                    // A number that is shorter continues with zeros.
                    (left, right) => match left.unwrap_or(b'0').cmp(&right.unwrap_or(b'0')) {
                        Ordering::Equal => {}
                        other => return other,
                    },
                }
            }
        })
    }

    /// Returns the sign and the digits of a whole number; `None` for a fraction, and for a number of more digits than
    /// these.
    pub(super) fn whole_digits(&self, most: usize) -> Option<String> {
        let Some(place) = self.place() else {
            return Some("0".to_owned());
        };
        let length = usize::try_from(place.checked_add(1)?).ok()?;
        if length > most {
            return None;
        }
        let mut digits = self.significant_digits();
        let mut text = String::with_capacity(length + 1);
        if self.is_negative {
            text.push('-');
        }
        for _ in 0..length {
            text.push(char::from(digits.next().unwrap_or(b'0')));
        }
        digits.all(|digit| digit == b'0').then_some(text)
    }

    /// Returns the sign and all digits, and the number of digits behind the point.
    #[cfg(feature = "rust_decimal")]
    pub(super) fn scaled_digits(&self) -> (String, i128) {
        let sign = if self.is_negative { "-" } else { "" };
        let digits = format!("{sign}{}{}", self.whole, self.fraction);
        // At most 65,535, the length of a decimal's text.
        let fraction = i128::try_from(self.fraction.len()).unwrap_or(0);
        (digits, fraction - i128::from(self.exponent))
    }
}
