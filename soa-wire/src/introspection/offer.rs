//! The offer of a service: its actions and their schemas, as it tells them itself.

use std::collections::{BTreeMap, HashSet};
use std::error::Error;
use std::fmt;

use super::allow::check;
use super::exchange::Exchange;
use crate::codec::{Value, json};
use crate::error::BuildError;
use crate::message::{Name, Switch, SwitchSet};

/// A client that can ask a service for its introspection.
pub trait IntrospectionSource {
    /// The error of a call that failed.
    type Error;

    /// Asks a service for the answer of `introspect`, and reads it.
    fn introspect(
        &self,
        service: Name,
    ) -> impl Future<Output = Result<Introspection, Self::Error>> + Send;
}

/// What a service says of itself: the schemas of its actions.
#[derive(Clone, Debug, PartialEq)]
pub struct Introspection {
    pub(super) actions: BTreeMap<String, Schemas>,
    /// As it was answered, to be saved.
    answer: Value,
}

/// Of one action; `None` allows any body.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Schemas {
    pub(super) request: Option<Value>,
    pub(super) response: Option<Value>,
}

/// Where exchanges are not as the service would have them.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Drift(Vec<String>);

impl Introspection {
    /// What a service answers to `introspect`, in this process or anywhere.
    ///
    /// # Errors
    /// The call failed.
    pub async fn of<C: IntrospectionSource>(
        client: &C,
        service: impl Into<Name>,
    ) -> Result<Self, C::Error> {
        client.introspect(service.into()).await
    }

    /// An answer of `introspect`.
    ///
    /// # Errors
    /// It is no such answer.
    pub fn from_value(answer: Value) -> Result<Self, BuildError> {
        let Some(actions) = answer.get("actions").and_then(Value::as_map) else {
            let message = "this is no answer of `introspect`: it has no map `actions`";
            return Err(BuildError::new(message));
        };
        let actions = actions.iter().map(|(name, action)| {
            let Some(name) = name.as_str() else {
                let kind = name.kind_name();
                return Err(format!("an action is named by {kind}"));
            };
            let schema = |side| match action.get(side) {
                None | Some(Value::Nil) => Ok(None),
                Some(schema @ Value::Map(_)) => Ok(Some(schema.clone())),
                Some(_) => Err(format!("`{side}` of `{name}` is no map")),
            };
            if action.as_map().is_none() {
                return Err(format!("what it says of `{name}` is no map"));
            }
            let schemas = Schemas {
                request: schema("request_schema")?,
                response: schema("response_schema")?,
            };
            Ok((name.to_owned(), schemas))
        });
        let actions = actions.collect::<Result<_, String>>();
        let actions = actions.map_err(|problem| {
            BuildError::new(format!("this is no answer of `introspect`: {problem}"))
        })?;
        Ok(Self { actions, answer })
    }

    /// A saved answer of `introspect`, as JSON.
    ///
    /// # Errors
    /// It is no JSON, or no such answer.
    pub fn from_json(text: &str) -> Result<Self, BuildError> {
        let answer = json::decode_value(text.as_bytes());
        Self::from_value(answer.map_err(|error| BuildError::new(error.to_string()))?)
    }

    /// The answer as JSON, to be saved beside the tests of a caller.
    ///
    /// # Errors
    /// A schema with something that JSON has no word for.
    pub fn to_json(&self) -> Result<String, BuildError> {
        let mut bytes = Vec::new();
        json::encode_value(&self.answer, &mut bytes)
            .map_err(|error| BuildError::new(error.to_string()))?;
        String::from_utf8(bytes).map_err(|error| BuildError::new(error.to_string()))
    }

    /// The names of the actions, sorted.
    pub fn actions(&self) -> impl Iterator<Item = &str> {
        self.actions.keys().map(String::as_str)
    }

    /// Whether the service could have taken these requests and given these responses: those of
    /// a stub's `exchanges`. Errors may be any.
    ///
    /// # Errors
    /// All that it would not have.
    pub fn check(&self, exchanges: &[Exchange]) -> Result<(), Drift> {
        let mut drift = Vec::new();
        for exchange in exchanges {
            let name = exchange.action.as_str();
            let Some(schemas) = self.answering(name, &exchange.switches) else {
                drift.push(format!("`{name}`: the service has no such action"));
                continue;
            };
            let mut side = |side: &str, schema: &Option<Value>, body: &Value| {
                let Some(schema) = schema else { return };
                let mut problems = Vec::new();
                check(schema, body, "", &mut problems);
                drift.extend(
                    problems
                        .iter()
                        .map(|problem| format!("`{name}` {side}: {problem}")),
                );
            };
            // A request that was refused need not be as the schema says.
            if let Ok(answer) = &exchange.answer {
                side("request", &schemas.request, &exchange.request);
                side("response", &schemas.response, answer);
            }
        }
        // What is wrong in many calls is told once.
        let mut told = HashSet::new();
        drift.retain(|problem| told.insert(problem.clone()));
        match drift.is_empty() {
            true => Ok(()),
            false => Err(Drift(drift)),
        }
    }

    /// The action, or the variant of it, that answers calls of a name which another version has, or a stub.
    pub(super) fn answering(&self, name: &str, switches: &SwitchSet) -> Option<&Schemas> {
        if let Some(schemas) = self.actions.get(name) {
            return Some(schemas);
        }
        let plain = plain(name);
        let is_on = |variant: &&String| {
            let switch = variant.strip_prefix(plain);
            let number = switch.and_then(|text| text.strip_prefix("[switch:")?.strip_suffix(']'));
            let number = number.and_then(|text| text.parse().ok());
            number.is_some_and(|number| switches.is_active(Switch::new(number)))
        };
        let variant = match name == plain {
            true => self.actions.keys().find(is_on),
            false => None,
        };
        let chosen = variant.and_then(|variant| self.actions.get(variant));
        let default = || self.actions.get(&format!("{plain}[DEFAULT]"));
        chosen.or_else(|| self.actions.get(plain)).or_else(default)
    }
}

/// The name of an action without its variant: `find` of `find[switch:5]`.
pub(super) fn plain(name: &str) -> &str {
    name.split_once('[').map_or(name, |(plain, _)| plain)
}

impl Drift {
    /// What is wrong, an exchange at a time.
    pub fn problems(&self) -> &[String] {
        &self.0
    }
}

impl fmt::Display for Drift {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("the stub is not as the service:")?;
        self.0
            .iter()
            .try_for_each(|problem| write!(f, "\n    {problem}"))
    }
}

impl Error for Drift {}
