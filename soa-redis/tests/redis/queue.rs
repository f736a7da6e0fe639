//! What is in Redis: keys, times to live, capacity.

use std::time::Duration;

use soa_runtime::{ErrorKind, TransportError, TransportErrorKind, value};

use crate::support::{Redis, Reply, Running, client, service, suppressed, until};

const QUEUE: &str = "pysoa:service.test";

#[tokio::test]
async fn keys_and_times_to_live_are_those_of_the_protocol() {
    let redis = Redis::start();
    let client = client(redis.settings());
    let default = client
        .call_action("test", "echo", &value!({}))
        .send()
        .await
        .unwrap();
    assert_eq!(redis.keys(), [QUEUE]);
    let lifetime = redis.integer("PTTL pysoa:service.test");
    assert!((59_000..=60_000).contains(&lifetime), "{lifetime}");
    let frame = redis.text("LPOP pysoa:service.test").bytes();
    let head = b"pysoa-redis/3//content-type:application/msgpack;";
    assert!(frame.starts_with(head));
    let text = String::from_utf8_lossy(&frame).into_owned();
    let start = text.find("service.test.").unwrap();
    let (id, suffix) = text[start + 13..].split_at(32);
    assert!(id.bytes().all(|byte| byte.is_ascii_hexdigit()), "{id}");
    assert_eq!(&suffix[..1], "!");
    assert!(
        suffix[1..13].bytes().all(|byte| byte.is_ascii_hexdigit()),
        "{suffix}"
    );
    drop(default);

    // With a timeout the list lives ten seconds longer.
    let call = client.call_action("test", "echo", &value!({}));
    let _pending = call.timeout(Duration::from_secs(3)).send().await.unwrap();
    let lifetime = redis.integer("PTTL pysoa:service.test");
    assert!((12_000..=13_000).contains(&lifetime), "{lifetime}");
}

#[tokio::test]
async fn a_message_that_lives_shorter_does_not_lower_the_time_to_live() {
    let redis = Redis::start();
    let client = client(redis.settings());
    let call = || client.call_action("test", "echo", &value!({}));
    let _first = call().send().await.unwrap();
    let _second = call().timeout(Duration::from_secs(1)).send().await.unwrap();
    let lifetime = redis.integer("PTTL pysoa:service.test");
    assert!(lifetime > 58_000, "{lifetime}");
    let _third = call()
        .timeout(Duration::from_secs(100))
        .send()
        .await
        .unwrap();
    let lifetime = redis.integer("PTTL pysoa:service.test");
    assert!(lifetime > 108_000, "{lifetime}");
}

#[tokio::test]
async fn a_list_with_much_room_is_pushed_to_without_a_script_and_lives_as_long() {
    let redis = Redis::start();
    let client = client(redis.settings());
    // A call that is dropped takes its request back.
    let mut sent = Vec::new();
    let mut send = async |seconds: u64| {
        let call = client.call_action("test", "echo", &value!({}));
        let call = call.timeout(Duration::from_secs(seconds)).send();
        sent.push(call.await.unwrap());
    };
    send(100).await;
    assert_eq!((redis.calls("evalsha"), redis.calls("rpush")), (1, 1));
    // A shorter life does not shorten that of the list, and a longer one raises it.
    send(1).await;
    let lifetime = redis.integer("PTTL pysoa:service.test");
    assert!((108_000..=110_000).contains(&lifetime), "{lifetime}");
    send(200).await;
    let lifetime = redis.integer("PTTL pysoa:service.test");
    assert!((208_000..=210_000).contains(&lifetime), "{lifetime}");
    assert_eq!(redis.integer("LLEN pysoa:service.test"), 3);
    // A list that was emptied is another one, which gets a time to live of its own.
    redis.text("DEL pysoa:service.test");
    send(1).await;
    let lifetime = redis.integer("PTTL pysoa:service.test");
    assert!((10_000..=11_000).contains(&lifetime), "{lifetime}");
    assert_eq!((redis.calls("evalsha"), redis.calls("rpush")), (1, 4));
}

