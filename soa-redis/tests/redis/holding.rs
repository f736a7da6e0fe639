//! Requests that are held until they are answered, and what becomes of them when their process is gone.

use std::collections::HashMap;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use soa_redis::{
    DeadFilter, RedisConnection, RedisDeadLetters, RedisServerTransport, RedisSettings,
};
use soa_runtime::transport::Delivery;
use soa_runtime::{ActionError, Client, Context, Server, ServerBuilder, Value, code, value};
use tokio::sync::Notify;

use crate::proxy::Proxy;
use crate::support::{Redis, Reply, Running, client, request, service, until};

pub(crate) const QUEUE: &str = "pysoa:service.test";

pub(crate) fn key(name: &str) -> String {
    format!("{{{QUEUE}}}.{name}")
}

/// The service with an idempotent `echo`.
fn held() -> ServerBuilder {
    service().idempotent("echo")
}

/// The number of runs of each action, by the number in its request; and a way to hold runs up.
#[derive(Clone, Default)]
pub(crate) struct Runs {
    counts: Arc<Mutex<HashMap<i64, u32>>>,
    begun: Arc<Notify>,
    is_blocked: Arc<AtomicBool>,
    attempts: Arc<AtomicU64>,
}

impl Runs {
    /// A service whose actions `safe` and `once` note that they run, and wait while they are told to.
    pub(crate) fn service(&self) -> ServerBuilder {
        let add = |server: ServerBuilder, name: &'static str| {
            let runs = self.clone();
            server.action(name, move |body: Value, cx: Context| {
                let runs = runs.clone();
                async move {
                    let number = body.as_map().unwrap().get("number").unwrap();
                    let number = number.as_i64().unwrap();
                    *runs.counts.lock().unwrap().entry(number).or_default() += 1;
                    runs.attempts
                        .fetch_max(u64::from(cx.attempt()), Ordering::Relaxed);
                    runs.begun.notify_one();
                    while runs.is_blocked.load(Ordering::Relaxed) {
                        tokio::time::sleep(Duration::from_millis(5)).await;
                    }
                    Ok::<_, ActionError>(body)
                }
            })
        };
        add(add(service(), "safe"), "once").idempotent("safe")
    }

    pub(crate) fn block(&self, is_blocked: bool) {
        self.is_blocked.store(is_blocked, Ordering::Relaxed);
    }

    pub(crate) fn of(&self, number: i64) -> u32 {
        self.counts
            .lock()
            .unwrap()
            .get(&number)
            .copied()
            .unwrap_or(0)
    }
}

pub(crate) fn calls(
    client: &Client,
    action: &'static str,
    count: i64,
) -> Vec<tokio::task::JoinHandle<Result<Value, soa_runtime::ClientError>>> {
    let calls = (0..count).map(|number| {
        let call = client.call_action("test", action, &value!({ "number": (number) }));
        tokio::spawn(call.timeout(Duration::from_secs(30)).into_future())
    });
    calls.collect()
}

/// All keys besides those that every process that holds requests has.
pub(crate) fn leftovers(redis: &Redis) -> Vec<String> {
    let kept = [key("leases"), key("holders"), key("burnt")];
    let mut keys = redis.keys();
    keys.retain(|key| !kept.contains(key) && key.starts_with('{'));
    keys
}

#[tokio::test]
async fn held_requests_are_answered_and_leave_nothing_behind() {
    let redis = Redis::start();
    let running = Running::start(held().build().unwrap(), redis.settings());
    let client = client(redis.settings());
    for round in 0..3_i64 {
        let calls = (0..200_i64).map(|number| {
            let body = value!({ "number": (number + round) });
            let call = client.call_action("test", "echo", &body);
            tokio::spawn(async move { assert_eq!(call.await.unwrap(), body) })
        });
        for call in calls.collect::<Vec<_>>() {
            call.await.unwrap();
        }
    }
    assert!(redis.calls("rename") + redis.calls("lmove") > 0);
    until("no slot is left", || leftovers(&redis).is_empty()).await;
    assert_eq!(redis.integer(&format!("ZCARD {}", key("leases"))), 1);
    running.stop().await;
    assert_eq!(
        redis.keys(),
        Vec::<String>::new(),
        "a clean stop leaves nothing"
    );
}

