//! What calls come to, as snapshots without what differs from run to run.

use example_service::types::*;
use example_service::{ExampleClient, ExampleService};
use soa::testing::TestServer;
use soa::value;

fn example() -> TestServer {
    TestServer::new(ExampleService::new())
}

#[tokio::test]
async fn a_response_is_compared_with_a_snapshot() {
    let example = example();
    let square = example
        .typed::<ExampleClient>()
        .square(SquareRequest { number: 3 });
    soa::assert_response_snapshot!(square, @r#"
    {
        "square": 9,
    }
    "#);
    soa::assert_response_snapshot!(example.call("square", value!({ "number": "x" })));
    soa::assert_response_snapshot!(example.call("get_context", value!({})));
}

#[tokio::test]
async fn ids_times_and_versions_are_not_in_a_snapshot() {
    let body = value!({
        "id": "8d7f3c1e-52f1-4f5e-9d3e-0c8f6a7b1234",
        "owner_id": "o1",
        "at": (soa::UtcDateTime::now()),
        "text": "2026-11-21T10:00:00.123+01:00",
        "version": "1.2.3",
        "soa_version": "0.1.0-rc.1",
        "number": { "version": 3 },
        "things": [{ "price": 1.25 }, { "price": 2.5 }],
    });
    soa::assert_response_snapshot!(example().call("echo", body), redact = ["things.*.price"]);
}

#[tokio::test(start_paused = true)]
async fn what_differs_is_named() {
    let slow = example()
        .typed::<ExampleClient>()
        .slow(SlowRequest { seconds: Some(2.5) });
    soa::assert_response_snapshot!(slow, redact = ["pid"], @r#"
    {
        "slept": 2.5,
        "pid": "[redacted]",
    }
    "#);
}

#[test]
fn the_file_of_a_snapshot_names_the_call_as_it_is_written() {
    let file =
        include_str!("snapshots/snapshots__ids_times_and_versions_are_not_in_a_snapshot.snap");
    let expression = file.lines().find(|line| line.starts_with("expression: "));
    assert_eq!(
        expression,
        Some(r#"expression: "example().call(\"echo\", body)""#)
    );
}
