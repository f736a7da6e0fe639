//! The keys of `--json` are those that the guide lists: programs rely on them.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::Value as Json;
use soa::{Client, RedisClientTransport, value};

use crate::processes::Redis;
use crate::services::{Worker, dead_letter, redis_cli, settings};
use crate::support::{soa_at, until};

const GUIDE: &str = include_str!("../../../soa/src/docs/operating.md");

/// The keys that the guide lists, by command.
fn listed() -> BTreeMap<String, BTreeSet<String>> {
    let (_, section) = GUIDE.split_once("# The keys of `--json`").unwrap();
    let rows = section.lines().filter(|line| line.starts_with("| `"));
    let mut listed = BTreeMap::new();
    for row in rows {
        let cells: Vec<&str> = row.trim_matches('|').split('|').collect();
        let [commands, keys] = cells[..] else {
            panic!("{row}")
        };
        // What stands in parentheses are values.
        let mut plain = String::new();
        for part in keys.split('(') {
            plain += part.split_once(')').map_or(part, |(_, after)| after);
        }
        let quoted = |text: &str| -> Vec<String> {
            let parts = text.split('`').skip(1).step_by(2);
            parts.map(str::to_owned).collect()
        };
        let keys: BTreeSet<String> = quoted(&plain)
            .into_iter()
            .filter(|key| !key.starts_with("--"))
            .collect();
        listed.insert(quoted(commands)[0].clone(), keys);
    }
    listed
}

/// The keys of an object, and those of the objects in its lists.
fn keys(json: &Json) -> BTreeSet<String> {
    let mut keys = BTreeSet::new();
    for (key, value) in json.as_object().unwrap() {
        keys.insert(key.clone());
        let items = value.as_array().into_iter().flatten();
        let below = items.filter_map(Json::as_object);
        keys.extend(below.flat_map(|item| item.keys().cloned()));
    }
    keys
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_keys_of_json_are_those_of_the_guide() {
    let redis = Redis::start();
    let _worker = Worker::example(&redis, "example");
    for id in ["a1", "b2"] {
        dead_letter(&redis, "books", id, &value!({ "password": "secret" })).await;
    }
    let transport = RedisClientTransport::new("books", settings(&redis)).unwrap();
    let client = Client::builder().service("books", transport);
    let client = client.build().unwrap();
    for _ in 0..2 {
        let call = client.call_action("books", "find", &value!({}));
        call.send_and_forget().await.unwrap();
    }
    soa_at(&redis, &["call", "example.square", "number: 2"]).ok();
    until("the record has the call", || {
        let workers = soa_at(&redis, &["workers", "--json"]).ok().json();
        workers["workers"][0]["actions"]["square"]["calls"] == 1
    });
    let run = |words: &[&str]| {
        let run = soa_at(&redis, &[words, &["--json"]].concat());
        let json = serde_json::from_str(run.out.trim());
        json.unwrap_or_else(|error| panic!("{words:?}: {error}: {}{}", run.out, run.errors))
    };
    let mut found: BTreeMap<&str, BTreeSet<String>> = BTreeMap::new();
    for (command, words) in [
        ("services", &["services", "--no-status"][..]),
        ("workers", &["workers"]),
        ("queue list", &["queue", "list"]),
        ("queue peek", &["queue", "peek", "books"]),
        (
            "queue move",
            &["queue", "move", "books", "old", "--count", "1", "--yes"],
        ),
        ("queue pause", &["queue", "pause", "books", "--yes"]),
        ("queue pause", &["queue", "resume", "books", "--yes"]),
        ("dead list", &["dead", "list"]),
        ("dead show", &["dead", "export", "books", "a1"]),
        ("dead retry", &["dead", "drop", "books", "b2", "--yes"]),
        ("graph", &["graph"]),
        ("check", &["check", "--interval", "0s"]),
        ("call", &["call", "example.fail", "{}", "--raw"]),
        (
            "call",
            &["call", "example.square", "number: 2", "--repeat", "2"],
        ),
    ] {
        found.entry(command).or_default().extend(keys(&run(words)));
    }
    // The row of the letters says only what a letter of `dead list` does not have.
    let list = found["dead list"].clone();
    let show = found.get_mut("dead show").unwrap();
    show.retain(|key| !list.contains(key));
    show.insert("export".to_owned());
    // `queue drop` has the keys of `queue move`.
    redis_cli(&redis, &["RPUSH", "pysoa:service.books", "x"]);
    let dropped = keys(&run(&["queue", "drop", "books", "--yes"]));
    assert_eq!(dropped, found["queue move"]);

    let mut listed = listed();
    // The answers of services, and what the tests of `replay` look at.
    for command in ["describe", "job", "replay", "watch"] {
        assert!(listed.remove(command).is_some(), "{command}");
    }
    let found: BTreeMap<String, BTreeSet<String>> = found
        .into_iter()
        .map(|(command, keys)| (command.to_owned(), keys))
        .collect();
    assert_eq!(found, listed);
}

#[test]
fn the_codes_of_check_are_those_of_the_guide() {
    let sources = [
        include_str!("../../src/check/answer.rs"),
        include_str!("../../src/check/mod.rs"),
        include_str!("../../src/check/redis.rs"),
        include_str!("../../src/check/service.rs"),
    ];
    let findings = sources
        .iter()
        .flat_map(|source| source.split("findings.").skip(1));
    let findings = findings.filter(|text| {
        let kinds = ["error(", "warning(", "note("];
        kinds.iter().any(|kind| text.starts_with(kind))
    });
    let codes: BTreeSet<&str> = findings
        .map(|text| text.split('"').nth(1).unwrap())
        .collect();
    let (_, section) = GUIDE.split_once("| code | finding |").unwrap();
    let rows = section
        .lines()
        .take_while(|line| !line.starts_with("Workers"));
    let cells = rows.filter_map(|row| row.split('|').nth(1));
    let listed = cells.flat_map(|cell| cell.split('`').skip(1).step_by(2));
    assert_eq!(codes, listed.collect::<BTreeSet<_>>());
}
