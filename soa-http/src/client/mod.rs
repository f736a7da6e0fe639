//! The client of HTTP: one pool of connections for everybody in the process who calls over HTTP.
//!
//! ```text
//! settings   its settings
//! tls        the certificates that it trusts
//! connect    connections, directly or through a proxy
//! pool       requests on connections that are kept
//! ```

mod connect;
mod pool;
mod settings;
mod tls;

pub use pool::{HttpClient, HttpService};
pub use settings::HttpClientSettings;
