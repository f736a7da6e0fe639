//! The words around: help, completions, man pages, colours.

use std::process::Stdio;

use crate::processes::Redis;
use crate::services::{Worker, command};
use crate::support::{outcome, soa, soa_at, until};

#[test]
fn the_help_is_as_it_was() {
    insta::assert_snapshot!("help", soa(&["--help"]).ok().out);
    for name in [
        "services",
        "workers",
        "describe",
        "status",
        "call",
        "job",
        "replay",
        "queue",
        "dead",
        "graph",
        "check",
        "top",
        "watch",
        "dashboard",
    ] {
        insta::assert_snapshot!(format!("help_{name}"), soa(&[name, "--help"]).ok().out);
    }
    // Those below have the same flags for the connection.
    let below = |group: &str, name: &str| {
        let help = soa(&[group, name, "--help"]).ok().out;
        let (own, _) = help.split_once("Connection and output:").unwrap();
        own.to_owned()
    };
    for name in ["list", "peek", "move", "drop", "pause", "resume"] {
        insta::assert_snapshot!(format!("help_queue_{name}"), below("queue", name));
    }
    for name in ["list", "show", "retry", "drop", "export"] {
        insta::assert_snapshot!(format!("help_dead_{name}"), below("dead", name));
    }
}

#[test]
fn man_pages_are_written_into_a_folder() {
    let folder = std::path::Path::new(env!("CARGO_TARGET_TMPDIR")).join("man");
    std::fs::create_dir_all(&folder).unwrap();
    soa(&["man", folder.to_str().unwrap()]).ok();
    for page in ["soa.1", "soa-call.1", "soa-queue-pause.1"] {
        let text = std::fs::read_to_string(folder.join(page)).unwrap();
        assert!(text.contains(".TH"), "{page}");
    }
    let run = soa(&["man", "/nowhere/at/all"]);
    assert_eq!(run.code, Some(1));
    assert!(
        run.errors.contains("the folder has to exist"),
        "{}",
        run.errors
    );
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_shell_completes_names_of_services_actions_and_fields() {
    for shell in ["bash", "zsh", "fish"] {
        let script = soa(&["completions", shell]).ok().out;
        assert!(script.contains("COMPLETE"), "{shell}: {script}");
    }
    let redis = Redis::start();
    let _worker = Worker::example(&redis, "example");
    until("it tells", || {
        let workers = soa_at(&redis, &["workers", "--json"]).ok().json();
        workers["workers"].as_array().unwrap().len() == 1
    });
    let complete = |words: &[&str]| {
        let mut command = command(&[]);
        command
            .env("COMPLETE", "bash")
            .env("_CLAP_COMPLETE_INDEX", (words.len() - 1).to_string());
        command
            .env("_CLAP_IFS", "\n")
            .env("SOA_REDIS", redis.addresses());
        command.arg("--").args(words).stderr(Stdio::inherit());
        outcome(&command.output().unwrap()).out
    };
    assert!(complete(&["soa", "desc"]).contains("describe"));
    assert!(complete(&["soa", "describe", "ex"]).contains("example"));
    assert!(complete(&["soa", "call", "example.sq"]).contains("example.square"));
    let fields = complete(&["soa", "call", "example.square", "--field", "nu"]);
    assert!(fields.contains("number="), "{fields}");
}

#[test]
fn colours_are_for_terminals_and_can_be_turned_off() {
    let redis = Redis::start();
    let plain = soa_at(&redis, &["services"]).ok().out;
    assert!(!plain.contains('\u{1b}'), "{plain}");
    let words = "services --interval 0s";
    assert!(on_terminal(&redis, words, "").contains("\u{1b}[2m"));
    assert!(!on_terminal(&redis, words, "1").contains("\u{1b}[2m"));
}

/// Runs the program on a terminal, and returns what that shows.
fn on_terminal(redis: &Redis, words: &str, no_colour: &str) -> String {
    let (program, address) = (env!("CARGO_BIN_EXE_soa"), redis.addresses());
    let line = format!("{program} {words} --redis {address}");
    let mut script = std::process::Command::new("script");
    script
        .args(["-qec", &line, "/dev/null"])
        .stdin(Stdio::null());
    script.env("TERM", "xterm").env("NO_COLOR", no_colour);
    outcome(&script.output().unwrap()).out
}

#[test]
fn what_takes_longer_than_a_second_shows_its_progress_on_a_terminal_alone() {
    let redis = Redis::start();
    let words = "services --interval 1500ms";
    let shown = on_terminal(&redis, words, "1");
    assert!(shown.contains("looking at the fleet"), "{shown}");
    let piped = soa_at(&redis, &["services", "--interval", "1500ms"]).ok();
    assert_eq!(piped.errors, "");
}
