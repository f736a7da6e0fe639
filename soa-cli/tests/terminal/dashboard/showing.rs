//! The answers about a fleet that works.

use std::io::{BufRead as _, BufReader};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use serde_json::json;
use soa::{Client, RedisClientTransport, value};

use super::{Dashboard, Request, encoded};
use crate::processes::Redis;
use crate::services::{Worker, redis_cli, settings};
use crate::support::{shop, soa_at, until};

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn services_actions_workers_and_calls_are_told_with_their_numbers() {
    let redis = Redis::start();
    let _example = Worker::example(&redis, "example");
    let _shop = Worker::start(&redis, shop(&redis));
    let dashboard = Dashboard::start(&redis, &[]);
    for _ in 0..3 {
        soa_at(&redis, &["call", "shop.buy", "{}"]).ok();
    }
    let example = dashboard.until_service("example", |example| example["rate"] != 0.0);
    assert_eq!(
        (&example["state"], &example["workers"]),
        (&json!("up"), &json!(1))
    );
    assert!(example["p99_ms"].as_f64().unwrap() > 0.0, "{example}");
    assert_eq!(
        (&example["depth"], &example["dead_letters"]),
        (&json!(0), &json!(0))
    );
    assert!(example["spark"].as_array().unwrap().len() <= 30);

    let told = dashboard.json("/api/services/example");
    let square = &told["actions"].as_array().unwrap().iter();
    let square = square
        .clone()
        .find(|action| action["name"] == "square")
        .unwrap();
    assert_eq!(square["callers"]["shop"], 3, "{told}");
    assert_eq!(told["callers"][0]["name"], "shop", "{told}");
    let worker = &told["workers"][0];
    assert_eq!(worker["pid"], std::process::id());
    let path = format!(
        "/api/services/example/workers/{}",
        worker["id"].as_str().unwrap()
    );
    let one = dashboard.json(&path);
    assert_eq!(one["worker"]["actions"][0]["name"], square["name"], "{one}");

    let shop = dashboard.json("/api/services/shop");
    assert_eq!(shop["called"][0]["name"], "example", "{shop}");
    let is_edge = |edge: &serde_json::Value| {
        (&edge["from"], &edge["to"]) == (&json!("shop"), &json!("example"))
    };
    let graph = dashboard.until("the edge has a rate", "/api/graph", |graph| {
        let edges = graph["edges"].as_array();
        edges.is_some_and(|edges| {
            edges
                .iter()
                .any(|edge| is_edge(edge) && edge["rate"].is_number())
        })
    });
    let edges = graph["edges"].as_array().unwrap();
    let edge = edges.iter().find(|edge| is_edge(edge)).unwrap();
    assert_eq!((&edge["calls"], &edge["failed"]), (&json!(3), &json!(0)));
    let nodes = graph["nodes"].as_array().unwrap();
    assert!(
        nodes
            .iter()
            .any(|node| node["name"] == "(programs)" && node["kind"] == "programs")
    );

    let check = dashboard.json("/api/check");
    assert_eq!(
        (&check["masters"], &check["services"]),
        (&json!(1), &json!(2)),
        "{check}"
    );
    for (path, code) in [
        ("/api/services/nobody", "NOT_FOUND"),
        ("/api/services/nobody/description", "NOT_FOUND"),
        ("/api/services/nobody/history", "NOT_FOUND"),
        ("/api/services/example/workers/none", "NOT_FOUND"),
        ("/api/nothing", "NOT_FOUND"),
        ("/nothing", "NOT_FOUND"),
        ("/api/services/example/history?span=2y", "BAD_REQUEST"),
        ("/api/services/example/queue?count=0", "BAD_REQUEST"),
        ("/api/services/%FF", "BAD_REQUEST"),
    ] {
        assert_eq!(dashboard.get(path).refusal().1, code, "{path}");
    }
    // Nobody was asked, so nothing was left in a queue.
    assert_eq!(redis_cli(&redis, &["EXISTS", "pysoa:service.nobody"]), "0");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn jobs_in_flight_are_told_with_their_time_left() {
    let redis = Redis::start();
    let _shop = Worker::start(&redis, shop(&redis));
    let transport = RedisClientTransport::new("shop", settings(&redis)).unwrap();
    let client = Client::builder()
        .service("shop", transport)
        .build()
        .unwrap();
    let call = client.call_action("shop", "wait", &value!({}));
    let waiting = tokio::spawn(call.timeout(Duration::from_secs(30)).into_future());
    let dashboard = Dashboard::start(&redis, &[]);
    let told = dashboard.until("a job runs", "/api/services/shop", |told| {
        told["workers"][0]["in_flight"] == 1
    });
    let job = &told["workers"][0]["oldest"][0];
    assert_eq!(
        (&job["action"], &job["caller"]),
        (&json!("wait"), &json!(null))
    );
    assert!(job["left_ms"].as_i64().unwrap() > 0, "{job}");
    waiting.abort();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_description_has_the_types_of_all_actions_for_forms() {
    let redis = Redis::start();
    let _example = Worker::example(&redis, "example");
    let dashboard = Dashboard::start(&redis, &[]);
    dashboard.until_service("example", |example| example["workers"] == 1);
    let told = dashboard.json("/api/services/example/description");
    let actions = told["actions"].as_array().unwrap();
    let action = |name: &str| {
        actions
            .iter()
            .find(|action| action["name"] == name)
            .unwrap()
    };
    let square = &action("square")["request"];
    assert_eq!(
        (&square["type"], &square["x-soa"]),
        (&json!("object"), &json!("object"))
    );
    assert_eq!(
        square["properties"]["number"]["x-soa"], "integer",
        "{square}"
    );
    assert_eq!(square["required"], json!(["number"]));
    let switched = actions
        .iter()
        .filter(|action| action["action"] == "switched");
    assert!(switched.count() > 1, "{told}");
    assert_eq!(action("status")["switch"], json!(null));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn requests_that_wait_are_shown_without_secrets() {
    let redis = Redis::start();
    let transport = RedisClientTransport::new("mail", settings(&redis)).unwrap();
    let client = Client::builder()
        .service("mail", transport)
        .build()
        .unwrap();
    for _ in 0..3 {
        let call = client.call_action(
            "mail",
            "send",
            &value!({ "password": "hunter2", "to": "a" }),
        );
        call.send_and_forget().await.unwrap();
    }
    let dashboard = Dashboard::start(&redis, &[]);
    dashboard.until_service("mail", |mail| mail["depth"] == 3);
    let told = dashboard.json("/api/services/mail/queue?count=2");
    assert_eq!((&told["depth"], &told["left_off"]), (&json!(3), &json!(1)));
    assert_eq!(told["requests"][0]["actions"], json!(["send"]));
    let text = told.to_string();
    assert!(
        text.contains("password") && !text.contains("hunter2"),
        "{text}"
    );
    // Nobody takes them, which is told once they are old.
    let mail = dashboard.until_service("mail", |mail| mail["state"] == "unattended");
    assert_eq!(mail["problems"][0]["code"], "NO_CONSUMER", "{mail}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn names_that_are_an_attack_are_told_as_json_and_nothing_else() {
    let redis = Redis::start();
    let script = "<script>alert(1)</script>";
    let control = "a/b\u{1b}[2J\"'\\ %2F\u{202e}";
    let long = "x".repeat(10_000);
    for name in [script, control, &long] {
        let key = format!("pysoa:service.{name}");
        assert_eq!(redis_cli(&redis, &["RPUSH", &key, "not a message"]), "1");
    }
    let dashboard = Dashboard::start(&redis, &["--allow-changes"]);
    for name in [script, control, &long] {
        dashboard.until_service(name, |service| service["depth"] == 1);
        let path = format!("/api/services/{}", encoded(name));
        assert_eq!(dashboard.json(&path)["service"]["name"], name);
        let queue = dashboard.json(&format!("{path}/queue"));
        assert!(queue["requests"][0]["problem"].is_string(), "{queue}");
        let history = dashboard.json(&format!("{path}/history"));
        assert!(history["time"].is_array());
        let check = json!({ "service": name, "action": name, "body": {}, "timeout_ms": 1 });
        let reply = dashboard.post("/api/call", &check);
        assert_eq!(reply.header("Content-Type"), Some("application/json"));
        assert_eq!(reply.header("X-Content-Type-Options"), Some("nosniff"));
        assert_ne!(reply.status, 200, "{reply:?}");
    }
    let page = dashboard.get("/");
    assert!(!page.body.contains("alert(1)"));
    let policy = page.header("Content-Security-Policy").unwrap();
    assert!(
        policy.starts_with("default-src 'none'; script-src 'self'; style-src 'self';"),
        "{policy}"
    );
    assert!(
        policy.contains("frame-ancestors 'none'")
            && !policy.contains("unsafe")
            && !policy.contains("data:"),
        "{policy}"
    );
}

#[test]
fn the_page_has_its_files_and_a_browser_that_knows_them_gets_none_again() {
    let redis = Redis::start();
    let dashboard = Dashboard::start(&redis, &[]);
    let page = dashboard.get("/");
    assert!(page.body.contains("app.js") && page.body.contains("app.css"));
    for (path, kind) in [
        ("/app.js", "text/javascript; charset=utf-8"),
        ("/app.css", "text/css; charset=utf-8"),
        ("/icon.png", "image/png"),
        ("/LICENSES", "text/plain; charset=utf-8"),
    ] {
        let file = dashboard.get(path);
        assert_eq!(
            (file.status, file.header("Content-Type")),
            (200, Some(kind))
        );
        let tag = file.header("ETag").unwrap();
        let again = dashboard.ask(&Request::get(path).with("If-None-Match", tag));
        assert_eq!((again.status, again.body.as_str()), (304, ""));
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn history_grows_look_by_look() {
    let redis = Redis::start();
    let _example = Worker::example(&redis, "example");
    let dashboard = Dashboard::start(&redis, &[]);
    soa_at(&redis, &["call", "example.square", r#"{"number": 3}"#]).ok();
    let path = "/api/services/example/history?span=5m";
    let told = dashboard.until("three looks with a rate", path, |told| {
        let rates = told["rate"].as_array();
        rates.is_some_and(|rates| {
            rates
                .iter()
                .filter(|rate| rate.as_f64() > Some(0.0))
                .count()
                >= 3
        })
    });
    let length = told["time"].as_array().unwrap().len();
    for column in [
        "rate",
        "rate_errors",
        "p50_ms",
        "p95_ms",
        "p99_ms",
        "in_flight",
        "depth",
        "age_seconds",
    ] {
        assert_eq!(told[column].as_array().unwrap().len(), length, "{column}");
    }
    let times: Vec<f64> = told["time"]
        .as_array()
        .unwrap()
        .iter()
        .map(|time| time.as_f64().unwrap())
        .collect();
    assert!(
        times.is_sorted() && times.iter().all(|time| time.fract() == 0.0),
        "{times:?}"
    );
    let of_action = dashboard.json("/api/services/example/actions/square/history");
    assert!(
        !of_action["rate"].as_array().unwrap().is_empty(),
        "{of_action}"
    );
    assert_eq!(of_action["depth"], json!(null));
    let of_none = dashboard.json("/api/services/example/actions/none/history");
    assert_eq!(of_none["time"], json!([]));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn history_that_is_kept_in_redis_is_there_after_a_restart() {
    let redis = Redis::start();
    let _example = Worker::example(&redis, "example");
    let key = "{pysoa:dashboard}.history.example";
    let minute = SystemTime::now()
        .duration_since(UNIX_EPOCH)
        .unwrap()
        .as_secs()
        / 60
        - 60;
    let kept = format!("{minute} 12.5 0 1 2 3 4 5 -");
    let field = (minute % 1_440).to_string();
    redis_cli(
        &redis,
        &["HSET", key, &field, &kept, "nonsense", "nonsense"],
    );
    let kept = json!({ "square": format!("{minute} 7.5 0 1 2 3") }).to_string();
    let of_actions = "{pysoa:dashboard}.actions.example";
    redis_cli(
        &redis,
        &["HSET", of_actions, &field, &kept, "nonsense", "[7]"],
    );
    let dashboard = Dashboard::start(&redis, &["--keep-in-redis"]);
    assert_eq!(dashboard.json("/api/session")["keeps_in_redis"], true);
    let path = "/api/services/example/history?span=1d";
    let told = dashboard.until("the minute that was kept", path, |told| {
        told["rate"][0] == 12.5
    });
    assert_eq!(
        (&told["depth"][0], &told["age_seconds"][0]),
        (&json!(5.0), &json!(null))
    );
    let path = "/api/services/example/actions/square/history?span=1d";
    let told = dashboard.json(path);
    assert_eq!(
        (&told["rate"][0], &told["p99_ms"][0]),
        (&json!(7.5), &json!(3.0))
    );
    // The first minute of this process comes within one.
    let mut length = 0;
    for _ in 0..2 {
        until_or_later(|| {
            length = redis_cli(&redis, &["HLEN", key]).parse().unwrap();
            length == 3
        });
    }
    assert_eq!(length, 3);
    assert!(redis_cli(&redis, &["TTL", key]).parse::<i64>().unwrap() > 80_000);
}

/// Waits for a condition for at most 50 s.
fn until_or_later(mut look: impl FnMut() -> bool) {
    let begun = std::time::Instant::now();
    while !look() && begun.elapsed() < Duration::from_secs(50) {
        std::thread::sleep(Duration::from_millis(200));
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn events_bring_the_fleet_after_each_look_to_a_bounded_number_of_listeners() {
    let redis = Redis::start();
    let _example = Worker::example(&redis, "example");
    let dashboard = Dashboard::start(&redis, &[]);
    let listen = || dashboard.send(&Request::get("/api/events"));
    let mut events = BufReader::new(listen()).lines().map(Result::unwrap);
    assert!(events.next().unwrap().ends_with(" 200 OK"));
    let mut seen = Vec::new();
    for line in events.by_ref() {
        if let Some(data) = line.strip_prefix("data: ") {
            let fleet: serde_json::Value = serde_json::from_str(data).unwrap();
            seen.push(fleet["at"].as_f64().unwrap_or(0.0));
        }
        if seen.len() == 3 {
            break;
        }
    }
    assert!(seen.is_sorted() && seen[2] > seen[0], "{seen:?}");
    let others: Vec<_> = (0..31)
        .map(|_| {
            let mut other = BufReader::new(listen());
            let begun = String::from_utf8_lossy(other.fill_buf().unwrap()).into_owned();
            assert!(begun.contains(" 200 OK"), "{begun}");
            other
        })
        .collect();
    let refused = dashboard.ask(&Request::get("/api/events"));
    assert_eq!(refused.refusal().1, "TOO_MANY");
    drop(others);
    until("a place is free again", || {
        dashboard.ask_briefly("/api/events").contains(" 200 OK")
    });
}

#[test]
fn a_signal_ends_events_and_the_program_at_once() {
    let redis = Redis::start();
    let mut dashboard = Dashboard::start(&redis, &[]);
    let mut events = BufReader::new(dashboard.send(&Request::get("/api/events")));
    assert!(!events.fill_buf().unwrap().is_empty());
    let pid = dashboard.pid().to_string();
    let begun = std::time::Instant::now();
    let mut kill = std::process::Command::new("kill");
    assert!(kill.args(["-TERM", &pid]).status().unwrap().success());
    assert_eq!(dashboard.ended().code(), Some(0));
    // Without an end of the events it would wait for seconds.
    assert!(
        begun.elapsed() < Duration::from_secs(3),
        "{:?}",
        begun.elapsed()
    );
    let mut rest = String::new();
    std::io::Read::read_to_string(&mut events, &mut rest).unwrap();
    assert!(rest.ends_with("0\r\n\r\n"), "{rest}");
}

impl Dashboard {
    /// The beginning of an answer that may have no end.
    fn ask_briefly(&self, path: &str) -> String {
        let mut stream = BufReader::new(self.send(&Request::get(path)));
        let bytes = stream.fill_buf().unwrap();
        String::from_utf8_lossy(bytes).into_owned()
    }
}
