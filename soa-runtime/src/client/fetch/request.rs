//! The requests that fetch objects.

use std::sync::Arc;

use crate::client::options::CallOptions;
use crate::client::outcome::Outcomes;
use crate::client::route::Route;
use crate::client::scope::ExpansionScope;
use crate::client::transmit::StartedCall;
use crate::error::{ClientError, ErrorKind};
use crate::exchange::Sent;
use crate::message::{ActionRequest, Body, Name};
use crate::redact;

/// The maximum number of bytes that are logged of the reason why objects are missing.
const REASON_LENGTH: usize = 1024;

impl ExpansionScope {
    /// Returns the route to a service.
    pub(super) fn route(&self, service: &Name) -> Arc<Route> {
        self.client.route(service.clone())
    }

    /// Sends a request for objects and returns the body of the response.
    ///
    /// # Errors
    /// All errors of a call. See [`is_answer`] for those that the service answered.
    pub(super) async fn request(
        &self,
        route: Arc<Route>,
        request: ActionRequest,
    ) -> Result<Body, ClientError> {
        let service = route.service.clone();
        let options = CallOptions {
            control: self.control.clone(),
            ..CallOptions::default()
        };
        let call = self
            .client
            .prepare(&route, vec![request], Some(Box::new(options)))?;
        let reply =
            StartedCall::new(route.into(), call, Sent::unwatched()).transmit(&self.client)?;
        Outcomes::new(&service, reply.await?)?.next(|body| Ok(body.clone()))
    }

    /// Logs why objects are missing.
    pub(super) fn log(&self, error: &ClientError) {
        tracing::warn!(
            correlation_id = &*redact::name(&self.client.base_context().correlation_id),
            reason = redact::chain(error, REASON_LENGTH),
            "an expansion failed: its objects are left out"
        );
    }
}

/// Returns true if a service has answered with errors. An expansion may do without its objects then.
pub(super) fn is_answer(error: &ClientError) -> bool {
    matches!(error.kind(), ErrorKind::Action | ErrorKind::Job)
}
