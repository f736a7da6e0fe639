//! Processes whose leases last for different times: nobody is given up sooner than it says, nor sooner than its observer says.

use std::time::{Duration, Instant};

use soa_redis::RedisSettings;

use crate::holding::{Doomed, Runs, calls, key};
use crate::support::{Redis, Reply, Running, client, until};

/// Settings with these times, in milliseconds.
fn settings(redis: &Redis, lease: u64, gone_after: u64) -> RedisSettings {
    let settings = redis.settings().lease(Duration::from_millis(lease));
    settings.gone_after(Duration::from_millis(gone_after))
}

/// Registers a process that gives no further sign of life. Its lease is as old as the clock of Redis.
fn register(redis: &Redis, process: &str, connection: &str, times: &str) {
    let script = b"local time = redis.call('TIME')
        redis.call('ZADD', KEYS[1], time[1] * 1000 + math.floor(time[2] / 1000), ARGV[1])
        redis.call('HSET', KEYS[2], ARGV[1], ARGV[2], ARGV[1] .. ':slots', 64, ARGV[1] .. ':times', ARGV[3])
        return 1";
    let (leases, holders) = (key("leases"), key("holders"));
    let mut words: Vec<&[u8]> = vec![b"EVAL", script, b"2"];
    words.extend([leases.as_bytes(), holders.as_bytes()]);
    words.extend([process, connection, times].map(str::as_bytes));
    redis.command(&words);
}

/// Waits until so many processes have a lease.
async fn leases(redis: &Redis, count: i64) {
    let command = format!("ZCARD {}", key("leases"));
    until("all have a lease", || redis.integer(&command) == count).await;
}

/// Waits until a process is given up. Returns the time since it was registered.
async fn given_up(redis: &Redis, process: &str, since: Instant) -> Duration {
    let command = format!("ZSCORE {} {process}", key("burnt"));
    until("it is given up", || redis.text(&command) != Reply::Nil).await;
    since.elapsed()
}

/// The name of a connection to this run of Redis that is gone.
fn gone_connection(redis: &Redis) -> String {
    let info = String::from_utf8(redis.text("INFO server").bytes()).unwrap();
    let run = info.lines().find_map(|line| line.strip_prefix("run_id:"));
    format!("{}:999999", run.unwrap())
}

#[tokio::test]
async fn a_silent_process_is_given_up_after_the_longer_of_its_lease_and_that_of_its_observer() {
    let redis = Redis::start();
    let observer = settings(&redis, 2_000, 600);
    let running = Running::start(Runs::default().service().build().unwrap(), observer);
    leases(&redis, 1).await;
    let since = Instant::now();
    register(&redis, "quick", "", "1000 300");
    register(&redis, "slow", "", "4000 600");
    let quick = given_up(&redis, "quick", since).await;
    let slow = given_up(&redis, "slow", since).await;
    assert!(quick >= Duration::from_secs(2), "{quick:?}");
    assert!(slow >= Duration::from_secs(4), "{slow:?}");
    running.stop().await;
}

#[tokio::test]
async fn a_process_without_a_connection_is_gone_after_the_longer_of_both_times() {
    let redis = Redis::start();
    let observer = settings(&redis, 6_000, 1_800);
    let running = Running::start(Runs::default().service().build().unwrap(), observer);
    leases(&redis, 1).await;
    let connection = gone_connection(&redis);
    let since = Instant::now();
    register(&redis, "quick", &connection, "1000 300");
    register(&redis, "slow", &connection, "60000 3000");
    let quick = given_up(&redis, "quick", since).await;
    let slow = given_up(&redis, "slow", since).await;
    // The clock of Redis is read in whole milliseconds.
    assert!(quick >= Duration::from_millis(1_790), "{quick:?}");
    assert!(slow >= Duration::from_millis(2_990), "{slow:?}");
    running.stop().await;
}

#[tokio::test]
async fn processes_with_different_leases_do_not_give_each_other_up() {
    let redis = Redis::start();
    let runs = Runs::default();
    let [short, long] = [(2_000, 600), (60_000, 3_000)].map(|(lease, gone_after)| {
        let server = runs.service().build().unwrap();
        Running::start(server, settings(&redis, lease, gone_after))
    });
    let signs = || redis.text(&format!("ZRANGE {} 0 -1 WITHSCORES", key("leases")));
    let client = client(redis.settings());
    // Three signs of life of the slower one, which is longer than the shorter lease.
    for _ in 0..3 {
        let before = signs();
        for call in calls(&client, "safe", 20) {
            call.await.unwrap().unwrap();
        }
        let end = Instant::now() + Duration::from_millis(1_100);
        until("there are further signs of life", || {
            Instant::now() > end && signs() != before
        })
        .await;
    }
    assert_eq!(redis.integer(&format!("ZCARD {}", key("leases"))), 2);
    assert_eq!(redis.integer(&format!("ZCARD {}", key("burnt"))), 0);
    short.stop().await;
    long.stop().await;
}

#[tokio::test]
async fn jobs_of_a_killed_process_run_again_sooner_where_gone_after_is_short() {
    let redis = Redis::start();
    let runs = Runs::default();
    runs.block(true);
    let times = settings(&redis, 2_000, 600);
    let mut doomed = Doomed::start(runs.service().build().unwrap(), times.clone());
    let client = client(redis.settings());
    let safe = calls(&client, "safe", 20);
    until("they run", || (0..20).all(|number| runs.of(number) == 1)).await;
    let running = Running::start(runs.service().build().unwrap(), times);
    leases(&redis, 2).await;
    doomed.kill();
    let killed = Instant::now();
    until("it is given up", || {
        redis.integer(&format!("ZCARD {}", key("burnt"))) >= 1
    })
    .await;
    let took = killed.elapsed();
    // By default it is three seconds since the last sign of life, which is at most one second before the end.
    assert!(took < Duration::from_secs(2), "{took:?}");
    runs.block(false);
    for call in safe {
        call.await.unwrap().unwrap();
    }
    running.stop().await;
}
