//! A Redis that is far away.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use soa_redis::RedisSettings;
use soa_runtime::{ActionError, Client, Context, Value, value};
use tokio::task::JoinSet;

use crate::distant::Distant;
use crate::support::{Redis, Running, client, service, until};

/// Calls as fast as they are answered over this round trip, until a server with so many places has most of them busy: with
/// jobs that take no time it can answer as many in each round trip.
async fn all_places_are_busy(round_trip: Duration, concurrency: usize) {
    let redis = Redis::start();
    let far = Distant::before(redis.port, round_trip / 2).await;
    // Timers make each way a little longer than it is to be.
    let pings = (0..5).map(|_| {
        let since = Instant::now();
        tokio::task::block_in_place(|| Redis::command_at(far.port, "PING"));
        since.elapsed()
    });
    let round_trip = pings.min().unwrap().max(round_trip);
    let settings = RedisSettings::new("127.0.0.1", far.port);
    let server = service().concurrency(concurrency).build().unwrap();
    let running = Running::start(server, settings.clone());
    let (client, answered) = (client(settings), Arc::new(AtomicU64::new(0)));
    let mut tasks = JoinSet::new();
    for _ in 0..concurrency * 8 {
        let (client, answered) = (client.clone(), Arc::clone(&answered));
        tasks.spawn(async move {
            loop {
                let call = client.call_action("test", "echo", &value!({}));
                call.timeout(Duration::from_secs(30)).await.unwrap();
                answered.fetch_add(1, Ordering::Relaxed);
            }
        });
    }
    let limit = Instant::now() + Duration::from_secs(30);
    loop {
        let (before, since) = (answered.load(Ordering::Relaxed), Instant::now());
        tokio::time::sleep(Duration::from_secs(2)).await;
        let rate =
            (answered.load(Ordering::Relaxed) - before) as f64 / since.elapsed().as_secs_f64();
        let most = concurrency as f64 / round_trip.as_secs_f64();
        if rate >= 0.8 * most {
            break;
        }
        assert!(
            Instant::now() < limit,
            "{rate:.0} answers a second of {most:.0}, over {round_trip:?}"
        );
    }
    drop(tasks);
    running.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_server_far_away_from_redis_has_all_its_places_busy() {
    all_places_are_busy(Duration::from_millis(200), 64).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
#[ignore = "it needs a build for release and a machine of its own"]
async fn a_server_some_way_from_redis_has_all_its_places_busy() {
    all_places_are_busy(Duration::from_millis(20), 256).await;
}

#[tokio::test]
async fn a_server_near_redis_takes_no_more_at_once_than_before() {
    let redis = Redis::start();
    let client = client(redis.settings());
    let mut waiting = Vec::new();
    for _ in 0..200 {
        let call = client.call_action("test", "echo", &value!({}));
        waiting.push(call.timeout(Duration::from_secs(20)).send().await.unwrap());
    }
    let server = service().concurrency(256).build().unwrap();
    let running = Running::start(server, redis.settings());
    until("all ran", || running.server.stats().jobs() == 200).await;
    // 8, 16, 32, …
    assert!(redis.calls("blmpop") >= 8, "{}", redis.calls("blmpop"));
    running.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn quick_jobs_do_not_wait_for_slow_ones_however_far_away_redis_is() {
    let redis = Redis::start();
    let far = Distant::before(redis.port, Duration::from_millis(10)).await;
    let settings = RedisSettings::new("127.0.0.1", far.port);
    let slow = |_: Value, _: Context| async {
        tokio::time::sleep(Duration::from_secs(1)).await;
        Ok::<_, ActionError>(value!({}))
    };
    let server = service().action("slow", slow).concurrency(64);
    let running = Running::start(server.build().unwrap(), settings.clone());
    let client = client(settings);
    let mut tasks = JoinSet::new();
    for _ in 0..16 {
        let client = client.clone();
        tasks.spawn(async move {
            loop {
                let call = client.call_action("test", "slow", &value!({}));
                call.timeout(Duration::from_secs(30)).await.unwrap();
            }
        });
    }
    let quick = async |client: Client| {
        let mut times = Vec::new();
        for _ in 0..50 {
            let since = Instant::now();
            let call = client.call_action("test", "echo", &value!({}));
            call.timeout(Duration::from_secs(30)).await.unwrap();
            times.push(since.elapsed());
        }
        times
    };
    let mut callers = JoinSet::new();
    for _ in 0..32 {
        callers.spawn(quick(client.clone()));
    }
    let mut times = callers.join_all().await.concat();
    times.sort();
    // Four ways of 10 ms each, and room for a machine that is busy; a wait for a slow job would be most of a second.
    let most = times[times.len() * 99 / 100];
    assert!(most < Duration::from_millis(500), "{most:?}");
    drop(tasks);
    running.stop().await;
}
