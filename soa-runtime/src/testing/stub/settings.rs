//! Stubs as data, in the form that PySOA's settings have for its stub transport.

use super::Stub;
use crate::codec::{Map, Value};
use crate::error::{ActionError, BuildError};
use crate::message::WireError;

impl Stub {
    /// A stub that answers each action with what is written down for it: a `body`, `{}` by default, or `errors`.
    ///
    /// This is the `action_map` of PySOA's `StubClientTransport`. Unlike there, an error that names no
    /// `is_caller_error` is the service's fault, as on the wire.
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
        let actions = map(actions, "the actions of a stub")?;
        actions.iter().try_fold(Self::new(), |stub, (name, spec)| {
            let name = name.as_str().ok_or_else(|| {
                BuildError::new(format!(
                    "an action's name is text, not {}",
                    name.kind_name()
                ))
            })?;
            let spec = map(spec, &format!("`{name}`"))?;
            let known = |key: &Value| matches!(key.as_str(), Some("body" | "errors"));
            if let Some((key, _)) = spec.iter().find(|(key, _)| !known(key)) {
                let message = format!("`{name}` of a stub has `body` and `errors`, not {key:?}");
                return Err(BuildError::new(message));
            }
            let body = match spec.get("body") {
                None => Map::new(),
                Some(body) => map(body, &format!("`{name}.body`"))?.clone(),
            };
            let errors: Vec<WireError> = match spec.get("errors") {
                None => Vec::new(),
                Some(Value::List(errors)) => errors.iter().map(WireError::from_value).collect(),
                Some(other) => {
                    let kind = other.kind_name();
                    let message = format!("`{name}.errors` of a stub is a list, not {kind}");
                    return Err(BuildError::new(message));
                }
            };
            Ok(
                stub.on_action(name.to_owned(), move |_| match errors.is_empty() {
                    true => Ok(Value::Map(body.clone())),
                    false => Err(ActionError::from_errors(errors.clone())),
                }),
            )
        })
    }
}

fn map<'a>(value: &'a Value, what: &str) -> Result<&'a Map, BuildError> {
    let kind = value.kind_name();
    let error = || BuildError::new(format!("{what} should be a map, not {kind}"));
    value.as_map().ok_or_else(error)
}
