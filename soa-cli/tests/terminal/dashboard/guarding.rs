//! Whom the server refuses.

use serde_json::json;

use super::{Dashboard, Request};
use crate::processes::Redis;
use crate::services::{Worker, command, redis_cli};
use crate::support::{outcome, soa, soa_at};

const TOKEN: &str = "0123456789abcdef0123";

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn without_the_flag_nothing_can_be_called_or_changed() {
    let redis = Redis::start();
    let _example = Worker::example(&redis, "example");
    let dashboard = Dashboard::start(&redis, &[]);
    dashboard.until_service("example", |example| example["workers"] == 1);
    let call = json!({ "service": "example", "action": "square", "body": { "number": 3 } });
    let all = json!({ "service": "example", "all": true });
    for (path, body) in [
        ("/api/call", &call),
        ("/api/dead/retry", &all),
        ("/api/dead/drop", &all),
    ] {
        let (status, code, message) = dashboard.post(path, body).refusal();
        assert_eq!((status, code.as_str()), (403, "READ_ONLY"));
        assert!(message.contains("--allow-changes"), "{message}");
    }
    assert_eq!(dashboard.json("/api/session")["allow_changes"], false);
    let seen = dashboard.json("/api/services/example");
    let actions = seen["actions"].as_array().unwrap();
    assert!(
        actions.iter().all(|action| action["name"] != "square"),
        "{seen}"
    );
}

#[test]
fn requests_of_other_pages_and_hosts_are_refused() {
    let redis = Redis::start();
    let dashboard = Dashboard::start(&redis, &["--allow-changes", "--host", "fleet.example"]);
    let body = r#"{"service":"a","all":true}"#;
    let post = || Request::post("/api/dead/drop", body);
    let own = format!("http://{}", dashboard.address);
    let code = |request: &Request<'_>| {
        let reply = dashboard.ask(request);
        match reply.status {
            200 => "OK".to_owned(),
            _ => reply.refusal().1,
        }
    };
    for (request, expected) in [
        (post(), "OK"),
        (
            post()
                .with("Origin", &own)
                .with("Sec-Fetch-Site", "same-origin"),
            "OK",
        ),
        (
            post().with("Origin", "http://evil.example"),
            "FOREIGN_ORIGIN",
        ),
        (post().with("Origin", "null"), "FOREIGN_ORIGIN"),
        (
            post().with("Sec-Fetch-Site", "cross-site"),
            "FOREIGN_ORIGIN",
        ),
        (post().with("Sec-Fetch-Site", "same-site"), "FOREIGN_ORIGIN"),
        (post().without("X-Soa-Dashboard"), "FOREIGN_ORIGIN"),
        (
            post()
                .without("Content-Type")
                .with("Content-Type", "text/plain"),
            "FOREIGN_ORIGIN",
        ),
        (post().at("evil.example"), "WRONG_HOST"),
        (post().at("fleet.example"), "OK"),
        (Request::get("/api/fleet"), "OK"),
        (
            Request::get("/api/fleet").with("Sec-Fetch-Site", "cross-site"),
            "FOREIGN_ORIGIN",
        ),
        (
            Request::get("/api/events").with("Origin", "http://evil.example"),
            "FOREIGN_ORIGIN",
        ),
        (Request::get("/").at("evil.example:8080"), "WRONG_HOST"),
        (Request::get("/api/dead/drop"), "BAD_REQUEST"),
    ] {
        let (path, headers, host) = (request.path, &request.headers, request.host);
        assert_eq!(code(&request), expected, "{path} {headers:?} {host:?}");
    }
    let large = format!("{{\"service\":\"{}\"}}", "x".repeat(2 << 20));
    let reply = dashboard.ask(&Request::post("/api/dead/drop", &large));
    assert_eq!(reply.refusal().1, "TOO_LARGE");
}

#[test]
fn the_guide_names_all_flags() {
    let guide = include_str!("../../../../docs/guide/dashboard.md");
    let help = soa(&["dashboard", "--help"]).ok().out;
    let (own, _) = help.split_once("Connection and output:").unwrap();
    let flags = own
        .split_whitespace()
        .filter(|word| word.starts_with("--") && *word != "--help");
    let flags: Vec<&str> = flags.collect();
    assert!(flags.len() >= 7, "{help}");
    for flag in flags {
        assert!(guide.contains(&format!("`{flag}")), "{flag}");
    }
}

/// Runs the server until it ends by itself.
fn refused(redis: &Redis, flags: &[&str]) -> (i32, String) {
    let address = redis.addresses();
    let mut all = vec!["dashboard", "--redis", &address];
    all.extend(flags);
    let run = outcome(&command(&all).output().unwrap());
    (run.code.unwrap(), run.errors)
}

