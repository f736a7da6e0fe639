//! The records of workers: what they tell, what they cost, and who may not.

use std::time::Duration;

use soa_runtime::observe::record::WorkerRecord;
use soa_runtime::value;

use crate::support::{Redis, Reply, Running, client, service, until};

/// The key of the only record, and the record.
fn record(redis: &Redis) -> Option<(String, WorkerRecord)> {
    let keys = redis.keys();
    let key = keys
        .into_iter()
        .find(|key| key.starts_with("{pysoa:service.test}.worker."))?;
    let Reply::Bytes(bytes) = redis.command(&[b"GET", key.as_bytes()]) else {
        return None;
    };
    Some((key, WorkerRecord::read(&bytes)?))
}

/// Calls and microseconds of a command, by the statistics of Redis.
fn statistics(redis: &Redis, command: &str) -> (u64, u64) {
    let text = String::from_utf8(redis.text("INFO commandstats").bytes()).unwrap();
    let prefix = format!("cmdstat_{command}:");
    let Some(line) = text.lines().find_map(|line| line.strip_prefix(&prefix)) else {
        return (0, 0);
    };
    let number = |key: &str| {
        let mut parts = line.split(',');
        let value = parts.find_map(|part| part.strip_prefix(key)).unwrap();
        value.trim().parse::<u64>().unwrap()
    };
    (number("calls="), number("usec="))
}

#[tokio::test]
async fn a_worker_tells_what_was_called_by_whom_and_takes_its_record_away() {
    let redis = Redis::start();
    let server = service().records(true).build().unwrap();
    let running = Running::start(server, redis.settings());
    let client = client(redis.settings());
    for _ in 0..5 {
        let call = client.call_action("test", "echo", &value!({}));
        call.timeout(Duration::from_secs(7)).await.unwrap();
    }
    until("the calls are told", || {
        let told = record(&redis);
        told.is_some_and(|(_, record)| {
            record
                .actions
                .get("echo")
                .is_some_and(|echo| echo.calls == 5)
        })
    })
    .await;
    let (key, record_of_it) = record(&redis).unwrap();
    let echo = &record_of_it.actions["echo"];
    assert_eq!(echo.callers.get("program"), Some(&5));
    assert_eq!((echo.times.count(), echo.lately.count()), (5, 5));
    assert_eq!(echo.shortest_patience, Some(7_000));
    assert_eq!(record_of_it.pid, std::process::id());
    assert!(record_of_it.schemas.is_some());
    let lifetime = redis.integer(&format!("PTTL {key}"));
    assert!((1..=10_000).contains(&lifetime), "{lifetime}");
    running.stop().await;
    assert!(record(&redis).is_none());
}

#[tokio::test]
async fn a_record_costs_at_most_two_commands_and_100_microseconds_of_redis_a_second() {
    let redis = Redis::start();
    let actions = (0..60).fold(service().records(true), |server, number| {
        server.action(
            format!("action_{number}"),
            async |body: soa_runtime::Value, _| Ok::<_, soa_runtime::ActionError>(body),
        )
    });
    let running = Running::start(actions.build().unwrap(), redis.settings());
    let client = client(redis.settings());
    for number in 0..60 {
        for _ in 0..5 {
            let action = format!("action_{number}");
            client
                .call_action("test", action, &value!({}))
                .await
                .unwrap();
        }
    }
    until("the record is a large one", || {
        record(&redis).is_some_and(|(_, record)| record.actions.len() == 60)
    })
    .await;
    // Nothing is called meanwhile, so that all that scripts do is the record.
    redis.text("CONFIG RESETSTAT");
    let begun = std::time::Instant::now();
    until("three more records were told", || {
        statistics(&redis, "evalsha").0 >= 3
    })
    .await;
    let inside = ["set", "mget"].map(|command| statistics(&redis, command).0);
    let commands = inside.iter().sum::<u64>() + statistics(&redis, "evalsha").0;
    // The first of them may come at once.
    let seconds = begun.elapsed().as_secs();
    assert!(
        commands <= 2 * (seconds + 2),
        "{commands} commands in {seconds} s"
    );
    // A machine that others use interrupts Redis, which counts as its time: so the same script runs often, and the cheapest of
    // some rounds counts.
    let (key, _) = record(&redis).unwrap();
    let told = redis.command(&[b"GET", key.as_bytes()]).bytes();
    let script =
        b"redis.call('SET', KEYS[1], ARGV[1], 'PX', ARGV[2])\nreturn redis.call('MGET', KEYS[2], KEYS[3])";
    let arguments: [&[u8]; 8] = [
        b"EVAL",
        script,
        b"3",
        b"{a}record",
        b"{a}paused",
        b"{a}watch",
        &told,
        b"10000",
    ];
    let rounds = (0..10).map(|_| {
        redis.text("CONFIG RESETSTAT");
        for _ in 0..50 {
            redis.command(&arguments);
        }
        let (calls, micros) = statistics(&redis, "eval");
        micros / calls
    });
    let cheapest = rounds.min().unwrap();
    assert!(
        cheapest <= 2 * 100,
        "{cheapest} µs for a record of {} bytes, one in two seconds",
        told.len()
    );
    running.stop().await;
}

#[tokio::test]
async fn a_login_that_may_not_tell_is_logged_once_and_serves() {
    let redis = Redis::start();
    let user = "ACL SETUSER limited on >secret ~pysoa:* +@all";
    assert_eq!(redis.text(user), Reply::Text("+OK".to_owned()));
    let settings = redis.settings().user("limited", "secret");
    let server = service().records(true).build().unwrap();
    let running = Running::start(server, settings.clone());
    let client = client(settings);
    client
        .call_action("test", "echo", &value!({}))
        .await
        .unwrap();
    let told = || {
        let lines = redis.logged();
        lines
            .into_iter()
            .filter(|line| line.contains("~{pysoa:*"))
            .count()
    };
    until("it is logged", || told() == 1).await;
    let refused = statistics(&redis, "evalsha").0;
    tokio::time::sleep(Duration::from_secs(5)).await;
    assert_eq!(told(), 1);
    let later = statistics(&redis, "evalsha").0;
    assert!(
        later <= refused + 1,
        "it is not tried again: {refused}, {later}"
    );
    client
        .call_action("test", "echo", &value!({}))
        .await
        .unwrap();
    running.stop().await;
}

#[tokio::test]
async fn a_server_without_records_tells_nothing() {
    let redis = Redis::start();
    let running = Running::start(service().build().unwrap(), redis.settings());
    let client = client(redis.settings());
    client
        .call_action("test", "echo", &value!({}))
        .await
        .unwrap();
    tokio::time::sleep(Duration::from_secs(3)).await;
    assert!(record(&redis).is_none());
    running.stop().await;
}
