//! Answers of an agent: services, of which some may have been registered by anybody, in any form.

use std::fmt;

use serde::de::{IgnoredAny, SeqAccess, Visitor};
use serde::{Deserialize, Deserializer};
use soa_wire::redact;

use super::form::{self, WEIGHT_TAG};
use super::json::{Lenient, Number, Part, Text, by_fields};
use crate::address::Address;
use crate::error::RegistryError;
use crate::instance::Instance;

/// Largest number of instances of a component, and of addresses of an instance. The rest is left out.
pub(super) const INSTANCE_LIMIT: usize = 10_000;
const ADDRESS_LIMIT: usize = 100;

/// Largest number of entries of a look-up that are told.
const ODD_LIMIT: usize = 1000;

/// The findings of a look-up.
#[derive(Debug, Default, PartialEq, Eq)]
pub(crate) struct Entries {
    pub(crate) instances: Vec<Instance>,
    /// Entries that are to be told.
    pub(crate) odd: Vec<Odd>,
    /// True if there are more instances.
    pub(crate) has_more: bool,
}

/// An entry that is no instance, or not all of it.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Odd {
    pub(crate) id: String,
    pub(crate) problem: &'static str,
}

/// Reads the entries of a look-up.
///
/// # Errors
/// The answer is no list in JSON. What is wrong with one entry is told of it alone.
pub(crate) fn entries(body: &[u8]) -> Result<Entries, RegistryError> {
    let entries: Option<Entries> = serde_json::from_slice(body).map_err(|error| {
        RegistryError::new("the agent's answer is no list of services").with_source(error)
    })?;
    // Go writes a list that was never filled as `null`.
    Ok(entries.unwrap_or_default())
}

impl<'de> Deserialize<'de> for Entries {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Reader;

        impl<'de> Visitor<'de> for Reader {
            type Value = Entries;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a list of services")
            }

            fn visit_seq<A: SeqAccess<'de>>(self, mut list: A) -> Result<Entries, A::Error> {
                let mut entries = Entries::default();
                while entries.instances.len() < INSTANCE_LIMIT {
                    let Some(Lenient(Entry { service })) = list.next_element()? else {
                        return Ok(entries);
                    };
                    entries.add(service.0);
                }
                while list.next_element::<IgnoredAny>()?.is_some() {
                    entries.has_more = true;
                }
                Ok(entries)
            }
        }

        deserializer.deserialize_seq(Reader)
    }
}

impl Entries {
    fn add(&mut self, service: Service) {
        let id = service.id.0.0.unwrap_or_default();
        if id.is_empty() {
            return self.tell(&id, "which is skipped: it has no id");
        }
        let Some(channels) = service.meta.0.channels.0.0 else {
            return self.tell(
                &id,
                "which is skipped: it has no `channels` in its metadata",
            );
        };
        // A server of Aspyx that starts has `local()`, by which nobody can call it from outside.
        let mut addresses = Address::listed(&channels).filter(|address| !address.url().is_empty());
        let first: Vec<Address> = addresses.by_ref().take(ADDRESS_LIMIT).collect();
        if first.is_empty() {
            return self.tell(&id, "which is skipped: its `channels` have no address");
        }
        if addresses.next().is_some() {
            self.tell(&id, "whose addresses after the first 100 are left out");
        }
        let of_consul = service.weights.0.passing.0.0;
        let of_consul = of_consul.and_then(|weight| u32::try_from(weight).ok());
        self.instances.push(Instance {
            id,
            addresses: first,
            weight: service.tags.0.weight.or(of_consul).unwrap_or(1),
        });
    }

    fn tell(&mut self, id: &str, problem: &'static str) {
        if self.odd.len() < ODD_LIMIT {
            let id = redact::name(id).into_owned();
            self.odd.push(Odd { id, problem });
        }
    }
}

#[derive(Default, Deserialize)]
#[serde(rename_all = "PascalCase", default)]
struct Entry {
    service: Lenient<Service>,
}