#[test]
fn an_address_that_others_reach_needs_a_login_of_some_length() {
    let redis = Redis::start();
    let (code, errors) = refused(&redis, &["--listen", "0.0.0.0:0"]);
    assert_eq!(code, 2, "{errors}");
    for part in [
        "other machines",
        "--token",
        "SOA_DASHBOARD_TOKEN",
        "--basic-auth",
        "127.0.0.1",
    ] {
        assert!(errors.contains(part), "{part} in {errors}");
    }
    let (code, errors) = refused(&redis, &["--listen", "0.0.0.0:0", "--token", "hunter2"]);
    assert_eq!(code, 2, "{errors}");
    assert!(
        errors.contains("too short") && !errors.contains("hunter2"),
        "{errors}"
    );
    let (code, errors) = refused(&redis, &["--listen", "nowhere"]);
    assert_eq!(code, 1, "{errors}");
    assert!(errors.contains("--listen 127.0.0.1:8080"), "{errors}");
    let (code, errors) = refused(&redis, &["--interval", "1ms"]);
    assert_eq!(code, 2, "{errors}");
    assert!(errors.contains("from 1s to 10s"), "{errors}");
    // With a token it may listen there.
    let dashboard = Dashboard::start(&redis, &["--token", TOKEN]);
    assert_eq!(dashboard.get("/api/fleet").status, 401);
}

#[test]
fn a_token_is_asked_for_and_a_session_begins_with_it() {
    let redis = Redis::start();
    let dashboard = Dashboard::start(&redis, &["--token", TOKEN, "--allow-changes"]);
    for path in [
        "/api/fleet",
        "/api/events",
        "/api/services/a",
        "/api/dead",
        "/api/nothing",
    ] {
        assert_eq!(dashboard.get(path).refusal().1, "SIGN_IN", "{path}");
    }
    let post = dashboard.post("/api/dead/drop", &json!({ "service": "a", "all": true }));
    assert_eq!(post.refusal().1, "SIGN_IN");
    let session = dashboard.json("/api/session");
    assert_eq!(
        (&session["login"], &session["is_signed_in"]),
        (&json!("token"), &json!(false))
    );
    assert_eq!(session["redis"], json!(null));
    for path in ["/", "/app.js"] {
        let page = dashboard.get(path);
        assert_eq!(page.status, 200);
        assert!(!page.body.contains(TOKEN));
    }
    let wrong = dashboard.post("/api/login", &json!({ "token": "0123456789abcdef0124" }));
    assert_eq!(wrong.refusal().1, "SIGN_IN");
    let right = dashboard.post("/api/login", &json!({ "token": TOKEN }));
    assert_eq!(right.status, 204, "{right:?}");
    let cookie = right.header("Set-Cookie").unwrap();
    assert!(
        cookie.contains("HttpOnly") && cookie.contains("SameSite=Strict"),
        "{cookie}"
    );
    assert!(!cookie.contains(TOKEN), "{cookie}");
    let pair = cookie.split(';').next().unwrap();
    let signed_in = Request::get("/api/fleet").with("Cookie", pair);
    assert_eq!(dashboard.ask(&signed_in).status, 200);
    let bearer = format!("Bearer {TOKEN}");
    let program = Request::get("/api/fleet").with("Authorization", &bearer);
    assert_eq!(dashboard.ask(&program).status, 200);
    let out = Request::post("/api/logout", "{}").with("Cookie", pair);
    assert_eq!(dashboard.ask(&out).status, 204);
    assert_eq!(dashboard.ask(&signed_in).status, 401);
}

#[test]
fn users_of_a_file_sign_in_by_the_browser_and_see_nothing_before() {
    let redis = Redis::start();
    let file = std::path::Path::new(env!("CARGO_TARGET_TMPDIR")).join("dashboard-users");
    std::fs::write(&file, "# users\n\nops:correct horse battery\n").unwrap();
    let dashboard = Dashboard::start(&redis, &["--basic-auth", file.to_str().unwrap()]);
    for path in ["/", "/app.js", "/api/session"] {
        let reply = dashboard.get(path);
        assert_eq!(reply.status, 401, "{path}");
        assert!(
            reply
                .header("WWW-Authenticate")
                .unwrap()
                .starts_with("Basic ")
        );
    }
    // `ops:correct horse battery`, and the same with another password.
    for (credentials, status) in [
        ("Basic b3BzOmNvcnJlY3QgaG9yc2UgYmF0dGVyeQ==", 200),
        ("Basic b3BzOmNvcnJlY3QgaG9yc2UgYmF0dGVyeg==", 401),
    ] {
        let request = Request::get("/api/session").with("Authorization", credentials);
        assert_eq!(dashboard.ask(&request).status, status, "{credentials}");
    }
    std::fs::write(&file, "correct horse battery\n").unwrap();
    let (code, errors) = refused(&redis, &["--basic-auth", file.to_str().unwrap()]);
    assert_eq!(code, 3, "{errors}");
    assert!(
        errors.contains("line 1: expected USER:PASSWORD"),
        "{errors}"
    );
    assert!(!errors.contains("horse"), "{errors}");
}

#[test]
fn a_login_that_may_not_look_is_told_by_its_name() {
    let redis = Redis::start();
    let login = [
        "ACL", "SETUSER", "blind", "on", ">blind", "~pysoa:*", "+ping", "+info",
    ];
    assert_eq!(redis_cli(&redis, &login), "OK");
    let address = format!("redis://blind:blind@{}", redis.addresses());
    let dashboard = Dashboard::at(&address, &[]);
    let fleet = dashboard.until("the notes or the problem tell", "/api/fleet", |fleet| {
        fleet["notes"][0].is_string() || fleet["redis"]["problem"].is_string()
    });
    let told = fleet.to_string();
    assert!(told.to_lowercase().contains("scan"), "{told}");
    assert!(!told.contains(":blind"), "{told}");
    let run = soa_at(&redis, &["services", "--interval", "0s"]);
    assert_eq!(run.code, Some(0), "{}", run.errors);
}
