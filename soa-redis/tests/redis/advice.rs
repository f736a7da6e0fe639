//! The advice to operators and callers about a Redis that works, and whose clock or configuration makes calls fail.

use std::time::Duration;

use soa_redis::{RedisConnection, RedisSettings};
use soa_runtime::{Client, ClientError, ErrorKind, value};

use crate::proxy::Proxy;
use crate::support::{Redis, Reply, Running, client, service};

/// A call that nobody answers.
async fn unanswered(client: &Client, timeout: Duration) -> ClientError {
    let call = client.call_action("test", "echo", &value!({}));
    let error = call.timeout(timeout).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Timeout);
    error
}

fn source(error: &ClientError) -> Option<String> {
    error.reason().map(ToString::to_string)
}

#[tokio::test]
async fn a_timeout_that_clocks_explain_names_them() {
    let redis = Redis::start();
    let proxy = Proxy::before(&redis).await;
    proxy.clock_ahead(3);
    let client = client(proxy.settings());
    let error = unanswered(&client, Duration::from_millis(500)).await;
    let source = source(&error).unwrap();
    assert!(
        source.contains("the clock of Redis at 127.0.0.1"),
        "{source}"
    );
    assert!(
        source.contains("s ahead of the clock of this machine"),
        "{source}"
    );
    assert!(source.contains("expired"), "{source}");
}

#[tokio::test]
async fn a_timeout_has_no_word_of_clocks_that_agree_or_cannot_be_compared() {
    let redis = Redis::start();
    let error = unanswered(&client(redis.settings()), Duration::from_millis(300)).await;
    assert_eq!(source(&error), None);

    let user = "ACL SETUSER limited on >secret ~pysoa:* +@all -time";
    assert_eq!(redis.text(user), Reply::Text("+OK".to_owned()));
    let proxy = Proxy::before(&redis).await;
    proxy.clock_ahead(3);
    let settings = proxy.settings().user("limited", "secret");
    let error = unanswered(&client(settings), Duration::from_millis(300)).await;
    assert_eq!(source(&error), None);
}

#[tokio::test]
async fn clocks_are_not_compared_for_each_call() {
    let redis = Redis::start();
    let running = Running::start(service().build().unwrap(), redis.settings());
    let client = client(redis.settings());
    for _ in 0..100 {
        let call = client.call_action("test", "echo", &value!({}));
        call.await.unwrap();
    }
    running.stop().await;
    for _ in 0..5 {
        unanswered(&client, Duration::from_millis(50)).await;
    }
    // Once for each connection that pushes.
    assert!(redis.calls("time") <= 2, "{}", redis.calls("time"));
}

/// The warnings about what a Redis evicts.
fn told(redis: &Redis) -> Vec<String> {
    let mut lines = redis.logged();
    lines.retain(|line| line.contains("evicts"));
    lines
}

#[tokio::test]
async fn a_redis_that_evicts_queues_is_told_when_it_is_connected_to() {
    let redis = Redis::with(&["--maxmemory", "100mb", "--maxmemory-policy", "volatile-lru"]);
    let connection = RedisConnection::connect(redis.settings()).await.unwrap();
    let lines = told(&redis);
    assert_eq!(lines.len(), 1, "{lines:?}");
    assert!(lines[0].starts_with("WARN"), "{lines:?}");
    assert!(lines[0].contains("policy=\"volatile-lru\""), "{lines:?}");
    assert!(lines[0].contains("noeviction"), "{lines:?}");

    // Connections that follow have nothing new to say, until the policy changes.
    drop(connection);
    let running = Running::start(service().build().unwrap(), redis.settings());
    let client = client(redis.settings());
    for _ in 0..3 {
        let limit = std::time::Instant::now() + Duration::from_secs(20);
        let call = || client.call_action("test", "echo", &value!({}));
        while call().timeout(Duration::from_millis(500)).await.is_err() {
            assert!(std::time::Instant::now() < limit, "it does not recover");
        }
        redis.text("CLIENT KILL TYPE normal SKIPME yes");
    }
    running.stop().await;
    // The server's connection and the client's, as two processes would.
    assert_eq!(told(&redis).len(), 3);
}

#[tokio::test]
async fn a_redis_that_evicts_nothing_or_may_not_be_asked_is_not_told() {
    let connect = async |redis: &Redis, settings: RedisSettings| {
        RedisConnection::connect(settings).await.unwrap();
        let mut lines = redis.logged();
        lines.retain(|line| line.starts_with("WARN"));
        assert_eq!(lines, [""; 0]);
    };
    let limit = ["--maxmemory", "100mb"];
    let redis = Redis::with(&limit);
    connect(&redis, redis.settings()).await;

    let unlimited = Redis::with(&["--maxmemory-policy", "allkeys-lru"]);
    connect(&unlimited, unlimited.settings()).await;

    let hidden = Redis::with(&["--maxmemory", "100mb", "--maxmemory-policy", "allkeys-lru"]);
    let user = "ACL SETUSER limited on >secret ~pysoa:* +@all -info -config";
    assert_eq!(hidden.text(user), Reply::Text("+OK".to_owned()));
    connect(&hidden, hidden.settings().user("limited", "secret")).await;
}
