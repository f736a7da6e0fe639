//! The control header: how one job is to be run.

use std::fmt;
use std::time::Duration;

use crate::codec::{Map, Value};
use crate::redact::Redacted;

/// The control header of a job (protocol, section 1). Unlike the context it is not passed on.
#[derive(Clone, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct Control {
    /// Whether later actions run after one that answered with errors.
    pub continue_on_error: bool,
    /// Whether the sender wants no answer. `None`: the key was not there, which means no.
    pub suppress_response: Option<bool>,
    /// Every further key: `timeout` (seconds) from callers that gave one, and the users' own.
    pub extra: Map,
}

impl Control {
    /// How long the caller waits for the answer, where it said so.
    ///
    /// `None` for a value that is not a positive number of seconds: a caller's odd timeout is no
    /// reason to refuse its job.
    pub fn timeout(&self) -> Option<Duration> {
        let seconds = self.extra.get("timeout")?.as_f64()?;
        Duration::try_from_secs_f64(seconds)
            .ok()
            .filter(|timeout| !timeout.is_zero())
    }

    /// Says how long the caller waits; whole seconds travel as an integer, as the reference sends them.
    #[doc(hidden)]
    pub fn set_timeout(&mut self, timeout: Duration) {
        let seconds = match timeout.subsec_nanos() {
            0 => Value::from(timeout.as_secs()),
            _ => Value::from(timeout.as_secs_f64()),
        };
        self.extra.insert("timeout", seconds);
    }

    /// Sets one key as a call may give it: the framework's own keys go to their fields.
    ///
    /// # Errors
    /// What a key of the framework's own has to be, where the value is something else.
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

    /// The whole header as a map, as it travels.
    pub fn to_map(&self) -> Map {
        let mut map = Map::with_capacity(2 + self.extra.len());
        map.push("continue_on_error", self.continue_on_error);
        if let Some(suppress) = self.suppress_response {
            map.push("suppress_response", suppress);
        }
        let is_extra = |key: &Value| !key.as_str().is_some_and(|key| KEYS.contains(&key));
        for (key, value) in self.extra.iter().filter(|(key, _)| is_extra(key)) {
            map.push(key.clone(), value.clone());
        }
        map
    }
}

impl fmt::Debug for Control {
    /// Without secrets: it goes to logs.
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
