//! Stubs that cannot drift from the service, and versions of a service compared.

#![allow(clippy::unwrap_used, clippy::expect_used)] // Tests may fail loudly.

use example_service::types::*;
use example_service::{ExampleClient, ExampleService};
use soa::testing::{Compatibility, Introspection, Stub, TestServer, check_compatible};
use soa::{Server, value};

async fn offer(server: &TestServer) -> Introspection {
    let service = server.server().name().to_owned();
    Introspection::of(server.client(), service).await.unwrap()
}

async fn example() -> Introspection {
    offer(&TestServer::new(ExampleService::new())).await
}

#[tokio::test]
async fn a_stub_that_answers_as_the_service_would_keeps_its_contract() {
    let stub = Stub::new()
        .on(ExampleClient::SQUARE, |_| Ok(SquareResponse { square: 4 }))
        .on(ExampleClient::ECHO, Ok);
    let called = ExampleClient::stubbed(stub.clone());
    soa::assert_runs!(called.square(SquareRequest { number: 2 }));
    soa::assert_runs!(called.echo(value!({ "a": [1] })));

    let example = example().await;
    example.check(&stub.exchanges()).unwrap();

    // Without the service at hand: what was saved of it.
    let saved = example.to_json().unwrap();
    let saved = Introspection::from_json(&saved).unwrap();
    assert_eq!(saved, example);
    saved.check(&stub.exchanges()).unwrap();
}

#[tokio::test]
async fn a_stub_that_has_drifted_is_told_where() {
    let stub = Stub::from_actions(&value!({
        "square": { "body": { "squared": "four" } },
        "validate_me": { "body": { "ok": true } },
        "cube": {},
    }));
    let stub = stub.unwrap();
    let server = soa::testing::Stubs::new().service("example", stub.clone());
    let call = async |action: &'static str, body: soa::Value| {
        let client = server.client();
        soa::assert_runs!(client.call_action("example", action, &body))
    };
    call("square", value!({ "number": 2 })).await;
    call("cube", value!({ "number": 2 })).await;
    let bad = value!({
        "id": 0,
        "name": "much too long a name",
        "kind": "d",
        "nested": { "y": 1 },
        "tags": ["a", 2],
        "either": 1.5,
    });
    call("validate_me", bad).await;
    let drift = example().await.check(&stub.exchanges()).unwrap_err();
    insta::assert_snapshot!(drift);
}

#[tokio::test]
async fn versions_are_compared_for_their_callers() {
    let old = value!({ "actions": {
        "find": {
            "request_schema": { "type": "dictionary", "contents": {
                "id": { "type": "integer", "gte": 1 },
                "lang": { "type": "constant", "values": ["de", "en"] },
            }, "optional_keys": ["lang"], "allow_extra_keys": false },
            "response_schema": { "type": "dictionary", "contents": {
                "name": { "type": "unicode" },
                "age": { "type": "integer" },
            }, "optional_keys": [], "allow_extra_keys": false },
        },
        "list": {
            "request_schema": { "type": "dictionary", "contents": {
                "page": { "type": "integer", "gte": 1, "lte": 100 },
            }, "optional_keys": [], "allow_extra_keys": false },
            "response_schema": nil,
        },
        "remove": { "request_schema": nil, "response_schema": nil },
    } });
    let new = value!({ "actions": {
        "find": {
            "request_schema": { "type": "dictionary", "contents": {
                "id": { "type": "integer", "gt": 5 },
                "lang": { "type": "constant", "values": ["en", "fr"] },
                "region": { "type": "unicode" },
            }, "optional_keys": [], "allow_extra_keys": false },
            "response_schema": { "type": "dictionary", "contents": {
                "name": { "type": "nullable", "nullable": { "type": "unicode" } },
            }, "optional_keys": [], "allow_extra_keys": false },
        },
        "list": {
            "request_schema": { "type": "dictionary", "contents": {
                "page": { "type": "nullable", "nullable": { "type": "integer", "gt": 0 } },
                "order": { "type": "unicode" },
            }, "optional_keys": ["order"], "allow_extra_keys": false },
            "response_schema": { "type": "dictionary", "contents": {}, "optional_keys": [], "allow_extra_keys": true },
        },
    } });
    let old = Introspection::from_value(old).unwrap();
    let new = Introspection::from_value(new).unwrap();
    let report = check_compatible(&old, &new);
    assert!(!report.is_compatible());
    insta::assert_snapshot!(report);
    let report = report.used(["list"]);
    assert!(report.is_compatible());
    assert_eq!(report.actions()[0].compatibility, Compatibility::Unused);
}

#[tokio::test]
async fn a_service_is_compatible_with_itself_and_not_with_another() {
    let example = example().await;
    let report = check_compatible(&example, &example);
    assert!(report.is_compatible(), "{report}");
    let other = TestServer::new(Server::untyped("example", "2.0.0"));
    let report = check_compatible(&example, &offer(&other).await);
    assert!(!report.used(["square"]).is_compatible());
}
