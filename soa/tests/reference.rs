//! The typed client against a service of the reference, PySOA, over Redis.
//!
//! `interop/reference_service` has the actions of the example service in Python. A call of either must give the
//! same: where there is nothing more to say, the tests compare what the reference answers with what our own
//! service answers in this process.

#![allow(clippy::unwrap_used, clippy::expect_used)] // Helpers of tests may fail loudly, too.
#![allow(clippy::print_stdout)] // What the processes of a failed test have said.

#[path = "reference/expansions.rs"]
mod expansions;
#[path = "interop/patient.rs"]
mod patient;
#[path = "interop/processes.rs"]
mod processes;
#[path = "interop/python.rs"]
mod python;
#[path = "interop/sentinel.rs"]
mod sentinel;

use std::fmt::Debug;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use example_service::types::*;
use example_service::{ExampleClient, ExampleService, VERSION_2};
use processes::{Process, Redis};
use python::{chunking_reference_service, reference_service};
use soa::middleware::{ActionStage, Next, from_fn};
use soa::{
    ActionCall, ActionError, ActionErrors, Call, Client, Context, ContextValue, ErrorKind,
    LocalTransport, Map, Nullable, RedisClientTransport, RedisServerTransport, RedisSettings,
    Server, Value, WireError, value,
};

/// Reference services `example` and `example2`, and a client of both.
struct Reference {
    client: Client,
    example: ExampleClient,
    redis: Redis,
    _services: [Process; 2],
}

impl Reference {
    async fn start() -> Self {
        Self::on(Redis::start()).await
    }

    async fn on(redis: Redis) -> Self {
        let services = ["example", "example2"].map(|name| reference_service(&redis, name));
        let client = client(&redis);
        for name in ["example", "example2"] {
            await_service(&client, name).await;
        }
        let example = ExampleClient::new(&client);
        Self {
            client,
            example,
            redis,
            _services: services,
        }
    }
}

fn settings(redis: &Redis) -> RedisSettings {
    // The machine may be busy with other tests.
    let settings: RedisSettings = redis.addresses().parse().unwrap();
    settings.receive_timeout(Duration::from_secs(20))
}

fn client(redis: &Redis) -> Client {
    let transport = |name: &'static str| RedisClientTransport::new(name, settings(redis)).unwrap();
    Client::builder()
        .service("example", transport("example"))
        .service("example2", transport("example2"))
        .caller("a test")
        .build()
        .unwrap()
}

/// A server needs a moment to start; until then its requests wait in the queue, or run out. One of the reference looks at
/// the masters of a ring one after another, each for a second.
async fn await_service(client: &Client, name: &'static str) {
    for _ in 0..4 {
        let call = client.call_action(name, "status", &value!({ "verbose": false }));
        match call.timeout(Duration::from_secs(8)).await {
            Ok(status) => return assert!(status.get("python").is_some(), "{status:?}"),
            Err(error) => assert_eq!(error.kind(), ErrorKind::Timeout, "{error}"),
        }
    }
    panic!("nobody serves `{name}`");
}

/// Our own services `example` and `example2`, in this process.
fn local() -> Client {
    let second = Server::builder(ExampleService::new())
        .tell_internal_errors(true)
        .name("example2")
        .build()
        .unwrap();
    let route = || Client::builder().caller("a test");
    let chained = route()
        .service("example2", LocalTransport::new(second))
        .build()
        .unwrap();
    let first = Server::builder(ExampleService::new())
        .tell_internal_errors(true)
        .client(chained)
        .build()
        .unwrap();
    route()
        .service("example", LocalTransport::new(first))
        .build()
        .unwrap()
}

fn square(number: i128) -> SquareRequest {
    SquareRequest { number }
}

/// What an error says, without its traceback: the reference always puts one on the wire.
fn said(error: &WireError) -> WireError {
    let mut error = error.clone();
    error.traceback = None;
    error
}

