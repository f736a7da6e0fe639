//! Every command where something is missing: an address, a Redis, services, rights. Each says what is wrong and what to do.

use std::collections::BTreeSet;

use soa::value;

use crate::processes::Redis;
use crate::services::{dead_letter, redis_cli};
use crate::support::{Run, soa, soa_at};

/// A command, and what becomes of it.
struct Case {
    words: &'static [&'static str],
    /// The exit code with an empty Redis, and a part of what is said.
    with_nothing: (i32, &'static str),
    /// The exit code for a login that may read everything, and nothing else.
    for_a_reader: i32,
}

const fn case(
    words: &'static [&'static str],
    with_nothing: (i32, &'static str),
    for_a_reader: i32,
) -> Case {
    Case {
        words,
        with_nothing,
        for_a_reader,
    }
}

const UNKNOWN: (i32, &str) = (
    5,
    "tells of `books`: no worker tells a record, and no request waits",
);

/// All commands that look at a Redis, but for `top`, which needs a terminal.
const CASES: [Case; 24] = [
    case(&["services"], (0, "no service can be seen in Redis"), 0),
    case(
        &["services", "--service", "books", "--no-status"],
        (0, "unknown"),
        0,
    ),
    case(&["workers"], (0, "no worker tells a record"), 0),
    case(&["describe", "books", "--timeout", "300ms"], UNKNOWN, 4),
    case(
        &["describe", "books.find", "--timeout", "300ms"],
        UNKNOWN,
        4,
    ),
    case(&["status", "books", "--timeout", "300ms"], UNKNOWN, 4),
    case(
        &["call", "books.find", "{}", "--timeout", "300ms"],
        UNKNOWN,
        4,
    ),
    case(
        &["call", "books.find", "{}", "--raw", "--timeout", "300ms"],
        UNKNOWN,
        4,
    ),
    case(&["job", "FILE", "--timeout", "300ms"], UNKNOWN, 4),
    case(&["queue", "list"], (0, "no request waits in Redis"), 0),
    case(
        &["queue", "peek", "books"],
        (0, "no request waits for `books`"),
        0,
    ),
    case(
        &["queue", "move", "books", "old", "--yes"],
        (0, "moved 0 requests"),
        4,
    ),
    case(
        &["queue", "drop", "books", "--yes"],
        (0, "deleted 0 requests"),
        4,
    ),
    case(
        &["queue", "pause", "books", "--for", "1s", "--yes"],
        (0, "0 workers that tell records"),
        4,
    ),
    case(
        &["queue", "resume", "books", "--yes"],
        (0, "resumed `books`"),
        4,
    ),
    case(&["dead", "list"], (0, "there are no dead letters"), 0),
    case(
        &["dead", "show", "books", "a1"],
        (1, "there is no dead letter `a1`"),
        0,
    ),
    case(
        &["dead", "retry", "books", "--all", "--yes"],
        (0, "there are no such dead letters"),
        4,
    ),
    case(
        &["dead", "drop", "books", "--all", "--yes"],
        (0, "forgotten: 0 dead letters"),
        4,
    ),
    case(
        &["dead", "export", "books"],
        (0, "there are no such dead letters"),
        0,
    ),
    case(&["graph"], (0, "no calls are known"), 0),
    case(
        &["check", "--interval", "0s"],
        (6, "no service can be seen"),
        6,
    ),
    case(
        &["watch", "books", "--for", "1s"],
        (1, "no worker of `books` tells a record"),
        1,
    ),
    case(
        &["watch", "books", "--monitor", "--for", "200ms"],
        (0, "no request of `books` has passed"),
        4,
    ),
];

impl Case {
    fn run(&self, further: &[&str]) -> Run {
        let file = job_file();
        let words = self.words.iter().map(|word| match *word {
            "FILE" => file.as_str(),
            word => word,
        });
        let all: Vec<&str> = words.chain(further.iter().copied()).collect();
        soa(&all)
    }
}

/// A job with one call.
fn job_file() -> String {
    let file = std::path::Path::new(env!("CARGO_TARGET_TMPDIR")).join("every.yaml");
    if !file.exists() {
        std::fs::write(&file, "steps:\n  - call: books.find\n").unwrap();
    }
    file.to_str().unwrap().to_owned()
}

/// Checks the exit code, and that all of these are said.
#[track_caller]
fn check(case: &Case, run: &Run, code: i32, parts: &[&str]) {
    let said = format!("{}{}", run.out, run.errors);
    assert_eq!(run.code, Some(code), "{:?}: {said}", case.words);
    for part in parts {
        assert!(said.contains(part), "{:?}: {part:?} in {said}", case.words);
    }
}

#[test]
fn no_command_is_left_out_here() {
    let commands = |words: &[&str]| {
        let help = soa(&[words, &["--help"]].concat()).ok().out;
        let lines = help.lines().skip_while(|line| *line != "Commands:");
        let lines = lines.skip(1).take_while(|line| !line.is_empty());
        let names = lines.filter_map(|line| line.split_whitespace().next());
        names.map(str::to_owned).collect::<BTreeSet<_>>()
    };
    let mut all = BTreeSet::new();
    for name in commands(&[]) {
        match commands(&[&name]) {
            below if below.is_empty() => drop(all.insert(name)),
            below => all.extend(below.iter().map(|below| format!("{name} {below}"))),
        }
    }
    // These need no Redis, or a terminal or a recording, or serve on.
    for name in ["completions", "dashboard", "man", "replay", "top"] {
        assert!(all.remove(name), "{name} in {all:?}");
    }
    let here = CASES.iter().map(|case| match case.words {
        [group @ ("queue" | "dead"), name, ..] => format!("{group} {name}"),
        words => words[0].to_owned(),
    });
    assert_eq!(here.collect::<BTreeSet<_>>(), all);
}

