//! Dates and times that need a clock: `now +0,6`, `midnight`, `utc_today`.
//!
//! A moment is a beginning and a delta of days, hours, minutes, seconds and microseconds, each of either sign. All moments
//! of a case are counted from one reading of the clock, or from the time at which the case froze it. So a value that is
//! sent equals the one that is expected back. PySOA's local time is UTC without a zone here, because a test must not depend
//! on the machine.

use soa_runtime::codec::{DateTime, Time, UtcDateTime, Value};

/// One second, in microseconds.
const SECOND: i64 = 1_000_000;

/// The units of a delta, in microseconds.
const DELTA_UNITS: [i64; 5] = [86_400 * SECOND, 3_600 * SECOND, 60 * SECOND, SECOND, 1];

/// A date or a time that needs a clock.
#[derive(Clone, Copy, Debug)]
pub(super) struct Moment {
    kind: Kind,
    base: Base,
    /// In microseconds.
    delta: i64,
}

#[derive(Clone, Copy, Debug)]
enum Kind {
    /// Without a zone.
    DateTime,
    UtcDateTime,
    Date,
    Time,
}

#[derive(Clone, Copy, Debug)]
enum Base {
    Now,
    Midnight,
}

impl Moment {
    /// Parses a moment. Returns `None` for a date or time that is written as numbers.
    pub(super) fn parse(data_type: &str, text: &str) -> Result<Option<Self>, String> {
        let text = text.trim();
        let (word, delta) = text.split_once(' ').unwrap_or((text, ""));
        let (kind, base) = match (data_type, word) {
            ("datetime", "now") => (Kind::DateTime, Base::Now),
            ("datetime", "midnight") => (Kind::DateTime, Base::Midnight),
            ("datetime", "utc_now") => (Kind::UtcDateTime, Base::Now),
            ("datetime", "utc_midnight") => (Kind::UtcDateTime, Base::Midnight),
            ("time", "now" | "utc_now") => (Kind::Time, Base::Now),
            ("time", "midnight") => (Kind::Time, Base::Midnight),
            ("date", "today" | "utc_today") if delta.is_empty() => (Kind::Date, Base::Now),
            _ => return Ok(None),
        };
        let delta = if delta.is_empty() {
            0
        } else {
            parse_delta(delta)?
        };
        Ok(Some(Self { kind, base, delta }))
    }

    /// Returns the value at the time `now`, which is rounded down to seconds before the delta is added.
    pub(super) fn at(self, now: UtcDateTime) -> Result<Value, String> {
        let micros = now.as_micros();
        let step = match self.base {
            Base::Now => SECOND,
            Base::Midnight => 86_400 * SECOND,
        };
        let start = micros - micros.rem_euclid(step);
        let moment = start
            .checked_add(self.delta)
            .and_then(|micros| DateTime::from_micros(micros).ok())
            .ok_or("the time is outside of the years 1 to 9999")?;
        Ok(match self.kind {
            Kind::DateTime => Value::DateTime(moment),
            Kind::UtcDateTime => Value::UtcDateTime(moment.assume_utc()),
            Kind::Date => Value::Date(moment.date()),
            Kind::Time => {
                let micros = moment.time().micros_since_midnight();
                let whole = micros - micros % SECOND.unsigned_abs();
                let time = Time::from_micros_since_midnight(whole);
                Value::Time(time.map_err(|error| error.to_string())?)
            }
        })
    }
}

fn parse_delta(text: &str) -> Result<i64, String> {
    let numbers = numbers(text)?;
    if numbers.len() > DELTA_UNITS.len() {
        return Err(format!(
            "`{text}` has more numbers than days, hours, minutes, seconds and microseconds"
        ));
    }
    let mut parts = numbers.iter().zip(DELTA_UNITS);
    let sum = parts.try_fold(0_i64, |sum, (number, unit)| {
        sum.checked_add(number.checked_mul(unit)?)
    });
    sum.ok_or_else(|| format!("`{text}` is too large"))
}

/// Parses integers with commas between them.
pub(super) fn numbers(text: &str) -> Result<Vec<i64>, String> {
    let numbers = text.split(',').map(|part| {
        let part = part.trim();
        part.parse::<i64>()
            .map_err(|_| format!("`{part}` in `{text}` is not an integer"))
    });
    numbers.collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn shown(data_type: &str, text: &str) -> String {
        let now = "2018-04-17T18:19:20.5Z".parse().unwrap();
        let moment = Moment::parse(data_type, text).unwrap().unwrap();
        format!("{:?}", moment.at(now).unwrap())
    }

    #[test]
    fn moments_are_counted_from_the_clock() {
        assert_eq!(shown("datetime", "now"), "DateTime(2018-04-17T18:19:20)");
        assert_eq!(shown("datetime", "now 3"), "DateTime(2018-04-20T18:19:20)");
        assert_eq!(
            shown("datetime", "utc_now +0,6,15"),
            "UtcDateTime(2018-04-18T00:34:20+00:00)"
        );
        assert_eq!(
            shown("datetime", "midnight +0,3"),
            "DateTime(2018-04-17T03:00:00)"
        );
        assert_eq!(
            shown("datetime", "utc_midnight -1,0,0,30"),
            "UtcDateTime(2018-04-16T00:00:30+00:00)"
        );
        assert_eq!(shown("date", "today"), "Date(2018-04-17)");
        assert_eq!(shown("time", "now 0,6"), "Time(00:19:20)");
        assert_eq!(shown("time", "midnight 0,0,0,30"), "Time(00:00:30)");
    }

    #[test]
    fn what_is_no_moment_is_left_to_others_or_told() {
        assert!(Moment::parse("datetime", "2018,1,1").unwrap().is_none());
        assert!(Moment::parse("datetime", "nowadays").unwrap().is_none());
        assert!(Moment::parse("datetime", "now +x").is_err());
        assert!(Moment::parse("datetime", "now 1,2,3,4,5,6").is_err());
        assert!(Moment::parse("datetime", "now 9223372036854775807").is_err());
        let far = Moment::parse("datetime", "now 99999999").unwrap().unwrap();
        assert!(far.at(UtcDateTime::now()).is_err());
    }
}
