//! Points in time: on a wall clock, and in UTC.
//!
//! Both are a number of microseconds from 1970-01-01T00:00:00, within the years 1 to 9999. [`DateTime`] is the
//! time that a clock on a wall shows, in a zone that is not given; [`UtcDateTime`] is a moment. The wire keeps the two
//! apart, and so does this crate: neither converts into the other by itself.
//!
//! All arithmetic is in whole microseconds. (The reference calculates with floating point numbers, and is off by one
//! now and then.)

use std::borrow::Cow;
use std::fmt::{self, Display, Formatter};
use std::str::FromStr;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use super::date::{Date, MICROS_PER_DAY, Time};
use super::error::{ParseError, RangeError};

const MIN_MICROS: i64 = -719_162 * MICROS_PER_DAY;
const MAX_MICROS: i64 = 2_932_897 * MICROS_PER_DAY - 1;

const OUT_OF_RANGE: RangeError = RangeError::new("a date-time is within the years 1 to 9999");

/// A date and a time of day without a zone, in microseconds.
///
/// ```
/// # use soa_wire::codec::{Date, DateTime, Time};
/// let when = DateTime::new(Date::new(2026, 11, 21)?, Time::new(8, 30, 0, 0)?);
/// assert_eq!(when.to_string(), "2026-11-21T08:30:00");
/// assert_eq!(when.date().day(), 21);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct DateTime(i64);

impl DateTime {
    /// The earliest value: 0001-01-01T00:00:00.
    pub const MIN: Self = Self(MIN_MICROS);

    /// The latest value: 9999-12-31T23:59:59.999999.
    pub const MAX: Self = Self(MAX_MICROS);

    /// This time on this day.
    pub fn new(date: Date, time: Time) -> Self {
        // Neither operation can overflow: a date's days times 86.4e9 stay below 2^58.
        let micros = i64::try_from(time.micros_since_midnight()).unwrap_or(0);
        Self(date.days_since_epoch() * MICROS_PER_DAY + micros)
    }

    /// The date-time at this number of microseconds after 1970-01-01T00:00:00.
    ///
    /// # Errors
    ///
    /// Fails if the result is not within the years 1 to 9999.
    pub const fn from_micros(micros: i64) -> Result<Self, RangeError> {
        if micros < MIN_MICROS || micros > MAX_MICROS {
            return Err(OUT_OF_RANGE);
        }
        Ok(Self(micros))
    }

    /// The microseconds from 1970-01-01T00:00:00, negative before it.
    pub const fn as_micros(self) -> i64 {
        self.0
    }

    /// The day.
    pub fn date(self) -> Date {
        // The range of the number is checked when it is made, so a day is always found.
        Date::from_days_since_epoch(self.0.div_euclid(MICROS_PER_DAY)).unwrap_or(Date::MIN)
    }

    /// The time of day.
    pub fn time(self) -> Time {
        let micros = u64::try_from(self.0.rem_euclid(MICROS_PER_DAY)).unwrap_or(0);
        // A remainder of the length of a day is within a day.
        Time::from_micros_since_midnight(micros).unwrap_or(Time::MIDNIGHT)
    }

    /// The moment at which this is the date and the time of day in UTC.
    pub const fn assume_utc(self) -> UtcDateTime {
        UtcDateTime(self)
    }
}

impl Display for DateTime {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        write!(f, "{}T{}", self.date(), self.time())
    }
}

impl fmt::Debug for DateTime {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        Display::fmt(self, f)
    }
}

impl FromStr for DateTime {
    type Err = ParseError;

    /// Reads a date and a time with a `T` or a space in between, and no zone.
    fn from_str(text: &str) -> Result<Self, ParseError> {
        parse(text).ok_or_else(|| ParseError::new("a date-time like 2026-11-21T08:30:00", text))
    }
}

fn parse(text: &str) -> Option<DateTime> {
    let (date, time) = text.split_once(['T', ' '])?;
    Some(DateTime::new(date.parse().ok()?, time.parse().ok()?))
}

