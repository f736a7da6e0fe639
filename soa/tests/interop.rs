//! Unmodified clients of the reference, PySOA, call the example service over Redis.
//!
//! What they check is in `interop/suite.py` and `interop/checks`: every action, version, form of a call and kind of
//! error. The same suite runs against PySOA serving the same actions, which proves that it tests the protocol
//! and not this implementation.

#![allow(clippy::unwrap_used, clippy::expect_used)] // Helpers of tests may fail loudly, too.
#![allow(clippy::print_stdout)] // What the processes of a failed test have said.

#[path = "interop/contracts.rs"]
mod contracts;
#[path = "interop/nested_cargo.rs"]
mod nested_cargo;
#[path = "interop/plans.rs"]
mod plans;
#[path = "interop/processes.rs"]
mod processes;
#[path = "interop/python.rs"]
mod python;
#[path = "interop/sentinel.rs"]
mod sentinel;

use std::io::{BufRead as _, BufReader, Write as _};
use std::net::TcpStream;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::LazyLock;
use std::time::{Duration, Instant};

use processes::{Process, Redis};
use python::{python_command, reference_service};

#[test]
fn clients_of_the_reference_are_served() {
    let redis = Redis::start();
    let _services = ["example", "example2"].map(|name| our_service(&redis, name));
    run_suite(&redis, &[]);
}

#[test]
fn the_suite_holds_for_the_reference_itself() {
    let redis = Redis::start();
    let _services = ["example", "example2"].map(|name| reference_service(&redis, name));
    run_suite(&redis, &["--reference"]);
}

/// One of ours and one of the reference take from the same queue. The other checks need all calls to come to one
/// process, as some of them call it twice.
#[test]
fn a_mixed_fleet_serves_clients_of_the_reference() {
    let redis = Redis::start();
    let _services = [
        our_service(&redis, "example"),
        reference_service(&redis, "example"),
        our_service(&redis, "example2"),
    ];
    run_suite(&redis, &["--only", "eight_threads"]);
}

/// The threads of the client have reply lists on different masters, and requests go to all of them.
#[test]
fn a_mixed_fleet_on_a_ring_of_three_masters_serves_clients_of_the_reference() {
    a_mixed_fleet_serves(&Redis::ring(3));
}

#[test]
fn a_mixed_fleet_whose_masters_sentinels_watch_serves_clients_of_the_reference() {
    a_mixed_fleet_serves(&Redis::ring(3).watched());
}

fn a_mixed_fleet_serves(redis: &Redis) {
    let _services = [
        our_service(redis, "example"),
        reference_service(redis, "example"),
        our_service(redis, "example2"),
        reference_service(redis, "example2"),
    ];
    run_suite(redis, &["--only", "eight_threads"]);
}

/// The process that is killed is stopped first: it holds a request, or gets the next one, and cannot answer it.
#[test]
fn of_a_mixed_fleet_one_of_ours_is_killed_with_what_it_holds_and_no_client_of_the_reference_notices()
 {
    let redis = Redis::start();
    let port = redis.ports[0];
    let times = ["redis.lease=3s", "redis.gone_after=1s"];
    let times = times.map(|time| format!("server.transport.{time}"));
    let ours = || {
        let mut command = Command::new(example_service());
        command.args(["serve", "--redis", &redis.addresses()]);
        times
            .iter()
            .for_each(|time| _ = command.args(["--set", time]));
        Process::start("example", &mut command)
    };
    let mut killed = ours();
    let leases = "{pysoa:service.example}.leases";
    until("it waits for requests", || {
        ask(port, &format!("ZCARD {leases}")) == ":1"
    });
    let first = format!("EVAL \"return {{ok=redis.call('ZRANGE','{leases}',0,0)[1]}}\" 0");
    let name = ask(port, &first);
    let held = format!(
        "EVAL \"return #redis.call('KEYS','*.held.{}.*')\" 0",
        &name[1..]
    );
    let _others = [
        ours(),
        reference_service(&redis, "example"),
        reference_service(&redis, "example"),
        our_service(&redis, "example2"),
    ];
    std::thread::scope(|scope| {
        let suite = scope.spawn(|| run_suite(&redis, &["--only", "eight_threads"]));
        until("it is called", || ask(port, &held) != ":0");
        let stop = ["-STOP", &killed.child.id().to_string()];
        let stopped = Command::new("kill").args(stop).status();
        assert!(stopped.expect("there is a command for it").success());
        until("it holds a request", || ask(port, &held) != ":0");
        killed.child.kill().expect("it runs");
        suite.join().expect("all calls are answered");
    });
    let burnt = "ZCARD {pysoa:service.example}.burnt";
    until("it is given up", || ask(port, burnt) == ":1");
}

