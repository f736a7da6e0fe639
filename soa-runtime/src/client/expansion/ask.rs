//! The calls that fetch objects: like calls that a handler chains, they belong to the one that they are for.

use std::sync::Arc;

use tokio::time::Instant;

use crate::client::call::Outcomes;
use crate::client::{CallOptions, Client, Route, Sent};
use crate::codec::Value;
use crate::error::{ClientError, ErrorKind};
use crate::message::{ActionRequest, Body, ContextHeader, Name};
use crate::redact;

/// How much is logged of why objects stay away.
const REASON_LENGTH: usize = 1024;

/// Makes the calls of all rounds.
#[derive(Clone, Debug)]
pub(in crate::client) struct Asker {
    client: Client,
    /// What the caller put into the control header.
    control: Vec<(String, Value)>,
}

impl Asker {
    /// `context` is that of the call that the objects are for, and `deadline` its end.
    pub(in crate::client) fn new(
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

    pub(super) fn route(&self, service: &Name) -> Arc<Route> {
        self.client.route(service.clone())
    }

    /// The body of the response.
    ///
    /// # Errors
    /// Whatever keeps it from being there. See [`is_answer`] for what services answer.
    pub(super) async fn ask(
        &self,
        route: Arc<Route>,
        request: ActionRequest,
    ) -> Result<Body, ClientError> {
        let service = route.service.clone();
        let options = CallOptions {
            control: self.control.clone(),
            ..CallOptions::default()
        };
        let dispatched = self.client.dispatch(
            route,
            vec![request],
            Some(Box::new(options)),
            Sent::unwatched(),
        )?;
        Outcomes::new(&service, dispatched.await?)?.next(|body| Ok(body.clone()))
    }

    /// Logs why objects stay away.
    pub(super) fn log(&self, error: &ClientError) {
        tracing::warn!(
            correlation_id = &*redact::name(&self.client.base_context().correlation_id),
            reason = redact::chain(error, REASON_LENGTH),
            "the objects of an expansion are left out"
        );
    }
}

/// Whether a service has answered with errors. An expansion may do without its objects then.
pub(super) fn is_answer(error: &ClientError) -> bool {
    matches!(error.kind(), ErrorKind::Action | ErrorKind::Job)
}
