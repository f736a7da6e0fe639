//! Stubs of the services that are called, in each of their forms.

#![allow(clippy::unwrap_used, clippy::expect_used)] // Tests may fail loudly.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::time::Duration;

use example_service::types::*;
use example_service::{ExampleClient, ExampleService, VERSION_2};
use soa::settings::{NoSection, Settings};
use soa::testing::{Answer, Stub, Stubs, TestServer};
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
