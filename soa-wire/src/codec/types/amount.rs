//! Amounts of money.
//!
//! An [`Amount`] is a currency and a number of its minor units: 12.50 US dollars are 1250 of `USD`, 500 yen are 500 of
//! `JPY`. It is PySOA's `currint.Amount`. The number of minor units in a major one differs between
//! currencies and changes over time, so this type does not know it; amounts of different currencies do not compare.

use std::fmt::{self, Display, Formatter};
use std::str::FromStr;

use super::error::{ParseError, RangeError};

/// An amount of money, in minor units of a currency.
///
/// ```
/// # use soa_wire::codec::Amount;
/// let price = Amount::new("USD", 1250)?;
/// assert_eq!((price.currency(), price.minor()), ("USD", 1250));
/// assert_eq!(price.to_string(), "USD 1250");
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub struct Amount {
    currency: [u8; 3],
    minor: i64,
}

impl Amount {
    /// Makes an amount of a currency, named by the three upper-case letters of ISO 4217.
    ///
    /// # Errors
    ///
    /// Fails if the name is not three upper-case ASCII letters. The currency itself is not looked up.
    pub fn new(currency: &str, minor: i64) -> Result<Self, RangeError> {
        match currency.as_bytes() {
            &[a, b, c] => Self::from_bytes([a, b, c], minor),
            _ => Err(INVALID),
        }
    }

    fn from_bytes(currency: [u8; 3], minor: i64) -> Result<Self, RangeError> {
        if currency.iter().all(u8::is_ascii_uppercase) {
            Ok(Self { currency, minor })
        } else {
            Err(INVALID)
        }
    }

    /// The three letters of the currency.
    pub fn currency(&self) -> &str {
        // They are ASCII, which is checked when an amount is made.
        std::str::from_utf8(&self.currency).unwrap_or_default()
    }

    /// The number of minor units: cents, pence, yen.
    pub const fn minor(&self) -> i64 {
        self.minor
    }

    /// The eleven bytes of the payload.
    pub(crate) const fn to_payload(self) -> [u8; 11] {
        let [a, b, c] = self.currency;
        let [m1, m2, m3, m4, m5, m6, m7, m8] = self.minor.to_be_bytes();
        [a, b, c, m1, m2, m3, m4, m5, m6, m7, m8]
    }

    pub(crate) fn from_payload(payload: [u8; 11]) -> Result<Self, RangeError> {
        let [a, b, c, minor @ ..] = payload;
        Self::from_bytes([a, b, c], i64::from_be_bytes(minor))
    }
}

const INVALID: RangeError = RangeError::new("a currency is three upper-case letters");

impl Display for Amount {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        write!(f, "{} {}", self.currency(), self.minor)
    }
}

impl fmt::Debug for Amount {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        Display::fmt(self, f)
    }
}

impl FromStr for Amount {
    type Err = ParseError;

    /// Reads what `Display` writes: the currency, a space, and the minor units.
    fn from_str(text: &str) -> Result<Self, ParseError> {
        text.split_once(' ')
            .and_then(|(currency, minor)| Self::new(currency, minor.parse().ok()?).ok())
            .ok_or_else(|| ParseError::new("an amount like `USD 1250`", text))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_currency_is_three_upper_case_letters() {
        for currency in ["", "US", "USDT", "usd", "U$D", "ÄÖ"] {
            assert!(Amount::new(currency, 1).is_err(), "{currency}");
        }
    }

    #[test]
    fn an_amount_is_read_as_it_is_shown() {
        for minor in [i64::MIN, -500, 0, i64::MAX] {
            let amount = Amount::new("JPY", minor).unwrap();
            assert_eq!(amount.to_string().parse(), Ok(amount));
        }
        assert!("USD".parse::<Amount>().is_err());
        assert!("USD 1.5".parse::<Amount>().is_err());
    }
}
