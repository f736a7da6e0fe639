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

use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::LazyLock;

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