/// Both calls give the same response, or fail in the same way.
async fn assert_same<R: Send + Debug + PartialEq + 'static>(ours: Call<R>, reference: Call<R>) {
    let ours = ours.correlation_id("the same").await;
    let reference = reference.correlation_id("the same").await;
    match (ours, reference) {
        (Ok(ours), Ok(reference)) => assert_eq!(ours, reference),
        (Err(ours), Err(reference)) => {
            assert_eq!(ours.kind(), reference.kind(), "{ours} | {reference}");
            let errors = |list: &[WireError]| list.iter().map(said).collect::<Vec<_>>();
            assert_eq!(errors(ours.errors()), errors(reference.errors()));
        }
        (ours, reference) => panic!("ours {ours:?}\nreference {reference:?}"),
    }
}

#[tokio::test]
async fn typed_calls_of_a_reference_server_give_what_our_own_gives() {
    let reference = Reference::start().await;
    let (ours, theirs) = (&ExampleClient::new(&local()), &reference.example);
    macro_rules! same {
        ($($action:ident($request:expr)),* $(,)?) => {
            $(assert_same(ours.$action($request), theirs.$action($request)).await;)*
        };
    }
    let anything = || value!({ "a": 1, "b": [1.5, nil, "text"], "c": { "d": true } });
    let big = |kind| BigRequest { size: 5_000, kind };
    let key = || "kept by the service".to_owned();
    let call_square = |service| CallSquareRequest { number: 9, service };
    let owner_ids = || ["o1", "missing", "o9"].map(str::to_owned).to_vec();
    let valid = || ValidateMeRequest {
        id: 1,
        name: "éé".to_owned(),
        tags: Some(vec!["a".to_owned()]),
        kind: Some(Kind::B),
        flag: Some(false),
        when: Some(When::Utc("2018-09-21T12:34:56.789012Z".parse().unwrap())),
        nested: Some(Nested {
            x: 1,
            y: Some("1.50".parse().unwrap()),
        }),
        extra_map: Some([("one".to_owned(), 1)].into_iter().collect()),
        maybe: Some(Nullable::Null),
        either: Some(Either::Text("text".to_owned())),
    };
    let not_serializable = |what: &str| NotSerializableRequest {
        what: Some(what.to_owned()),
    };
    same! {
        square(square(12)),
        square(square(-(1 << 31))),
        echo(anything()),
        none(value!({})),
        validate_me(valid()),
        custom_validate(anything()),
        not_serializable(NotSerializableRequest::default()),
        not_serializable(not_serializable("set")),
        get_context(anything()),
        big(big(None)),
        big(big(Some(BigKind::Text))),
        switched(value!({})),
        switched_v2(value!({})),
        switched_v3(value!({})),
        remember(RememberRequest { key: key(), value: anything() }),
        recall(RecallRequest { key: key() }),
        recall(RecallRequest { key: "never kept".to_owned() }),
        get_things(value!({})),
        get_owners(GetOwnersRequest { owner_ids: owner_ids() }),
    }
    let chained = theirs.call_square(call_square(None)).await.unwrap();
    let calling = chained.callee_context.get("calling_service");
    assert_eq!((chained.square, calling), (81, Some(&"example".into())));
    let example2 = ExampleClient::named(&reference.client, "example2");
    let back = example2.call_square(call_square(Some("example".to_owned())));
    assert_eq!(back.await.unwrap().square, 81);
    let slow = theirs
        .slow(SlowRequest {
            seconds: Some(0.01),
        })
        .await
        .unwrap();
    assert_eq!(slow.slept, 0.01);
    assert_ne!(slow.pid, std::process::id());
}

#[tokio::test]
async fn every_type_of_the_wire_comes_from_a_reference_server_and_goes_there_and_back() {
    let reference = Reference::start().await;
    let mut ours = ExampleClient::new(&local())
        .types(value!({}))
        .await
        .unwrap()
        .canonical;
    let theirs = reference.example.types(value!({ "k": "v" })).await.unwrap();
    assert_eq!(theirs.received, value!({ "k": "v" }));
    // The reference goes by way of a floating point number, and loses a microsecond of this one.
    let mut canonical = theirs.canonical;
    assert!(canonical.remove("dt_old").is_some() && ours.remove("dt_old").is_some());
    for (name, value) in ours.iter() {
        assert_eq!(
            name.as_str().and_then(|name| canonical.get(name)),
            Some(value)
        );
    }
    assert_eq!(ours.len(), canonical.len());
    let echoed = reference
        .example
        .echo(Value::Map(ours.clone()))
        .await
        .unwrap();
    assert_eq!(echoed, Value::Map(ours));
}

