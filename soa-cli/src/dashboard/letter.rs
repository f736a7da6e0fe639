//! Dead letters: listed, shown, run again and forgotten.
//!
//! The newest are read and no more, as there may be ten thousand with large messages. Bodies are shown with secrets removed.

use std::cmp::Reverse;
use std::collections::BTreeMap;
use std::time::Duration;

use bytes::Bytes;
use serde_json::{Value as Json, json};
use soa_program::cli::letter_with_id;
use soa_redis::{DeadFilter, RedisDeadLetters, RedisValue, service_key};
use soa_runtime::codec::Value;
use soa_runtime::text::Plain;
use soa_runtime::transport::DeadLetter;

use super::answer::{Refusal, only_keys};
use super::shared::{ASK_TIMEOUT, Dashboard};
use crate::connect::Redis;
use crate::failure::Failure;
use crate::fleet::DEAD_KEY;
use crate::queue::{Waiting, as_json};

/// Largest number of letters of an answer.
const MAX_LETTERS: usize = 200;

/// Number of letters that are read at once, and the size in bytes after which no more of a service are.
const AT_ONCE: usize = 20;
const MAX_BYTES: usize = 16 << 20;

/// Largest number of letters that are named in one change.
const MAX_IDS: usize = 100;

/// Longest time of a change: each letter is looked for among all.
const CHANGE_TIMEOUT: Duration = Duration::from_secs(30);

/// Lists the newest dead letters of one service, or of all that have some.
pub(super) async fn list(dashboard: &Dashboard, only: Option<String>) -> Result<Json, Refusal> {
    let names = match only {
        Some(name) => vec![name],
        None => dashboard.with_dead_letters(),
    };
    let redis = dashboard.redis();
    let found = dashboard.within(ASK_TIMEOUT, async {
        let masters = redis.masters().await?;
        let mut letters: Vec<(String, DeadLetter)> = Vec::new();
        let mut counts = BTreeMap::new();
        for name in names {
            let count = redis.dead_letters(&masters, &name).await;
            let count = count.map_err(|error| redis.failed(&error))?;
            if count == 0 {
                continue;
            }
            let newest = newest(&redis, &name).await?.into_iter();
            letters.extend(newest.map(|letter| (name.clone(), letter)));
            // No more of them are kept than are told.
            letters.sort_by_key(|(_, letter)| Reverse(letter.died));
            letters.truncate(MAX_LETTERS);
            counts.insert(name, count);
        }
        Ok::<_, Refusal>((letters, counts))
    });
    let (letters, counts) = found.await?;
    let all: u64 = counts.values().sum();
    let shown = u64::try_from(letters.len()).unwrap_or(0);
    let letters = letters.iter().map(|(name, letter)| told(name, letter));
    let letters: Vec<Json> = letters.collect();
    Ok(json!({
        "letters": letters,
        "left_off": all.saturating_sub(shown),
        "counts": counts,
    }))
}

/// Reads the newest letters of a service.
async fn newest(redis: &Redis, service: &str) -> Result<Vec<DeadLetter>, Failure> {
    let key = service_key(service, DEAD_KEY);
    let mut letters = Vec::new();
    let masters = redis.masters().await?;
    for holder in redis.masters_of(&masters) {
        let mut bytes = 0;
        let mut from = 0;
        // A few at a time, since they may be large.
        while from < MAX_LETTERS && bytes < MAX_BYTES {
            let to = MAX_LETTERS.min(from + AT_ONCE);
            let range = [from.to_string(), (to - 1).to_string()];
            let asked = holder.ask("ZREVRANGE", &[&key, &range[0], &range[1]]).await;
            let members = asked.map_err(|error| redis.failed(&error))?.into_list();
            if members.is_empty() {
                break;
            }
            for member in members.into_iter().filter_map(RedisValue::into_bytes) {
                bytes += member.len();
                letters.push(DeadLetter::read(&member));
            }
            from = to;
        }
    }
    Ok(letters)
}

fn told(service: &str, letter: &DeadLetter) -> Json {
    json!({
        "service": service,
        "id": letter.id,
        "actions": letter.actions,
        "reason": letter.reason,
        "attempts": letter.attempts,
        "strikes": letter.strikes,
        "error": letter.error,
        "born_ms": letter.born,
        "died_ms": letter.died,
        "bytes": letter.frame.len(),
    })
}

/// Shows one letter, with what can be read of its message.
pub(super) async fn show(dashboard: &Dashboard, service: &str, id: &str) -> Result<Json, Refusal> {
    let redis = dashboard.redis();
    let found = dashboard
        .within(ASK_TIMEOUT, async {
            Ok::<_, Refusal>(with_id(&redis, service, id).await?)
        })
        .await?;
    let Some(letter) = found.into_iter().find(|letter| letter.id == id) else {
        let message =
            format!("`{service}` has no dead letter `{id}`: it was run again or forgotten");
        return Err(Refusal::not_found(message));
    };
    let mut told = told(service, &letter);
    let message = as_json(&Waiting::read(&letter.frame));
    for key in ["caller", "correlation_id", "bodies", "problem"] {
        told[key] = message[key].clone();
    }
    Ok(json!({ "letter": told }))
}

