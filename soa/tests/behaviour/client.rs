//! The forms of a call, the context that flows down, and how failures are told.

use std::error::Error as _;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use example_service::types::{CallSquareRequest, FailRequest, SquareRequest, SquareResponse};
use example_service::{ExampleClient, ExampleService, VERSION_2};
use garde::Validate;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use soa::{
    ActionError, Client, Context, ErrorKind, LocalTransport, Map, Name, Server, Switch,
    TypedClient as _, Value, value,
};

fn square(number: i128) -> SquareRequest {
    SquareRequest { number }
}

fn number(response: &SquareResponse) -> i128 {
    response.square
}

fn example() -> ExampleClient {
    ExampleClient::local(ExampleService::new())
}

/// A client of two services, of which the first calls the second.
fn two_services() -> Client {
    let second = Server::builder(ExampleService::new())
        .name("example2")
        .build()
        .unwrap();
    let chained = Client::builder()
        .service("example2", LocalTransport::new(second.clone()))
        .build()
        .unwrap();
    let first = Server::builder(ExampleService::new())
        .client(chained)
        .build()
        .unwrap();
    Client::builder()
        .service("example", LocalTransport::new(first))
        .service("example2", LocalTransport::new(second))
        .build()
        .unwrap()
}

#[tokio::test]
async fn a_job_gives_a_tuple_or_a_vector_of_typed_results_in_order() {
    let example = example();
    let client = two_services();
    let first = ExampleClient::new(&client);
    let (a, b, version) = client
        .job((
            first.square(square(2)),
            first.square(square(3)),
            first.switched_v3(value!({})),
        ))
        .await
        .unwrap();
    assert_eq!((number(&a), number(&b), version.version), (4, 9, 3));
    let many = (1..=20)
        .map(|n| first.square(square(n)))
        .collect::<Vec<_>>();
    let squares: Vec<i128> = client.job(many).await.unwrap().iter().map(number).collect();
    assert_eq!(squares, (1..=20).map(|n| n * n).collect::<Vec<_>>());
    assert_eq!(number(&example.square(square(5)).await.unwrap()), 25);
}

#[tokio::test]
async fn the_first_failing_action_is_the_error_of_a_job() {
    let client = two_services();
    let example = ExampleClient::new(&client);
    let job = client.job((
        example.square(square(1)),
        example.fail(FailRequest::default()),
        example.square(square(2)),
    ));
    let error = job.await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Action);
    assert_eq!(
        error.to_string(),
        "action `fail` of service `example` failed: EXAMPLE_FAILURE at `some.field`: This action \
         always fails"
    );
    assert_eq!(error.errors()[0].code, "EXAMPLE_FAILURE");
}

#[tokio::test]
async fn a_job_that_goes_on_gives_the_outcome_of_each_action() {
    let client = two_services();
    let example = ExampleClient::new(&client);
    let (one, failed, two) = client
        .job((
            example.square(square(1)),
            example.fail(FailRequest::default()),
            example.square(square(2)),
        ))
        .continue_on_error()
        .await
        .unwrap();
    assert_eq!((number(&one.unwrap()), number(&two.unwrap())), (1, 4));
    assert_eq!(failed.unwrap_err().errors()[0].code, "EXAMPLE_FAILURE");
    let calls = vec![
        example.fail(FailRequest::default()),
        example.fail(FailRequest::default()),
    ];
    let outcomes = client.job(calls).continue_on_error().await.unwrap();
    assert!(outcomes.iter().all(Result::is_err));
}

#[tokio::test]
async fn an_error_of_the_job_is_one_error() {
    let client = two_services();
    let example = ExampleClient::new(&client);
    let job = client.job((example.square(square(1)), example.job_error(value!({}))));
    let error = job.continue_on_error().await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Job);
    assert_eq!(error.errors()[0].field.as_deref(), Some("control.thing"));
}

#[tokio::test]
async fn a_job_goes_to_one_service() {
    let client = two_services();
    let (one, two) = (
        ExampleClient::new(&client),
        ExampleClient::named(&client, "example2"),
    );
    let error = client
        .job((one.square(square(1)), two.square(square(2))))
        .await
        .unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Usage);
    assert!(
        error
            .to_string()
            .contains("has actions of `example2` too; use `parallel`"),
        "{error}"
    );
    let none: Vec<soa::Call<Value>> = Vec::new();
    assert_eq!(client.job(none).await.unwrap_err().kind(), ErrorKind::Usage);
}

