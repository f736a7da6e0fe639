//! The context in which the objects of expansions are fetched.

use std::sync::{Arc, OnceLock};

use tokio::time::Instant;

use super::handle::Client;
use crate::codec::Value;
use crate::message::ContextHeader;

/// A client for the calls that fetch objects. Like calls that a handler chains, they belong to the call that the
/// objects are for: they inherit its context and end at its deadline.
#[derive(Clone, Debug)]
pub(super) struct ExpansionScope {
    pub(super) client: Client,
    /// The values that the caller put into the control header.
    pub(super) control: Vec<(String, Value)>,
}

/// A place where a call that is dispatched leaves the scope for the expansion of its typed response.
pub(super) type ScopeSlot = Arc<OnceLock<ExpansionScope>>;

impl ExpansionScope {
    /// Makes the scope of a call with this context and deadline.
    pub(super) fn new(
        client: &Client,
        context: ContextHeader,
        deadline: Option<Instant>,
        control: Vec<(String, Value)>,
    ) -> Self {
        Self {
            client: client.inheriting(context).until(deadline),
            control,
        }
    }
}
