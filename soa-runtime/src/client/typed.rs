//! What generated typed clients are made of.

use std::sync::Arc;

use crate::action::Action;
use crate::client::{Call, Client, Route};
use crate::descriptor::ServiceDescriptor;
use crate::message::{ActionRequest, Name};
use crate::server::IntoServer;
use crate::testing::Stub;
use crate::transport::LocalTransport;

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
    pub fn local(server: impl IntoServer, service: &'static str) -> Self {
        let builder = Client::builder();
        let builder = match server.into_server() {
            Ok(server) => builder.service(service, LocalTransport::new(server)),
            Err(error) => builder.service(service, crate::transport::Misconfigured::new(error)),
        };
        Self::new(&builder.finish(), service)
    }

    /// Calls a stub.
    pub fn stubbed(stub: Stub, service: &'static str) -> Self {
        let client = Client::builder().service(service, stub).finish();
        Self::new(&client, service)
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
