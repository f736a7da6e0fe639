//! Services with changes to their servers.

use soa_runtime::server::{Server, ServerBuilder};
use soa_runtime::{ComponentBuilder, Serve, Service, ServiceDescriptor};

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
/// use soa::ComponentBuilder;
/// use soa::cli::{Serve, with_server};
///
/// // In a program: `soa::main(async |_: Settings| Ok(with_server(Greeter, …)))`.
/// let greeter = with_server(Greeter, |server| server.tracebacks(true).concurrency(8));
/// let components = ComponentBuilder::build_all(greeter.into_components())?;
/// assert_eq!(components[0].services()[0].concurrency(), 8);
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
    const SERVICE: Option<&'static ServiceDescriptor> = Some(S::DESCRIPTOR);

    fn into_components(self) -> Vec<ComponentBuilder> {
        vec![(self.customize)(Server::builder(self.service)).into()]
    }
}
