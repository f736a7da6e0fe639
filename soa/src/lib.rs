//! **soa**: queue-based RPC services. Annotate an `impl` block; get a server, a typed client, validation.

pub use soa_macros::{action, service};
pub use soa_runtime::*;

#[doc(hidden)]
pub use soa_runtime::private as __private;
