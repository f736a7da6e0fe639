//! Stubs as data: in the settings of a program, and in tests that have such data.
//!
//! The form is that of PySOA's `StubClientTransport`, whose `action_map` is `actions` here: for each action a `body` or
//! `errors`.

use std::collections::BTreeMap;
use std::sync::Arc;

use schemars::JsonSchema;
use serde::{Deserialize, Deserializer};

use super::Stub;
use crate::codec::{self, Map, Value};
use crate::context::Context;
use crate::error::{ActionError, BuildError};
use crate::message::{Name, WireError};
use crate::server::{Server, is_wire_name};

/// A service that is nothing but answers: for programs that are tried out without the services that they call.
///
/// It is served in the program's own process and answers as any service does, also `status` and `introspect`. Actions that
/// it does not have are answered with the error `UNKNOWN`.
#[derive(Clone, Debug, Default, PartialEq, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
#[schemars(rename = "Stub")]
#[non_exhaustive]
pub struct StubSettings {
    /// What each action answers, by its name.
    #[serde(deserialize_with = "named")]
    pub actions: BTreeMap<String, StubbedAction>,
}

/// What calls of one action are answered with.
#[derive(Clone, Debug, Default, PartialEq, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
#[non_exhaustive]
pub struct StubbedAction {
    /// The response, unless there are errors.
    pub body: Map,
    /// Errors in place of a response.
    pub errors: Vec<StubbedError>,
}

/// An error that a stub answers.
#[derive(Clone, Debug, Default, PartialEq, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
#[non_exhaustive]
pub struct StubbedError {
    /// What went wrong, for programs.
    pub code: String,
    /// What went wrong, for people.
    pub message: String,
    /// The path of the field at fault, dotted.
    #[serde(default)]
    pub field: Option<String>,
    /// Internal detail.
    #[serde(default)]
    pub traceback: Option<String>,
    /// Values that belong to the error.
    #[serde(default)]
    pub variables: Option<Map>,
    /// The permissions that the caller lacks.
    #[serde(default)]
    pub denied_permissions: Option<Vec<String>>,
    /// Whether the caller is at fault, rather than the service.
    #[serde(default)]
    pub is_caller_error: bool,
}

impl StubSettings {
    /// The service that answers so.
    ///
    /// # Errors
    /// A name of an action that no action can have.
    pub fn server(&self, service: impl Into<Name>) -> Result<Server, BuildError> {
        let server = Server::untyped(service, "stub");
        let actions = self.actions.iter();
        let server = actions.fold(server, |server, (name, answer)| {
            let answer = Arc::new(answer.clone());
            server.action(name.clone(), move |_: Value, _: Context| {
                let answer = answer.answer();
                async move { answer }
            })
        });
        server.build()
    }
}

impl StubbedAction {
    fn answer(&self) -> Result<Value, ActionError> {
        match self.errors.as_slice() {
            [] => Ok(Value::Map(self.body.clone())),
            errors => {
                let errors = errors.iter().map(StubbedError::on_the_wire).collect();
                Err(ActionError::from_errors(errors))
            }
        }
    }
}

impl StubbedError {
    fn on_the_wire(&self) -> WireError {
        let mut error = WireError::server(self.code.clone(), self.message.clone());
        error.field.clone_from(&self.field);
        error.traceback.clone_from(&self.traceback);
        error.variables.clone_from(&self.variables);
        error
            .denied_permissions
            .clone_from(&self.denied_permissions);
        error.is_caller_error = self.is_caller_error;
        error
    }
}

impl Stub {
    /// A stub that answers each action with what is written down for it: a `body`, `{}` by default, or `errors`.
    ///
    /// This is the `action_map` of PySOA's `StubClientTransport`, and `actions` of [`StubSettings`].
    ///
    /// ```
    /// # use soa_runtime as soa;
    /// use soa::testing::Stub;
    /// use soa::value;
    ///
    /// let stub = Stub::from_actions(&value!({
    ///     "find": { "body": { "name": "Ada" } },
    ///     "remove": { "errors": [{ "code": "NOT_FOUND", "message": "No such user", "field": "id" }] },
    /// }))?;
    /// # Ok::<(), soa::BuildError>(())
    /// ```
    ///
    /// # Errors
    /// What is not a map of such maps, with the place.
    pub fn from_actions(actions: &Value) -> Result<Self, BuildError> {
        let Some(actions) = actions.as_map() else {
            let kind = actions.kind_name();
            let message = format!("the actions of a stub should be a map, not {kind}");
            return Err(BuildError::new(message));
        };
        actions
            .iter()
            .try_fold(Self::new(), |stub, (name, answer)| {
                let Some(name) = name.as_str() else {
                    let kind = name.kind_name();
                    return Err(BuildError::new(format!(
                        "an action's name is text, not {kind}"
                    )));
                };
                if !is_wire_name(name) {
                    return Err(BuildError::new(no_name(name)));
                }
                let answer: StubbedAction = codec::from_value_ref(answer)
                    .map_err(|error| BuildError::new(format!("`{name}` of a stub: {error}")))?;
                Ok(stub.on_action(name.to_owned(), move |_| answer.answer()))
            })
    }
}

/// Actions whose names can be those of actions.
fn named<'de, D, T>(deserializer: D) -> Result<BTreeMap<String, T>, D::Error>
where
    D: Deserializer<'de>,
    T: Deserialize<'de>,
{
    let actions = BTreeMap::<String, T>::deserialize(deserializer)?;
    match actions.keys().find(|name| !is_wire_name(name)) {
        None => Ok(actions),
        Some(name) => Err(serde::de::Error::custom(no_name(name))),
    }
}

fn no_name(name: &str) -> String {
    format!(
        "`{name}` is no name of an action: expected a letter, and then letters, digits, `_`, `-` and `.`"
    )
}
