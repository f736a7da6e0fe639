//! The authenticated caller of a job. Users know [`Identity`] as `soa::middleware::Identity`.

use std::collections::BTreeSet;
use std::fmt;
use std::sync::Arc;

use crate::extensions::Extensions;

/// An authenticated caller and its permissions. Cheap to clone.
///
/// ```
/// # mod soa { pub use soa_wire::identity as middleware; }
/// use soa::middleware::Identity;
///
/// struct Tenant(&'static str);
///
/// let ada = Identity::new("ada").with_permissions(["orders.write"]).with(Tenant("north"));
/// assert!(ada.has("orders.write") && !ada.has("orders.delete"));
/// assert_eq!(ada.get::<Tenant>().map(|tenant| tenant.0), Some("north"));
/// ```
#[derive(Clone)]
pub struct Identity {
    name: Arc<str>,
    permissions: Arc<BTreeSet<String>>,
    extensions: Extensions,
}

impl Identity {
    /// Returns an identity without permissions.
    pub fn new(name: impl Into<Arc<str>>) -> Self {
        Self {
            name: name.into(),
            permissions: Arc::default(),
            extensions: Extensions::new(),
        }
    }

    /// Adds permissions, as actions name them.
    #[must_use]
    pub fn with_permissions<P: Into<String>>(
        mut self,
        permissions: impl IntoIterator<Item = P>,
    ) -> Self {
        let own = Arc::make_mut(&mut self.permissions);
        own.extend(permissions.into_iter().map(Into::into));
        self
    }

    /// Adds a value of the service's own, for [`get`](Self::get): a tenant, a user record.
    #[must_use]
    pub fn with<T: Send + Sync + 'static>(mut self, value: T) -> Self {
        self.extensions.insert(value);
        self
    }

    /// Returns the name of the caller.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// Returns true if the caller has this permission.
    pub fn has(&self, permission: &str) -> bool {
        self.permissions.contains(permission)
    }

    /// Returns the permissions, sorted.
    pub fn permissions(&self) -> impl Iterator<Item = &str> {
        self.permissions.iter().map(String::as_str)
    }

    /// Returns the value of this type; see [`with`](Self::with).
    pub fn get<T: 'static>(&self) -> Option<&T> {
        self.extensions.get()
    }
}

impl fmt::Debug for Identity {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Identity")
            .field("name", &self.name)
            .field("permissions", &self.permissions)
            .finish_non_exhaustive()
    }
}
