//! The registry of fixed addresses, from code or settings.

use std::collections::BTreeMap;
use std::time::Duration;

use soa_runtime::{BoxFuture, BuildError};
use soa_wire::Name;
use tokio::time::sleep;

use crate::address::Address;
use crate::error::RegistryError;
use crate::instance::{Instance, Registration};
use crate::registry::{Listing, Registry, Version};

/// Time after which a watcher gets the same list again.
const WATCH_LIMIT: Duration = Duration::from_secs(3600);

/// Components at fixed addresses, for callers that have no registry.
///
/// Each instance is a text of its addresses, one a channel.
///
/// ```
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
/// use soa_registry::{FixedRegistry, Registry};
///
/// let registry = FixedRegistry::new().with("shop", [
///     "rest(http://10.0.0.1:8000),dispatch-json(http://10.0.0.1:8000)",
///     "dispatch-json(http://10.0.0.2:8000)",
/// ])?;
/// let listing = registry.look_up("shop").await?;
/// assert_eq!(listing.instances.len(), 2);
/// assert_eq!(listing.instances[0].addresses[0].channel(), "rest");
/// # Ok(())
/// # }
/// ```
#[derive(Clone, Debug, Default)]
pub struct FixedRegistry {
    components: BTreeMap<Name, Vec<Instance>>,
}

impl FixedRegistry {
    /// Returns a registry without components.
    pub fn new() -> Self {
        Self::default()
    }

    /// Adds instances of a component, each as a text of its addresses: `rest(http://10.0.0.1:8000)`, with commas between
    /// several.
    ///
    /// # Errors
    /// A text is no list of addresses.
    pub fn with<T: AsRef<str>>(
        mut self,
        component: impl Into<Name>,
        instances: impl IntoIterator<Item = T>,
    ) -> Result<Self, BuildError> {
        let known = self.components.entry(component.into()).or_default();
        for text in instances {
            let parts = text.as_ref().split(',').map(str::trim);
            let addresses = parts.map(str::parse).collect::<Result<Vec<Address>, _>>()?;
            let shown: Vec<_> = addresses.iter().map(Address::shown).collect();
            let mut id = shown.join(",");
            // Identities are shown to people, who see no difference between two logins.
            let is_other = |one: &Instance| one.id == id && one.addresses != addresses;
            if known.iter().any(is_other) {
                id.push_str(&format!(" #{}", known.len() + 1));
            }
            known.push(Instance {
                id,
                addresses,
                weight: 1,
            });
        }
        Ok(self)
    }
}

impl Registry for FixedRegistry {
    /// Fails: the list is fixed.
    fn register(&self, registration: &Registration) -> BoxFuture<Result<(), RegistryError>> {
        let component = &registration.component;
        let message = format!("a list of fixed addresses takes no instance of `{component}`");
        Box::pin(async { Err(RegistryError::new(message)) })
    }

    /// Does nothing: no instance has been registered.
    fn deregister(&self, _: &Registration) -> BoxFuture<Result<(), RegistryError>> {
        Box::pin(async { Ok(()) })
    }

    fn look_up(&self, component: &str) -> BoxFuture<Result<Listing, RegistryError>> {
        let instances = self.components.get(component).cloned();
        let listing = Listing {
            instances: instances.unwrap_or_default(),
            version: Version(1),
        };
        Box::pin(async { Ok(listing) })
    }

    fn watch(&self, component: &str, since: Version) -> BoxFuture<Result<Listing, RegistryError>> {
        let listing = self.look_up(component);
        Box::pin(async move {
            if since == Version(1) {
                sleep(WATCH_LIMIT).await;
            }
            listing.await
        })
    }

    fn shown_address(&self) -> String {
        "fixed addresses".to_owned()
    }
}
