//! The example component beside Aspyx: captured exchanges are answered with the same bytes, the reference's own client calls
//! it, and protoc reads what it prints.

#![allow(clippy::unwrap_used, clippy::expect_used)]

mod caller;
mod caller_vectors;
mod dispatch;
mod protobuf_report;
mod recursive;
mod reference;
mod rest;
mod support;
mod vectors;
