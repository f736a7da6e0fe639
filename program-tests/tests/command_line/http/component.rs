//! A program of several services.

use std::process::Command;

use crate::http::{address, exchange};
use crate::processes::{Process, Redis, outcome, program};

fn library(arguments: &[&str]) -> Command {
    program(env!("CARGO_BIN_EXE_library"), arguments)
}

fn run(arguments: &[&str]) -> (Option<i32>, String, String) {
    outcome(&library(arguments).output().expect("the binary starts"))
}

#[test]
fn all_services_of_a_component_are_served_over_http_and_from_their_queues() {
    let redis = Redis::start();
    let redis_address = redis.address();
    let arguments = ["serve", "--http", "127.0.0.1:0", "--redis", &redis_address];
    let mut server = Process::start(&mut library(&arguments));
    let address = address(&server);
    server.says_times(2, "accepting requests");
    let get = |path: &str| {
        let head = format!("GET {path} HTTP/1.1\r\nhost: a\r\nconnection: close\r\n\r\n");
        exchange(&address, &head)
    };
    let post = |path: &str, body: &str| {
        let length = body.len();
        let head = format!(
            "POST {path} HTTP/1.1\r\nhost: a\r\nconnection: close\r\ncontent-length: {length}\r\n\r\n{body}"
        );
        exchange(&address, &head)
    };
    let answer = post("/call/books/find", r#"{"title": "Emma"}"#);
    assert!(answer.ends_with(r#"{"title":"Emma"}"#), "{answer}");
    let answer = post("/call/readers/count", "");
    assert!(answer.ends_with(r#"{"readers":7}"#), "{answer}");
    // A page of the program's own.
    assert!(get("/").ends_with("The library is open."), "{}", get("/"));

    let with_redis = |arguments: &[&str]| run(&[arguments, &["--redis", &redis_address]].concat());
    let (code, out, error) = with_redis(&["call", "readers.count"]);
    assert_eq!(
        (code, out.as_str()),
        (Some(0), "{\"readers\": 7}\n"),
        "{error}"
    );
    let (code, out, error) =
        with_redis(&["call", "find", r#"{"title": "Emma"}"#, "--service", "books"]);
    assert_eq!(
        (code, out.as_str()),
        (Some(0), "{\"title\": \"Emma\"}\n"),
        "{error}"
    );
    let (code, out, error) = with_redis(&["status", "readers"]);
    assert_eq!(code, Some(0), "{error}");
    assert!(out.starts_with("readers 2.0.0\n"), "{out}");
    server.signal("TERM");
    assert_eq!(server.end().code(), Some(0), "{}", server.log());
    assert!(
        server.log().contains("stopped service=\"library\" jobs="),
        "{}",
        server.log()
    );
}

#[test]
fn commands_of_a_component_take_the_service_with_the_action() {
    let (code, out, error) = run(&["introspect"]);
    assert_eq!(code, Some(0), "{error}");
    for told in ["books 1.0.0", "Lends books.", "readers 2.0.0", "count"] {
        assert!(out.contains(told), "{told}: {out}");
    }
    let (_, out, _) = run(&["introspect", "books"]);
    assert!(out.contains("find") && !out.contains("readers"), "{out}");
    let (_, out, _) = run(&["introspect", "readers.count"]);
    assert!(
        out.contains("Counts the readers.") && !out.contains("status"),
        "{out}"
    );
    let (_, out, _) = run(&["introspect", "--json"]);
    let told: serde_json::Value = serde_json::from_str(&out).expect("it is JSON");
    assert_eq!(told["books"]["documentation"], "Lends books.");
    let (code, out, error) = run(&["call", "readers.count", "--local"]);
    assert_eq!(
        (code, out.as_str()),
        (Some(0), "{\"readers\": 7}\n"),
        "{error}"
    );
    for (command, told) in [
        (
            &["call", "count"][..],
            "write SERVICE.ACTION, or add `--service NAME`",
        ),
        (
            &["call", "count", "--local"],
            "the services are `books` and `readers`",
        ),
        (&["call", "books", "--local"], "which action of `books`?"),
        (&["status"], "write `status SERVICE`"),
        (
            &["introspect", "nobody"],
            "the services are `books` and `readers`",
        ),
        (
            &["serve", "--name", "other", "--http", "127.0.0.1:0"],
            "for a program of one service",
        ),
    ] {
        let (code, _, error) = run(command);
        assert_eq!(code, Some(2), "{error}");
        assert!(error.contains(told), "{told}: {error}");
    }
    let (_, out, _) = run(&["call", "--help"]);
    assert!(out.contains("<SERVICE.ACTION>"), "{out}");
}
