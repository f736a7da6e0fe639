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
//! | descriptions | `/openapi.json`, `/docs`, `/report` | people, and generators of clients |
//! | probes | `/health`, `/livez`, `/readyz`, `/metrics` | registries, balancers, orchestrators, Prometheus |
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

mod advertised;
mod arguments;
mod body;
mod call;
mod client;
mod cors;
mod descriptions;
mod dispatch;
#[cfg(feature = "docs")]
mod docs;
mod doors;
mod encoding;
#[doc(hidden)]
pub mod fuzz;
mod head;
mod health;
mod hosted;
mod invoke;
mod listener;
mod openapi;
mod path;
mod places;
mod probe;
mod protobuf;
mod refusal;
mod reply;
mod report;
mod rest;
mod route;
mod router;
mod run;
mod settings;
mod status;

/// The crate of the routers, for programs that add pages.
pub use axum;
pub use client::{
    HttpClient, HttpClientSettings, HttpService, HttpTransport, HttpTransportSettings, Token,
};
pub use doors::Doors;
pub use listener::{HttpListener, HttpServer, HttpStopped};
pub use settings::{ComponentAddress, CorsSettings, HttpSettings, HttpTlsSettings};

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

/// Returns the description of a server or a component as a document of OpenAPI 3.1, with the default settings.
///
/// ```
/// use soa_runtime::Server;
///
/// let server = Server::untyped("tools", "1.0.0").build()?;
/// let document = soa_http::openapi(&server)?;
/// assert!(document.starts_with(r#"{"openapi":"3.1.0","info":{"title":"tools","version":"1.0.0"}"#));
/// # Ok::<(), soa_runtime::BuildError>(())
/// ```
///
/// # Errors
/// An action cannot be called by one of the doors: see [`Doors::new`].
pub fn openapi(component: impl Into<Component>) -> Result<String, BuildError> {
    Ok(Doors::new(component.into(), HttpSettings::default())?.openapi())
}

impl Doors {
    /// Returns the description of all that is offered, as a document of OpenAPI 3.1: the body of `GET /openapi.json`.
    pub fn openapi(&self) -> String {
        openapi::document(self, "").to_string()
    }

    /// Returns the router, to be served or to be mounted into another one.
    pub fn into_router(self) -> Router {
        router::router(&Arc::new(self))
    }
}