#[tokio::test]
async fn errors_of_a_reference_server_are_told_like_our_own() {
    let reference = Reference::start().await;
    let local = local();
    let (ours, theirs) = (&ExampleClient::new(&local), &reference.example);
    let all = || FailRequest {
        code: Some("TEAPOT".to_owned()),
        message: Some("short and stout".to_owned()),
        field: Some(Nullable::Null),
        variables: Some(Nullable::Value(Map::from_iter([("temperature", 90)]))),
        denied_permissions: Some(Nullable::Value(vec!["pour".to_owned()])),
        count: Some(3),
        keep_caller_error: Some(true),
    };
    assert_same(
        ours.fail(FailRequest::default()),
        theirs.fail(FailRequest::default()),
    )
    .await;
    assert_same(ours.fail(all()), theirs.fail(all())).await;
    assert_same(ours.job_error(value!({})), theirs.job_error(value!({}))).await;
    let bad = || value!({ "bad": 1 });
    assert_same(ours.custom_validate(bad()), theirs.custom_validate(bad())).await;
    for body in [
        value!({}),
        value!({ "id": "one", "name": "x", "tags": [1, 2, 3, 4], "kind": "d", "colour": "red" }),
        value!({ "id": 0, "name": "name", "nested": { "y": 1 }, "maybe": "x", "either": nil }),
    ] {
        let validate = |client: &Client| client.call_action("example", "validate_me", &body);
        assert_same(validate(&local), validate(&reference.client)).await;
    }
    for call in [
        theirs.boom(value!({})).await.map(drop),
        theirs.bad_response(value!({})).await.map(drop),
    ] {
        let error = call.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Action, "{error}");
        assert_eq!(error.errors()[0].code, "SERVER_ERROR");
    }
    let object = NotSerializableRequest {
        what: Some("object".to_owned()),
    };
    let error = theirs.not_serializable(object).await.unwrap_err();
    assert_eq!(
        (error.kind(), &*error.errors()[0].code),
        (ErrorKind::Job, "RESPONSE_NOT_SERIALIZABLE")
    );
    let error = theirs
        .big(BigRequest {
            size: 300_000,
            kind: None,
        })
        .await
        .unwrap_err();
    assert_eq!(
        (error.kind(), &*error.errors()[0].code),
        (ErrorKind::Job, "RESPONSE_TOO_LARGE")
    );
    let unknown = reference
        .client
        .call_action("example", "nowhere", &value!({}));
    let error = unknown.await.unwrap_err();
    assert_eq!(
        error.errors()[0].message,
        "The action \"nowhere\" was not found on this server."
    );
    assert_eq!(
        theirs.square(square(3)).await.unwrap().square,
        9,
        "it goes on"
    );
}

#[tokio::test]
async fn jobs_run_on_a_reference_server_by_their_rules() {
    let reference = Reference::start().await;
    let (client, example) = (&reference.client, &reference.example);
    let (two, version, three) = client
        .job((
            example.square(square(2)),
            example.switched_v2(value!({})),
            example.square(square(3)),
        ))
        .await
        .unwrap();
    assert_eq!((two.square, version.version, three.square), (4, 2, 9));
    assert_eq!(
        example
            .switched_v3(value!({}))
            .switch(VERSION_2)
            .await
            .unwrap()
            .version,
        3
    );

    let failing = || {
        let fail = example.fail(FailRequest::default());
        (example.square(square(2)), fail, example.square(square(3)))
    };
    let error = client.job(failing()).await.unwrap_err();
    assert_eq!(
        (error.kind(), &*error.errors()[0].code),
        (ErrorKind::Action, "EXAMPLE_FAILURE")
    );
    let (two, failed, three) = client.job(failing()).continue_on_error().await.unwrap();
    assert_eq!((two.unwrap().square, three.unwrap().square), (4, 9));
    assert_eq!(failed.unwrap_err().errors()[0].code, "EXAMPLE_FAILURE");

    let job = client.job((example.square(square(1)), example.job_error(value!({}))));
    let error = job.continue_on_error().await.unwrap_err();
    assert_eq!(
        (error.kind(), &*error.errors()[0].code),
        (ErrorKind::Job, "CUSTOM_JOB_ERROR")
    );

    let many: Vec<_> = (0..50)
        .map(|number| example.square(square(number)))
        .collect();
    let squares = client.job(many).await.unwrap();
    assert!(
        (0..50)
            .zip(squares)
            .all(|(number, response)| response.square == number * number)
    );
}

