//! The registry in the Redis of the transport.
//!
//! Each instance has a key with its record, which Redis drops when its time is over: whoever does not register again is
//! forgotten. A sorted set has the identities of all instances of a component. All keys of a component are on one master, so
//! that scripts see the set and the records at once.

use std::collections::HashSet;
use std::fmt;
use std::sync::{Arc, LazyLock, Mutex, PoisonError};
use std::time::Duration;

use bytes::Bytes;
use serde::{Deserialize, Serialize};
use soa_redis::{RedisConnection, RedisKeys, RedisScript, component_key};
use soa_runtime::{BoxFuture, TransportError};
use soa_wire::redact;
use tokio::time::{Instant, sleep};

use crate::address::Address;
use crate::error::RegistryError;
use crate::instance::{Instance, InstanceId, Registration};
use crate::registry::{Listing, Registry, Version};

/// Time for which an instance is known after each registration.
const LIFETIME: Duration = Duration::from_secs(15);

/// Time between two questions of a watcher, and time after which it gets the same list again.
const WATCH_INTERVAL: Duration = Duration::from_secs(1);
const WATCH_LIMIT: Duration = Duration::from_secs(60);

/// Largest number of records that cannot be read and are remembered as told.
const TOLD_LIMIT: usize = 1000;

/// Largest number of instances of a component.
const INSTANCE_LIMIT: usize = 10_000;

/// Writes the record of an instance, and adds it to the set, which lives as long as the last record.
static REGISTER: LazyLock<RedisScript> = LazyLock::new(|| {
    RedisScript::new(
        "\
redis.call('SET', KEYS[2], ARGV[2], 'PX', ARGV[3])
redis.call('ZADD', KEYS[1], 0, ARGV[1])
return redis.call('PEXPIRE', KEYS[1], ARGV[3])",
    )
});

/// Deletes a record, and removes its instance from the set.
static DEREGISTER: LazyLock<RedisScript> = LazyLock::new(|| {
    RedisScript::new(
        "\
redis.call('DEL', KEYS[2])
return redis.call('ZREM', KEYS[1], ARGV[1])",
    )
});

/// Returns the records of instances, in turn, and removes those from the set whose record is gone.
static RECORDS: LazyLock<RedisScript> = LazyLock::new(|| {
    RedisScript::new(
        "\
local records = {}
for place, id in ipairs(ARGV) do
    local record = redis.call('GET', KEYS[place + 1])
    if not record then
        redis.call('ZREM', KEYS[1], id)
    end
    table.insert(records, record)
end
return records",
    )
});

/// A registry in Redis, for fleets that have one anyway. It uses the connections of the transport.
///
/// An instance is known for 15 s after each registration; a [keeper](crate::Keeper) repeats it every 5 s. Nobody asks for its
/// health. Watchers ask once a second.
///
/// The keys are `{pysoa:component.NAME}.instances` and `{pysoa:component.NAME}.instance.ID`. The login of Redis needs `GET`,
/// `SET`, `DEL`, `ZADD`, `ZREM`, `ZRANGEBYSCORE` and `PEXPIRE` for them, and scripts, as for queues.
///
/// ```
/// use soa_registry::{RedisRegistry, Registry};
/// use soa_redis::{RedisConnection, RedisSettings};
///
/// let redis = RedisConnection::new(RedisSettings::new("127.0.0.1", 6379))?;
/// let registry = RedisRegistry::new(&redis);
/// assert_eq!(registry.shown_address(), "redis://127.0.0.1:6379");
/// # Ok::<(), soa_runtime::BuildError>(())
/// ```
#[derive(Clone)]
pub struct RedisRegistry {
    keys: RedisKeys,
    shown: String,
    told: Arc<Mutex<HashSet<(String, InstanceId)>>>,
}

/// Record of an instance.
#[derive(Debug, Serialize, Deserialize)]
struct Record {
    /// Addresses, in the form that other registries have, too.
    channels: String,
    #[serde(default = "one")]
    weight: u32,
    #[serde(default)]
    tags: Vec<String>,
}

fn one() -> u32 {
    1
}

impl RedisRegistry {
    /// Returns the registry. Nothing is connected yet.
    pub fn new(redis: &RedisConnection) -> Self {
        Self {
            keys: redis.keys(),
            shown: format!("redis://{}", redis.settings().addresses()),
            told: Arc::default(),
        }
    }

    /// Runs a script on the set of instances and on the record of one.
    async fn change(
        &self,
        script: &RedisScript,
        component: &str,
        id: &str,
        arguments: &[Bytes],
    ) -> Result<(), RegistryError> {
        let (set, record) = (set_key(component), record_key(component, id));
        let keys = [&*set, &*record];
        let run = self.keys.run_script(script, &keys, arguments).await;
        run.map(drop).map_err(failed)
    }

