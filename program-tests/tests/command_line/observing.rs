//! Metrics, traces and logs of a program, as its settings say.

use std::io::{Read as _, Write as _};
use std::net::{Ipv4Addr, TcpListener, TcpStream};
use std::time::{Duration, Instant};

use crate::processes::{Process, Redis, example_service, run, wait_for};

/// The first of several consecutive free ports.
fn free_ports(count: u16) -> u16 {
    wait_for("free ports", || {
        let first = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).ok()?;
        let port = first.local_addr().ok()?.port();
        let mut others = 1..count;
        others
            .all(|more| {
                let next = port.checked_add(more);
                next.is_some_and(|next| TcpListener::bind((Ipv4Addr::LOCALHOST, next)).is_ok())
            })
            .then_some(port)
    })
}

/// The answer to a request line; `None` if nobody listens.
fn asked(port: u16, line: &str) -> Option<String> {
    let mut stream = TcpStream::connect((Ipv4Addr::LOCALHOST, port)).ok()?;
    stream
        .write_all(format!("{line}\r\nhost: a\r\n\r\n").as_bytes())
        .ok()?;
    let mut answer = String::new();
    stream.read_to_string(&mut answer).ok()?;
    Some(answer)
}

fn page(port: u16) -> Option<String> {
    asked(port, "GET /metrics HTTP/1.1").filter(|page| page.starts_with("HTTP/1.1 200 OK\r\n"))
}

fn serve(redis: &Redis, more: &[&str]) -> Process {
    let address = redis.address();
    let mut arguments = vec!["serve", "--redis", &address];
    arguments.extend(more);
    Process::start(&mut example_service(&arguments))
}

/// Calls an action without asking for its types first, so that there is one job.
fn square(redis: &Redis) {
    let (code, _, error) = run(&[
        "call",
        "square",
        "{\"number\": 3}",
        "--raw",
        "--redis",
        &redis.address(),
    ]);
    assert_eq!(code, Some(0), "{error}");
}

#[test]
fn metrics_are_shown_to_prometheus() {
    let redis = Redis::start();
    let port = free_ports(1);
    let server = serve(
        &redis,
        &["--set", &format!("metrics.listen=127.0.0.1:{port}")],
    );
    server.says("accepting requests; interrupt to stop");
    square(&redis);
    let page = wait_for("the page", || page(port));
    for line in [
        "# TYPE server_job_time histogram",
        "# HELP server_queue_wait The time of requests in the queue",
        "server_action_time_count{service=\"example\",action=\"square\"} 1",
        "server_worker_running{service=\"example\"} 1",
        "server_transport_redis_gateway_send_count{service=\"example\"} 1",
    ] {
        assert!(page.contains(line), "no `{line}` in {page}");
    }
    assert!(
        asked(port, "GET / HTTP/1.1")
            .unwrap()
            .starts_with("HTTP/1.1 404 ")
    );
    assert!(
        asked(port, "PUT /metrics HTTP/1.1")
            .unwrap()
            .starts_with("HTTP/1.1 405 ")
    );
}

#[test]
fn each_process_of_a_fork_has_its_own_page_and_the_supervisor_counts_restarts() {
    let redis = Redis::start();
    let port = free_ports(3);
    let listen = format!("metrics.listen=127.0.0.1:{port}");
    let mut server = serve(&redis, &["--fork", "2", "--set", &listen]);
    for number in 1..=2 {
        let running = "server_worker_running{service=\"example\"} 1";
        wait_for("a process", || {
            page(port + number).filter(|page| page.contains(running))
        });
    }
    wait_for("the page of the first", || page(port));
    // One ends by itself.
    let log = server.log();
    let pid = log
        .split("pid=")
        .nth(1)
        .and_then(|rest| rest.split_whitespace().next());
    let mut kill = std::process::Command::new("kill");
    assert!(
        kill.args(["-KILL", pid.unwrap()])
            .status()
            .unwrap()
            .success()
    );
    wait_for("the restart", || {
        page(port).filter(|page| page.contains("server_worker_respawn 1"))
    });
    server.signal("TERM");
    server.end();
}

#[test]
fn an_address_that_is_taken_ends_the_program() {
    let redis = Redis::start();
    let taken = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
    let listen = format!("metrics.listen={}", taken.local_addr().unwrap());
    let (code, _, error) = run(&["serve", "--redis", &redis.address(), "--set", &listen]);
    assert_eq!(code, Some(1));
    assert!(error.contains("`metrics.listen`"), "{error}");
}

