//! Calls and dead letters, where changes are allowed.

use serde_json::json;
use soa::value;

use super::{Dashboard, encoded};
use crate::processes::Redis;
use crate::python::reference_service;
use crate::services::{self, Worker, dead_letter};

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_call_is_checked_made_and_told_as_commands() {
    let redis = Redis::start();
    let _example = Worker::example(&redis, "example");
    let dashboard = Dashboard::start(&redis, &["--allow-changes"]);
    dashboard.until_service("example", |example| example["workers"] == 1);
    let call = json!({ "service": "example", "action": "square", "body": { "number": 12 } });
    let told = dashboard.post("/api/call", &call).ok();
    assert_eq!(
        (&told["is_sent"], &told["response"]),
        (&json!(true), &json!({ "square": 144 }))
    );
    assert_eq!(told["error"], json!(null));
    assert!(told["took_ms"].as_f64().unwrap() > 0.0, "{told}");
    let curl = told["curl"].as_str().unwrap();
    let url = format!("http://{}/api/call", dashboard.address);
    assert!(curl.starts_with("curl ") && curl.ends_with(&url), "{curl}");
    // The command makes the same call.
    let command = told["command"].as_str().unwrap();
    let rest = command.strip_prefix("soa ").unwrap();
    let mut shell = std::process::Command::new("sh");
    shell.args(["-c", &format!("{} {rest}", env!("CARGO_BIN_EXE_soa"))]);
    let output = shell.output().unwrap();
    assert_eq!(
        String::from_utf8_lossy(&output.stdout).trim(),
        r#"{"square": 144}"#,
        "{command}"
    );

    let wrong =
        json!({ "service": "example", "action": "square", "body": { "number": "x", "more": 1 } });
    let reply = dashboard.post("/api/call", &wrong);
    let (status, code, message) = reply.refusal();
    assert_eq!((status, code.as_str()), (422, "MISTAKES"));
    assert!(message.contains("2 mistakes"), "{message}");
    let mistakes = reply.json()["mistakes"].clone();
    let fields: Vec<_> = mistakes
        .as_array()
        .unwrap()
        .iter()
        .map(|one| &one["field"])
        .collect();
    assert!(fields.contains(&&json!("number")), "{mistakes}");
    assert!(
        reply.json()["command"]
            .as_str()
            .unwrap()
            .contains("example.square")
    );

    let failing = json!({ "service": "example", "action": "nope", "body": {} });
    assert_eq!(
        dashboard.post("/api/call", &failing).refusal().1,
        "NOT_FOUND"
    );
    let failing = json!({ "service": "example", "action": "boom", "body": {} });
    let told = dashboard.post("/api/call", &failing).ok();
    assert_eq!(told["response"], json!(null));
    assert!(told["error"]["errors"][0]["code"].is_string(), "{told}");
    let slow = json!({ "service": "example", "action": "slow", "body": { "seconds": 2 }, "timeout_ms": 50 });
    let told = dashboard.post("/api/call", &slow);
    assert!(
        told.body.contains("timeout") || told.status == 422,
        "{told:?}"
    );
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_commands_make_the_same_call_in_a_shell_whatever_is_in_it() {
    let redis = Redis::start();
    let _example = Worker::example(&redis, "example");
    let dashboard = Dashboard::start(&redis, &["--allow-changes"]);
    dashboard.until_service("example", |example| example["workers"] == 1);
    let body = json!({
        "it's": "$(exit 7) `exit 7` \"q\" \\n !!", "fraction": 1.5, "text": "1.5", "large": u64::MAX,
        "none": null, "list": [1, "-x"],
    });
    let call = json!({
        "service": "example", "action": "echo", "body": body, "switches": [-5, 5], "context": { "--help": "x", "n": 1.5 },
    });
    let told = dashboard.post("/api/call", &call).ok();
    assert_eq!(told["response"], body, "{told}");
    let run = |line: &str| {
        let mut shell = std::process::Command::new("sh");
        let output = shell.args(["-c", line]).output().unwrap();
        let text = String::from_utf8_lossy(&output.stdout).into_owned();
        serde_json::from_str::<serde_json::Value>(&text)
            .unwrap_or_else(|_| panic!("{line} has said {output:?}"))
    };
    let command = told["command"].as_str().unwrap();
    let rest = command.strip_prefix("soa ").unwrap();
    assert_eq!(run(&format!("{} {rest}", env!("CARGO_BIN_EXE_soa"))), body);
    assert_eq!(run(told["curl"].as_str().unwrap())["response"], body);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_call_can_be_checked_by_readers_and_nothing_is_sent() {
    let redis = Redis::start();
    let _example = Worker::example(&redis, "example");
    let dashboard = Dashboard::start(&redis, &[]);
    dashboard.until_service("example", |example| example["workers"] == 1);
    let check = |body: &serde_json::Value| {
        let call = json!({ "service": "example", "action": "square", "body": body });
        let request = encoded(&call.to_string());
        dashboard.get(&format!("/api/call/check?request={request}"))
    };
    let told = check(&json!({ "number": 3 })).ok();
    assert_eq!(
        (&told["is_sent"], &told["response"]),
        (&json!(false), &json!(null))
    );
    assert!(
        told["command"]
            .as_str()
            .unwrap()
            .contains("call example.square"),
        "{told}"
    );
    assert_eq!(check(&json!({})).refusal().1, "MISTAKES");
    let seen = dashboard.until(
        "the record has the questions",
        "/api/services/example",
        |seen| seen["actions"].to_string().contains("introspect"),
    );
    assert!(!seen["actions"].to_string().contains("square"), "{seen}");
}

#[test]
fn an_idle_service_of_pysoa_is_described_and_called_once_it_is_named() {
    let redis = Redis::start();
    let _python = reference_service(&redis, "python");
    let flags = ["--allow-changes", "--service", "python"];
    let dashboard = Dashboard::start(&redis, &flags);
    let python = dashboard.until_service("python", |_| true);
    assert_eq!(
        (&python["state"], &python["rate"]),
        (&json!("unknown"), &json!(null))
    );
    let path = "/api/services/python/description";
    let told = dashboard.until("it has started", path, |told| told["actions"].is_array());
    let actions = told["actions"].as_array().unwrap();
    let square = actions.iter().find(|action| action["name"] == "square");
    assert_eq!(
        square.unwrap()["request"]["properties"]["number"]["x-soa"],
        "integer",
        "{told}"
    );
    let call = json!({ "service": "python", "action": "square", "body": { "number": 5 } });
    assert_eq!(
        dashboard.post("/api/call", &call).ok()["response"]["square"],
        25
    );
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn dead_letters_are_shown_without_secrets_run_again_and_forgotten() {
    let redis = Redis::start();
    for id in ["a1", "b2", "b23"] {
        dead_letter(&redis, "images", id, &value!({ "password": "hunter2" })).await;
    }
    let dashboard = Dashboard::start(&redis, &["--allow-changes"]);
    let images = dashboard.until_service("images", |images| images["dead_letters"] == 3);
    assert_eq!(images["problems"][0]["code"], "DEAD_LETTERS", "{images}");
    let all = dashboard.json("/api/dead");
    assert_eq!(all["counts"], json!({ "images": 3 }));
    assert_eq!(all["letters"][0]["service"], "images");
    let none = dashboard.json("/api/dead?service=mail");
    assert_eq!(none["letters"], json!([]));
    let one = dashboard.json("/api/dead/letter?service=images&id=a1");
    let letter = &one["letter"];
    assert_eq!(
        (&letter["id"], &letter["reason"]),
        (&json!("a1"), &json!("poison"))
    );
    let bodies = letter["bodies"].to_string();
    assert!(
        bodies.contains("password") && !one.to_string().contains("hunter2"),
        "{one}"
    );
    let missing = dashboard.get("/api/dead/letter?service=images&id=a");
    assert_eq!(missing.refusal().1, "NOT_FOUND");

    let change = |path: &str, ids: &[&str]| {
        dashboard.post(path, &json!({ "service": "images", "ids": ids }))
    };
    assert_eq!(
        change("/api/dead/drop", &["a1", "nobody"]).ok()["changed"],
        1
    );
    // Another id begins with this one, and would be changed, too.
    assert_eq!(change("/api/dead/drop", &["b2"]).refusal().1, "BAD_REQUEST");
    let unclear = dashboard.post("/api/dead/retry", &json!({ "service": "images" }));
    assert_eq!(unclear.refusal().1, "BAD_REQUEST");
    let _worker = services::images(&redis);
    let again = dashboard.post(
        "/api/dead/retry",
        &json!({ "service": "images", "all": true }),
    );
    assert_eq!(again.ok()["changed"], 2);
    dashboard.until("both have run", "/api/services/images", |told| {
        told["actions"][0]["calls"] == 2 && told["service"]["dead_letters"] == 0
    });
}
