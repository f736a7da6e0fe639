//! Calls over HTTP: a pool of connections, and transports over it for the doors of this framework and for servers of Aspyx.
//!
//! ```text
//! settings   settings of the pool
//! tls        the certificates that are trusted
//! connect    connections, directly or through a proxy
//! pool       requests on connections that are kept
//! token      tokens of callers, which are fetched and kept
//! known      actions as a typed caller knows them: positions, numbers, routes
//! head       the headers of a job
//! failure    a status that is no success, as errors
//! positional calls by position: JSON, MessagePack, protobuf
//! rest       calls by route
//! job        calls by name: whole jobs
//! outgoing   a job as a request, by each channel
//! incoming   the response of a job, by each channel
//! transport  the transport to one address by one channel
//! ```

mod connect;
mod failure;
mod head;
mod incoming;
mod job;
mod known;
mod outgoing;
mod pool;
mod positional;
mod rest;
mod settings;
mod tls;
mod token;
mod transport;

pub use pool::{HttpClient, HttpService};
pub use settings::{HttpClientSettings, HttpTransportSettings};
pub use token::Token;
pub use transport::HttpTransport;
