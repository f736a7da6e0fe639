//! Dates and times, and those of `chrono`.
//!
//! chrono has more years than the wire, and a second 60 for leap seconds.

use chrono::{Datelike, NaiveDate, NaiveDateTime, NaiveTime, TimeZone, Timelike, Utc};

use super::part::{micros_of_nanoseconds, year};
use crate::codec::{Date, DateTime, RangeError, Time, UtcDateTime};

impl From<Date> for NaiveDate {
    fn from(date: Date) -> Self {
        let (year, month, day) = (date.year().into(), date.month().into(), date.day().into());
        // Every day of the years 1 to 9999 exists in both calendars.
        Self::from_ymd_opt(year, month, day).unwrap_or(Self::MIN)
    }
}

impl TryFrom<NaiveDate> for Date {
    type Error = RangeError;

    /// Fails for a year before 1 or after 9999.
    fn try_from(date: NaiveDate) -> Result<Self, RangeError> {
        Self::new(year(date.year())?, small(date.month()), small(date.day()))
    }
}

impl From<Time> for NaiveTime {
    fn from(time: Time) -> Self {
        let (hour, minute, second) = (
            time.hour().into(),
            time.minute().into(),
            time.second().into(),
        );
        let time = Self::from_hms_micro_opt(hour, minute, second, time.microsecond());
        // The parts of a time are within the same limits in both crates.
        time.unwrap_or(Self::MIN)
    }
}

impl TryFrom<NaiveTime> for Time {
    type Error = RangeError;

    /// Drops everything below a microsecond. Fails for a leap second.
    fn try_from(time: NaiveTime) -> Result<Self, RangeError> {
        let (hour, minute, second) = (
            small(time.hour()),
            small(time.minute()),
            small(time.second()),
        );
        Self::new(
            hour,
            minute,
            second,
            micros_of_nanoseconds(time.nanosecond()),
        )
        .map_err(|_| RangeError::new("the wire has no leap seconds"))
    }
}

impl From<DateTime> for NaiveDateTime {
    fn from(when: DateTime) -> Self {
        Self::new(when.date().into(), when.time().into())
    }
}

impl TryFrom<NaiveDateTime> for DateTime {
    type Error = RangeError;

    /// Drops everything below a microsecond. Fails for a leap second, and a year before 1 or after 9999.
    fn try_from(when: NaiveDateTime) -> Result<Self, RangeError> {
        Ok(Self::new(when.date().try_into()?, when.time().try_into()?))
    }
}

impl From<UtcDateTime> for chrono::DateTime<Utc> {
    fn from(moment: UtcDateTime) -> Self {
        NaiveDateTime::from(moment.without_zone()).and_utc()
    }
}

impl<Tz: TimeZone> TryFrom<chrono::DateTime<Tz>> for UtcDateTime {
    type Error = RangeError;

    /// Drops the zone, and everything below a microsecond. Fails for a leap second, and a year before 1 or after 9999.
    fn try_from(moment: chrono::DateTime<Tz>) -> Result<Self, RangeError> {
        DateTime::try_from(moment.naive_utc()).map(DateTime::assume_utc)
    }
}

/// Converts a month, a day, an hour, a minute or a second, all of which fit.
fn small(number: u32) -> u8 {
    u8::try_from(number).unwrap_or(u8::MAX)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn there_and_back_nothing_changes(
            micros in DateTime::MIN.as_micros()..=DateTime::MAX.as_micros(),
        ) {
            let when = DateTime::from_micros(micros).unwrap();
            let there = NaiveDateTime::from(when);
            prop_assert_eq!(there.and_utc().timestamp_micros(), micros);
            prop_assert_eq!(DateTime::try_from(there), Ok(when));
            let moment = when.assume_utc();
            prop_assert_eq!(UtcDateTime::try_from(chrono::DateTime::<Utc>::from(moment)), Ok(moment));
        }
    }

    #[test]
    fn the_ends_are_told() {
        assert_eq!(Date::try_from(NaiveDate::from(Date::MAX)), Ok(Date::MAX));
        for years in [0, 10_000, -300] {
            let date = NaiveDate::from_ymd_opt(years, 1, 1).unwrap();
            let error = Date::try_from(date).unwrap_err();
            assert_eq!(error.to_string(), "out of range: a year is 1 to 9999");
        }
        let leap = NaiveTime::from_hms_milli_opt(23, 59, 59, 1_500).unwrap();
        let error = Time::try_from(leap).unwrap_err();
        assert_eq!(
            error.to_string(),
            "out of range: the wire has no leap seconds"
        );
        let moment = chrono::DateTime::parse_from_rfc3339("2026-11-21T10:30:00+02:00").unwrap();
        assert_eq!(
            UtcDateTime::try_from(moment),
            Ok("2026-11-21T08:30:00Z".parse().unwrap())
        );
    }
}
