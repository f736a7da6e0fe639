//! `serve --fork`: supervised processes.

use std::collections::BTreeSet;

use example_service::ExampleClient;
use example_service::types::SlowRequest;

use crate::processes::{
    Process, Redis, example_service, fresh_file, hold, run, signal, unruly, wait_for,
};
use crate::serving::{client, running_job};

/// Two processes that serve.
fn serve(redis: &Redis, arguments: &[&str]) -> Process {
    let address = redis.address();
    let command = ["serve", "--fork", "2", "--redis", &address];
    let process = Process::start(example_service(&command).args(arguments));
    process.says_times(2, ": accepting requests");
    process
}

/// The processes that were started so far, in order.
fn pids(process: &Process) -> Vec<u32> {
    let log = process.log();
    let started = log.lines().filter(|line| line.contains("process started"));
    let pids = started.filter_map(|line| line.rsplit_once("pid=")?.1.trim().parse().ok());
    pids.collect()
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
    let log = server.log();
    assert_eq!(server.count("no longer accepting requests"), 2, "{log}");
}

#[tokio::test]
async fn a_signal_to_all_processes_at_once_is_one_signal() {
    let redis = Redis::start();
    let mut server = serve(&redis, &[]);
    let client = client(&redis);
    let job = running_job(&client, 1.0).await;
    for pid in pids(&server) {
        signal(pid, "TERM");
    }
    server.signal("TERM");
    job.await.expect("no panic").expect("the job is answered");
    assert_eq!(server.end().code(), Some(0), "{}", server.log());
    server.says_times(2, "stopped service");
}

#[tokio::test]
async fn a_second_signal_ends_all_processes_at_once() {
    let redis = Redis::start();
    let mut server = serve(&redis, &[]);
    let client = client(&redis);
    let job = running_job(&client, 600.0).await;
    server.signal("TERM");
    server.says_times(2, "no longer accepting requests");
    server.signal("TERM");
    assert_eq!(server.end().code(), Some(4), "{}", server.log());
    job.abort();
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
        signal(pid, "KILL");
        killed.insert(pid);
    }
    assert_eq!(server.end().code(), Some(1));
    assert_eq!(pids(&server).len(), 8);
    let log = server.log();
    assert!(
        log.contains("exited again after 3 restarts within 15s"),
        "{log}"
    );
}

#[test]
fn the_limits_for_restarts_can_be_set() {
    let redis = Redis::start();
    let limits =
        r#"server.respawn_limits=[{"times": 1000, "within": "1s"}, {"times": 5, "within": "1h"}]"#;
    let mut server = serve(&redis, &["--set", limits]);
    let address = redis.address();
    let mut given_up = None;
    while given_up.is_none() {
        // One process after another, each while it serves.
        let started = pids(&server);
        let last = *started.last().expect("there are processes");
        signal(last, "KILL");
        wait_for("the next process", || {
            let is_started = pids(&server).len() > started.len();
            let log = server.log();
            let end = log.find("it is given up").map(|_| log.clone());
            given_up = end;
            (is_started || given_up.is_some()).then_some(())
        });
    }
    assert_eq!(pids(&server).len(), 2 + 5);
    // The other one goes on.
    let (code, _, error) = run(&["call", "none", "--redis", &address]);
    assert_eq!(code, Some(0), "{error}");
    server.signal("TERM");
    assert_eq!(server.end().code(), Some(1));
    let log = server.log();
    assert!(
        log.contains("exited again after 5 restarts within 1h"),
        "{log}"
    );
}

#[test]
fn a_process_that_was_given_up_is_started_again_after_a_while_and_status_warns_until_then() {
    let redis = Redis::start();
    let limits = r#"server.respawn_limits=[{"times": 0, "within": "1h"}]"#;
    let retry = ["--set", limits, "--set", "server.respawn_after=3s"];
    let mut server = serve(&redis, &retry);
    let address = redis.address();
    let status = || run(&["status", "--redis", &address]);
    assert!(!status().1.contains("PROCESSES_GIVEN_UP"));
    let killed = pids(&server)[0];
    signal(killed, "KILL");
    server.says("it is given up");
    wait_for("the warning", || {
        let (code, out, error) = status();
        assert_eq!(code, Some(0), "{error}");
        out.contains("PROCESSES_GIVEN_UP").then_some(())
    });
    server.says("process that was given up serves again");
    assert_eq!(pids(&server).len(), 3);
    // Both processes say so.
    for _ in 0..4 {
        let out = wait_for("no warning", || {
            let out = status().1;
            (!out.contains("PROCESSES_GIVEN_UP")).then_some(out)
        });
        assert!(out.ends_with("healthy\n"), "{out}");
    }
    server.signal("TERM");
    assert_eq!(server.end().code(), Some(0), "{}", server.log());
}

