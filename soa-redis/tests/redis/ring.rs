//! Several masters that know nothing of each other.

use std::time::{Duration, Instant};

use soa_redis::RedisClientTransport;
use soa_runtime::codec::Encoding;
use soa_runtime::wire::{ProtocolVersion, write_request};
use soa_runtime::{ActionRequest, Body, Client, ContextHeader, Control, JobRequest, value};

use crate::support::{Load, Redis, Running, client, ring, service, until};

const QUEUE: &str = "LLEN pysoa:service.test";

#[tokio::test]
async fn requests_go_to_the_masters_in_turn() {
    let (masters, settings) = ring(3);
    let client = client(settings);
    for _ in 0..9 {
        let call = client.call_action("test", "echo", &value!({}));
        drop(call.send().await.unwrap());
    }
    let lengths: Vec<_> = masters.iter().map(|redis| redis.integer(QUEUE)).collect();
    assert_eq!(lengths, [3, 3, 3]);
}

#[tokio::test]
async fn a_server_takes_from_all_masters_whatever_room_it_has() {
    for concurrency in [1, 2, 5, 64] {
        let (masters, settings) = ring(3);
        let server = service().concurrency(concurrency).build().unwrap();
        let running = Running::start(server, settings.clone());
        // Clients' reply lists are on one master each; four clients are likely to have them on several.
        let clients: Vec<_> = (0..4).map(|_| client(settings.clone())).collect();
        let calls = (0..120_u16).map(|number| {
            let body = value!({ "number": (i64::from(number)) });
            let call = clients[usize::from(number % 4)].call_action("test", "echo", &body);
            tokio::spawn(async move {
                let answer = call.timeout(Duration::from_secs(30)).await.unwrap();
                assert_eq!(answer, body);
            })
        });
        for call in calls.collect::<Vec<_>>() {
            call.await.unwrap();
        }
        assert_eq!(running.server.stats().jobs(), 120);
        assert!(masters.iter().all(|redis| redis.integer(QUEUE) == 0));
        let start = Instant::now();
        running.stop().await;
        assert!(
            start.elapsed() < Duration::from_secs(4),
            "idle, it stops at once"
        );
    }
}

#[tokio::test]
async fn a_server_never_takes_more_than_it_can_start() {
    let (masters, settings) = ring(3);
    let client = client(settings.clone());
    for _ in 0..60 {
        let call = client.call_action("test", "slow", &value!({}));
        drop(call.timeout(Duration::from_secs(60)).send().await.unwrap());
    }
    let server = service()
        .concurrency(4)
        .action("slow", |body: soa_runtime::Value, _| async {
            std::future::pending::<()>().await;
            Ok::<_, soa_runtime::ActionError>(body)
        });
    let running = Running::start(server.build().unwrap(), settings);
    let left = || {
        masters
            .iter()
            .map(|redis| redis.integer(QUEUE))
            .sum::<i64>()
    };
    until("it is busy", || left() <= 56).await;
    // The sweep would go on taking.
    tokio::time::sleep(Duration::from_millis(500)).await;
    assert_eq!(left(), 56);
    drop(running);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn while_a_master_is_away_the_others_go_on_and_it_comes_back() {
    let (mut masters, settings) = ring(3);
    let (server, runs) = Load::service();
    let running = Running::start(server.build().unwrap(), settings.clone());
    let transport = RedisClientTransport::new("test", settings).unwrap();
    let client = Client::builder().service("test", transport.clone());
    let client = client.build().unwrap();
    let load = Load::start(&client, runs);
    load.goes_on(50).await;
    let home = reply_master(&masters);
    let away = (home + 1) % 3;
    masters[away].kill();
    load.goes_on(500).await;
    masters[away].start_again();
    until("it takes part again", || masters[away].calls("rpush") > 10).await;
    let tally = load.finish().await;
    // Only calls that were on their way there can have failed.
    assert!(tally.failed <= 64, "{tally:?}");
    running.stop().await;
}

/// A request that says that its caller waits for so long.
fn request_worth(id: i64, reply_to: &str, worth: Duration) -> bytes::Bytes {
    let actions = vec![ActionRequest::new(
        "echo",
        Body::encode(Encoding::MessagePack, &value!({})),
    )];
    let job = JobRequest::new(ContextHeader::fresh(), Control::default(), actions);
    let (version, encoding) = (ProtocolVersion::V3, Encoding::MessagePack);
    write_request(version, encoding, id, reply_to, worth, &job).unwrap()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn answers_for_a_master_that_is_dead_do_not_keep_those_for_the_others() {
    let (mut masters, settings) = ring(2);
    let running = Running::start(service().build().unwrap(), settings);
    // Which master a list is on follows from its name.
    let mut homes = [None, None];
    for number in 0..64 {
        let reply_to = format!("service.test.someone!{number}");
        let key = format!("pysoa:{reply_to}");
        let frame = request_worth(number, &reply_to, Duration::from_secs(60));
        masters[0].command(&[b"RPUSH", b"pysoa:service.test", &frame]);
        until("it is answered", || {
            (0..2).any(|home| masters[home].integer(&format!("LLEN {key}")) == 1)
        })
        .await;
        let home = usize::from(masters[1].integer(&format!("LLEN {key}")) == 1);
        homes[home].get_or_insert(reply_to);
    }
    let [Some(live), Some(dead)] = homes else {
        panic!("all lists are on one master");
    };
    masters[1].kill();
    // More than there is room for, from callers that wait three seconds.
    for number in 0..5_000 {
        let frame = request_worth(number, &dead, Duration::from_secs(3));
        masters[0].command(&[b"RPUSH", b"pysoa:service.test", &frame]);
    }
    let asked = Instant::now();
    let frame = request_worth(0, &live, Duration::from_secs(60));
    let key = format!("pysoa:{live}");
    masters[0].text(&format!("DEL {key}"));
    masters[0].command(&[b"RPUSH", b"pysoa:service.test", &frame]);
    masters[0].wait_for(&key).await;
    let took = asked.elapsed();
    assert!(took < Duration::from_secs(15), "{took:?}");
    // Those for the dead one are given up when their callers are gone, long before a message expires.
    let start = Instant::now();
    running.stop().await;
    assert!(
        start.elapsed() < Duration::from_secs(8),
        "{:?}",
        start.elapsed()
    );
}

/// The master that answers go to: all others get nothing but requests.
fn reply_master(masters: &[Redis]) -> usize {
    let clients = |redis: &Redis| {
        let list = String::from_utf8(redis.text("CLIENT LIST").bytes()).unwrap();
        list.lines().count()
    };
    // There the client has a connection more, for its pops.
    (0..masters.len())
        .max_by_key(|index| clients(&masters[*index]))
        .unwrap()
}
