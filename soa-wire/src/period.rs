//! Lengths of time as people write them.
//!
//! Users know [`Period`] as `soa::settings::Period`. It stands here, since the settings of transports need it, and
//! the crate that reads settings stands above them. The constants are for that crate alone.

use std::fmt;
use std::str::FromStr;
use std::time::Duration;

use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::de::{self, Deserializer, Visitor};
use serde::{Deserialize, Serialize, Serializer};

/// Units and their nanoseconds, the largest first.
const UNITS: [(&str, u64); 7] = [
    ("d", 86_400_000_000_000),
    ("h", 3_600_000_000_000),
    ("m", 60_000_000_000),
    ("s", 1_000_000_000),
    ("ms", 1_000_000),
    ("us", 1_000),
    ("ns", 1),
];

/// The texts that are read, for messages about those that are not.
pub const EXPECTED: &str = "a time such as `500ms`, `2s` or `1m 30s`, or a number of seconds";

/// The `format` of a length of time in a schema.
pub const FORMAT: &str = "period";

/// The keyword of a schema for the least length of time, which is a text.
pub const LEAST: &str = "x-minimum";

/// A length of time in settings: text such as `500ms`, `2s` or `1m 30s`, or a number of seconds.
///
/// The units are `d`, `h`, `m`, `s`, `ms`, `us` and `ns`; several are added up.
///
/// ```
/// # mod soa { pub use soa_wire::period as settings; }
/// use soa::settings::Period;
/// use std::time::Duration;
///
/// let period: Period = "1m 30s".parse()?;
/// assert_eq!(period.get(), Duration::from_secs(90));
/// assert_eq!(Period::new(Duration::from_millis(2500)).to_string(), "2s 500ms");
/// # Ok::<(), soa::settings::BadPeriod>(())
/// ```
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Period(Duration);

impl Period {
    /// A length of time.
    pub const fn new(duration: Duration) -> Self {
        Self(duration)
    }

    /// A length of time in seconds.
    pub const fn from_secs(seconds: u64) -> Self {
        Self(Duration::from_secs(seconds))
    }

    /// The length of time.
    pub const fn get(self) -> Duration {
        self.0
    }
}

impl From<Duration> for Period {
    fn from(duration: Duration) -> Self {
        Self(duration)
    }
}

impl From<Period> for Duration {
    fn from(period: Period) -> Self {
        period.0
    }
}

/// An error: a text that is no length of time.
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct BadPeriod;

impl fmt::Display for BadPeriod {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "expected {EXPECTED}")
    }
}

impl std::error::Error for BadPeriod {}

crate::debug_as_text!(BadPeriod);

impl FromStr for Period {
    type Err = BadPeriod;

    fn from_str(text: &str) -> Result<Self, BadPeriod> {
        let mut rest = text.trim();
        // Variables and flags have no numbers, only texts of them.
        if let Ok(seconds) = rest.parse::<f64>() {
            return of_seconds(seconds);
        }
        let mut sum = Duration::ZERO;
        while !rest.is_empty() {
            let (number, after) = split(rest, |c| c.is_ascii_digit() || c == '.');
            let (unit, after) = split(after.trim_start(), |c| c.is_ascii_alphabetic());
            sum = sum.checked_add(of_unit(number, unit)?).ok_or(BadPeriod)?;
            rest = after.trim_start();
        }
        if text.trim().is_empty() {
            return Err(BadPeriod);
        }
        Ok(Self(sum))
    }
}

fn split(text: &str, is_part: impl Fn(char) -> bool) -> (&str, &str) {
    let end = text.find(|c| !is_part(c)).unwrap_or(text.len());
    text.split_at(end)
}

