//! A Redis that goes away and comes back.

use std::time::{Duration, Instant};

use soa_redis::RedisClientTransport;
use soa_runtime::value;

use crate::support::{Load, Redis, Running, client, service};

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_killed_redis_loses_no_worker_hangs_no_call_and_runs_nothing_twice() {
    let mut redis = Redis::start();
    let (server, runs) = Load::service();
    let running = Running::start(server.build().unwrap(), redis.settings());
    let load = Load::start(&client(redis.settings()), runs);
    let mut times = Vec::new();
    for away in [0, 300, 1_500] {
        load.goes_on(200).await;
        redis.kill();
        tokio::time::sleep(Duration::from_millis(away)).await;
        redis.start_again();
        let back = Instant::now();
        load.goes_on(1).await;
        times.push(back.elapsed());
    }
    // The machine may be busy, but not all the time.
    let soonest = times.iter().min().unwrap();
    assert!(
        *soonest < Duration::from_secs(2),
        "served again after {times:?}"
    );
    let tally = load.finish().await;
    assert!(tally.failed > 0, "{tally:?}");
    running.stop().await;
}

#[tokio::test]
async fn a_connection_that_is_cut_comes_back() {
    let redis = Redis::start();
    let running = Running::start(service().build().unwrap(), redis.settings());
    let client = client(redis.settings());
    for _ in 0..5 {
        let limit = Instant::now() + Duration::from_secs(20);
        let call = || client.call_action("test", "echo", &value!({}));
        while call().timeout(Duration::from_millis(500)).await.is_err() {
            assert!(Instant::now() < limit, "it does not recover");
        }
        redis.text("CLIENT KILL TYPE normal SKIPME yes");
    }
    running.stop().await;
}

#[tokio::test]
async fn without_a_redis_a_call_fails_in_time_and_says_where_it_should_be() {
    let mut redis = Redis::start();
    redis.kill();
    let client = client(redis.settings());
    let start = Instant::now();
    let call = client.call_action("test", "echo", &value!({}));
    let error = call.timeout(Duration::from_millis(500)).await.unwrap_err();
    assert!(
        start.elapsed() < Duration::from_secs(20),
        "{:?}",
        start.elapsed()
    );
    let source = error.reason().unwrap().to_string();
    assert!(
        source.contains(&format!("127.0.0.1:{}", redis.port)),
        "{source}"
    );
    let settings = redis.settings().connect_timeout(Duration::from_millis(300));
    let error = RedisClientTransport::connect("test", settings)
        .await
        .unwrap_err();
    assert!(error.to_string().contains("cannot be reached"), "{error}");
    // It goes on trying.
    redis.start_again();
    let running = Running::start(service().build().unwrap(), redis.settings());
    let call = client.call_action("test", "echo", &value!({}));
    call.timeout(Duration::from_secs(10)).await.unwrap();
    running.stop().await;
}

#[tokio::test]
async fn a_refused_login_is_told_and_a_right_one_works() {
    let redis = Redis::start();
    redis.text("ACL SETUSER someone on >secret ~* +@all");
    redis.text("ACL SETUSER default off");
    let settings = redis.settings().connect_timeout(Duration::from_millis(500));
    let wrong = settings.clone().user("someone", "wrong");
    let error = RedisClientTransport::connect("test", wrong)
        .await
        .unwrap_err();
    assert!(!error.to_string().contains("wrong"), "{error}");
    assert!(error.to_string().contains("cannot be reached"), "{error}");
    let right = settings.user("someone", "secret");
    RedisClientTransport::connect("test", right).await.unwrap();
}
