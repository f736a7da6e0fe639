"""The service that test plans are run against by PySOA's own runner; `soa/tests/test_plans` has its twin in Rust."""
