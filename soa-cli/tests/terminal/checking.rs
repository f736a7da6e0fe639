//! `soa check`: each finding has a cause and something to do.

use soa::{ActionError, Client, Context, RedisClientTransport, Server, Value, value};

use crate::processes::Redis;
use crate::services::{Worker, redis_cli, settings};
use crate::support::{soa, soa_at, until};

fn codes(json: &serde_json::Value) -> Vec<String> {
    let findings = json["findings"].as_array().unwrap().iter();
    let findings = findings.filter(|finding| finding["severity"] != "note");
    findings
        .map(|finding| finding["code"].as_str().unwrap().to_owned())
        .collect()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_sound_fleet_has_no_findings_and_a_sick_one_is_told_with_advice() {
    let redis = Redis::start();
    redis_cli(&redis, &["CONFIG", "SET", "maxmemory", "500mb"]);
    let _worker = Worker::example(&redis, "example");
    until("it tells", || {
        let workers = soa_at(&redis, &["workers", "--json"]).ok().json();
        workers["workers"].as_array().unwrap().len() == 1
    });
    let sound = soa_at(&redis, &["check", "--interval", "100ms", "--json"])
        .ok()
        .json();
    assert_eq!(codes(&sound), Vec::<String>::new(), "{sound}");

    redis_cli(
        &redis,
        &["CONFIG", "SET", "maxmemory-policy", "allkeys-lru"],
    );
    let transport = RedisClientTransport::new("gone", settings(&redis)).unwrap();
    let client = Client::builder()
        .service("gone", transport)
        .build()
        .unwrap();
    let call = client.call_action("gone", "do", &value!({}));
    call.send_and_forget().await.unwrap();
    let other = Server::untyped("example", "99.0.0")
        .records(true)
        .build()
        .unwrap();
    let _other = Worker::start(&redis, other);
    until("both tell", || {
        let workers = soa_at(&redis, &["workers", "--json"]).ok().json();
        workers["workers"].as_array().unwrap().len() == 2
    });
    let run = soa_at(&redis, &["check", "--interval", "100ms", "--json"]);
    assert_eq!(run.code, Some(1), "{}", run.errors);
    let json = run.json();
    for code in ["EVICTION", "NO_CONSUMER", "MIXED_VERSIONS"] {
        assert!(codes(&json).contains(&code.to_owned()), "{code} in {json}");
    }
    for finding in json["findings"].as_array().unwrap() {
        assert_ne!(finding["advice"], "", "{finding}");
    }
    let text = soa_at(&redis, &["check", "--interval", "100ms"]).out;
    assert!(
        text.contains("error: gone: 1 request waits, and nobody takes them"),
        "{text}"
    );
    assert!(
        text.contains("CONFIG SET maxmemory-policy noeviction"),
        "{text}"
    );
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn warnings_alone_have_an_exit_code_of_their_own() {
    let redis = Redis::start();
    let _worker = Worker::example(&redis, "example");
    let run = soa_at(&redis, &["check", "--interval", "100ms"]);
    assert_eq!(run.code, Some(6), "{}", run.out);
    assert!(run.out.contains("maxmemory is not set"), "{}", run.out);
    let run = soa_at(&redis, &["check", "--interval", "100ms", "--errors-only"]);
    assert_eq!(run.code, Some(0), "{}", run.out);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_master_that_is_gone_is_a_finding_and_the_others_are_still_looked_at() {
    let redis = Redis::start();
    redis_cli(&redis, &["RPUSH", "pysoa:service.books", "x"]);
    // Nobody listens on this port.
    let ring = format!("{},127.0.0.1:1", redis.addresses());
    let run = soa(&["check", "--interval", "100ms", "--json", "--redis", &ring]);
    assert_eq!(run.code, Some(1), "{}", run.errors);
    let json = run.json();
    assert_eq!(json["masters"], 2);
    for code in ["UNREACHABLE", "NO_CONSUMER"] {
        assert!(codes(&json).contains(&code.to_owned()), "{code} in {json}");
    }
    let run = soa(&["services", "--no-status", "--redis", &ring]).ok();
    assert!(run.out.contains("books"), "{}", run.out);
    assert!(
        run.out
            .contains("127.0.0.1:1 cannot be reached, and what it holds is not shown"),
        "{}",
        run.out
    );
}

#[test]
fn a_sentinel_that_does_not_answer_is_a_finding() {
    let redis = Redis::start().watched();
    let address = redis.addresses();
    let second = address.replace("redis-sentinel://", "redis-sentinel://127.0.0.1:1,");
    let check = |address: &str| {
        let run = soa(&["check", "--interval", "100ms", "--json", "--redis", address]);
        (run.code, codes(&run.json()))
    };
    assert_eq!(check(&address).0, Some(6));
    let (code, found) = check(&second);
    assert_eq!(code, Some(1));
    assert!(found.contains(&"SENTINEL".to_owned()), "{found:?}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn workers_that_tell_no_records_are_compared_by_their_answers() {
    let redis = Redis::start();
    let server = |version: &'static str, action: &'static str| {
        let action = action.to_owned();
        let server = Server::untyped("mixed", version);
        let server = server.action(action, |body: Value, _: Context| async {
            Ok::<_, ActionError>(body)
        });
        Worker::start(&redis, server.records(false).build().unwrap())
    };
    let _first = server("1.0.0", "find");
    let second = server("2.0.0", "find");
    let is_found = |code: &str| {
        let words = ["check", "--service", "mixed", "--interval", "0s", "--json"];
        codes(&soa_at(&redis, &words).json()).contains(&code.to_owned())
    };
    until("both versions have answered", || is_found("MIXED_VERSIONS"));
    second.stop().await;
    let _third = server("1.0.0", "get");
    until("both builds have answered", || is_found("MIXED_SCHEMAS"));
}
