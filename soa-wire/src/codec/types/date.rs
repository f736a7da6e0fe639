//! Days of the calendar and times of the day.
//!
//! [`Date`] and [`Time`] are plain numbers in the ranges of Python's `datetime.date` and `datetime.time`: years 1 to
//! 9999 of the Gregorian calendar, extended backwards to before it was introduced, and microseconds within a day.
//! Neither knows of a time zone or of leap seconds.
//!
//! A date converts to and from its distance to 1970-01-01 in days; the date-times use that arithmetic. It
//! counts years from March, so that the leap day is the last of its year, and in eras of 400 years, which all have the
//! same number of days.

use std::fmt::{self, Display, Formatter};
use std::str::FromStr;

use super::error::{ParseError, RangeError};

const DAYS_PER_ERA: i64 = 146_097;
/// From 0000-03-01, where an era begins, to 1970-01-01.
const EPOCH_FROM_ERA: i64 = 719_468;

pub(super) const MICROS_PER_SECOND: i64 = 1_000_000;
pub(super) const MICROS_PER_DAY: i64 = 86_400 * MICROS_PER_SECOND;

/// A day of the calendar, from 0001-01-01 to 9999-12-31.
///
/// ```
/// # use soa_wire::codec::Date;
/// let date = Date::new(2024, 2, 29)?;
/// assert_eq!(date.to_string(), "2024-02-29");
/// assert!(Date::new(2023, 2, 29).is_err());
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Date {
    year: u16,
    month: u8,
    day: u8,
}

impl Date {
    /// The earliest day: 0001-01-01.
    pub const MIN: Self = Self {
        year: 1,
        month: 1,
        day: 1,
    };

    /// The latest day: 9999-12-31.
    pub const MAX: Self = Self {
        year: 9999,
        month: 12,
        day: 31,
    };

    /// Makes a day of its numbers, with month and day counted from 1.
    ///
    /// # Errors
    ///
    /// Fails if there is no such day, or the year is not 1 to 9999.
    pub const fn new(year: u16, month: u8, day: u8) -> Result<Self, RangeError> {
        if year < 1 || year > 9999 {
            return Err(RangeError::new("a year is 1 to 9999"));
        }
        if month < 1 || month > 12 {
            return Err(RangeError::new("a month is 1 to 12"));
        }
        if day < 1 || day > days_in_month(year, month) {
            return Err(RangeError::new("no such day in this month"));
        }
        Ok(Self { year, month, day })
    }

    /// The year, 1 to 9999.
    pub const fn year(self) -> u16 {
        self.year
    }

    /// The month, 1 to 12.
    pub const fn month(self) -> u8 {
        self.month
    }

    /// The day of the month, 1 to 31.
    pub const fn day(self) -> u8 {
        self.day
    }

    /// The number of days from 1970-01-01 to this day, negative before it.
    pub fn days_since_epoch(self) -> i64 {
        let (year, month, day) = (
            i64::from(self.year),
            i64::from(self.month),
            i64::from(self.day),
        );
        let year = if month > 2 { year } else { year - 1 };
        let month_from_march = if month > 2 { month - 3 } else { month + 9 };
        let era = year.div_euclid(400);
        let year_of_era = year.rem_euclid(400);
        let day_of_year = (153 * month_from_march + 2) / 5 + day - 1;
        let day_of_era = year_of_era * 365 + year_of_era / 4 - year_of_era / 100 + day_of_year;
        era * DAYS_PER_ERA + day_of_era - EPOCH_FROM_ERA
    }

    /// The day at this number of days after 1970-01-01.
    ///
    /// # Errors
    ///
    /// Fails if that day is before the year 1 or after the year 9999.
    pub fn from_days_since_epoch(days: i64) -> Result<Self, RangeError> {
        const OUT_OF_RANGE: RangeError = RangeError::new("a day is within the years 1 to 9999");
        let days = days.checked_add(EPOCH_FROM_ERA).ok_or(OUT_OF_RANGE)?;
        let era = days.div_euclid(DAYS_PER_ERA);
        let day_of_era = days.rem_euclid(DAYS_PER_ERA);
        // Takes out the leap days of the years before, of which the last of each era, century and four years differ.
        let year_of_era =
            (day_of_era - day_of_era / 1_460 + day_of_era / 36_524 - day_of_era / 146_096) / 365;
        let day_of_year = day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
        let month_from_march = (5 * day_of_year + 2) / 153;
        let day = day_of_year - (153 * month_from_march + 2) / 5 + 1;
        let month = if month_from_march < 10 {
            month_from_march + 3
        } else {
            month_from_march - 9
        };
        let year = year_of_era + era * 400 + i64::from(month <= 2);
        match (u16::try_from(year), u8::try_from(month), u8::try_from(day)) {
            (Ok(year), Ok(month), Ok(day)) => Self::new(year, month, day).map_err(|_| OUT_OF_RANGE),
            _ => Err(OUT_OF_RANGE),
        }
    }