#[derive(Default, Deserialize)]
#[serde(rename_all = "PascalCase", default)]
struct Service {
    #[serde(rename = "ID")]
    id: Lenient<Text>,
    meta: Lenient<Meta>,
    tags: Lenient<Tags>,
    weights: Lenient<Weights>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct Meta {
    channels: Lenient<Text>,
}

#[derive(Default, Deserialize)]
#[serde(rename_all = "PascalCase", default)]
struct Weights {
    passing: Lenient<Number>,
}

by_fields!(Entry, Service, Meta, Weights);

/// Tags, of which one may be a weight: `weight=3`.
#[derive(Default)]
struct Tags {
    weight: Option<u32>,
}

impl Part for Tags {
    fn list<'de, A: SeqAccess<'de>>(mut list: A) -> Result<Self, A::Error> {
        let mut weight = None;
        while let Some(Lenient(Text(tag))) = list.next_element()? {
            let read = || tag?.strip_prefix(WEIGHT_TAG)?.parse().ok();
            weight = weight.or_else(read);
        }
        Ok(Self { weight })
    }
}

/// A service as its own agent knows it.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "PascalCase", default)]
#[derive(Default)]
pub(super) struct Known {
    service: String,
    address: String,
    port: u16,
    tags: Option<Vec<String>>,
    meta: Lenient<Meta>,
}

/// Reads what an agent knows of a service.
///
/// # Errors
/// The answer is none.
pub(super) fn known(body: &[u8]) -> Result<Known, RegistryError> {
    serde_json::from_slice(body)
        .map_err(|error| RegistryError::new("the agent's answer is no service").with_source(error))
}

impl Known {
    /// Returns true if the agent knows what would be registered.
    pub(super) fn is(&self, service: &form::Service<'_>) -> bool {
        self.service == service.name
            && self.address == service.address
            && self.port == service.port
            && self.tags.as_ref() == Some(&service.tags)
            && self.meta.0.channels.0.0.as_ref() == Some(&service.meta.channels)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use serde_json::json;

    use super::*;

    #[test]
    fn an_odd_entry_costs_nobody_else_its_place() {
        let channels = json!({ "channels": "rest(http://a:1),local(),what(" });
        let body = json!([
            null,
            { "Service": { "ID": "none", "Meta": null } },
            { "Service": { "ID": "number", "Meta": { "channels": 3 } } },
            { "Service": { "ID": "local", "Meta": { "channels": "local()" } } },
            { "Service": { "ID": "odd", "Meta": { "channels": ")(" } } },
            { "Service": { "ID": "good", "Meta": channels, "Tags": ["x", "weight=3"], "Weights": { "Passing": 2 } } },
            { "Service": { "ID": "heavy", "Meta": channels, "Tags": ["weight=x"], "Weights": { "Passing": 2 } } },
            { "Service": { "ID": "plain", "Meta": channels, "Tags": null, "Weights": { "Passing": -1 } } },
        ]);
        let entries = entries(body.to_string().as_bytes()).unwrap();
        let odd = entries.odd.iter();
        let odd = odd.map(|odd| format!("{} {}", odd.id, odd.problem));
        let good = entries.instances.iter();
        let good = good.map(|good| format!("{} {} {}", good.id, good.addresses.len(), good.weight));
        let shown: Vec<_> = odd.chain(good).collect();
        assert_eq!(
            shown,
            [
                " which is skipped: it has no id",
                "none which is skipped: it has no `channels` in its metadata",
                "number which is skipped: it has no `channels` in its metadata",
                "local which is skipped: its `channels` have no address",
                "odd which is skipped: its `channels` have no address",
                "good 1 3",
                "heavy 1 2",
                "plain 1 1",
            ]
        );
    }

    #[test]
    fn what_is_too_much_is_left_out() {
        let body = format!("[{}null]", "[],".repeat(100_000));
        let found = entries(body.as_bytes()).unwrap();
        assert_eq!((found.odd.len(), found.has_more), (ODD_LIMIT, false));
        let one = r#"{"Service":{"ID":"x","Meta":{"channels":"rest(http://a:1)"}}},"#;
        let many = |count| format!("{}null]", "[".to_owned() + &one.repeat(count));
        let found = entries(many(INSTANCE_LIMIT - 1).as_bytes()).unwrap();
        assert_eq!((found.instances.len(), found.has_more), (9999, false));
        let found = entries(many(INSTANCE_LIMIT + 5).as_bytes()).unwrap();
        assert_eq!((found.instances.len(), found.has_more), (10_000, true));
        let channels = "rest(http://a:1),".repeat(101);
        let body = json!([{ "Service": { "ID": "x", "Meta": { "channels": channels } } }]);
        let found = entries(body.to_string().as_bytes()).unwrap();
        assert_eq!(found.instances[0].addresses.len(), ADDRESS_LIMIT);
        assert!(found.odd[0].problem.contains("after the first 100"));
    }

    #[test]
    fn an_answer_that_is_no_list_is_an_error() {
        for body in ["", "{}", "[1", "\"x\"", "\u{feff}[]"] {
            let error = entries(body.as_bytes()).unwrap_err();
            assert_eq!(
                error.to_string(),
                "the agent's answer is no list of services"
            );
        }
        assert_eq!(entries(b"null").unwrap(), Entries::default());
    }

    proptest! {
        #[test]
        fn any_bytes_are_entries_or_an_error(body: Vec<u8>) {
            let _ = entries(&body);
        }

        #[test]
        fn any_service_is_an_instance_or_odd(
            id: String,
            channels: String,
            tag in "(weight=)?.*",
            weight: i64,
        ) {
            let service = json!({
                "ID": id, "Meta": { "channels": channels }, "Tags": [tag, weight], "Weights": { "Passing": weight },
            });
            let body = json!([{ "Service": service }]).to_string();
            let entries = entries(body.as_bytes()).unwrap();
            match (entries.instances.first(), entries.odd.first()) {
                (Some(instance), None) => prop_assert!(!instance.addresses.is_empty()),
                (None, Some(odd)) => prop_assert_eq!(&*odd.id, &*redact::name(&id)),
                _ => prop_assert!(false),
            }
        }
    }
}
