//! HTTP doors of **soa**: the actions of a component, called over HTTP.
//!
//! Depend on the crate `soa` with its feature `http`, which re-exports this crate as `soa::http`.
//!
//! A request over HTTP is a job like any other. The doors translate bytes, values and errors, led by the schemas of the
//! actions; middleware, deadlines, limits, permissions and metrics are those of the runtime.
//!
//! | door | path | callers |
//! |---|---|---|
//! | REST | the routes that actions declare | browsers, and programs in any language |
//! | dispatch | `POST /invoke` | clients of Aspyx, by JSON, MessagePack or protobuf |
//! | calls | `POST /call/<service>/<action>` | everybody who has curl |
//!
//! ```
//! use soa_runtime::Server;
//!
//! let server = Server::untyped("tools", "1.0.0").build()?;
//! // To be served, or mounted into a router of one's own: `axum::Router::new().nest("/tools", …)`.
//! let router = soa_http::router(&server)?;
//! # Ok::<(), soa_runtime::BuildError>(())
//! ```

#![cfg_attr(docsrs, feature(doc_cfg))]

mod arguments;
mod body;
mod call;
mod cors;
mod dispatch;
mod doors;
mod head;
mod hosted;
mod listener;
mod path;
mod reply;
mod rest;
mod route;
mod router;
mod run;
mod settings;
mod status;

/// The crate of the routers, for programs that add pages.
pub use axum;
pub use doors::Doors;
pub use listener::{HttpListener, HttpServer, HttpStopped};
pub use settings::{CorsSettings, HttpSettings, HttpTlsSettings};

use std::sync::Arc;

use axum::Router;
use soa_runtime::{BuildError, Component};

/// Returns the router of a server or a component, with the default settings.
///
/// # Errors
/// An action cannot be called by one of the doors: see [`Doors::new`].
pub fn router(component: impl Into<Component>) -> Result<Router, BuildError> {
    Ok(Doors::new(component.into(), HttpSettings::default())?.into_router())
}

impl Doors {
    /// Returns the router, to be served or to be mounted into another one.
    pub fn into_router(self) -> Router {
        let cors = self.cors().cloned();
        let router = router::router(&Arc::new(self));
        match cors {
            Some(cors) => cors.around(router),
            None => router,
        }
    }
}