#[tokio::test]
async fn parallel_calls_come_back_in_order_from_several_services() {
    let client = two_services();
    let services = ["example", "example2"].map(|name| ExampleClient::named(&client, name));
    let calls: Vec<_> = (1..=10)
        .map(|n| services[usize::try_from(n % 2).unwrap()].square(square(n)))
        .collect();
    let squares: Vec<i128> = client
        .parallel(calls)
        .await
        .unwrap()
        .iter()
        .map(number)
        .collect();
    assert_eq!(squares, (1..=10).map(|n| n * n).collect::<Vec<_>>());
    let [one, two] = &services;
    let (a, (b, c)) = client
        .parallel((
            one.square(square(2)).switch(VERSION_2),
            client
                .job((two.square(square(3)), two.switched(value!({}))))
                .switch(99),
        ))
        .await
        .unwrap();
    assert_eq!((number(&a), number(&b), c.version), (4, 9, 1));
    let error = client
        .parallel([one.fail(FailRequest::default())])
        .await
        .unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Action);
}

#[tokio::test]
async fn a_call_is_sent_now_and_collected_later() {
    let client = two_services();
    let example = ExampleClient::new(&client);
    let mut pending = example.square(square(7)).send().await.unwrap();
    assert_eq!(number(&(&mut pending).await.unwrap()), 49);
    assert_eq!(
        pending.await.unwrap_err().kind(),
        ErrorKind::Usage,
        "collected already"
    );
    let job = client
        .job((example.square(square(1)), example.square(square(2))))
        .send();
    let (one, two) = job.await.unwrap().await.unwrap();
    assert_eq!((number(&one), number(&two)), (1, 4));
    let options = example.switched_v2(value!({})).switch(99).send();
    assert_eq!(options.await.unwrap().await.unwrap().version, 2);
    let nowhere = ExampleClient::named(&client, "nowhere");
    let error = nowhere.square(square(1)).send().await.unwrap_err();
    assert_eq!(
        error.kind(),
        ErrorKind::UnknownService,
        "told when it is sent"
    );
}

#[tokio::test(start_paused = true)]
async fn waiting_for_a_pending_call_may_be_cut_short_and_tried_again() {
    let server = Server::untyped("slow", "1.0.0")
        .action("slow", |body: Value, _: Context| async {
            tokio::time::sleep(Duration::from_secs(10)).await;
            Ok::<_, ActionError>(body)
        })
        .build()
        .unwrap();
    let client = Client::builder()
        .service("slow", LocalTransport::new(server))
        .build()
        .unwrap();
    let mut pending = client
        .call_action("slow", "slow", &value!({}))
        .send()
        .await
        .unwrap();
    let early = tokio::time::timeout(Duration::from_secs(1), &mut pending).await;
    assert!(early.is_err());
    assert_eq!(pending.await.unwrap(), value!({}));
}

#[tokio::test(start_paused = true)]
async fn a_caller_that_gives_up_does_not_cancel_the_handler() {
    let finished = Arc::new(AtomicBool::new(false));
    let mark = Arc::clone(&finished);
    let server = Server::untyped("slow", "1.0.0")
        .action("slow", move |body: Value, _: Context| {
            let mark = Arc::clone(&mark);
            async move {
                tokio::time::sleep(Duration::from_secs(10)).await;
                mark.store(true, Ordering::SeqCst);
                Ok::<_, ActionError>(body)
            }
        })
        .build()
        .unwrap();
    let client = Client::builder()
        .service("slow", LocalTransport::new(server))
        .build()
        .unwrap();
    let call = client.call_action("slow", "slow", &value!({}));
    let given_up = tokio::time::timeout(Duration::from_secs(2), call.into_future()).await;
    assert!(given_up.is_err());
    assert!(!finished.load(Ordering::SeqCst));
    tokio::time::sleep(Duration::from_secs(9)).await;
    assert!(finished.load(Ordering::SeqCst));
}

#[tokio::test]
async fn untyped_calls_take_and_give_values() {
    let client = two_services();
    let answer = client
        .call_action("example", "square", &square(4))
        .await
        .unwrap();
    assert_eq!(answer, value!({ "square": 16 }));
    let response = client
        .call_job(
            "example2",
            [
                ("square".into(), value!({ "number": 3 })),
                ("fail".into(), value!({})),
            ],
        )
        .await
        .unwrap();
    assert_eq!(response.actions[1].errors[0].code, "EXAMPLE_FAILURE");
    let nothing = client.call_job("example", []).await.unwrap();
    assert_eq!(nothing.errors[0].field.as_deref(), Some("actions"));
}

