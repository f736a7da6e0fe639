//! Dates and times that need a clock: `now +0,6`, `midnight`, `utc_today`.
//!
//! A moment is a beginning and what is added to it: days, hours, minutes, seconds and microseconds, each of either sign.
//! All moments of a case are counted from one reading of the clock, or from where the case froze it, so that a value that
//! is sent and the one that is expected back are the same. What the reference calls local time is UTC without its zone
//! here: whether a test passes must not depend on where it runs.

use soa_runtime::codec::{DateTime, Time, UtcDateTime, Value};

const SECOND: i64 = 1_000_000;
/// What each number of a delta counts, in microseconds.
const UNITS: [i64; 5] = [86_400 * SECOND, 3_600 * SECOND, 60 * SECOND, SECOND, 1];

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
    /// Without zone.
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
    /// Reads a moment; `None` for what is written in numbers.
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

    /// What it is when the clock stands at `now`; in whole seconds and what was added.
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
            .ok_or("the moment is beyond the years 1 to 9999")?;
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
    if numbers.len() > UNITS.len() {
        return Err(format!(
            "`{text}` has more than days, hours, minutes, seconds and microseconds"
        ));
    }
    let mut parts = numbers.iter().zip(UNITS);
    let sum = parts.try_fold(0_i64, |sum, (number, unit)| {
        sum.checked_add(number.checked_mul(unit)?)
    });
    sum.ok_or_else(|| format!("`{text}` is too long a time"))
}

/// Integers with commas between.
pub(super) fn numbers(text: &str) -> Result<Vec<i64>, String> {
    let numbers = text.split(',').map(|part| {
        let part = part.trim();
        part.parse::<i64>()
            .map_err(|_| format!("`{part}` is no whole number, in `{text}`"))
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
            "UtcDateTime(2018-04-18T00:34:20Z)"
        );
        assert_eq!(
            shown("datetime", "midnight +0,3"),
            "DateTime(2018-04-17T03:00:00)"
        );
        assert_eq!(
            shown("datetime", "utc_midnight -1,0,0,30"),
            "UtcDateTime(2018-04-16T00:00:30Z)"
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
