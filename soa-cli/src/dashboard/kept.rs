//! The history that is kept in Redis, so that a dashboard that starts again still knows the day: with `--keep-in-redis`.
//!
//! Each service has one hash, `{pysoa:dashboard}.history.NAME`, with a field for each minute of a day, which the next day
//! overwrites. So there are at most 1,440 fields, and the key expires a day after the last one.

use std::time::Duration;

use soa_redis::RedisKeys;
use soa_runtime::TransportError;

use super::history::{DAY, Minute, OF_SERVICE, Point};

/// Time after which a history is forgotten that nobody adds to.
const LIFETIME: Duration = Duration::from_secs(25 * 60 * 60);

fn key(service: &str) -> String {
    format!("{{pysoa:dashboard}}.history.{service}")
}

/// The field of a minute: that of the same minute of every day.
fn field(slot: u64) -> String {
    let day = u64::try_from(DAY).unwrap_or(1);
    (slot % day).to_string()
}

/// Keeps a minute of a service.
pub(super) async fn keep(keys: &RedisKeys, minute: &Minute) -> Result<(), TransportError> {
    let key = key(&minute.service);
    let fields = [(field(minute.slot), text(minute.slot, &minute.point))];
    keys.hash_set(&key, fields).await?;
    keys.expire(&key, LIFETIME).await?;
    Ok(())
}

/// The minutes of a service that were kept, the oldest first.
pub(super) async fn read(
    keys: &RedisKeys,
    service: &str,
) -> Result<Vec<(u64, Point<OF_SERVICE>)>, TransportError> {
    let fields = keys.hash_get_all(&key(service)).await?;
    let minutes = fields
        .iter()
        .filter_map(|(_, value)| parsed(std::str::from_utf8(value).ok()?));
    let mut minutes: Vec<_> = minutes.take(DAY).collect();
    minutes.sort_by_key(|(slot, _)| *slot);
    Ok(minutes)
}

/// A minute as text: its number since 1970, and the numbers of its columns, `-` for one that is unknown.
fn text(slot: u64, point: &Point<OF_SERVICE>) -> String {
    let numbers = point.iter().map(|number| match number {
        Some(number) => number.to_string(),
        None => "-".to_owned(),
    });
    let mut text = slot.to_string();
    for number in numbers {
        text.push(' ');
        text += &number;
    }
    text
}

/// Reads a minute. `None` if it is not one: whoever may write the key may write anything.
fn parsed(text: &str) -> Option<(u64, Point<OF_SERVICE>)> {
    let mut words = text.split(' ');
    let slot = words.next()?.parse().ok()?;
    let mut point = [None; OF_SERVICE];
    for number in &mut point {
        *number = match words.next()? {
            "-" => None,
            word => Some(word.parse().ok()?),
        };
    }
    Some((slot, point))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_minute_is_read_as_it_was_written_and_nonsense_is_none() {
        let mut point = [Some(1.5); OF_SERVICE];
        point[3] = None;
        let written = text(29_934_333, &point);
        assert_eq!(written, "29934333 1.5 1.5 1.5 - 1.5 1.5 1.5 1.5");
        assert_eq!(parsed(&written), Some((29_934_333, point)));
        for nonsense in ["", "x", "7", "7 1 2", "7 1 2 3 4 5 6 7 x"] {
            assert_eq!(parsed(nonsense), None, "{nonsense}");
        }
        assert_eq!(field(29_934_333), field(29_934_333 + 1_440));
    }
}
