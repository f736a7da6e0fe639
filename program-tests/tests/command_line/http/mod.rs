//! Services over HTTP, as processes.

#[allow(dead_code, clippy::unwrap_used)] // It is that of the tests of registries, which use more of it.
#[path = "../../../../soa-registry/tests/consul/agent.rs"]
mod agent;
mod component;
mod crowd;
mod life;
mod registration;
mod town;

use std::io::{Read as _, Write as _};
use std::net::TcpStream;
use std::time::Duration;

use crate::processes::{Process, Redis, example_service, wait_for};

/// The address that a process logs, as `127.0.0.1:8000`.
pub(crate) fn address(process: &Process) -> String {
    let find = || {
        let log = process.log();
        let (_, rest) = log.split_once("http=\"http")?;
        let (_, rest) = rest.split_once("://")?;
        Some(rest.split_once('"')?.0.to_owned())
    };
    wait_for("the address", find)
}

/// Serves HTTP alone, on a free port.
pub(crate) fn serve_http(arguments: &[&str]) -> (Process, String) {
    let mut command = example_service(&["serve", "--http", "127.0.0.1:0"]);
    let process = Process::start(command.args(arguments));
    let address = address(&process);
    (process, address)
}

/// Sends bytes, and reads until the server closes the connection.
pub(crate) fn exchange(address: &str, request: &str) -> String {
    let mut stream = TcpStream::connect(address).expect("the server listens");
    let limit = Some(Duration::from_secs(60));
    stream.set_read_timeout(limit).expect("it can be limited");
    stream.write_all(request.as_bytes()).expect("it is sent");
    let mut answer = Vec::new();
    let _ = stream.read_to_end(&mut answer);
    String::from_utf8_lossy(&answer).into_owned()
}

/// Calls an action by name. Returns the whole answer.
pub(crate) fn call(address: &str, action: &str, body: &str) -> String {
    let length = body.len();
    let request = format!(
        "POST /call/example/{action} HTTP/1.1\r\nhost: {address}\r\ncontent-type: application/json\r\n\
         content-length: {length}\r\nconnection: close\r\n\r\n{body}"
    );
    exchange(address, &request)
}

#[test]
fn http_alone_needs_no_redis_and_tells_its_address() {
    let (mut server, address) = serve_http(&[]);
    let answer = call(&address, "square", r#"{"number": 12}"#);
    assert!(answer.starts_with("HTTP/1.1 200 OK\r\n"), "{answer}");
    assert!(answer.ends_with(r#"{"square":144}"#), "{answer}");
    server.signal("TERM");
    assert_eq!(server.end().code(), Some(0), "{}", server.log());
    let log = server.log();
    assert!(!log.to_lowercase().contains("redis"), "{log}");
    assert!(log.contains("stopped service=\"example\" jobs=1 "), "{log}");
}

#[test]
fn the_queue_is_served_beside_http_where_a_transport_is_given() {
    let redis = Redis::start();
    let redis_address = redis.address();
    let (mut server, address) = serve_http(&["--redis", &redis_address]);
    let call_by_queue = [
        "call",
        "square",
        r#"{"number": 3}"#,
        "--redis",
        &redis_address,
    ];
    let (code, out, error) = crate::processes::run(&call_by_queue);
    assert_eq!(
        (code, out.as_str()),
        (Some(0), "{\"square\": 9}\n"),
        "{error}"
    );
    let answer = call(&address, "square", r#"{"number": 4}"#);
    assert!(answer.ends_with(r#"{"square":16}"#), "{answer}");
    server.signal("TERM");
    assert_eq!(server.end().code(), Some(0), "{}", server.log());
}

#[test]
fn an_address_that_is_taken_ends_the_start_with_its_name() {
    let (_first, address) = serve_http(&[]);
    let (code, _, error) = crate::processes::run(&["serve", "--http", &address]);
    assert_eq!(code, Some(1));
    let told = format!("error: cannot listen on {address} for HTTP: ");
    assert!(error.contains(&told), "{error}");
}
