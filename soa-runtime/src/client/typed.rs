//! The base of generated typed clients.

use std::sync::Arc;

use super::call::Call;
use super::handle::Client;
use super::route::Route;
use crate::action::Action;
use crate::descriptor::ServiceDescriptor;
use crate::message::{ActionRequest, Name};
use crate::transport::{ClientTransport, IntoTransport, Misconfigured};

/// A typed client, as `#[service]` generates it.
pub trait TypedClient: Sized {
    /// The descriptor of the service, from the service or its contract.
    const DESCRIPTOR: &'static ServiceDescriptor;

    /// Returns a typed client over this untyped one.
    fn from_service_client(client: ServiceClient) -> Self;

    /// Returns a typed client for the service under its own name.
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
    /// Returns a client for the service of this name.
    pub fn new(client: &Client, service: impl Into<Name>) -> Self {
        Self {
            client: client.clone(),
            route: client.route(service.into()),
        }
    }

    /// Returns a client for a service in this process. A service that cannot be built is the error of every call.
    pub fn local(service: impl IntoTransport, name: &'static str) -> Self {
        match service.into_transport() {
            Ok(transport) => Self::over(transport, name),
            Err(error) => Self::over(Arc::new(Misconfigured::new(error)), name),
        }
    }

    /// Returns a client for a stub.
    pub fn stubbed(stub: impl ClientTransport, name: &'static str) -> Self {
        Self::over(Arc::new(stub), name)
    }

    fn over(transport: Arc<dyn ClientTransport>, name: &'static str) -> Self {
        let client = Client::builder().shared_transport(name, transport);
        Self::new(&client.finish(), name)
    }

    /// Returns the untyped client.
    pub fn client(&self) -> &Client {
        &self.client
    }

    /// Makes a call of an action.
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
