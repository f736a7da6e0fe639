//! Test plans: every directive, every type of value, every mistake, and what is told of a case that fails.
//!
//! `plan_service` is a service for what a plan can say. Its twin for PySOA is in `interop/plan_service`: the test
//! `interop` runs the same plans by PySOA's own runner.

#![allow(clippy::unwrap_used, clippy::expect_used)] // Helpers of tests may fail loudly, too.

#[path = "plans/mistakes.rs"]
mod mistakes;
#[path = "plans/reports.rs"]
mod reports;
#[path = "plans/service.rs"]
mod service;

use service::plan_service_with;
use soa::testing::plan::Mocks;
use soa::{Client, LocalTransport};

soa::test_plans!(
    "tests/plans/*.pysoa",
    service = |mocks| plan_service_with(mocks),
    constants = {
        "users": [{"id": 12, "name": "bob"}, {"id": 13, "name": "eve"}],
        "echo": {"greeting": "hello"},
    },
);

/// The same service behind a client, wherever it runs. What freezes, stubs or mocks is ignored there.
mod live {
    soa::test_plans!(
        "tests/plans/directives.pysoa",
        "tests/plans/values.pysoa",
        live = super::client(),
        name = "plan_service",
        constants = {
            "users": [{"id": 12, "name": "bob"}, {"id": 13, "name": "eve"}],
            "echo": {"greeting": "hello"},
        },
    );
}

fn client() -> Client {
    let server = plan_service_with(Mocks::default()).build().unwrap();
    let client = Client::builder().service("plan_service", LocalTransport::new(server));
    client.build().unwrap()
}
