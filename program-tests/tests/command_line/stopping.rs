//! All ways in which a server with running jobs stops.

use std::time::Duration;

use example_service::ExampleClient;
use example_service::types::{SlowRequest, SquareRequest};
use soa::Client;
use tokio::task::JoinSet;

use crate::processes::{Process, Redis, example_service, hold, program, run, unruly, wait_for};
use crate::serving::{client, running_job, serve};

/// Starts parallel callers that call for a while.
fn load(client: &Client, callers: i128, calls: i128) -> JoinSet<Result<(), soa::ClientError>> {
    let mut tasks = JoinSet::new();
    for _ in 0..callers {
        let example = ExampleClient::new(client);
        tasks.spawn(async move {
            for number in 0..calls {
                let answer = example.square(SquareRequest { number }).await?;
                assert_eq!(answer.square, number * number);
            }
            Ok(())
        });
    }
    tasks
}

/// Number of jobs of a server that has ended.
fn jobs(server: &Process) -> usize {
    let log = server.log();
    let (_, rest) = log.rsplit_once(" jobs=").expect("it tells");
    let number = rest.split_whitespace().next();
    number
        .and_then(|number| number.parse().ok())
        .expect("it is a number")
}

#[tokio::test]
async fn a_signal_under_load_loses_no_request_and_no_answer() {
    for signal in ["TERM", "INT", "HUP"] {
        let redis = Redis::start();
        let client = client(&redis);
        let mut first = serve(&redis, &[]);
        let mut load = load(&client, 64, 100);
        // In the middle of it.
        let example = ExampleClient::new(&client);
        for number in 0..20 {
            let answer = example.square(SquareRequest { number }).await;
            answer.expect("it is answered");
        }
        first.signal(signal);
        assert_eq!(first.end().code(), Some(0));
        assert!(jobs(&first) < 6_420, "it was not in the middle");
        // What the first one has not taken waits for the second.
        let mut second = serve(&redis, &[]);
        while let Some(outcome) = load.join_next().await {
            outcome.expect("no panic").expect("every call is answered");
        }
        second.signal(signal);
        assert_eq!(second.end().code(), Some(0));
        // None ran twice.
        assert_eq!(jobs(&first) + jobs(&second), 64 * 100 + 20);
    }
}

#[cfg(target_os = "linux")]
#[test]
fn a_terminal_that_closes_does_not_end_what_nohup_has_started() {
    let redis = Redis::start();
    let example = env!("CARGO_BIN_EXE_example");
    let mut nohup = program("nohup", &[example, "serve", "--redis", &redis.address()]);
    let mut server = Process::start(&mut nohup);
    server.says(": accepting requests");
    server.signal("HUP");
    let (code, _, error) = run(&["call", "none", "--redis", &redis.address()]);
    assert_eq!(code, Some(0), "{error}");
    server.signal("TERM");
    assert_eq!(server.end().code(), Some(0));
    assert_eq!(server.count("no longer accepting requests"), 1);
}

#[tokio::test]
async fn a_second_signal_under_load_loses_only_what_was_taken() {
    const TAKEN: usize = 4;
    let redis = Redis::start();
    let client = client(&redis);
    let mut first = serve(&redis, &["--concurrency", "4"]);
    let mut load = JoinSet::new();
    for _ in 0..20 {
        let example = ExampleClient::new(&client);
        let request = SlowRequest { seconds: Some(0.5) };
        let slow = example.slow(request).timeout(Duration::from_secs(10));
        load.spawn(async move { slow.await });
    }
    // Four are taken, and no more before one is answered.
    let answer = load.join_next().await.expect("there are some");
    answer.expect("no panic").expect("it is answered");
    first.signal("TERM");
    first.says("no longer accepting requests");
    first.signal("INT");
    assert_eq!(first.end().code(), Some(4));
    let _second = serve(&redis, &[]);
    let mut lost = 0;
    while let Some(answer) = load.join_next().await {
        lost += usize::from(answer.expect("no panic").is_err());
    }
    assert!(lost <= TAKEN, "{lost} were lost");
}

#[tokio::test]
async fn jobs_that_do_not_let_go_are_left_behind_counted_and_tell_by_the_exit_code() {
    let redis = Redis::start();
    let address = redis.address();
    let mut command = unruly(&["serve", "--redis", &address, "--workers", "2"]);
    command.args(["--set", "server.shutdown_grace=100ms"]);
    let mut server = Process::start(&mut command);
    server.says(": accepting requests");
    let _caller = hold("block", &address);
    server.says("a handler blocks its thread");
    server.signal("TERM");
    assert_eq!(server.end().code(), Some(4));
    let log = server.log();
    let told = "stopped with jobs that did not end service=\"unruly\" aborted=1";
    assert!(log.contains(told), "{log}");
    // The stop is clean enough for the hooks.
    assert!(log.contains("hook: teardown"), "{log}");
}

