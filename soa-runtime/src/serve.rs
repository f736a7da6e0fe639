//! Types that a program can serve: a service, a component of several, or several components.

use crate::component::ComponentBuilder;
use crate::descriptor::ServiceDescriptor;
use crate::server::{Server, ServerBuilder};
use crate::service::Service;

/// A type that a program can serve: a service, a service with changes to its server (`with_server`), the builder of a
/// server, or the builder of a [`Component`](crate::Component), or a `Vec` of those.
///
/// Servers are not built yet, because the program applies its settings to them.
///
/// ```
/// # use soa_runtime as soa;
/// # struct Greeter;
/// # impl soa::Service for Greeter {
/// #     const DESCRIPTOR: &'static soa::ServiceDescriptor = &soa::ServiceDescriptor::new("a", "1", "", &[]);
/// #     const ACTIONS: &'static [soa::ServiceAction<Self>] = &[];
/// # }
/// use soa::{ComponentBuilder, Serve, Server, Service, ServiceDescriptor};
///
/// struct Limited(Greeter);
///
/// impl Serve for Limited {
///     const SERVICE: Option<&'static ServiceDescriptor> = Some(Greeter::DESCRIPTOR);
///
///     fn into_components(self) -> Vec<ComponentBuilder> {
///         vec![Server::builder(self.0).concurrency(8).into()]
///     }
/// }
///
/// let components = ComponentBuilder::build_all(Limited(Greeter).into_components())?;
/// assert_eq!(components[0].services()[0].concurrency(), 8);
/// # Ok::<(), soa::BuildError>(())
/// ```
#[diagnostic::on_unimplemented(
    message = "`{Self}` cannot be served by a program",
    label = "not a service, and not the builder of a component",
    note = "a component is returned without `.build()`, because the settings are applied to its servers",
    note = "a service has `#[service(name = \"…\", version = \"…\")]` on its `impl` block"
)]
pub trait Serve {
    /// The service, which has a name, a version and documentation; `None` for a component, whose services are known when it
    /// is made.
    const SERVICE: Option<&'static ServiceDescriptor>;

    /// Makes the components, before the settings are applied.
    fn into_components(self) -> Vec<ComponentBuilder>;
}

impl<S: Service> Serve for S {
    const SERVICE: Option<&'static ServiceDescriptor> = Some(S::DESCRIPTOR);

    fn into_components(self) -> Vec<ComponentBuilder> {
        vec![Server::builder(self).into()]
    }
}

impl Serve for ServerBuilder {
    const SERVICE: Option<&'static ServiceDescriptor> = None;

    fn into_components(self) -> Vec<ComponentBuilder> {
        vec![self.into()]
    }
}

impl Serve for ComponentBuilder {
    const SERVICE: Option<&'static ServiceDescriptor> = None;

    fn into_components(self) -> Vec<ComponentBuilder> {
        vec![self]
    }
}

impl Serve for Vec<ComponentBuilder> {
    const SERVICE: Option<&'static ServiceDescriptor> = None;

    fn into_components(self) -> Vec<ComponentBuilder> {
        self
    }
}
