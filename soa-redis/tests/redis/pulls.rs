//! How requests that are held are taken, several at once, and how their responses leave with room for some of them.

use std::sync::{Arc, Mutex};

use soa_runtime::{ActionError, Context, Server, Value, value};

use crate::holding::{QUEUE, calls, leftovers};
use crate::support::{Redis, Running, client, request, service, until};

/// A service that notes the order in which it runs requests.
fn noting() -> (Server, Arc<Mutex<Vec<i64>>>) {
    let order = Arc::<Mutex<Vec<i64>>>::default();
    let noted = Arc::clone(&order);
    let note = move |body: Value, _: Context| {
        let number = body.get("number").and_then(Value::as_i64).unwrap();
        noted.lock().unwrap().push(number);
        async move { Ok::<_, ActionError>(body) }
    };
    let server = service().action("note", note).idempotent("note");
    (server.build().unwrap(), order)
}

fn push(redis: &Redis, numbers: std::ops::Range<i64>, reply_to: &str) {
    for number in numbers {
        let body = value!({ "number": (number) });
        let frame = request(number, reply_to, &body);
        redis.command(&[b"RPUSH", QUEUE.as_bytes(), &frame]);
    }
}

/// Starts the service when so many requests wait, and asserts that it runs them in their order.
async fn runs_in_order(redis: &Redis, requests: i64) {
    let client = client(redis.settings());
    let waiting = calls(&client, "note", requests);
    let length = || redis.integer(&format!("LLEN {QUEUE}"));
    until("all are there", || length() == requests).await;
    let (server, order) = noting();
    let running = Running::start(server, redis.settings());
    for call in waiting {
        call.await.unwrap().unwrap();
    }
    let order = order.lock().unwrap().clone();
    assert_eq!(order, (0..requests).collect::<Vec<_>>());
    until("no slot is left", || leftovers(redis).is_empty()).await;
    running.stop().await;
}

#[tokio::test]
async fn a_queue_that_fits_into_a_pull_is_taken_by_renaming_it() {
    let redis = Redis::start();
    runs_in_order(&redis, 30).await;
    // Pulls become larger only as long as messages are small, so the first ones move them one by one.
    assert!(redis.calls("rename") > 0);
}

#[tokio::test]
async fn a_queue_that_is_longer_is_taken_in_its_order() {
    let redis = Redis::start();
    runs_in_order(&redis, 150).await;
    assert!(redis.calls("lmove") > 0 && redis.calls("rename") > 0);
}

#[tokio::test]
async fn scripts_that_redis_has_forgotten_are_loaded_for_the_next_pull() {
    let redis = Redis::start();
    let (server, order) = noting();
    let running = Running::start(server, redis.settings());
    let client = client(redis.settings());
    for round in 1..=3 {
        redis.text("SCRIPT FLUSH");
        for call in calls(&client, "note", 40) {
            call.await.unwrap().unwrap();
        }
        assert_eq!(order.lock().unwrap().len(), 40 * round);
    }
    until("no slot is left", || leftovers(&redis).is_empty()).await;
    running.stop().await;
}

#[tokio::test]
async fn responses_leave_as_their_reply_list_has_room_and_each_once() {
    let redis = Redis::start();
    let mut settings = redis.settings();
    settings.queue_capacity = 4;
    let reply_to = "service.test.full!";
    push(&redis, 0..10, reply_to);
    let running = Running::start(service().idempotent("echo").build().unwrap(), settings);
    let list = format!("pysoa:{reply_to}");
    let mut answers = Vec::new();
    while answers.len() < 10 {
        let fits = 4.min(10 - answers.len());
        let length = || usize::try_from(redis.integer(&format!("LLEN {list}"))).unwrap();
        until("the list is as full as it may be", || length() >= fits).await;
        assert_eq!(length(), fits);
        for _ in 0..fits {
            answers.push(redis.text(&format!("LPOP {list}")).bytes());
        }
    }
    let mut different = answers.clone();
    different.sort();
    different.dedup();
    assert_eq!(different.len(), 10, "no response came twice");
    until("no slot is left", || leftovers(&redis).is_empty()).await;
    running.stop().await;
}