/// A call by names that are gone before it is awaited.
async fn called_by(client: &Client, line: &str) -> Value {
    let call = {
        let line = line.to_owned();
        let (service, action) = line.split_once('.').unwrap();
        client.call_action(service, action, &square(3))
    };
    call.await.unwrap()
}

#[tokio::test]
async fn names_are_any_text_that_a_caller_has_at_run_time() {
    let client = two_services();
    let expected = value!({ "square": 9 });
    assert_eq!(called_by(&client, "example2.square").await, expected);

    let (service, action) = (String::from("example"), String::from("square"));
    let name = Name::from(&service);
    for call in [
        client.call_action(&service, &action, &square(3)),
        client.call_action(service.clone(), action.clone(), &square(3)),
        client.call_action(&name, action.as_str(), &square(3)),
        client.call_action(name.clone(), action.clone().into_boxed_str(), &square(3)),
    ] {
        // In a task of its own, so it holds on to nothing.
        assert_eq!(
            tokio::spawn(call.into_future()).await.unwrap().unwrap(),
            expected
        );
    }
    let job = client.call_job(
        &*service,
        [(action.as_str().into(), value!({ "number": 3 }))],
    );
    assert_eq!(job.await.unwrap().actions[0].action, action);
    let typed = ExampleClient::named(&client, service.as_str());
    assert_eq!(number(&typed.square(square(3)).await.unwrap()), 9);
}

#[tokio::test]
async fn a_service_and_its_actions_are_named_at_run_time() {
    let names = String::from("tools 1.2.0 echo");
    let names: Vec<&str> = names.split(' ').collect();
    let &[service, version, action] = names.as_slice() else {
        panic!()
    };
    let relay = |body: Value, cx: Context| {
        let call = {
            let echo = cx.action().trim_start_matches("relay_").to_owned();
            cx.call_local_action(echo.as_str(), body)
        };
        async { tokio::spawn(call).await.unwrap() }
    };
    let server = Server::untyped(service, version)
        .action(action, |body: Value, _: Context| async {
            Ok::<_, ActionError>(body)
        })
        .action(format!("relay_{action}"), relay)
        .build()
        .unwrap();
    let client = Client::builder()
        .service(service, LocalTransport::new(server))
        .build()
        .unwrap();
    let (action, body) = (format!("relay_{action}"), value!({ "n": 1 }));
    let answer = client.call_action(service, &action, &body).await;
    assert_eq!(answer.unwrap(), body);
    assert!(client.services().eq([service]));
}

#[tokio::test]
async fn context_and_control_are_built_of_base_and_options() {
    let server = Server::builder(ExampleService::new()).build().unwrap();
    let client = Client::builder()
        .service("example", LocalTransport::new(server))
        .caller("a test")
        .switches(Switch::new(1))
        .context("tenant", 4)
        .context("switches", value!([9]))
        .build()
        .unwrap();
    let example = ExampleClient::new(&client);
    let seen = example
        .get_context(value!({}))
        .switch(5)
        .switch(1)
        .context("locale", "fr_FR")
        .context("caller", "another")
        .correlation_id("abc")
        .control("x", 1)
        .timeout(Duration::from_secs(3))
        .await
        .unwrap();
    let get = |key: &str| seen.context.get(key).cloned();
    assert_eq!(get("correlation_id"), Some("abc".into()));
    assert_eq!(get("caller"), Some("another".into()));
    assert_eq!(get("tenant"), Some(4.into()));
    assert_eq!(get("locale"), Some("fr_FR".into()));
    assert_eq!(seen.switches, [1, 5, 9]);
    let mut control: Map = Map::new();
    control.insert("continue_on_error", false);
    control.insert("suppress_response", false);
    control.insert("x", 1);
    control.insert("timeout", 3);
    assert_eq!(seen.control, control);
    let fresh = example.get_context(value!({})).await.unwrap();
    let id = fresh
        .context
        .get("correlation_id")
        .and_then(Value::as_str)
        .unwrap();
    assert!(
        id.len() == 32 && id.bytes().all(|byte| byte.is_ascii_hexdigit()),
        "{id}"
    );
}

