//! `soa replay --against ./program`: this test is the program, too.
//!
//! Cargo tells a test the paths of its own package's programs alone, and this package has no service. So the test has a
//! `main` of its own, which serves where the arguments say so, and runs the tests otherwise.

#![allow(clippy::unwrap_used, clippy::expect_used)] // Helpers of tests may fail loudly, too.
#![allow(clippy::print_stdout)] // In place of a harness.

use std::path::{Path, PathBuf};
use std::process::{Command, ExitCode, Stdio};

use soa::settings::Settings;
use soa::{ActionError, service};

#[path = "../../soa/tests/interop/processes.rs"]
mod processes;

#[soa::body]
struct Number {
    number: i64,
}

struct Calculator;

#[service(name = "calculator", version = "1.0.0")]
impl Calculator {
    /// Squares a number.
    #[action(idempotent)]
    async fn square(&self, request: Number) -> Result<Number, ActionError> {
        Ok(Number {
            number: request.number * request.number,
        })
    }
}

const TESTS: [(&str, fn()); 4] = [
    (
        "a_program_is_started_over_http_and_stopped_after_the_replay",
        a_program_is_started_over_http_and_stopped_after_the_replay,
    ),
    (
        "with_a_redis_a_program_is_called_under_a_name_of_its_own",
        with_a_redis_a_program_is_called_under_a_name_of_its_own,
    ),
    (
        "the_log_of_a_program_that_does_not_start_is_shown",
        the_log_of_a_program_that_does_not_start_is_shown,
    ),
    (
        "a_program_that_is_not_there_is_a_mistake_of_the_command_line",
        a_program_that_is_not_there_is_a_mistake_of_the_command_line,
    ),
];

fn main() -> ExitCode {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    if arguments.first().is_some_and(|first| first == "serve") {
        return soa::main(async |_: Settings| Ok(Calculator));
    }
    let lists = arguments.iter().any(|argument| argument == "--list");
    let mut filters = arguments.iter().filter(|one| !one.starts_with('-'));
    let filter = filters.next().map_or("", String::as_str);
    let chosen = TESTS.iter().filter(|(name, _)| name.contains(filter));
    let mut passed = 0;
    for (name, test) in chosen {
        match lists {
            true => println!("{name}: test"),
            false => {
                // A panic ends the program with a code of failure.
                test();
                println!("test {name} ... ok");
                passed += 1;
            }
        }
    }
    println!("\ntest result: ok. {passed} passed; 0 failed; 0 ignored; 0 measured; 0 filtered out");
    ExitCode::SUCCESS
}

/// A file of recorded squares.
fn recording(name: &str, squares: &[(i64, i64)]) -> PathBuf {
    let lines = squares.iter().map(|(number, square)| {
        format!(
            r#"{{"format": 1, "time": "2026-11-21T08:30:00+00:00", "service": "calculator", "action": "square", "idempotent": true, "request": {{"value": {{"number": {number}}}}}, "response": {{"value": {{"number": {square}}}}}}}"#
        )
    });
    let file = Path::new(env!("CARGO_TARGET_TMPDIR")).join(format!("program-{name}.jsonl"));
    std::fs::write(&file, lines.collect::<Vec<_>>().join("\n")).unwrap();
    file
}

/// Runs `soa replay` against this program. Returns the exit code and all of the output.
fn replay(file: &Path, arguments: &[&str]) -> (Option<i32>, String) {
    let program = std::env::current_exe().unwrap();
    replay_against(program.to_str().unwrap(), file, arguments)
}

fn replay_against(program: &str, file: &Path, arguments: &[&str]) -> (Option<i32>, String) {
    let mut command = Command::new(env!("CARGO_BIN_EXE_soa"));
    let command = command.args(["replay", file.to_str().unwrap(), "--against", program]);
    // A variable that leads elsewhere is not passed on.
    let command = command
        .env("SOA__SERVER__NAME", "another")
        .env_remove("SOA_REDIS");
    let output = command
        .args(arguments)
        .stdin(Stdio::null())
        .output()
        .unwrap();
    let text = [output.stdout, output.stderr].concat();
    (output.status.code(), String::from_utf8(text).unwrap())
}

fn a_program_is_started_over_http_and_stopped_after_the_replay() {
    let same = recording("same", &[(2, 4), (-3, 9)]);
    let pid_file = same.with_extension("pid");
    let (code, text) = replay(&same, &["--", "--pid-file", pid_file.to_str().unwrap()]);
    assert_eq!(code, Some(0), "{text}");
    assert_eq!(text.trim(), "2 records: 2 sent, 2 as recorded");
    let pid = std::fs::read_to_string(&pid_file).unwrap_or_default();
    let process = Path::new("/proc").join(pid.trim());
    assert!(
        pid.is_empty() || !process.exists(),
        "process {pid} still runs"
    );
    let (code, text) = replay(&recording("changed", &[(2, 4), (-3, -9)]), &[]);
    assert_eq!(code, Some(1), "{text}");
    assert!(text.contains("`number` changed in 1 of 2 calls"), "{text}");
}

fn with_a_redis_a_program_is_called_under_a_name_of_its_own() {
    let redis = processes::Redis::start();
    let file = recording("redis", &[(2, 4)]);
    let (code, text) = replay(&file, &["--redis", &redis.addresses()]);
    assert_eq!(code, Some(0), "{text}");
    let address = redis.addresses();
    let (host, port) = address.split_once(':').unwrap();
    let mut command = Command::new("redis-cli");
    let queue = ["exists", "pysoa:service.calculator"];
    let output = command.args(["-h", host, "-p", port]).args(queue).output();
    assert_eq!(String::from_utf8_lossy(&output.unwrap().stdout).trim(), "0");
}

fn the_log_of_a_program_that_does_not_start_is_shown() {
    let file = recording("failing", &[(2, 4)]);
    let (code, text) = replay(&file, &["--", "--settings", "/nowhere.toml"]);
    assert_eq!(code, Some(3), "{text}");
    assert!(
        text.contains("/nowhere.toml") && text.contains("has ended with"),
        "{text}"
    );
}

fn a_program_that_is_not_there_is_a_mistake_of_the_command_line() {
    let file = recording("missing", &[(2, 4)]);
    let (code, text) = replay_against("./no-such-program", &file, &[]);
    assert_eq!(code, Some(2), "{text}");
    assert!(text.contains("cannot be started"), "{text}");
}
