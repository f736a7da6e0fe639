//! The view of a fleet: services, workers, and who calls whom.

use std::time::Duration;

use soa::{Client, RedisClientTransport, value};

use crate::processes::Redis;
use crate::python::reference_service;
use crate::services::{Worker, redis_cli, settings};
use crate::support::{shop, soa_at, steady, until};

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn services_workers_and_calls_are_seen_from_records_and_python_from_its_status() {
    let redis = Redis::start();
    let _example = Worker::example(&redis, "example");
    let _shop = Worker::start(&redis, shop(&redis));
    let _python = reference_service(&redis, "python");
    let call = |target: &str, body: &str| soa_at(&redis, &["call", target, body]);
    until("python answers", || {
        soa_at(&redis, &["status", "python"]).code == Some(0)
    });
    for _ in 0..3 {
        call("shop.buy", "{}").ok();
    }
    call("shop.read", "{}").ok();
    assert_eq!(call("example.nope", "{}").code, Some(2));
    until("the records have the calls", || {
        let workers = soa_at(&redis, &["workers", "--service", "example", "--json"])
            .ok()
            .json();
        workers["workers"][0]["actions"]["square"]["callers"]["shop"] == 3
    });
    let run = soa_at(
        &redis,
        &[
            "services",
            "--service",
            "example",
            "--service",
            "shop",
            "--service",
            "python",
            "--json",
        ],
    );
    let json = run.ok().json();
    let service = |name: &str| {
        let services = json["services"].as_array().unwrap().iter();
        services
            .clone()
            .find(|service| service["name"] == name)
            .unwrap()
            .clone()
    };
    assert_eq!(service("example")["state"], "records");
    assert_eq!(service("example")["workers"], 1);
    assert!(
        service("example")["rate_out"].as_f64().unwrap() > 0.0,
        "{json}"
    );
    assert!(
        service("example")["p99_ms"].as_f64().unwrap() > 0.0,
        "{json}"
    );
    assert_eq!(service("shop")["versions"], serde_json::json!(["2.0.0"]));
    assert_eq!(service("python")["state"], "answers");
    let versions = service("python")["versions"].to_string();
    assert!(versions.contains("PySOA 1.4.9"), "{versions}");

    let workers = soa_at(&redis, &["workers", "--json"]).ok().json();
    let workers = workers["workers"].as_array().unwrap();
    assert_eq!(workers.len(), 2, "{workers:?}");
    let shop = workers
        .iter()
        .find(|worker| worker["service"] == "shop")
        .unwrap();
    assert_eq!(
        (&shop["version"], &shop["build"]),
        (&"2.0.0".into(), &"b7".into())
    );
    assert_eq!(shop["pid"], std::process::id());
    assert_eq!(shop["called"]["example"]["calls"], 3, "{shop}");

    let untold = soa_at(&redis, &["workers", "--service", "python"]).ok().out;
    assert!(
        untold.contains("no worker of `python` tells a record"),
        "{untold}"
    );

    // A service of PySOA is known from who calls it.
    until("the records have both calls", || {
        let graph = soa_at(&redis, &["graph", "--json"]).ok().json();
        [("example", 3), ("python", 1)].iter().all(|(to, calls)| {
            let edge = serde_json::json!({ "from": "shop", "to": to, "calls": calls, "failed": 0 });
            graph["edges"].as_array().unwrap().contains(&edge)
        })
    });
    let all = soa_at(&redis, &["services", "--json"]).ok().json();
    let names = all["services"].as_array().unwrap().iter();
    let names: Vec<_> = names.map(|service| service["name"].clone()).collect();
    assert_eq!(names, ["example", "python", "shop"]);
    redis_cli(&redis, &["CONFIG", "SET", "maxmemory", "500mb"]);
    let check = soa_at(&redis, &["check", "--interval", "100ms"]).ok().out;
    assert!(check.contains("and 3 services: 0 errors"), "{check}");
    let text = soa_at(&redis, &["graph", "--service", "example"]).ok().out;
    assert!(text.contains("shop\n  → example  3 calls"), "{text}");
    let dot = soa_at(&redis, &["graph", "--format", "dot"]).ok().out;
    assert!(
        dot.contains("\"shop\" -> \"example\" [label=\"3 calls\"]"),
        "{dot}"
    );
    let svg = soa_at(&redis, &["graph", "--format", "svg"]).ok().out;
    assert!(
        svg.starts_with("<svg ") && svg.trim_end().ends_with("</svg>"),
        "{svg}"
    );

    let services = [
        "services",
        "--service",
        "example",
        "--service",
        "python",
        "--service",
        "shop",
    ];
    insta::assert_snapshot!("services", steady(&soa_at(&redis, &services).ok().out));
    insta::assert_snapshot!("workers", steady(&soa_at(&redis, &["workers"]).ok().out));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn jobs_in_flight_are_shown_with_their_time_left() {
    let redis = Redis::start();
    let _shop = Worker::start(&redis, shop(&redis));
    let waiting = {
        let transport = RedisClientTransport::new("shop", settings(&redis)).unwrap();
        let client = Client::builder()
            .service("shop", transport)
            .build()
            .unwrap();
        let call = client.call_action("shop", "wait", &value!({}));
        tokio::spawn(call.timeout(Duration::from_secs(20)).into_future())
    };
    until("the record has the job", || {
        let workers = soa_at(&redis, &["workers", "--json"]).ok().json();
        workers["workers"][0]["oldest"][0]["action"] == "wait"
    });
    let workers = soa_at(&redis, &["workers", "--json"]).ok().json();
    let left = workers["workers"][0]["oldest"][0]["left"].as_i64().unwrap();
    assert!((1_000..=20_000).contains(&left), "{left}");
    let text = soa_at(&redis, &["workers", "--jobs"]).ok().out;
    insta::assert_snapshot!("workers_jobs", steady(&text));
    waiting.abort();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_worker_that_stops_takes_its_record_away_and_a_killed_one_is_forgotten() {
    let redis = Redis::start();
    let count = || {
        let workers = soa_at(&redis, &["workers", "--json"]).ok().json();
        workers["workers"].as_array().unwrap().len()
    };
    let stopped = Worker::example(&redis, "example");
    until("it tells", || count() == 1);
    stopped.stop().await;
    assert_eq!(count(), 0, "a worker that stops is gone at once");
    let killed = Worker::example(&redis, "example");
    until("it tells", || count() == 1);
    drop(killed);
    until("its record expires", || count() == 0);
}
