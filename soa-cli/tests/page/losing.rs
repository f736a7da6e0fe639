//! Redis or the dashboard is lost: the page says so, and goes on when it is back.

use std::process::Command;

use crate::fleet::Fleet;
use crate::processes::Redis;
use crate::services::redis_cli;
use crate::window::{Dashboard, Window};

fn signal(signal: &str, pid: &str) {
    let sent = Command::new("kill").args([signal, pid]).status();
    assert!(sent.unwrap().success());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_redis_that_does_not_answer_is_said_until_it_does() {
    let redis = Redis::start();
    let _fleet = Fleet::start(&redis);
    let dashboard = Dashboard::start(&redis);
    let about = redis_cli(&redis, &["INFO", "server"]);
    let pid = about
        .lines()
        .find_map(|line| line.strip_prefix("process_id:"));
    let pid = pid.unwrap().trim().to_owned();
    tokio::task::spawn_blocking(move || {
        let mut window = Window::open(&dashboard, "");
        window.wait_for("tr[data-id=books]");
        signal("-STOP", &pid);
        window.wait_for_text("does not answer since");
        window.wait_for_text("no Redis");
        // What was seen last is still there.
        window.wait_for("tr[data-id=books]");
        window.picture("redis-away");
        signal("-CONT", &pid);
        window
            .browser
            .wait_for("document.querySelector('.banner') === null");
        window.wait_for_text("live");
    })
    .await
    .unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_dashboard_that_has_ended_is_said_and_found_again() {
    let redis = Redis::start();
    let _fleet = Fleet::start(&redis);
    let dashboard = Dashboard::start(&redis);
    tokio::task::spawn_blocking(move || {
        let address = dashboard.address();
        let mut window = Window::open(&dashboard, "#/services/books");
        window.wait_for_text("Requests waiting");
        drop(dashboard);
        window.wait_for_text("No connection to the dashboard since");
        window.wait_for_text("no connection");
        window.wait_for_text("Requests waiting");
        window.picture("dashboard-away");
        let _again = Dashboard::start_with(&redis, &address, &[]);
        window
            .browser
            .wait_for("document.querySelector('.banner') === null");
        window.wait_for_text("read-only");
    })
    .await
    .unwrap();
}
