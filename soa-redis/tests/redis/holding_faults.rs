//! Requests that are held while Redis fails, and callers that are gone.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use soa_redis::{RedisSettings, SentinelSettings};
use soa_runtime::{ActionError, Context, ServerBuilder, Value, value};
use tokio::sync::Notify;

use crate::holding::{Doomed, QUEUE, Runs, calls, key, leftovers};
use crate::proxy::Proxy;
use crate::sentinel::watched;
use crate::support::{Redis, Running, client, ring, service, until};

/// A service with an idempotent action `wait`, which ends when its caller is gone, and counts such ends.
fn waiting(begun: &Arc<Notify>, told: &Arc<AtomicU64>) -> ServerBuilder {
    let (begun, told) = (Arc::clone(begun), Arc::clone(told));
    let action = move |body: Value, cx: Context| {
        let (begun, told) = (Arc::clone(&begun), Arc::clone(&told));
        async move {
            begun.notify_one();
            cx.cancelled().await;
            told.fetch_add(1, Ordering::Relaxed);
            Ok::<_, ActionError>(body)
        }
    };
    service().action("wait", action).idempotent("wait")
}

#[tokio::test]
async fn a_job_hears_within_seconds_that_its_caller_has_dropped_the_call() {
    let redis = Redis::start();
    let (begun, told) = (Arc::default(), Arc::default());
    let server = waiting(&begun, &told).build().unwrap();
    let running = Running::start(server, redis.settings());
    let client = client(redis.settings());
    let call = client.call_action("test", "wait", &value!({}));
    let call = tokio::spawn(call.timeout(Duration::from_secs(300)).into_future());
    begun.notified().await;
    call.abort();
    until("the job is told", || told.load(Ordering::Relaxed) == 1).await;
    // It is finished, and nothing of it is left.
    let slots = || {
        leftovers(&redis)
            .iter()
            .filter(|key| key.contains(".held."))
            .count()
    };
    until("no slot is left", || slots() == 0).await;
    running.stop().await;
}

#[tokio::test]
async fn many_callers_that_are_gone_do_not_make_signs_of_life_large() {
    let redis = Redis::start();
    let (begun, told) = (Arc::default(), Arc::default());
    let server = waiting(&begun, &told).build().unwrap();
    let running = Running::start(server, redis.settings());
    let note = b"local time = redis.call('TIME')
        for i = 1, 10000 do redis.call('ZADD', KEYS[1], (time[1] + ARGV[1]) * 1000, string.format('%032d', i)) end";
    // These are noted in the future, so that each sign of life could read all of them.
    redis.command(&[b"EVAL", note, b"1", key("cancelled").as_bytes(), b"50"]);
    let lease = || redis.text(&format!("ZRANGE {} 0 -1 WITHSCORES", key("leases")));
    let sent = || {
        let info = String::from_utf8(redis.text("INFO stats").bytes()).unwrap();
        let sent = info
            .lines()
            .find_map(|line| line.strip_prefix("total_net_output_bytes:"));
        sent.unwrap().parse::<u64>().unwrap()
    };
    let before = sent();
    for _ in 0..3 {
        let last = lease();
        until("there is a sign of life", || lease() != last).await;
    }
    let sent = sent() - before;
    assert!(sent < 400_000, "{sent} bytes for three signs of life");
    // Notes in the past are older than any of a job that runs, and stand behind them.
    redis.command(&[b"EVAL", note, b"1", key("cancelled").as_bytes(), b"-5"]);
    let client = client(redis.settings());
    let call = client.call_action("test", "wait", &value!({}));
    let call = tokio::spawn(call.timeout(Duration::from_secs(300)).into_future());
    begun.notified().await;
    call.abort();
    until("the job is told", || told.load(Ordering::Relaxed) == 1).await;
    running.stop().await;
}

#[tokio::test]
async fn a_request_that_nobody_has_taken_is_removed_when_its_call_is_dropped() {
    let redis = Redis::start();
    let client = client(redis.settings());
    let call = client.call_action("test", "wait", &value!({}));
    let call = tokio::spawn(call.timeout(Duration::from_secs(300)).into_future());
    until("the request is sent", || {
        redis.integer(&format!("LLEN {QUEUE}")) == 1
    })
    .await;
    call.abort();
    until("it is removed", || {
        redis.integer(&format!("LLEN {QUEUE}")) == 0
    })
    .await;
    assert_eq!(leftovers(&redis), Vec::<String>::new());
}