    /// The four bytes of the payload.
    pub(crate) const fn to_payload(self) -> [u8; 4] {
        let [high, low] = self.year.to_be_bytes();
        [high, low, self.month, self.day]
    }

    pub(crate) fn from_payload(payload: [u8; 4]) -> Result<Self, RangeError> {
        let [high, low, month, day] = payload;
        Self::new(u16::from_be_bytes([high, low]), month, day)
    }
}

const fn days_in_month(year: u16, month: u8) -> u8 {
    match month {
        4 | 6 | 9 | 11 => 30,
        2 if year.is_multiple_of(4) && (!year.is_multiple_of(100) || year.is_multiple_of(400)) => {
            29
        }
        2 => 28,
        _ => 31,
    }
}

impl Display for Date {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        write!(f, "{:04}-{:02}-{:02}", self.year, self.month, self.day)
    }
}

impl fmt::Debug for Date {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        Display::fmt(self, f)
    }
}

impl FromStr for Date {
    type Err = ParseError;

    fn from_str(text: &str) -> Result<Self, ParseError> {
        let error = || ParseError::new("a date like 2026-11-21", text);
        let [y1, y2, y3, y4, b'-', m1, m2, b'-', d1, d2] = *text.as_bytes() else {
            return Err(error());
        };
        let year = number(&[y1, y2, y3, y4]).and_then(|year| u16::try_from(year).ok());
        match (year, two_digits(m1, m2), two_digits(d1, d2)) {
            (Some(year), Some(month), Some(day)) => {
                Self::new(year, month, day).map_err(|_| error())
            }
            _ => Err(error()),
        }
    }
}

/// A time of day in microseconds, without a zone.
///
/// ```
/// # use soa_wire::codec::Time;
/// let time = Time::new(23, 59, 0, 1_500)?;
/// assert_eq!(time.to_string(), "23:59:00.001500");
/// assert_eq!("23:59:00.0015".parse(), Ok(time));
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Time {
    hour: u8,
    minute: u8,
    second: u8,
    microsecond: u32,
}

impl Time {
    /// The beginning of the day.
    pub const MIDNIGHT: Self = Self {
        hour: 0,
        minute: 0,
        second: 0,
        microsecond: 0,
    };

    /// Makes a time of its numbers.
    ///
    /// # Errors
    ///
    /// Fails if the hour is above 23, the minute or second above 59, or the microsecond above 999,999.
    pub const fn new(
        hour: u8,
        minute: u8,
        second: u8,
        microsecond: u32,
    ) -> Result<Self, RangeError> {
        if hour > 23 {
            return Err(RangeError::new("an hour is 0 to 23"));
        }
        if minute > 59 {
            return Err(RangeError::new("a minute is 0 to 59"));
        }
        if second > 59 {
            return Err(RangeError::new("a second is 0 to 59"));
        }
        if microsecond > 999_999 {
            return Err(RangeError::new("a microsecond is 0 to 999999"));
        }
        Ok(Self {
            hour,
            minute,
            second,
            microsecond,
        })
    }

    /// The hour, 0 to 23.
    pub const fn hour(self) -> u8 {
        self.hour
    }

    /// The minute, 0 to 59.
    pub const fn minute(self) -> u8 {
        self.minute
    }

    /// The second, 0 to 59.
    pub const fn second(self) -> u8 {
        self.second
    }

    /// The microsecond, 0 to 999,999.
    pub const fn microsecond(self) -> u32 {
        self.microsecond
    }

    /// The microseconds since midnight.
    pub fn micros_since_midnight(self) -> u64 {
        let minutes = u64::from(self.hour) * 60 + u64::from(self.minute);
        (minutes * 60 + u64::from(self.second)) * 1_000_000 + u64::from(self.microsecond)
    }

    /// The time at this number of microseconds after midnight.
    ///
    /// # Errors
    ///
    /// Fails if that is not on the same day.
    pub fn from_micros_since_midnight(micros: u64) -> Result<Self, RangeError> {
        const OUT_OF_RANGE: RangeError = RangeError::new("a time is within a day");
        let seconds = micros / 1_000_000;
        let hour = u8::try_from(seconds / 3_600).map_err(|_| OUT_OF_RANGE)?;
        let minute = u8::try_from(seconds / 60 % 60).map_err(|_| OUT_OF_RANGE)?;
        let second = u8::try_from(seconds % 60).map_err(|_| OUT_OF_RANGE)?;
        let microsecond = u32::try_from(micros % 1_000_000).map_err(|_| OUT_OF_RANGE)?;
        Self::new(hour, minute, second, microsecond).map_err(|_| OUT_OF_RANGE)
    }

    /// The seven bytes of the payload.
    pub(crate) const fn to_payload(self) -> [u8; 7] {
        let [a, b, c, d] = self.microsecond.to_be_bytes();
        [self.hour, self.minute, self.second, a, b, c, d]
    }

