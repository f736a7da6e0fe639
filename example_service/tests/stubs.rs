//! Stubs of the services that are called, in each of their forms.

#![allow(clippy::unwrap_used, clippy::expect_used)] // Tests may fail loudly.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use example_service::types::*;
use example_service::{ExampleClient, ExampleService, VERSION_2};
use soa::message::JobRequest;
use soa::middleware::{JobStage, Next, from_fn};
use soa::settings::{NoSection, Settings};
use soa::testing::{Answer, Introspection, Stub, Stubs, TestServer};
use soa::{
    ActionError, Client, Context, ErrorKind, LocalTransport, Map, Server, TransportErrorKind,
    Value, value,
};

fn square(number: i128) -> SquareRequest {
    SquareRequest { number }
}

fn squared(square: i128) -> SquareResponse {
    SquareResponse { square }
}

fn context() -> GetContextResponse {
    GetContextResponse {
        context: Map::new(),
        control: Map::new(),
        switches: Vec::new(),
        action: "get_context".to_owned(),
    }
}

fn client_of(stub: &Stub) -> Client {
    let client = Client::builder().service("example", stub.clone());
    client.build().unwrap()
}

/// What a panic prints.
fn printed(action: impl FnOnce()) -> String {
    let panic = catch_unwind(AssertUnwindSafe(action)).expect_err("this should panic");
    *panic.downcast::<String>().unwrap()
}

/// The service under test calls two others, which are stubs.
#[tokio::test]
async fn a_service_is_tested_with_stubs_of_what_it_calls() {
    let stub = Stub::new()
        .always(ExampleClient::SQUARE, Answer::body(squared(25)))
        .always(ExampleClient::GET_CONTEXT, Answer::body(context()));
    let stubs = Stubs::new().service("example2", stub.clone());
    let server = Server::builder(ExampleService::new()).client(stubs.client());
    let example = TestServer::new(server).typed::<ExampleClient>();

    let request = CallSquareRequest {
        number: 5,
        service: None,
    };
    let response = soa::assert_runs!(example.call_square(request));

    assert_eq!(response.square, 25);
    stub.called_once_with(ExampleClient::SQUARE, &square(5));
    assert_eq!(stubs.called(), ["example2.square", "example2.get_context"]);
}

#[tokio::test(start_paused = true)]
async fn answers_come_in_turn_late_with_errors_or_not_at_all() {
    let hour = Duration::from_secs(3600);
    let stub = Stub::new().in_turn(
        ExampleClient::SQUARE,
        [
            Answer::body(squared(9)).after(hour),
            Answer::errors(ActionError::caller("UNLUCKY", "Not that one").field("number")),
            Answer::errors(ActionError::job("TOO_BUSY", "Not now")),
            Answer::lost(TransportErrorKind::Transient),
        ],
    );
    let example = ExampleClient::stubbed(stub.clone());
    let before = tokio::time::Instant::now();
    assert_eq!(example.square(square(3)).await.unwrap().square, 9);
    assert_eq!(before.elapsed(), hour);
    soa::assert_runs_with_only_field_errors!(example.square(square(13)), "number" => "UNLUCKY");
    let error = example.square(square(3)).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Job);
    let error = example.square(square(3)).await.unwrap_err();
    assert!(error.is_transient());
    // There were four.
    let error = example.square(square(3)).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Transport);
    assert_eq!(
        stub.unexpected(),
        [
            "the stub of service `example` has used up its answers for action `square`; give it one more with \
          `.in_turn(…)`"
        ]
    );
}

#[tokio::test]
async fn a_stub_without_types_answers_by_name() {
    let stub = Stub::new().on_action("square", |request| {
        let number = request.get("number").and_then(|number| number.as_i64());
        Ok(value!({ "square": (number.unwrap_or(0) + 1) }))
    });
    let example = ExampleClient::stubbed(stub);
    assert_eq!(example.square(square(3)).await.unwrap().square, 4);
}

#[tokio::test]
async fn a_stub_is_made_of_data_as_in_the_settings_of_pysoa() {
    let stub = Stub::from_actions(&value!({
        "square": { "body": { "square": 16 } },
        "recall": { "errors": [{ "code": "NOT_FOUND", "message": "None", "field": "key" }] },
    }));
    let example = ExampleClient::stubbed(stub.unwrap());
    assert_eq!(example.square(square(4)).await.unwrap().square, 16);
    let key = "x".to_owned();
    soa::assert_runs_with_field_errors!(example.recall(RecallRequest { key }), "key" => "NOT_FOUND");
    let error = Stub::from_actions(&value!({ "square": { "bdoy": {} } })).unwrap_err();
    insta::assert_snapshot!(error);
}

