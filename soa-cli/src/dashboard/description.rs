//! The description of a service: its actions with their types, as one of its workers tells them.

use std::collections::{HashMap, VecDeque};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use serde_json::{Value as Json, json};
use soa_runtime::codec::{Map, Value};

use super::answer::Refusal;
use super::form;

/// Time for which a description is kept.
pub(super) const LIFETIME: Duration = Duration::from_secs(30);

/// Largest number of descriptions that are kept.
const MAX_KEPT: usize = 64;

/// The answer of a service to `introspect`.
pub(super) type Told = Arc<Value>;

/// Time for which a service that has not described itself is not asked again.
const REFUSED_LIFETIME: Duration = Duration::from_secs(3);

/// The descriptions that are kept, the oldest first.
type Kept<T> = VecDeque<(String, Instant, T)>;

/// The descriptions that are kept.
#[derive(Debug, Default)]
pub(super) struct Descriptions {
    kept: Mutex<Kept<Told>>,
    refused: Mutex<Kept<Refusal>>,
    turns: Mutex<HashMap<String, Arc<tokio::sync::Mutex<()>>>>,
}

/// Nothing panics between two changes, so it is whole even when poisoned.
fn lock<T>(kept: &Mutex<T>) -> MutexGuard<'_, T> {
    kept.lock().unwrap_or_else(PoisonError::into_inner)
}

fn keep<T>(mut kept: MutexGuard<'_, Kept<T>>, service: &str, told: T) {
    kept.retain(|(name, _, _)| name != service);
    while kept.len() >= MAX_KEPT {
        kept.pop_front();
    }
    kept.push_back((service.to_owned(), Instant::now(), told));
}

impl Descriptions {
    /// The turn of whoever asks a service: one at a time does, and the others take what it was told.
    pub(super) fn turn(&self, service: &str) -> Arc<tokio::sync::Mutex<()>> {
        let mut turns = lock(&self.turns);
        turns.retain(|_, turn| Arc::strong_count(turn) > 1);
        Arc::clone(turns.entry(service.to_owned()).or_default())
    }

    /// The reason why a service has not described itself, if it was asked just now.
    pub(super) fn refused(&self, service: &str) -> Option<Refusal> {
        let mut refused = lock(&self.refused);
        refused.retain(|(_, since, _)| since.elapsed() < REFUSED_LIFETIME);
        let mut found = refused.iter().filter(|(name, _, _)| name == service);
        found.next().map(|(_, _, refusal)| refusal.clone())
    }

    pub(super) fn refuse(&self, service: &str, refusal: &Refusal) {
        keep(lock(&self.refused), service, refusal.clone());
    }

    /// The description of a service, if one is kept that is younger.
    pub(super) fn get(&self, service: &str, age: Duration) -> Option<Told> {
        let mut kept = lock(&self.kept);
        kept.retain(|(_, since, _)| since.elapsed() < LIFETIME);
        let found = kept.iter().find(|(name, _, _)| name == service);
        let found = found.filter(|(_, since, _)| since.elapsed() < age);
        found.map(|(_, _, told)| Arc::clone(told))
    }

    pub(super) fn put(&self, service: &str, told: &Told) {
        keep(lock(&self.kept), service, Arc::clone(told));
    }
}

/// A description for the page.
pub(super) fn shown(service: &str, told: &Value) -> Json {
    let documentation = |value: &Value| {
        let text = value.get("documentation").and_then(Value::as_str);
        let text = text.map(str::trim).filter(|text| !text.is_empty());
        text.map(str::to_owned)
    };
    let entries = told.get("actions").and_then(Value::as_map);
    let entries = entries.into_iter().flat_map(Map::iter);
    let entries: Vec<(&str, &Value)> = entries
        .filter_map(|(name, action)| Some((name.as_str()?, action)))
        .collect();
    let actions = entries.iter().map(|(name, action)| {
        let (plain, switch) = variant(name);
        let variants = entries.iter().filter(|(other, _)| {
            let (other_plain, other_switch) = variant(other);
            other_plain == plain && !other_switch.is_null()
        });
        let variants: Vec<&str> = variants.map(|(other, _)| *other).collect();
        json!({
            "name": name,
            "action": plain,
            "switch": switch,
            "variants": variants,
            "documentation": documentation(action),
            "request": form::schema(action.get("request_schema")),
            "response": form::schema(action.get("response_schema")),
        })
    });
    let actions: Vec<Json> = actions.collect();
    json!({ "service": service, "documentation": documentation(told), "actions": actions })
}

/// The action of a name, and the switch that selects it: `find[switch:5]` or `find[DEFAULT]`.
fn variant(name: &str) -> (&str, Json) {
    let Some((plain, rest)) = name.split_once('[') else {
        return (name, Json::Null);
    };
    let switch = rest.trim_end_matches(']');
    match switch.strip_prefix("switch:").map(str::parse::<i64>) {
        Some(Ok(number)) => (plain, number.into()),
        _ => (plain, switch.into()),
    }
}

#[cfg(test)]
mod tests {
    use soa_runtime::value;

    use super::*;

    #[test]
    fn variants_of_an_action_are_told_with_their_switches() {
        let told = value!({
            "documentation": " Books. ",
            "actions": { "find[switch:5]": {}, "find[DEFAULT]": {}, "sell": {} },
        });
        let told = shown("books", &told);
        assert_eq!(told["documentation"], "Books.");
        let of = |index: usize| {
            let action = &told["actions"][index];
            (action["action"].clone(), action["switch"].clone())
        };
        assert_eq!(of(0), (json!("find"), json!(5)));
        assert_eq!(of(1), (json!("find"), json!("DEFAULT")));
        assert_eq!(of(2), (json!("sell"), Json::Null));
        assert_eq!(
            told["actions"][0]["variants"],
            json!(["find[switch:5]", "find[DEFAULT]"])
        );
        assert_eq!(told["actions"][2]["variants"], json!([]));
    }

    #[test]
    fn descriptions_that_are_kept_are_bounded() {
        let descriptions = Descriptions::default();
        let told = Arc::new(Value::Nil);
        for number in 0..=MAX_KEPT {
            descriptions.put(&number.to_string(), &told);
        }
        assert!(descriptions.get("0", LIFETIME).is_none());
        assert!(descriptions.get("1", LIFETIME).is_some());
        assert_eq!(lock(&descriptions.kept).len(), MAX_KEPT);
    }

    #[tokio::test]
    async fn one_at_a_time_asks_a_service_and_a_refusal_is_kept_for_the_others() {
        let descriptions = Descriptions::default();
        let turn = descriptions.turn("books");
        let held = turn.lock().await;
        assert!(descriptions.turn("books").try_lock().is_err());
        assert!(descriptions.turn("mail").try_lock().is_ok());
        drop(held);
        assert!(descriptions.turn("books").try_lock().is_ok());
        assert_eq!(lock(&descriptions.turns).len(), 1);
        assert!(descriptions.refused("books").is_none());
        descriptions.refuse("books", &Refusal::bad("nobody answers"));
        assert!(descriptions.refused("books").is_some());
        assert!(descriptions.refused("mail").is_none());
    }
}
