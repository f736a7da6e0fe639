//! Processes that serve HTTP, from their start to their end.

use std::collections::BTreeSet;
use std::io::{Read as _, Write as _};
use std::net::TcpStream;
use std::os::unix::net::UnixDatagram;

use crate::http::{address, call, exchange, serve_http};
use crate::processes::{Process, example_service, fresh_file, program, signal, unruly, wait_for};

/// Begins a call, and waits until it runs.
fn slow(process: &Process, address: &str, seconds: f64) -> TcpStream {
    let body = format!(r#"{{"seconds": {seconds}}}"#);
    let length = body.len();
    let mut stream = TcpStream::connect(address).expect("it listens");
    let head = format!(
        "POST /call/example/slow HTTP/1.1\r\nhost: a\r\ncontent-length: {length}\r\n\r\n{body}"
    );
    stream.write_all(head.as_bytes()).expect("it is sent");
    // The service answers while it runs, so it has received what came before.
    let answer = call(address, "square", r#"{"number": 1}"#);
    assert!(answer.contains("200 OK"), "{answer} {}", process.log());
    stream
}

fn rest(mut stream: TcpStream) -> String {
    let mut answer = String::new();
    let _ = stream.read_to_string(&mut answer);
    answer
}

#[test]
fn a_stop_answers_what_runs_and_gives_up_what_outlasts_the_grace() {
    let (mut server, address) = serve_http(&[]);
    let running = slow(&server, &address, 1.0);
    server.signal("TERM");
    let answer = rest(running);
    assert!(answer.starts_with("HTTP/1.1 200 OK"), "{answer}");
    assert!(answer.contains("connection: close"), "{answer}");
    assert_eq!(server.end().code(), Some(0), "{}", server.log());

    let (mut server, address) = serve_http(&["--set", "server.shutdown_grace=100ms"]);
    let running = slow(&server, &address, 600.0);
    server.signal("TERM");
    let answer = rest(running);
    assert!(answer.contains("ACTION_TIMEOUT"), "{answer}");
    assert_eq!(server.end().code(), Some(0), "{}", server.log());
    assert!(
        server.log().contains("given_up=1 aborted=0"),
        "{}",
        server.log()
    );
}

#[test]
fn a_second_signal_ends_it_at_once() {
    let (mut server, address) = serve_http(&["--set", "server.http.drain_delay=10m"]);
    let _running = slow(&server, &address, 600.0);
    server.signal("TERM");
    server.says("no longer accepting requests");
    server.signal("TERM");
    assert_eq!(server.end().code(), Some(4), "{}", server.log());
}

#[test]
fn blocking_actions_that_outlive_the_grace_tell_by_the_exit_code() {
    let command = [
        "serve",
        "--http",
        "127.0.0.1:0",
        "--set",
        "server.shutdown_grace=100ms",
    ];
    let mut server = Process::start(&mut unruly(&command));
    let address = address(&server);
    let body = r#"{"milliseconds": 600000}"#;
    let length = body.len();
    let mut stream = TcpStream::connect(&address).expect("it listens");
    let head = format!(
        "POST /call/unruly/grind HTTP/1.1\r\nhost: a\r\ncontent-length: {length}\r\n\r\n{body}"
    );
    stream.write_all(head.as_bytes()).expect("it is sent");
    server.says("it grinds");
    server.signal("TERM");
    assert_eq!(server.end().code(), Some(4), "{}", server.log());
    assert!(rest(stream).contains("ACTION_TIMEOUT"));
    assert!(
        server.log().contains("given_up=1 aborted=0 blocking=1"),
        "{}",
        server.log()
    );
}

#[test]
fn hooks_and_signs_of_life_work_for_http_alone() {
    let heartbeat = fresh_file("heartbeat");
    let setting = format!("server.heartbeat_file={}", heartbeat.display());
    let socket = fresh_file("notify");
    let systemd = UnixDatagram::bind(&socket).expect("it is bound");
    let limit = Some(std::time::Duration::from_secs(60));
    systemd.set_read_timeout(limit).expect("it can be limited");
    let mut command = unruly(&["serve", "--http", "127.0.0.1:0", "--set", &setting]);
    command.args(["--set", "service.idle_after=100ms"]);
    command
        .env("NOTIFY_SOCKET", &socket)
        .env("WATCHDOG_USEC", "200000");
    let mut server = Process::start(&mut command);
    let told = |wanted: &str| {
        let mut room = [0; 1024];
        loop {
            let count = systemd.recv(&mut room).expect("systemd is told");
            if String::from_utf8_lossy(&room[..count]).contains(wanted) {
                return;
            }
        }
    };
    told("READY=1");
    told("WATCHDOG=1");
    server.says("hook: startup");
    server.says("hook: idle");
    assert!(heartbeat.exists());
    server.signal("TERM");
    told("STOPPING=1");
    assert_eq!(server.end().code(), Some(0), "{}", server.log());
    assert!(server.log().contains("hook: teardown"), "{}", server.log());
    assert!(!heartbeat.exists());
    std::fs::remove_file(socket).expect("it is removed");
}

#[test]
fn teardown_hooks_run_when_the_last_request_over_http_is_answered() {
    let command = ["serve", "--http", "127.0.0.1:0", "--workers", "2"];
    let mut server = Process::start(&mut unruly(&command));
    let address = address(&server);
    let mut stream = TcpStream::connect(&address).expect("it listens");
    let head = "POST /call/unruly/block HTTP/1.1\r\nhost: a\r\ncontent-length: 22\r\n\r\n{\"milliseconds\": 1500}";
    stream.write_all(head.as_bytes()).expect("it is sent");
    server.says("a handler blocks its thread");
    server.signal("TERM");
    server.says("no longer accepting requests");
    assert_eq!(server.count("hook: teardown"), 0, "{}", server.log());
    assert!(rest(stream).starts_with("HTTP/1.1 200 "));
    assert_eq!(server.end().code(), Some(0), "{}", server.log());
    assert_eq!(server.count("hook: teardown"), 1);
}

#[test]
fn a_startup_hook_that_fails_ends_it_and_nothing_is_served() {
    let command = [
        "serve",
        "--http",
        "127.0.0.1:0",
        "--set",
        "service.startup=fails",
    ];
    let mut server = Process::start(&mut unruly(&command));
    assert_eq!(server.end().code(), Some(1), "{}", server.log());
    assert_eq!(server.count("accepting requests"), 0);
}

/// The processes that have answered.
fn answering(address: &str, wanted: usize) -> BTreeSet<String> {
    let mut seen = BTreeSet::new();
    wait_for("answers of all processes", || {
        let calls: Vec<_> = (0..8)
            .map(|_| {
                let address = address.to_owned();
                std::thread::spawn(move || call(&address, "slow", r#"{"seconds": 0.05}"#))
            })
            .collect();
        for answer in calls {
            let answer = answer.join().expect("no panic");
            let (_, rest) = answer.split_once("\"pid\":")?;
            let end = rest.find(|char: char| !char.is_ascii_digit())?;
            seen.insert(rest[..end].to_owned());
        }
        (seen.len() >= wanted).then(|| seen.clone())
    })
}

#[test]
fn processes_of_fork_share_the_address_and_one_that_ends_is_replaced_without_a_refusal() {
    let command = ["serve", "--http", "127.0.0.1:0", "--fork", "2"];
    let mut server = Process::start(&mut example_service(&command));
    let address = address(&server);
    server.says_times(2, ": accepting requests");
    let first = answering(&address, 2);
    for pid in &first {
        signal(pid.parse().expect("it is a number"), "KILL");
        // The address listens all the while; a call waits for the next process.
        let answer = call(&address, "square", r#"{"number": 2}"#);
        assert!(answer.is_empty() || answer.contains("200 OK"), "{answer}");
    }
    server.says_times(4, ": accepting requests");
    let second = answering(&address, 2);
    assert!(
        second.iter().all(|pid| !first.contains(pid)),
        "{first:?} {second:?}"
    );
    server.signal("TERM");
    assert_eq!(server.end().code(), Some(0), "{}", server.log());
    assert!(TcpStream::connect(&address).is_err());
}

#[test]
fn a_shortage_of_files_is_told_once_and_is_over_when_there_are_some() {
    let example = env!("CARGO_BIN_EXE_example");
    let script = format!("ulimit -n 40; exec {example} serve --http 127.0.0.1:0");
    let mut server = Process::start(&mut program("sh", &["-c", &script]));
    let address = address(&server);
    let crowd: Vec<_> = (0..60)
        .map(|_| TcpStream::connect(&address).expect("the system takes it"))
        .collect();
    server.says("accepting connections of HTTP failed; trying again");
    std::thread::sleep(std::time::Duration::from_millis(500));
    assert_eq!(server.count("accepting connections of HTTP failed"), 1);
    drop(crowd);
    let answer = call(&address, "square", r#"{"number": 3}"#);
    assert!(answer.ends_with(r#"{"square":9}"#), "{answer}");
    server.signal("TERM");
    assert_eq!(server.end().code(), Some(0), "{}", server.log());
}

#[test]
fn a_page_that_nobody_has_is_not_found() {
    let (_server, address) = serve_http(&[]);
    let answer = exchange(
        &address,
        "GET /nothing HTTP/1.1\r\nhost: a\r\nconnection: close\r\n\r\n",
    );
    assert!(answer.starts_with("HTTP/1.1 404 "), "{answer}");
}
