//! The introspection of a service: its actions and their schemas.

use std::collections::{BTreeMap, HashSet};
use std::error::Error;
use std::fmt;

use super::allow::check;
use super::exchange::Exchange;
use super::shape::kind;
use crate::codec::{Value, json};
use crate::error::BuildError;
use crate::message::{Name, Switch, SwitchSet};
use crate::schema::Schema;

/// A client that can call `introspect` of a service.
pub trait IntrospectionSource {
    /// The error of a failed call.
    type Error;

    /// Calls `introspect` of a service, and reads the answer.
    fn introspect(
        &self,
        service: Name,
    ) -> impl Future<Output = Result<Introspection, Self::Error>> + Send;
}

/// The introspection of a service: the schemas of its actions.
///
/// ```
/// # use soa_wire as soa;
/// use soa::introspection::{Exchange, Introspection};
/// use soa::{SwitchSet, value};
///
/// let calculator = Introspection::from_json(
///     r#"{
///         "actions": {
///             "square": {
///                 "request_schema": {
///                     "type": "dictionary",
///                     "contents": { "number": { "type": "integer" } },
///                     "optional_keys": [],
///                     "allow_extra_keys": false
///                 },
///                 "response_schema": null
///             }
///         }
///     }"#,
/// )?;
/// let square = |number: soa::Value| {
///     let request = value!({ "number": number });
///     Exchange::new("calculator", "square", SwitchSet::new(), request, Ok(value!({})))
/// };
/// assert!(calculator.check(&[square(12.into())]).is_ok());
/// let drift = calculator.check(&[square("twelve".into())]).unwrap_err();
/// assert_eq!(drift.problems(), ["`square` request: `number` should be of type integer, not text"]);
/// # Ok::<(), soa::BuildError>(())
/// ```
#[derive(Clone, Debug, PartialEq)]
pub struct Introspection {
    pub(super) actions: BTreeMap<String, Schemas>,
    /// The whole answer, to be saved.
    answer: Value,
}

/// The schemas of one action; `None` allows any body.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Schemas {
    pub(super) request: Option<Value>,
    pub(super) response: Option<Value>,
}

/// The differences of recorded calls from the schemas of a service.
#[derive(Clone, PartialEq, Eq)]
pub struct Drift(Vec<String>);

impl Introspection {
    /// Calls `introspect` of a service, with a client for a service in this process or elsewhere.
    ///
    /// # Errors
    /// If the call failed.
    pub async fn of<C: IntrospectionSource>(
        client: &C,
        service: impl Into<Name>,
    ) -> Result<Self, C::Error> {
        client.introspect(service.into()).await
    }

    /// Reads an answer of `introspect`.
    ///
    /// # Errors
    /// If the value is not such an answer.
    pub fn from_value(answer: Value) -> Result<Self, BuildError> {
        let Some(actions) = answer.get("actions").and_then(Value::as_map) else {
            let message = "this is not an answer of `introspect`: it has no map `actions`";
            return Err(BuildError::new(message));
        };
        let actions = actions.iter().map(|(name, action)| {
            let Some(name) = name.as_str() else {
                let kind = name.kind_name();
                return Err(format!("the name of an action is of type {kind}"));
            };
            let schema = |side| match action.get(side) {
                None | Some(Value::Nil) => Ok(None),
                // What is declared of an action without a schema stands within one that allows anything.
                Some(schema @ Value::Map(_)) if kind(schema) == "anything" => Ok(None),
                Some(schema @ Value::Map(_)) => Ok(Some(schema.clone())),
                Some(_) => Err(format!("`{side}` of `{name}` is not a map")),
            };
            if action.as_map().is_none() {
                return Err(format!("the entry of `{name}` is not a map"));
            }
            let schemas = Schemas {
                request: schema("request_schema")?,
                response: schema("response_schema")?,
            };
            Ok((name.to_owned(), schemas))
        });
        let actions = actions.collect::<Result<_, String>>();
        let actions = actions.map_err(|problem| {
            BuildError::new(format!("this is not an answer of `introspect`: {problem}"))
        })?;
        Ok(Self { actions, answer })
    }

