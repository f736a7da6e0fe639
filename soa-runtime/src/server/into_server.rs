//! Conversion of services and builders into servers.

use super::builder::ServerBuilder;
use super::handle::Server;
use crate::error::BuildError;
use crate::service::Service;

/// A type that can be served: a service, a server, or the builder of one.
///
/// ```
/// # use soa_runtime as soa;
/// use soa::{BuildError, IntoServer, Server};
///
/// /// Serves a service, a server or a builder.
/// fn serve(service: impl IntoServer) -> Result<Server, BuildError> {
///     service.into_server()
/// }
///
/// let server = serve(Server::untyped("tools", "1.0.0"))?;
/// let server = serve(server)?;
/// # Ok::<(), soa::BuildError>(())
/// ```
#[diagnostic::on_unimplemented(
    message = "`{Self}` is not a service",
    label = "not a service",
    note = "put `#[service(name = \"…\", version = \"…\")]` on its `impl` block, or `#[service]` on its `impl` of a contract"
)]
pub trait IntoServer {
    /// Converts into a server.
    ///
    /// # Errors
    /// See [`ServerBuilder::build`].
    fn into_server(self) -> Result<Server, BuildError>;

    /// Returns the builder, of what is not built yet.
    #[doc(hidden)]
    fn into_unbuilt(self) -> Unbuilt
    where
        Self: Sized,
    {
        Unbuilt::Built(self.into_server().map(Box::new))
    }
}

/// A server that is not built yet, if it can be so.
#[doc(hidden)]
#[derive(Debug)]
pub enum Unbuilt {
    /// A builder, to which settings can be applied.
    Builder(Box<ServerBuilder>),
    /// A server that is as it is.
    Built(Result<Box<Server>, BuildError>),
}

impl Unbuilt {
    pub(crate) fn build(self) -> Result<Server, BuildError> {
        match self {
            Self::Builder(builder) => builder.build(),
            Self::Built(server) => server.map(|server| *server),
        }
    }
}

impl<S: Service> IntoServer for S {
    fn into_server(self) -> Result<Server, BuildError> {
        Server::builder(self).build()
    }

    fn into_unbuilt(self) -> Unbuilt {
        Unbuilt::Builder(Box::new(Server::builder(self)))
    }
}

impl IntoServer for Server {
    fn into_server(self) -> Result<Server, BuildError> {
        Ok(self)
    }
}

impl IntoServer for ServerBuilder {
    fn into_server(self) -> Result<Server, BuildError> {
        self.build()
    }

    fn into_unbuilt(self) -> Unbuilt {
        Unbuilt::Builder(Box::new(self))
    }
}
