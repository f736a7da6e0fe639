//! A Redis that is away, and comes back.

use std::net::TcpListener;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use serde_json::json;

use super::Dashboard;

/// A Redis on a port of its own, which can be stopped and started again.
struct Mortal {
    port: u16,
    child: Option<Child>,
}

impl Mortal {
    fn new() -> Self {
        let socket = TcpListener::bind("127.0.0.1:0").unwrap();
        let port = socket.local_addr().unwrap().port();
        Self { port, child: None }
    }

    fn address(&self) -> String {
        format!("127.0.0.1:{}", self.port)
    }

    fn start(&mut self) {
        let port = self.port.to_string();
        let mut command = Command::new("redis-server");
        command.args([
            "--port",
            &port,
            "--bind",
            "127.0.0.1",
            "--save",
            "",
            "--appendonly",
            "no",
        ]);
        self.child = Some(command.stdout(Stdio::null()).spawn().unwrap());
    }

    fn stop(&mut self) {
        if let Some(mut child) = self.child.take() {
            let _ = child.kill();
            let _ = child.wait();
        }
    }

    fn push(&self, service: &str) -> bool {
        let port = self.port.to_string();
        let key = format!("pysoa:service.{service}");
        let output = Command::new("redis-cli")
            .args(["-p", &port, "RPUSH", &key, "x"])
            .output();
        output.is_ok_and(|output| output.stdout.starts_with(b"1"))
    }

    /// Sends it a signal.
    fn signal(&self, name: &str) {
        let pid = self.child.as_ref().unwrap().id().to_string();
        let sent = Command::new("kill").args([name, &pid]).status();
        assert!(sent.unwrap().success());
    }
}

impl Drop for Mortal {
    fn drop(&mut self) {
        self.stop();
    }
}

#[test]
fn a_redis_that_is_away_is_said_since_when_and_it_goes_on_with_the_next_one() {
    let mut redis = Mortal::new();
    // It is not there yet, and the page is all the same.
    let dashboard = Dashboard::at(&redis.address(), &["--allow-changes"]);
    let fleet = dashboard.until("Redis is away", "/api/fleet", |fleet| {
        fleet["redis"]["is_up"] == false
    });
    assert_eq!(
        (&fleet["at"], &fleet["services"]),
        (&json!(null), &json!([]))
    );
    redis.start();
    crate::support::until("Redis answers", || redis.push("mail"));
    let fleet = dashboard.until("Redis is back", "/api/fleet", |fleet| {
        fleet["services"][0]["name"] == "mail"
    });
    assert_eq!(
        (&fleet["redis"]["is_up"], &fleet["redis"]["down_since"]),
        (&json!(true), &json!(null))
    );

    redis.stop();
    let fleet = dashboard.until("Redis is away", "/api/fleet", |fleet| {
        fleet["redis"]["is_up"] == false
    });
    let redis_told = &fleet["redis"];
    assert!(
        redis_told["problem"]
            .as_str()
            .is_some_and(|problem| !problem.is_empty()),
        "{fleet}"
    );
    // What was seen stays, with its time, which is before.
    assert_eq!(fleet["services"][0]["name"], "mail");
    assert!(
        fleet["at"].as_f64() < redis_told["down_since"].as_f64(),
        "{fleet}"
    );
    let since = redis_told["down_since"].clone();
    for path in [
        "/api/dead",
        "/api/services/mail/queue",
        "/api/services/mail/description",
        "/api/check",
    ] {
        let begun = Instant::now();
        let (status, code, message) = dashboard.get(path).refusal();
        assert_eq!(
            (status, code.as_str()),
            (503, "REDIS_AWAY"),
            "{path}: {message}"
        );
        assert!(begun.elapsed() < Duration::from_secs(5), "{path}");
    }
    let call = json!({ "service": "mail", "action": "send" });
    assert_eq!(dashboard.post("/api/call", &call).refusal().1, "REDIS_AWAY");
    for path in [
        "/api/services/mail",
        "/api/services/mail/history",
        "/api/graph",
        "/api/session",
    ] {
        assert_eq!(dashboard.get(path).status, 200, "{path}");
    }
    assert_eq!(dashboard.json("/api/fleet")["redis"]["down_since"], since);

    redis.start();
    crate::support::until("Redis answers", || redis.push("news"));
    let fleet = dashboard.until("Redis is back", "/api/fleet", |fleet| {
        fleet["services"][0]["name"] == "news"
    });
    assert_eq!(fleet["redis"]["is_up"], true);
}

#[test]
fn a_redis_that_hangs_holds_up_no_request() {
    let mut redis = Mortal::new();
    redis.start();
    crate::support::until("Redis answers", || redis.push("mail"));
    let dashboard = Dashboard::at(&redis.address(), &[]);
    dashboard.until_service("mail", |mail| mail["depth"] == 1);
    redis.signal("-STOP");
    let begun = Instant::now();
    let (status, code, _) = dashboard.get("/api/dead?service=mail").refusal();
    assert!([503, 504].contains(&status), "{code}");
    let fleet = dashboard.until("Redis is away", "/api/fleet", |fleet| {
        fleet["redis"]["is_up"] == false
    });
    assert!(
        begun.elapsed() < Duration::from_secs(30),
        "{:?}",
        begun.elapsed()
    );
    assert_eq!(fleet["services"][0]["name"], "mail");
    redis.signal("-CONT");
    dashboard.until("Redis is back", "/api/fleet", |fleet| {
        fleet["redis"]["is_up"] == true
    });
}

#[test]
fn one_of_two_masters_that_is_away_is_a_note_and_the_rest_is_shown() {
    let mut masters = [Mortal::new(), Mortal::new()];
    for master in &mut masters {
        master.start();
    }
    crate::support::until("both answer", || {
        let [first, second] = &masters;
        first.push("mail") && second.push("mail")
    });
    let addresses = masters.each_ref().map(Mortal::address).join(",");
    let dashboard = Dashboard::at(&addresses, &[]);
    dashboard.until_service("mail", |mail| mail["depth"] == 2);
    masters[1].stop();
    let lost = masters[1].address();
    let fleet = dashboard.until("a note names it", "/api/fleet", |fleet| {
        fleet["notes"].to_string().contains(&lost)
    });
    assert_eq!(fleet["redis"]["is_up"], true);
    assert_eq!(fleet["services"][0]["depth"], 1, "{fleet}");
    let queue = dashboard.json("/api/services/mail/queue");
    assert_eq!(queue["requests"].as_array().unwrap().len(), 1, "{queue}");
    masters[1].start();
    dashboard.until("no note is left", "/api/fleet", |fleet| {
        fleet["notes"] == json!([])
    });
}