#[tokio::test]
async fn a_service_without_idempotent_actions_sends_no_further_commands() {
    let redis = Redis::start();
    let running = Running::start(service().build().unwrap(), redis.settings());
    let client = client(redis.settings());
    for number in 0..20_i64 {
        let body = value!({ "number": (number) });
        client.call_action("test", "echo", &body).await.unwrap();
    }
    tokio::time::sleep(Duration::from_millis(1_500)).await;
    for command in ["lmove", "blmove", "zadd", "hset", "zscore", "hget", "del"] {
        assert_eq!(redis.calls(command), 0, "{command}");
    }
    assert!(redis.keys().iter().all(|key| !key.starts_with('{')));
    running.stop().await;
    let held = held().delivery(Delivery::AtMostOnce).build().unwrap();
    let running = Running::start(held, redis.settings());
    client
        .call_action("test", "echo", &value!({}))
        .await
        .unwrap();
    assert_eq!(redis.calls("lmove") + redis.calls("blmove"), 0);
    running.stop().await;
}

/// A server on a runtime of its own, whose end is that of a process that is killed: its connections close, and it says nothing.
pub(crate) struct Doomed(Option<tokio::runtime::Runtime>);

impl Doomed {
    pub(crate) fn start(server: Server, settings: RedisSettings) -> Self {
        let mut runtime = tokio::runtime::Builder::new_multi_thread();
        let runtime = runtime.worker_threads(1).enable_all().build().unwrap();
        let transport = RedisServerTransport::new("test", settings).unwrap();
        runtime.spawn(async move { server.run(transport).await });
        Self(Some(runtime))
    }

    /// Ends it amid its jobs. No handler is polled afterwards, unless one blocks its thread.
    pub(crate) fn kill(&mut self) {
        let runtime = self.0.take().unwrap();
        // Nobody may wait for a runtime within another one.
        let ended = std::thread::spawn(|| runtime.shutdown_timeout(Duration::from_secs(1)));
        ended.join().unwrap();
    }
}

impl Drop for Doomed {
    fn drop(&mut self) {
        if let Some(runtime) = self.0.take() {
            runtime.shutdown_background();
        }
    }
}

#[tokio::test]
async fn jobs_of_a_killed_process_run_again_within_seconds_or_their_callers_are_told() {
    let redis = Redis::start();
    let runs = Runs::default();
    runs.block(true);
    let mut doomed = Doomed::start(runs.service().build().unwrap(), redis.settings());
    let client = client(redis.settings());
    let safe = calls(&client, "safe", 40);
    until("they run", || (0..40).all(|number| runs.of(number) == 1)).await;
    let once = client.call_action("test", "once", &value!({ "number": 1000 }));
    let once = tokio::spawn(once.timeout(Duration::from_secs(30)).into_future());
    until("it runs", || runs.of(1000) == 1).await;
    let holders = redis.text(&format!("HGETALL {}", key("holders")));
    println!("{holders:?}");
    doomed.kill();
    let since = Instant::now();
    runs.block(false);
    // The observer has seen nothing of it before.
    let running = Running::start(runs.service().build().unwrap(), redis.settings());
    let error = once.await.unwrap().unwrap_err();
    assert_eq!(error.errors()[0].code, code::OUTCOME_UNKNOWN, "{error}");
    let found = since.elapsed();
    println!("given up after {found:?}");
    for call in safe {
        call.await.unwrap().unwrap();
    }
    let took = since.elapsed();
    assert!(took < Duration::from_secs(6), "{took:?}");
    assert!((0..40).all(|number| runs.of(number) == 2));
    assert_eq!(runs.of(1000), 1, "it must not run twice");
    assert_eq!(runs.attempts.load(Ordering::Relaxed), 2);
    until("no slot is left", || leftovers(&redis).is_empty()).await;
    running.stop().await;
}

