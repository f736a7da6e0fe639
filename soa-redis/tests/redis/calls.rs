//! Calls, both sides ours.

use std::collections::HashSet;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use soa_redis::{RedisClientTransport, RedisConnection, RedisServerTransport};
use soa_runtime::codec::Encoding;
use soa_runtime::transport::ServerTransport as _;
use soa_runtime::wire::{ProtocolVersion, write_request};
use soa_runtime::{
    ActionError, ActionRequest, Body, Client, Context, ContextHeader, Control, ErrorKind,
    JobRequest, Value, value,
};

use crate::support::{Redis, Running, client, next_request, request, service, until};

#[tokio::test]
async fn a_call_is_answered() {
    let redis = Redis::start();
    let running = Running::start(service().build().unwrap(), redis.settings());
    let client = client(redis.settings());
    let body = value!({ "number": 42 });
    let answer = client.call_action("test", "echo", &body).await.unwrap();
    assert_eq!(answer, body);
    running.stop().await;
}

async fn every_call_of_many_callers_is_answered_once_with_its_own_result() {
    const CALLERS: i64 = 64;
    const CALLS: i64 = 1_600;
    let redis = Redis::start();
    let runs = Arc::new(AtomicU64::new(0));
    let counted = Arc::clone(&runs);
    let server = service().action("count", move |body: Value, _: Context| {
        counted.fetch_add(1, Ordering::Relaxed);
        async { Ok::<_, ActionError>(body) }
    });
    let running = Running::start(server.build().unwrap(), redis.settings());
    let transport = RedisClientTransport::new("test", redis.settings()).unwrap();
    let client = Client::builder().service("test", transport.clone());
    let client = client.build().unwrap();
    let callers = (0..CALLERS).map(|caller| {
        let client = client.clone();
        tokio::spawn(async move {
            for number in 0..CALLS {
                let body = value!({ "caller": (caller), "number": (number) });
                let call = client.call_action("test", "count", &body);
                let answer = call.timeout(Duration::from_secs(60)).await.unwrap();
                assert_eq!(answer, body);
            }
        })
    });
    for caller in callers.collect::<Vec<_>>() {
        caller.await.unwrap();
    }
    assert_eq!(
        runs.load(Ordering::Relaxed),
        CALLERS.unsigned_abs() * CALLS.unsigned_abs()
    );
    assert_eq!(transport.unexpected_answers(), 0);
    running.stop().await;
    drop((client, transport));
    until("all keys are gone", || redis.keys().is_empty()).await;
}

#[tokio::test]
async fn many_callers_on_one_thread_get_their_own_results() {
    every_call_of_many_callers_is_answered_once_with_its_own_result().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn many_callers_on_two_threads_get_their_own_results() {
    every_call_of_many_callers_is_answered_once_with_its_own_result().await;
}

#[tokio::test]
async fn services_share_one_connection_and_a_service_that_joins_later_is_heard() {
    let redis = Redis::start();
    let connection =
        RedisConnection::connect(redis.settings().block_timeout(Duration::from_secs(60)))
            .await
            .unwrap();
    let names = ["one", "two", "three"];
    let mut servers = Vec::new();
    let mut builder = Client::builder();
    for name in names {
        let server = service().name(name).build().unwrap();
        let transport = RedisServerTransport::on(&connection, name);
        let taken_from = transport.clone();
        servers.push((
            transport,
            tokio::spawn(async move { server.run(taken_from).await }),
        ));
        builder = builder.service(name, RedisClientTransport::on(&connection, name));
    }
    let client = builder.build().unwrap();
    let body = value!({ "number": 1 });
    // The reader waits in a long pop for the first one, when the next one joins.
    let start = Instant::now();
    for name in names {
        assert_eq!(client.call_action(name, "echo", &body).await.unwrap(), body);
    }
    assert!(
        start.elapsed() < Duration::from_secs(30),
        "{:?}",
        start.elapsed()
    );
    for (transport, task) in servers {
        transport.close();
        task.await.unwrap().unwrap();
    }
}

#[tokio::test]
async fn no_key_is_left_when_clients_are_gone_and_their_times_have_passed() {
    let redis = Redis::start();
    let settings = redis.settings().message_expiry(Duration::from_secs(1));
    let running = Running::start(service().build().unwrap(), settings.clone());
    let client = client(settings.clone());
    let body = value!({});
    for _ in 0..10 {
        client.call_action("test", "echo", &body).await.unwrap();
    }
    running.stop().await;
    // Nobody answers this one, and its answer to nobody would expire.
    let pending = client
        .call_action("test", "echo", &body)
        .send()
        .await
        .unwrap();
    drop((pending, client));
    until("all keys are gone", || redis.keys().is_empty()).await;
    // Nor is a connection left, but for the one that asks.
    until("all connections are closed", || redis.connections() == 1).await;
}

#[tokio::test]
async fn a_call_without_an_answer_ends_at_its_timeout_or_the_default_one() {
    let redis = Redis::start();
    let client = client(redis.settings().receive_timeout(Duration::from_millis(200)));
    for (timeout, least, most) in [(None, 200, 20_000), (Some(1_000), 1_000, 20_000)] {
        let start = Instant::now();
        let call = client.call_action("test", "echo", &value!({}));
        let answer = match timeout {
            None => call.await,
            Some(timeout) => call.timeout(Duration::from_millis(timeout)).await,
        };
        assert_eq!(answer.unwrap_err().kind(), ErrorKind::Timeout);
        let took = start.elapsed();
        let expected = Duration::from_millis(least)..Duration::from_millis(most);
        assert!(expected.contains(&took), "{took:?}");
    }
}

#[tokio::test]
async fn an_answer_that_comes_too_late_is_counted_and_dropped() {
    let redis = Redis::start();
    let server = service().action("slow", |body: Value, _: Context| async {
        tokio::time::sleep(Duration::from_millis(300)).await;
        Ok::<_, ActionError>(body)
    });
    let running = Running::start(server.build().unwrap(), redis.settings());
    let transport = RedisClientTransport::new("test", redis.settings()).unwrap();
    let client = Client::builder()
        .service("test", transport.clone())
        .build()
        .unwrap();
    client
        .call_action("test", "echo", &value!({}))
        .await
        .unwrap();
    let slow = client.call_action("test", "slow", &value!({}));
    let error = slow.timeout(Duration::from_millis(50)).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Timeout);
    until("the answer came", || transport.unexpected_answers() == 1).await;
    let body = value!({ "number": 2 });
    assert_eq!(
        client.call_action("test", "echo", &body).await.unwrap(),
        body
    );
    running.stop().await;
}

