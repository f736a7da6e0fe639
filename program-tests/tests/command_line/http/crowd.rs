//! Many connections at once. The server is a process, this test is the other.

use std::net::TcpStream;
use std::time::{Duration, Instant};

use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};

use crate::http::{call, serve_http};
use crate::processes::Process;

const IDLE_CONNECTIONS: usize = 10_000;

/// Most of what an idle connection takes.
const KILOBYTES_PER_CONNECTION: usize = 32;

/// Raises the limit of open files, which children inherit. A limit that cannot be raised is a failure: nothing is skipped.
fn raise_file_limit() {
    let wanted = u64::try_from(IDLE_CONNECTIONS + 1000).expect("it is small");
    let limit = getrlimit(Resource::Nofile);
    if limit.current.is_none_or(|current| current >= wanted) {
        return;
    }
    let maximum = limit.maximum.map(|most| most.max(wanted));
    let raised = Rlimit {
        current: Some(wanted),
        maximum,
    };
    let outcome = setrlimit(Resource::Nofile, raised);
    assert!(
        outcome.is_ok(),
        "this test needs {wanted} open files, and the limit is {limit:?}: raise it with `ulimit -Hn {wanted}`"
    );
}

/// Kilobytes of memory of a process.
fn memory(process: &Process) -> usize {
    let file = format!("/proc/{}/status", process.pid());
    let status = std::fs::read_to_string(file).expect("it runs");
    let line = status.lines().find(|line| line.starts_with("VmRSS:"));
    let number = line.and_then(|line| line.split_whitespace().nth(1));
    number
        .and_then(|number| number.parse().ok())
        .expect("it is told")
}

#[test]
fn ten_thousand_idle_connections_take_little_and_others_are_served() {
    raise_file_limit();
    let (mut server, address) = serve_http(&[]);
    let answer = call(&address, "square", r#"{"number": 5}"#);
    assert!(answer.ends_with(r#"{"square":25}"#), "{answer}");
    let before = memory(&server);
    let crowd: Vec<_> = (0..IDLE_CONNECTIONS)
        .map(|_| TcpStream::connect(&address).expect("the server takes it"))
        .collect();
    let answer = call(&address, "square", r#"{"number": 6}"#);
    assert!(answer.ends_with(r#"{"square":36}"#), "{answer}");
    let taken = memory(&server).saturating_sub(before);
    let most = IDLE_CONNECTIONS * KILOBYTES_PER_CONNECTION;
    assert!(taken < most, "{taken} kB");
    // They do not hold up the stop.
    let since = Instant::now();
    server.signal("TERM");
    assert_eq!(server.end().code(), Some(0), "{}", server.log());
    assert!(since.elapsed() < Duration::from_secs(25));
    drop(crowd);
}