#[tokio::test]
async fn a_clean_stop_hands_over_what_is_not_begun_at_once_and_the_rest_when_its_grace_is_over() {
    let redis = Redis::start();
    let runs = Runs::default();
    runs.block(true);
    let first = runs.service().concurrency(4).build().unwrap();
    let transport = RedisServerTransport::new("test", redis.settings()).unwrap();
    let stop = Arc::new(Notify::new());
    let told = Arc::clone(&stop);
    let stopping = tokio::spawn(async move {
        let stop = async move { told.notified().await };
        first
            .run_until(transport, stop, Duration::from_millis(300))
            .await
    });
    let client = client(redis.settings());
    let calls = calls(&client, "safe", 4);
    until("they run", || (0..4).all(|number| runs.of(number) == 1)).await;
    let since = Instant::now();
    stop.notify_one();
    let second = Running::start(runs.service().build().unwrap(), redis.settings());
    let stopped = stopping.await.unwrap().unwrap();
    assert_eq!((stopped.given_up, stopped.aborted), (0, 0));
    runs.block(false);
    for call in calls {
        call.await.unwrap().unwrap();
    }
    let took = since.elapsed();
    assert!(
        took < Duration::from_secs(4),
        "no lease had to run out: {took:?}"
    );
    assert!((0..4).all(|number| runs.of(number) == 2));
    second.stop().await;
    assert_eq!(redis.keys(), Vec::<String>::new());
}

/// A login by an older line: it may not use the keys of services.
fn older(redis: &Redis) -> RedisSettings {
    let line = "ACL SETUSER older on >secret ~pysoa:* +@all";
    assert_eq!(redis.text(line), Reply::Text("+OK".to_owned()));
    redis.settings().user("older", "secret")
}

#[tokio::test]
async fn a_login_by_the_older_line_serves_at_most_once_with_one_warning() {
    let redis = Redis::start();
    let running = Running::start(held().build().unwrap(), older(&redis));
    let client = client(redis.settings());
    for _ in 0..5 {
        client
            .call_action("test", "echo", &value!({}))
            .await
            .unwrap();
    }
    running.stop().await;
    let lines = redis.logged();
    let told: Vec<_> = lines
        .iter()
        .filter(|line| line.contains("at most once"))
        .collect();
    assert_eq!(told.len(), 1, "{lines:#?}");
    assert!(
        told[0].contains("ACL SETUSER older ~{pysoa:* +lmove"),
        "{told:?}"
    );
}

#[tokio::test]
async fn with_at_least_once_such_a_login_fails_at_the_start_with_the_line_to_add() {
    let redis = Redis::start();
    let settings = older(&redis);
    let server = held().delivery(Delivery::AtLeastOnce).build().unwrap();
    let transport = RedisServerTransport::new("test", settings).unwrap();
    let error = server.run(transport).await.unwrap_err().to_string();
    assert!(
        error.starts_with("the server cannot start: this login cannot hold requests"),
        "{error}"
    );
    assert!(
        error.contains("ACL SETUSER older ~{pysoa:* +lmove"),
        "{error}"
    );
    // A login without one of the commands, too.
    redis.text("ACL SETUSER partly on >secret ~pysoa:* ~{pysoa:* +@all -lmove");
    let transport = RedisServerTransport::new("test", redis.settings().user("partly", "secret"));
    let error = server
        .run(transport.unwrap())
        .await
        .unwrap_err()
        .to_string();
    assert!(error.to_lowercase().contains("lmove"), "{error}");
}

#[tokio::test]
async fn the_documented_line_is_enough_to_hold() {
    let redis = Redis::start();
    let line = "ACL SETUSER documented on >secret ~pysoa:* ~{pysoa:* -@all +evalsha +script|load +llen +rpush +expire +blpop \
                +lmove +blmove +rename +lpop +lpush +lset +lrange +del +exists +persist +pttl +pexpire +hset +hget +hdel +zadd +zrem +zscore \
                +zrange +zremrangebyscore +zremrangebyrank +time +client|id +client|list +client|unblock +info \
                +multi +exec +watch";
    assert_eq!(redis.text(line), Reply::Text("+OK".to_owned()));
    let server = held().delivery(Delivery::AtLeastOnce).build().unwrap();
    let settings = redis.settings().user("documented", "secret");
    let running = Running::start(server, settings);
    let client = client(redis.settings());
    for number in 0..50_i64 {
        let body = value!({ "number": (number) });
        assert_eq!(
            client.call_action("test", "echo", &body).await.unwrap(),
            body
        );
    }
    assert!(redis.calls("blmove") > 0 && redis.calls("exec") > 40);
    running.stop().await;
}

/// The process that has a lease.
pub(crate) fn process(redis: &Redis) -> String {
    let Reply::List(all) = redis.text(&format!("ZRANGE {} 0 -1", key("leases"))) else {
        panic!()
    };
    String::from_utf8(all.into_iter().next().unwrap().bytes()).unwrap()
}

