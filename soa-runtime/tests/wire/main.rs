//! The wire and the server behind it, against what peers may send: properties, told of jobs and of bytes that nobody
//! wrote by hand.

#![allow(clippy::unwrap_used, clippy::expect_used)] // Helpers of tests may fail loudly, too.

mod any_bytes;
mod round_trip;
mod serializer;
mod stack;
mod support;