#[tokio::test]
async fn a_redis_that_is_killed_and_has_written_everything_loses_no_job_and_doubles_none() {
    let folder = format!("appendonly-{}", std::process::id());
    let options = [
        "--appendonly",
        "yes",
        "--appendfsync",
        "always",
        "--appenddirname",
        &folder,
    ];
    let mut redis = Redis::with(&options);
    let runs = Runs::default();
    runs.block(true);
    let server = runs.service().concurrency(20).build().unwrap();
    let running = Running::start(server, redis.settings());
    let client = client(redis.settings());
    let begun = calls(&client, "once", 20);
    until("they run", || (0..20).all(|number| runs.of(number) == 1)).await;
    // These wait in the list of requests.
    let waiting = (20..40_i64).map(|number| {
        let call = client.call_action("test", "safe", &value!({ "number": (number) }));
        tokio::spawn(call.timeout(Duration::from_secs(30)).into_future())
    });
    let waiting: Vec<_> = waiting.collect();
    until("they wait", || {
        redis.integer(&format!("LLEN {QUEUE}")) >= 20
    })
    .await;
    redis.kill();
    runs.block(false);
    redis.start_again();
    for call in begun.into_iter().chain(waiting) {
        call.await.unwrap().unwrap();
    }
    assert!((0..40).all(|number| runs.of(number) == 1));
    until("no slot is left", || leftovers(&redis).is_empty()).await;
    running.stop().await;
    redis.kill();
    let _ = std::fs::remove_dir_all(format!("{}/{folder}", env!("CARGO_TARGET_TMPDIR")));
}

#[tokio::test]
async fn a_failover_in_the_middle_of_jobs_costs_their_callers_nothing() {
    let (mut master, replica, sentinel) = watched().await;
    let runs = Runs::default();
    runs.block(true);
    let settings = sentinel.settings(SentinelSettings::default());
    let running = Running::start(runs.service().build().unwrap(), settings.clone());
    let client = client(settings);
    let mut begun = calls(&client, "once", 20);
    begun.extend(calls(&client, "safe", 20));
    until("they run", || (0..20).all(|number| runs.of(number) == 2)).await;
    // What the replica does not have yet would run twice.
    assert!(master.integer("WAIT 1 5000") >= 1);
    master.kill();
    until("the replica is the master", || {
        sentinel.master("alpha") == replica.port
    })
    .await;
    runs.block(false);
    for call in begun {
        call.await.unwrap().unwrap();
    }
    assert!((0..20).all(|number| runs.of(number) == 2), "none ran again");
    until("no slot is left", || leftovers(&replica).is_empty()).await;
    running.stop().await;
}

#[tokio::test]
async fn requests_that_must_not_run_twice_wait_for_replicas_if_told_to() {
    let (master, replica, _sentinel) = watched().await;
    let server = service().action("once", |body: Value, _: Context| async {
        Ok::<_, ActionError>(body)
    });
    let server = server.idempotent("echo").build().unwrap();
    let running = Running::start(server, master.settings().wait_replicas(1));
    let client = client(master.settings());
    let call = async |action: &'static str| {
        let call = client.call_action("test", action, &value!({}));
        call.timeout(Duration::from_secs(20)).await.unwrap();
    };
    call("echo").await;
    assert_eq!(master.calls("wait"), 0, "it may run twice");
    call("once").await;
    assert_eq!(master.calls("wait"), 1);
    // A replica that is behind holds nothing up for long, and the log says so.
    replica.signal("STOP");
    call("once").await;
    replica.signal("CONT");
    let lines = || {
        master
            .logged()
            .into_iter()
            .filter(|line| line.contains("too few replicas"))
    };
    until("it is told", || lines().count() == 1).await;
    running.stop().await;
}

/// Reply list and slot are at different masters, so a crash can fall between the two.
#[tokio::test]
async fn a_process_that_ends_between_a_response_and_the_end_of_its_hold_costs_a_run_and_no_answer()
{
    let (masters, settings) = ring(2);
    let proxies = [
        Proxy::before(&masters[0]).await,
        Proxy::before(&masters[1]).await,
    ];
    let quick = |settings: RedisSettings| {
        let settings = settings.lease(Duration::from_secs(2));
        settings.gone_after(Duration::from_millis(600))
    };
    let ports = proxies.each_ref().map(Proxy::port);
    let through = RedisSettings::ring(ports.map(|port| ("127.0.0.1", port)));
    let runs = Runs::default();
    runs.block(true);
    let mut doomed = Doomed::start(runs.service().build().unwrap(), quick(through));
    let client = client(settings.clone());
    // They go to the masters in turn.
    let waiting = calls(&client, "safe", 2);
    until("both run", || (0..2).all(|number| runs.of(number) == 1)).await;
    let has_replies = |redis: &&Redis| {
        let list = String::from_utf8(redis.text("CLIENT LIST").bytes()).unwrap();
        list.contains("cmd=blmpop")
    };
    let replies = masters
        .iter()
        .position(|redis| has_replies(&redis))
        .unwrap();
    // What is told to the other master does not arrive.
    let other = &proxies[1 - replies];
    other.accepts(false);
    other.freeze();
    runs.block(false);
    for call in waiting {
        call.await.unwrap().unwrap();
    }
    doomed.kill();
    let running = Running::start(runs.service().build().unwrap(), quick(settings));
    let ran = || runs.of(0) + runs.of(1);
    until("one runs again", || ran() == 3).await;
    until("no slot is left", || {
        masters.iter().all(|redis| leftovers(redis).is_empty())
    })
    .await;
    // The second answer is nobody's, and does not become that of another call.
    for call in calls(&client, "safe", 20) {
        call.await.unwrap().unwrap();
    }
    assert_eq!(ran(), 5);
    running.stop().await;
}