#[test]
fn without_an_address_each_says_how_to_give_one() {
    for case in &CASES {
        let parts = [
            "which Redis?",
            "--redis HOST:PORT",
            "SOA_REDIS",
            "--settings FILE",
        ];
        check(case, &case.run(&[]), 2, &parts);
    }
}

#[test]
fn with_a_wrong_address_each_names_it_and_says_how_to_give_another_one() {
    for case in &CASES {
        // Nobody listens on this port.
        let run = case.run(&["--redis", "127.0.0.1:1"]);
        let parts = ["127.0.0.1:1", "is Redis running", "--redis HOST:PORT"];
        check(case, &run, 4, &parts);
        let run = case.run(&["--redis", "ftp://x"]);
        check(case, &run, 2, &["--redis", "HOST:PORT"]);
    }
}

#[test]
fn with_an_empty_redis_each_says_that_there_is_nothing() {
    let redis = Redis::start();
    let address = redis.addresses();
    for case in &CASES {
        let run = case.run(&["--redis", &address]);
        let (code, part) = case.with_nothing;
        check(case, &run, code, &[part]);
        // The request of a caller that has given up is gone.
        assert_eq!(redis_cli(&redis, &["LLEN", "pysoa:service.books"]), "0");
    }
}

#[test]
fn a_login_that_may_nothing_is_told_what_it_needs_and_its_password_is_not_shown() {
    let redis = Redis::start();
    redis_cli(&redis, &["RPUSH", "pysoa:service.books", "x"]);
    let user = ["ACL", "SETUSER", "nobody", "on", ">hunter2", "-@all"];
    assert_eq!(redis_cli(&redis, &user), "OK");
    let address = format!("redis://nobody:hunter2@{}", redis.addresses());
    let wrong = format!("redis://nobody:hunter3@{}", redis.addresses());
    for case in &CASES {
        let code = if case.words[0] == "check" { 1 } else { 4 };
        let run = case.run(&["--redis", &address]);
        // Some say which right is missing, the others name all of them.
        let said = format!("{}{}", run.out, run.errors);
        let needs = match said.contains("+scan\n") {
            true => "allow it with ACL SETUSER nobody +scan",
            false => "~pysoa:*",
        };
        check(case, &run, code, &[needs]);
        for said in [&run.out, &run.errors] {
            assert!(!said.contains("hunter"), "{:?}: {said}", case.words);
        }
        let run = case.run(&["--redis", &wrong]);
        check(case, &run, 4, &["a login for this program needs"]);
        assert!(!run.errors.contains("hunter"), "{}", run.errors);
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_login_that_may_read_sees_everything_and_changes_nothing() {
    let redis = Redis::start();
    redis_cli(&redis, &["CONFIG", "SET", "maxmemory", "500mb"]);
    dead_letter(&redis, "books", "a1", &value!({ "password": "secret" })).await;
    redis_cli(&redis, &["RPUSH", "pysoa:service.books", "x"]);
    redis_cli(&redis, &["SET", "{pysoa:service.books}.paused", "1"]);
    let user = [
        "ACL",
        "SETUSER",
        "reader",
        "on",
        ">hunter2",
        "~pysoa:*",
        "~{pysoa:*",
        "-@all",
        "+@read",
        "+@connection",
        "+scan",
        "+info",
    ];
    assert_eq!(redis_cli(&redis, &user), "OK");
    let address = format!("redis://reader:hunter2@{}", redis.addresses());
    let keys = || {
        let keys = redis_cli(&redis, &["KEYS", "*"]);
        keys.lines().map(str::to_owned).collect::<BTreeSet<_>>()
    };
    let before = keys();
    for case in &CASES {
        let run = case.run(&["--redis", &address]);
        let needs: &[&str] = match case.for_a_reader {
            4 => &["a login for this program needs: ~pysoa:*"],
            _ => &[],
        };
        check(case, &run, case.for_a_reader, needs);
        assert_eq!(keys(), before, "{:?}", case.words);
    }
    // What cannot be known is not taken for a fault.
    let check = soa(&["check", "--interval", "0s", "--redis", &address]);
    for part in [
        "could not be asked for their status",
        "the clocks of Redis and of workers cannot be compared",
        "ACL SETUSER reader +@scripting",
        "it is paused, and 1 request waits",
    ] {
        assert!(check.out.contains(part), "{part}: {}", check.out);
    }
    assert!(!check.out.contains("nobody takes them"), "{}", check.out);
}

#[test]
fn an_empty_name_of_a_service_is_refused_before_anything_is_asked() {
    let redis = Redis::start();
    for words in [
        &["status", ""][..],
        &["describe", ""],
        &["call", ""],
        &["watch", ""],
        &["queue", "peek", ""],
        &["queue", "move", "books", ""],
        &["dead", "list", ""],
        &["services", "--service", ""],
    ] {
        let run = soa_at(&redis, words);
        assert_eq!(run.code, Some(2), "{words:?}: {}", run.errors);
        assert!(run.errors.contains("is empty"), "{words:?}: {}", run.errors);
        assert!(
            run.errors.contains("`soa services` lists"),
            "{words:?}: {}",
            run.errors
        );
    }
}
