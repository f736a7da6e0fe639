//! Hooks of a service, and the process after they fail.

use std::time::Duration;

use crate::processes::{Process, Redis, outcome, unruly};

fn start(redis: &Redis, settings: &[&str]) -> Process {
    let address = redis.address();
    let mut command = unruly(&["serve", "--redis", &address]);
    for setting in settings {
        command.args(["--set", setting]);
    }
    Process::start(&mut command)
}

#[test]
fn hooks_run_before_the_first_request_and_after_the_last_answer() {
    let redis = Redis::start();
    let mut server = start(&redis, &[]);
    server.says(": accepting requests");
    server.signal("TERM");
    assert_eq!(server.end().code(), Some(0));
    let log = server.log();
    let at = |text: &str| log.find(text).unwrap_or_else(|| panic!("no {text}: {log}"));
    assert!(at("hook: startup") < at(": accepting requests"));
    assert!(at("no longer accepting requests") < at("hook: teardown"));
    assert!(at("hook: teardown") < at("stopped service"));
}

#[test]
fn a_startup_hook_that_fails_ends_the_process_with_its_own_words() {
    let redis = Redis::start();
    for (fate, cause) in [
        ("fails", "there is no startup today"),
        ("panics", "panicked: too early for startup"),
    ] {
        let mut server = start(&redis, &[&format!("service.startup={fate}")]);
        assert_eq!(server.end().code(), Some(1));
        let log = server.log();
        let told = format!("error: the server cannot start: a startup hook failed: {cause}\n");
        assert!(log.contains(&told), "{log}");
        assert!(!log.contains(": accepting requests"), "{log}");
        assert!(!log.contains("hook: teardown"), "{log}");
    }
}

#[test]
fn a_signal_ends_a_startup_that_takes_long() {
    let redis = Redis::start();
    let mut server = start(&redis, &["service.startup=waits"]);
    server.says("hook: startup");
    server.signal("TERM");
    assert_eq!(server.end().code(), Some(0));
}

#[test]
fn a_teardown_that_does_not_end_is_given_up_and_one_that_panics_is_told() {
    let redis = Redis::start();
    for (fate, told) in [
        ("waits", "teardown hooks took too long and are given up"),
        ("panics", "too early for teardown"),
    ] {
        let settings = [
            &format!("service.teardown={fate}"),
            "server.teardown_grace=200ms",
        ];
        let mut server = start(&redis, &settings);
        server.says(": accepting requests");
        server.signal("TERM");
        assert_eq!(server.end().code(), Some(0));
        assert!(server.log().contains(told), "{}", server.log());
    }
}

#[test]
fn the_idle_hook_runs_when_nothing_comes_and_its_panic_ends_nothing() {
    let redis = Redis::start();
    let settings = ["service.idle=panics", "service.idle_after=100ms"];
    let server = start(&redis, &settings);
    server.says_times(3, "an idle hook panicked");
    let (code, _, error) = run_unruly(&redis, &["call", "behave"]);
    assert_eq!(code, Some(0), "{error}");
}

#[test]
fn an_idle_hook_does_not_run_twice_at_once_and_does_not_hold_up_the_end() {
    let redis = Redis::start();
    let settings = ["service.idle=waits", "service.idle_after=20ms"];
    let mut server = start(&redis, &settings);
    server.says("hook: idle");
    // Many times as long as it takes to be idle.
    std::thread::sleep(Duration::from_millis(500));
    assert_eq!(server.count("hook: idle"), 1);
    server.signal("TERM");
    assert_eq!(server.end().code(), Some(0));
}

#[test]
fn a_layer_of_the_program_sees_errors_beside_the_log() {
    let redis = Redis::start();
    let mut server = start(&redis, &["service.reports=true"]);
    server.says("hook: startup");
    let (code, _, error) = run_unruly(&redis, &["call", "fail"]);
    assert_eq!(code, Some(1));
    let (_, id) = error.split_once("error id ").unwrap();
    let id = id.split_whitespace().next().unwrap();
    assert!(!error.contains("the secret reason"), "{error}");
    server.says("reported: message=an action failed");
    let log = server.log();
    for line in [
        format!("error_id=\"{id}\""),
        "ERROR job{service=\"unruly\" action=\"fail\"".to_owned(),
    ] {
        assert!(log.contains(&line), "no {line} in {log}");
    }
    let reports: Vec<&str> = log
        .lines()
        .filter(|line| line.starts_with("reported:"))
        .collect();
    assert_eq!(reports.len(), 1, "{log}");
    assert!(
        reports[0].contains("the secret reason") && reports[0].contains(id),
        "{log}"
    );
    server.signal("TERM");
    assert_eq!(server.end().code(), Some(0));
}

fn run_unruly(redis: &Redis, arguments: &[&str]) -> (Option<i32>, String, String) {
    let address = redis.address();
    let mut command = unruly(arguments);
    let output = command.args(["--redis", &address]).output();
    outcome(&output.expect("the binary starts"))
}
