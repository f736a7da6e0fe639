//! Dates and times, and those of the crate `time`.
//!
//! `time` has negative years.

use time::{Month, OffsetDateTime, PrimitiveDateTime, UtcOffset};

use super::part::{micros_of_nanoseconds, year};
use crate::codec::{Date, DateTime, RangeError, Time, UtcDateTime};

impl From<Date> for time::Date {
    fn from(date: Date) -> Self {
        let month = Month::try_from(date.month()).unwrap_or(Month::January);
        // Every day of the years 1 to 9999 exists in both calendars.
        Self::from_calendar_date(date.year().into(), month, date.day()).unwrap_or(Self::MIN)
    }
}

impl TryFrom<time::Date> for Date {
    type Error = RangeError;

    /// Fails for a year before 1 or after 9999.
    fn try_from(date: time::Date) -> Result<Self, RangeError> {
        Self::new(year(date.year())?, date.month().into(), date.day())
    }
}

impl From<Time> for time::Time {
    fn from(time: Time) -> Self {
        let time = Self::from_hms_micro(
            time.hour(),
            time.minute(),
            time.second(),
            time.microsecond(),
        );
        // The parts of a time are within the same limits in both crates.
        time.unwrap_or(Self::MIDNIGHT)
    }
}

impl From<time::Time> for Time {
    /// Drops everything below a microsecond.
    fn from(time: time::Time) -> Self {
        let micros = micros_of_nanoseconds(time.nanosecond());
        let time = Self::new(time.hour(), time.minute(), time.second(), micros);
        // The parts of a time are within the same limits in both crates.
        time.unwrap_or(Self::MIDNIGHT)
    }
}

impl From<DateTime> for PrimitiveDateTime {
    fn from(when: DateTime) -> Self {
        Self::new(when.date().into(), when.time().into())
    }
}

impl TryFrom<PrimitiveDateTime> for DateTime {
    type Error = RangeError;

    /// Drops everything below a microsecond. Fails for a year before 1 or after 9999.
    fn try_from(when: PrimitiveDateTime) -> Result<Self, RangeError> {
        Ok(Self::new(when.date().try_into()?, when.time().into()))
    }
}

impl From<UtcDateTime> for OffsetDateTime {
    fn from(moment: UtcDateTime) -> Self {
        PrimitiveDateTime::from(moment.without_zone()).assume_utc()
    }
}

impl TryFrom<OffsetDateTime> for UtcDateTime {
    type Error = RangeError;

    /// Drops the offset, and everything below a microsecond. Fails for a year before 1 or after 9999.
    fn try_from(moment: OffsetDateTime) -> Result<Self, RangeError> {
        let moment = moment
            .checked_to_offset(UtcOffset::UTC)
            .ok_or(RangeError::new("a year is 1 to 9999"))?;
        let when = PrimitiveDateTime::new(moment.date(), moment.time());
        DateTime::try_from(when).map(DateTime::assume_utc)
    }
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
            let there = PrimitiveDateTime::from(when);
            prop_assert_eq!(there.assume_utc().unix_timestamp_nanos(), i128::from(micros) * 1_000);
            prop_assert_eq!(DateTime::try_from(there), Ok(when));
            let moment = when.assume_utc();
            prop_assert_eq!(UtcDateTime::try_from(OffsetDateTime::from(moment)), Ok(moment));
        }
    }

    #[test]
    fn the_ends_are_told() {
        assert_eq!(Date::try_from(time::Date::from(Date::MAX)), Ok(Date::MAX));
        let error = Date::try_from(time::Date::MIN).unwrap_err();
        assert_eq!(error.to_string(), "out of range: a year is 1 to 9999");
        let two_hours = UtcOffset::from_hms(2, 0, 0).unwrap();
        let moment: UtcDateTime = "2026-11-21T08:30:00Z".parse().unwrap();
        let elsewhere = OffsetDateTime::from(moment).to_offset(two_hours);
        assert_eq!(UtcDateTime::try_from(elsewhere), Ok(moment));
        let first = OffsetDateTime::from(UtcDateTime::MIN).replace_offset(two_hours);
        assert!(UtcDateTime::try_from(first).is_err());
    }
}
