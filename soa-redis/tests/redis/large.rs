//! Large answers, and a Redis that cuts connections on which much is to be sent.

use std::future::poll_fn;
use std::task::Poll;
use std::time::{Duration, Instant};

use soa_redis::RedisSettings;
use soa_runtime::{ActionError, Client, Context, Value, value};
use tokio::task::JoinSet;

use crate::support::{Redis, Running, client, logged, service, until};

const LIMIT: [&str; 2] = ["--client-output-buffer-limit", "normal 2mb 1mb 10"];

/// A server whose answers have as many bytes as are asked for.
fn serve(settings: RedisSettings) -> Running {
    let large = |body: Value, _: Context| async move {
        let size = body
            .as_map()
            .unwrap()
            .get("size")
            .unwrap()
            .as_i64()
            .unwrap();
        let text = "x".repeat(usize::try_from(size).unwrap());
        Ok::<_, ActionError>(value!({ "text": (text) }))
    };
    Running::start(service().action("large", large).build().unwrap(), settings)
}

/// Calls for an answer of so many bytes, by so many callers at once; how many of the calls failed.
async fn failures(client: &Client, size: i64, callers: u32, each: u32) -> usize {
    let mut tasks = JoinSet::new();
    for _ in 0..callers {
        let client = client.clone();
        tasks.spawn(async move {
            let mut failed = 0;
            for _ in 0..each {
                let call = client.call_action("test", "large", &value!({ "size": (size) }));
                let answer = call.timeout(Duration::from_secs(8)).await;
                match answer {
                    Ok(answer) => {
                        let text = answer.as_map().unwrap().get("text").unwrap();
                        assert_eq!(text.as_str().unwrap().len(), usize::try_from(size).unwrap());
                    }
                    Err(_) => failed += 1,
                }
            }
            failed
        });
    }
    tasks.join_all().await.into_iter().sum()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn large_answers_come_through_where_redis_sends_little_at_once() {
    let redis = Redis::with(&LIMIT);
    let settings = redis.settings().maximum_message_size(0);
    let running = serve(settings.clone());
    let client = client(settings);
    assert_eq!(failures(&client, 1_000_000, 64, 2).await, 0);
    // Of small ones many are taken at once, and of middle ones as many as fit.
    assert_eq!(failures(&client, 100, 64, 20).await, 0);
    let before = redis.calls("blmpop");
    assert_eq!(failures(&client, 100, 64, 20).await, 0);
    let pops = redis.calls("blmpop") - before;
    assert!(pops < 64 * 20, "{pops} pops");
    running.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn middle_answers_come_through_where_redis_sends_little_at_once() {
    let redis = Redis::with(&LIMIT);
    let running = serve(redis.settings());
    assert_eq!(failures(&client(redis.settings()), 60_000, 128, 3).await, 0);
    running.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_connection_that_redis_cuts_for_its_size_is_told_with_the_limit() {
    let redis = Redis::with(&["--client-output-buffer-limit", "normal 1mb 1mb 10"]);
    let settings = redis.settings().maximum_message_size(0);
    let running = serve(settings.clone());
    let client = client(settings);
    // A Redis that was just started ends connections for other reasons.
    tokio::time::sleep(Duration::from_secs(5)).await;
    let call = client.call_action("test", "large", &value!({ "size": 3_000_000 }));
    call.timeout(Duration::from_secs(2)).await.unwrap_err();
    let call = client.call_action("test", "large", &value!({ "size": 1 }));
    call.timeout(Duration::from_secs(8)).await.unwrap();
    let told = logged(&format!("127.0.0.1:{}", redis.port));
    let told: Vec<_> = told
        .iter()
        .filter(|line| line.contains("client-output-buffer-limit"))
        .collect();
    assert_eq!(told.len(), 1, "{told:?}");
    assert!(told[0].contains("1048576 1048576 10"), "{told:?}");
    running.stop().await;
}

#[tokio::test]
async fn large_answers_that_nobody_takes_stay_in_redis_and_are_there_when_they_are_asked_for() {
    let redis = Redis::start();
    let mut settings = redis.settings().maximum_message_size(0);
    settings.reply_memory = 100_000;
    let running = serve(settings.clone());
    let client = client(settings);
    assert_eq!(failures(&client, 1, 1, 1).await, 0);
    // From the first large answer on, few are popped at once.
    let large = || client.call_action("test", "large", &value!({ "size": 1_000_000 }));
    large().await.unwrap();
    let since = Instant::now();
    let mut pending = Vec::new();
    for _ in 0..40 {
        let call = large();
        let mut call = Box::pin(call.timeout(Duration::from_secs(60)).into_future());
        // It is sent, and then left alone.
        let first = poll_fn(|context| Poll::Ready(call.as_mut().poll(context).is_pending()));
        assert!(first.await);
        pending.push(call);
    }
    until("all ran", || running.server.stats().jobs() == 42).await;
    // One a second.
    tokio::time::sleep(Duration::from_millis(500)).await;
    let left: i64 = redis
        .keys()
        .iter()
        .map(|key| redis.integer(&format!("LLEN {key}")))
        .sum();
    let most = 8 + since.elapsed().as_secs().cast_signed();
    assert!(
        40 - left <= most,
        "{left} are left of 40, and {most} may be gone"
    );
    for one in pending {
        one.await.unwrap();
    }
    running.stop().await;
}
