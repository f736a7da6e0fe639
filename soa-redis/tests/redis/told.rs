//! What an operator and a caller hear of a Redis that does not work: why, and not too often.

use std::time::{Duration, Instant};

use soa_redis::{RedisConnection, RedisServerTransport, RedisSettings, SentinelSettings};
use soa_runtime::{Client, ClientError, ErrorKind, TransportError, TransportErrorKind, value};

use crate::support::{Load, Redis, Reply, Running, client, free_port, request, service, until};

/// The lines for operators: warnings, errors, and that it works again.
fn lines(redis: &Redis) -> Vec<String> {
    let mut lines = redis.logged();
    lines.retain(|line| !line.starts_with("DEBUG") && !line.starts_with("TRACE"));
    // A port is used again after the node of a cluster that another test had, to which a late answer may still refer.
    lines.retain(|line| !line.contains("MOVED "));
    lines
}

fn works_again(lines: &[String]) -> usize {
    let again = lines.iter().filter(|line| line.contains("works again"));
    again.count()
}

fn connections_made(redis: &Redis) -> u64 {
    let statistics = String::from_utf8(redis.text("INFO stats").bytes()).unwrap();
    let made = statistics
        .lines()
        .find_map(|line| line.strip_prefix("total_connections_received:"));
    made.unwrap().parse().unwrap()
}

/// What is behind the failure of a call.
fn source(error: &ClientError) -> String {
    let source = error.reason();
    source.map(ToString::to_string).unwrap_or_default()
}

/// Calls one after the other until the time is over; the failures.
async fn failures(client: &Client, time: Duration) -> Vec<ClientError> {
    let start = Instant::now();
    let mut failures = Vec::new();
    while start.elapsed() < time {
        let call = client.call_action("test", "echo", &value!({}));
        if let Err(error) = call.timeout(Duration::from_millis(400)).await {
            failures.push(error);
        }
    }
    failures
}