#[test]
fn blocking_actions_that_outlive_the_grace_are_counted_and_tell_by_the_exit_code() {
    let redis = Redis::start();
    let address = redis.address();
    let mut command = unruly(&["serve", "--redis", &address]);
    command.args(["--set", "server.shutdown_grace=100ms"]);
    let mut server = Process::start(&mut command);
    server.says(": accepting requests");
    let mut caller = hold("grind", &address);
    server.says("it grinds");
    server.signal("TERM");
    assert_eq!(server.end().code(), Some(4), "{}", server.log());
    let log = server.log();
    for told in [
        "stopped with blocking actions that still run service=\"unruly\" blocking=1",
        "stopped service=\"unruly\" jobs=1 given_up=1 aborted=0 blocking=1",
    ] {
        assert!(log.contains(told), "{told}: {log}");
    }
    // Its caller was told.
    assert_eq!(caller.end().code(), Some(1));
    caller.says("ACTION_TIMEOUT");
}

/// A server of one thread that a handler blocks.
fn blocked(redis: &Redis) -> (Process, Process) {
    let address = redis.address();
    let mut command = unruly(&["serve", "--redis", &address]);
    command.args(["--set", "server.shutdown_grace=100ms"]);
    command.args(["--set", "server.teardown_grace=100ms"]);
    let server = Process::start(&mut command);
    server.says(": accepting requests");
    let caller = hold("block", &address);
    server.says("a handler blocks its thread");
    (server, caller)
}

#[test]
fn a_second_signal_ends_a_process_whose_only_thread_is_blocked() {
    let redis = Redis::start();
    let (mut server, _caller) = blocked(&redis);
    server.signal("TERM");
    server.signal("INT");
    assert_eq!(server.end().code(), Some(4));
}

#[test]
fn one_signal_ends_a_process_whose_only_thread_is_blocked_when_its_time_is_over() {
    let redis = Redis::start();
    let (mut server, _caller) = blocked(&redis);
    server.signal("TERM");
    assert_eq!(server.end().code(), Some(4));
    let log = server.log();
    assert!(log.contains("forcing the process to exit"), "{log}");
}

#[test]
fn with_several_threads_one_that_is_blocked_does_not_hold_up_the_others() {
    let redis = Redis::start();
    let address = redis.address();
    let server = ["serve", "--redis", &address, "--workers", "2"];
    let server = Process::start(&mut unruly(&server));
    server.says(": accepting requests");
    let _caller = hold("block", &address);
    server.says("a handler blocks its thread");
    let call = ["call", "behave", "--timeout", "20s", "--redis", &address];
    let mut other = Process::start(&mut unruly(&call));
    assert_eq!(other.end().code(), Some(0), "{}", other.log());
}

#[test]
fn a_process_that_was_stopped_itself_says_so_and_does_not_accuse_redis() {
    let redis = Redis::start();
    let server = serve(&redis, &[]);
    let address = redis.address();
    server.signal("STOP");
    // Longer than a blocking pop is waited for.
    std::thread::sleep(Duration::from_secs(11));
    server.signal("CONT");
    server.says("this process did not run for some time");
    let (code, _, error) = run(&["call", "none", "--redis", &address]);
    assert_eq!(code, Some(0), "{error}");
    let log = server.log();
    assert!(!log.contains("Redis failed"), "{log}");
    assert_eq!(server.count("this process did not run"), 1, "{log}");
}

#[test]
fn a_signal_while_redis_is_looked_for_ends_the_process_at_once() {
    for arguments in [&[][..], &["--fork", "2"]] {
        let command = [
            "serve",
            "--redis",
            "127.0.0.1:1",
            "--set",
            "server.transport.redis.connect_timeout=10m",
        ];
        let mut server = Process::start(example_service(&command).args(arguments));
        wait_for("it tries", || (!server.log().is_empty()).then_some(()));
        server.signal("TERM");
        assert_eq!(server.end().code(), Some(0), "{}", server.log());
    }
}

#[tokio::test]
async fn a_server_whose_redis_is_gone_can_still_be_stopped() {
    let mut redis = Redis::start();
    let mut server = serve(&redis, &[]);
    redis.kill();
    server.says("Redis failed");
    server.signal("TERM");
    assert_eq!(server.end().code(), Some(0), "{}", server.log());
}

#[tokio::test]
async fn answers_that_cannot_be_sent_any_more_tell_by_the_exit_code() {
    let mut redis = Redis::start();
    let mut server = serve(&redis, &[]);
    let client = client(&redis);
    let job = running_job(&client, 1.0).await;
    redis.kill();
    server.signal("TERM");
    assert_eq!(server.end().code(), Some(4), "{}", server.log());
    let log = server.log();
    assert!(
        log.contains("stopped with responses that could not be sent"),
        "{log}"
    );
    assert!(log.contains("answers_lost=1"), "{log}");
    job.abort();
}