#[tokio::test]
async fn the_capacity_of_a_list_is_looked_at_where_it_is_half_full() {
    let redis = Redis::start();
    let client = client(redis.settings().queue_capacity(8).queue_full_retries(0));
    let mut sent = Vec::new();
    let error = loop {
        let call = client.call_action("test", "echo", &value!({})).send();
        match call.await {
            Ok(pending) => sent.push(pending),
            Err(error) => break error,
        }
    };
    assert!(error.to_string().contains("queue full"), "{error}");
    assert_eq!(redis.integer("LLEN pysoa:service.test"), 8);
    // The first one, those from the fifth to the eighth, and the one that was refused.
    assert_eq!(redis.calls("evalsha"), 6);
}

#[tokio::test]
async fn a_full_queue_is_told_before_the_callers_deadline() {
    let redis = Redis::start();
    let client = client(redis.settings().queue_capacity(3));
    let call = || client.call_action("test", "echo", &value!({}));
    let mut waiting = Vec::new();
    for _ in 0..3 {
        waiting.push(call().send().await.unwrap());
    }
    // Told before the deadline: otherwise it would be a timeout.
    let error = call().timeout(Duration::from_secs(4)).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Transport);
    let source = error.reason().unwrap();
    let source = source.downcast_ref::<TransportError>().unwrap();
    assert_eq!(source.kind(), TransportErrorKind::QueueFull);
    assert!(
        source.to_string().contains("pysoa:service.test"),
        "{source}"
    );
    assert_eq!(redis.integer("LLEN pysoa:service.test"), 3);
}

#[tokio::test]
async fn a_call_waits_for_room_in_a_full_queue() {
    let redis = Redis::start();
    let client = client(redis.settings().queue_capacity(3));
    let calls = (0..20).map(|number| {
        let call = client.call_action("test", "echo", &value!({ "number": (number) }));
        tokio::spawn(call.timeout(Duration::from_secs(20)).into_future())
    });
    let calls: Vec<_> = calls.collect();
    until("it is full", || {
        redis.integer("LLEN pysoa:service.test") == 3
    })
    .await;
    let running = Running::start(service().build().unwrap(), redis.settings());
    for call in calls {
        call.await.unwrap().unwrap();
    }
    running.stop().await;
}

#[tokio::test]
async fn a_full_reply_list_holds_up_nobody_else() {
    let redis = Redis::start();
    let running = Running::start(
        service().build().unwrap(),
        redis.settings().queue_capacity(1),
    );
    let full = "service.test.client!full";
    redis.text("RPUSH pysoa:service.test.client!full x");
    let frame = crate::support::request(1, full, &value!({}));
    redis.command(&[b"RPUSH", QUEUE.as_bytes(), &frame]);
    let client = client(redis.settings());
    for _ in 0..10 {
        client
            .call_action("test", "echo", &value!({}))
            .await
            .unwrap();
    }
    redis.text("DEL pysoa:service.test.client!full");
    until("there is room", || {
        redis.integer("LLEN pysoa:service.test.client!full") == 1
    })
    .await;
    running.stop().await;
}

#[tokio::test]
async fn a_suppressed_response_is_not_waited_for() {
    let redis = Redis::start();
    suppressed(redis.settings()).await.unwrap();
    assert_eq!(redis.integer("LLEN pysoa:service.test"), 1);
    let running = Running::start(service().build().unwrap(), redis.settings());
    until("it ran", || running.server.stats().jobs() == 1).await;
    running.stop().await;
    assert_eq!(redis.keys(), Vec::<String>::new());
}

#[tokio::test]
async fn the_script_comes_back_after_redis_forgot_it() {
    let redis = Redis::start();
    let running = Running::start(service().build().unwrap(), redis.settings());
    let client = client(redis.settings());
    for _ in 0..3 {
        client
            .call_action("test", "echo", &value!({}))
            .await
            .unwrap();
        assert_eq!(redis.text("SCRIPT FLUSH"), Reply::Text("+OK".to_owned()));
    }
    running.stop().await;
}

#[tokio::test]
async fn a_redis_without_blmpop_is_served_as_well() {
    let redis = Redis::start();
    redis.text("ACL SETUSER default -blmpop");
    let running = Running::start(service().build().unwrap(), redis.settings());
    let client = client(redis.settings());
    let calls = (0..500).map(|number| {
        let body = value!({ "number": (number) });
        let call = client.call_action("test", "echo", &body);
        tokio::spawn(async move { assert_eq!(call.await.unwrap(), body) })
    });
    for call in calls.collect::<Vec<_>>() {
        call.await.unwrap();
    }
    running.stop().await;
}

