//! The listener: serves the doors on an address, until it is told to stop.
//!
//! ```text
//! address     the address that is listened on
//! activity    the state of a connection, and the times at which it has waited for too long
//! tls         the certificate
//! stream      the bytes of a connection, which tell its activity
//! body        the bodies of its requests and responses
//! connection  the requests of a connection, of HTTP/1.1 or HTTP/2
//! server      new connections, and the stop of all
//! ```
//!
//! A connection that is slow, idle or hostile is closed by itself, and costs its own memory alone: a buffer, and the body of
//! its request up to the limit. Whatever a peer sends, the others are served.
//!
//! To stop is to serve on for the drain delay, then to take no more connections and no more requests on those that there
//! are, to wait for running jobs within the grace, to give up the rest, and to close. Neither an idle connection nor a client
//! that does not read holds that up.

mod activity;
mod address;
mod body;
mod connection;
mod frames;
mod messages;
mod server;
mod stream;
mod tls;

pub use address::HttpListener;
pub use server::{HttpServer, HttpStopped};
