//! The context header: what flows down the chain of services by itself.

use std::sync::Arc;

use super::SwitchSet;
use crate::codec::{Map, Value};

/// The context of a job (protocol, section 1).
///
/// A service that calls another one passes its whole context on: correlation id, switches, caller and
/// whatever else the first caller put in.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct ContextHeader {
    /// Ties together everything that one event set off, across services. Fresh ones are the 32 hex
    /// digits of a UUID.
    pub correlation_id: Arc<str>,
    /// The active switches.
    pub switches: SwitchSet,
    /// Who calls, in the caller's own words.
    pub caller: Option<Arc<str>>,
    /// The service whose handler calls, set by the framework.
    pub calling_service: Option<Arc<str>>,
    /// Every further key. It is the users' and is passed on untouched.
    pub extra: Map,
}

impl ContextHeader {
    /// A context with this correlation id and nothing else.
    pub fn new(correlation_id: impl Into<Arc<str>>) -> Self {
        Self {
            correlation_id: correlation_id.into(),
            switches: SwitchSet::new(),
            caller: None,
            calling_service: None,
            extra: Map::new(),
        }
    }

    /// A context with a fresh correlation id and nothing else.
    pub fn fresh() -> Self {
        Self::new(Self::fresh_correlation_id())
    }

    pub(crate) fn fresh_correlation_id() -> Arc<str> {
        let mut digits = [0; uuid::fmt::Simple::LENGTH];
        let id = uuid::Uuid::new_v4();
        Arc::from(&*id.simple().encode_lower(&mut digits))
    }

    /// Sets one key as a call may give it: the framework's own keys go to their fields (switches are
    /// added to the ones that are there), every other key to `extra`. A framework's key with a value of
    /// a wrong type is kept in `extra` too, so that it is the server that refuses it.
    pub(crate) fn set(&mut self, key: String, value: Value) {
        match (key.as_str(), &value) {
            ("correlation_id", Value::Text(id)) => self.correlation_id = id.as_str().into(),
            ("caller", Value::Text(caller)) => self.caller = Some(caller.as_str().into()),
            ("calling_service", Value::Text(name)) => {
                self.calling_service = Some(name.as_str().into());
            }
            ("switches", Value::List(switches))
                if switches.iter().all(|s| s.as_i64().is_some()) =>
            {
                let switches: SwitchSet = switches.iter().filter_map(Value::as_i64).collect();
                self.switches = self.switches.union(&switches);
            }
            _ => {
                self.extra.insert(key, value);
            }
        }
    }

    /// The whole header as a map, as it travels.
    pub fn to_map(&self) -> Map {
        let mut map = Map::new();
        map.insert("correlation_id", &*self.correlation_id);
        let switches = self.switches.iter().map(|switch| switch.number().into());
        map.insert("switches", Value::List(switches.collect()));
        if let Some(caller) = &self.caller {
            map.insert("caller", &**caller);
        }
        if let Some(service) = &self.calling_service {
            map.insert("calling_service", &**service);
        }
        for (key, value) in self.extra.iter() {
            map.insert(key.clone(), value.clone());
        }
        map
    }
}

/// The context of a job response: the request's correlation id, and nothing in the response of a job
/// that failed as a whole (protocol, section 9).
#[derive(Clone, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct ResponseContext {
    /// The correlation id of the request.
    pub correlation_id: Option<Arc<str>>,
    /// Further keys, as middleware may add them.
    pub extra: Map,
}
