//! What generated typed clients are made of.

use std::sync::Arc;

use crate::action::Action;
use crate::client::{Call, Client, Route};
use crate::descriptor::ServiceDescriptor;
use crate::message::{ActionRequest, Name};
use crate::transport::{ClientTransport, IntoTransport, Misconfigured};

/// A typed client, as `#[service]` generates it.
pub trait TypedClient: Sized {
    /// What the service offers, as the service or its contract itself says it.
    const DESCRIPTOR: &'static ServiceDescriptor;

    /// A typed client over this untyped one.
    fn from_service_client(client: ServiceClient) -> Self;

    /// A typed client for the service under its own name.
    fn new(client: &Client) -> Self {
        Self::from_service_client(ServiceClient::new(client, Self::DESCRIPTOR.name()))
    }
}

/// A client and the name of the service that it calls: the only field of a generated client.
#[derive(Clone, Debug)]
pub struct ServiceClient {
    client: Client,
    route: Arc<Route>,
}

impl ServiceClient {
    /// Calls the service of this name.
    pub fn new(client: &Client, service: impl Into<Name>) -> Self {
        Self {
            client: client.clone(),
            route: client.route(service.into()),
        }
    }

    /// Calls a service in this process. A service that cannot be served is told by every call.
    pub fn local(service: impl IntoTransport, name: &'static str) -> Self {
        match service.into_transport() {
            Ok(transport) => Self::over(transport, name),
            Err(error) => Self::over(Arc::new(Misconfigured::new(error)), name),
        }
    }

    /// Calls a stub.
    pub fn stubbed(stub: impl ClientTransport, name: &'static str) -> Self {
        Self::over(Arc::new(stub), name)
    }

    fn over(transport: Arc<dyn ClientTransport>, name: &'static str) -> Self {
        let client = Client::builder().shared_transport(name, transport);
        Self::new(&client.finish(), name)
    }

    /// The untyped client behind this one.
    pub fn client(&self) -> &Client {
        &self.client
    }

    /// A call of an action.
    pub fn call<Req, Resp>(&self, action: Action<Req, Resp>, request: Req) -> Call<Resp> {
        let body = (action.request.encode)(self.route.encoding(), &request);
        Call::new(
            self.client.clone(),
            Arc::clone(&self.route),
            ActionRequest::new(action.name(), body)
                .of_variant(action.variant)
                .declared(action.declared),
            action.response.decode,
        )
    }
}
