//! Assertions about calls, and what they print where they do not hold.

#![allow(clippy::unwrap_used, clippy::expect_used)] // Tests may fail loudly.

use std::panic::AssertUnwindSafe;

use example_service::types::*;
use example_service::{ExampleClient, ExampleService, VERSION_2};
use soa::testing::{TestServer, runs_with_only_field_errors};
use soa::{ActionError, Client, Context, Server, Value, value};

fn example() -> TestServer {
    TestServer::new(ExampleService::new())
}

/// What an assertion prints that should not hold.
async fn printed(assertion: impl Future<Output = ()>) -> String {
    use std::pin::pin;
    use std::task::Poll;
    let mut assertion = pin!(assertion);
    let outcome = std::future::poll_fn(|cx| {
        let poll = AssertUnwindSafe(|| assertion.as_mut().poll(cx));
        match std::panic::catch_unwind(poll) {
            Ok(Poll::Pending) => Poll::Pending,
            Ok(Poll::Ready(())) => Poll::Ready(None),
            Err(panic) => Poll::Ready(panic.downcast::<String>().ok()),
        }
    })
    .await;
    *outcome.expect("the assertion should not hold")
}

#[tokio::test]
async fn a_call_that_runs_gives_its_response() {
    let example = example();
    let answer = soa::assert_runs!(example.call("square", value!({ "number": 7 })));
    assert_eq!(answer, value!({ "square": 49 }));
    // Typed, with options, as a job: every form of call.
    let typed: ExampleClient = example.typed();
    let square = soa::assert_runs!(typed.square(SquareRequest { number: 7 }));
    assert_eq!(square.square, 49);
    let request = SquareRequest { number: 2 };
    let (a, b) = (typed.square(request.clone()), typed.square(request));
    let (a, b) = soa::assert_runs!(example.client().job((a, b)));
    assert_eq!(a, b);
}

#[tokio::test]
async fn the_errors_of_a_call_are_asserted_by_code_and_by_field() {
    let example = example();
    let bad = || example.call("validate_me", value!({ "id": 0, "name": "x" }));
    let errors = soa::assert_runs_with_errors!(bad());
    assert_eq!(errors.len(), 2);
    soa::assert_runs_with_field_errors!(bad(), "id" => "INVALID");
    soa::assert_runs_with_only_field_errors!(bad(), "id" => "INVALID", "name" => "INVALID");
    let fail = || {
        let request = FailRequest {
            code: Some("TIRED".to_owned()),
            field: Some(soa::Nullable::Null),
            ..FailRequest::default()
        };
        example.typed::<ExampleClient>().fail(request)
    };
    soa::assert_runs_with_error_codes!(fail(), "TIRED");
    let errors = soa::assert_runs_with_only_error_codes!(fail(), "TIRED");
    assert_eq!(errors[0].message, "This action always fails");
    // As functions, for helpers of one's own.
    runs_with_only_field_errors(bad().await, &[("id", "INVALID"), ("name", "INVALID")]).unwrap();
}

#[tokio::test]
async fn every_call_has_the_base_context() {
    let example = example()
        .with_switch(VERSION_2)
        .with_context("locale", "fr_FR")
        .with_caller("a test")
        .with_correlation_id("c-1");
    let seen = soa::assert_runs!(example.typed::<ExampleClient>().get_context(value!({})));
    assert_eq!(seen.switches, [5]);
    assert_eq!(seen.context.get("locale"), Some(&"fr_FR".into()));
    assert_eq!(seen.context.get("caller"), Some(&"a test".into()));
    assert_eq!(seen.context.get("correlation_id"), Some(&"c-1".into()));
}

#[tokio::test(start_paused = true)]
async fn a_service_under_test_does_not_wait_where_time_stands_still() {
    let example = TestServer::new(Server::builder(ExampleService::new()).name("example7"));
    let slow = SlowRequest {
        seconds: Some(3000.0),
    };
    soa::assert_runs!(example.typed::<ExampleClient>().slow(slow));
}

#[tokio::test]
async fn a_call_that_should_run_prints_its_errors() {
    let example = example();
    let text = printed(async {
        soa::assert_runs!(example.call("validate_me", value!({ "id": 0, "name": "x" })));
    });
    insta::assert_snapshot!(text.await);
}

#[tokio::test]
async fn a_call_without_an_answer_prints_why() {
    let nowhere = Client::builder().build().unwrap();
    let text = printed(async {
        soa::assert_runs!(nowhere.call_action("example", "square", &value!({})));
    });
    insta::assert_snapshot!(text.await);
    let text = printed(async {
        let call = nowhere.call_action("example", "square", &value!({}));
        soa::assert_runs_with_errors!(call);
    });
    insta::assert_snapshot!(text.await);
}

#[tokio::test]
async fn a_call_that_should_fail_prints_its_response() {
    let example = example();
    let text = printed(async {
        soa::assert_runs_with_errors!(example.call("square", value!({ "number": 3 })));
    });
    insta::assert_snapshot!(text.await);
    let text = printed(async {
        let call = example.call("square", value!({ "number": 3 }));
        soa::assert_runs_with_only_error_codes!(call, "TOO_LARGE", "TIRED");
    });
    insta::assert_snapshot!(text.await);
}

#[tokio::test]
async fn missing_error_codes_are_printed_with_what_was_answered() {
    let example = example();
    let bad = || example.call("validate_me", value!({ "id": 0, "name": "x" }));
    let text = printed(async {
        soa::assert_runs_with_error_codes!(bad(), "INVALID", "TIRED");
    });
    insta::assert_snapshot!(text.await);
    let text = printed(async {
        soa::assert_runs_with_only_error_codes!(bad(), "TIRED");
    });
    insta::assert_snapshot!(text.await);
}

#[tokio::test]
async fn missing_and_further_field_errors_are_printed() {
    let example = example();
    let bad = || example.call("validate_me", value!({ "id": 0, "name": "x", "more": 1 }));
    let text = printed(async {
        soa::assert_runs_with_field_errors!(bad(), "id" => "INVALID", "id" => "MISSING");
    });
    insta::assert_snapshot!(text.await);
    let text = printed(async {
        soa::assert_runs_with_only_field_errors!(bad(), "id" => "INVALID", "tags" => "INVALID");
    });
    insta::assert_snapshot!(text.await);
}

#[tokio::test]
async fn errors_of_the_whole_job_are_not_those_of_the_action() {
    let server =
        Server::untyped("strict", "1.0.0").action("refuse", |_: Value, _: Context| async {
            Err::<Value, _>(ActionError::job("TIRED", "Nobody works today"))
        });
    let strict = TestServer::new(server);
    let text = printed(async {
        soa::assert_runs_with_only_error_codes!(strict.call("refuse", value!({})), "TIRED");
    });
    insta::assert_snapshot!(text.await, @r"
    the action should have failed with TIRED, but the whole job failed
    answered:
        TIRED: Nobody works today
    ");
}