    pub(crate) fn from_payload(payload: [u8; 7]) -> Result<Self, RangeError> {
        let [hour, minute, second, a, b, c, d] = payload;
        Self::new(hour, minute, second, u32::from_be_bytes([a, b, c, d]))
    }
}

impl Display for Time {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        write!(f, "{:02}:{:02}:{:02}", self.hour, self.minute, self.second)?;
        match self.microsecond {
            0 => Ok(()),
            microsecond => write!(f, ".{microsecond:06}"),
        }
    }
}

impl fmt::Debug for Time {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        Display::fmt(self, f)
    }
}

impl FromStr for Time {
    type Err = ParseError;

    /// Reads `hh:mm:ss`, with a fraction of one to six digits or without.
    fn from_str(text: &str) -> Result<Self, ParseError> {
        parse_time(text).ok_or_else(|| ParseError::new("a time like 13:45:00.250000", text))
    }
}

fn parse_time(text: &str) -> Option<Time> {
    let [h1, h2, b':', m1, m2, b':', s1, s2, ref fraction @ ..] = *text.as_bytes() else {
        return None;
    };
    let microsecond = match fraction {
        [] => 0,
        [b'.', digits @ ..] if (1..=6).contains(&digits.len()) => {
            let missing = 6_u32.checked_sub(u32::try_from(digits.len()).ok()?)?;
            number(digits)? * 10_u32.pow(missing)
        }
        _ => return None,
    };
    let (hour, minute, second) = (
        two_digits(h1, h2)?,
        two_digits(m1, m2)?,
        two_digits(s1, s2)?,
    );
    Time::new(hour, minute, second, microsecond).ok()
}

fn two_digits(tens: u8, ones: u8) -> Option<u8> {
    number(&[tens, ones]).and_then(|number| u8::try_from(number).ok())
}

/// Reads at most six digits, so that no `u32` overflows.
fn number(digits: &[u8]) -> Option<u32> {
    digits.iter().try_fold(0_u32, |number, digit| {
        digit
            .is_ascii_digit()
            .then(|| number * 10 + u32::from(digit - b'0'))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_day_from_the_year_1_to_9999_has_its_number() {
        let mut expected = Date::MIN.days_since_epoch();
        assert_eq!(expected, -719_162);
        for year in 1..=9999 {
            for month in 1..=12 {
                for day in 1..=days_in_month(year, month) {
                    let date = Date::new(year, month, day).unwrap();
                    assert_eq!(date.days_since_epoch(), expected, "{date}");
                    assert_eq!(Date::from_days_since_epoch(expected), Ok(date));
                    expected += 1;
                }
            }
        }
        assert_eq!(Date::MAX.days_since_epoch(), 2_932_896);
        assert_eq!(expected, 2_932_897);
    }

    #[test]
    fn a_day_outside_of_the_years_1_to_9999_does_not_exist() {
        for days in [-719_163, 2_932_897, i64::MIN, i64::MAX] {
            assert!(Date::from_days_since_epoch(days).is_err(), "{days}");
        }
        for (year, month, day) in [
            (0, 1, 1),
            (10_000, 1, 1),
            (2023, 2, 29),
            (1900, 2, 29),
            (2024, 4, 31),
            (2024, 13, 1),
            (2024, 0, 1),
            (2024, 1, 0),
        ] {
            assert!(Date::new(year, month, day).is_err(), "{year} {month} {day}");
        }
    }

    #[test]
    fn a_time_is_within_a_day() {
        assert!(Time::new(24, 0, 0, 0).is_err());
        assert!(Time::new(0, 60, 0, 0).is_err());
        assert!(Time::new(0, 0, 60, 0).is_err());
        assert!(Time::new(0, 0, 0, 1_000_000).is_err());
        let last = Time::new(23, 59, 59, 999_999).unwrap();
        assert_eq!(last.micros_since_midnight(), 86_399_999_999);
        assert_eq!(Time::from_micros_since_midnight(86_399_999_999), Ok(last));
        assert!(Time::from_micros_since_midnight(86_400_000_000).is_err());
        assert!(Time::from_micros_since_midnight(u64::MAX).is_err());
    }

    #[test]
    fn dates_and_times_are_read_as_they_are_shown() {
        for text in ["0001-01-01", "2024-02-29", "9999-12-31"] {
            assert_eq!(text.parse::<Date>().unwrap().to_string(), text);
        }
        for text in ["00:00:00", "23:59:59.999999", "01:02:03.000004"] {
            assert_eq!(text.parse::<Time>().unwrap().to_string(), text);
        }
        for text in ["", "2024-2-29", "2024-02-30", "+024-02-01", "2024-02-29T"] {
            assert!(text.parse::<Date>().is_err(), "{text}");
        }
        for text in [
            "",
            "1:2:3",
            "24:00:00",
            "00:00:00.",
            "00:00:00.1234567",
            "00:00:00Z",
        ] {
            assert!(text.parse::<Time>().is_err(), "{text}");
        }
    }
}
