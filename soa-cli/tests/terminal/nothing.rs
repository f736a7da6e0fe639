//! An empty Redis, a login that may little, and the sources of the address.

use crate::processes::Redis;
use crate::services::{command, redis_cli};
use crate::support::{outcome, soa, soa_at};

#[test]
fn an_empty_redis_has_no_services_and_that_is_said() {
    let redis = Redis::start();
    let run = soa_at(&redis, &["services"]).ok();
    assert!(
        run.out.contains("no service can be seen in Redis"),
        "{}",
        run.out
    );
    assert!(
        run.out.contains("An idle worker of PySOA leaves no trace"),
        "{}",
        run.out
    );
    let json = soa_at(&redis, &["services", "--json"]).ok().json();
    assert_eq!(json["services"], serde_json::json!([]));
    assert_eq!(
        soa_at(&redis, &["workers", "--json"]).ok().json()["workers"],
        serde_json::json!([])
    );
    assert_eq!(
        soa_at(&redis, &["graph", "--json"]).ok().json()["edges"],
        serde_json::json!([])
    );
    let queues = soa_at(&redis, &["queue", "list"]).ok();
    assert!(
        queues.out.starts_with("no request waits in Redis"),
        "{}",
        queues.out
    );
}

#[test]
fn a_login_that_may_little_is_told_what_it_lacks() {
    let redis = Redis::start();
    let user = [
        "ACL", "SETUSER", "little", "on", ">secret", "~pysoa:*", "-@all", "+llen", "+lindex",
        "+ping",
    ];
    assert_eq!(redis_cli(&redis, &user), "OK");
    redis_cli(&redis, &["RPUSH", "pysoa:service.books", "x"]);
    let address = format!("redis://little:secret@{}", redis.addresses());
    let run = soa(&["services", "--no-status", "--redis", &address]);
    assert_eq!(run.code, Some(4), "{}", run.out);
    for part in [
        "the names of services cannot be looked up",
        "ACL SETUSER little +scan",
        "`--service NAME`",
    ] {
        assert!(run.errors.contains(part), "{part}: {}", run.errors);
    }
    let named = soa(&[
        "services",
        "--service",
        "books",
        "--no-status",
        "--json",
        "--redis",
        &address,
    ]);
    assert_eq!(named.ok().json()["services"][0]["depth"], 1);
    let run = soa(&["check", "--redis", &address]);
    assert_eq!(run.code, Some(1), "{}{}", run.out, run.errors);
    for part in [
        "ACL SETUSER little ~{pysoa:*",
        "memory, eviction and persistence cannot be checked",
    ] {
        assert!(run.out.contains(part), "{part}: {}", run.out);
    }
    assert!(!run.out.contains("secret"), "{}", run.out);
    let wrong = format!("redis://little:wrong@{}", redis.addresses());
    let run = soa(&["services", "--redis", &wrong]);
    assert_eq!(run.code, Some(4), "{}", run.errors);
    assert!(
        run.errors.contains("a login for this program needs"),
        "{}",
        run.errors
    );
    assert!(!run.errors.contains("wrong@"), "{}", run.errors);
}

#[test]
fn the_address_comes_from_the_flag_the_variable_or_the_file_of_a_service() {
    let redis = Redis::start();
    redis_cli(&redis, &["RPUSH", "pysoa:service.books", "x"]);
    let address = redis.addresses();
    let (host, port) = address.split_once(':').unwrap();
    let file =
        std::path::Path::new(env!("CARGO_TARGET_TMPDIR")).join(format!("settings-{port}.toml"));
    // It has sections that this program knows nothing of.
    let text = format!(
        "[server]\nconcurrency = 7\nmiddleware = [{{ name = \"of its own\" }}]\n[server.transport.redis]\nhosts = [\"{host}:{port}\"]\n\
         [service]\ngreeting = \"hello\"\n"
    );
    std::fs::write(&file, text).unwrap();
    let depth = |command: &mut std::process::Command| {
        let run = outcome(&command.output().unwrap()).ok();
        run.json()["services"][0]["depth"].clone()
    };
    let arguments = ["services", "--no-status", "--interval", "0s", "--json"];
    assert_eq!(depth(command(&arguments).env("SOA_REDIS", &address)), 1);
    assert_eq!(depth(command(&arguments).env("SOA_SETTINGS", &file)), 1);
    assert_eq!(depth(command(&arguments).arg("--settings").arg(&file)), 1);
    let mut both = command(&arguments);
    assert_eq!(
        depth(
            both.args(["--redis", &address])
                .env("SOA_REDIS", "127.0.0.1:1")
        ),
        1
    );
    let missing = soa(&["services", "--settings", "/nowhere/a.toml"]);
    assert_eq!(missing.code, Some(3), "{}", missing.errors);
}