async fn with_id(redis: &Redis, service: &str, id: &str) -> Result<Vec<DeadLetter>, Failure> {
    let letters = RedisDeadLetters::on(&redis.connection, service);
    let found = letters.list(&letter_with_id(id)).await;
    found.map_err(|error| redis.failed(&error))
}

/// The change that is to be made to dead letters.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Change {
    Retry,
    Forget,
}

/// The letters of a change.
#[derive(Debug, PartialEq, Eq)]
enum Chosen {
    All,
    Ids(Vec<String>),
}

/// Runs letters again, or forgets them.
pub(super) async fn change(
    dashboard: &Dashboard,
    request: &Bytes,
    change: Change,
) -> Result<Json, Refusal> {
    let (service, chosen) = read(request)?;
    let redis = dashboard.redis();
    let letters = RedisDeadLetters::on(&redis.connection, &service);
    let changed = dashboard.within(CHANGE_TIMEOUT, async {
        let filters = match chosen {
            Chosen::All => vec![DeadFilter::default()],
            Chosen::Ids(ids) => exact(&redis, &service, ids).await?,
        };
        let mut changed = 0;
        for filter in &filters {
            let outcome = match change {
                Change::Retry => letters.retry(filter).await,
                Change::Forget => letters.forget(filter).await,
            };
            changed += outcome.map_err(|error| redis.failed(&error))?;
        }
        Ok::<_, Refusal>(changed)
    });
    Ok(json!({ "changed": changed.await? }))
}

/// The choices of single letters. The library chooses by the beginning of an id, so that ids which others begin with are
/// refused.
async fn exact(redis: &Redis, service: &str, ids: Vec<String>) -> Result<Vec<DeadFilter>, Refusal> {
    let mut filters = Vec::new();
    for id in ids {
        let found = with_id(redis, service, &id).await?;
        match &found[..] {
            [letter] if letter.id == id => filters.push(letter_with_id(&id)),
            [] | [_] => {}
            _ => {
                let message = format!("the ids of {} dead letters begin with `{id}`", found.len());
                return Err(Refusal::bad(message)
                    .advise("change all of the service, or the longer ids first"));
            }
        }
    }
    Ok(filters)
}

fn read(request: &Bytes) -> Result<(String, Chosen), Refusal> {
    let expected = "expected {\"service\": …, \"ids\": […]} or {\"service\": …, \"all\": true}";
    let text = std::str::from_utf8(request).unwrap_or_default();
    let request = Plain::from_json(text);
    let request = request
        .map_err(|error| Refusal::bad(format!("the request is not JSON: {error}; {expected}")))?
        .into_exact();
    let Some(map) = request.as_map() else {
        return Err(Refusal::bad(expected));
    };
    let keys = map.iter().filter_map(|(key, _)| key.as_str());
    only_keys(keys, &["service", "ids", "all"])?;
    let service = map.get("service").and_then(Value::as_str);
    let service = service.ok_or_else(|| Refusal::bad(expected))?;
    let all = map.get("all").and_then(Value::as_bool) == Some(true);
    let ids = map.get("ids").map(|ids| {
        let ids = ids.as_list().unwrap_or_default().iter();
        ids.map(|id| id.as_str().filter(|id| !id.is_empty()).map(str::to_owned))
            .collect::<Option<Vec<_>>>()
    });
    let chosen = match (all, ids) {
        (true, None) => Chosen::All,
        (false, Some(Some(ids))) if (1..=MAX_IDS).contains(&ids.len()) => Chosen::Ids(ids),
        (false, Some(Some(ids))) if ids.len() > MAX_IDS => {
            let message = format!("at most {MAX_IDS} dead letters can be changed at once");
            return Err(Refusal::bad(message));
        }
        _ => return Err(Refusal::bad(expected)),
    };
    Ok((service.to_owned(), chosen))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(text: &str) -> Option<(String, Chosen)> {
        read(&Bytes::copy_from_slice(text.as_bytes())).ok()
    }

    #[test]
    fn a_change_says_which_letters_it_means() {
        let all = of(r#"{"service":"a","all":true}"#);
        assert_eq!(all, Some(("a".to_owned(), Chosen::All)));
        let some = of(r#"{"service":"a","ids":["x"]}"#);
        let ids = Chosen::Ids(vec!["x".to_owned()]);
        assert_eq!(some, Some(("a".to_owned(), ids)));
        for unclear in [
            "",
            "[]",
            r#"{"service":"a"}"#,
            r#"{"ids":["x"]}"#,
            r#"{"service":"a","ids":[]}"#,
            r#"{"service":"a","ids":[""]}"#,
            r#"{"service":"a","ids":[7]}"#,
            r#"{"service":"a","ids":["x"],"all":true}"#,
            r#"{"service":"a","all":false}"#,
            r#"{"service":"a","al":true}"#,
        ] {
            assert_eq!(of(unclear), None, "{unclear}");
        }
    }
}