#[tokio::test]
async fn the_context_flows_down_the_chain_by_itself() {
    let client = two_services();
    let request = CallSquareRequest {
        number: 9,
        service: None,
    };
    let seen = ExampleClient::new(&client)
        .call_square(request)
        .correlation_id("chain")
        .switch(8)
        .switch(5)
        .context("tenant", 7)
        .await
        .unwrap();
    assert_eq!(seen.square, 81);
    let callee = |key: &str| seen.callee_context.get(key).cloned();
    assert_eq!(callee("correlation_id"), Some("chain".into()));
    assert_eq!(callee("switches"), Some(value!([8, 5])));
    assert_eq!(callee("tenant"), Some(7.into()));
    assert_eq!(callee("calling_service"), Some("example".into()));
    assert_eq!(seen.received_context.get("calling_service"), None);
    assert_eq!(seen.callee_control.get("timeout"), Some(&5.into()));
}

#[tokio::test]
async fn a_hook_sees_every_client_that_a_server_makes() {
    let second = Server::builder(ExampleService::new())
        .name("example2")
        .build()
        .unwrap();
    let chained = Client::builder()
        .service("example2", LocalTransport::new(second))
        .build()
        .unwrap();
    let first = Server::builder(ExampleService::new())
        .client(chained)
        .client_hook(|client, context| {
            let mut changed = client.base_context().clone();
            changed.extra.insert("seen", &*context.correlation_id);
            client.inheriting(changed)
        })
        .build()
        .unwrap();
    let request = CallSquareRequest {
        number: 1,
        service: None,
    };
    let call = ExampleClient::local(first)
        .call_square(request)
        .correlation_id("abc");
    let seen = call.await.unwrap();
    assert_eq!(seen.callee_context.get("seen"), Some(&"abc".into()));
}

#[tokio::test]
async fn failures_are_told_with_service_and_cause() {
    let client = two_services();
    let nowhere = ExampleClient::named(&client, "nowhere");
    let error = nowhere.square(square(1)).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::UnknownService);
    assert_eq!(
        error.to_string(),
        "no route to service `nowhere`: this client knows `example`, `example2`; add one with the setting \
         `client_routing.nowhere` or with `ClientBuilder::service`"
    );

    let error = client.call_action("example", "echo", &7).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Encode);
    assert_eq!(
        error.to_string(),
        "the request for `echo` of service `example` cannot be encoded: a body must be a map, not integer"
    );

    let handle = soa::Action::<Value, SquareResponse>::new("echo");
    let call = soa::__private::ServiceClient::new(&client, "example").call(handle, value!({}));
    let error = call.await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Decode);
    assert_eq!(
        error.to_string(),
        "the response of `echo` of service `example` cannot be decoded: MISSING at `square`: Missing key: square"
    );
    assert!(error.reason().unwrap().is::<soa::codec::DecodeError>());
    assert!(error.source().is_none(), "its text has the reason");
}

#[derive(Debug, Serialize, Deserialize, Validate, JsonSchema)]
#[garde(allow_unvalidated)]
struct Order {
    items: Vec<Item>,
    paid: bool,
}

#[derive(Debug, Serialize, Deserialize, Validate, JsonSchema)]
#[garde(allow_unvalidated)]
struct Item {
    price: i64,
}

#[tokio::test]
async fn a_response_of_the_wrong_type_is_told_with_every_field() {
    const FIND: soa::Action<Value, Order> = soa::Action::new("echo");
    let client = two_services();
    let find =
        |body: Value| soa::__private::ServiceClient::new(&client, "example").call(FIND, body);
    let prefix = "the response of `echo` of service `example` cannot be decoded: ";
    let body = value!({ "items": [{ "price": 1 }, { "price": "free" }] });
    let error = find(body).await.unwrap_err();
    let told = "INVALID at `items.1.price`: Not an integer; MISSING at `paid`: Missing key: paid";
    assert_eq!(error.to_string(), format!("{prefix}{told}"));
    let reason = error.reason().and_then(|reason| reason.downcast_ref());
    let reason: &soa::codec::DecodeError = reason.unwrap();
    assert_eq!(reason.field(), Some("items.1.price"));
    let items: Vec<Value> = (0..9).map(|_| value!({})).collect();
    let body = value!({ "items": items, "paid": true });
    let text = find(body).await.unwrap_err().to_string();
    assert!(text.ends_with("; and 4 more"), "{text}");
}

