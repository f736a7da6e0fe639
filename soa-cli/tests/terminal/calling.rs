//! Calls and descriptions, of services of this framework and of PySOA.

use std::io::Write as _;
use std::process::Stdio;

use crate::processes::Redis;
use crate::python::reference_service;
use crate::services::{Worker, command};
use crate::support::{outcome, soa_at, steady, until};

/// A Redis with the example service as `example`, and as the reference serves it, `python`.
struct Both {
    redis: Redis,
    _worker: Worker,
    _python: crate::processes::Process,
}

impl Both {
    fn start() -> Self {
        let redis = Redis::start();
        let worker = Worker::example(&redis, "example");
        let python = reference_service(&redis, "python");
        let both = Self {
            redis,
            _worker: worker,
            _python: python,
        };
        for name in ["example", "python"] {
            until("it answers", || {
                soa_at(&both.redis, &["status", name, "--timeout", "2s"]).code == Some(0)
            });
        }
        both
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn rust_and_python_services_are_called_and_described_in_the_same_way() {
    let both = Both::start();
    let redis = &both.redis;
    for name in ["example", "python"] {
        let action = format!("{name}.square");
        let run = soa_at(redis, &["call", &action, r#"{"number": 12}"#, "--json"]).ok();
        assert_eq!(run.json()["square"], 144, "{}", run.out);
        let run = soa_at(redis, &["call", &action, "number: 5"]).ok();
        assert_eq!(run.json()["square"], 25);
        let run = soa_at(
            redis,
            &[
                "call",
                &action,
                "--field",
                "number=7",
                "--expect",
                "square=49",
            ],
        );
        assert_eq!(run.ok().json()["square"], 49);
        let described = soa_at(redis, &["describe", name, "--json"]).ok().json();
        assert!(described["actions"]["square"]["request_schema"].is_object());
        let one = soa_at(redis, &["describe", &action, "--json"]).ok().json();
        assert_eq!(one["action_names"], serde_json::json!(["square"]));
        let status = soa_at(redis, &["status", name, "--json"]).ok().json();
        assert!(status["version"].is_string());
        // All mistakes at once, and nothing is sent.
        let run = soa_at(redis, &["call", &action, r#"{"numbr": 1, "more": 2}"#]);
        assert_eq!(run.code, Some(2), "{}", run.errors);
        for part in [
            "2 mistakes",
            "number: Missing key: number",
            "Extra keys present: more, numbr",
        ] {
            assert!(run.errors.contains(part), "{part}: {}", run.errors);
        }
        let run = soa_at(redis, &["call", &format!("{name}.squre"), "{}"]);
        assert_eq!(run.code, Some(2), "{}", run.errors);
        assert!(
            run.errors
                .contains(&format!("did you mean `{name}.square`?")),
            "{}",
            run.errors
        );
    }
    let text = soa_at(redis, &["describe", "example.square"]).ok().out;
    insta::assert_snapshot!("describe_action", text);
    let page = soa_at(redis, &["describe", "example.square", "--markdown"])
        .ok()
        .out;
    insta::assert_snapshot!("describe_markdown", page);
    let status = soa_at(redis, &["status", "python"]).ok().out;
    insta::assert_snapshot!("status_of_python", steady(&status));
    let summary = soa_at(
        redis,
        &[
            "call",
            "python.square",
            "number: 3",
            "--repeat",
            "20",
            "--parallel",
            "4",
        ],
    );
    insta::assert_snapshot!("call_repeated", steady(&summary.ok().out));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn errors_of_a_service_switches_and_contexts_are_those_of_any_caller() {
    let redis = Redis::start();
    let _worker = Worker::example(&redis, "example");
    let run = soa_at(
        &redis,
        &["call", "example.validate_me", "{}", "--raw", "--json"],
    );
    assert_eq!(run.code, Some(1), "{}", run.errors);
    let errors = &run.json()["errors"];
    assert_eq!(errors[0]["code"], "MISSING", "{errors}");
    let run = soa_at(&redis, &["call", "example.switched", "--switch", "5"]).ok();
    let plain = soa_at(&redis, &["call", "example.switched"]).ok();
    assert_ne!(run.out, plain.out, "the switch selects another variant");
    let arguments = [
        "call",
        "example.get_context",
        "--context",
        "tenant=7",
        "--context-text",
        "locale=7",
        "--switch",
        "3",
    ];
    let context = soa_at(&redis, &arguments).ok();
    for part in [r#""tenant": 7"#, r#""locale": "7""#] {
        assert!(context.out.contains(part), "{}", context.out);
    }
    let run = soa_at(
        &redis,
        &[
            "call",
            "example.square",
            "number: 2",
            "--expect",
            "square=5",
        ],
    );
    assert_eq!(run.code, Some(1));
    assert!(
        run.errors.contains("`square` is 4, expected 5"),
        "{}",
        run.errors
    );
    let run = soa_at(
        &redis,
        &["call", "example.slow", "seconds: 5", "--timeout", "200ms"],
    );
    assert_eq!(run.code, Some(5), "{}", run.errors);
    assert!(
        run.errors.contains("has 1 worker with records"),
        "{}",
        run.errors
    );
    let run = soa_at(&redis, &["call", "example"]);
    assert_eq!(run.code, Some(2));
    assert!(
        run.errors.contains("Write SERVICE.ACTION"),
        "{}",
        run.errors
    );
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_body_comes_from_the_standard_input_or_a_file() {
    let redis = Redis::start();
    let _worker = Worker::example(&redis, "example");
    let address = redis.addresses();
    let mut child = command(&["call", "example.square", "-", "--redis", &address]);
    let child = child.stdin(Stdio::piped()).stdout(Stdio::piped()).spawn();
    let mut child = child.unwrap();
    child
        .stdin
        .take()
        .unwrap()
        .write_all(b"{\"number\": 9}")
        .unwrap();
    let run = outcome(&child.wait_with_output().unwrap()).ok();
    assert_eq!(run.json()["square"], 81);
    let file = std::path::Path::new(env!("CARGO_TARGET_TMPDIR")).join("body.yaml");
    std::fs::write(&file, "number: 11\n").unwrap();
    let argument = format!("@{}", file.display());
    let run = soa_at(&redis, &["call", "example.square", &argument]).ok();
    assert_eq!(run.json()["square"], 121);
    let run = soa_at(&redis, &["call", "example.square", "@/nowhere"]);
    assert_eq!(run.code, Some(2));
    assert!(run.errors.contains("/nowhere"), "{}", run.errors);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_job_uses_the_results_of_earlier_calls_of_services_in_both_languages() {
    let both = Both::start();
    let redis = &both.redis;
    let file = std::path::Path::new(env!("CARGO_TARGET_TMPDIR")).join("job.yaml");
    let text = "steps:\n  - call: python.square\n    body: { number: \"${n}\" }\n    as: first\n  \
                - call: example.square\n    body: { number: \"${first.square}\" }\n    expect: { square: 81 }\n";
    std::fs::write(&file, text).unwrap();
    let path = file.to_str().unwrap();
    let run = soa_at(redis, &["job", path, "--set", "n=3", "--json"]).ok();
    assert_eq!(
        run.json(),
        serde_json::json!({ "first": { "square": 9 }, "2": { "square": 81 } })
    );
    let run = soa_at(redis, &["job", path, "--set", "n=4", "--json"]);
    assert_eq!(run.code, Some(1));
    assert!(
        run.errors
            .contains("step 2: the response is not as expected"),
        "{}",
        run.errors
    );
    let run = soa_at(redis, &["job", path]);
    assert_eq!(run.code, Some(2));
    assert!(
        run.errors.contains("`${n}` leads nowhere"),
        "{}",
        run.errors
    );
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_service_behind_doors_is_called_over_http() {
    let server = soa::Server::builder(example_service::ExampleService::new());
    let router = soa::http::router(server.build().unwrap()).unwrap();
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    let serving = tokio::spawn(async move { axum::serve(listener, router).await });
    let run = |arguments: &[&str]| {
        let mut all = arguments.to_vec();
        all.extend(["--http", &url]);
        crate::support::soa(&all)
    };
    let call = run(&["call", "example.square", r#"{"number": 12}"#, "--json"]).ok();
    assert_eq!(call.json()["square"], 144);
    assert!(run(&["describe", "example", "--json"]).ok().json()["actions"]["square"].is_object());
    assert!(run(&["status", "example", "--json"]).ok().json()["version"].is_string());
    let missing = run(&["call", "exampl.square", "number: 2"]);
    assert_eq!(missing.code, Some(1), "{}", missing.out);
    for part in [
        "There is no service `exampl` here",
        "`--http` is the address",
    ] {
        assert!(missing.errors.contains(part), "{part}: {}", missing.errors);
    }
    for (address, code, part) in [
        ("127.0.0.1:1", 4, "is the service running"),
        ("ftp://x", 2, "write it as http://HOST:PORT"),
    ] {
        let words = ["status", "example", "--http", address];
        let wrong = crate::support::soa(&words);
        assert_eq!(wrong.code, Some(code), "{}", wrong.errors);
        assert!(wrong.errors.contains(part), "{part}: {}", wrong.errors);
    }
    let services = run(&["services"]);
    assert_eq!(services.code, Some(2), "{}", services.errors);
    assert!(
        services.errors.contains("`services` needs Redis"),
        "{}",
        services.errors
    );
    serving.abort();
}
