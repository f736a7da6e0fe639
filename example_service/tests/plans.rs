//! The test plans beside this file, a test for each case.

use example_service::ExampleService;

soa::test_plans!(
    "tests/plans/*.pysoa",
    service = ExampleService::new(),
    constants = {"numbers": {"small": 3, "text": "héllo"}},
);