#[tokio::test]
async fn a_process_that_was_given_up_answers_nothing_and_goes_on_under_a_new_name() {
    let redis = Redis::start();
    let runs = Runs::default();
    runs.block(true);
    let running = Running::start(runs.service().build().unwrap(), redis.settings());
    let client = client(redis.settings());
    let safe = calls(&client, "safe", 3);
    let once = client.call_action("test", "once", &value!({ "number": 100 }));
    let once = tokio::spawn(once.timeout(Duration::from_secs(30)).into_future());
    until("they run", || {
        [0, 1, 2, 100].iter().all(|number| runs.of(*number) == 1)
    })
    .await;
    let before = process(&redis);
    redis.text(&format!("ZREM {} {before}", key("leases")));
    redis.text(&format!("ZADD {} 1 {before}", key("burnt")));
    // The others hear at once that nobody knows.
    let error = once.await.unwrap().unwrap_err();
    assert_eq!(error.errors()[0].code, code::OUTCOME_UNKNOWN);
    // One of them at a time, as each may be to blame.
    until("one runs again", || {
        (0..3).any(|number| runs.of(number) == 2)
    })
    .await;
    runs.block(false);
    for call in safe {
        call.await.unwrap().unwrap();
    }
    assert_ne!(process(&redis), before);
    assert_eq!(runs.of(100), 1);
    // Whatever the first run of `once` has answered was not sent.
    until("it is over", || leftovers(&redis).is_empty()).await;
    let replies = redis.keys().into_iter().filter(|key| key.contains('!'));
    assert_eq!(replies.count(), 0, "nobody is answered twice");
    running.stop().await;
}

#[tokio::test]
async fn a_job_that_ends_processes_becomes_a_dead_letter_that_can_be_run_again() {
    let redis = Redis::start();
    let told = Arc::new(AtomicU64::new(0));
    let counted = Arc::clone(&told);
    let server = held()
        .on_dead(move |_, letter| {
            assert_eq!((&*letter.reason, letter.strikes), ("poison", 3));
            counted.fetch_add(1, Ordering::Relaxed);
        })
        .build()
        .unwrap();
    // It was held, as the only suspect, by a process that is gone.
    let reply_to = "service.test.poison!";
    let body = value!({ "number": 7 });
    let frame = request(1, reply_to, &body);
    let mut job = b"soa-job/1 id=abc;attempt=3;strikes=2;born=5;reason=crash;suspect=1\n".to_vec();
    job.extend_from_slice(&frame);
    let slot = key("held.gone.r0");
    redis.command(&[b"RPUSH", slot.as_bytes(), &job]);
    let innocent = key("held.gone.0");
    redis.command(&[
        b"RPUSH",
        innocent.as_bytes(),
        &request(2, "service.test.innocent!", &body),
    ]);
    redis.text(&format!("ZADD {} 1 gone", key("burnt")));
    redis.text(&format!("HSET {} gone:slots 64", key("holders")));
    // As burnt long ago, it is looked at once, at the start.
    let running = Running::start(server, redis.settings());
    let answer = redis.wait_for(&format!("pysoa:{reply_to}")).await;
    let answer = String::from_utf8_lossy(&answer).into_owned();
    assert!(
        answer.contains("SERVER_ERROR") && answer.contains("3 processes"),
        "{answer}"
    );
    redis.wait_for("pysoa:service.test.innocent!").await;
    until("the hook is told", || told.load(Ordering::Relaxed) == 1).await;
    let connection = RedisConnection::connect(redis.settings()).await.unwrap();
    let dead = RedisDeadLetters::on(&connection, "test");
    let letters = dead.list(&DeadFilter::default()).await.unwrap();
    assert_eq!(letters.len(), 1);
    assert_eq!(
        (&*letters[0].id, &letters[0].actions[..]),
        ("abc", &["echo".to_owned()][..])
    );
    assert_eq!(
        (letters[0].attempts, letters[0].strikes, letters[0].born),
        (3, 3, 5)
    );
    assert_eq!(letters[0].frame, frame);
    let mut other = DeadFilter::default();
    other.action = Some("another".to_owned());
    assert_eq!(dead.retry(&other).await.unwrap(), 0);
    let mut this = DeadFilter::default();
    this.id = Some("ab".to_owned());
    assert_eq!(dead.retry(&this).await.unwrap(), 1);
    let answer = redis.wait_for(&format!("pysoa:{reply_to}")).await;
    assert!(!String::from_utf8_lossy(&answer).contains("SERVER_ERROR"));
    assert!(dead.list(&DeadFilter::default()).await.unwrap().is_empty());
    running.stop().await;
}

