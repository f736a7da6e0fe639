//! The context header, which flows down the chain of services by itself.

use std::fmt;
use std::sync::Arc;

use super::switches::SwitchSet;
use super::trace::{TraceParent, usable_state};
use crate::codec::{Map, Value};
use crate::redact::Redacted;

/// The context of a job (protocol, section 1).
///
/// A service that calls another one passes its whole context on: correlation id, switches, caller, and the keys that
/// earlier callers have added.
///
/// ```
/// # use soa_wire as soa;
/// use soa::{ContextHeader, Switch};
///
/// let mut context = ContextHeader::fresh();
/// context.switches = context.switches.with(Switch::new(5));
/// context.extra.insert("locale", "fr_FR");
/// assert_eq!(context.correlation_id.len(), 32);
/// assert!(context.to_map().contains_key("locale"));
/// ```
#[derive(Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct ContextHeader {
    /// Identifier that all jobs of one event share, across services. A fresh one is the 32 hex digits of a UUID.
    pub correlation_id: Arc<str>,
    /// The active switches.
    pub switches: SwitchSet,
    /// The name that the first caller of the chain gives itself. It is passed on.
    pub caller: Option<Arc<str>>,
    /// The service whose handler makes the call, set by the framework.
    pub calling_service: Option<Arc<str>>,
    /// The key `traceparent`: the span of the call, or that of the job itself if the server traces. A malformed one is
    /// ignored.
    pub trace_parent: Option<TraceParent>,
    /// The key `tracestate`: data of tracing systems, passed on unchanged, up to 512 bytes.
    pub trace_state: Option<Arc<str>>,
    /// All other keys. They belong to the users, and are passed on unchanged.
    pub extra: Map,
}

impl ContextHeader {
    /// Creates a context with this correlation id and nothing else.
    pub fn new(correlation_id: impl Into<Arc<str>>) -> Self {
        Self {
            correlation_id: correlation_id.into(),
            switches: SwitchSet::new(),
            caller: None,
            calling_service: None,
            trace_parent: None,
            trace_state: None,
            extra: Map::new(),
        }
    }

    /// Creates a context with a fresh correlation id and nothing else.
    pub fn fresh() -> Self {
        Self::new(Self::fresh_correlation_id())
    }

    #[doc(hidden)]
    pub fn fresh_correlation_id() -> Arc<str> {
        let mut digits = [0; uuid::fmt::Simple::LENGTH];
        let id = uuid::Uuid::new_v4();
        Arc::from(&*id.simple().encode_lower(&mut digits))
    }

    /// Sets one key, as the options of a call do. The framework's own keys go to their fields (switches are added to the
    /// present ones), every other key to `extra`.
    ///
    /// # Errors
    /// If the value does not fit a key of the framework's own.
    #[doc(hidden)]
    pub fn set(&mut self, key: String, value: Value) -> Result<(), String> {
        let text = |what: &str| match value.as_str() {
            Some(text) => Ok(Arc::from(text)),
            None => Err(format!("the context's `{what}` must be text")),
        };
        match key.as_str() {
            "correlation_id" => self.correlation_id = text("correlation_id")?,
            "caller" => self.caller = Some(text("caller")?),
            "calling_service" => self.calling_service = Some(text("calling_service")?),
            "traceparent" => {
                let text = text("traceparent")?;
                let Some(parent) = TraceParent::parse(&text) else {
                    return Err("the context's `traceparent` must have W3C's form".to_owned());
                };
                self.trace_parent = Some(parent);
            }
            "tracestate" => self.trace_state = usable_state(&text("tracestate")?),
            "switches" => {
                let numbers = value.as_list().and_then(|switches| {
                    let numbers: Option<SwitchSet> = switches.iter().map(Value::as_i64).collect();
                    numbers
                });
                let Some(switches) = numbers else {
                    return Err("the context's `switches` must be a list of integers".to_owned());
                };
                self.switches = self.switches.union(&switches);
            }
            _ => drop(self.extra.insert(key, value)),
        }
        Ok(())
    }

    /// Returns true for a key of the framework's own whose value is text.
    #[doc(hidden)]
    pub fn is_text_key(key: &str) -> bool {
        KEYS.contains(&key) && key != "switches"
    }

    /// Returns the whole header as a map, as it is in messages.
    pub fn to_map(&self) -> Map {
        let switches = self.switches.iter().map(|switch| switch.number().into());
        let mut map = Map::with_capacity(4 + self.extra.len());
        map.push("correlation_id", &*self.correlation_id);
        map.push("switches", Value::List(switches.collect()));
        if let Some(caller) = &self.caller {
            map.push("caller", &**caller);
        }
        if let Some(service) = &self.calling_service {
            map.push("calling_service", &**service);
        }
        if let Some(parent) = self.trace_parent {
            map.push("traceparent", parent.write(&mut [0; 55]));
            if let Some(state) = &self.trace_state {
                map.push("tracestate", &**state);
            }
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

impl fmt::Debug for ContextHeader {
    /// Redacts secrets, because logs must not have them.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ContextHeader")
            .field("correlation_id", &self.correlation_id)
            .field("switches", &self.switches)
            .field("caller", &self.caller)
            .field("calling_service", &self.calling_service)
            .field("trace_parent", &self.trace_parent)
            .field("trace_state", &self.trace_state)
            .field("extra", &Redacted(&self.extra))
            .finish()
    }
}

/// The framework's own keys of a context.
pub(crate) const KEYS: [&str; 6] = [
    "correlation_id",
    "switches",
    "caller",
    "calling_service",
    "traceparent",
    "tracestate",
];

/// The context of a job response: the request's correlation id. It is empty if the job failed as a whole (protocol,
/// section 9).
#[derive(Clone, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct ResponseContext {
    /// The correlation id of the request.
    pub correlation_id: Option<Arc<str>>,
    /// Further keys, which middleware may add.
    pub extra: Map,
}