#[tokio::test]
async fn parallel_and_pending_calls_to_reference_servers_come_back_in_order() {
    let reference = Reference::start().await;
    let client = &reference.client;
    let services = ["example", "example2"].map(|name| ExampleClient::named(client, name));
    let calls: Vec<_> = (0..100_u8)
        .map(|number| services[usize::from(number % 2)].square(square(number.into())))
        .collect();
    let squares = client.parallel(calls).await.unwrap();
    assert!(
        (0..100)
            .zip(squares)
            .all(|(number, response)| response.square == number * number)
    );

    let mut pending = Vec::new();
    for number in 0..20 {
        pending.push((
            number,
            services[0].square(square(number)).send().await.unwrap(),
        ));
    }
    for (number, pending) in pending.into_iter().rev() {
        assert_eq!(pending.await.unwrap().square, number * number);
    }

    let slow = SlowRequest { seconds: Some(0.3) };
    let mut pending = services[0].slow(slow).send().await.unwrap();
    let early = tokio::time::timeout(Duration::from_millis(50), &mut pending).await;
    assert!(early.is_err());
    assert_eq!(pending.await.unwrap().slept, 0.3);
}

/// The language in which a user wants answers.
#[derive(Debug, PartialEq, serde::Serialize, serde::Deserialize)]
struct Locale(String);

impl ContextValue for Locale {
    const KEY: &'static str = "locale";
}

#[tokio::test]
async fn the_context_arrives_whole_through_a_chain_of_rust_python_and_rust() {
    let redis = Redis::start();
    let _python = reference_service(&redis, "example");
    // Says what it sees by types.
    let seen = Arc::new(Mutex::new(None));
    let noted = Arc::clone(&seen);
    let note = from_fn(move |call: ActionCall, next: Next<ActionStage>| {
        let cx = &call.context;
        let locale = cx.get::<Locale>().unwrap();
        let calling = cx.calling_service().map(ToOwned::to_owned);
        let is_active = cx.is_active(VERSION_2) && cx.is_active(99);
        let whole = (cx.correlation_id().to_owned(), locale, calling, is_active);
        *noted.lock().unwrap() = Some(whole);
        next.run(call)
    });
    let last = Server::builder(ExampleService::new()).name("example2");
    let last = last.action_middleware(note).build().unwrap();
    let transport = RedisServerTransport::new("example2", settings(&redis)).unwrap();
    let serving = tokio::spawn(async move { last.run(transport).await });
    let client = client(&redis);
    await_service(&client, "example").await;
    let request = CallSquareRequest {
        number: 12,
        service: None,
    };
    let call = ExampleClient::new(&client)
        .call_square(request)
        .correlation_id("through all")
        .switch(VERSION_2)
        .switch(99)
        .context_value(Locale("fr_FR".into()));
    let answer = call.await.unwrap();
    assert_eq!(answer.square, 144);
    let locale = Some(Locale("fr_FR".into()));
    let expected = ("through all".into(), locale, Some("example".into()), true);
    assert_eq!(seen.lock().unwrap().take(), Some(expected));
    assert_eq!(answer.callee_context.get("caller"), Some(&"a test".into()));
    let response = &answer.job_response_context;
    assert_eq!(response.get("correlation_id"), Some(&"through all".into()));
    serving.abort();
}

/// What the reference's `fail` answers, as our type.
#[derive(Debug, PartialEq, ActionErrors)]
enum ExampleError {
    /// This action always fails.
    ExampleFailure,
}

#[tokio::test]
async fn errors_of_a_reference_server_are_found_as_a_type_and_forgotten_calls_of_it_are_run() {
    let reference = Reference::start().await;
    let example = &reference.example;
    let fail = || example.fail(FailRequest::default());
    let error = fail().await.unwrap_err();
    assert_eq!(error.find(), Some(ExampleError::ExampleFailure));
    fail().send_and_forget().await.unwrap();
    let outcomes = reference
        .client
        .parallel((fail(), example.square(square(3))));
    let (failed, nine) = outcomes.each().await;
    assert_eq!(failed.unwrap_err().kind(), ErrorKind::Action);
    assert_eq!(nine.unwrap().square, 9);
}

