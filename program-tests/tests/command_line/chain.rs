//! Deadlines that are passed along a chain of three services, each a process of its own.

use crate::processes::{Process, Redis, caller, run_unruly, unruly};

/// A service of the chain, with routes to the others.
fn member(redis: &Redis, name: &str) -> Process {
    let address = redis.address();
    let arguments = ["serve", "--name", name, "--redis", &address];
    let routes = ["--set", r#"client_routing={"middle": {}, "last": {}}"#];
    let server = Process::start(unruly(&arguments).args(routes));
    server.says(": accepting requests");
    server
}

#[test]
fn the_time_that_is_left_flows_down_a_chain_of_three_processes() {
    let redis = Redis::start();
    let _chain = ["unruly", "middle", "last"].map(|name| member(&redis, name));
    let address = redis.address();
    let body = r#"{"through": ["middle", "last"], "milliseconds": 0}"#;
    let call = ["call", "relay", body, "--timeout", "30s"];
    let (code, out, error) = run_unruly(&[&call[..], &["--redis", &address]].concat());
    assert_eq!(code, Some(0), "{error}");
    let told: serde_json::Value = serde_json::from_str(&out).expect("it is JSON");
    let left = told["left"].as_array().expect("it is a list").iter();
    let left: Vec<u64> = left
        .map(|left| left.as_u64().expect("it is a time"))
        .collect();
    // In the order of the chain, in milliseconds.
    assert_eq!(left.len(), 3, "{out}");
    assert!(left.is_sorted_by(|one, next| one >= next), "{left:?}");
    assert!(
        left.iter().all(|left| (1..=30_000).contains(left)),
        "{left:?}"
    );
}

#[test]
fn a_variable_names_the_route_of_a_service_with_a_dash_in_its_name() {
    let redis = Redis::start();
    let address = redis.address();
    let accounts = ["serve", "--name", "user-accounts", "--redis", &address];
    let accounts = Process::start(&mut unruly(&accounts));
    let mut caller = unruly(&["serve", "--redis", &address]);
    caller.env("SOA__CLIENT_ROUTING__USER_ACCOUNTS__TIMEOUT", "40s");
    let caller = Process::start(&mut caller);
    for server in [&accounts, &caller] {
        server.says(": accepting requests");
    }
    let body = r#"{"through": ["user-accounts"], "milliseconds": 0}"#;
    let call = ["call", "relay", body, "--timeout", "50s"];
    let (code, _, error) = run_unruly(&[&call[..], &["--redis", &address]].concat());
    assert_eq!(code, Some(0), "{error}");
    caller.says("found the route that a variable has named");
}

/// A service with one place for jobs, and a route to itself.
fn lonely(redis: &Redis, route: &str) -> Process {
    let address = redis.address();
    let arguments = ["serve", "--redis", &address, "--concurrency", "1", "--set"];
    let mut command = unruly(&arguments);
    command.arg(format!("client_routing.unruly={route}"));
    let server = Process::start(command.args(["--set", "server.tell_internal_errors=true"]));
    server.says(": accepting requests");
    server
}

#[test]
fn a_service_that_calls_itself_with_all_places_taken_is_told_why_it_waits() {
    let redis = Redis::start();
    let _server = lonely(&redis, r#"{"timeout": "300ms"}"#);
    let address = redis.address();
    let body = r#"{"through": ["unruly"], "milliseconds": 0}"#;
    let call = ["call", "relay", body, "--timeout", "60s"];
    let (code, _, error) = run_unruly(&[&call[..], &["--redis", &address]].concat());
    assert_eq!(code, Some(1));
    let told = "no response from service `unruly` within 300ms; likely cause: a handler of the same service waits for it, \
                and all places for jobs of this process are taken (`server.concurrency` is 1): call the action with \
                `Context::call_local`, or raise the setting";
    assert!(error.contains(told), "{error}");
}

#[test]
fn a_service_that_calls_itself_until_its_own_deadline_leaves_the_likely_cause_in_the_log() {
    let redis = Redis::start();
    let server = lonely(&redis, "{}");
    let address = redis.address();
    let body = r#"{"through": ["unruly"], "milliseconds": 0}"#;
    let call = ["call", "relay", body, "--timeout", "500ms"];
    let (code, _, _) = run_unruly(&[&call[..], &["--redis", &address]].concat());
    assert_eq!(code, Some(1));
    server.says("all places for jobs of this process are taken");
}

#[test]
fn at_the_deadline_of_the_first_caller_all_processes_of_a_chain_give_up() {
    let redis = Redis::start();
    let chain = ["unruly", "middle", "last"].map(|name| member(&redis, name));
    let address = redis.address();
    let body = r#"{"through": ["middle", "last"], "milliseconds": 600000}"#;
    let call = [
        "call",
        "relay",
        body,
        "--timeout",
        "2s",
        "--redis",
        &address,
    ];
    let mut first = Process::start(&mut unruly(&call));
    assert_eq!(first.end().code(), Some(1), "{}", first.log());
    for server in &chain {
        server.says("a relay is over");
    }
    // All of them live on.
    let body = r#"{"through": ["middle", "last"], "milliseconds": 0}"#;
    let mut next = caller("relay", body, &address);
    assert_eq!(next.end().code(), Some(0), "{}", next.log());
}

#[test]
fn the_rest_of_a_chain_can_be_a_stub_from_the_settings() {
    let redis = Redis::start();
    let address = redis.address();
    let arguments = ["serve", "--redis", &address];
    let stub = "client_routing.middle.transport.stub.actions.relay.body.left=[8, 7]";
    let server = Process::start(unruly(&arguments).args(["--set", stub]));
    server.says(
        "calls are answered by a stub from the settings, not by the service service=\"middle\"",
    );
    server.says(": accepting requests");
    let body = r#"{"through": ["middle", "last"], "milliseconds": 0}"#;
    let (code, out, error) = run_unruly(&["call", "relay", body, "--redis", &address]);
    assert_eq!(code, Some(0), "{error}");
    let told: serde_json::Value = serde_json::from_str(&out).expect("it is JSON");
    let left = told["left"].as_array().expect("it is a list");
    assert_eq!(left[1..], [8, 7]);
}