#[tokio::test]
async fn a_program_is_tried_out_with_stubs_in_its_settings() {
    let settings = Settings::<NoSection>::loader()
        .defaults(
            r#"
            [client_routing.example2.transport.stub.actions]
            square.body = { square = 25 }
            get_context.body = { context = {}, control = {}, switches = [], action = "get_context" }
            "#,
        )
        .load()
        .unwrap();
    let client = settings.client().unwrap().build().unwrap();
    let server = Server::builder(ExampleService::new()).client(client);
    let example = TestServer::new(server).typed::<ExampleClient>();
    let request = CallSquareRequest {
        number: 7,
        service: None,
    };
    assert_eq!(soa::assert_runs!(example.call_square(request)).square, 25);
}

#[tokio::test]
async fn what_is_not_stubbed_goes_to_the_real_service() {
    let server = Server::builder(ExampleService::new()).build().unwrap();
    let real = Client::builder()
        .service("example", LocalTransport::new(server))
        .build()
        .unwrap();
    let stub = Stub::new().always(ExampleClient::SQUARE, Answer::body(squared(-1)));
    let stubs = Stubs::new().of::<ExampleClient>(stub.clone());
    let client = stubs.over(&real);
    let example = ExampleClient::new(&client);
    let call = client.job((example.square(square(2)), example.echo(value!({ "n": 1 }))));
    let (square, echo) = call.switch(VERSION_2).await.unwrap();
    assert_eq!((square.square, echo), (-1, value!({ "n": 1 })));
    let too_large = example.echo(value!({})).await.unwrap();
    assert_eq!(too_large, value!({}));
    // A real error is an error.
    soa::assert_runs_with_errors!(example.fail(FailRequest::default()));
    assert_eq!(stub.called(), ["square", "echo", "echo", "fail"]);
}

#[tokio::test]
async fn several_services_are_stubbed_at_once_and_know_the_order_of_calls() {
    let answers = || Stub::new().on(ExampleClient::ECHO, Ok);
    let stubs = Stubs::new()
        .service("first", answers())
        .service("second", answers());
    let client = stubs.client();
    for service in ["second", "first", "second"] {
        let example = ExampleClient::named(&client, service);
        soa::assert_runs!(example.echo(value!({})));
    }
    let called = stubs.called();
    assert_eq!(called, ["second.echo", "first.echo", "second.echo"]);
}

#[tokio::test]
async fn an_unexpected_call_fails_the_test_even_where_the_code_under_test_hides_it() {
    let stub = Stub::new().on(ExampleClient::SQUARE, |_| Ok(squared(1)));
    let example = ExampleClient::stubbed(stub.clone());
    let hidden = example.echo(value!({})).await.unwrap_or_default();
    assert_eq!(hidden, value!(nil));
    insta::assert_snapshot!(printed(move || drop(stub)));
    insta::assert_snapshot!(printed(move || drop(example)));
}

#[tokio::test]
async fn calls_that_are_not_as_they_should_be_are_shown() {
    let stub = Stub::new().on(ExampleClient::SQUARE, |_| Ok(squared(1)));
    let example = ExampleClient::stubbed(stub.clone());
    let once = || stub.called_once_with(ExampleClient::SQUARE, &square(3));
    insta::assert_snapshot!(printed(once));
    soa::assert_runs!(example.square(square(2)));
    insta::assert_snapshot!(printed(once));
    soa::assert_runs!(example.square(square(3)));
    insta::assert_snapshot!(printed(once));
    insta::assert_snapshot!(printed(|| {
        stub.called_once_with(ExampleClient::ECHO, &value!({}));
    }));
}

/// The same stubs stand before several clients, each with routes of its own.
#[tokio::test]
async fn what_is_not_stubbed_goes_where_the_calls_of_the_same_client_go() {
    let stubs = Stubs::new().service("example", Stub::new().on_action("square", Ok));
    let echo = |name: &'static str| {
        let server = Server::untyped("example", "1.0.0");
        let server = server.action("name", move |_: Value, _: Context| async move {
            Ok::<_, ActionError>(value!({ "name": name }))
        });
        let transport = LocalTransport::new(server.build().unwrap());
        let client = Client::builder().service("example", transport).build();
        stubs.over(&client.unwrap())
    };
    let (one, other) = (echo("one"), echo("other"));
    for (client, name) in [(one, "one"), (other, "other")] {
        let answer = client.call_action("example", "name", &value!({}));
        assert_eq!(answer.await.unwrap(), value!({ "name": name }));
    }
}

