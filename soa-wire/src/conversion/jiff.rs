//! Dates and times, and those of `jiff`.
//!
//! jiff has negative years, and its timestamps end a day before the year does. Of a date-time with a
//! zone, convert its timestamp.

use jiff::{Timestamp, civil};

use super::part::{micros_of_nanoseconds, year};
use crate::codec::{Date, DateTime, RangeError, Time, UtcDateTime};

impl From<Date> for civil::Date {
    fn from(date: Date) -> Self {
        // The years 1 to 9999 fit an i16, and the day exists in both calendars.
        let year = i16::try_from(date.year()).unwrap_or(1);
        let (month, day) = (date.month().cast_signed(), date.day().cast_signed());
        Self::new(year, month, day).unwrap_or(Self::ZERO)
    }
}

impl TryFrom<civil::Date> for Date {
    type Error = RangeError;

    /// Fails for a year before 1.
    fn try_from(date: civil::Date) -> Result<Self, RangeError> {
        let (month, day) = (date.month().unsigned_abs(), date.day().unsigned_abs());
        Self::new(year(date.year().into())?, month, day)
    }
}

impl From<Time> for civil::Time {
    fn from(time: Time) -> Self {
        let (hour, minute) = (time.hour().cast_signed(), time.minute().cast_signed());
        // A microsecond is below a million, so its nanoseconds fit.
        let nanoseconds = i32::try_from(time.microsecond() * 1_000).unwrap_or(0);
        let time = Self::new(hour, minute, time.second().cast_signed(), nanoseconds);
        // The parts of a time are within the same limits in both crates.
        time.unwrap_or(Self::MIN)
    }
}

impl From<civil::Time> for Time {
    /// Drops everything below a microsecond.
    fn from(time: civil::Time) -> Self {
        let part = |part: i8| part.unsigned_abs();
        let micros = micros_of_nanoseconds(time.subsec_nanosecond().unsigned_abs());
        let time = Self::new(
            part(time.hour()),
            part(time.minute()),
            part(time.second()),
            micros,
        );
        // The parts of a time are within the same limits in both crates.
        time.unwrap_or(Self::MIDNIGHT)
    }
}

impl From<DateTime> for civil::DateTime {
    fn from(when: DateTime) -> Self {
        Self::from_parts(when.date().into(), when.time().into())
    }
}

impl TryFrom<civil::DateTime> for DateTime {
    type Error = RangeError;

    /// Drops everything below a microsecond. Fails for a year before 1.
    fn try_from(when: civil::DateTime) -> Result<Self, RangeError> {
        Ok(Self::new(when.date().try_into()?, when.time().into()))
    }
}

impl TryFrom<UtcDateTime> for Timestamp {
    type Error = RangeError;

    /// Fails for the last day of the year 9999, of which jiff has the beginning only.
    fn try_from(moment: UtcDateTime) -> Result<Self, RangeError> {
        Self::from_microsecond(moment.as_micros())
            .map_err(|_| RangeError::new("jiff's timestamps end on 9999-12-30"))
    }
}

impl TryFrom<Timestamp> for UtcDateTime {
    type Error = RangeError;

    /// Drops everything below a microsecond. Fails for a year before 1.
    fn try_from(moment: Timestamp) -> Result<Self, RangeError> {
        let micros = moment.as_nanosecond().div_euclid(1_000);
        let micros = i64::try_from(micros).map_err(|_| RangeError::new("a year is 1 to 9999"))?;
        Self::from_micros(micros)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn there_and_back_nothing_changes(
            micros in DateTime::MIN.as_micros()..=DateTime::MAX.as_micros() - 2 * 86_400_000_000,
        ) {
            let when = DateTime::from_micros(micros).unwrap();
            let there = civil::DateTime::from(when);
            prop_assert_eq!(there.to_string().parse(), Ok(when));
            prop_assert_eq!(DateTime::try_from(there), Ok(when));
            let moment = when.assume_utc();
            prop_assert_eq!(UtcDateTime::try_from(Timestamp::try_from(moment).unwrap()), Ok(moment));
        }
    }

    #[test]
    fn the_ends_are_told() {
        assert_eq!(Date::try_from(civil::Date::from(Date::MAX)), Ok(Date::MAX));
        let error = Date::try_from(civil::date(0, 1, 1)).unwrap_err();
        assert_eq!(error.to_string(), "out of range: a year is 1 to 9999");
        assert!(UtcDateTime::try_from(Timestamp::MIN).is_err());
        assert!(Timestamp::try_from(UtcDateTime::MAX).is_err());
        let before: Timestamp = "1969-12-31T23:59:59.9999999Z".parse().unwrap();
        assert_eq!(UtcDateTime::try_from(before).unwrap().as_micros(), -1);
    }
}
