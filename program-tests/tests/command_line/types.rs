//! The types of the wire on the command line: written and read as text.

use std::process::Command;

use super::processes::{Process, Redis, outcome};

fn shop(arguments: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_shop"));
    command.args(arguments);
    command
}

fn run(arguments: &[&str]) -> (Option<i32>, String, String) {
    outcome(&shop(arguments).output().expect("the binary starts"))
}

const ORDER: &str = r#"{"price": "12.30", "day": "2026-11-21", "at": "08:30:00.000001", "local": "2026-11-21T08:30:00", "moment": "2026-11-21T08:30:00+00:00", "total": "USD 1230", "photo": "AP/+", "pieces": {"7": 2}, "parts": []}"#;

#[test]
fn what_a_call_prints_can_be_sent_again() {
    let redis = Redis::start();
    let address = redis.address();
    let server = Process::start(&mut shop(&["serve", "--redis", &address]));
    server.says(": accepting requests");
    for place in [&["--redis", &address][..], &["--local"]] {
        let (code, out, error) = run(&[&["call", "order", ORDER], place].concat());
        assert_eq!((code, out.trim_end()), (Some(0), ORDER), "{error}");
        // Numbers keep their digits, and a zone is part of the moment.
        let body = r#"{"price": 1.10, "moment": "2026-11-21T10:30:00+02:00", "pieces": {"7": 2}}"#;
        let (code, out, error) = run(&[&["call", "order", body], place].concat());
        let expected =
            r#"{"price": "1.10", "moment": "2026-11-21T08:30:00+00:00", "pieces": {"7": 2}}"#;
        assert_eq!((code, out.trim_end()), (Some(0), expected), "{error}");
        // The types are those of the variant that the switches select.
        let body = r#"{"day": "2026-02-30"}"#;
        let (code, out, _) = run(&[&["call", "day", body], place].concat());
        assert_eq!((code, out.trim_end()), (Some(0), body));
        let (code, _, error) = run(&[&["call", "day", body, "--switch", "5"], place].concat());
        assert_eq!(code, Some(2), "{error}");
    }
}

#[test]
fn types_inside_of_themselves_are_read_in_this_process() {
    let body = r#"{"price": "1", "parts": [{"price": "2.50", "parts": [{"price": "3.0"}]}]}"#;
    let (code, out, error) = run(&["call", "order", body, "--local"]);
    assert_eq!((code, out.trim_end()), (Some(0), body), "{error}");
}

#[test]
fn all_texts_of_a_wrong_form_are_reported_at_once() {
    let redis = Redis::start();
    let address = redis.address();
    let server = Process::start(&mut shop(&["serve", "--redis", &address]));
    server.says(": accepting requests");
    let body = r#"{"price": "much", "day": 7, "pieces": {"x": 1}}"#;
    let expected = r#"error: the body does not fit the action's types:
`price`: expected a decimal number such as "12.30", found "much"
`day`: expected a date such as "2026-11-21", found the number 7
`pieces.x`: expected a key that is an integer, found "x"
"#;
    for place in [&["--redis", &address][..], &["--local"]] {
        let (code, _, error) = run(&[&["call", "order", body], place].concat());
        assert_eq!((code, error.as_str()), (Some(2), expected));
        // Unread, it is up to the service.
        let (code, _, error) = run(&[&["call", "order", body, "--raw"], place].concat());
        assert_eq!(code, Some(1), "{error}");
        assert!(
            error.contains("INVALID at `price`: Not a decimal"),
            "{error}"
        );
    }
    // An action that the service does not have is an error of the service.
    let (code, _, error) = run(&["call", "odrer", body, "--redis", &address]);
    assert_eq!(code, Some(1), "{error}");
    assert!(
        error.contains("UNKNOWN") && !error.contains("does not tell"),
        "{error}"
    );
}

#[test]
fn a_text_in_the_context_does_not_become_a_number() {
    let context = |arguments: &[&str]| run(&[&["call", "context", "--local"], arguments].concat());
    let (code, _, error) = context(&["--context", "version=1.10"]);
    assert_eq!(code, Some(2));
    assert_eq!(
        error,
        "error: `--context version=1.10` would become 1.1: write `--context-text version=1.10` for text, or `--context \
         version=1.1` for the number\n"
    );
    let (code, out, error) = context(&["--context-text", "version=1.10"]);
    assert_eq!(code, Some(0), "{error}");
    assert!(out.contains(r#""version": "1.10""#), "{out}");
    let (_, out, _) = context(&["--context", "version=7"]);
    assert!(out.contains(r#""version": 7"#), "{out}");
    // The framework knows that this is text.
    let (code, out, error) = context(&["--context", "correlation_id=1.10"]);
    assert_eq!(code, Some(0), "{error}");
    assert!(out.contains(r#""correlation_id": "text""#), "{out}");
    let (_, help, _) = run(&["call", "--help"]);
    assert!(
        help.contains("--context-text") && help.contains("2026-11-21T08:30:00+00:00"),
        "{help}"
    );
}

#[test]
fn services_that_are_called_and_have_no_route_are_told_at_the_start() {
    let redis = Redis::start();
    let address = redis.address();
    // A variable has no dashes. Its route is the one to `user-accounts`.
    let mut command = shop(&["serve", "--redis", &address]);
    let command = command.env("SOA__CLIENT_ROUTING__USER_ACCOUNTS__TIMEOUT", "2s");
    let server = Process::start(command);
    server.says(": accepting requests");
    let log = server.log();
    let warnings = log.lines().filter(|line| line.contains("has no route"));
    let warnings: Vec<&str> = warnings.collect();
    assert_eq!(warnings.len(), 2, "{log}");
    for (line, setting) in [
        (warnings[0], "client_routing.stock"),
        (warnings[1], r#"client_routing."price.list""#),
    ] {
        let line = line.replace('\\', "");
        assert!(line.contains("WARN") && line.contains(setting), "{line}");
    }
    let (_, out, _) = run(&["introspect"]);
    assert!(
        out.contains("\n  this service calls stock, user-accounts, price.list\n"),
        "{out}"
    );
}
