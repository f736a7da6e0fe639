//! A client as the source of introspections.

use soa_wire::introspection::{Introspection, IntrospectionSource};

use super::Client;
use crate::error::ClientError;
use crate::message::Name;

impl IntrospectionSource for Client {
    type Error = ClientError;

    async fn introspect(&self, service: Name) -> Result<Introspection, ClientError> {
        let call = self.call_action(service.clone(), "introspect", &());
        let answer = call.await?;
        Introspection::from_value(answer)
            .map_err(|error| ClientError::protocol(&service, error.to_string()))
    }
}
