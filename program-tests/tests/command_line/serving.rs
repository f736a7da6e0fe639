//! The binary as a server over Redis, and its callers.

use std::time::Duration;

use example_service::ExampleClient;
use example_service::types::{RecallRequest, RememberRequest, SlowRequest};
use soa::{Client, ClientError, RedisClientTransport, RedisSettings, Value};

use crate::processes::{Process, Redis, example_service, fresh_file, run, unruly};

/// A running server.
pub(crate) fn serve(redis: &Redis, arguments: &[&str]) -> Process {
    let address = redis.address();
    let process = Process::start(example_service(&["serve", "--redis", &address]).args(arguments));
    process.says("accepting requests; interrupt to stop");
    process
}

pub(crate) fn client(redis: &Redis) -> Client {
    let settings = RedisSettings::new("127.0.0.1", redis.port);
    let settings = settings.receive_timeout(Duration::from_secs(60));
    let transport = RedisClientTransport::new("example", settings).expect("the settings are good");
    Client::builder()
        .service("example", transport)
        .build()
        .expect("there is one route")
}

/// Starts a job that takes this many seconds, and waits until it runs.
pub(crate) async fn running_job(
    client: &Client,
    seconds: f64,
) -> tokio::task::JoinHandle<Result<(), ClientError>> {
    let example = ExampleClient::new(client);
    let remember = RememberRequest {
        key: "started".to_owned(),
        value: true.into(),
    };
    let slow = SlowRequest {
        seconds: Some(seconds),
    };
    let job = client.job((example.remember(remember), example.slow(slow)));
    let job = tokio::spawn(async move { job.await.map(drop) });
    loop {
        let key = "started".to_owned();
        let recalled = example.recall(RecallRequest { key }).await;
        if recalled.expect("the server answers").value == Value::from(true) {
            return job;
        }
    }
}

#[test]
fn a_server_of_masters_that_sentinels_watch_tells_their_names() {
    let master = Redis::start();
    let file = fresh_file("sentinel.conf");
    let sentinel = Redis::sentinel("primary", &master, &file);
    for (services, told) in [("?services=primary", "primary"), ("", "all masters")] {
        let url = format!("redis-sentinel://{}{services}", sentinel.address());
        let server = Process::start(&mut example_service(&["serve", "--redis", &url]));
        server.says("accepting requests; interrupt to stop");
        server.says(&format!(
            "redis=\"{told}, by the sentinels {}\"",
            sentinel.address()
        ));
    }
    let _ = std::fs::remove_file(file);
}

