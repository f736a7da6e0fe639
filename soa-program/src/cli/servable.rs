//! Values that a program can serve.

use soa_runtime::Service;
use soa_runtime::server::{Server, ServerBuilder};

/// A value that a program can serve: a service, or a service with changes to its server ([`with_server`]).
///
/// ```
/// # struct Greeter;
/// # impl soa::Service for Greeter {
/// #     const DESCRIPTOR: &'static soa::ServiceDescriptor = &soa::ServiceDescriptor::new("a", "1", "", &[]);
/// #     const ACTIONS: &'static [soa::ServiceAction<Self>] = &[];
/// # }
/// use soa::cli::Serve;
/// use soa::{Server, ServerBuilder};
///
/// struct Limited(Greeter);
///
/// impl Serve for Limited {
///     type Service = Greeter;
///
///     fn into_builder(self) -> ServerBuilder {
///         Server::builder(self.0).concurrency(8)
///     }
/// }
///
/// assert_eq!(Limited(Greeter).into_builder().build()?.concurrency(), 8);
/// # Ok::<(), soa::BuildError>(())
/// ```
pub trait Serve {
    /// Type of the service, which has its name, version and documentation.
    type Service: Service;

    /// Makes the server, before the settings are applied.
    fn into_builder(self) -> ServerBuilder;
}

impl<S: Service> Serve for S {
    type Service = S;

    fn into_builder(self) -> ServerBuilder {
        Server::builder(self)
    }
}

/// A service with changes to its server; made by [`with_server`].
#[derive(Debug)]
pub struct Customized<S, F> {
    service: S,
    customize: F,
}

/// Adds a function that changes the server of a service: middleware, health checks, hooks, further actions, limits.
///
/// The settings are applied afterwards, so they are stronger.
///
/// ```
/// # struct Greeter;
/// # impl soa::Service for Greeter {
/// #     const DESCRIPTOR: &'static soa::ServiceDescriptor = &soa::ServiceDescriptor::new("a", "1", "", &[]);
/// #     const ACTIONS: &'static [soa::ServiceAction<Self>] = &[];
/// # }
/// use soa::cli::{Serve, with_server};
///
/// // In a program: `soa::main(async |_: Settings| Ok(with_server(Greeter, …)))`.
/// let greeter = with_server(Greeter, |server| server.tracebacks(true).concurrency(8));
/// assert_eq!(greeter.into_builder().build()?.concurrency(), 8);
/// # Ok::<(), soa::BuildError>(())
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
