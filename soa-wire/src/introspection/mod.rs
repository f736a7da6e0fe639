//! Introspections: the answers of `introspect`, read and compared.
//!
//! An [`Introspection`] has the schemas of each action's request and response. It comes from a live service
//! ([`Introspection::of`]) or from a JSON file ([`Introspection::from_json`]), of this framework or of PySOA. There are two
//! checks:
//!
//! * [`Introspection::check`] compares recorded calls of a stub with the schemas of the service, to find out if the stub
//!   still answers as the service does;
//! * [`check_compatible`] compares two versions of a service, to find out if callers of the old version can use the new
//!   one.
//!
//! Schemas are read as data. A type that is unknown here allows everything.

mod allow;
mod compatible;
mod declarations;
mod exchange;
mod offer;
mod shape;

pub use compatible::{ActionChange, Compatibility, CompatibilityReport, check_compatible};
#[doc(hidden)]
pub use declarations::declarations;
pub use exchange::Exchange;
pub use offer::{Drift, Introspection, IntrospectionSource};
