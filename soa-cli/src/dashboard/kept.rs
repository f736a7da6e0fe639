//! The history that is kept in Redis, so that a dashboard that starts again still knows the day: with `--keep-in-redis`.
//!
//! Each service has a hash, `{pysoa:dashboard}.history.NAME`, with a field for each minute of a day, which the next day
//! overwrites, and another one for its actions, `{pysoa:dashboard}.actions.NAME`. So there are at most 1,440 fields, and the keys
//! expire a day after the last one.

use std::collections::BTreeMap;
use std::time::Duration;

use serde_json::Value as Json;
use soa_redis::RedisKeys;
use soa_runtime::TransportError;

use super::history::{DAY, Kept, Minute, OF_ACTION};
use super::ring::Point;

/// Time after which a history is forgotten that nobody adds to.
const LIFETIME: Duration = Duration::from_secs(25 * 60 * 60);

/// Largest number of actions of a service that are kept for a minute: those with the most calls.
const MAX_ACTIONS: usize = 20;

fn key(service: &str) -> String {
    format!("{{pysoa:dashboard}}.history.{service}")
}

/// The prefix is another one, as a service may have any name.
fn actions_key(service: &str) -> String {
    format!("{{pysoa:dashboard}}.actions.{service}")
}

/// The field of a minute: that of the same minute of every day.
fn field(slot: u64) -> String {
    let day = u64::try_from(DAY).unwrap_or(1);
    (slot % day).to_string()
}

/// Keeps a minute of a service.
pub(super) async fn keep(keys: &RedisKeys, minute: &Minute) -> Result<(), TransportError> {
    let mut of_service = vec![(key(&minute.service), text(minute.slot, &minute.point))];
    if !minute.actions.is_empty() {
        of_service.push((actions_key(&minute.service), actions_text(minute)));
    }
    for (key, text) in of_service {
        let fields = [(field(minute.slot), text)];
        keys.hash_set(&key, fields).await?;
        keys.expire(&key, LIFETIME).await?;
    }
    Ok(())
}

/// The minutes of a service that were kept.
pub(super) async fn read(keys: &RedisKeys, service: &str) -> Result<Kept, TransportError> {
    let fields = keys.hash_get_all(&key(service)).await?;
    let minutes = fields
        .iter()
        .filter_map(|(_, value)| parsed(std::str::from_utf8(value).ok()?));
    let mut minutes: Vec<_> = minutes.take(DAY).collect();
    minutes.sort_by_key(|(slot, _)| *slot);
    let mut actions: BTreeMap<String, Vec<(u64, Point<OF_ACTION>)>> = BTreeMap::new();
    let fields = keys.hash_get_all(&actions_key(service)).await?;
    for (_, value) in fields.iter().take(DAY) {
        for (name, minute) in actions_parsed(value) {
            actions.entry(name).or_default().push(minute);
        }
    }
    for minutes in actions.values_mut() {
        minutes.sort_by_key(|(slot, _)| *slot);
    }
    Ok(Kept { minutes, actions })
}

/// A minute as text: its number since 1970, and the numbers of its columns, `-` for one that is unknown.
fn text<const N: usize>(slot: u64, point: &Point<N>) -> String {
    let mut text = slot.to_string();
    for number in point {
        text.push(' ');
        match number {
            Some(number) => text += &number.to_string(),
            None => text.push('-'),
        }
    }
    text
}

/// Reads a minute. `None` if it is not one: whoever may write the key may write anything.
fn parsed<const N: usize>(text: &str) -> Option<(u64, Point<N>)> {
    let mut words = text.split(' ');
    let slot = words.next()?.parse().ok()?;
    let mut point = [None; N];
    for number in &mut point {
        *number = match words.next()? {
            "-" => None,
            word => Some(word.parse().ok()?),
        };
    }
    Some((slot, point))
}

/// The actions of a minute with the most calls, as JSON: names, and minutes as text.
fn actions_text(minute: &Minute) -> String {
    let mut actions: Vec<_> = minute.actions.iter().collect();
    actions.sort_by(|(_, a), (_, b)| {
        let rate = |point: &Point<OF_ACTION>| point[0].unwrap_or(0.0);
        rate(b).total_cmp(&rate(a))
    });
    let actions = actions.into_iter().take(MAX_ACTIONS);
    let told = actions.map(|(name, point)| (name.to_string(), text(minute.slot, point).into()));
    Json::Object(told.collect()).to_string()
}

/// Reads the actions of a minute. What is no minute is left out.
fn actions_parsed(text: &[u8]) -> Vec<(String, (u64, Point<OF_ACTION>))> {
    let told: BTreeMap<String, String> = serde_json::from_slice(text).unwrap_or_default();
    let told = told.into_iter().take(MAX_ACTIONS);
    told.filter_map(|(name, minute)| Some((name, parsed(&minute)?)))
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::dashboard::history::OF_SERVICE;

    #[test]
    fn a_minute_is_read_as_it_was_written_and_nonsense_is_none() {
        let mut point = [Some(1.5); OF_SERVICE];
        point[3] = None;
        let written = text(29_934_333, &point);
        assert_eq!(written, "29934333 1.5 1.5 1.5 - 1.5 1.5 1.5 1.5");
        assert_eq!(parsed(&written), Some((29_934_333, point)));
        for nonsense in ["", "x", "7", "7 1 2", "7 1 2 3 4 5 6 7 x"] {
            assert_eq!(parsed::<OF_SERVICE>(nonsense), None, "{nonsense}");
        }
        assert_eq!(field(29_934_333), field(29_934_333 + 1_440));
    }

    #[test]
    fn the_busiest_actions_of_a_minute_are_read_as_they_were_written() {
        let action = |number: u32| {
            let mut point = [Some(0.25); OF_ACTION];
            point[0] = Some(f64::from(number));
            (format!("action \"{number}\"").into(), point)
        };
        let minute = Minute {
            service: "books".into(),
            slot: 29_934_333,
            point: [None; OF_SERVICE],
            actions: (0..30).map(action).collect(),
        };
        let read = actions_parsed(actions_text(&minute).as_bytes());
        assert_eq!(read.len(), MAX_ACTIONS);
        for (name, (slot, point)) in read {
            let number = point[0].unwrap();
            assert!(number >= 10.0);
            assert_eq!((name, slot), (format!("action \"{number}\""), 29_934_333));
        }
        for nonsense in ["", "7", "[]", r#"{"find": 7}"#, r#"{"find": "x"}"#] {
            assert!(actions_parsed(nonsense.as_bytes()).is_empty(), "{nonsense}");
        }
    }
}