fn of_unit(number: &str, unit: &str) -> Result<Duration, BadPeriod> {
    let unit = UNITS.iter().find(|(name, _)| *name == unit);
    let (_, nanos) = unit.ok_or(BadPeriod)?;
    if let Ok(number) = number.parse::<u64>() {
        let number = u32::try_from(number).map_err(|_| BadPeriod)?;
        let unit = Duration::from_nanos(*nanos);
        return unit.checked_mul(number).ok_or(BadPeriod);
    }
    let number: f64 = number.parse().map_err(|_| BadPeriod)?;
    Ok(of_seconds(number * Duration::from_nanos(*nanos).as_secs_f64())?.0)
}

fn of_seconds(seconds: f64) -> Result<Period, BadPeriod> {
    let duration = Duration::try_from_secs_f64(seconds);
    duration.map(Period).map_err(|_| BadPeriod)
}

impl fmt::Display for Period {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut rest = self.0.as_nanos();
        if rest == 0 {
            return f.write_str("0s");
        }
        let mut is_first = true;
        for (name, nanos) in UNITS {
            let (count, left) = (rest / u128::from(nanos), rest % u128::from(nanos));
            if count > 0 {
                let space = if is_first { "" } else { " " };
                write!(f, "{space}{count}{name}")?;
                is_first = false;
            }
            rest = left;
        }
        Ok(())
    }
}

impl Serialize for Period {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for Period {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Text;

        impl Visitor<'_> for Text {
            type Value = Period;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(EXPECTED)
            }

            fn visit_u64<E: de::Error>(self, seconds: u64) -> Result<Period, E> {
                Ok(Period::from_secs(seconds))
            }

            fn visit_f64<E: de::Error>(self, seconds: f64) -> Result<Period, E> {
                of_seconds(seconds).map_err(E::custom)
            }

            fn visit_str<E: de::Error>(self, text: &str) -> Result<Period, E> {
                text.parse().map_err(E::custom)
            }
        }

        deserializer.deserialize_any(Text)
    }
}

impl JsonSchema for Period {
    fn inline_schema() -> bool {
        true
    }

    fn schema_name() -> std::borrow::Cow<'static, str> {
        "Period".into()
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        json_schema!({ "type": ["string", "number"], "format": FORMAT, "minimum": 0 })
    }
}

/// A [`Duration`] that is written as a [`Period`]: for `#[serde(with = "…")]`.
pub mod duration {
    use super::*;

    /// Writes it as text.
    ///
    /// # Errors
    /// The serializer failed.
    pub fn serialize<S: Serializer>(duration: &Duration, serializer: S) -> Result<S::Ok, S::Error> {
        Period(*duration).serialize(serializer)
    }

    /// Reads it from a text or a number of seconds.
    ///
    /// # Errors
    /// It is neither, or not a [`Period`].
    pub fn deserialize<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Duration, D::Error> {
        Period::deserialize(deserializer).map(Period::get)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The texts that attributes of actions take and refuse, too.
    fn cases() -> impl Iterator<Item = (&'static str, &'static str)> {
        let table = include_str!(concat!(
            env!("CARGO_MANIFEST_DIR"),
            "/../soa-macros/tests/cases/periods.txt"
        ));
        let lines = table.lines().filter(|line| line.starts_with('"'));
        lines.map(|line| line[1..].rsplit_once("\" ").unwrap())
    }

    #[test]
    fn texts_have_units_and_several_are_added_up() {
        for (text, nanos) in cases().filter(|(_, expected)| *expected != "refused") {
            let period: Period = text.parse().unwrap();
            let expected = Duration::from_nanos(nanos.parse().unwrap());
            assert_eq!(period.get(), expected, "{text}");
        }
    }

    #[test]
    fn what_is_no_time_is_refused() {
        for (text, _) in cases().filter(|(_, expected)| *expected == "refused") {
            assert_eq!(text.parse::<Period>(), Err(BadPeriod), "{text}");
        }
    }

    #[test]
    fn it_is_written_as_it_is_read() {
        for text in ["30s", "5m", "1m 30s", "250ms", "1d", "0s", "1s 5us 7ns"] {
            assert_eq!(text.parse::<Period>().unwrap().to_string(), text);
        }
    }
}
