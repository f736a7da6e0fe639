//! Registries: four verbs.

use std::fmt;
use std::time::Duration;

use soa_runtime::BoxFuture;

use crate::error::RegistryError;
use crate::instance::{Instance, Registration};

/// The version of a listing. A registry makes it, and gets it back from its watchers.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Version(pub u64);

/// The instances of a component that can be called, at one moment.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Listing {
    /// Instances.
    pub instances: Vec<Instance>,
    /// Version of the listing.
    pub version: Version,
}

#[cfg(any(feature = "dns", feature = "redis"))]
impl Listing {
    /// Returns the list of these instances, sorted, with a digest of them as its version: for registries without versions of
    /// their own. Equal lists have equal versions.
    pub(crate) fn digested(mut instances: Vec<Instance>) -> Self {
        use std::hash::{DefaultHasher, Hash as _, Hasher as _};

        instances.sort_by(|one, other| one.id.cmp(&other.id));
        let mut digest = DefaultHasher::new();
        for one in &instances {
            (&one.id, &one.addresses, one.weight).hash(&mut digest);
        }
        let version = Version(digest.finish());
        Self { instances, version }
    }
}

/// A registry: it knows who offers a component, and where.
pub trait Registry: Send + Sync + 'static {
    /// Makes an instance known, or keeps it known. A server calls this once, when it can be called, and then again and again
    /// at each [interval](Self::renewal): so an instance that the registry has forgotten is known again.
    ///
    /// # Errors
    /// The registry cannot be reached, or refuses the instance.
    fn register(&self, registration: &Registration) -> BoxFuture<Result<(), RegistryError>>;

    /// Makes an instance unknown. One that is not known is no error.
    ///
    /// # Errors
    /// The registry cannot be reached, or refuses.
    fn deregister(&self, registration: &Registration) -> BoxFuture<Result<(), RegistryError>>;

    /// Returns the instances of a component now. A component that nobody offers has none.
    ///
    /// # Errors
    /// The registry cannot be reached, or its answer cannot be read.
    fn look_up(&self, component: &str) -> BoxFuture<Result<Listing, RegistryError>>;

    /// Waits until the listing is another one than that of this version, and returns it. After some time without a change, the
    /// same listing is returned.
    ///
    /// # Errors
    /// The registry cannot be reached, or its answer cannot be read.
    fn watch(&self, component: &str, since: Version) -> BoxFuture<Result<Listing, RegistryError>>;

    /// Returns the time between two calls of [`register`](Self::register); 5 s by default.
    fn renewal(&self) -> Duration {
        Duration::from_secs(5)
    }

    /// Returns the address of the registry for people, without any secret: `consul://127.0.0.1:8500`.
    fn shown_address(&self) -> String;
}

impl fmt::Debug for dyn Registry {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Registry")
            .field(&self.shown_address())
            .finish()
    }
}