#[tokio::test]
async fn a_request_whose_time_has_passed_is_dropped_unread() {
    let redis = Redis::start();
    let frame = expired_request();
    redis.command(&[b"RPUSH", b"pysoa:service.test", &frame]);
    let running = Running::start(service().build().unwrap(), redis.settings());
    let client = client(redis.settings());
    let body = value!({ "number": 2 });
    assert_eq!(
        client.call_action("test", "echo", &body).await.unwrap(),
        body
    );
    let stats = running.server.stats();
    assert_eq!(stats.dropped(soa_runtime::wire::DropReason::Expired), 1);
    assert_eq!(stats.jobs(), 1);
    running.stop().await;
}

/// A request for `echo` that is worth reading for no time.
fn expired_request() -> bytes::Bytes {
    let body = Body::encode(Encoding::MessagePack, &value!({}));
    let job = JobRequest::new(
        ContextHeader::fresh(),
        Control::default(),
        vec![ActionRequest::new("echo", body)],
    );
    let reply_to = "service.test.client!gone";
    let (version, encoding) = (ProtocolVersion::V3, Encoding::MessagePack);
    write_request(version, encoding, 1, reply_to, Duration::ZERO, &job).unwrap()
}

#[tokio::test]
async fn a_call_that_is_given_up_takes_no_other_ones_answer() {
    let redis = Redis::start();
    let running = Running::start(service().build().unwrap(), redis.settings());
    let client = client(redis.settings());
    for number in 0..200_i64 {
        let body = value!({ "number": (number) });
        let given_up = client.call_action("test", "echo", &value!({ "number": (-1) }));
        let wait = Duration::from_micros(20 * number.unsigned_abs() % 1000);
        let _ = tokio::time::timeout(wait, given_up.into_future()).await;
        assert_eq!(
            client.call_action("test", "echo", &body).await.unwrap(),
            body
        );
    }
    running.stop().await;
}

#[tokio::test]
async fn a_stopped_server_answers_what_it_has_taken_and_leaves_the_rest() {
    const CALLS: i64 = 300;
    let redis = Redis::start();
    let client = client(redis.settings().receive_timeout(Duration::from_secs(30)));
    let seen = Arc::new(Mutex::new(HashSet::new()));
    let server = || {
        let seen = Arc::clone(&seen);
        service()
            .concurrency(4)
            .action("once", move |body: Value, _: Context| {
                let number = body
                    .as_map()
                    .unwrap()
                    .get("number")
                    .unwrap()
                    .as_i64()
                    .unwrap();
                assert!(seen.lock().unwrap().insert(number), "{number} ran twice");
                async {
                    tokio::time::sleep(Duration::from_millis(1)).await;
                    Ok::<_, ActionError>(body)
                }
            })
    };
    let calls = (0..CALLS).map(|number| {
        let call = client.call_action("test", "once", &value!({ "number": (number) }));
        tokio::spawn(call.into_future())
    });
    let calls: Vec<_> = calls.collect();
    // Servers come and go, and no call notices.
    while seen.lock().unwrap().len() < 300 {
        let running = Running::start(server().build().unwrap(), redis.settings());
        until("it has begun", || running.server.stats().jobs() > 0).await;
        running.stop().await;
    }
    for call in calls {
        call.await.unwrap().unwrap();
    }
}