#[tokio::test]
async fn a_redis_without_memory_is_drained() {
    let redis = Redis::start();
    let client = client(redis.settings());
    let calls: Vec<_> = (0..100_i64)
        .map(|number| {
            let call = client.call_action("test", "echo", &value!({ "number": (number) }));
            tokio::spawn(call.timeout(Duration::from_secs(30)).into_future())
        })
        .collect();
    until("all are there", || {
        redis.integer(&format!("LLEN {QUEUE}")) == 100
    })
    .await;
    redis.text("CONFIG SET maxmemory 1mb");
    let running = Running::start(held().build().unwrap(), redis.settings());
    for call in calls {
        call.await.unwrap().unwrap();
    }
    redis.text("CONFIG SET maxmemory 0");
    until("no slot is left", || leftovers(&redis).is_empty()).await;
    running.stop().await;
}

#[tokio::test]
async fn a_flushed_redis_does_not_stop_the_process_and_what_runs_is_answered() {
    let redis = Redis::start();
    let runs = Runs::default();
    runs.block(true);
    let running = Running::start(runs.service().build().unwrap(), redis.settings());
    let client = client(redis.settings());
    let running_calls = calls(&client, "safe", 20);
    until("they run", || (0..20).all(|number| runs.of(number) == 1)).await;
    redis.text("FLUSHALL");
    runs.block(false);
    for call in running_calls {
        call.await.unwrap().unwrap();
    }
    let since = Instant::now();
    for call in calls(&client, "safe", 20) {
        call.await.unwrap().unwrap();
    }
    assert!(since.elapsed() < Duration::from_secs(2));
    until("it has a lease again", || {
        redis.integer(&format!("ZCARD {}", key("leases"))) == 1
    })
    .await;
    until("no slot is left", || leftovers(&redis).is_empty()).await;
    running.stop().await;
}

#[tokio::test]
async fn answers_that_are_lost_on_their_way_from_redis_lose_nothing_and_double_nothing() {
    let redis = Redis::start();
    let proxy = Proxy::before(&redis).await;
    let runs = Runs::default();
    let running = Running::start(runs.service().build().unwrap(), proxy.settings());
    let client = client(redis.settings());
    let cutting = async {
        for bytes in [700, 3_000, 90, 1_500, 11, 5_000, 333, 2_200, 64, 950] {
            tokio::time::sleep(Duration::from_millis(150)).await;
            proxy.cut_after(bytes);
        }
    };
    let calling = async {
        for round in 0..40_i64 {
            let calls: Vec<_> = (0..20)
                .map(|number| {
                    let body = value!({ "number": (round * 20 + number) });
                    let call = client.call_action("test", "once", &body);
                    tokio::spawn(call.timeout(Duration::from_secs(20)).into_future())
                })
                .collect();
            for call in calls {
                call.await.unwrap().unwrap();
            }
            tokio::time::sleep(Duration::from_millis(30)).await;
        }
    };
    tokio::join!(cutting, calling);
    assert!((0..800).all(|number| runs.of(number) == 1), "each ran once");
    until("no slot is left", || leftovers(&redis).is_empty()).await;
    running.stop().await;
}

#[tokio::test]
async fn requests_that_were_taken_for_nobody_go_back_at_once() {
    let redis = Redis::start();
    let client = client(redis.settings());
    let calls: Vec<_> = (0..40_i64)
        .map(|number| {
            let call = client.call_action("test", "echo", &value!({ "number": (number) }));
            tokio::spawn(call.timeout(Duration::from_secs(30)).into_future())
        })
        .collect();
    until("all are there", || {
        redis.integer(&format!("LLEN {QUEUE}")) == 40
    })
    .await;
    let server = held().concurrency(8).build().unwrap();
    for wait in 0..10 {
        let transport = RedisServerTransport::new("test", redis.settings()).unwrap();
        let _ = tokio::time::timeout(Duration::from_millis(wait * 3), server.run(transport)).await;
    }
    let running = Running::start(server, redis.settings());
    let since = Instant::now();
    for call in calls {
        call.await.unwrap().unwrap();
    }
    assert!(
        since.elapsed() < Duration::from_secs(15),
        "{:?}",
        since.elapsed()
    );
    running.stop().await;
}
