//! Transports: the traits, and those in the same process and over Redis.

pub use soa_runtime::LocalTransport;
#[doc(inline)]
pub use soa_runtime::transport::*;
