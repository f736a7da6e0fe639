//! Cases of test plans with stubs and mocks.

#![allow(clippy::unwrap_used, clippy::expect_used)] // Helpers of tests may fail loudly, too.

mod mock;
mod stub;
