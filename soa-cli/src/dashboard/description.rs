//! The description of a service: its actions with their types, as one of its workers tells them.

use std::collections::VecDeque;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use serde_json::{Value as Json, json};
use soa_runtime::codec::{Map, Value};

use super::form;

/// Time for which a description is kept.
pub(super) const LIFETIME: Duration = Duration::from_secs(30);

/// Largest number of descriptions that are kept.
const MAX_KEPT: usize = 64;

/// The answer of a service to `introspect`.
pub(super) type Told = Arc<Value>;

/// The descriptions that are kept, the oldest first.
#[derive(Debug, Default)]
pub(super) struct Descriptions(Mutex<VecDeque<(String, Instant, Told)>>);

impl Descriptions {
    fn lock(&self) -> MutexGuard<'_, VecDeque<(String, Instant, Told)>> {
        // Nothing panics between two changes, so it is whole even when poisoned.
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The description of a service, if one is kept that is younger.
    pub(super) fn get(&self, service: &str, age: Duration) -> Option<Told> {
        let mut kept = self.lock();
        kept.retain(|(_, since, _)| since.elapsed() < LIFETIME);
        let found = kept.iter().find(|(name, _, _)| name == service);
        let found = found.filter(|(_, since, _)| since.elapsed() < age);
        found.map(|(_, _, told)| Arc::clone(told))
    }

    pub(super) fn put(&self, service: &str, told: &Told) {
        let mut kept = self.lock();
        kept.retain(|(name, _, _)| name != service);
        while kept.len() >= MAX_KEPT {
            kept.pop_front();
        }
        kept.push_back((service.to_owned(), Instant::now(), Arc::clone(told)));
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
        assert_eq!(descriptions.lock().len(), MAX_KEPT);
    }
}