#[tokio::test]
async fn a_stub_answers_status_and_introspect_or_passes_them_on() {
    let own = Stub::new().on_action("status", |_| Ok(value!({ "version": "9" })));
    let client = Client::builder().service("example", own).build().unwrap();
    let status = client.call_action("example", "status", &value!({}));
    assert_eq!(status.await.unwrap(), value!({ "version": "9" }));

    let real = Server::builder(ExampleService::new()).build().unwrap();
    let stub = Stub::new()
        .always(ExampleClient::SQUARE, Answer::body(squared(1)))
        .otherwise(LocalTransport::new(real));
    let client = Client::builder().service("example", stub).build().unwrap();
    let offer = Introspection::of(&client, "example").await.unwrap();
    assert!(offer.actions().any(|action| action == "square"));
}

#[tokio::test]
async fn actions_behind_one_that_failed_were_not_called() {
    let stub = Stub::new()
        .on(ExampleClient::RECALL, |_| {
            Err(ActionError::caller("NOT_FOUND", "No such key"))
        })
        .always(ExampleClient::SQUARE, Answer::body(squared(1)));
    let client = client_of(&stub);
    let example = ExampleClient::new(&client);
    let key = "x".to_owned();
    let job = (
        example.recall(RecallRequest { key }),
        example.square(square(1)),
    );
    client.job(job).await.unwrap_err();
    assert_eq!(stub.called(), ["recall"]);
    assert_eq!(stub.exchanges().len(), 1);
}

/// A job of which nothing is stubbed reaches the service as it is.
#[tokio::test]
async fn what_is_passed_on_keeps_its_control_header_and_its_job() {
    let jobs = Arc::new(AtomicUsize::new(0));
    let counted = Arc::clone(&jobs);
    let real = Server::builder(ExampleService::new()).job_middleware(from_fn(
        move |job: JobRequest, next: Next<JobStage>| {
            counted.fetch_add(1, Ordering::Relaxed);
            next.run(job)
        },
    ));
    let stub = Stub::new()
        .always(ExampleClient::SQUARE, Answer::body(squared(1)))
        .otherwise(LocalTransport::new(real.build().unwrap()));
    let client = client_of(&stub);
    let example = ExampleClient::new(&client);

    let both = client.job((
        example.get_context(value!({})),
        example.echo(value!({ "n": 1 })),
    ));
    let (seen, _) = both.control("remote", "play").await.unwrap();
    assert_eq!(seen.control.get("remote"), Some(&"play".into()));
    assert_eq!(jobs.load(Ordering::Relaxed), 1);

    let mixed = client.job((example.square(square(1)), example.get_context(value!({}))));
    let (_, seen) = mixed.control("remote", "play").await.unwrap();
    assert_eq!(seen.control.get("remote"), Some(&"play".into()));
    assert_eq!(
        stub.called(),
        ["get_context", "echo", "square", "get_context"]
    );
    assert_eq!(stub.exchanges().len(), 4);
}

/// An assertion in a closure of a stub is one of the test, also where the code under test hides the error.
#[test]
fn a_closure_that_panics_fails_the_test() {
    let runtime = tokio::runtime::Builder::new_current_thread().build();
    let runtime = runtime.unwrap();
    let text = printed(|| {
        runtime.block_on(async {
            let stub = Stub::new().on(ExampleClient::SQUARE, |request| {
                assert_eq!(request.number, 7, "the wrong number");
                Ok(squared(49))
            });
            let example = ExampleClient::stubbed(stub);
            let _ = example.square(square(8)).await;
        });
    });
    let expected = "the stub of service `example` panicked in action `square`: \
                    assertion `left == right` failed: the wrong number\n  left: 8\n right: 7";
    assert_eq!(text, expected);
}

#[tokio::test]
async fn one_stub_for_two_services_counts_each_call_once() {
    let stub = Stub::new().on_action("find", Ok);
    let stubs = Stubs::new().service("a", stub.clone()).service("b", stub);
    let client = stubs.client();
    for service in ["a", "b"] {
        let call = client.call_action(service, "find", &value!({}));
        call.await.unwrap();
    }
    assert_eq!(stubs.called(), ["a.find", "b.find"]);
}

/// A closure may know its stub, and be replaced.
#[tokio::test]
async fn closures_that_hold_their_stub_can_be_replaced() {
    let stub = Stub::new();
    let known = stub.clone();
    let stub = stub.on_action("count", move |_| {
        Ok(value!({ "n": (known.called().len()) }))
    });
    let stub = stub.on_action("count", |_| Ok(value!({ "n": 7 })));
    let client = Client::builder().service("a", stub).build().unwrap();
    let count = client.call_action("a", "count", &value!({}));
    assert_eq!(count.await.unwrap(), value!({ "n": 7 }));
}
