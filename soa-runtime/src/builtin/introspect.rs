//! `introspect`: the description of a service, as data.

use std::collections::BTreeMap;
use std::sync::Arc;

use garde::Validate;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::offer::{Offer, Offered};
use crate::action::Action;
use crate::codec::{Nullable, Value};
use crate::context::{ActionCall, ActionFuture};
use crate::error::ActionError;
use crate::message::{Name, code};
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

impl From<&Offered> for Introspected {
    fn from(offered: &Offered) -> Self {
        let schema = |schema: Option<fn() -> Arc<crate::schema::Schema>>| {
            schema.and_then(|schema| schema().introspect()).into()
        };
        Self {
            documentation: offered.documentation.map(str::to_owned).into(),
            request_schema: schema(offered.request),
            response_schema: schema(offered.response),
        }
    }
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
        return BTreeMap::from([(name.to_owned(), offered.into())]);
    }
    let of_action = |action: &str| -> BTreeMap<String, Introspected> {
        let actions = offer.actions.iter();
        actions
            .filter(|(_, offered)| offered.action == action)
            .map(|(shown, offered)| (shown.to_string(), offered.into()))
            .collect()
    };
    let variants = of_action(name);
    if !variants.is_empty() {
        return variants;
    }
    match name.split_once('[') {
        Some((action, suffix)) if is_suffix(suffix) => match offer.actions.get(action) {
            Some(offered) => BTreeMap::from([(name.to_owned(), offered.into())]),
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
    let told = |(name, offered): (&Name, &Offered)| (name.to_string(), offered.into());
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