#[tokio::test]
async fn an_idle_server_stops_at_once() {
    let redis = Redis::start();
    let running = Running::start(
        service().build().unwrap(),
        redis.settings().block_timeout(Duration::from_secs(60)),
    );
    let client = client(redis.settings());
    client
        .call_action("test", "echo", &value!({}))
        .await
        .unwrap();
    let start = Instant::now();
    running.stop().await;
    assert!(
        start.elapsed() < Duration::from_secs(20),
        "{:?}",
        start.elapsed()
    );
}

/// A transport that has taken eight requests for nobody, and takes no more.
async fn with_requests_for_nobody(redis: &Redis) -> RedisServerTransport {
    let settings = redis.settings().block_timeout(Duration::from_secs(60));
    let transport = RedisServerTransport::new("test", settings).unwrap();
    let receiving = transport.clone();
    let receiving = tokio::spawn(async move { receiving.receive(8).await });
    until("it pops", || {
        let list = String::from_utf8(redis.text("CLIENT LIST").bytes()).unwrap();
        list.contains("cmd=blmpop")
    })
    .await;
    // The pop goes on.
    receiving.abort();
    assert!(receiving.await.unwrap_err().is_cancelled());
    let frames: Vec<_> = (0..8)
        .map(|number| request(number, "service.test.x!1", &value!({})))
        .collect();
    let mut command: Vec<&[u8]> = vec![b"RPUSH", b"pysoa:service.test"];
    command.extend(frames.iter().map(|frame| &**frame));
    redis.command(&command);
    until("they are taken", || {
        redis.integer("LLEN pysoa:service.test") == 0
    })
    .await;
    transport.close();
    until("it takes no more", || {
        let list = String::from_utf8(redis.text("CLIENT LIST").bytes()).unwrap();
        !list.contains("cmd=blmpop")
    })
    .await;
    transport
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn requests_that_were_taken_for_nobody_are_put_back_from_wherever_the_transport_is_dropped() {
    let redis = Redis::start();
    for is_outside in [false, true] {
        let transport = with_requests_for_nobody(&redis).await;
        match is_outside {
            true => std::thread::spawn(move || drop(transport)).join().unwrap(),
            false => drop(transport),
        }
        until("they are back", || {
            redis.integer("LLEN pysoa:service.test") == 8
        })
        .await;
        redis.text("DEL pysoa:service.test");
    }
}

#[tokio::test]
async fn something_else_in_the_place_of_a_reply_list_is_removed() {
    let redis = Redis::start();
    let client = client(redis.settings().block_timeout(Duration::from_secs(1)));
    let call = client.call_action("test", "echo", &value!({}));
    let call = tokio::spawn(call.timeout(Duration::from_secs(60)).into_future());
    let (key, id) = next_request(&redis).await;
    redis.text(&format!("SET {key} x"));
    until("it is gone", || {
        redis.integer(&format!("EXISTS {key}")) == 0
    })
    .await;
    let response = format!(
        "pysoa-redis/3//content-type:application/json;{{\"request_id\": {id}, \"meta\": {{}}, \"body\": \
         {{\"errors\": [], \"context\": {{}}, \"actions\": [{{\"action\": \"echo\", \"errors\": [], \
         \"body\": {{}}}}]}}}}"
    );
    redis.command(&[b"RPUSH", key.as_bytes(), response.as_bytes()]);
    call.await.unwrap().unwrap();
}

#[tokio::test]
async fn requests_of_a_run_loop_that_was_dropped_are_put_back_or_left() {
    const CALLS: u64 = 100;
    let redis = Redis::start();
    let client = client(redis.settings().receive_timeout(Duration::from_secs(30)));
    let calls = (0..CALLS).map(|number| {
        let call = client.call_action("test", "echo", &value!({ "number": (number) }));
        tokio::spawn(call.into_future())
    });
    let calls: Vec<_> = calls.collect();
    until("all are there", || {
        redis.integer("LLEN pysoa:service.test") == 100
    })
    .await;
    let server = service().concurrency(8).build().unwrap();
    for wait in 0..20 {
        let transport = RedisServerTransport::new("test", redis.settings()).unwrap();
        let run = server.run(transport);
        let _ = tokio::time::timeout(Duration::from_micros(wait * 300), run).await;
    }
    let running = Running::start(server, redis.settings());
    for call in calls {
        call.await.unwrap().unwrap();
    }
    assert_eq!(running.server.stats().jobs(), CALLS);
    running.stop().await;
}
