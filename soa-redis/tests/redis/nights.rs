//! Bad nights: connections that are slow, cut at the wrong moment, or silent.

use std::io::{Read, Write};
use std::net::TcpStream;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use soa_runtime::{ErrorKind, value};

use crate::proxy::Proxy;
use crate::support::{Load, Redis, Running, client, service, until};

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn connections_cut_in_the_middle_of_answers_hang_no_call_and_run_nothing_twice() {
    let redis = Redis::start();
    let proxy = Proxy::before(&redis).await;
    let (server, runs) = Load::service();
    let running = Running::start(server.build().unwrap(), proxy.settings());
    let load = Load::start(&client(proxy.settings()), runs);
    for bytes in [0, 1, 7, 100, 333, 2_000, 20_000] {
        load.goes_on(50).await;
        proxy.cut_after(bytes);
    }
    load.goes_on(50).await;
    let tally = load.finish().await;
    assert!(tally.failed > 0, "{tally:?}");
    running.stop().await;
}

#[tokio::test]
async fn a_slow_connection_makes_calls_slow_and_nothing_worse() {
    let redis = Redis::start();
    let proxy = Proxy::before(&redis).await;
    proxy.delay(Duration::from_millis(50));
    let running = Running::start(service().build().unwrap(), proxy.settings());
    let client = client(proxy.settings());
    let calls = (0..50_i64).map(|number| {
        let body = value!({ "number": (number) });
        let call = client.call_action("test", "echo", &body);
        tokio::spawn(async move {
            let answer = call.timeout(Duration::from_secs(30)).await.unwrap();
            assert_eq!(answer, body);
        })
    });
    for call in calls.collect::<Vec<_>>() {
        call.await.unwrap();
    }
    assert_eq!(running.server.stats().jobs(), 50);
    running.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn connections_that_are_silent_are_given_up_by_client_and_server() {
    let redis = Redis::start();
    let proxy = Proxy::before(&redis).await;
    let settings = proxy
        .settings()
        .block_timeout(Duration::from_millis(500))
        .command_timeout(Duration::from_millis(500));
    let (server, runs) = Load::service();
    let running = Running::start(server.build().unwrap(), settings.clone());
    let load = Load::start(&client(settings), runs);
    for _ in 0..2 {
        load.goes_on(100).await;
        proxy.freeze();
        // The connections would be silent for ever.
        load.goes_on(100).await;
    }
    let tally = load.finish().await;
    assert!(tally.failed > 0, "{tally:?}");
    running.stop().await;
}

#[tokio::test]
async fn a_redis_that_accepts_connections_and_says_nothing_fails_calls_in_time() {
    let redis = Redis::start();
    let proxy = Proxy::before(&redis).await;
    proxy.accepts(false);
    let settings = proxy.settings().connect_timeout(Duration::from_millis(300));
    let client = client(settings.clone());
    let call = || client.call_action("test", "echo", &value!({}));
    let start = Instant::now();
    let error = call().timeout(Duration::from_secs(1)).await.unwrap_err();
    let kinds = [ErrorKind::Timeout, ErrorKind::Transport];
    assert!(kinds.contains(&error.kind()), "{error}");
    assert!(
        start.elapsed() < Duration::from_secs(20),
        "{:?}",
        start.elapsed()
    );
    // When it speaks again, so do they.
    proxy.accepts(true);
    proxy.cut();
    let running = Running::start(service().build().unwrap(), settings);
    call().timeout(Duration::from_secs(20)).await.unwrap();
    running.stop().await;
}

#[tokio::test]
async fn a_list_that_is_full_just_after_an_outage_is_given_its_time() {
    let mut redis = Redis::start();
    let settings = redis.settings().queue_capacity(1).queue_full_retries(2);
    let client = client(settings.clone());
    let call = || client.call_action("test", "echo", &value!({}));
    drop(call().send().await.unwrap());
    redis.kill();
    // This thread looks at its sockets, and so hears of it. A push before that would have an unknown outcome.
    tokio::task::yield_now().await;
    let waiting = tokio::spawn(call().timeout(Duration::from_secs(60)).into_future());
    // Longer than a message is offered to a full list.
    tokio::time::sleep(Duration::from_millis(1_500)).await;
    redis.start_again();
    redis.text("RPUSH pysoa:service.test x");
    let back = Instant::now();
    until("it is offered", || redis.calls("evalsha") > 1).await;
    assert!(!waiting.is_finished(), "it was told too early");
    redis.text("DEL pysoa:service.test");
    let running = Running::start(service().build().unwrap(), settings);
    waiting.await.unwrap().unwrap();
    assert!(back.elapsed() < Duration::from_secs(20));
    running.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_redis_that_hangs_and_goes_on_hangs_no_call_and_runs_nothing_twice() {
    let redis = Redis::start();
    let settings = redis
        .settings()
        .block_timeout(Duration::from_millis(500))
        .command_timeout(Duration::from_millis(500));
    let (server, runs) = Load::service();
    let running = Running::start(server.build().unwrap(), settings.clone());
    let load = Load::start(&client(settings), runs);
    // Shorter and longer than a blocking pop is waited for.
    for hangs in [1_000, 7_000] {
        load.goes_on(100).await;
        redis.signal("STOP");
        tokio::time::sleep(Duration::from_millis(hangs)).await;
        redis.signal("CONT");
        load.goes_on(100).await;
    }
    let tally = load.finish().await;
    assert!(tally.failed > 0, "{tally:?}");
    running.stop().await;
}

#[tokio::test]
async fn connections_cut_again_and_again_are_back_at_once_each_time() {
    let redis = Redis::start();
    let proxy = Proxy::before(&redis).await;
    let running = Running::start(service().build().unwrap(), proxy.settings());
    let client = client(proxy.settings());
    let cut = async {
        for _ in 0..16 {
            tokio::time::sleep(Duration::from_millis(500)).await;
            proxy.cut();
        }
    };
    let mut longest = Duration::ZERO;
    let call = async {
        let mut answered = Instant::now();
        loop {
            let call = client.call_action("test", "echo", &value!({}));
            if call.timeout(Duration::from_millis(300)).await.is_ok() {
                longest = longest.max(answered.elapsed());
                answered = Instant::now();
            }
        }
    };
    tokio::select! {
        () = cut => {}
        () = call => {}
    }
    // One call may be on the connection that is cut.
    assert!(longest < Duration::from_millis(700), "{longest:?}");
    running.stop().await;
}

/// Runs a command again and again under load.
async fn under_load(command: &str) {
    let redis = Redis::start();
    let (server, runs) = Load::service();
    let running = Running::start(server.build().unwrap(), redis.settings());
    let load = Load::start(&client(redis.settings()), runs);
    for _ in 0..5 {
        load.goes_on(200).await;
        redis.text(command);
    }
    load.goes_on(200).await;
    load.finish().await;
    running.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_redis_that_is_emptied_hangs_no_call_and_runs_nothing_twice() {
    under_load("FLUSHALL").await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_redis_that_forgets_its_scripts_hangs_no_call_and_runs_nothing_twice() {
    under_load("SCRIPT FLUSH").await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_redis_that_forgets_its_scripts_all_the_time_loses_no_call() {
    let redis = Redis::start();
    let (server, runs) = Load::service();
    let running = Running::start(server.build().unwrap(), redis.settings());
    let load = Load::start(&client(redis.settings()), runs);
    load.goes_on(50).await;
    let is_over = Arc::new(AtomicBool::new(false));
    let (over, port) = (Arc::clone(&is_over), redis.port);
    let flushes = std::thread::spawn(move || {
        let mut stream = TcpStream::connect(("127.0.0.1", port)).unwrap();
        let mut answer = [0; 5];
        let mut count = 0_u32;
        while !over.load(Ordering::Relaxed) {
            stream.write_all(b"SCRIPT FLUSH\r\n").unwrap();
            stream.read_exact(&mut answer).unwrap();
            assert_eq!(&answer, b"+OK\r\n");
            count += 1;
        }
        count
    });
    load.goes_on(1_000).await;
    is_over.store(true, Ordering::Relaxed);
    let flushes = flushes.join().unwrap();
    let tally = load.finish().await;
    assert_eq!(tally.failed, 0, "{tally:?}, {flushes} flushes");
    running.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn connections_that_are_killed_hang_no_call_and_run_nothing_twice() {
    under_load("CLIENT KILL TYPE normal").await;
}
