//! `introspect`: the description of a service, as data.
//!
//! The keys are those of the reference. What it does not have (errors, permissions, limits) is under the key `action` of the
//! schema of a request, where its tools do not look, and where its schema of the response allows anything. What the service
//! declares for all actions is under `service` in the schema of the requests of `introspect` itself.

use std::collections::BTreeMap;
use std::sync::Arc;

use garde::Validate;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use soa_wire::introspection::declarations;

use super::offer::{Offer, Offered};
use crate::action::Action;
use crate::codec::{Encoding, Map, Nullable, Value};
use crate::context::{ActionCall, ActionFuture};
use crate::error::ActionError;
use crate::message::{Body, Name, SwitchSet, code};
use crate::service::{Handler, run};

pub(super) const NAME: &str = "introspect";

pub(super) const DOCUMENTATION: &str = "The documentation of the service and, for each of its actions or for \
     the one that is asked for, the documentation and the schemas of its request and response.";

pub(super) const ACTION: Action<IntrospectRequest, IntrospectResponse> = Action::new(NAME);

#[derive(Debug, Default, Serialize, Deserialize, Validate, JsonSchema)]
#[serde(deny_unknown_fields)]
#[garde(allow_unvalidated)]
pub(super) struct IntrospectRequest {
    /// The action to describe; all by default
    #[garde(length(min = 1))]
    action_name: Option<String>,
}

#[derive(Debug, Serialize, Deserialize, Validate, JsonSchema)]
#[serde(deny_unknown_fields)]
#[garde(allow_unvalidated)]
pub(super) struct IntrospectResponse {
    /// The documentation of the service, unless one action was asked for
    documentation: Option<Nullable<String>>,
    /// The names of the actions in `actions`, sorted
    action_names: Vec<String>,
    /// The description of each action
    actions: BTreeMap<String, Introspected>,
}

#[derive(Debug, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
struct Introspected {
    /// The documentation of the action
    documentation: Nullable<String>,
    /// The schema of its request
    request_schema: Nullable<Value>,
    /// The schema of its response
    response_schema: Nullable<Value>,
}

/// The key of what an action declares. The reference's schema of this response has no place for further keys, except inside
/// of the schemas that are told.
const DECLARED_KEY: &str = "action";

/// The key of what the service itself declares, in the schema of the requests of `introspect`.
const SERVICE_KEY: &str = "service";

/// Describes what an action declares; the map is empty if that is nothing.
fn declared(offer: &Offer, offered: &Offered) -> Map {
    let of_builder = offer.required.get(&offered.action).cloned();
    declarations(
        offered.descriptor.as_ref(),
        of_builder.into_iter().flatten().collect(),
    )
}

fn describe(offer: &Offer, offered: &Offered) -> Introspected {
    let mut request = offered.request.and_then(|schema| schema().introspect());
    let declared = declared(offer, offered);
    if !declared.is_empty() {
        // Nil allows anything, too.
        let anything = || Value::Map(Map::from([("type", "anything")]));
        if let Value::Map(request) = request.get_or_insert_with(anything) {
            request.insert(DECLARED_KEY, declared);
        }
    }
    if offered.action == NAME
        && !offer.calls.is_empty()
        && let Some(Value::Map(request)) = &mut request
    {
        let calls = offer.calls.iter().map(|service| Value::from(*service));
        let service = Map::from([("calls", calls.collect::<Value>())]);
        request.insert(SERVICE_KEY, service);
    }
    Introspected {
        documentation: offered.documentation.map(str::to_owned).into(),
        request_schema: request.into(),
        response_schema: offered
            .response
            .and_then(|schema| schema().introspect_written())
            .into(),
    }
}

/// The descriptions of all actions, by which two servers can be compared.
pub(crate) fn all_described(offer: &Offer) -> Body {
    let actions = offer.actions.iter();
    let described = actions.map(|(shown, offered)| (shown.to_string(), describe(offer, offered)));
    let described: BTreeMap<String, Introspected> = described.collect();
    Body::encode(Encoding::MessagePack, &described)
}

pub(super) struct Introspect {
    offer: Arc<Offer>,
}

impl Introspect {
    pub(super) fn new(offer: Arc<Offer>) -> Self {
        Self { offer }
    }
}

impl Handler for Introspect {
    fn is_idempotent(&self, _switches: &SwitchSet) -> bool {
        true
    }

    fn call(&self, call: ActionCall) -> ActionFuture {
        let offer = Arc::clone(&self.offer);
        run(ACTION, call, |request, _cx| async move {
            introspect(&offer, request.action_name)
        })
    }
}

/// Finds the actions of a name: one action, one variant of an action (`name[switch:N]`, `name[DEFAULT]`), or all
/// variants of one.
///
/// As in the reference, an action without variants is found under a variant's name too, and shown under the name
/// that was asked for.
fn find(offer: &Offer, name: &str) -> BTreeMap<String, Introspected> {
    if let Some(offered) = offer.actions.get(name) {
        return BTreeMap::from([(name.to_owned(), describe(offer, offered))]);
    }
    let of_action = |action: &str| -> BTreeMap<String, Introspected> {
        let actions = offer.actions.iter();
        actions
            .filter(|(_, offered)| offered.action == action)
            .map(|(shown, offered)| (shown.to_string(), describe(offer, offered)))
            .collect()
    };
    let variants = of_action(name);
    if !variants.is_empty() {
        return variants;
    }
    match name.split_once('[') {
        Some((action, suffix)) if is_suffix(suffix) => match offer.actions.get(action) {
            Some(offered) => BTreeMap::from([(name.to_owned(), describe(offer, offered))]),
            None => BTreeMap::new(),
        },
        _ => BTreeMap::new(),
    }
}

/// Returns true for the text after `[` in the name of a variant.
fn is_suffix(text: &str) -> bool {
    let number = text
        .strip_prefix("switch:")
        .and_then(|rest| rest.strip_suffix(']'));
    let is_number =
        |number: &str| !number.is_empty() && number.bytes().all(|digit| digit.is_ascii_digit());
    text == "DEFAULT]" || number.is_some_and(is_number)
}

fn introspect(
    offer: &Offer,
    action_name: Option<String>,
) -> Result<IntrospectResponse, ActionError> {
    let told = |(name, offered): (&Name, &Offered)| (name.to_string(), describe(offer, offered));
    let (documentation, actions): (_, BTreeMap<String, Introspected>) = match action_name {
        None => (
            Some(offer.documentation.map(str::to_owned).into()),
            offer.actions.iter().map(told).collect(),
        ),
        Some(name) => {
            let actions = find(offer, &name);
            if actions.is_empty() {
                return Err(
                    ActionError::caller(code::INVALID, "Action not defined in service")
                        .field("action_name"),
                );
            }
            (None, actions)
        }
    };
    Ok(IntrospectResponse {
        documentation,
        action_names: actions.keys().cloned().collect(),
        actions,
    })
}
