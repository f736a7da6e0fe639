//! The service in the test's own process, with what surrounds it in production; and its handlers alone.

#![allow(clippy::unwrap_used, clippy::expect_used)] // Tests may fail loudly.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use example_service::types::*;
use example_service::{Example as _, ExampleClient, ExampleService};
use soa::middleware::{ActionStage, Next, from_fn};
use soa::settings::{NoSection, Settings};
use soa::testing::{Answer, Stub, TestServer};
use soa::{ActionCall, Client, Context, Server, Switch, value};

#[tokio::test]
async fn middleware_and_settings_are_those_of_production() {
    let settings = Settings::<NoSection>::loader()
        .set("server.name=example3")
        .set("server.tracebacks=true")
        .load()
        .unwrap();
    let calls = Arc::new(AtomicUsize::new(0));
    let counted = Arc::clone(&calls);
    let server = Server::builder(ExampleService::new()).action_middleware(from_fn(
        move |call: ActionCall, next: Next<ActionStage>| {
            counted.fetch_add(1, Ordering::Relaxed);
            next.run(call)
        },
    ));
    let example = TestServer::new(settings.server.apply(server).unwrap());

    soa::assert_runs!(example.call("square", value!({ "number": 3 })));
    let panic = example.call("boom", value!({}));
    let errors = soa::assert_runs_with_only_error_codes!(panic, "SERVER_ERROR");

    assert_eq!(example.server().name(), "example3");
    assert_eq!(calls.load(Ordering::Relaxed), 2);
    assert!(errors[0].traceback.is_some());
}

#[tokio::test]
async fn switches_and_context_are_in_every_call() {
    let example = TestServer::new(ExampleService::new())
        .with_switch(Switch::new(7))
        .with_context("locale", "en_GB")
        .with_caller("billing")
        .with_correlation_id("c1");
    let seen = soa::assert_runs!(example.typed::<ExampleClient>().get_context(value!({})));
    assert!(seen.switches.contains(&7));
    assert_eq!(seen.context.get("locale"), Some(&"en_GB".into()));
    assert_eq!(seen.context.get("correlation_id"), Some(&"c1".into()));
}

#[tokio::test]
async fn a_handler_is_called_with_a_context_for_tests() {
    let stub = Stub::new().always(
        ExampleClient::SQUARE,
        Answer::body(SquareResponse { square: 25 }),
    );
    let stub = stub.on_action("get_context", |_| {
        Ok(value!({ "context": {}, "control": {}, "switches": [], "action": "get_context" }))
    });
    let client = Client::builder().service("example2", stub).build().unwrap();
    let cx = Context::for_test().with_client(&client);
    let request = CallSquareRequest {
        number: 5,
        service: None,
    };
    let response = ExampleService::new().call_square(request, &cx).await;
    assert_eq!(response.unwrap().square, 25);
}
