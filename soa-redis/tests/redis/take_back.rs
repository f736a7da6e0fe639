//! Requests that nobody waits for any more.

use std::time::Duration;

use soa_redis::RedisClientTransport;
use soa_runtime::{Client, ErrorKind, value};

use crate::support::{Redis, Running, client, ring, service, until};

const QUEUE: &str = "LLEN pysoa:service.test";

#[tokio::test]
async fn a_call_that_timed_out_leaves_nothing_in_the_queue() {
    let (masters, settings) = ring(2);
    // Not the time that is written into the request: it is that of a call without one of its own.
    let settings = settings.receive_timeout(Duration::from_millis(300));
    let transport = RedisClientTransport::new("test", settings.clone()).unwrap();
    let client = Client::builder().service("test", transport.clone());
    let client = client.build().unwrap();
    let other = crate::support::client(settings.receive_timeout(Duration::from_secs(60)));
    let waiting = other.call_action("test", "echo", &value!({ "number": 7 }));
    let waiting = waiting.send().await.unwrap();
    let calls = (0..50_i64).map(|number| {
        let call = client.call_action("test", "echo", &value!({ "number": (number) }));
        tokio::spawn(call.into_future())
    });
    for call in calls.collect::<Vec<_>>() {
        let error = call.await.unwrap().unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Timeout);
    }
    until("they are taken back", || {
        transport.requests_taken_back() == 50
    })
    .await;
    let left: i64 = masters.iter().map(|redis| redis.integer(QUEUE)).sum();
    assert_eq!(left, 1, "the other one's");
    drop(waiting);
}

#[tokio::test]
async fn a_request_that_a_server_has_taken_is_not_taken_back() {
    let redis = Redis::start();
    let server = service().action("slow", |body: soa_runtime::Value, _| async {
        tokio::time::sleep(Duration::from_millis(600)).await;
        Ok::<_, soa_runtime::ActionError>(body)
    });
    let running = Running::start(server.build().unwrap(), redis.settings());
    let transport = RedisClientTransport::new("test", redis.settings()).unwrap();
    let client = Client::builder().service("test", transport.clone());
    let client = client.build().unwrap();
    let call = client.call_action("test", "slow", &value!({}));
    call.timeout(Duration::from_millis(200)).await.unwrap_err();
    until("its answer comes, late", || {
        transport.unexpected_answers() == 0 && running.server.stats().jobs() == 1
    })
    .await;
    assert_eq!(transport.requests_taken_back(), 0);
    running.stop().await;
}

#[tokio::test]
async fn a_call_that_was_sent_for_nobody_stays() {
    let redis = Redis::start();
    let client = client(redis.settings());
    let call = client.call_action("test", "echo", &value!({}));
    drop(call.timeout(Duration::from_secs(60)).send().await.unwrap());
    let running = Running::start(service().build().unwrap(), redis.settings());
    until("it ran", || running.server.stats().jobs() == 1).await;
    running.stop().await;
}
