//! The load generator as a program: against a Redis that goes, behind sentinels, and with nobody who reads its output.

#![allow(clippy::expect_used)] // Helpers of tests may fail loudly, too.

use std::fs::File;
use std::io::{BufRead as _, BufReader};
use std::net::{Ipv4Addr, TcpListener, TcpStream};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Output, Stdio};
use std::thread::{JoinHandle, sleep};
use std::time::{Duration, Instant};

use soa::{ActionError, Context, RedisServerTransport, RedisSettings, Server, Value};

/// Time limit for a condition. It is long, because the machine may be busy.
const WAIT_LIMIT: Duration = Duration::from_secs(60);

/// A process that is killed when this is dropped.
struct Process(Child);

impl Drop for Process {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

fn free_port() -> u16 {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).expect("there is a free port");
    listener.local_addr().expect("it has an address").port()
}

/// Starts a Redis, or a sentinel, with these arguments, and waits until it accepts connections.
fn redis(port: u16, arguments: &[&str]) -> Process {
    let mut command = Command::new("redis-server");
    command.args(arguments).args(["--port", &port.to_string()]);
    command.args(["--bind", "127.0.0.1"]).stdout(Stdio::null());
    let process = Process(command.spawn().expect("redis-server is installed"));
    let end = Instant::now() + WAIT_LIMIT;
    while TcpStream::connect((Ipv4Addr::LOCALHOST, port)).is_err() {
        assert!(Instant::now() < end, "Redis does not start");
        sleep(Duration::from_millis(10));
    }
    process
}

const NO_FILES: [&str; 4] = ["--save", "", "--appendonly", "no"];

/// Serves an action `echo` in this process, until the process ends. One job runs at a time, for a while, so that the
/// requests of all other callers are in Redis at any moment.
fn serve(settings: RedisSettings) -> JoinHandle<()> {
    std::thread::spawn(move || {
        let runtime = tokio::runtime::Builder::new_current_thread();
        let runtime = { runtime }.enable_all().build().expect("it is built");
        runtime.block_on(async {
            let server = Server::untyped("tools", "1.0.0")
                .concurrency(1)
                .action("echo", |body: Value, _: Context| async {
                    tokio::time::sleep(Duration::from_millis(20)).await;
                    Ok::<_, ActionError>(body)
                })
                .build()
                .expect("it is complete");
            let transport = RedisServerTransport::new("tools", settings).expect("they are good");
            server.run(transport).await.expect("there are no hooks");
        });
    })
}

fn load(address: &str, more: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_load"));
    command.args(["--redis", address, "--service", "tools", "--action", "echo"]);
    command.args(["--body", "{}", "--callers", "4", "--warm-up", "0s"]);
    command.args(more);
    command
}

fn text(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).into_owned()
}

/// A file of this test that does not exist yet.
fn fresh_file(name: &str) -> PathBuf {
    let name = format!("load-{}-{name}", std::process::id());
    Path::new(env!("CARGO_TARGET_TMPDIR")).join(name)
}

#[test]
fn a_restart_of_redis_costs_calls_and_not_the_report() {
    let port = free_port();
    let first = redis(port, &NO_FILES);
    let _server = serve(RedisSettings::new("127.0.0.1", port));
    let address = format!("127.0.0.1:{port}");
    let mut command = load(&address, &["--duration", "4s"]);
    let mut running = command
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .expect("the program starts");
    let progress = running.stderr.take().expect("it is piped");
    let mut lines = BufReader::new(progress).lines();
    let measures =
        |line: std::io::Result<String>| line.is_ok_and(|line| line.contains("measuring: "));
    assert!(lines.any(measures), "it ended before");
    drop(first);
    let _second = redis(port, &NO_FILES);
    lines.for_each(drop);
    let Output { status, stdout, .. } = running.wait_with_output().expect("it ends");
    let report = text(&stdout);
    assert_eq!(status.code(), Some(0), "{report}");
    let first = report.lines().next().unwrap_or_default();
    assert!(first.contains(" round trips/s, "), "{report}");
    assert!(first.contains(" failures in "), "{report}");
    assert!(!first.contains(" 0 failures in "), "{report}");
    for told in [
        "\n  first failure: ",
        "\n  latency ",
        "\n  Redis      not measured: Redis was restarted during the run\n",
    ] {
        assert!(report.contains(told), "{report}");
    }
}

#[test]
fn redis_may_be_behind_sentinels() {
    let port = free_port();
    let _master = redis(port, &NO_FILES);
    let settings = fresh_file("sentinel.conf");
    let monitor = format!("sentinel monitor main 127.0.0.1 {port} 1\n");
    std::fs::write(&settings, monitor).expect("it is written");
    let sentinel = free_port();
    let name = settings.to_str().expect("it is text");
    let _sentinel = redis(sentinel, &[name, "--sentinel"]);
    let _server = serve(RedisSettings::new("127.0.0.1", port));
    let address = format!("redis-sentinel://127.0.0.1:{sentinel}");
    let output = load(&address, &["--duration", "300ms"]).output();
    let output = output.expect("the program starts");
    let (report, error) = (text(&output.stdout), text(&output.stderr));
    assert_eq!(output.status.code(), Some(0), "{error}");
    assert!(report.contains(" 0 failures in 0.3 s\n"), "{report}");
    assert!(report.contains("\n  Redis      not measured: "), "{report}");
    std::fs::remove_file(settings).expect("it is there");
}

#[test]
fn who_reads_only_the_beginning_does_not_make_it_panic() {
    let port = free_port();
    let _redis = redis(port, &NO_FILES);
    let _server = serve(RedisSettings::new("127.0.0.1", port));
    let address = format!("127.0.0.1:{port}");
    let errors = fresh_file("errors");
    // Neither has a reader any more when it writes.
    for is_error_closed in [false, true] {
        let mut command = load(&address, &["--duration", "1200ms"]);
        command.stdout(Stdio::piped());
        command.stderr(match is_error_closed {
            true => Stdio::piped(),
            false => File::create(&errors).expect("it is created").into(),
        });
        let mut running = command.spawn().expect("the program starts");
        drop((running.stdout.take(), running.stderr.take()));
        let status = running.wait().expect("it ends");
        assert_eq!(status.code(), Some(0));
    }
    let error = std::fs::read_to_string(&errors).expect("it is there");
    assert!(!error.contains("panicked"), "{error}");
    std::fs::remove_file(errors).expect("it is there");
}