#[tokio::test]
async fn a_caller_that_never_reads_does_not_stop_the_service() {
    let redis = Redis::start();
    let running = Running::start(
        service().build().unwrap(),
        redis
            .settings()
            .queue_capacity(1)
            .message_expiry(Duration::from_secs(3)),
    );
    let full = "service.test.client!full";
    redis.text("RPUSH pysoa:service.test.client!full x");
    // More than the server would keep waiting answers of.
    for id in 0..4_500 {
        let frame = crate::support::request(id, full, &value!({}));
        redis.command(&[b"RPUSH", QUEUE.as_bytes(), &frame]);
    }
    let client = client(redis.settings());
    let call = client.call_action("test", "echo", &value!({}));
    call.timeout(Duration::from_secs(30)).await.unwrap();
    redis.text("DEL pysoa:service.test.client!full");
    running.stop().await;
}

#[tokio::test]
async fn many_lists_that_take_nothing_do_not_stop_the_service() {
    let redis = Redis::start();
    let settings = redis.settings().queue_capacity(10);
    let running = Running::start(service().build().unwrap(), settings);
    // Each has less than what is kept for one, and together they have more than what is kept for all.
    for list in 0..500 {
        let full = format!("service.test.client!{list}");
        let fill = format!("pysoa:{full}");
        let mut command: Vec<&[u8]> = vec![b"RPUSH", fill.as_bytes()];
        command.extend([b"x".as_slice(); 10]);
        redis.command(&command);
        for id in 0..10 {
            let frame = crate::support::request(id, &full, &value!({}));
            redis.command(&[b"RPUSH", QUEUE.as_bytes(), &frame]);
        }
    }
    let client = client(redis.settings());
    let call = client.call_action("test", "echo", &value!({}));
    call.timeout(Duration::from_secs(30)).await.unwrap();
    redis.text("FLUSHALL");
    running.stop().await;
}

#[tokio::test]
async fn a_reply_list_that_is_none_is_not_waited_for() {
    let redis = Redis::start();
    let running = Running::start(service().build().unwrap(), redis.settings());
    redis.text("SET pysoa:service.test.client!text x");
    for id in 0..4_500 {
        let frame = crate::support::request(id, "service.test.client!text", &value!({}));
        redis.command(&[b"RPUSH", QUEUE.as_bytes(), &frame]);
    }
    let client = client(redis.settings());
    let call = client.call_action("test", "echo", &value!({}));
    call.timeout(Duration::from_secs(30)).await.unwrap();
    // Nothing waits for it any more.
    running.stop().await;
}

#[tokio::test]
async fn times_without_an_end_or_of_nothing_are_no_trouble() {
    let redis = Redis::start();
    let settings = redis
        .settings()
        .receive_timeout(Duration::MAX)
        .message_expiry(Duration::MAX)
        .command_timeout(Duration::MAX)
        .block_timeout(Duration::ZERO);
    let running = Running::start(service().build().unwrap(), settings.clone());
    let client = client(settings);
    let call = || client.call_action("test", "echo", &value!({}));
    call().await.unwrap();
    call().timeout(Duration::MAX).await.unwrap();
    running.stop().await;
}

#[tokio::test]
async fn a_redis_without_memory_refuses_a_push_and_the_caller_is_told_why() {
    let redis = Redis::start();
    let running = Running::start(service().build().unwrap(), redis.settings());
    let client = client(redis.settings());
    let call = || client.call_action("test", "echo", &value!({}));
    call().await.unwrap();
    redis.text("CONFIG SET maxmemory 1");
    let error = call().timeout(Duration::from_secs(1)).await.unwrap_err();
    let told = error.reason().map(ToString::to_string);
    assert!(
        told.as_ref().is_some_and(|told| told.contains("OOM")),
        "{error}: {told:?}"
    );
    assert_eq!(redis.integer("EXISTS pysoa:service.test"), 0);
    redis.text("CONFIG SET maxmemory 0");
    call().await.unwrap();
    running.stop().await;
}
