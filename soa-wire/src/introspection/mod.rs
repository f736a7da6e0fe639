//! The answers of `introspect`, read as data and compared.
//!
//! The offer of a service is its introspection: asked of a live one ([`Introspection::of`]), or saved as JSON and read
//! ([`Introspection::from_json`]), of this framework or of PySOA. It has the schemas of each request and response, and
//! answers two questions:
//!
//! * [`Introspection::check`]: does a stub still answer as the service would? The recorded exchanges of the stub are held
//!   against the schemas, so that a stub cannot drift from what it stands for;
//! * [`check_compatible`]: may the service be replaced by its next version under callers of the old one?
//!
//! Schemas are read as data. A word that is not known here counts as allowing everything.

mod allow;
mod compatible;
mod exchange;
mod offer;
mod shape;

pub use compatible::{ActionChange, Compatibility, CompatibilityReport, check_compatible};
pub use exchange::Exchange;
pub use offer::{Drift, Introspection, IntrospectionSource};
