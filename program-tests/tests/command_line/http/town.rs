//! A program of several components.

use std::process::Command;

use crate::http::{address, exchange};
use crate::processes::{Process, Redis, outcome, program};

pub(crate) fn town(arguments: &[&str]) -> Command {
    program(env!("CARGO_BIN_EXE_town"), arguments)
}

pub(crate) fn get(address: &str, path: &str) -> String {
    let head = format!("GET {path} HTTP/1.1\r\nhost: a\r\nconnection: close\r\n\r\n");
    exchange(address, &head)
}

#[test]
fn components_of_one_program_call_each_other_in_process_without_a_route() {
    let redis = Redis::start();
    let arguments = [
        "serve",
        "--http",
        "127.0.0.1:0",
        "--redis",
        &redis.address(),
    ];
    let mut server = Process::start(&mut town(&arguments));
    let address = address(&server);
    server.says_times(2, "accepting requests");
    let request = "POST /call/orders/order HTTP/1.1\r\nhost: a\r\nx-soa-timeout: 30\r\nconnection: close\r\n\
                   content-length: 0\r\n\r\n";
    let answer = exchange(&address, request);
    assert!(
        answer.contains(r#""title":"Emma","caller":"orders""#),
        "{answer}"
    );
    // The queue has them, too.
    let call = ["call", "orders.order", "--redis", &redis.address()];
    let (code, out, error) = outcome(&town(&call).output().expect("the binary starts"));
    assert_eq!(code, Some(0), "{error}");
    assert!(out.contains("\"caller\": \"orders\""), "{out}");
    server.signal("TERM");
    assert_eq!(server.end().code(), Some(0), "{}", server.log());
}

#[test]
fn components_are_started_in_their_order_and_stopped_in_reverse() {
    let mut server = Process::start(&mut town(&["serve", "--http", "127.0.0.1:0"]));
    let address = address(&server);
    server.says("clients of Aspyx cannot call an action of this name");
    assert_eq!(server.count("WARN"), 1, "{}", server.log());
    let report = get(&address, "/report");
    assert_eq!(report.matches("\tstate: running\n").count(), 2, "{report}");
    let told = format!("dispatch-json(http://{address})");
    assert_eq!(report.matches(&told).count(), 2, "{report}");
    for path in ["/health", "/shop/health"] {
        assert!(get(&address, path).starts_with("HTTP/1.1 200 OK"), "{path}");
    }
    server.signal("TERM");
    assert_eq!(server.end().code(), Some(0), "{}", server.log());
    assert_eq!(
        hooks(&server),
        [
            "library opens",
            "shop opens",
            "shop closes",
            "library closes"
        ]
    );
}

#[test]
fn a_component_that_cannot_start_undoes_what_was_started() {
    let arguments = [
        "serve",
        "--http",
        "127.0.0.1:0",
        "--set",
        "service.fails=true",
    ];
    let mut server = Process::start(&mut town(&arguments));
    assert_eq!(server.end().code(), Some(1));
    let log = server.log();
    let told =
        "error: the component `shop` cannot start: a startup hook failed: there is nothing to sell";
    assert!(log.contains(told), "{log}");
    assert_eq!(
        hooks(&server),
        [
            "library opens",
            "shop opens",
            "shop closes",
            "library closes"
        ]
    );
}

/// What the hooks have told, in its order.
fn hooks(process: &Process) -> Vec<String> {
    let log = process.log();
    let lines = log.lines().filter_map(|line| {
        let (_, told) = line.split_once("the ")?;
        let is_hook = told.ends_with(" opens") || told.ends_with(" closes");
        is_hook.then(|| told.to_owned())
    });
    lines.collect()
}
