//! The stop of a listener.

use std::time::{Duration, Instant};

use soa_runtime::period::Period;

use crate::support::{Running, request, settings, within};
use soa_http::HttpSettings;

#[tokio::test]
async fn running_requests_are_answered_and_no_more_are_taken() {
    let mut server = Running::start(HttpSettings::default());
    let mut busy = server.connect().await;
    // The second one waits on the same connection.
    let both = request("sleep", r#"{"millis": 500}"#) + &request("echo", r#"{"second": 1}"#);
    busy.send(both).await;
    server.has_started(1).await;
    let address = server.address;
    server.stop();
    let answers = busy.rest().await;
    assert!(answers.contains("connection: close"), "{answers}");
    assert!(answers.contains("slept"), "{answers}");
    assert!(!answers.contains("second"), "{answers}");
    let stopped = server.end().await;
    assert_eq!((stopped.given_up, stopped.aborted), (0, 0));
    assert!(!stopped.has_unsent);
    assert!(tokio::net::TcpStream::connect(address).await.is_err());
}

#[tokio::test]
async fn connections_without_a_request_do_not_hold_it_up() {
    let mut server = Running::start(HttpSettings::default());
    let _fresh = server.connect().await;
    let mut half = server.connect().await;
    half.send("POST /call/tools/echo HT").await;
    let mut used = server.connect().await;
    used.send(request("echo", "{}")).await;
    used.answer().await;
    let since = Instant::now();
    server.stop();
    assert_eq!(used.rest().await, "");
    let stopped = server.end().await;
    assert!(since.elapsed() < Duration::from_secs(20));
    assert_eq!(stopped, Default::default());
}

#[tokio::test]
async fn a_client_that_has_stopped_reading_does_not_hold_it_up_and_is_told_of() {
    let mut server = Running::start(HttpSettings::default());
    let mut peer = server.connect().await;
    peer.send(request("large", r#"{"size": 50000000}"#)).await;
    server.has_started(1).await;
    server.is_serving().await;
    let since = Instant::now();
    server.stop();
    let stopped = server.end().await;
    assert!(since.elapsed() < Duration::from_secs(20));
    assert!(stopped.has_unsent);
    assert_eq!((stopped.given_up, stopped.aborted), (0, 0));
}

#[tokio::test]
async fn jobs_that_outlast_the_grace_are_given_up_and_answered() {
    let grace = Duration::from_millis(300);
    let mut server = Running::with_grace(HttpSettings::default(), grace);
    let mut peer = server.connect().await;
    peer.send(request("sleep", r#"{"millis": 600000}"#)).await;
    // A started job goes on when its caller is gone.
    let mut gone = server.connect().await;
    gone.send(request("sleep", r#"{"millis": 600000}"#)).await;
    server.has_started(2).await;
    drop(gone);
    server.stop();
    let answer = peer.rest().await;
    assert!(answer.starts_with("HTTP/1.1 504 "), "{answer}");
    assert!(answer.contains("ACTION_TIMEOUT"), "{answer}");
    let stopped = server.end().await;
    assert_eq!((stopped.given_up, stopped.aborted), (2, 0));
    assert!(!stopped.has_unsent);
}

#[tokio::test]
async fn each_answer_of_the_drain_delay_ends_its_connection() {
    let delay = Period::new(Duration::from_secs(600));
    let mut server = Running::start(settings(|all| all.drain_delay = Some(delay)));
    let mut idle = server.connect().await;
    idle.send(request("echo", r#"{"n":1}"#)).await;
    let before = idle.answer().await;
    assert!(!before.contains("connection: close"), "{before}");
    server.stop();
    let leaving = async {
        // The first answer that tells it may be one of a new connection.
        while !server
            .connect()
            .await
            .call("echo", "{}")
            .await
            .contains("connection: close")
        {}
    };
    within("the drain delay", leaving).await;
    idle.send(request("echo", r#"{"n":2}"#)).await;
    let last = idle.rest().await;
    assert!(last.starts_with("HTTP/1.1 200 OK"), "{last}");
    assert!(last.contains("connection: close"), "{last}");
    assert!(last.ends_with(r#"{"n":2}"#), "{last}");
}

#[tokio::test]
async fn it_serves_on_for_the_drain_delay() {
    let delay = Period::new(Duration::from_secs(1));
    let mut server = Running::start(settings(|all| all.drain_delay = Some(delay)));
    let since = Instant::now();
    server.stop();
    tokio::time::sleep(Duration::from_millis(300)).await;
    server.is_serving().await;
    let stopped = server.end().await;
    assert!(since.elapsed() >= Duration::from_secs(1));
    assert_eq!(stopped, Default::default());
}
