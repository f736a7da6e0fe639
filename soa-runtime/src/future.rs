//! The boxed future that trait objects return.

use std::pin::Pin;

/// A boxed future that can be sent to another thread.
pub type BoxFuture<T> = Pin<Box<dyn Future<Output = T> + Send>>;