#[tokio::test]
async fn an_error_is_printed_as_a_person_reads_it() {
    let client = two_services();
    let error = client
        .call_action("nowhere", "find", &())
        .await
        .unwrap_err();
    assert_eq!(format!("{error:?}"), error.to_string());
    assert_eq!(format!("{error:#?}"), error.to_string());

    let refused = || std::io::Error::from(std::io::ErrorKind::ConnectionRefused);
    let kind = soa::TransportErrorKind::Transient;
    let broken =
        soa::TransportError::new(kind, "the broker is not available").with_source(refused());
    assert_eq!(
        format!("{broken:?}"),
        "the broker is not available: connection refused"
    );
    let rejected = soa::ClientError::middleware("example", broken);
    assert_eq!(
        format!("{rejected:?}"),
        "middleware rejected the call of service `example`: the broker is not available: connection refused"
    );
    let internal = soa::ActionError::internal(rejected);
    assert_eq!(
        format!("{internal:?}"),
        "SERVER_ERROR: Internal server error: middleware rejected the call of service `example`: \
         the broker is not available: connection refused"
    );
    let errors: [&dyn std::fmt::Debug; 5] = [
        &soa::BuildError::new("no name"),
        &soa::JobError::new("CLOSED", "We are closed"),
        &"13".parse::<soa::DateTime>().unwrap_err(),
        &soa::codec::EncodeError::new("too deep"),
        &soa::Date::new(2026, 13, 1).unwrap_err(),
    ];
    for error in errors {
        let text = format!("{error:?}");
        assert!(!text.contains(['{', '(']), "{text}");
    }
}

#[test]
fn two_routes_to_one_service_are_a_mistake() {
    let server = Server::builder(ExampleService::new()).build().unwrap();
    let twice = Client::builder()
        .service("example", LocalTransport::new(server.clone()))
        .service("example", LocalTransport::new(server))
        .build();
    let error = twice.unwrap_err().to_string();
    assert_eq!(
        error,
        "service `example` has two routes; give each service one transport"
    );
}

#[test]
fn clients_and_calls_can_go_to_other_threads() {
    fn is_send_and_sync<T: Send + Sync + 'static>() {}
    fn is_send<T: Send + 'static>() {}
    is_send_and_sync::<Client>();
    is_send_and_sync::<Server>();
    is_send_and_sync::<Context>();
    is_send_and_sync::<ExampleClient>();
    is_send::<soa::Call<Value>>();
    is_send::<soa::Pending<Value>>();
    assert_eq!(ExampleClient::DESCRIPTOR.name(), "example");
}

#[tokio::test]
async fn a_service_that_cannot_be_served_is_told_by_every_call() {
    let broken = ExampleClient::local(Server::untyped("", "1.0.0"));
    let error = broken.square(square(1)).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Transport);
    assert_eq!(
        error.to_string(),
        "calling service `example` failed: a service needs a name"
    );
}

#[tokio::test]
async fn values_that_the_framework_cannot_use_are_told_before_anything_is_sent() {
    let example = example();
    let cases = [
        (
            example.none(value!({})).context("switches", value!(["x"])),
            "`switches` must be a list of integers",
        ),
        (
            example.none(value!({})).context("caller", 1),
            "`caller` must be text",
        ),
        (
            example.none(value!({})).control("continue_on_error", "yes"),
            "`continue_on_error` must be true or false",
        ),
        (
            example.none(value!({})).control("suppress_response", true),
            "is not for calls that wait",
        ),
    ];
    for (call, problem) in cases {
        let error = call.await.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Usage);
        assert!(error.to_string().contains(problem), "{error}");
    }
    let error = Client::builder()
        .context("switches", 5)
        .build()
        .unwrap_err();
    assert_eq!(
        error.to_string(),
        "the context's `switches` must be a list of integers"
    );
    let none: Vec<soa::Call<Value>> = Vec::new();
    let error = two_services().job(none).await.unwrap_err();
    assert_eq!(
        error.to_string(),
        "invalid call: a job needs at least one action"
    );
}

#[tokio::test]
async fn a_job_keeps_the_context_of_the_client_that_its_calls_were_made_with() {
    let client = two_services();
    let mut context = client.base_context().clone();
    context.extra.insert("tenant", 7);
    let chained = ExampleClient::new(&client.inheriting(context));
    let (seen, _) = client
        .job((chained.get_context(value!({})), chained.none(value!({}))))
        .await
        .unwrap();
    assert_eq!(seen.context.get("tenant"), Some(&7.into()));
}
