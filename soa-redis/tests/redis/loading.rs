//! A Redis that has come back and still loads its data: it accepts connections, and refuses nearly every command.

use std::time::{Duration, Instant};

use soa_redis::RedisConnection;
use soa_runtime::{Client, ErrorKind, TransportErrorKind, value};

use crate::support::{Load, Redis, Reply, Running, client, service, until};

const LOADING_TIME: Duration = Duration::from_secs(4);

fn is_loading(redis: &Redis) -> bool {
    redis.text("PING") != Reply::Text("+PONG".to_owned())
}

fn lines(redis: &Redis, text: &str) -> usize {
    let lines = redis.logged();
    lines.iter().filter(|line| line.contains(text)).count()
}

/// A call that Redis does not take in time, and the reason that it gives.
async fn refused(client: &Client) -> String {
    let call = client.call_action("test", "echo", &value!({}));
    let error = call.timeout(Duration::from_millis(400)).await.unwrap_err();
    let kinds = [ErrorKind::Timeout, ErrorKind::Transport];
    assert!(kinds.contains(&error.kind()), "{error}");
    assert!(error.is_transient(), "{error}");
    let source = error.reason();
    source.map(ToString::to_string).unwrap_or_default()
}

#[tokio::test]
async fn calls_wait_for_a_redis_that_loads_its_data_and_short_ones_hear_why_they_failed() {
    let mut redis = Redis::start();
    let running = Running::start(service().build().unwrap(), redis.settings());
    let client = client(redis.settings());
    let call = |number: i64| client.call_action("test", "echo", &value!({ "n": (number) }));
    call(0).await.unwrap();
    redis.start_again_loading(LOADING_TIME);
    assert!(is_loading(&redis));
    let limit = Instant::now() + LOADING_TIME;
    loop {
        // The first may hear that the connection was cut.
        let source = refused(&client).await;
        if source.contains("LOADING") {
            break;
        }
        assert!(Instant::now() < limit, "{source}");
    }
    let waiting = call(1).timeout(Duration::from_secs(30));
    assert!(is_loading(&redis));
    assert_eq!(waiting.await.unwrap(), value!({ "n": 1 }));
    call(2).await.unwrap();
    running.stop().await;
    // The server's connections and the client's, as two processes would.
    until("it is told", || lines(&redis, "works again") == 2).await;
    let told = lines(&redis, "LOADING");
    assert!((1..=4).contains(&told), "{:#?}", redis.logged());
}

#[tokio::test]
async fn what_is_started_while_redis_loads_its_data_works_when_it_is_done() {
    let mut redis = Redis::start();
    redis.start_again_loading(LOADING_TIME);
    let settings = redis.settings().connect_timeout(Duration::from_millis(500));
    let error = RedisConnection::connect(settings).await.unwrap_err();
    assert_eq!(error.kind(), TransportErrorKind::Transient);
    assert!(error.to_string().contains("LOADING"), "{error}");

    let running = Running::start(service().build().unwrap(), redis.settings());
    let client = client(redis.settings());
    let connection = RedisConnection::new(redis.settings()).unwrap();
    assert!(is_loading(&redis));
    let call = client.call_action("test", "echo", &value!({ "n": 1 }));
    let answer = call.timeout(Duration::from_secs(30)).await;
    assert_eq!(answer.unwrap(), value!({ "n": 1 }));
    connection.keys().get("key:1").await.unwrap().unwrap();
    running.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn nothing_is_lost_or_run_twice_around_the_time_of_loading() {
    let mut redis = Redis::start();
    let (server, runs) = Load::service();
    let running = Running::start(server.build().unwrap(), redis.settings());
    let load = Load::start(&client(redis.settings()), runs);
    load.goes_on(100).await;
    redis.start_again_loading(Duration::from_secs(2));
    load.goes_on(100).await;
    load.finish().await;
    running.stop().await;
}
