//! Stubs of several services at once.

use std::sync::Arc;

use super::handle::Stub;
use crate::client::{Client, TypedClient};
use crate::message::Name;
use crate::transport::ClientTransport;

/// Stubs of several services, as one client sees them. Clones are the same stubs.
///
/// ```
/// # mod soa { pub use soa_runtime::*; pub use soa_runtime::stub as testing; }
/// use soa::testing::{Stub, Stubs};
/// use soa::{ActionError, Value, value};
///
/// # #[tokio::main(flavor = "current_thread")] async fn main() -> Result<(), soa::ClientError> {
/// let stubs = Stubs::new()
///     .service("users", Stub::new().on_action("find", |_| Ok(value!({ "name": "Ada" }))))
///     .service("mail", Stub::new().on_action("send", |_| Ok(value!({}))));
/// let client = stubs.client();
/// client.call_action("users", "find", &value!({ "id": 7 })).await?;
/// client.call_action("mail", "send", &value!({ "to": "Ada" })).await?;
/// assert_eq!(stubs.called(), ["users.find", "mail.send"]);
/// # Ok(()) }
/// ```
#[derive(Clone, Debug, Default)]
pub struct Stubs(Vec<(Name, Stub)>);

impl Stubs {
    /// Returns an empty set of stubs.
    pub fn new() -> Self {
        Self::default()
    }

    /// Adds a stub for the service of this name, in place of an earlier one.
    #[must_use]
    pub fn service(mut self, name: impl Into<Name>, stub: Stub) -> Self {
        let name = name.into();
        self.0.retain(|(other, _)| *other != name);
        self.0.push((name, stub));
        self
    }

    /// Adds a stub for the service of this generated client, under its own name.
    #[must_use]
    pub fn of<C: TypedClient>(self, stub: Stub) -> Self {
        self.service(C::DESCRIPTOR.name(), stub)
    }

    /// Returns a client that knows these services and no others.
    pub fn client(&self) -> Client {
        let stubs = self.0.iter().cloned();
        stubs
            .fold(Client::builder(), |client, (name, stub)| {
                client.service(name, stub)
            })
            .finish()
    }

    /// Returns this client, with its middleware and its other routes, but with the stubs in front: an action that a
    /// stub does not have goes where it would have gone.
    ///
    /// ```
    /// # mod soa { pub use soa_runtime::*; pub use soa_runtime::stub as testing; }
    /// use soa::testing::{Stub, Stubs};
    /// use soa::{Client, LocalTransport, Server, value};
    ///
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// let users = LocalTransport::new(Server::untyped("users", "1.0.0").build()?);
    /// let client = Client::builder().service("users", users).build()?;
    /// let find = Stub::new().on_action("find", |_| Ok(value!({ "name": "Ada" })));
    /// let client = Stubs::new().service("users", find).over(&client);
    /// client.call_action("users", "find", &()).await?;
    /// client.call_action("users", "status", &()).await?;
    /// # Ok(()) }
    /// ```
    pub fn over(&self, client: &Client) -> Client {
        client.rerouted(self.0.iter().map(|(name, stub)| {
            let stub = match client.transport(name) {
                Some(transport) => stub.clone().passing_to(transport),
                None => stub.clone(),
            };
            let stub: Arc<dyn ClientTransport> = Arc::new(stub);
            (name.clone(), stub)
        }))
    }

    /// Returns all calls of all services so far, in order, as `service.action`.
    pub fn called(&self) -> Vec<String> {
        let mut calls: Vec<(u64, String)> = Vec::new();
        for (name, stub) in &self.0 {
            let shared = stub.shared();
            // One stub may stand for several services.
            let records = shared.calls.iter().filter(|record| record.service == *name);
            calls.extend(records.map(|record| {
                let name = format!("{}.{}", record.service, record.action);
                (record.number, name)
            }));
        }
        calls.sort_unstable();
        calls.into_iter().map(|(_, name)| name).collect()
    }
}
