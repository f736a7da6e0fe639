//! Answers of an agent: services, of which some may have been registered by anybody, in any form.

use serde::Deserialize;
use serde_json::Value as Json;

use super::form::{self, WEIGHT_TAG};
use crate::address::Address;
use crate::error::RegistryError;
use crate::instance::Instance;

/// Entries of a look-up: instances, and those that are none with the reason.
pub(crate) type Entry = Result<Instance, Odd>;

/// An entry that is no instance.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Odd {
    pub(crate) id: String,
    pub(crate) reason: &'static str,
}

/// Reads the entries of a look-up.
///
/// # Errors
/// The answer is no list in JSON. What is wrong with one entry is told of it alone.
pub(crate) fn entries(body: &[u8]) -> Result<Vec<Entry>, RegistryError> {
    let entries: Option<Vec<Json>> = serde_json::from_slice(body).map_err(|error| {
        RegistryError::new("the agent's answer is no list of services").with_source(error)
    })?;
    // Go writes a list that was never filled as `null`.
    Ok(entries.unwrap_or_default().iter().map(entry).collect())
}

fn entry(entry: &Json) -> Entry {
    let service = &entry["Service"];
    let Some(id) = service["ID"].as_str().filter(|id| !id.is_empty()) else {
        let (id, reason) = (String::new(), "it has no id");
        return Err(Odd { id, reason });
    };
    let odd = |reason| Odd {
        id: id.to_owned(),
        reason,
    };
    let channels = service["Meta"]["channels"].as_str();
    let channels = channels.ok_or_else(|| odd("it has no `channels` in its metadata"))?;
    let mut addresses = Address::parse_list(channels);
    // A server of Aspyx that starts has `local()`, by which nobody can call it from outside.
    addresses.retain(|address| !address.url().is_empty());
    if addresses.is_empty() {
        return Err(odd("its `channels` have no address"));
    }
    Ok(Instance {
        id: id.to_owned(),
        addresses,
        weight: weight(service),
    })
}

/// Returns the weight: that of a tag `weight=3`, or that of Consul.
fn weight(service: &Json) -> u32 {
    let tags = service["Tags"].as_array().into_iter().flatten();
    let of_tags = tags
        .filter_map(|tag| tag.as_str()?.strip_prefix(WEIGHT_TAG)?.parse().ok())
        .next();
    let of_consul = || u32::try_from(service["Weights"]["Passing"].as_u64()?).ok();
    of_tags.or_else(of_consul).unwrap_or(1)
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
    meta: Option<serde_json::Map<String, Json>>,
}

impl Known {
    /// Returns true if the agent knows what would be registered.
    pub(super) fn is(&self, service: &form::Service<'_>) -> bool {
        let channels = self.meta.as_ref().and_then(|meta| meta.get("channels"));
        self.service == service.name
            && self.address == service.address
            && self.port == service.port
            && self.tags.as_ref() == Some(&service.tags)
            && channels.and_then(Json::as_str) == Some(&service.meta.channels)
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
        let shown: Vec<_> = entries
            .iter()
            .map(|entry| match entry {
                Ok(good) => format!("{} {:?} {}", good.id, good.addresses.len(), good.weight),
                Err(odd) => format!("{} {}", odd.id, odd.reason),
            })
            .collect();
        assert_eq!(
            shown,
            [
                " it has no id",
                "none it has no `channels` in its metadata",
                "number it has no `channels` in its metadata",
                "local its `channels` have no address",
                "odd its `channels` have no address",
                "good 1 3",
                "heavy 1 2",
                "plain 1 1",
            ]
        );
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
        assert_eq!(entries(b"null").unwrap(), []);
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
            match &entries(body.as_bytes()).unwrap()[0] {
                Ok(instance) => prop_assert!(!instance.addresses.is_empty()),
                Err(odd) => prop_assert_eq!(&odd.id, &id),
            }
        }
    }
}
