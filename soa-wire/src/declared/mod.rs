//! The properties that `#[action]` declares besides the types of an action: `requires`, `idempotent`, `crash_limit`, `cache`,
//! and those for HTTP.
//!
//! They are a constant, which the action's handle refers to. The server asks for the permissions, and the middleware of a
//! typed client may send a call again, or answer it from a cache.

mod http;

use std::time::Duration;

pub use http::{
    BodyForm, CHALLENGE_HEADER, HttpAnswer, HttpDeclared, Method, ResultForm, Route,
    bearer_challenge,
};

/// The declared properties of an action. `Action::declared` takes them for handles that are written by hand.
///
/// ```
/// # use soa_wire as soa;
/// use std::time::Duration;
///
/// use soa::Declared;
///
/// const FIND: &Declared = &Declared::new().idempotent().crash_limit(1).cache(Duration::from_secs(10));
/// assert!(FIND.is_idempotent());
/// assert_eq!(FIND.crashes(), Some(1));
/// assert!(FIND.required_permissions().is_empty());
/// ```
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Declared {
    requires: &'static [&'static str],
    is_idempotent: bool,
    crash_limit: Option<u8>,
    cache: Option<Duration>,
    http: HttpDeclared,
}

impl Declared {
    /// Creates properties without any declaration.
    #[must_use]
    pub const fn new() -> Self {
        Self {
            requires: &[],
            is_idempotent: false,
            crash_limit: None,
            cache: None,
            http: HttpDeclared::new(),
        }
    }

    /// Sets the permissions, all of which a caller needs.
    #[must_use]
    pub const fn requires(mut self, permissions: &'static [&'static str]) -> Self {
        self.requires = permissions;
        self
    }

    /// Declares that a second run has no further effect.
    #[must_use]
    pub const fn idempotent(mut self) -> Self {
        self.is_idempotent = true;
        self
    }

    /// Sets the number of processes that a job may end before it is not run again, in the place of that of the server; 0 counts
    /// as 1.
    #[must_use]
    pub const fn crash_limit(mut self, crashes: u8) -> Self {
        self.crash_limit = Some(if crashes == 0 { 1 } else { crashes });
        self
    }

    /// Sets the time for which callers may reuse an answer.
    #[must_use]
    pub const fn cache(mut self, time: Duration) -> Self {
        self.cache = Some(time);
        self
    }

    /// Sets the properties for HTTP.
    #[must_use]
    pub const fn http(mut self, http: HttpDeclared) -> Self {
        self.http = http;
        self
    }

    /// Returns the properties for HTTP.
    pub const fn for_http(&self) -> &HttpDeclared {
        &self.http
    }

    /// Returns the permissions that a caller needs.
    pub const fn required_permissions(&self) -> &'static [&'static str] {
        self.requires
    }

    /// Returns true if a second run has no further effect.
    pub const fn is_idempotent(&self) -> bool {
        self.is_idempotent
    }

    /// Returns the number of processes that a job may end before it is not run again, if one is declared.
    pub const fn crashes(&self) -> Option<u8> {
        self.crash_limit
    }

    /// Returns the time for which callers may reuse an answer, if one is declared.
    pub const fn cache_time(&self) -> Option<Duration> {
        self.cache
    }
}

/// The properties of actions without declarations.
#[doc(hidden)]
pub const UNDECLARED: &Declared = &Declared::new();