/// A moment, as a date and a time of day in UTC, in microseconds.
///
/// ```
/// # use soa_wire::codec::UtcDateTime;
/// let when: UtcDateTime = "2026-11-21T08:30:00Z".parse()?;
/// assert_eq!(when.as_micros(), 1_795_249_800_000_000);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct UtcDateTime(DateTime);

impl UtcDateTime {
    /// The earliest value: 0001-01-01T00:00:00Z.
    pub const MIN: Self = Self(DateTime::MIN);

    /// The latest value: 9999-12-31T23:59:59.999999Z.
    pub const MAX: Self = Self(DateTime::MAX);

    /// This time on this day, in UTC.
    pub fn new(date: Date, time: Time) -> Self {
        Self(DateTime::new(date, time))
    }

    /// The current time of the system's clock.
    ///
    /// A clock that is beyond the year 9999 counts as being at the end of it.
    pub fn now() -> Self {
        Self::try_from(SystemTime::now()).unwrap_or(Self::MAX)
    }

    /// The moment at this number of microseconds after 1970-01-01T00:00:00Z.
    ///
    /// # Errors
    ///
    /// Fails if the result is not within the years 1 to 9999.
    pub const fn from_micros(micros: i64) -> Result<Self, RangeError> {
        match DateTime::from_micros(micros) {
            Ok(naive) => Ok(Self(naive)),
            Err(error) => Err(error),
        }
    }

    /// The microseconds from 1970-01-01T00:00:00Z, negative before it.
    pub const fn as_micros(self) -> i64 {
        self.0.0
    }

    /// The day in UTC.
    pub fn date(self) -> Date {
        self.0.date()
    }

    /// The time of day in UTC.
    pub fn time(self) -> Time {
        self.0.time()
    }

    /// The date and the time of day in UTC, without the zone.
    pub const fn without_zone(self) -> DateTime {
        self.0
    }
}

impl TryFrom<SystemTime> for UtcDateTime {
    type Error = RangeError;

    /// Drops everything below a microsecond.
    fn try_from(time: SystemTime) -> Result<Self, RangeError> {
        let micros = match time.duration_since(UNIX_EPOCH) {
            Ok(after) => i64::try_from(after.as_micros()).map_err(|_| OUT_OF_RANGE)?,
            Err(before) => {
                let before = before.duration();
                let micros = i64::try_from(before.as_micros()).map_err(|_| OUT_OF_RANGE)?;
                // Rounds down on this side of the epoch too.
                let part = i64::from(!before.subsec_nanos().is_multiple_of(1_000));
                -micros - part
            }
        };
        Self::from_micros(micros)
    }
}

impl TryFrom<UtcDateTime> for SystemTime {
    type Error = RangeError;

    /// Fails only where the platform's clock cannot express the moment.
    fn try_from(moment: UtcDateTime) -> Result<Self, RangeError> {
        let distance = Duration::from_micros(moment.as_micros().unsigned_abs());
        let time = if moment.as_micros() < 0 {
            UNIX_EPOCH.checked_sub(distance)
        } else {
            UNIX_EPOCH.checked_add(distance)
        };
        time.ok_or(RangeError::new("not a time of this system's clock"))
    }
}

impl Display for UtcDateTime {
    /// Writes ISO 8601 with the offset `+00:00`, as Python's `isoformat` does.
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        write!(f, "{}+00:00", self.0)
    }
}

impl fmt::Debug for UtcDateTime {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        Display::fmt(self, f)
    }
}

impl FromStr for UtcDateTime {
    type Err = ParseError;

    /// Reads a date-time that ends in `Z` or in an offset from UTC, such as `+02:00`.
    fn from_str(text: &str) -> Result<Self, ParseError> {
        parse_with_zone(text)
            .ok_or_else(|| ParseError::new("a date-time like 2026-11-21T08:30:00+00:00", text))
    }
}

fn parse_with_zone(text: &str) -> Option<UtcDateTime> {
    let (local, offset) = match text.strip_suffix('Z') {
        Some(local) => (local, 0),
        None => {
            // A date has dashes, too, but a time has none.
            let at = text.rfind(['+', '-'])?;
            let (local, offset) = text.split_at_checked(at)?;
            (local, parse_offset(offset)?)
        }
    };
    let micros = parse(local)?.as_micros().checked_sub(offset)?;
    UtcDateTime::from_micros(micros).ok()
}

