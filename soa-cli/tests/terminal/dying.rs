//! Dead letters: seen, run again, forgotten and taken away.

use soa::value;

use crate::processes::Redis;
use crate::services::{dead_letter, images};
use crate::support::{soa_at, until};

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn dead_letters_are_listed_shown_and_exported() {
    let redis = Redis::start();
    let none = soa_at(&redis, &["dead", "list"]).ok();
    assert_eq!(none.out, "there are no dead letters\n");
    dead_letter(&redis, "images", "ab12", &value!({ "password": "secret" })).await;
    dead_letter(&redis, "images", "ab34", &value!({ "password": "secret" })).await;
    let run = soa_at(&redis, &["dead", "list"]).ok();
    assert!(
        run.out
            .starts_with("images\n  ab12  0 s ago  poison  3 attempts  shrink\n")
            || run.out.contains("  ab34  "),
        "{}",
        run.out
    );
    let json = soa_at(&redis, &["dead", "list", "images", "ab3", "--json"])
        .ok()
        .json();
    assert_eq!(json["letters"].as_array().unwrap().len(), 1, "{json}");
    assert_eq!(
        (&json["letters"][0]["id"], &json["letters"][0]["service"]),
        (&"ab34".into(), &"images".into())
    );
    let run = soa_at(&redis, &["dead", "show", "images", "ab1"]).ok();
    assert!(
        run.out.contains("error     three processes ended"),
        "{}",
        run.out
    );
    assert!(!run.out.contains("secret"), "{}", run.out);
    let run = soa_at(&redis, &["dead", "show", "images", "ab"]);
    assert_eq!(run.code, Some(1));
    assert!(
        run.errors
            .contains("2 dead letters begin with `ab`: give more of the id"),
        "{}",
        run.errors
    );
    let run = soa_at(&redis, &["dead", "export", "images"]).ok();
    let lines: Vec<serde_json::Value> = run
        .out
        .lines()
        .map(|line| serde_json::from_str(line).unwrap())
        .collect();
    assert_eq!(lines.len(), 2);
    assert!(
        lines[0]["message"].as_str().unwrap().len() > 50,
        "{}",
        run.out
    );
    let run = soa_at(&redis, &["check", "--interval", "100ms", "--json"]);
    assert!(run.out.contains("DEAD_LETTERS"), "{}", run.out);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn dead_letters_run_again_or_are_forgotten_if_somebody_says_which() {
    let redis = Redis::start();
    for id in ["a1", "b2", "b3"] {
        dead_letter(&redis, "images", id, &value!({ "password": "secret" })).await;
    }
    let run = soa_at(&redis, &["dead", "drop", "images", "--yes"]);
    assert_eq!(run.code, Some(2), "{}", run.out);
    assert!(run.errors.contains("which dead letters?"), "{}", run.errors);
    let run = soa_at(&redis, &["dead", "drop", "images", "a1"]);
    assert_eq!(run.code, Some(2), "{}", run.out);
    assert!(run.errors.contains("add `--yes`"), "{}", run.errors);
    let run = soa_at(&redis, &["dead", "drop", "images", "a1", "--yes"]).ok();
    assert_eq!(run.out, "forgotten: 1 dead letter of `images`\n");

    let _worker = images(&redis);
    let run = soa_at(
        &redis,
        &[
            "dead", "retry", "images", "--action", "shrink", "--yes", "--json",
        ],
    )
    .ok();
    assert_eq!(run.json()["changed"], 2);
    until("both have run", || {
        let workers = soa_at(&redis, &["workers", "--json"]).ok().json();
        workers["workers"][0]["actions"]["shrink"]["calls"] == 2
    });
    let run = soa_at(&redis, &["dead", "list"]).ok();
    assert_eq!(run.out, "there are no dead letters\n");
}
