//! A log that nobody reads: its pipe is full, as it is where a collector of logs hangs.

use std::io::{PipeReader, Read as _, pipe};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use example_service::ExampleClient;
use soa::{Client, RedisClientTransport, RedisSettings, value};

use crate::processes::{Redis, example_service, hold, program, run, signal, unruly, wait_for};
use crate::serving::{client, running_job};

/// A record for each job.
const RECORDS: [&str; 2] = ["--set", r#"server.middleware=[{"name": "logging"}]"#];

/// Longest time for a process to stop: a second for its last lines, and a little for a busy machine.
const STOP_LIMIT: Duration = Duration::from_millis(2500);

/// A process whose log is a pipe, which is killed when this is dropped.
struct Logging {
    child: Child,
    log: PipeReader,
}

impl Logging {
    fn start(command: &mut Command) -> Self {
        let (log, output) = pipe().expect("there is a pipe");
        let child = command.stdout(Stdio::null()).stderr(output).spawn();
        // The other end of the pipe is in the command.
        *command = program("true", &[]);
        Self {
            child: child.expect("the process starts"),
            log,
        }
    }

    /// Sends a signal and waits for the end; the exit code, and the time that it took.
    fn end(&mut self, name: Option<&str>) -> (Option<i32>, Duration) {
        let since = Instant::now();
        if let Some(name) = name {
            signal(self.child.id(), name);
        }
        let status = wait_for("the end of the process", || {
            self.child.try_wait().expect("it can be waited for")
        });
        (status.code(), since.elapsed())
    }
}

impl Drop for Logging {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// A server of the example whose log is full: it has answered many more jobs than the pipe holds records.
async fn full(redis: &Redis, arguments: &[&str]) -> Logging {
    let address = redis.address();
    let server = ["serve", "--redis", &address];
    let mut command = example_service(&[&server[..], &RECORDS, arguments].concat());
    let server = Logging::start(&mut command);
    wait_for("the server", || {
        (run(&["call", "none", "--redis", &address]).0 == Some(0)).then_some(())
    });
    let client = client(redis);
    let example = ExampleClient::new(&client);
    for number in 0..2_000 {
        let answer = example
            .none(value!({}))
            .timeout(Duration::from_secs(10))
            .await;
        answer.unwrap_or_else(|error| panic!("call {number}: {error}"));
    }
    server
}

#[tokio::test]
async fn a_log_that_nobody_reads_holds_up_neither_jobs_nor_the_stop() {
    let redis = Redis::start();
    let mut server = full(&redis, &[]).await;
    let (code, time) = server.end(Some("TERM"));
    assert_eq!(code, Some(0));
    assert!(time < STOP_LIMIT, "{time:?}");
}

#[tokio::test]
async fn with_a_log_that_nobody_reads_a_second_signal_ends_the_process_at_once() {
    let redis = Redis::start();
    let mut server = full(&redis, &[]).await;
    let client = client(&redis);
    let job = running_job(&client, 600.0).await;
    signal(server.child.id(), "TERM");
    let (code, time) = server.end(Some("INT"));
    assert_eq!(code, Some(4));
    assert!(time < STOP_LIMIT, "{time:?}");
    job.abort();
}

#[tokio::test]
async fn with_a_log_that_nobody_reads_a_handler_that_blocks_still_ends_the_process() {
    let redis = Redis::start();
    let address = redis.address();
    let mut command = unruly(&["serve", "--redis", &address]);
    command
        .args(RECORDS)
        .args(["--set", "server.watchdog.exit_after=300ms"]);
    command.args(["--set", "server.watchdog.grace=100ms"]);
    let mut server = Logging::start(&mut command);
    let behave = ["call", "behave", "--raw", "--redis", &address];
    wait_for("the server", || {
        let answered = unruly(&behave).output().expect("the binary starts");
        answered.status.success().then_some(())
    });
    let settings = RedisSettings::new("127.0.0.1", redis.port);
    let transport = RedisClientTransport::new("unruly", settings).expect("the settings are good");
    let client = Client::builder().service("unruly", transport).build();
    let client = client.expect("there is one route");
    for _ in 0..1_000 {
        let job = client.call_job("unruly", [("behave".into(), value!({}))]);
        let answer = job.timeout(Duration::from_secs(10)).await;
        answer.expect("it is answered");
    }
    let _caller = hold("block", &address);
    let (code, _) = server.end(None);
    assert_eq!(code, Some(70));
}

#[tokio::test]
async fn lines_that_did_not_fit_are_counted_and_told_when_the_log_is_read_again() {
    let redis = Redis::start();
    let mut server = full(&redis, &["--set", "logging.buffer_size=65536"]).await;
    let mut log = server.log.try_clone().expect("there is a second handle");
    let read = std::thread::spawn(move || {
        let mut text = String::new();
        log.read_to_string(&mut text).expect("it is text");
        text
    });
    wait_for("a record after the loss", || {
        (run(&["call", "none", "--redis", &redis.address()]).0 == Some(0)).then_some(())
    });
    let (code, _) = server.end(Some("TERM"));
    assert_eq!(code, Some(0));
    let text = read.join().expect("it ends");
    let number = |line: &str, name: &str| {
        let (_, value) = line.rsplit_once(name)?;
        value.split_whitespace().next()?.parse::<usize>().ok()
    };
    let told = |line: &&str| line.contains("lines of the log were lost");
    let lost = text.lines().filter(told);
    let lost: usize = lost.filter_map(|line| number(line, "lost=")).sum();
    let written = text.lines().filter(|line| line.contains("a job was run"));
    let written = written.count();
    let jobs = text.lines().find_map(|line| number(line, "jobs="));
    assert!(lost > 0 && written > 0, "{lost} lost, {written} written");
    assert_eq!(Some(lost + written), jobs);
    // They are whole.
    assert!(text.lines().all(|line| line.contains(" soa")), "{text}");
}
