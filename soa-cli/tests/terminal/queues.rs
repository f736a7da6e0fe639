//! Queues: what waits, and changes of it.

use std::time::Duration;

use soa::{Client, RedisClientTransport, value};

use crate::processes::Redis;
use crate::python::reference_service;
use crate::services::{Worker, redis_cli, settings};
use crate::support::{soa_at, steady, until};

/// Sends requests that nobody takes.
async fn send(redis: &Redis, service: &'static str, action: &'static str, count: usize) {
    let transport = RedisClientTransport::new(service, settings(redis)).unwrap();
    let client = Client::builder()
        .service(service, transport)
        .caller("a test");
    let client = client.build().unwrap();
    for _ in 0..count {
        let body = value!({ "number": 7, "password": "secret" });
        client
            .call_action(service, action, &body)
            .send_and_forget()
            .await
            .unwrap();
    }
}

fn depth(redis: &Redis, service: &str) -> String {
    redis_cli(redis, &["LLEN", &format!("pysoa:service.{service}")])
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_waits_is_shown_without_secrets_and_stays() {
    let redis = Redis::start();
    send(&redis, "books", "find", 3).await;
    let run = soa_at(&redis, &["queue", "peek", "books", "--count", "2"]).ok();
    assert!(!run.out.contains("secret"), "{}", run.out);
    insta::assert_snapshot!("queue_peek", steady(&run.out));
    let json = soa_at(&redis, &["queue", "peek", "books", "--json"])
        .ok()
        .json();
    assert_eq!(json["depth"], 3);
    assert_eq!(json["requests"][0]["actions"], serde_json::json!(["find"]));
    assert_eq!(json["requests"][0]["caller"], "a test");
    assert!(json["requests"][0]["age_seconds"].as_f64().unwrap() < 60.0);
    let list = soa_at(&redis, &["queue", "list"]).ok();
    insta::assert_snapshot!("queue_list", steady(&list.out));
    assert_eq!(depth(&redis, "books"), "3");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn requests_are_moved_and_deleted_by_their_number_or_their_action() {
    let redis = Redis::start();
    send(&redis, "books", "find", 3).await;
    send(&redis, "books", "add", 2).await;
    let run = soa_at(&redis, &["queue", "drop", "books", "--action", "add"]);
    assert_eq!(run.code, Some(2), "{}", run.errors);
    assert!(run.errors.contains("add `--yes`"), "{}", run.errors);
    assert_eq!(
        depth(&redis, "books"),
        "5",
        "nothing was changed without a yes"
    );
    let run = soa_at(
        &redis,
        &["queue", "drop", "books", "--action", "add", "--yes"],
    )
    .ok();
    assert!(
        run.out.starts_with("deleted 2 requests of `books`\n"),
        "{}",
        run.out
    );
    let run = soa_at(
        &redis,
        &["queue", "move", "books", "old", "--count", "2", "--yes"],
    )
    .ok();
    assert!(
        run.out
            .starts_with("moved 2 requests of `books` to `old`\n"),
        "{}",
        run.out
    );
    assert!(run.out.contains("those of PySOA, too"), "{}", run.out);
    assert_eq!(
        (depth(&redis, "books"), depth(&redis, "old")),
        ("1".to_owned(), "2".to_owned())
    );
    let ttl: i64 = redis_cli(&redis, &["TTL", "pysoa:service.old"])
        .parse()
        .unwrap();
    assert!(ttl > 0, "the other queue lives as long as the first: {ttl}");
    let run = soa_at(
        &redis,
        &[
            "queue", "move", "books", "old", "--action", "find", "--yes", "--json",
        ],
    );
    assert_eq!(run.ok().json()["changed"], 1);
    let run = soa_at(&redis, &["queue", "drop", "old", "--yes"]).ok();
    assert!(
        run.out.starts_with("deleted 3 requests of `old`\n"),
        "{}",
        run.out
    );
    let run = soa_at(&redis, &["queue", "move", "books", "books", "--yes"]);
    assert_eq!(run.code, Some(2));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_service_that_is_paused_takes_nothing_until_it_is_resumed() {
    let redis = Redis::start();
    let _worker = Worker::example(&redis, "example");
    let call = |timeout| {
        let arguments = [
            "call",
            "example.square",
            "number: 2",
            "--raw",
            "--timeout",
            timeout,
        ];
        soa_at(&redis, &arguments)
    };
    call("10s").ok();
    let run = soa_at(&redis, &["queue", "pause", "example", "--yes"]).ok();
    assert!(
        run.out
            .contains("workers of PySOA, and those without records, take no notice"),
        "{}",
        run.out
    );
    let is_paused = || {
        let workers = soa_at(&redis, &["workers", "--json"]).ok().json();
        workers["workers"][0]["is_paused"] == true
    };
    until("the worker has noticed", is_paused);
    // A pop that waited may still have brought one.
    call("300ms");
    let run = call("300ms");
    assert_eq!(run.code, Some(5), "{}", run.out);
    assert!(
        run.errors
            .contains("`example` is paused: `soa queue resume example`"),
        "{}",
        run.errors
    );
    let services = soa_at(&redis, &["services", "--service", "example", "--no-status"]).ok();
    assert!(services.out.contains("paused"), "{}", services.out);
    let run = soa_at(&redis, &["queue", "resume", "example"]);
    assert_eq!(run.code, Some(2), "{}", run.out);
    assert!(
        run.errors.contains("those of PySOA") && run.errors.contains("add `--yes`"),
        "{}",
        run.errors
    );
    soa_at(&redis, &["queue", "resume", "example", "--yes"]).ok();
    until("it takes requests again", || call("2s").code == Some(0));
    let run = soa_at(&redis, &["queue", "resume", "example"]).ok();
    assert_eq!(run.out, "`example` was not paused\n");
    soa_at(
        &redis,
        &["queue", "pause", "example", "--for", "1s", "--yes"],
    )
    .ok();
    until("the pause ends by itself", || {
        std::thread::sleep(Duration::from_millis(200));
        redis_cli(&redis, &["EXISTS", "{pysoa:service.example}.paused"]) == "0"
    });
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_python_service_takes_no_notice_of_a_pause_and_runs_what_is_moved_to_it() {
    let redis = Redis::start();
    let _python = reference_service(&redis, "python");
    let square = || soa_at(&redis, &["call", "python.square", "number: 3", "--raw"]);
    until("python answers", || square().code == Some(0));
    let run = soa_at(&redis, &["queue", "pause", "python", "--yes"]).ok();
    for part in [
        "0 workers that tell records",
        "workers of PySOA, and those without records, take no notice",
    ] {
        assert!(run.out.contains(part), "{part}: {}", run.out);
    }
    square().ok();
    send(&redis, "stuck", "square", 2).await;
    let run = soa_at(&redis, &["queue", "move", "stuck", "python", "--yes"]).ok();
    assert!(run.out.contains("those of PySOA, too"), "{}", run.out);
    until("python has taken them", || depth(&redis, "python") == "0");
    square().ok();
}
