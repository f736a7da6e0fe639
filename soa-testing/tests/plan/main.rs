//! Cases of test plans: stubs, mocks, and what is read by the schema of an action.

#![allow(clippy::unwrap_used, clippy::expect_used)] // Helpers of tests may fail loudly, too.

mod mock;
mod stub;
mod written;
