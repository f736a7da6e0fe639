//! Calls after a master is lost: they are answered again soon, and each that was lost hears of it.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use soa_redis::SentinelSettings;
use soa_runtime::{ActionError, Client, Context, Value, value};
use tokio::sync::Semaphore;

use crate::proxy::Proxy;
use crate::sentinel::{Sentinel, watched};
use crate::support::{
    Load, Redis, Reply, Running, client, free_port, logged, ring, service, until,
};

/// Time after the sentinels have switched within which calls are answered again. Half of it is usual, and a busy machine is slower.
const SERVED_WITHIN: Duration = Duration::from_secs(3);

/// Makes the master fail under load. Returns how long after the switch calls were answered again.
async fn time_until_served(
    fail: impl FnOnce(&mut Redis),
    settings: impl FnOnce(&Sentinel) -> soa_redis::RedisSettings,
) -> Duration {
    let (mut master, replica, sentinel) = watched().await;
    let settings = settings(&sentinel);
    let (server, runs) = Load::service();
    let running = Running::start(server.build().unwrap(), settings.clone());
    let load = Load::start(&client(settings), runs);
    load.goes_on(200).await;
    fail(&mut master);
    until("the replica is the master", || {
        sentinel.master("alpha") == replica.port
    })
    .await;
    let switched = Instant::now();
    load.goes_on(100).await;
    let took = switched.elapsed();
    load.finish().await;
    running.stop().await;
    took
}