    /// Reads a saved answer of `introspect`, as JSON.
    ///
    /// # Errors
    /// If the text is not JSON, or not such an answer.
    pub fn from_json(text: &str) -> Result<Self, BuildError> {
        let answer = json::decode_value(text.as_bytes());
        Self::from_value(answer.map_err(|error| BuildError::new(error.to_string()))?)
    }

    /// Returns the answer as JSON, to be saved beside the tests of a caller.
    ///
    /// # Errors
    /// If a schema has a value that JSON cannot express.
    pub fn to_json(&self) -> Result<String, BuildError> {
        let mut bytes = Vec::new();
        json::encode_value(&self.answer, &mut bytes)
            .map_err(|error| BuildError::new(error.to_string()))?;
        String::from_utf8(bytes).map_err(|error| BuildError::new(error.to_string()))
    }

    /// Returns the names of the actions, sorted.
    pub fn actions(&self) -> impl Iterator<Item = &str> {
        self.actions.keys().map(String::as_str)
    }

    /// Returns the schema of the requests of an action, or of the variant of it that answers under these switches; `None` if
    /// the service has no such action.
    ///
    /// ```
    /// # use soa_wire as soa;
    /// use soa::introspection::Introspection;
    /// use soa::{Decimal, SwitchSet, text, value};
    ///
    /// let price = value!({ "type": "decimal" });
    /// let order = value!({ "type": "dictionary", "contents": { "price": price } });
    /// let shop = Introspection::from_value(value!({ "actions": { "order": { "request_schema": order } } }))?;
    /// let schema = shop.request_schema("order", &SwitchSet::new()).ok_or("no such action")?;
    /// let body = text::read(&schema, r#"{"price": "1.10"}"#)?;
    /// assert_eq!(body, value!({ "price": ("1.10".parse::<Decimal>()?) }));
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn request_schema(&self, action: &str, switches: &SwitchSet) -> Option<Schema> {
        let schemas = self.answering(action, switches)?;
        let schema = schemas.request.as_ref().unwrap_or(&Value::Nil);
        Some(Schema::from_introspection(schema))
    }

    /// Returns the schema of the responses of an action: see [`request_schema`](Self::request_schema).
    pub fn response_schema(&self, action: &str, switches: &SwitchSet) -> Option<Schema> {
        let schemas = self.answering(action, switches)?;
        let schema = schemas.response.as_ref().unwrap_or(&Value::Nil);
        Some(Schema::from_introspection(schema))
    }

    /// Checks that the service accepts these requests and could have returned these responses. `Stub::exchanges` returns
    /// those of a stub. Calls that were answered with errors pass, if the service has the action.
    ///
    /// # Errors
    /// If requests or responses do not fit the schemas: all differences.
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
            // A request that was answered with errors need not fit the schema.
            if let Ok(answer) = &exchange.answer {
                side("request", &schemas.request, &exchange.request);
                side("response", &schemas.response, answer);
            }
        }
        // A difference of several calls is reported once.
        let mut reported = HashSet::new();
        drift.retain(|problem| reported.insert(problem.clone()));
        match drift.is_empty() {
            true => Ok(()),
            false => Err(Drift(drift)),
        }
    }

    /// Returns the schemas of the action, or of its variant, that answers calls of a name of another version or of a stub.
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

/// Returns the name of an action without its variant: `find` for `find[switch:5]`.
pub(super) fn plain(name: &str) -> &str {
    name.split_once('[').map_or(name, |(plain, _)| plain)
}

impl Drift {
    /// Returns the differences, in the order of the calls.
    pub fn problems(&self) -> &[String] {
        &self.0
    }
}

impl fmt::Display for Drift {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("the stub differs from the service:")?;
        self.0
            .iter()
            .try_for_each(|problem| write!(f, "\n    {problem}"))
    }
}

impl Error for Drift {}

crate::debug_as_text!(Drift);
