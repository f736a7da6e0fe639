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

/// The arguments that give each component an address.
pub(crate) const APART: [&str; 5] = [
    "serve",
    "--http",
    "127.0.0.1:0",
    "--set",
    "server.http.components.shop.address=127.0.0.1:0",
];

#[test]
fn a_component_is_served_at_an_address_of_its_own_also_by_several_processes() {
    for further in [&[][..], &["--fork", "2"]] {
        let mut server = Process::start(&mut town(&[&APART, further].concat()));
        let both = address(&server);
        let (rest, shop) = both.split_once(", http://").expect("two addresses");
        assert!(get(rest, "/health").starts_with("HTTP/1.1 200 OK"));
        assert!(get(shop, "/shop/health").starts_with("HTTP/1.1 200 OK"));
        assert!(get(rest, "/shop/health").starts_with("HTTP/1.1 404 "));
        let order = "POST /call/orders/order HTTP/1.1\r\nhost: a\r\nconnection: close\r\n\
                     content-length: 0\r\n\r\n";
        let answer = exchange(shop, order);
        assert!(answer.contains(r#""title":"Emma""#), "{answer}");
        let answer = exchange(rest, order);
        assert!(answer.starts_with("HTTP/1.1 404 "), "{answer}");
        let report = get(shop, "/report");
        assert!(report.contains(&format!("rest(http://{shop})")), "{report}");
        server.signal("TERM");
        assert_eq!(server.end().code(), Some(0), "{}", server.log());
    }
}

#[test]
fn an_address_without_a_component_and_a_component_without_an_address_are_refused() {
    let set = |key: &str| format!("server.http.components.{key}.address=127.0.0.1:0");
    let (shop, library, other) = (set("shop"), set("library"), set("shops"));
    for (arguments, told) in [
        (
            &["--http", "127.0.0.1:0", "--set", &shop, "--set", &library][..],
            "`server.http.address`: every component has an address of its own",
        ),
        (
            &["--set", &shop],
            "the component `library` has no address: set `server.http.address`",
        ),
        (
            &["--http", "127.0.0.1:0", "--set", &other],
            "`server.http.components.shops`: there is no such component here; the components are `library` and `shop`",
        ),
    ] {
        let mut server = Process::start(&mut town(&[&["serve"], arguments].concat()));
        assert_eq!(server.end().code(), Some(2), "{}", server.log());
        assert!(server.log().contains(told), "{told}: {}", server.log());
    }
    // All of them apart need no address for the rest.
    let arguments = ["serve", "--set", &shop, "--set", &library];
    let mut server = Process::start(&mut town(&arguments));
    server.says_times(2, "accepting requests");
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

/// Lines of the hooks, in their order.
fn hooks(process: &Process) -> Vec<String> {
    let log = process.log();
    let lines = log.lines().filter_map(|line| {
        let (_, told) = line.split_once("the ")?;
        let is_hook = told.ends_with(" opens") || told.ends_with(" closes");
        is_hook.then(|| told.to_owned())
    });
    lines.collect()
}
