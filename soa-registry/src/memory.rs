//! The registry in process: for components that live in one program, and for tests.

use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;
use std::time::Duration;

use soa_runtime::BoxFuture;
use soa_wire::Name;
use tokio::sync::watch;
use tokio::time::timeout;

use crate::error::RegistryError;
use crate::instance::{Instance, InstanceId, Registration};
use crate::registry::{Listing, Registry, Version};

/// Time after which a watcher gets the same list again.
const WATCH_LIMIT: Duration = Duration::from_secs(60);

/// A registry in the memory of this process. Clones share the instances. Watchers are woken at once.
///
/// ```
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
/// use std::net::SocketAddr;
/// use soa_registry::{Address, HealthEndpoint, Instance, MemoryRegistry, Registration, Registry};
///
/// let registry = MemoryRegistry::new();
/// let host: SocketAddr = "127.0.0.1:8000".parse()?;
/// let registration = Registration {
///     component: "shop".into(),
///     instance: Instance {
///         id: format!("{host}:shop"),
///         addresses: vec![Address::new("dispatch-json", format!("http://{host}"))?],
///         weight: 1,
///     },
///     host,
///     health: HealthEndpoint::new(format!("http://{host}/health")),
///     tags: Vec::new(),
/// };
/// registry.register(&registration).await?;
/// assert_eq!(registry.look_up("shop").await?.instances, [registration.instance.clone()]);
/// registry.deregister(&registration).await?;
/// assert!(registry.look_up("shop").await?.instances.is_empty());
/// # Ok(())
/// # }
/// ```
#[derive(Clone, Debug, Default)]
pub struct MemoryRegistry {
    components: Arc<watch::Sender<Components>>,
}

type Components = HashMap<Name, Component>;

#[derive(Clone, Debug, Default)]
struct Component {
    instances: BTreeMap<InstanceId, Instance>,
    version: Version,
}

impl MemoryRegistry {
    /// Returns a registry without instances.
    pub fn new() -> Self {
        Self::default()
    }

    /// Changes a component, and wakes its watchers if it is another one afterwards.
    fn change(&self, component: &Name, change: impl FnOnce(&mut BTreeMap<InstanceId, Instance>)) {
        self.components.send_if_modified(|components| {
            let known = components.entry(component.clone()).or_default();
            let before = known.instances.clone();
            change(&mut known.instances);
            let is_changed = before != known.instances;
            known.version.0 += u64::from(is_changed);
            is_changed
        });
    }
}

fn listing(components: &Components, component: &str) -> Listing {
    match components.get(component) {
        Some(known) => Listing {
            instances: known.instances.values().cloned().collect(),
            version: known.version,
        },
        None => Listing::default(),
    }
}

impl Registry for MemoryRegistry {
    fn register(&self, registration: &Registration) -> BoxFuture<Result<(), RegistryError>> {
        let instance = registration.instance.clone();
        self.change(&registration.component, |instances| {
            instances.insert(instance.id.clone(), instance);
        });
        Box::pin(async { Ok(()) })
    }

    fn deregister(&self, registration: &Registration) -> BoxFuture<Result<(), RegistryError>> {
        self.change(&registration.component, |instances| {
            instances.remove(&registration.instance.id);
        });
        Box::pin(async { Ok(()) })
    }

    fn look_up(&self, component: &str) -> BoxFuture<Result<Listing, RegistryError>> {
        let listing = listing(&self.components.borrow(), component);
        Box::pin(async { Ok(listing) })
    }

    fn watch(&self, component: &str, since: Version) -> BoxFuture<Result<Listing, RegistryError>> {
        let (mut components, component) = (self.components.subscribe(), component.to_owned());
        Box::pin(async move {
            let is_new = |components: &Components| listing(components, &component).version != since;
            // Whoever waits keeps the sender alive by holding the registry, or gets what was known last.
            let _ = timeout(WATCH_LIMIT, components.wait_for(is_new)).await;
            let listing = listing(&components.borrow(), &component);
            Ok(listing)
        })
    }

    fn shown_address(&self) -> String {
        "memory".to_owned()
    }
}