/// The first line of an answer of Redis.
fn ask(port: u16, command: &str) -> String {
    let mut stream = TcpStream::connect(("127.0.0.1", port)).expect("it listens");
    let written = stream.write_all(format!("{command}\r\n").as_bytes());
    written.expect("it takes the command");
    let mut line = String::new();
    let read = BufReader::new(stream).read_line(&mut line);
    read.expect("it answers");
    line.trim_end().to_owned()
}

fn until(what: &str, is_so: impl Fn() -> bool) {
    let end = Instant::now() + Duration::from_secs(30);
    while !is_so() {
        assert!(Instant::now() < end, "never came true: {what}");
        std::thread::sleep(Duration::from_millis(1));
    }
}

#[test]
fn a_program_that_knows_the_contract_alone_calls_either_implementation() {
    for serve in [our_service, reference_service] {
        let redis = Redis::start();
        let address = redis.addresses();
        let _service = serve(&redis, "example");
        let mut client = Command::new(example_service().with_file_name("example_client"));
        let output = client.args([&address, "12"]).output();
        let output = output.expect("the binary starts");
        assert_eq!(
            String::from_utf8_lossy(&output.stdout),
            "square(12) = 144\nswitched_v2() = version 2\n",
            "{}",
            String::from_utf8_lossy(&output.stderr)
        );
    }
}

fn our_service(redis: &Redis, name: &str) -> Process {
    let address = redis.addresses();
    let mut command = Command::new(example_service());
    command.args(["serve", "--redis", &address, "--name", name]);
    Process::start(name, &mut command)
}

fn run_suite(redis: &Redis, options: &[&str]) {
    let mut suite = python_command(redis);
    suite.arg("suite.py");
    let output = suite.args(options).output().expect("the suite starts");
    assert!(
        output.status.success(),
        "the suite failed:\n{}{}",
        String::from_utf8_lossy(&output.stdout),
        String::from_utf8_lossy(&output.stderr)
    );
}

/// The binary of the example service, built if it is not: it belongs to another package, whose binaries cargo
/// builds for its own tests only.
fn example_service() -> &'static Path {
    static BINARY: LazyLock<PathBuf> = LazyLock::new(build_example_service);
    &BINARY
}

fn build_example_service() -> PathBuf {
    let mut cargo = nested_cargo::cargo();
    cargo.args(["build", "--package", "example_service", "--bins"]);
    cargo.args(["--locked", "--message-format", "json"]);
    cargo.current_dir(env!("CARGO_MANIFEST_DIR"));
    let output = cargo.output().expect("cargo starts");
    let told = String::from_utf8_lossy(&output.stdout);
    assert!(
        output.status.success(),
        "the example service does not build:\n{}",
        String::from_utf8_lossy(&output.stderr)
    );
    told.lines()
        .filter_map(|line| serde_json::from_str::<serde_json::Value>(line).ok())
        .filter_map(|message| Some(PathBuf::from(message["executable"].as_str()?)))
        .find(|path| {
            path.file_stem()
                .is_some_and(|name| name == "example_service")
        })
        .expect("cargo tells where the binary is")
}
