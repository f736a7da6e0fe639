//! The handlers of actions, as entries of the registry.

use std::sync::{Arc, OnceLock};
use std::time::Duration;

use soa_wire::declared::Declared;

use crate::action::Action;
use crate::codec::Value;
use crate::context::{ActionCall, ActionFuture, Context};
use crate::error::{ActionError, IntoActionError};
use crate::message::{Body, SwitchSet, code};
use crate::schema::{Schema, depth_of};
use crate::service::{Handler, Service, run};

/// An action of a service.
pub(super) struct Typed<S> {
    pub(super) service: Arc<S>,
    pub(super) run: fn(Arc<S>, ActionCall) -> ActionFuture,
    pub(super) declared: &'static Declared,
    pub(super) timeout: Option<Duration>,
    pub(super) request_schema: fn() -> Arc<Schema>,
    /// The factor by which each level of a request multiplies the work of reading it, once it is known.
    pub(super) branches: OnceLock<usize>,
}

/// The greatest number of bytes that serde may try to read for one request: a fraction of a second.
const MAX_WORK: usize = 20_000_000;

impl<S> Typed<S> {
    /// Returns the error of a request that would take too long to decode, as its type contains itself several times.
    fn too_deep(&self, body: &Body) -> Option<ActionError> {
        let branches = *self
            .branches
            .get_or_init(|| (self.request_schema)().branches());
        if branches < 2 || body.is_held() {
            return None;
        }
        let bytes = body.bytes().ok()?.len();
        let depth = depth_of(&body.to_value().ok()?);
        let work = branches.saturating_pow(depth).saturating_mul(bytes);
        (work > MAX_WORK).then(|| {
            let message = format!(
                "The body is too large for its {depth} levels of lists and maps: this request takes fewer levels or less content"
            );
            ActionError::caller(code::INVALID, message)
        })
    }
}

impl<S: Service> Handler for Typed<S> {
    fn timeout(&self, _call: &ActionCall) -> Option<Duration> {
        self.timeout
    }

    fn missing_permissions(&self, call: &ActionCall, missing: &mut Vec<String>) {
        let required = self.declared.required_permissions().iter().copied();
        find_missing(required, call, missing);
    }

    fn is_idempotent(&self, _switches: &SwitchSet) -> bool {
        self.declared.is_idempotent()
    }

    fn crash_limit(&self, _switches: &SwitchSet) -> Option<u8> {
        self.declared.crashes()
    }

    fn call(&self, call: ActionCall) -> ActionFuture {
        if let Some(error) = self.too_deep(&call.body) {
            return Box::pin(std::future::ready(Err(error)));
        }
        (self.run)(Arc::clone(&self.service), call)
    }
}

/// Adds the required permissions that the caller does not have. A caller without an identity has none.
fn find_missing<'a>(
    required: impl Iterator<Item = &'a str>,
    call: &ActionCall,
    missing: &mut Vec<String>,
) {
    let identity = call.context.identity();
    for permission in required {
        if !identity.is_some_and(|identity| identity.has(permission))
            && !missing.iter().any(|known| known == permission)
        {
            missing.push(permission.to_owned());
        }
    }
}

/// An action that requires permissions which the builder of the server has named.
pub(super) struct Guarded {
    pub(super) handler: Arc<dyn Handler>,
    pub(super) required: Vec<String>,
}

impl Handler for Guarded {
    fn missing_permissions(&self, call: &ActionCall, missing: &mut Vec<String>) {
        self.handler.missing_permissions(call, missing);
        find_missing(self.required.iter().map(String::as_str), call, missing);
    }

    fn timeout(&self, call: &ActionCall) -> Option<Duration> {
        self.handler.timeout(call)
    }

    fn is_idempotent(&self, switches: &SwitchSet) -> bool {
        self.handler.is_idempotent(switches)
    }

    fn crash_limit(&self, switches: &SwitchSet) -> Option<u8> {
        self.handler.crash_limit(switches)
    }

    fn may_be_idempotent(&self) -> bool {
        self.handler.may_be_idempotent()
    }

    fn call(&self, call: ActionCall) -> ActionFuture {
        self.handler.call(call)
    }
}

/// An action that the builder of the server has declared idempotent.
pub(super) struct Idempotent(pub(super) Arc<dyn Handler>);

impl Handler for Idempotent {
    fn missing_permissions(&self, call: &ActionCall, missing: &mut Vec<String>) {
        self.0.missing_permissions(call, missing);
    }

    fn timeout(&self, call: &ActionCall) -> Option<Duration> {
        self.0.timeout(call)
    }

    fn is_idempotent(&self, _switches: &SwitchSet) -> bool {
        true
    }

    fn crash_limit(&self, switches: &SwitchSet) -> Option<u8> {
        self.0.crash_limit(switches)
    }

    fn call(&self, call: ActionCall) -> ActionFuture {
        self.0.call(call)
    }
}

/// An action that was registered by name.
pub(super) struct Untyped<F>(pub(super) Arc<F>);

impl<F, Fut, E> Handler for Untyped<F>
where
    F: Fn(Value, Context) -> Fut + Send + Sync + 'static,
    Fut: Future<Output = Result<Value, E>> + Send + 'static,
    E: IntoActionError + 'static,
{
    fn call(&self, call: ActionCall) -> ActionFuture {
        let handler = Arc::clone(&self.0);
        run(Action::<Value, Value>::new(""), call, move |body, cx| {
            handler(body, cx)
        })
    }
}
