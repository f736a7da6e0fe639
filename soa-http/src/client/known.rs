//! Actions as a typed caller knows them, made once each from their descriptors.

use std::collections::HashMap;
use std::sync::{Arc, OnceLock, PoisonError, RwLock};

use soa_runtime::{ActionDescriptor, ServiceDescriptor};
use soa_wire::text::{Plain, Reading};
use soa_wire::{ActionRequest, Body, Encoding, Map, Value};

use crate::hosted::{Offered, ResultPart};
use crate::protobuf::Call;
use crate::route::RouteForm;

/// The actions that were called.
#[derive(Debug, Default)]
pub(super) struct KnownActions(RwLock<HashMap<(usize, usize), Arc<KnownAction>>>);

/// An action, with its messages and its route once they were needed.
#[derive(Debug)]
pub(super) struct KnownAction {
    pub(super) offered: Arc<Offered>,
    prefix: &'static str,
    protobuf: OnceLock<Result<Call, String>>,
    route: OnceLock<Result<RouteForm, String>>,
}

impl KnownActions {
    /// Finds the action of a call.
    ///
    /// # Errors
    /// The descriptor has no such action, or contradicts itself.
    pub(super) fn find(
        &self,
        service: &'static ServiceDescriptor,
        action: &ActionRequest,
    ) -> Result<Arc<KnownAction>, String> {
        let switch = action.variant.and_then(|variant| variant.switch);
        let is_called =
            |one: &&ActionDescriptor| one.name() == action.action && one.switch() == switch;
        let descriptor = service.actions().iter().find(is_called);
        let descriptor: &'static ActionDescriptor = descriptor
            .ok_or_else(|| format!("the descriptor of `{}` has no such action", service.name()))?;
        // Statics have their addresses for ever. Equal lists of actions of two services may be at one address, but the
        // services have different names.
        let address = (
            std::ptr::from_ref(service).addr(),
            std::ptr::from_ref(descriptor).addr(),
        );
        let known = self.0.read().unwrap_or_else(PoisonError::into_inner);
        if let Some(known) = known.get(&address) {
            return Ok(Arc::clone(known));
        }
        drop(known);
        let action = Arc::new(KnownAction {
            offered: Arc::new(Offered::new(*descriptor)?),
            prefix: service.rest(),
            protobuf: OnceLock::new(),
            route: OnceLock::new(),
        });
        let mut known = self.0.write().unwrap_or_else(PoisonError::into_inner);
        known.insert(address, Arc::clone(&action));
        Ok(action)
    }
}

impl KnownAction {
    /// The messages of protobuf.
    ///
    /// # Errors
    /// A type cannot travel by protobuf.
    pub(super) fn protobuf(&self) -> Result<&Call, String> {
        let call = self.protobuf.get_or_init(|| Call::of(&self.offered));
        call.as_ref().map_err(Clone::clone)
    }

    /// The first route.
    ///
    /// # Errors
    /// There is none, or a field cannot be in it.
    pub(super) fn route(&self) -> Result<&RouteForm, String> {
        let route = self.route.get_or_init(|| {
            let route = self.offered.http().all_routes().first();
            let route = route.ok_or("it has no route, so it cannot be called by REST")?;
            RouteForm::new(&self.offered, self.prefix, route)
        });
        route.as_ref().map_err(Clone::clone)
    }

    /// Makes the body of a response from a result.
    ///
    /// # Errors
    /// The result is not of its type. The text has every field that is wrong.
    pub(super) fn body(
        &self,
        result: Value,
        wrap: impl FnOnce(Value) -> Plain,
    ) -> Result<Body, String> {
        let body = match &self.offered.result {
            ResultPart::Nothing => Value::Map(Map::new()),
            ResultPart::Field(name) => Value::Map(Map::from([(name.as_str(), result)])),
            ResultPart::Whole => result,
        };
        self.read(wrap(body))
    }

    /// Reads the body of a response.
    ///
    /// # Errors
    /// It is not of its type. The text has every field that is wrong.
    pub(super) fn read(&self, body: Plain) -> Result<Body, String> {
        let (body, errors) = body.read_as(&self.offered.response, Reading::ARGUMENTS);
        if errors.is_empty() {
            return Ok(Body::encode(Encoding::MessagePack, &body));
        }
        let errors = errors.into_iter();
        let errors = errors.map(|error| error.into_wire(false).to_string());
        Err(errors.collect::<Vec<_>>().join("; "))
    }
}