#[tokio::test]
async fn a_timeout_of_a_call_to_a_reference_server_is_told_and_spoils_nothing() {
    let reference = Reference::start().await;
    let slow = SlowRequest { seconds: Some(1.2) };
    let call = reference.example.slow(slow).timeout(Duration::from_secs(1));
    assert_eq!(call.await.unwrap_err().kind(), ErrorKind::Timeout);
    // The late answer comes first; it must not be taken for this one.
    assert_eq!(
        reference.example.square(square(5)).await.unwrap().square,
        25
    );
}

#[tokio::test]
async fn a_mixed_fleet_answers_two_thousand_calls_without_a_failure() {
    a_mixed_fleet_answers_without_a_failure(Redis::start()).await;
}

#[tokio::test]
async fn a_mixed_fleet_on_a_ring_of_three_masters_answers_without_a_failure() {
    a_mixed_fleet_answers_without_a_failure(Redis::ring(3)).await;
}

#[tokio::test]
async fn a_mixed_fleet_whose_masters_sentinels_watch_answers_without_a_failure() {
    a_mixed_fleet_answers_without_a_failure(Redis::ring(2).watched()).await;
}

async fn a_mixed_fleet_answers_without_a_failure(redis: Redis) {
    const CALLERS: i128 = 16;
    const CALLS: i128 = 125;
    let reference = Reference::on(redis).await;
    let server = Server::builder(ExampleService::new())
        .tell_internal_errors(true)
        .build()
        .unwrap();
    let transport = RedisServerTransport::new("example", settings(&reference.redis)).unwrap();
    let serving = tokio::spawn(async move { server.run(transport).await });
    let callers = (0..CALLERS).map(|caller| {
        // A client's answers come by one master of a ring; several have theirs on all of them.
        let client = client(&reference.redis);
        tokio::spawn(async move {
            let example = ExampleClient::new(&client);
            let mut by_us = 0;
            for number in (caller * CALLS)..((caller + 1) * CALLS) {
                // `slow` tells which process has done the job.
                let who = example.slow(SlowRequest { seconds: Some(0.0) });
                let job = client.job((example.square(square(number)), who));
                let (response, who) = job.await.unwrap();
                assert_eq!(response.square, number * number);
                by_us += i128::from(who.pid == std::process::id());
            }
            by_us
        })
    });
    let mut by_us = 0;
    for caller in callers.collect::<Vec<_>>() {
        by_us += caller.await.unwrap();
    }
    let all = CALLERS * CALLS;
    assert!(
        0 < by_us && by_us < all,
        "both have served: {by_us} of {all} by us"
    );
    serving.abort();
}

#[tokio::test]
async fn a_chunked_answer_is_put_together() {
    let redis = Redis::start();
    let _service = chunking_reference_service(&redis, "example", 102_400);
    let client = client(&redis);
    await_service(&client, "example").await;
    let example = ExampleClient::new(&client);
    for (size, kind) in [
        (250_000, BigKind::Bytes),
        (102_401, BigKind::Text),
        (500_000, BigKind::Text),
        (100, BigKind::Bytes),
    ] {
        let kind = Some(kind);
        let request = BigRequest { size, kind };
        let expected = ExampleClient::new(&local())
            .big(request.clone())
            .await
            .unwrap();
        assert_eq!(example.big(request).await.unwrap(), expected, "{size}");
    }
}

/// Servers of the reference push their pieces one by one, so those of several come mixed.
#[tokio::test]
async fn of_two_hundred_parallel_chunked_answers_of_four_servers_none_is_lost() {
    let redis = Redis::start();
    let _services: Vec<_> = (0..4)
        .map(|_| chunking_reference_service(&redis, "example", 102_400))
        .collect();
    let settings = settings(&redis)
        .receive_timeout(Duration::from_secs(60))
        .expects_chunked_replies(true);
    let transport = RedisClientTransport::new("example", settings).unwrap();
    let client = Client::builder().service("example", transport.clone());
    let client = client.build().unwrap();
    await_service(&client, "example").await;
    let example = ExampleClient::new(&client);
    let calls = (0..200).map(|number| {
        let size = 210_000 + number;
        let kind = Some(BigKind::Text);
        example.big(BigRequest { size, kind })
    });
    let answers = client.parallel(calls.collect::<Vec<_>>()).await.unwrap();
    for (number, answer) in answers.into_iter().enumerate() {
        assert_eq!(answer.data.as_str().map(str::len), Some(210_000 + number));
    }
    assert_eq!(transport.unexpected_answers(), 0);
}

