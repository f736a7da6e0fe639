//! The lifetime of messages, by the clock of this machine.

use std::time::{Duration, SystemTime, UNIX_EPOCH};

/// The default lifetime of a message (protocol, section 5).
pub(super) const DEFAULT_LIFETIME: Duration = Duration::from_secs(60);

/// True if a message has expired. Zero and nil stand for never, as both are false in Python.
pub(super) fn is_expired(expiry: f64, now: f64) -> bool {
    expiry != 0.0 && expiry < now
}

/// The time, in Unix seconds.
#[doc(hidden)]
pub fn now() -> f64 {
    let since = SystemTime::now().duration_since(UNIX_EPOCH);
    since.unwrap_or_default().as_secs_f64()
}

/// The time at which a message that is sent now expires, in Unix seconds.
pub(super) fn expiry_in(lifetime: Duration) -> f64 {
    now() + lifetime.as_secs_f64()
}
