//! The base of generated typed clients.

use std::sync::Arc;

use super::call::Call;
use super::handle::Client;
use super::route::Callee;
use crate::action::Action;
use crate::descriptor::ServiceDescriptor;
use crate::message::{ActionRequest, Name};
use crate::transport::{ClientTransport, IntoTransport, Misconfigured};

/// A typed client, as `#[service]` generates it.
///
/// ```
/// # use soa_runtime as soa;
/// use soa::client::{ServiceClient, TypedClient};
/// use soa::{Client, ServiceDescriptor};
///
/// // `#[service]` writes this.
/// struct LibraryClient(ServiceClient);
///
/// impl TypedClient for LibraryClient {
///     const DESCRIPTOR: &'static ServiceDescriptor =
///         &ServiceDescriptor::new("library", "1.2.0", "", &[]);
///
///     fn from_service_client(client: ServiceClient) -> Self {
///         Self(client)
///     }
/// }
///
/// let library = LibraryClient::new(&Client::builder().build()?);
/// # Ok::<(), soa::BuildError>(())
/// ```
pub trait TypedClient: Sized {
    /// The descriptor of the service, from the service or its contract.
    const DESCRIPTOR: &'static ServiceDescriptor;

    /// Returns a typed client over this untyped one.
    fn from_service_client(client: ServiceClient) -> Self;

    /// Returns a typed client for the service under its own name.
    fn new(client: &Client) -> Self {
        let name = Name::from_static(Self::DESCRIPTOR.name());
        Self::from_service_client(ServiceClient::new(client, name).described(Self::DESCRIPTOR))
    }
}

/// A client and the name of the service that it calls: the only field of a generated client.
///
/// ```
/// # use soa_runtime as soa;
/// use soa::client::ServiceClient;
/// use soa::{Action, Value, value};
///
/// // `#[service]` wraps this in a struct with a method for each action.
/// const ECHO: Action<Value, Value> = Action::new("echo");
///
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
/// # let server = soa::Server::untyped("echo", "1.0.0")
/// #     .action("echo", |body: soa::Value, _: soa::Context| async { Ok::<_, soa::ActionError>(body) })
/// #     .build()?;
/// # let client = soa::Client::builder().service("echo", soa::LocalTransport::new(server)).build()?;
/// let echo = ServiceClient::new(&client, "echo");
/// assert_eq!(echo.call(ECHO, value!({ "n": 1 })).await?, value!({ "n": 1 }));
/// # Ok(()) }
/// ```
#[derive(Clone, Debug)]
pub struct ServiceClient {
    client: Client,
    callee: Callee,
}

impl ServiceClient {
    /// Returns a client for the service of this name.
    pub fn new(client: &Client, service: impl Into<Name>) -> Self {
        Self {
            client: client.clone(),
            callee: client.route(service.into()).into(),
        }
    }

    /// Tells transports what the service is: some need the positions, the types and the routes of its actions. A service
    /// without a route is called by the component that the descriptor names: see
    /// [`ClientBuilder::components`](crate::ClientBuilder::components).
    #[must_use]
    pub fn described(mut self, descriptor: &'static ServiceDescriptor) -> Self {
        if self.callee.transport.is_none()
            && let Some(component) = descriptor.component()
        {
            let route = self
                .client
                .route_to_component(&self.callee.service, component);
            self.callee.route = route.unwrap_or(self.callee.route);
        }
        self.callee.descriptor = Some(descriptor);
        self
    }

    /// Returns a client for a service in this process. A service that cannot be built is the error of every call.
    ///
    /// ```
    /// # use soa_runtime as soa;
    /// use soa::Server;
    /// use soa::client::ServiceClient;
    ///
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// let tools = ServiceClient::local(Server::untyped("tools", "1.0.0"), "tools");
    /// tools.client().call_action("tools", "status", &()).await?;
    /// # Ok(()) }
    /// ```
    pub fn local(service: impl IntoTransport, name: impl Into<Name>) -> Self {
        match service.into_transport() {
            Ok(transport) => Self::over(transport, name.into()),
            Err(error) => Self::over(Arc::new(Misconfigured::new(error)), name.into()),
        }
    }

    /// Returns a client for a stub.
    ///
    /// ```
    /// # mod soa { pub use soa_runtime::*; pub use soa_runtime::stub as testing; }
    /// use soa::client::ServiceClient;
    /// use soa::testing::Stub;
    /// use soa::{Action, Value, value};
    ///
    /// const FIND: Action<Value, Value> = Action::new("find");
    ///
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// let stub = Stub::new().on(FIND, |_| Ok(value!({ "name": "Ada" })));
    /// let users = ServiceClient::stubbed(stub, "users");
    /// assert_eq!(users.call(FIND, value!({})).await?, value!({ "name": "Ada" }));
    /// # Ok(()) }
    /// ```
    pub fn stubbed(stub: impl ClientTransport, name: impl Into<Name>) -> Self {
        Self::over(Arc::new(stub), name.into())
    }

    fn over(transport: Arc<dyn ClientTransport>, name: Name) -> Self {
        let client = Client::builder().shared_transport(name.clone(), transport);
        Self::new(&client.finish(), name)
    }

    /// Returns the untyped client.
    pub fn client(&self) -> &Client {
        &self.client
    }

    /// Makes a call of an action.
    pub fn call<Req, Resp>(&self, action: Action<Req, Resp>, request: Req) -> Call<Resp> {
        let body = (action.request.encode)(self.callee.encoding(), &request);
        Call::new(
            self.client.clone(),
            self.callee.clone(),
            ActionRequest::new(Name::from_static(action.name()), body)
                .of_variant(action.variant)
                .declared(action.declared)
                .reading_text(action.response.read_text),
            action.response.decode,
        )
    }
}
