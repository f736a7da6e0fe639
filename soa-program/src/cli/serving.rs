//! What a program serves.

use soa_runtime::Service;
use soa_runtime::server::{Server, ServerBuilder};

/// What a program serves: a service, or one with things around it ([`with_server`]).
pub trait Serve {
    /// The service, for its name, version and documentation.
    type Service: Service;

    /// The server, before the settings are applied.
    fn into_builder(self) -> ServerBuilder;
}

impl<S: Service> Serve for S {
    type Service = S;

    fn into_builder(self) -> ServerBuilder {
        Server::builder(self)
    }
}

/// A service whose server has more than the settings say; made by [`with_server`].
#[derive(Debug)]
pub struct Customized<S, F> {
    service: S,
    customize: F,
}

/// A service for a program, and what its server has besides: middleware, health checks, more actions. What settings say
/// is stronger.
///
/// ```
/// # struct Greeter;
/// # impl soa::Service for Greeter {
/// #     const DESCRIPTOR: &'static soa::ServiceDescriptor = &soa::ServiceDescriptor::new("a", "1", "", &[]);
/// #     const ACTIONS: &'static [soa::ServiceAction<Self>] = &[];
/// # }
/// use soa::cli::with_server;
///
/// let greeter = with_server(Greeter, |server| server.tracebacks(true).concurrency(8));
/// ```
pub fn with_server<S, F>(service: S, customize: F) -> Customized<S, F>
where
    S: Service,
    F: FnOnce(ServerBuilder) -> ServerBuilder,
{
    Customized { service, customize }
}

impl<S: Service, F: FnOnce(ServerBuilder) -> ServerBuilder> Serve for Customized<S, F> {
    type Service = S;

    fn into_builder(self) -> ServerBuilder {
        (self.customize)(Server::builder(self.service))
    }
}
