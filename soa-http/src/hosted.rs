//! The services behind the doors, and what each of their actions is over HTTP.

use std::collections::HashMap;
use std::sync::Arc;

use soa_runtime::{ActionDescriptor, Channel, Server};
use soa_wire::declared::{HttpDeclared, ResultForm};
use soa_wire::schema::{Field, NodeKind, Schema};
use soa_wire::text::Shape;
use soa_wire::{BuildError, Name, SwitchSet, Value};

/// A service, with the actions that it declares.
#[derive(Debug)]
pub(crate) struct Hosted {
    pub(crate) server: Server,
    /// The name of its component.
    pub(crate) component: Name,
    /// The channels of its component.
    channels: Arc<[Channel]>,
    /// By the name that `introspect` shows, as each variant of an action has its own types.
    actions: HashMap<Name, Arc<Offered>>,
    /// In the order of their declaration.
    order: Vec<Arc<Offered>>,
}

/// An action, or a variant of one.
#[derive(Debug)]
pub(crate) struct Offered {
    pub(crate) descriptor: ActionDescriptor,
    pub(crate) request: Arc<Schema>,
    pub(crate) response: Arc<Schema>,
    pub(crate) result: ResultPart,
}

/// The part of a response that is the result.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum ResultPart {
    /// The response has no fields, so the result is null.
    Nothing,
    Whole,
    Field(String),
}

impl Hosted {
    /// # Errors
    /// An action declares a result that its response does not have.
    pub(crate) fn new(
        server: Server,
        component: Name,
        channels: Arc<[Channel]>,
    ) -> Result<Self, BuildError> {
        let mut actions = HashMap::new();
        let mut order = Vec::new();
        for descriptor in server
            .descriptor()
            .into_iter()
            .flat_map(|one| one.actions())
        {
            let offered = Offered::new(*descriptor);
            let offered = offered.map_err(|problem| {
                let (service, action) = (server.name(), descriptor.shown_name());
                BuildError::new(format!("action `{service}.{action}`: {problem}"))
            })?;
            let offered = Arc::new(offered);
            order.push(Arc::clone(&offered));
            actions.insert(descriptor.shown_name(), offered);
        }
        Ok(Self {
            server,
            component,
            channels,
            actions,
            order,
        })
    }

    /// True if the service can be called by this channel.
    pub(crate) fn offers(&self, channel: Channel) -> bool {
        self.channels.contains(&channel)
    }

    /// Returns all actions and variants, in the order of their declaration.
    pub(crate) fn offered(&self) -> &[Arc<Offered>] {
        &self.order
    }

    /// Returns the action, or the variant of it, that answers under these switches. `None` for one that is registered by
    /// name.
    pub(crate) fn answering(&self, action: &str, switches: &SwitchSet) -> Option<&Arc<Offered>> {
        let descriptor = self.server.answering(action, switches)?;
        self.actions.get(&descriptor.shown_name())
    }
}

impl Offered {
    /// # Errors
    /// The chosen result is no field of the response.
    pub(crate) fn new(descriptor: ActionDescriptor) -> Result<Self, String> {
        let response = descriptor.response_schema();
        let result = result_part(descriptor.declared().for_http().result_form(), &response)?;
        Ok(Self {
            descriptor,
            request: descriptor.request_schema(),
            response,
            result,
        })
    }

    pub(crate) fn name(&self) -> &'static str {
        self.descriptor.name()
    }

    pub(crate) fn http(&self) -> &'static HttpDeclared {
        self.descriptor.declared().for_http()
    }

    /// Returns the fields of the request, in the order of their declaration; `None` if it is not a struct.
    pub(crate) fn arguments(&self) -> Option<&[Field]> {
        self.request.fields()
    }

    /// Returns the result in a response.
    pub(crate) fn result(&self, response: Value, shape: Shape) -> Value {
        match (&self.result, shape.of(&self.response, response)) {
            (ResultPart::Nothing, _) => Value::Nil,
            (ResultPart::Field(name), Value::Map(mut map)) => {
                map.remove(name).unwrap_or(Value::Nil)
            }
            (_, response) => response,
        }
    }

    /// True if a result of nil is one.
    pub(crate) fn result_may_be_nil(&self) -> bool {
        let Some(field) = self.result_field() else {
            return true;
        };
        let node = self.response.resolve(&field.node);
        let takes_nil = node.is_none_or(|node| {
            matches!(
                node.kind,
                NodeKind::Nullable(_) | NodeKind::Nil | NodeKind::Anything
            )
        });
        field.is_option || takes_nil
    }

    /// Returns the field that is the result; `None` if the whole response is, or nothing.
    pub(crate) fn result_field(&self) -> Option<&Field> {
        let ResultPart::Field(name) = &self.result else {
            return None;
        };
        let mut fields = self.response.fields()?.iter();
        fields.find(|field| field.written_name() == name)
    }
}

/// Chooses the part of a response that is the result.
fn result_part(form: ResultForm, response: &Schema) -> Result<ResultPart, String> {
    let root = response.resolve(response.root()).map(|node| &node.kind);
    let fields = match root {
        Some(NodeKind::Dictionary { fields, .. }) => fields.as_slice(),
        _ => {
            return match form {
                ResultForm::Field(name) => Err(format!(
                    "`result = {name}`, but the response is not a struct"
                )),
                _ => Ok(ResultPart::Whole),
            };
        }
    };
    match (form, fields) {
        (ResultForm::Whole, _) => Ok(ResultPart::Whole),
        (ResultForm::Unwrapped, []) => Ok(ResultPart::Nothing),
        (ResultForm::Unwrapped, [only]) => Ok(ResultPart::Field(only.written_name().to_owned())),
        (ResultForm::Unwrapped, _) => Ok(ResultPart::Whole),
        (ResultForm::Field(name), fields) => {
            match fields.iter().any(|field| field.written_name() == name) {
                true => Ok(ResultPart::Field(name.to_owned())),
                false => {
                    let known: Vec<&str> = fields.iter().map(Field::written_name).collect();
                    let known = known.join("`, `");
                    Err(format!("`result = {name}`, but the response has `{known}`"))
                }
            }
        }
    }
}
