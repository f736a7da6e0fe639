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

soa::test_plans!(
    "tests/plans/*.pysoa",
    service = |mocks| plan_service_with(mocks),
    constants = {
        "users": [{"id": 12, "name": "bob"}, {"id": 13, "name": "eve"}],
        "echo": {"greeting": "hello"},
    },
);

/// What is tested may fail to be made, with any error.
#[cfg(feature = "cli")]
mod with_settings {
    use soa::settings::ServerSettings;

    use super::*;

    soa::test_plans!(
        "tests/plans/values.pysoa",
        service = {
            let settings = ServerSettings::default();
            settings
                .apply(plan_service_with(Mocks::default()))?
                .build()?
        },
    );
}

/// With mocks, too, and after awaiting something.
mod with_mocks {
    use soa::ServerBuilder;

    use super::*;

    async fn plan_service(mocks: Mocks) -> Result<ServerBuilder, std::io::Error> {
        tokio::task::yield_now().await;
        Ok(plan_service_with(mocks))
    }

    soa::test_plans!(
        "tests/plans/globals.pysoa",
        service = async |mocks| plan_service(mocks).await?.build()?,
    );
}

/// A client may have to be connected.
mod live {
    use soa::{Client, LocalTransport};

    use super::*;

    async fn client() -> Result<Client, soa::BuildError> {
        let server = plan_service_with(Mocks::default()).build()?;
        let client = Client::builder().service("plan_service", LocalTransport::new(server));
        client.build()
    }

    soa::test_plans!(
        "tests/plans/directives.pysoa",
        "tests/plans/globals.pysoa",
        "tests/plans/values.pysoa",
        live = client().await?,
        name = "plan_service",
        constants = {
            "users": [{"id": 12, "name": "bob"}, {"id": 13, "name": "eve"}],
            "echo": {"greeting": "hello"},
        },
    );
}
