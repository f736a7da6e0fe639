//! `serve --fork`: processes that are looked after.

use std::collections::BTreeSet;
use std::process::Command;

use example_service::ExampleClient;
use example_service::types::SlowRequest;

use crate::processes::{Process, Redis, example_service, wait_for};
use crate::serving::client;

/// Two processes that serve.
fn serve(redis: &Redis, arguments: &[&str]) -> Process {
    let address = redis.address();
    let command = ["serve", "--fork", "2", "--redis", &address];
    let process = Process::start(example_service(&command).args(arguments));
    wait_for("two servers", || {
        (count(&process, "requests are taken") == 2).then_some(())
    });
    process
}

fn count(process: &Process, text: &str) -> usize {
    process.log().matches(text).count()
}

/// The processes that were started so far, in order.
fn pids(process: &Process) -> Vec<u32> {
    let log = process.log();
    let started = log
        .lines()
        .filter(|line| line.contains("a process is started"));
    let pids = started.filter_map(|line| line.rsplit_once("pid=")?.1.trim().parse().ok());
    pids.collect()
}

fn kill(pid: u32) {
    let status = Command::new("kill")
        .args(["-KILL", &pid.to_string()])
        .status();
    assert!(status.expect("`kill` runs").success());
}

#[tokio::test]
async fn all_processes_serve_and_end_together_when_they_have_answered() {
    let redis = Redis::start();
    let mut server = serve(&redis, &["--concurrency", "1"]);
    let client = client(&redis);
    let example = ExampleClient::new(&client);
    // Each process runs one job at a time, so two that run side by side are in different processes.
    let slow = || example.slow(SlowRequest { seconds: Some(1.0) });
    let answers = client
        .parallel([slow(), slow()])
        .await
        .expect("both are answered");
    let served: BTreeSet<_> = answers.iter().map(|answer| answer.pid).collect();
    assert_eq!(served.len(), 2);
    server.signal("TERM");
    assert_eq!(server.end().code(), Some(0));
    assert_eq!(
        count(&server, "no more requests are taken"),
        2,
        "{}",
        server.log()
    );
}

#[test]
fn a_process_that_ends_is_started_again_and_given_up_when_that_is_too_often() {
    let redis = Redis::start();
    let mut server = serve(&redis, &[]);
    let mut killed = BTreeSet::new();
    // Both are started again three times, within less than 15 seconds.
    for _ in 0..8 {
        let pid = wait_for("a process to kill", || {
            pids(&server).into_iter().find(|pid| !killed.contains(pid))
        });
        kill(pid);
        killed.insert(pid);
    }
    assert_eq!(server.end().code(), Some(1));
    assert_eq!(pids(&server).len(), 8);
    let log = server.log();
    assert!(
        log.contains("was started again 3 times within 15s"),
        "{log}"
    );
}

#[test]
fn with_no_respawn_what_ends_stays_ended() {
    let redis = Redis::start();
    let mut server = serve(&redis, &["--no-respawn"]);
    for pid in pids(&server) {
        kill(pid);
    }
    assert_eq!(server.end().code(), Some(1));
    assert_eq!(pids(&server).len(), 2);
}

#[cfg(target_os = "linux")]
#[test]
fn the_processes_end_with_the_one_that_looks_after_them() {
    let redis = Redis::start();
    let mut server = serve(&redis, &[]);
    server.signal("KILL");
    server.end();
    wait_for("their end", || {
        (count(&server, "no more requests are taken") == 2).then_some(())
    });
}
