//! What `#[action]` declares of an action besides its types: `requires`, `idempotent`, `cache`.
//!
//! It is a constant that the action's handle points to. So the server knows which permissions to ask for, and a typed client
//! what its middleware may do with a call: send it again, or answer it from memory.

use std::time::Duration;

/// What is declared of an action. For handles that are made by hand: [`Action::declared`](crate::Action::declared).
///
/// ```
/// # use soa_wire as soa;
/// use soa::{Action, Declared, Value};
///
/// const FIND: Action<Value, Value> = Action::new("find").declared(&Declared::new().idempotent());
/// ```
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Declared {
    requires: &'static [&'static str],
    is_idempotent: bool,
    cache: Option<Duration>,
}

impl Declared {
    /// Nothing yet.
    #[must_use]
    pub const fn new() -> Self {
        Self {
            requires: &[],
            is_idempotent: false,
            cache: None,
        }
    }

    /// The permissions that a caller must have, all of them.
    #[must_use]
    pub const fn requires(mut self, permissions: &'static [&'static str]) -> Self {
        self.requires = permissions;
        self
    }

    /// To run it twice does what running it once does.
    #[must_use]
    pub const fn idempotent(mut self) -> Self {
        self.is_idempotent = true;
        self
    }

    /// For how long callers may use one answer for further calls.
    #[must_use]
    pub const fn cache(mut self, time: Duration) -> Self {
        self.cache = Some(time);
        self
    }

    /// See [`requires`](Self::requires).
    pub const fn required_permissions(&self) -> &'static [&'static str] {
        self.requires
    }

    /// See [`idempotent`](Self::idempotent).
    pub const fn is_idempotent(&self) -> bool {
        self.is_idempotent
    }

    /// See [`cache`](Self::cache).
    pub const fn cache_time(&self) -> Option<Duration> {
        self.cache
    }
}

/// What holds for actions of which nothing is declared.
#[doc(hidden)]
pub const NOTHING: &Declared = &Declared::new();
