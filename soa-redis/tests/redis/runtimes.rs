//! Clients and connections that are kept in a `static`, and used by one tokio runtime after the other.

use std::time::{Duration, Instant};

use soa_redis::{RedisClientTransport, RedisConnection, RedisServerTransport};
use soa_runtime::{Client, ClientError, ErrorKind, Value, value};
use tokio::runtime::{Builder, Runtime};

use crate::support::{Redis, Running, client, next_request, service, until};

/// A runtime as `#[tokio::test]` makes it.
fn single() -> Runtime {
    Builder::new_current_thread().enable_all().build().unwrap()
}

/// A runtime that runs by itself.
fn threaded() -> Runtime {
    let mut builder = Builder::new_multi_thread();
    builder.worker_threads(1).enable_all().build().unwrap()
}

/// Calls as one test would, soon enough that nothing has waited for a time limit.
fn calls(client: &Client, number: i64) {
    single().block_on(async {
        let start = Instant::now();
        let body = value!({ "number": (number) });
        let answer = client.call_action("test", "echo", &body).await.unwrap();
        assert_eq!(answer, body);
        assert!(
            start.elapsed() < Duration::from_secs(3),
            "{:?}",
            start.elapsed()
        );
    });
}

fn source(error: &ClientError) -> String {
    let source = error.reason();
    source.map(ToString::to_string).unwrap_or_default()
}

#[test]
fn a_client_works_on_one_runtime_after_the_other() {
    let redis = Redis::start();
    let serving = threaded();
    let running =
        serving.block_on(async { Running::start(service().build().unwrap(), redis.settings()) });
    let client = client(redis.settings());
    for number in 0..4 {
        calls(&client, number);
    }
    serving.block_on(running.stop());
    // The lists of the clients before are not left behind for long, and no list is used twice.
    let lists = redis.keys();
    assert!(lists.len() <= 4, "{lists:?}");
}

#[test]
fn a_call_on_a_runtime_that_ends_fails_at_once_and_says_so() {
    let redis = Redis::start();
    let client = client(redis.settings());
    let first = threaded();
    // The first call is sent on this runtime, and so its connections are there.
    let sent =
        first.block_on(async { client.call_action("test", "echo", &value!({})).send().await });
    drop(sent.unwrap());
    let (waiting, told) = (client.clone(), std::sync::mpsc::channel());
    let (tell, told) = told;
    let second = std::thread::spawn(move || {
        single().block_on(async {
            let call = waiting.call_action("test", "echo", &value!({ "n": 2 }));
            let pending = call.timeout(Duration::from_secs(60)).send().await.unwrap();
            tell.send(()).unwrap();
            pending.await
        })
    });
    told.recv().unwrap();
    let start = Instant::now();
    drop(first);
    let error = second.join().unwrap().unwrap_err();
    assert!(
        start.elapsed() < Duration::from_secs(10),
        "{:?}",
        start.elapsed()
    );
    assert_eq!(error.kind(), ErrorKind::Transport);
    assert!(
        source(&error).contains("tokio runtime"),
        "{error}: {}",
        source(&error)
    );
    assert!(error.is_transient());
}

#[test]
fn a_connection_that_is_shared_works_for_all_that_is_made_on_it_later() {
    let redis = Redis::start();
    let connection = RedisConnection::new(redis.settings()).unwrap();
    for number in 0..3_i64 {
        single().block_on(async {
            let server = service().build().unwrap();
            let transport = RedisServerTransport::on(&connection, "test");
            let stop = transport.clone();
            let serving = tokio::spawn(async move { server.run(transport).await });
            let client = Client::builder()
                .service("test", RedisClientTransport::on(&connection, "test"))
                .build()
                .unwrap();
            let body = value!({ "number": (number) });
            let answer = client.call_action("test", "echo", &body).await.unwrap();
            assert_eq!(answer, body);
            let keys = connection.keys();
            keys.set("number", number.to_string(), None).await.unwrap();
            soa_runtime::transport::ServerTransport::close(&stop);
            serving.await.unwrap().unwrap();
        });
    }
}

#[test]
fn a_server_takes_requests_again_after_the_runtime_of_its_first_run() {
    let redis = Redis::start();
    let calling = threaded();
    let client = client(redis.settings());
    let server = service().build().unwrap();
    let transport = RedisServerTransport::new("test", redis.settings()).unwrap();
    for number in 0..3_i64 {
        single().block_on(async {
            let (server, transport) = (server.clone(), transport.clone());
            tokio::spawn(async move { server.run(transport).await });
            let call = client.call_action("test", "echo", &value!({ "n": (number) }));
            let answer = calling.spawn(call.into_future()).await.unwrap();
            assert_eq!(answer.unwrap(), value!({ "n": (number) }));
        });
    }
}

#[test]
fn requests_are_taken_back_on_the_next_runtime_as_on_the_first() {
    let redis = Redis::start();
    let transport = RedisClientTransport::new("test", redis.settings()).unwrap();
    let client = Client::builder().service("test", transport.clone());
    let client = client.build().unwrap();
    for number in 1..=3 {
        single().block_on(async {
            let call = client.call_action("test", "echo", &Value::Map(Default::default()));
            call.timeout(Duration::from_millis(100)).await.unwrap_err();
            until("it is taken back", || {
                transport.requests_taken_back() == number
            })
            .await;
        });
    }
    assert_eq!(redis.integer("LLEN pysoa:service.test"), 0);
}

#[test]
fn each_runtime_has_a_reply_list_of_its_own() {
    let redis = Redis::start();
    let client = client(redis.settings());
    let mut lists = Vec::new();
    for _ in 0..3 {
        single().block_on(async {
            let call = client.call_action("test", "echo", &value!({}));
            let _pending = call.send().await.unwrap();
            lists.push(next_request(&redis).await.0);
        });
    }
    lists.sort();
    lists.dedup();
    assert_eq!(lists.len(), 3, "{lists:?}");
}