fn usual(sentinel: &Sentinel) -> soa_redis::RedisSettings {
    sentinel.settings(SentinelSettings::default())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_master_that_was_killed_is_replaced_within_moments_of_the_switch() {
    let took = time_until_served(Redis::kill, usual).await;
    assert!(took < SERVED_WITHIN, "{took:?}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_master_that_hangs_is_replaced_within_moments_of_the_switch() {
    let took = time_until_served(|master| master.signal("STOP"), usual).await;
    assert!(took < SERVED_WITHIN, "{took:?}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
#[ignore = "it takes two minutes"]
async fn each_of_twenty_masters_is_replaced_within_moments_of_the_switch() {
    let mut slowest = Duration::ZERO;
    for _ in 0..10 {
        slowest = slowest.max(time_until_served(Redis::kill, usual).await);
        slowest = slowest.max(time_until_served(|master| master.signal("STOP"), usual).await);
    }
    println!("{slowest:?}");
    assert!(slowest < SERVED_WITHIN, "{slowest:?}");
}

#[tokio::test]
async fn a_message_on_a_connection_that_breaks_fails_at_once_and_is_told_as_unknown() {
    let redis = Redis::start();
    let proxy = Proxy::before(&redis).await;
    let client = client(proxy.settings());
    let running = Running::start(service().build().unwrap(), redis.settings());
    let call = || {
        let call = client.call_action("test", "echo", &value!({}));
        call.timeout(Duration::from_secs(60)).into_future()
    };
    call().await.unwrap();
    proxy.freeze();
    let (first, second) = (tokio::spawn(call()), tokio::spawn(call()));
    // Nothing tells that the first one is on its way.
    tokio::time::sleep(Duration::from_millis(300)).await;
    let broken = Instant::now();
    proxy.cut();
    let outcomes = [first.await.unwrap(), second.await.unwrap()];
    let took = broken.elapsed();
    assert!(took < SERVED_WITHIN, "{took:?}: {outcomes:?}");
    let failed: Vec<_> = outcomes.into_iter().filter_map(Result::err).collect();
    // The second one went with the first, or was not sent before another connection was there.
    assert!(!failed.is_empty());
    for error in failed {
        let reason = error.reason().unwrap().to_string();
        assert!(reason.contains("may have been queued, or not"), "{reason}");
    }
    running.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_login_that_may_not_subscribe_asks_the_sentinels_while_in_doubt() {
    let asks = |sentinel: &Sentinel| {
        let user = "ACL SETUSER asker on >hidden resetchannels -@all +sentinel|masters +auth +ping +hello +client +info";
        assert_eq!(sentinel.text(user), Reply::Text("+OK".to_owned()));
        sentinel.settings(SentinelSettings::default().user("asker", "hidden"))
    };
    let took = time_until_served(|master| master.signal("STOP"), asks).await;
    assert!(took < SERVED_WITHIN, "{took:?}");
}

/// Clients of a ring of two masters, one of which fails, while each client has a call that runs.
async fn clients_go_on_when_a_master_is_lost(fail: impl FnOnce(&mut Redis)) {
    let (mut masters, settings) = ring(2);
    let gate = Arc::new(Semaphore::new(0));
    let started = Arc::new(AtomicUsize::new(0));
    let (behind, count) = (Arc::clone(&gate), Arc::clone(&started));
    let server = service().action("held", move |body: Value, _: Context| {
        let gate = Arc::clone(&behind);
        count.fetch_add(1, Ordering::Relaxed);
        async move {
            let _open = gate.acquire().await;
            Ok::<_, ActionError>(body)
        }
    });
    let running = Running::start(server.build().unwrap(), settings.clone());
    // The reply list of each is on one of the masters, most likely not all of them on the same.
    let clients: Vec<_> = (0..12).map(|_| client(settings.clone())).collect();
    let call = |client: &Client, action, seconds| {
        let call = client.call_action("test", action, &value!({}));
        call.timeout(Duration::from_secs(seconds)).into_future()
    };
    for client in &clients {
        call(client, "echo", 20).await.unwrap();
    }
    let held: Vec<_> = clients
        .iter()
        .map(|client| call(client, "held", 60))
        .collect();
    let held: Vec<_> = held.into_iter().map(tokio::spawn).collect();
    until("they run", || {
        started.load(Ordering::Relaxed) == clients.len()
    })
    .await;

    fail(&mut masters[0]);
    let lost = Instant::now();
    let finished = || held.iter().filter(|held| held.is_finished()).count();
    // Each calls all the time, as the loss of a master that hangs is noticed by calls alone.
    while lost.elapsed() < SERVED_WITHIN {
        let calls = clients
            .iter()
            .map(|client| tokio::spawn(call(client, "echo", 1)));
        let calls: Vec<_> = calls.collect();
        tokio::time::sleep(Duration::from_millis(50)).await;
        drop(calls);
    }
    let failed_at_once = finished();
    for client in &clients {
        for _ in 0..10 {
            call(client, "echo", 1).await.unwrap();
        }
    }
    assert!(
        (1..clients.len()).contains(&failed_at_once),
        "{failed_at_once}"
    );
    gate.add_permits(clients.len());
    for held in held {
        if let Err(error) = held.await.unwrap() {
            let reason = error.reason().unwrap().to_string();
            assert!(reason.contains("may have been run, or not"), "{reason}");
        }
    }
    let told = logged(&format!("127.0.0.1:{}", masters[0].port));
    let told = told
        .iter()
        .filter(|line| line.contains("a master of the ring does not answer"));
    // Each client has a connection of its own, and so has the server.
    assert!(told.count() <= clients.len() + 1);
    drop(masters);
    drop(running);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn clients_whose_answers_come_by_a_master_that_was_killed_go_on_with_another() {
    clients_go_on_when_a_master_is_lost(Redis::kill).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn clients_whose_answers_come_by_a_master_that_hangs_go_on_with_another() {
    clients_go_on_when_a_master_is_lost(|master| master.signal("STOP")).await;
}

/// A load on a master whose sentinel goes away, and then each connection.
async fn a_master_goes_on_without_sentinels(rights: &str, may_ask: bool) {
    let master = Redis::start();
    let sentinel = Sentinel::watch(&[("alpha", master.port)], "");
    master.text(&format!("ACL SETUSER someone on >secret {rights}"));
    let settings = usual(&sentinel).user("someone", "secret");
    let running = Running::start(service().build().unwrap(), settings.clone());
    let client = client(settings);
    let call = |seconds| {
        let call = client.call_action("test", "echo", &value!({}));
        call.timeout(Duration::from_secs(seconds)).into_future()
    };
    call(20).await.unwrap();
    let port = sentinel.port;
    drop(sentinel);
    // What it has said just before would be believed.
    tokio::time::sleep(Duration::from_millis(200)).await;
    master.text("CLIENT KILL TYPE normal");
    let cut = Instant::now();
    while call(1).await.is_err() {
        assert!(cut.elapsed() < SERVED_WITHIN, "{:?}", cut.elapsed());
    }
    assert!(cut.elapsed() < SERVED_WITHIN, "{:?}", cut.elapsed());
    let told = logged(&format!("127.0.0.1:{port}"));
    let told = told
        .iter()
        .filter(|line| line.contains("no sentinel answers"));
    // The server's connection and the client's tell of it once each.
    assert!((1..=2).contains(&told.count()));

    // Whoever is a replica is believed.
    master.text(&format!("REPLICAOF 127.0.0.1 {}", free_port()));
    let before = master.calls("evalsha");
    for _ in 0..3 {
        call(1).await.unwrap_err();
    }
    let pushes = master.calls("evalsha") - before;
    assert!(pushes <= 4, "{pushes}");
    if may_ask {
        master.text("REPLICAOF NO ONE");
        let back = Instant::now();
        while call(1).await.is_err() {
            assert!(
                back.elapsed() < Duration::from_secs(20),
                "it does not recover"
            );
        }
    }
    running.stop().await;
}

#[tokio::test]
async fn the_last_known_master_goes_on_while_no_sentinel_answers() {
    a_master_goes_on_without_sentinels("~* +@all", true).await;
}

#[tokio::test]
async fn a_login_that_may_not_ask_for_the_role_goes_on_until_a_message_is_refused() {
    a_master_goes_on_without_sentinels("~* +@all -role", false).await;
}
