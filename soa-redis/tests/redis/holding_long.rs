//! Requests that are held while jobs run for long.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::Duration;

use bytes::Bytes;
use soa_redis::RedisServerTransport;
use soa_runtime::transport::ServerTransport as _;
use soa_runtime::wire::{ProtocolVersion, write_request};
use soa_runtime::{
    ActionError, ActionRequest, Body, Context, ContextHeader, Control, Encoding, JobRequest, Value,
    value,
};

use crate::holding::{QUEUE, Runs, calls, leftovers};
use crate::support::{Redis, Reply, Running, client, service, until};

/// The messages that Redis has in slots; those that were emptied are empty.
fn held(redis: &Redis) -> Vec<Vec<u8>> {
    let slots = leftovers(redis)
        .into_iter()
        .filter(|key| key.contains(".held."));
    let jobs = slots.flat_map(|key| match redis.text(&format!("LRANGE {key} 0 -1")) {
        Reply::List(jobs) => jobs,
        _ => Vec::new(),
    });
    jobs.map(Reply::bytes).collect()
}

/// A request for `safe` that expires after this time.
fn request(number: i64, lifetime: Duration) -> Bytes {
    let body = Body::encode(Encoding::MessagePack, &value!({ "number": (number) }));
    let actions = vec![ActionRequest::new("safe", body)];
    let job = JobRequest::new(ContextHeader::fresh(), Control::default(), actions);
    let (version, encoding) = (ProtocolVersion::V3, Encoding::MessagePack);
    write_request(
        version,
        encoding,
        number,
        "pysoa:service.test.nobody!",
        lifetime,
        &job,
    )
    .unwrap()
}

#[tokio::test]
async fn a_slow_job_does_not_keep_the_messages_of_those_that_were_taken_with_it() {
    let redis = Redis::start();
    let is_slow = Arc::new(AtomicBool::new(true));
    let (waits, ended) = (Arc::clone(&is_slow), Arc::new(AtomicU64::new(0)));
    let ends = Arc::clone(&ended);
    let server = service()
        .action("safe", move |body: Value, _: Context| {
            let (waits, ends) = (Arc::clone(&waits), Arc::clone(&ends));
            async move {
                let number = body.as_map().and_then(|map| map.get("number")?.as_i64());
                while number == Some(7) && waits.load(Ordering::Relaxed) {
                    tokio::time::sleep(Duration::from_millis(5)).await;
                }
                ends.fetch_add(1, Ordering::Relaxed);
                Ok::<_, ActionError>(body)
            }
        })
        .idempotent("safe");
    for number in 0..20 {
        let frame = request(number, Duration::from_secs(60));
        redis.command(&[b"RPUSH", QUEUE.as_bytes(), &frame]);
    }
    let running = Running::start(server.build().unwrap(), redis.settings());
    until("all others have ended", || {
        ended.load(Ordering::Relaxed) == 19
    })
    .await;
    assert!(held(&redis).len() > 1, "it came with others");
    until("only its message is left", || {
        let jobs = held(&redis);
        jobs.iter().filter(|job| !job.is_empty()).count() == 1
    })
    .await;
    is_slow.store(false, Ordering::Relaxed);
    until("no slot is left", || leftovers(&redis).is_empty()).await;
    running.stop().await;
}

#[tokio::test]
async fn a_job_that_blocks_its_thread_is_not_held_when_nobody_waits_for_it_any_more() {
    let redis = Redis::start();
    let is_blocked = Arc::new(AtomicBool::new(true));
    let (blocks, has_begun) = (Arc::clone(&is_blocked), Arc::new(AtomicBool::new(false)));
    let begun = Arc::clone(&has_begun);
    let server = service()
        .action("safe", move |body: Value, _: Context| {
            begun.store(true, Ordering::Relaxed);
            while blocks.load(Ordering::Relaxed) {
                std::thread::sleep(Duration::from_millis(5));
            }
            async { Ok::<_, ActionError>(body) }
        })
        .idempotent("safe");
    let frame = request(1, Duration::from_secs(1));
    redis.command(&[b"RPUSH", QUEUE.as_bytes(), &frame]);
    // On a runtime of its own, which it blocks as a whole.
    let transport = RedisServerTransport::new("test", redis.settings()).unwrap();
    let (server, taken_from) = (server.build().unwrap(), transport.clone());
    let running = std::thread::spawn(move || {
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_all()
            .build();
        runtime.unwrap().block_on(server.run(taken_from)).unwrap();
    });
    until("it runs", || has_begun.load(Ordering::Relaxed)).await;
    assert_eq!(held(&redis).len(), 1);
    until("it is not held any more", || held(&redis).is_empty()).await;
    is_blocked.store(false, Ordering::Relaxed);
    // Its number is free when it has ended, and not before: what is taken now is answered.
    let client = client(redis.settings());
    for call in calls(&client, "safe", 40) {
        call.await.unwrap().unwrap();
    }
    until("no slot is left", || leftovers(&redis).is_empty()).await;
    transport.close();
    running.join().unwrap();
}

#[tokio::test]
async fn a_job_whose_slot_was_emptied_around_it_runs_again_when_its_process_is_gone() {
    let redis = Redis::start();
    let runs = Runs::default();
    runs.block(true);
    let server = runs.service().build().unwrap();
    let first = Running::start(server.clone(), redis.settings());
    let client = client(redis.settings());
    let slow = calls(&client, "safe", 1);
    until("it runs", || runs.of(0) == 1).await;
    // Its place in the list stays, whatever is emptied before it.
    let key = leftovers(&redis)
        .into_iter()
        .find(|key| key.contains(".held."))
        .unwrap();
    let process = key.split('.').nth_back(1).unwrap().to_owned();
    redis.text(&format!("LPUSH {key} x"));
    redis.text(&format!("LSET {key} 0 \"\""));
    redis.text(&format!(
        "HSET {} 0 1",
        crate::holding::key(&format!("done.{process}"))
    ));
    redis.text(&format!(
        "ZADD {} 1 {process}",
        crate::holding::key("burnt")
    ));
    until("it runs again", || runs.of(0) == 2).await;
    runs.block(false);
    for call in slow {
        call.await.unwrap().unwrap();
    }
    first.stop().await;
}
