//! The example component beside Aspyx: captured exchanges are answered with the same bytes, and the reference's own client
//! calls it.

#![allow(clippy::unwrap_used, clippy::expect_used)]

mod recursive;
mod reference;
mod rest;
mod support;
mod vectors;
