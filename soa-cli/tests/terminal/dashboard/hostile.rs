//! Foreign keys in Redis, there by mistake or on purpose: they must neither end the program nor hide the fleet.

use std::time::Duration;

use serde_json::json;

use super::{Dashboard, service};
use crate::processes::Redis;
use crate::services::{Worker, redis_cli};

/// Writes a record of a worker.
fn record(redis: &Redis, name: &str, id: u32, record: &serde_json::Value) {
    let key = format!("{{pysoa:service.{name}}}.worker.{id}");
    assert_eq!(redis_cli(redis, &["SET", &key, &record.to_string()]), "OK");
}

#[test]
fn numbers_that_have_no_sum_end_nothing() {
    let redis = Redis::start();
    let most = u64::MAX;
    let action = json!({
        "calls": most, "callers": { "shop": most }, "errors": { "BAD": most }, "lately": [0, most, 255, most],
        "lately_errors": most, "shortest_patience": most,
    });
    let told = json!({
        "service": "books", "at": 1.0, "concurrency": most, "running": most, "jobs": most, "refused": most, "dropped": most,
        "lately_seconds": -1.0, "actions": { "find": action, "sell": action },
        "called": { "mail": { "calls": most, "failed": most } },
        "oldest": [{ "action": "find", "running_for": most, "left": i64::MIN }],
    });
    for name in ["books", "users"] {
        for id in 0..3 {
            record(&redis, name, id, &told);
        }
    }
    let dashboard = Dashboard::start(&redis, &[]);
    dashboard.until_service("books", |books| books["workers"] == 3);
    // The second look has rates, and the sums of all services.
    dashboard.until("two looks", "/api/services/books/history", |told| {
        told["time"]
            .as_array()
            .is_some_and(|times| times.len() >= 2)
    });
    let fleet = dashboard.json("/api/fleet");
    assert_eq!(fleet["totals"]["in_flight"], usize::MAX, "{fleet}");
    let graph = dashboard.json("/api/graph");
    assert_eq!(graph["edges"][0]["calls"], most, "{graph}");
    assert!(dashboard.json("/api/check")["findings"].is_array());
    let worker = dashboard.json("/api/services/books/workers/1");
    assert_eq!(worker["worker"]["oldest"][0]["left_ms"], i64::MIN);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn keys_of_another_type_are_notes_and_hide_nothing_else() {
    let redis = Redis::start();
    let _example = Worker::example(&redis, "example");
    let list = "{pysoa:service.books}.dead";
    assert_eq!(redis_cli(&redis, &["LPUSH", list, "x"]), "1");
    assert_eq!(
        redis_cli(&redis, &["ZADD", "{pysoa:service.mail}.dead", "1", "x"]),
        "1"
    );
    for name in 1..=7 {
        let key = format!("pysoa:service.wrong-{name}");
        assert_eq!(redis_cli(&redis, &["SET", &key, "x"]), "OK");
    }
    let history = "{pysoa:dashboard}.history.example";
    assert_eq!(redis_cli(&redis, &["SET", history, "x"]), "OK");
    let dashboard = Dashboard::start(&redis, &["--keep-in-redis"]);
    dashboard.until_service("example", |example| example["workers"] == 1);
    let fleet = dashboard.json("/api/fleet");
    assert_eq!(fleet["redis"]["is_up"], true, "{fleet}");
    assert_eq!(
        service(&fleet, "mail").map(|mail| &mail["dead_letters"]),
        Some(&json!(1))
    );
    let notes = fleet["notes"].to_string();
    for part in [
        "`pysoa:service.wrong-5` holds",
        "2 more services",
        "`{pysoa:service.books}.dead` holds",
    ] {
        assert!(notes.contains(part), "{part} in {notes}");
    }
    assert!(!notes.contains("wrong-6"), "{notes}");
    assert!(dashboard.json("/api/check")["findings"].is_array());
}

/// Writes a record with a hundred thousand callers, one that is larger than any worker writes, and requests and dead letters
/// of 3 MB.
const LARGE: &str = r#"
    local callers = {}
    for number = 0, 99999 do callers['a' .. number] = 1 end
    local record = cjson.encode({ actions = { find = { callers = callers } } })
    redis.call('SET', '{pysoa:service.books}.worker.1', record)
    record = cjson.encode({ host = string.rep('x', 5000000) })
    redis.call('SET', '{pysoa:service.books}.worker.2', record)
    for number = 1, 30 do
      local frame = string.rep('x', 3000000) .. number
      redis.call('RPUSH', 'pysoa:service.books', frame)
      redis.call('ZADD', '{pysoa:service.books}.dead', number, frame)
    end
    return 'done'"#;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn records_and_requests_that_are_huge_hide_no_service_and_are_read_in_part() {
    let redis = Redis::start();
    let _example = Worker::example(&redis, "example");
    assert_eq!(redis_cli(&redis, &["EVAL", LARGE, "0"]), "done");
    let dashboard = Dashboard::start(&redis, &[]);
    dashboard.until_service("example", |example| example["workers"] == 1);
    let books = dashboard.until_service("books", |books| books["workers"] == 1);
    assert_eq!(books["state"], "up");
    let fleet = dashboard.json("/api/fleet");
    assert_eq!(fleet["totals"]["services"], 1_002, "{}", fleet["totals"]);
    assert!(
        fleet["notes"].to_string().contains("99000 more services"),
        "{}",
        fleet["notes"]
    );
    let queue = dashboard.json("/api/services/books/queue?count=100");
    assert_eq!(
        (&queue["depth"], &queue["left_off"]),
        (&json!(30), &json!(20))
    );
    let dead = dashboard.json("/api/dead");
    assert_eq!(
        (&dead["counts"]["books"], &dead["left_off"]),
        (&json!(30), &json!(10))
    );
}

#[test]
fn a_service_that_nobody_serves_gets_one_question_however_many_ask() {
    let redis = Redis::start();
    assert_eq!(
        redis_cli(&redis, &["RPUSH", "pysoa:service.mail", "x"]),
        "1"
    );
    let dashboard = Dashboard::start(&redis, &[]);
    dashboard.until_service("mail", |mail| mail["depth"] == 1);
    std::thread::scope(|scope| {
        for _ in 0..8 {
            scope.spawn(|| {
                let reply = dashboard.get("/api/services/mail/description");
                assert_eq!(reply.refusal().1, "SERVICE");
            });
        }
        // A question is taken back when nobody has answered it.
        let lengths = (0..20).map(|_| {
            std::thread::sleep(Duration::from_millis(100));
            redis_cli(&redis, &["LLEN", "pysoa:service.mail"])
        });
        assert_eq!(lengths.max().as_deref(), Some("2"));
    });
}