async fn answered_again(client: &Client) {
    let limit = Instant::now() + Duration::from_secs(20);
    let call = || client.call_action("test", "echo", &value!({}));
    while call().timeout(Duration::from_millis(500)).await.is_err() {
        assert!(Instant::now() < limit, "it does not recover");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_redis_that_is_away_is_told_when_it_goes_and_when_it_is_back() {
    let mut redis = Redis::start();
    let (server, runs) = Load::service();
    let running = Running::start(server.build().unwrap(), redis.settings());
    let load = Load::start(&client(redis.settings()), runs);
    load.goes_on(50).await;
    assert_eq!(lines(&redis), [""; 0]);
    redis.kill();
    tokio::time::sleep(Duration::from_secs(4)).await;
    redis.start_again();
    load.goes_on(50).await;
    load.finish().await;
    running.stop().await;
    let lines = lines(&redis);
    // The server's connection and the client's have conditions of their own, as two processes would.
    assert!(lines.len() <= 10, "{lines:#?}");
    assert_eq!(works_again(&lines), 2, "{lines:#?}");
}

#[tokio::test]
async fn a_master_that_has_become_a_replica_is_told_once_and_to_every_call() {
    let redis = Redis::start();
    let running = Running::start(service().build().unwrap(), redis.settings());
    let client = client(redis.settings());
    answered_again(&client).await;
    let before = connections_made(&redis);
    redis.text(&format!("REPLICAOF 127.0.0.1 {}", free_port()));
    let failures = failures(&client, Duration::from_secs(4)).await;
    let made = connections_made(&redis) - before;
    assert!(failures.len() >= 5, "{failures:?}");
    for error in &failures {
        assert!(
            source(error).contains("READONLY"),
            "{error}: {}",
            source(error)
        );
    }
    // Three connections, with pauses that grow up to a second.
    assert!(made < 60, "{made}");
    let told = lines(&redis);
    assert!(told.len() <= 4, "{told:#?}");
    assert!(
        told.iter().any(|line| line.contains("READONLY")),
        "{told:#?}"
    );
    redis.text("REPLICAOF NO ONE");
    answered_again(&client).await;
    until("that is told", || works_again(&lines(&redis)) == 2).await;
    running.stop().await;
}

#[tokio::test]
async fn a_redis_that_cannot_save_is_told_with_its_own_words() {
    let redis = Redis::start();
    let running = Running::start(service().build().unwrap(), redis.settings());
    let client = client(redis.settings());
    answered_again(&client).await;
    redis.text("CONFIG SET min-replicas-to-write 1");
    let failures = failures(&client, Duration::from_secs(2)).await;
    assert!(!failures.is_empty());
    for error in &failures {
        assert!(
            source(error).contains("NOREPLICAS"),
            "{error}: {}",
            source(error)
        );
    }
    redis.text("CONFIG SET min-replicas-to-write 0");
    answered_again(&client).await;
    running.stop().await;
    let lines = lines(&redis);
    assert!(lines.len() <= 6, "{lines:#?}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_memory_that_is_full_now_and_then_is_one_outage_with_a_line_every_ten_seconds() {
    let redis = Redis::start();
    let connection = RedisConnection::new(redis.settings()).unwrap();
    let transport = RedisServerTransport::on(&connection, "test");
    let (server, runs) = Load::service();
    let running = Running::start_with(server.build().unwrap(), transport);
    let load = Load::start(&client(redis.settings()), runs);
    load.goes_on(50).await;
    assert_eq!(connection.outage(), None);
    let full = Instant::now();
    while full.elapsed() < Duration::from_secs(11) {
        for memory in ["1", "0"] {
            redis.text(&format!("CONFIG SET maxmemory {memory}"));
            tokio::time::sleep(Duration::from_millis(100)).await;
        }
    }
    let outage = connection.outage().unwrap();
    assert!(outage.contains("OOM"), "{outage}");
    let told = lines(&redis);
    assert_eq!(works_again(&told), 0, "{told:#?}");
    // One each of the server's connection and of the client's, as two processes would have.
    let failed = |text: &str| told.iter().filter(|line| line.contains(text)).count();
    assert_eq!(
        (failed("Redis failed"), failed("Redis still fails")),
        (2, 2),
        "{told:#?}"
    );
    load.goes_on(50).await;
    until("it works again", || works_again(&lines(&redis)) == 2).await;
    assert_eq!(connection.outage(), None);
    load.finish().await;
    running.stop().await;
}

#[tokio::test]
async fn a_call_whose_answer_cannot_be_read_hears_why() {
    let redis = Redis::start();
    let user = "ACL SETUSER caller on >secret ~pysoa:* +@all";
    assert_eq!(redis.text(user), Reply::Text("+OK".to_owned()));
    let running = Running::start(service().build().unwrap(), redis.settings());
    let client = client(redis.settings().user("caller", "secret"));
    answered_again(&client).await;
    // It may push, and not pop.
    redis.text("ACL SETUSER caller -blmpop -blpop -lpop");
    let failures = failures(&client, Duration::from_secs(3)).await;
    let last = failures.last().unwrap();
    assert_eq!(last.kind(), ErrorKind::Timeout);
    assert!(source(last).contains("NOPERM"), "{last}: {}", source(last));
    running.stop().await;
    let lines = lines(&redis);
    assert!(lines.len() <= 5, "{lines:#?}");
}

#[tokio::test]
async fn sentinels_that_are_away_at_the_start_are_told_once_and_to_every_call() {
    let redis = Redis::start();
    let port = free_port();
    let settings = RedisSettings::sentinel([("127.0.0.1", port)], SentinelSettings::default());
    let running = Running::start(service().build().unwrap(), settings.clone());
    let client = client(settings);
    let failures = failures(&client, Duration::from_secs(3)).await;
    assert!(failures.len() > 5);
    for error in &failures {
        assert!(source(error).contains(&port.to_string()), "{error}");
    }
    let told = redis.logged_about(port);
    assert!(told.len() <= 2, "{told:#?}");
    let start = Instant::now();
    running.stop().await;
    assert!(
        start.elapsed() < Duration::from_secs(10),
        "it stops all the same"
    );
}

#[tokio::test]
async fn a_login_that_is_refused_is_told_as_failed_authentication() {
    let redis = Redis::start();
    redis.text("ACL SETUSER someone on >secret ~* +@all");
    redis.text("ACL SETUSER default off");
    for settings in [redis.settings().user("someone", "wrong"), redis.settings()] {
        let before = lines(&redis).len();
        let client = client(settings);
        for error in failures(&client, Duration::from_secs(2)).await {
            let source = error.reason().unwrap();
            let source = source.downcast_ref::<TransportError>().unwrap();
            assert_eq!(source.kind(), TransportErrorKind::Misconfigured, "{source}");
            assert!(
                source.to_string().contains("authentication failed"),
                "{source}"
            );
            assert!(!source.to_string().contains("wrong"), "{source}");
        }
        let lines = lines(&redis);
        assert!(lines.len() - before <= 2, "{lines:#?}");
        assert!(
            lines[before..]
                .iter()
                .all(|line| line.contains("authentication failed"))
        );
    }
}

#[tokio::test]
async fn a_connection_that_redis_closes_because_it_is_idle_is_no_news() {
    let redis = Redis::with(&["--timeout", "1"]);
    let client = client(redis.settings().block_timeout(Duration::from_secs(1)));
    let running = Running::start(service().build().unwrap(), redis.settings());
    answered_again(&client).await;
    until("the connections are closed", || {
        redis
            .logged()
            .iter()
            .any(|line| line.contains("was closed"))
    })
    .await;
    answered_again(&client).await;
    running.stop().await;
    assert_eq!(lines(&redis), [""; 0]);
}

#[tokio::test]
async fn many_responses_that_are_lost_are_one_line_and_one_more_at_the_stop() {
    let redis = Redis::start();
    let running = Running::start(service().build().unwrap(), redis.settings());
    redis.text("SET pysoa:service.test.x!1 no-list");
    for number in 0..500 {
        let frame = request(number, "service.test.x!1", &value!({}));
        redis.command(&[b"RPUSH", b"pysoa:service.test", &frame]);
    }
    until("all have run", || running.server.stats().jobs() == 500).await;
    running.stop().await;
    let lines = lines(&redis);
    assert_eq!(lines.len(), 2, "{lines:#?}");
    assert!(lines[0].contains("a response was lost"), "{lines:#?}");
    let rest = &lines[1];
    assert!(rest.contains("further responses were lost"), "{rest}");
    assert!(rest.contains("lost=499"), "{rest}");
}

#[tokio::test]
async fn losses_that_were_kept_back_are_told_when_their_time_is_over() {
    let redis = Redis::start();
    let running = Running::start(service().build().unwrap(), redis.settings());
    redis.text("SET pysoa:service.test.x!2 no-list");
    for number in 0..50 {
        let frame = request(number, "service.test.x!2", &value!({}));
        redis.command(&[b"RPUSH", b"pysoa:service.test", &frame]);
    }
    until("the rest is told", || {
        lines(&redis).iter().any(|line| line.contains("lost=49"))
    })
    .await;
    running.stop().await;
}