    async fn list(&self, component: &str) -> Result<Listing, RegistryError> {
        let set = set_key(component);
        let all = f64::NEG_INFINITY..=f64::INFINITY;
        let found = self.keys.sorted_set_range(&set, all, INSTANCE_LIMIT);
        let found = found.await.map_err(failed)?;
        let mut ids = Vec::new();
        for (id, _) in found {
            match std::str::from_utf8(&id) {
                Ok(id) => ids.push(id.to_owned()),
                Err(_) => self.tell(component, &String::from_utf8_lossy(&id)),
            }
        }
        let mut instances = Vec::new();
        if !ids.is_empty() {
            let records = ids.iter().map(|id| record_key(component, id));
            let keys: Vec<String> = [set].into_iter().chain(records).collect();
            let keys: Vec<&str> = keys.iter().map(|key| &**key).collect();
            let arguments: Vec<Bytes> = ids.iter().cloned().map(Bytes::from).collect();
            let records = self.keys.run_script(&RECORDS, &keys, &arguments);
            let records = records.await.map_err(failed)?.into_list();
            for (id, record) in ids.into_iter().zip(records) {
                let Some(record) = record.into_bytes() else {
                    continue;
                };
                match instance(&id, &record) {
                    Some(instance) => instances.push(instance),
                    None => self.tell(component, &id),
                }
            }
        }
        Ok(Listing::digested(instances))
    }

    /// Logs a record that cannot be read, once.
    fn tell(&self, component: &str, id: &str) {
        let mut told = self.told.lock().unwrap_or_else(PoisonError::into_inner);
        if told.len() < TOLD_LIMIT && told.insert((component.to_owned(), id.to_owned())) {
            let (shown, id) = (&self.shown, redact::one_line(id));
            tracing::warn!(
                "component `{component}`: {shown} lists `{id}`, which is skipped: its record has no address"
            );
        }
    }
}

fn set_key(component: &str) -> String {
    component_key(component, "instances")
}

fn record_key(component: &str, id: &str) -> String {
    component_key(component, &format!("instance.{id}"))
}

fn failed(error: TransportError) -> RegistryError {
    RegistryError::new("the command failed").with_source(error)
}

/// Reads the record of an instance; none if it has no address.
pub(crate) fn instance(id: &str, record: &[u8]) -> Option<Instance> {
    let record: Record = serde_json::from_slice(record).ok()?;
    let addresses = Address::parse_list(&record.channels);
    (!addresses.is_empty()).then(|| Instance {
        id: id.to_owned(),
        addresses,
        weight: record.weight,
    })
}

impl Registry for RedisRegistry {
    fn register(&self, registration: &Registration) -> BoxFuture<Result<(), RegistryError>> {
        let (registry, registration) = (self.clone(), registration.clone());
        Box::pin(async move {
            let instance = registration.instance;
            let addresses = instance.addresses.iter().map(ToString::to_string);
            let record = Record {
                channels: addresses.collect::<Vec<_>>().join(","),
                weight: instance.weight,
                tags: registration.tags,
            };
            let record = serde_json::to_vec(&record).map_err(|error| {
                RegistryError::new("the instance cannot be written").with_source(error)
            })?;
            let lifetime = LIFETIME.as_millis().to_string();
            let id = instance.id;
            let arguments = [id.clone().into(), record.into(), lifetime.into()];
            let component = &registration.component;
            registry.change(&REGISTER, component, &id, &arguments).await
        })
    }

    fn deregister(&self, registration: &Registration) -> BoxFuture<Result<(), RegistryError>> {
        let (registry, registration) = (self.clone(), registration.clone());
        Box::pin(async move {
            let (component, id) = (&registration.component, registration.instance.id);
            let arguments = [id.clone().into()];
            let changed = registry.change(&DEREGISTER, component, &id, &arguments);
            changed.await
        })
    }

    fn look_up(&self, component: &str) -> BoxFuture<Result<Listing, RegistryError>> {
        let (registry, component) = (self.clone(), component.to_owned());
        Box::pin(async move { registry.list(&component).await })
    }

    fn watch(&self, component: &str, since: Version) -> BoxFuture<Result<Listing, RegistryError>> {
        let (registry, component) = (self.clone(), component.to_owned());
        Box::pin(async move {
            let end = Instant::now() + WATCH_LIMIT;
            loop {
                sleep(WATCH_INTERVAL).await;
                let listing = registry.list(&component).await?;
                if listing.version != since || Instant::now() >= end {
                    return Ok(listing);
                }
            }
        })
    }

    fn shown_address(&self) -> String {
        self.shown.clone()
    }
}

impl fmt::Debug for RedisRegistry {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("RedisRegistry").field(&self.shown).finish()
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn any_record_is_an_instance_or_none(id: String, record: Vec<u8>, channels: String, weight: i64) {
            let _ = instance(&id, &record);
            let record = serde_json::json!({ "channels": channels, "weight": weight }).to_string();
            if let Some(instance) = instance(&id, record.as_bytes()) {
                prop_assert!(!instance.addresses.is_empty());
            }
        }
    }
}