#[test]
fn a_server_is_called_and_tells_how_it_fares() {
    let redis = Redis::start();
    let address = redis.address();
    let _services = [serve(&redis, &[]), serve(&redis, &["--name", "example2"])];
    let call = |arguments: &[&str]| run(&[arguments, &["--redis", &address]].concat());
    let (code, out, _) = call(&["call", "square", r#"{"number": 42}"#]);
    assert_eq!((code, out.as_str()), (Some(0), "{\"square\": 1764}\n"));
    // The program's defaults say that it may call `example2`, where its own requests come from.
    let (code, out, error) = call(&[
        "call",
        "call_square",
        r#"{"number": 3}"#,
        "--timeout",
        "20s",
    ]);
    assert_eq!(code, Some(0), "{error}");
    assert!(out.contains("\"square\": 9"), "{out}");
    let (code, out, error) = call(&["status"]);
    assert_eq!(code, Some(0), "{error}");
    // The words are for people: the keys of the answer are those of PySOA, whatever a service is made with.
    let lines: Vec<_> = out.lines().collect();
    assert_eq!(
        (lines[0], lines[lines.len() - 1]),
        ("example 1.2.3", "healthy")
    );
    assert!(lines[1].starts_with("  framework: soa 0."), "{out}");
    assert!(lines[2].starts_with("  language: Rust 1."), "{out}");
    assert_eq!(lines[3], "  protocol: PySOA 1.4.9");
    let (code, _, error) = call(&["call", "sqare"]);
    assert_eq!(code, Some(1));
    for told in [
        "The action \"sqare\" was not found on this server.",
        "\n  did you mean `square`?\n  the actions are `",
        " and `validate_me`\n",
    ] {
        assert!(error.contains(told), "{error}");
    }
    let (code, out, _) = call(&["status", "--service", "example2", "--json"]);
    let status: serde_json::Value = serde_json::from_str(&out).expect("it is JSON");
    let python = status["python"].as_str().expect("it is text");
    assert!(python.starts_with("rust "), "{out}");
    assert_eq!((code, &status["version"]), (Some(0), &"1.2.3".into()));
}

#[test]
fn routes_that_the_settings_need_and_do_not_have_are_told_at_the_start() {
    let redis = Redis::start();
    let server = serve(
        &redis,
        &[
            "--set",
            "client_routing=null",
            "--set",
            r#"client_middleware=[{"name": "retry"}]"#,
            "--set",
            r#"expansions.type_routes.books={"service": "stock", "action": "find", "request_field": "a", "response_field": "b"}"#,
        ],
    );
    server.says("expansions call a service without a route");
    server.says("`client_middleware` is set, but `client_routing` is empty");
}

#[test]
fn settings_say_where_and_how_it_serves() {
    let redis = Redis::start();
    let file = fresh_file("settings.toml");
    let text = format!(
        "server.name = 'other'\nlogging.format = 'json'\n[server.transport.redis]\nhosts = ['{}']\n",
        redis.address()
    );
    std::fs::write(&file, text).expect("the file is written");
    let name = file.to_str().expect("it is text");
    // `serve` is the default command.
    let mut command = example_service(&["--settings", name, "--workers", "2"]);
    let server = Process::start(command.env("SOA__SERVER__CONCURRENCY", "7"));
    server.says("accepting requests; interrupt to stop");
    let log = server.log();
    let line = log
        .lines()
        .find(|line| line.contains("accepting requests;"))
        .expect("it is there");
    let record: serde_json::Value = serde_json::from_str(line).expect("it is JSON");
    assert_eq!(
        (&record["service"], &record["concurrency"]),
        (&"other".into(), &7.into())
    );
    let (code, out, error) = run(&["call", "echo", r#"{"a": 1}"#, "--settings", name]);
    assert_eq!((code, out.as_str()), (Some(0), "{\"a\": 1}\n"), "{error}");
    std::fs::remove_file(file).expect("the file is removed");
}

#[test]
fn without_redis_it_fails_with_code_1_and_without_the_password() {
    let arguments = [
        "--redis",
        "redis://:hunter2@127.0.0.1:1",
        "--set",
        "logging.level=off",
    ];
    let quick = ["--set", "server.transport.redis.connect_timeout=200ms"];
    for command in [&["serve"][..], &["status"], &["call", "square"]] {
        let (code, out, error) = run(&[command, &arguments, &quick].concat());
        assert_eq!((code, out.as_str()), (Some(1), ""), "{error}");
        assert!(
            error.starts_with("error: Redis at 127.0.0.1:1 cannot be reached"),
            "{error}"
        );
        assert!(!error.contains("hunter2"), "{error}");
    }
}

#[test]
fn a_server_says_that_it_accepts_requests_when_that_is_true_and_not_before() {
    let redis = Redis::start();
    let address = redis.address();
    let arguments = [
        "serve",
        "--redis",
        &address,
        "--set",
        "service.startup=waits",
    ];
    let server = Process::start(&mut unruly(&arguments));
    server.says("hook: startup");
    assert_eq!(server.count("accepting requests"), 0, "{}", server.log());
    assert_eq!(server.count("serving"), 0, "{}", server.log());

    let server = Process::start(&mut unruly(&arguments[..3]));
    server.says("accepting requests; interrupt to stop, twice to stop at once");
    assert_eq!(server.count("accepting requests"), 1, "{}", server.log());
    let log = server.log();
    let line = log.lines().find(|line| line.contains("accepting requests"));
    let line = line.expect("it is there");
    for told in [
        r#"service="unruly""#,
        r#"version="1.0.0""#,
        "concurrency=256",
        &address,
    ] {
        assert!(line.contains(told), "{line}");
    }
}

#[test]
fn a_password_in_an_address_is_not_told() {
    let redis = Redis::start();
    let address = format!("redis://:hunter2@{}", redis.address());
    let mut command =
        example_service(&["serve", "--redis", &address, "--set", "logging.level=trace"]);
    let server = Process::start(&mut command);
    server.says("accepting requests; interrupt to stop");
    let log = server.log();
    assert!(!log.contains("hunter2"), "{log}");
}

#[tokio::test]
async fn told_to_stop_it_answers_what_it_has_taken_and_takes_no_more() {
    for signal in ["TERM", "INT"] {
        let redis = Redis::start();
        let mut server = serve(&redis, &[]);
        let client = client(&redis);
        let job = running_job(&client, 1.0).await;
        server.signal(signal);
        server.says("no longer accepting requests");
        job.await.expect("no panic").expect("the job is answered");
        assert_eq!(server.end().code(), Some(0), "{signal}");
        assert!(server.log().contains("stopped"), "{}", server.log());
    }
}

#[tokio::test]
async fn a_second_signal_ends_it_at_once_and_tells_that_jobs_may_be_lost() {
    let redis = Redis::start();
    let mut server = serve(&redis, &[]);
    let client = client(&redis);
    let job = running_job(&client, 600.0).await;
    server.signal("TERM");
    server.says("no longer accepting requests");
    server.signal("TERM");
    assert_eq!(server.end().code(), Some(4));
    assert!(
        server.log().contains("jobs may be lost"),
        "{}",
        server.log()
    );
    job.abort();
}

#[tokio::test]
async fn jobs_that_outlast_the_grace_are_given_up_and_answered() {
    let redis = Redis::start();
    let mut server = serve(&redis, &["--set", "server.shutdown_grace=100ms"]);
    let client = client(&redis);
    let job = running_job(&client, 600.0).await;
    server.signal("TERM");
    let error = job.await.expect("no panic").expect_err("it was given up");
    assert_eq!(error.errors()[0].code, "ACTION_TIMEOUT");
    assert_eq!(server.end().code(), Some(0));
}

#[tokio::test]
async fn status_warns_of_a_redis_that_has_just_refused_an_answer_and_no_longer_when_it_takes_all() {
    let redis = Redis::start();
    let server = serve(&redis, &[]);
    let client = client(&redis);
    let status = || run(&["status", "--redis", &redis.address()]);
    assert!(!status().1.contains("REDIS_FAILS"));
    let job = running_job(&client, 0.5).await;
    redis.set("maxmemory", "1");
    server.says("Redis failed");
    redis.set("maxmemory", "0");
    job.await.expect("no panic").expect("it is answered");
    let (code, out, error) = status();
    assert_eq!(code, Some(0), "{error}");
    assert!(out.contains("REDIS_FAILS") && out.contains("OOM"), "{out}");
    server.says("Redis works again");
    assert!(!status().1.contains("REDIS_FAILS"));
}