#[test]
fn a_process_that_is_stopped_from_outside_is_started_again_without_being_counted() {
    let redis = Redis::start();
    let limits = r#"server.respawn_limits=[{"times": 0, "within": "1h"}]"#;
    let mut server = serve(&redis, &["--set", limits]);
    signal(pids(&server)[0], "TERM");
    server.says("process stopped by a signal");
    server.says_times(3, ": accepting requests");
    server.signal("TERM");
    assert_eq!(server.end().code(), Some(0));
    assert_eq!(server.count("process exited by itself"), 0);
}

#[test]
fn a_start_that_always_fails_is_tried_again_at_a_leisurely_pace_where_there_is_no_limit() {
    let redis = Redis::start();
    let address = redis.address();
    let file = fresh_file("directory").join("heartbeat");
    let setting = format!("server.heartbeat_file={}", file.display());
    let since = std::time::Instant::now();
    let mut command = example_service(&["serve", "--fork", "2", "--redis", &address]);
    command.args(["--set", &setting, "--set", "server.respawn_limits=[]"]);
    let mut server = Process::start(&mut command);
    // Eight pauses for one of the two at least: 10, 20, 40, 80, 160, 320, 640 and 1,000 ms.
    server.says_times(17, "process started");
    assert!(since.elapsed().as_millis() >= 2_270);
    server.signal("TERM");
    assert_eq!(server.end().code(), Some(0));
}

#[test]
fn a_start_that_fails_in_one_process_ends_all_of_them() {
    let redis = Redis::start();
    let file = fresh_file("heartbeat-1");
    // A directory is where the first process wants to write a file.
    std::fs::create_dir(&file).expect("the directory is made");
    let pattern = file.to_str().expect("it is text").replace("-1", "-{{fid}}");
    let setting = format!("server.heartbeat_file={pattern}");
    let address = redis.address();
    let arguments = [
        "serve", "--fork", "2", "--redis", &address, "--set", &setting,
    ];
    let mut server = Process::start(&mut example_service(&arguments));
    assert_eq!(server.end().code(), Some(1));
    let log = server.log();
    assert!(log.contains("startup failed"), "{log}");
    std::fs::remove_dir(file).expect("it is removed");
}

#[test]
fn a_process_that_blocks_is_replaced_and_the_others_serve_on() {
    let redis = Redis::start();
    let address = redis.address();
    let mut command = unruly(&["serve", "--fork", "2", "--redis", &address]);
    command.args(["--set", "server.watchdog.exit_after=500ms"]);
    command.args(["--set", "server.watchdog.grace=100ms"]);
    let mut server = Process::start(&mut command);
    server.says_times(2, ": accepting requests");
    let caller = hold("block", &address);
    server.says("status=exit status: 70");
    server.says_times(3, ": accepting requests");
    drop(caller);
    server.signal("TERM");
    assert_eq!(server.end().code(), Some(0), "{}", server.log());
}

#[test]
fn with_no_respawn_what_ends_stays_ended() {
    let redis = Redis::start();
    let mut server = serve(&redis, &["--no-respawn"]);
    for pid in pids(&server) {
        signal(pid, "KILL");
    }
    assert_eq!(server.end().code(), Some(1));
    assert_eq!(pids(&server).len(), 2);
}

#[test]
fn the_processes_end_with_the_one_that_looks_after_them() {
    let redis = Redis::start();
    let mut server = serve(&redis, &[]);
    server.signal("KILL");
    server.end();
    server.says_times(2, "no longer accepting requests");
    server.says_times(2, "stopped service");
}
