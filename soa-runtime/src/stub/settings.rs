//! Stubs as data, for the settings of a program and for tests.
//!
//! The form is that of PySOA's `StubClientTransport`, whose `action_map` is `actions` here: for each action a `body` or
//! `errors`.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use schemars::JsonSchema;
use serde::{Deserialize, Deserializer};

use super::handle::Stub;
use crate::codec::{self, Map, Value};
use crate::context::Context;
use crate::error::{ActionError, BuildError, TransportError, TransportErrorKind};
use crate::exchange::ClientRequest;
use crate::message::{Body, JobResponse, Name, ReadText, WireError};
use crate::server::{LocalTransport, Server, is_wire_name};
use crate::transport::{ClientTransport, ReplyFuture};

/// A service that consists of fixed answers: for programs that are tried out without the services that they call.
///
/// It is served in the program's own process and answers like any service, also `status` and `introspect`. Actions that
/// it does not have are answered with the error `UNKNOWN`.
///
/// Dates, decimals, bytes and other types that JSON does not have are written as text, in the form that the command `call`
/// prints. A typed caller reads them by the type of the response. For an untyped caller they stay text.
///
/// ```
/// # mod soa { pub use soa_runtime::*; pub use soa_runtime::stub as testing; }
/// use soa::Client;
/// use soa::testing::StubSettings;
///
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
/// let settings: StubSettings = serde_json::from_str(
///     r#"{ "actions": { "find": { "body": { "name": "Ada" } } } }"#,
/// )?;
/// let client = Client::builder().service("users", settings.transport("users")?).build()?;
/// let user = client.call_action("users", "find", &()).await?;
/// assert_eq!(user.get("name"), Some(&"Ada".into()));
/// # Ok(()) }
/// ```
#[derive(Clone, Debug, Default, PartialEq, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
#[schemars(rename = "Stub")]
#[non_exhaustive]
pub struct StubSettings {
    /// The answer of each action, by its name.
    #[serde(deserialize_with = "named")]
    pub actions: BTreeMap<String, StubbedAction>,
}

/// The answer to calls of one action.
///
/// ```
/// # mod soa { pub use soa_runtime::*; pub use soa_runtime::stub as testing; }
/// use soa::testing::StubbedAction;
///
/// let answer: StubbedAction = serde_json::from_str(r#"{ "body": { "name": "Ada" } }"#)?;
/// assert!(answer.errors.is_empty());
/// # Ok::<(), serde_json::Error>(())
/// ```
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
///
/// ```
/// # mod soa { pub use soa_runtime::*; pub use soa_runtime::stub as testing; }
/// use soa::testing::StubbedError;
///
/// let error: StubbedError = serde_json::from_str(
///     r#"{ "code": "NOT_FOUND", "message": "No such user", "field": "id" }"#,
/// )?;
/// assert!(!error.is_caller_error);
/// # Ok::<(), serde_json::Error>(())
/// ```
#[derive(Clone, Debug, Default, PartialEq, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
#[non_exhaustive]
pub struct StubbedError {
    /// The code, for programs.
    pub code: String,
    /// The message, for people.
    pub message: String,
    /// The path of the field at fault, dotted.
    #[serde(default)]
    pub field: Option<String>,
    /// Internal detail.
    #[serde(default)]
    pub traceback: Option<String>,
    /// The values that belong to the error.
    #[serde(default)]
    pub variables: Option<Map>,
    /// The permissions that the caller lacks.
    #[serde(default)]
    pub denied_permissions: Option<Vec<String>>,
    /// True if the caller is at fault, false if the service is.
    #[serde(default)]
    pub is_caller_error: bool,
}

impl StubSettings {
    /// Builds the service, and returns the transport to it, which reads the answers of typed callers by their types.
    ///
    /// # Errors
    /// An action has an invalid name.
    pub fn transport(&self, service: impl Into<Name>) -> Result<StubTransport, BuildError> {
        Ok(StubTransport {
            actions: Arc::new(self.actions.keys().cloned().collect()),
            local: LocalTransport::new(self.server(service)?),
        })
    }

    /// Builds the service. Its answers are those of the settings: what is written as text is text. See
    /// [`transport`](Self::transport).
    ///
    /// # Errors
    /// An action has an invalid name.
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

/// The transport to a stub of settings, whose answers are written as text. Made by [`StubSettings::transport`].
#[derive(Clone, Debug)]
pub struct StubTransport {
    /// The stubbed actions. The others, such as `status`, have types of their own.
    actions: Arc<BTreeSet<String>>,
    local: LocalTransport,
}

impl ClientTransport for StubTransport {
    fn call(&self, request: ClientRequest) -> ReplyFuture {
        let actions = request.job.actions.iter();
        let readers: Vec<Option<ReadText>> = actions.map(|action| action.read_text).collect();
        let (stubbed, service) = (Arc::clone(&self.actions), request.service.clone());
        let reply = self.local.call(request);
        ReplyFuture::new(async move {
            let mut response: JobResponse = reply.await?;
            for (answer, reader) in response.actions.iter_mut().zip(readers) {
                let Some(reader) = reader else { continue };
                if !answer.errors.is_empty() || !stubbed.contains(&*answer.action) {
                    continue;
                }
                let body = answer.body.to_value().map_err(|error| error.to_string());
                let read = body.and_then(reader.all).map_err(|problems| {
                    let action = &answer.action;
                    let message = format!(
                        "the body of action `{action}` in the stub of service `{service}` does not fit its \
                         type:\n{problems}"
                    );
                    TransportError::new(TransportErrorKind::Misconfigured, message)
                })?;
                answer.body = Body::encode(answer.body.encoding(), &read);
            }
            Ok(response)
        })
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
    /// Returns a stub with fixed answers: each action has a `body`, `{}` by default, or `errors`.
    ///
    /// This is the `action_map` of PySOA's `StubClientTransport`, and `actions` of [`StubSettings`].
    ///
    /// ```
    /// # mod soa { pub use soa_runtime::*; pub use soa_runtime::stub as testing; }
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
    /// The value is not a map of such maps; the message contains the place.
    pub fn from_actions(actions: &Value) -> Result<Self, BuildError> {
        let Some(actions) = actions.as_map() else {
            let kind = actions.kind_name();
            let message = format!("expected a map of the actions of a stub, not {kind}");
            return Err(BuildError::new(message));
        };
        actions
            .iter()
            .try_fold(Self::new(), |stub, (name, answer)| {
                let Some(name) = name.as_str() else {
                    let kind = name.kind_name();
                    return Err(BuildError::new(format!(
                        "expected a text as the name of an action, not {kind}"
                    )));
                };
                if !is_wire_name(name) {
                    return Err(BuildError::new(no_name(name)));
                }
                let answer: StubbedAction = codec::from_value_ref(answer).map_err(|error| {
                    BuildError::new(format!("action `{name}` of a stub: {error}"))
                })?;
                Ok(stub.on_action(name.to_owned(), move |_| answer.answer()))
            })
    }
}

/// Deserializes a map of actions and checks their names.
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
        "invalid name of an action `{name}`: expected a letter, and then letters, digits, `_`, `-` and `.`"
    )
}