/// Reads an offset from UTC, with seconds or without, in microseconds. Python's are less than a day.
fn parse_offset(text: &str) -> Option<i64> {
    let (sign, distance) = match text.split_at_checked(1)? {
        ("-", distance) => (-1, distance),
        (_, distance) => (1, distance),
    };
    let whole = match distance.len() {
        5 => Cow::Owned(format!("{distance}:00")),
        _ => Cow::Borrowed(distance),
    };
    let distance: Time = whole.parse().ok()?;
    // A time is less than 8.64e10 microseconds.
    Some(sign * i64::try_from(distance.micros_since_midnight()).ok()?)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn taking_a_date_time_apart_and_together_changes_nothing(micros in MIN_MICROS..=MAX_MICROS) {
            let naive = DateTime::from_micros(micros).unwrap();
            prop_assert_eq!(DateTime::new(naive.date(), naive.time()), naive);
            prop_assert_eq!(naive.to_string().parse(), Ok(naive));
            let utc = naive.assume_utc();
            prop_assert_eq!(utc.to_string().parse(), Ok(utc));
            let system = SystemTime::try_from(utc).unwrap();
            prop_assert_eq!(UtcDateTime::try_from(system), Ok(utc));
        }
    }

    #[test]
    fn the_ends_of_the_calendar_are_the_ends_of_date_times() {
        assert_eq!(DateTime::MIN.to_string(), "0001-01-01T00:00:00");
        assert_eq!(DateTime::MAX.to_string(), "9999-12-31T23:59:59.999999");
        assert!(DateTime::from_micros(MIN_MICROS - 1).is_err());
        assert!(DateTime::from_micros(MAX_MICROS + 1).is_err());
        assert!(UtcDateTime::from_micros(i64::MIN).is_err());
        assert!(UtcDateTime::from_micros(i64::MAX).is_err());
    }

    #[test]
    fn a_system_time_is_rounded_down_to_the_microsecond() {
        let micros = |time| UtcDateTime::try_from(time).unwrap().as_micros();
        assert_eq!(micros(UNIX_EPOCH + Duration::from_nanos(1_999)), 1);
        assert_eq!(micros(UNIX_EPOCH - Duration::from_nanos(1)), -1);
        assert_eq!(micros(UNIX_EPOCH - Duration::from_nanos(1_000)), -1);
        assert!(UtcDateTime::try_from(UNIX_EPOCH + Duration::from_secs(1 << 40)).is_err());
    }

    #[test]
    fn a_zone_is_neither_invented_nor_dropped() {
        assert!("2026-11-21T08:30:00".parse::<UtcDateTime>().is_err());
        assert!("2026-11-21T08:30:00Z".parse::<DateTime>().is_err());
        assert!("2026-11-21T08:30:00+01:00".parse::<DateTime>().is_err());
    }

    #[test]
    fn an_offset_is_part_of_the_moment() {
        let moment: UtcDateTime = "2026-11-21T08:30:00Z".parse().unwrap();
        assert_eq!(moment.to_string(), "2026-11-21T08:30:00+00:00");
        for text in [
            "2026-11-21 08:30:00+00:00",
            "2026-11-21T08:30:00-00:00",
            "2026-11-21T10:30:00+02:00",
            "2026-11-20T20:30:00-12:00",
            "2026-11-21T14:23:28+05:53:28",
        ] {
            assert_eq!(text.parse(), Ok(moment), "{text}");
        }
        for text in [
            "2026-11-21T08:30:00+2",
            "2026-11-21T08:30:00+0200",
            "2026-11-21T08:30:00+24:00",
            "2026-11-21T08:30:00+02:00Z",
            "0001-01-01T00:00:00+01:00",
            "9999-12-31T23:59:59-01:00",
            "+00:00",
            "",
        ] {
            assert!(text.parse::<UtcDateTime>().is_err(), "{text}");
        }
    }
}