#[test]
fn traces_of_two_processes_meet_at_the_collector() {
    let redis = Redis::start();
    let collector = crate::receiver::Collector::start();
    let endpoint = format!("tracing.endpoint={}", collector.endpoint());
    let traced = ["--set", &endpoint, "--set", "tracing.sample=1"];
    let resource = [
        "--set",
        "tracing.resource.\"deployment.environment.name\"=test",
    ];
    let server = serve(&redis, &[&traced[..], &resource].concat());
    server.says("accepting requests; interrupt to stop");
    let address = redis.address();
    let call = [
        "call",
        "square",
        "{\"number\": 3}",
        "--raw",
        "--redis",
        &address,
    ];
    let (code, _, error) = run(&[&call[..], &traced].concat());
    assert_eq!(code, Some(0), "{error}");
    // The call sends its span at its end, the server does at its interval.
    let (call, job) = collector.wait_for(|spans| {
        let of_kind = |kind| spans.iter().find(|received| received.span.kind == kind);
        Some((of_kind(3)?.clone(), of_kind(2)?.clone()))
    });
    assert_eq!(call.span.trace_id, job.span.trace_id);
    assert_eq!(job.span.parent_span_id, call.span.span_id);
    assert_eq!(call.attribute("rpc.method").as_deref(), Some("square"));
    assert_ne!(
        call.of_process("service.instance.id"),
        job.of_process("service.instance.id")
    );
    assert_eq!(
        job.of_process("deployment.environment.name").as_deref(),
        Some("test")
    );
}

#[test]
fn a_collector_that_does_not_answer_neither_slows_calls_nor_delays_the_end() {
    let redis = Redis::start();
    // It accepts connections and never answers.
    let dead = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
    let endpoint = format!("tracing.endpoint=http://{}", dead.local_addr().unwrap());
    let traced = [
        "--set",
        &endpoint,
        "--set",
        "tracing.sample=1",
        "--set",
        "tracing.timeout=1s",
    ];
    let mut server = serve(&redis, &traced);
    server.says("accepting requests; interrupt to stop");
    for _ in 0..3 {
        square(&redis);
    }
    server.says("exporting traces failed");
    server.says("the collector did not respond within 1s");
    square(&redis);
    server.signal("TERM");
    let since = Instant::now();
    assert!(server.end().success(), "{}", server.log());
    assert!(since.elapsed() < Duration::from_secs(30));
}

#[test]
fn a_line_of_the_log_within_a_job_has_its_correlation_id() {
    let redis = Redis::start();
    let server = serve(&redis, &["--set", "logging.format=json"]);
    server.says("accepting requests; interrupt to stop");
    let address = redis.address();
    let call = [
        "call",
        "boom",
        "{}",
        "--redis",
        &address,
        "--context",
        "correlation_id=abc",
    ];
    let (code, ..) = run(&call);
    assert_eq!(code, Some(1));
    let line = wait_for("the line", || {
        let log = server.log();
        log.lines()
            .find(|line| line.contains("a handler panicked"))
            .map(str::to_owned)
    });
    let line: serde_json::Value = serde_json::from_str(&line).unwrap();
    assert_eq!(line["level"], "ERROR", "{line}");
    assert_eq!(line["span"]["correlation_id"], "abc", "{line}");
    assert_eq!(line["span"]["action"], "boom", "{line}");
}

#[test]
fn a_log_alone_makes_no_traces() {
    let redis = Redis::start();
    let server = serve(&redis, &["--set", "logging.level=debug"]);
    server.says("accepting requests; interrupt to stop");
    let (code, told, error) = run(&["call", "get_context", "--redis", &redis.address()]);
    assert_eq!(code, Some(0), "{error}");
    assert!(
        told.contains("correlation_id") && !told.contains("traceparent"),
        "{told}"
    );
}

#[test]
fn an_invalid_url_is_a_mistake_in_the_settings() {
    let set = ["--set", "tracing.endpoint=collector:4318"];
    let (code, _, error) = run(&[&["serve", "--redis", "127.0.0.1:1"][..], &set].concat());
    assert_eq!(code, Some(3));
    assert!(
        error.contains("--set: `tracing.endpoint`: expected a URL"),
        "{error}"
    );
}
