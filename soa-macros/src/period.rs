//! Lengths of time as people write them: `500ms`, `2s`, `1m 30s`.
//!
//! The grammar is that of `settings::Period` in the runtime, which says the same of settings: numbers with the units `d`,
//! `h`, `m`, `s`, `ms`, `us` and `ns`, added up; a number alone is seconds. Here they are read while the service is
//! compiled, so that what is no time is an error at its place, and become constants.

use std::time::Duration;

use proc_macro2::{Literal, TokenStream};
use quote::{ToTokens, quote};

/// How many nanoseconds the units have.
const UNITS: [(&str, u64); 7] = [
    ("d", 86_400_000_000_000),
    ("h", 3_600_000_000_000),
    ("m", 60_000_000_000),
    ("s", 1_000_000_000),
    ("ms", 1_000_000),
    ("us", 1_000),
    ("ns", 1),
];

/// A length of time; as tokens, an expression.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Period(Duration);

impl Period {
    /// Reads one; `None` for what is none.
    pub(crate) fn read(text: &str) -> Option<Self> {
        let mut rest = text.trim();
        if let Ok(seconds) = rest.parse::<f64>() {
            return of_seconds(seconds).map(Self);
        }
        if rest.is_empty() {
            return None;
        }
        let mut sum = Duration::ZERO;
        while !rest.is_empty() {
            let (number, after) = split(rest, |letter| letter.is_ascii_digit() || letter == '.');
            let (unit, after) = split(after.trim_start(), |letter| letter.is_ascii_alphabetic());
            sum = sum.checked_add(of_unit(number, unit)?)?;
            rest = after.trim_start();
        }
        Some(Self(sum))
    }

    /// Whether it is no time at all.
    pub(crate) fn is_zero(self) -> bool {
        self.0.is_zero()
    }
}

fn split(text: &str, is_part: impl Fn(char) -> bool) -> (&str, &str) {
    let end = text.find(|letter| !is_part(letter)).unwrap_or(text.len());
    text.split_at(end)
}

fn of_unit(number: &str, unit: &str) -> Option<Duration> {
    let (_, nanos) = UNITS.iter().find(|(name, _)| *name == unit)?;
    let unit = Duration::from_nanos(*nanos);
    if let Ok(number) = number.parse::<u64>() {
        return unit.checked_mul(number.try_into().ok()?);
    }
    of_seconds(number.parse::<f64>().ok()? * unit.as_secs_f64())
}

fn of_seconds(seconds: f64) -> Option<Duration> {
    Duration::try_from_secs_f64(seconds).ok()
}

impl ToTokens for Period {
    fn to_tokens(&self, output: &mut TokenStream) {
        let seconds = Literal::u64_unsuffixed(self.0.as_secs());
        let nanos = Literal::u32_unsuffixed(self.0.subsec_nanos());
        output.extend(quote!(::core::time::Duration::new(#seconds, #nanos)));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_grammar_is_that_of_settings() {
        for (text, millis) in [
            ("2s", 2_000),
            ("500ms", 500),
            ("1m 30s", 90_000),
            ("1m30s", 90_000),
            ("1.5h", 5_400_000),
            ("2", 2_000),
            (" 0.25 ", 250),
            ("1 d", 86_400_000),
            ("0s", 0),
        ] {
            let period = Period(Duration::from_millis(millis));
            assert_eq!(Period::read(text), Some(period), "{text}");
        }
        for text in [
            "", " ", "s", "2 weeks", "-1", "-1s", "1e40", "nan", "5s!", "1..5s",
        ] {
            assert_eq!(Period::read(text), None, "{text}");
        }
    }
}