/// A client of the reference reads the pieces of one answer as they come, and has one list for all of its calls. Ours
/// come back to back.
#[tokio::test(flavor = "multi_thread")]
async fn parallel_calls_of_the_reference_get_our_chunked_answers() {
    const CALLS: &str = r#"
from checks.harness import client
actions = [{"action": "big", "body": {"size": 250000 + n, "kind": "text"}} for n in range(40)]
answers = client().call_actions_parallel("example", actions)
assert [len(answer.body["data"]) for answer in answers] == [250000 + n for n in range(40)]
"#;
    let redis = Redis::start();
    let settings = settings(&redis)
        .maximum_message_size(1_024_000)
        .chunk_messages_larger_than(102_400);
    let server = Server::builder(ExampleService::new())
        .tell_internal_errors(true)
        .build()
        .unwrap();
    let transport = RedisServerTransport::new("example", settings).unwrap();
    let serving = tokio::spawn(async move { server.run(transport).await });
    let mut calls = python::python_command(&redis);
    calls.args(["-c", CALLS]);
    assert_succeeds(calls).await;
    serving.abort();
}

/// Waits for a program without keeping the thread that serves it.
async fn assert_succeeds(mut program: std::process::Command) {
    let ended = tokio::task::spawn_blocking(move || program.output().unwrap());
    let output = ended.await.unwrap();
    let said = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{said}");
}

#[tokio::test]
async fn a_client_of_the_reference_reads_status_and_introspect_in_full() {
    let redis = Redis::start();
    let server = Server::builder(patient::Patient).build_id("7f3a2c1");
    let transport = RedisServerTransport::new("patient", settings(&redis)).unwrap();
    let server = server.build().unwrap();
    let serving = tokio::spawn(async move { server.run(transport).await });
    let mut client = python::python_command(&redis);
    client.arg("patient.py");
    assert_succeeds(client).await;
    serving.abort();
}

/// A service of the reference tells the next one how long it waits itself, where it says so in its code, and nothing of
/// how long its own caller does.
#[tokio::test]
async fn behind_a_service_of_the_reference_nothing_is_known_of_how_long_the_first_caller_waits() {
    let redis = Redis::start();
    let _service = reference_service(&redis, "example");
    let client = client(&redis);
    await_service(&client, "example").await;
    let (tell, mut told) = tokio::sync::mpsc::unbounded_channel();
    let last = Server::untyped("example2", "1.0.0")
        .action("square", move |_: Value, cx: Context| {
            let _ = tell.send(cx.time_left());
            async { Ok::<_, ActionError>(value!({ "square": 9 })) }
        })
        .action("get_context", |_: Value, _: Context| async {
            Ok::<_, ActionError>(value!({ "context": {}, "control": {} }))
        })
        .build()
        .unwrap();
    let transport = RedisServerTransport::new("example2", settings(&redis)).unwrap();
    let serving = tokio::spawn(async move { last.run(transport).await });

    let call = client.call_action("example", "call_square", &value!({ "number": 3 }));
    call.timeout(Duration::from_secs(60)).await.unwrap();
    let left = told.recv().await.unwrap().unwrap();
    assert!(left <= Duration::from_secs(5), "{left:?}");

    let call = client.call_action("example", "call_square", &value!({ "number": 3 }));
    call.timeout(Duration::from_secs(3)).await.unwrap();
    let left = told.recv().await.unwrap().unwrap();
    assert!(left > Duration::from_secs(3), "{left:?}");

    const CALL: &str = r#"
from checks.harness import client
client().call_action("example2", "square", {"number": 3})
"#;
    let mut caller = python::python_command(&redis);
    caller.args(["-c", CALL]);
    let ended = tokio::task::spawn_blocking(move || caller.output().unwrap());
    assert_eq!(told.recv().await.unwrap(), None);
    let output = ended.await.unwrap();
    let said = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{said}");
    serving.abort();
}
