//! The control header, which states how one job is run.

use std::fmt;
use std::time::Duration;

use crate::codec::{Map, Value};
use crate::redact::Redacted;

/// The control header of a job (protocol, section 1). Unlike the context, it is not passed on to other services.
///
/// ```
/// # use soa_wire as soa;
/// use std::time::Duration;
///
/// use soa::Control;
///
/// let mut control = Control::default();
/// control.continue_on_error = true;
/// control.extra.insert("timeout", 2.5);
/// assert_eq!(control.timeout(), Some(Duration::from_millis(2500)));
/// ```
#[derive(Clone, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct Control {
    /// True if actions still run after one that answered with errors.
    pub continue_on_error: bool,
    /// True if the sender wants no answer. `None` means that the message does not have the key, and counts as false.
    pub suppress_response: Option<bool>,
    /// All other keys: `timeout` in seconds, if the caller has one, and those of the users.
    pub extra: Map,
}

impl Control {
    /// Returns the time for which the caller waits for the answer, if the message states it.
    ///
    /// A value that is not a positive number of seconds is ignored. The job is not refused for it.
    pub fn timeout(&self) -> Option<Duration> {
        let seconds = self.extra.get("timeout")?.as_f64()?;
        Duration::try_from_secs_f64(seconds)
            .ok()
            .filter(|timeout| !timeout.is_zero())
    }

    /// Sets the time for which the caller waits. Whole seconds are written as an integer, as PySOA does.
    #[doc(hidden)]
    pub fn set_timeout(&mut self, timeout: Duration) {
        let seconds = match timeout.subsec_nanos() {
            0 => Value::from(timeout.as_secs()),
            _ => Value::from(timeout.as_secs_f64()),
        };
        self.extra.insert("timeout", seconds);
    }

    /// Sets one key, as the options of a call do. The framework's own keys go to their fields, every other key to `extra`.
    ///
    /// # Errors
    /// If the value does not fit a key of the framework's own.
    #[doc(hidden)]
    pub fn set(&mut self, key: String, value: Value) -> Result<(), String> {
        let flag = || match value.as_bool() {
            Some(flag) => Ok(flag),
            None => Err(format!(
                "the control header's `{key}` must be true or false"
            )),
        };
        match key.as_str() {
            "continue_on_error" => self.continue_on_error = flag()?,
            "suppress_response" => self.suppress_response = Some(flag()?),
            _ => drop(self.extra.insert(key, value)),
        }
        Ok(())
    }

    /// Returns the whole header as a map, as it is in messages.
    pub fn to_map(&self) -> Map {
        let mut map = Map::with_capacity(2 + self.extra.len());
        map.push("continue_on_error", self.continue_on_error);
        if let Some(suppress) = self.suppress_response {
            map.push("suppress_response", suppress);
        }
        for (key, value) in self.extra() {
            map.push(key.clone(), value.clone());
        }
        map
    }

    /// Returns the users' keys with their values.
    pub(crate) fn extra(&self) -> impl Iterator<Item = &(Value, Value)> {
        let is_own = |key: &Value| key.as_str().is_some_and(|key| KEYS.contains(&key));
        self.extra.iter().filter(move |(key, _)| !is_own(key))
    }
}

impl fmt::Debug for Control {
    /// Redacts secrets, because logs must not have them.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Control")
            .field("continue_on_error", &self.continue_on_error)
            .field("suppress_response", &self.suppress_response)
            .field("extra", &Redacted(&self.extra))
            .finish()
    }
}

/// The framework's own keys of a control header.
pub(crate) const KEYS: [&str; 2] = ["continue_on_error", "suppress_response"];
