//! Components that a registry knows: a real agent of Consul.

use std::time::Duration;

use super::agent::{Agent, free_port};
use super::town::{APART, get, town};
use crate::http::{address, call, exchange, serve_http};
use crate::processes::{Process, run, signal, wait_for};

/// The ids of the instances that the agent knows, and the list of their channels.
fn instances(agent: &Agent) -> Vec<(String, String)> {
    let services = agent.ask("GET", "/v1/agent/services", "");
    let services: serde_json::Value = serde_json::from_str(&services).expect("it is JSON");
    let services = services.as_object().expect("it is a map");
    let told = services.iter().map(|(id, service)| {
        let channels = service["Meta"]["channels"].as_str();
        (id.clone(), channels.unwrap_or_default().to_owned())
    });
    told.collect()
}

fn has_instances(agent: &Agent, count: usize) -> Vec<(String, String)> {
    wait_for("the instances", || {
        let known = instances(agent);
        (known.len() == count).then_some(known)
    })
}

#[test]
fn a_component_is_known_while_it_can_be_called_and_unknown_before_it_stops() {
    let agent = Agent::start();
    let (mut server, address) = serve_http(&[
        "--registry",
        &agent.url(),
        "--set",
        "server.http.drain_delay=10m",
        "--set",
        "server.registry.check_interval=1s",
    ]);
    let known = has_instances(&agent, 1);
    assert_eq!(known[0].0, format!("{address}:example"));
    let channels = known[0].1.split(',').take(2).collect::<Vec<_>>().join(",");
    assert_eq!(
        channels,
        format!("dispatch-json(http://{address}),dispatch-msgpack(http://{address})")
    );
    // Its check of the health passes.
    wait_for("the check", || {
        let checks = agent.ask("GET", "/v1/agent/checks", "");
        checks.contains("\"passing\"").then_some(())
    });
    server.signal("TERM");
    has_instances(&agent, 0);
    // It serves on meanwhile.
    let answer = call(&address, "square", r#"{"number": 12}"#);
    assert!(answer.ends_with(r#"{"square":144}"#), "{answer}");
    assert!(get(&address, "/readyz").starts_with("HTTP/1.1 503 "));
    let kept_alive = exchange(&address, "GET /livez HTTP/1.1\r\nhost: a\r\n\r\n");
    assert!(kept_alive.contains("connection: close"), "{kept_alive}");
    server.signal("TERM");
    assert_eq!(server.end().code(), Some(4), "{}", server.log());
}

#[test]
fn with_a_registry_requests_are_taken_for_two_seconds_after_the_signal() {
    let agent = Agent::start();
    let (mut server, _) = serve_http(&["--registry", &agent.url()]);
    has_instances(&agent, 1);
    let since = std::time::Instant::now();
    server.signal("TERM");
    assert_eq!(server.end().code(), Some(0), "{}", server.log());
    assert!(since.elapsed() >= Duration::from_secs(2));
    has_instances(&agent, 0);
}

#[test]
fn a_registry_that_is_away_holds_up_nothing_and_is_told_once() {
    let port = free_port();
    let url = format!("consul://127.0.0.1:{port}");
    let (server, address) = serve_http(&["--registry", &url]);
    server.says("cannot be registered");
    let ready = wait_for("the note", || {
        let ready = get(&address, "/readyz");
        ready.contains("notes").then_some(ready)
    });
    assert!(ready.starts_with("HTTP/1.1 200 OK"), "{ready}");
    assert!(ready.contains(&url), "{ready}");
    assert!(get(&address, "/health").starts_with("HTTP/1.1 200 OK"));
    let status = get(&address, "/call/example/status");
    assert!(
        status.contains(&format!("cannot be registered at {url}")),
        "{status}"
    );
    let answer = call(&address, "square", r#"{"number": 12}"#);
    assert!(answer.ends_with(r#"{"square":144}"#), "{answer}");

    let agent = Agent::start_at(port);
    has_instances(&agent, 1);
    wait_for("the end of the note", || {
        (!get(&address, "/readyz").contains("notes")).then_some(())
    });
    assert_eq!(server.count("WARN"), 1, "{}", server.log());
}

#[test]
fn each_process_of_fork_tells_that_the_registry_of_their_parent_is_away() {
    let port = free_port();
    let url = format!("consul://127.0.0.1:{port}");
    let (mut server, address) = serve_http(&["--fork", "2", "--registry", &url]);
    // Whichever process answers.
    let all = |path: &str, text: &str| (0..10).all(|_| get(&address, path).contains(text));
    let away = format!("cannot be registered at {url}");
    wait_for("the note", || all("/readyz", &away).then_some(()));
    assert!(all("/call/example/status", &away));
    let agent = Agent::start_at(port);
    has_instances(&agent, 1);
    wait_for("the end of the note", || {
        let told = (0..10).any(|_| get(&address, "/readyz").contains("notes"));
        (!told).then_some(())
    });
    assert!(!all("/call/example/status", &away));
    server.signal("TERM");
    assert_eq!(server.end().code(), Some(0), "{}", server.log());
}

#[test]
fn one_registration_stands_for_all_processes_of_fork() {
    let agent = Agent::start();
    let arguments = ["--fork", "2", "--registry", &agent.url()];
    let (mut server, address) = serve_http(&arguments);
    let known = has_instances(&agent, 1);
    assert_eq!(known[0].0, format!("{address}:example"));
    let log = server.log();
    let (_, pid) = log
        .split_once("process started worker=1 pid=")
        .expect("a child");
    let pid: String = pid.chars().take_while(char::is_ascii_digit).collect();
    signal(pid.parse().expect("a number"), "KILL");
    server.says_times(3, "process started");
    server.says_times(3, ": accepting requests");
    assert_eq!(instances(&agent), known);
    server.signal("TERM");
    has_instances(&agent, 0);
    assert_eq!(server.end().code(), Some(0), "{}", server.log());
    assert_eq!(server.count("is registered at"), 1, "{}", server.log());
}

#[test]
fn every_component_of_a_program_is_registered_by_the_address_that_is_advertised() {
    let agent = Agent::start();
    let arguments = [
        "serve",
        "--http",
        "0.0.0.0:0",
        "--set",
        "server.http.advertised_address=127.0.0.1",
        "--registry",
        &agent.url(),
    ];
    let mut server = Process::start(&mut town(&arguments));
    let bound = address(&server);
    let (_, port) = bound.rsplit_once(':').expect("a port");
    let known = has_instances(&agent, 2);
    let ids: Vec<&str> = known.iter().map(|(id, _)| id.as_str()).collect();
    let id = |name: &str| format!("127.0.0.1:{port}:{name}");
    assert_eq!(ids, [id("library"), id("shop")]);
    let report = get(&format!("127.0.0.1:{port}"), "/report");
    assert!(
        report.contains(&format!("rest(http://127.0.0.1:{port})")),
        "{report}"
    );
    server.signal("TERM");
    assert_eq!(server.end().code(), Some(0), "{}", server.log());
    has_instances(&agent, 0);
}

#[test]
fn a_component_apart_is_registered_by_its_own_address() {
    let agent = Agent::start();
    let url = agent.url();
    let arguments = [&APART[..], &["--registry", &url]].concat();
    let mut server = Process::start(&mut town(&arguments));
    let both = address(&server);
    let (rest, shop) = both.split_once(", http://").expect("two addresses");
    let known = has_instances(&agent, 2);
    let mut ids: Vec<&str> = known.iter().map(|(id, _)| id.as_str()).collect();
    ids.sort_by_key(|id| id.ends_with("shop"));
    assert_eq!(ids, [format!("{rest}:library"), format!("{shop}:shop")]);
    server.signal("TERM");
    assert_eq!(server.end().code(), Some(0), "{}", server.log());
    has_instances(&agent, 0);
}

#[test]
fn a_registry_needs_http() {
    for fork in ["1", "2"] {
        let arguments = [
            "serve",
            "--registry",
            "consul://127.0.0.1:8500",
            "--fork",
            fork,
        ];
        let (code, _, error) = run(&arguments);
        assert_eq!(code, Some(2));
        assert!(error.starts_with("error: a registry needs HTTP"), "{error}");
        assert_eq!(error.lines().count(), 1, "{error}");
    }
    let (code, _, error) = run(&["serve", "--http", "127.0.0.1:0", "--registry", "zoo://a"]);
    assert_eq!(code, Some(3));
    assert!(error.contains("server.registry"), "{error}");
}
