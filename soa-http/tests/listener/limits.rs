//! Limits of the size and of the time of a request.

use std::time::{Duration, Instant};

use soa_runtime::period::Period;

use crate::support::{Running, request, settings, within};

fn millis(millis: u64) -> Period {
    Period::new(Duration::from_millis(millis))
}

#[tokio::test]
async fn a_body_that_announces_too_much_is_refused_before_it_is_sent() {
    let server = Running::start(settings(|all| all.max_body = 1000));
    let mut peer = server.connect().await;
    peer.send("POST /call/tools/echo HTTP/1.1\r\nhost: a\r\ncontent-length: 1001\r\n\r\n")
        .await;
    let answer = peer.answer().await;
    assert!(answer.starts_with("HTTP/1.1 413 "), "{answer}");
    server.is_serving().await;
}

#[tokio::test]
async fn a_body_that_grows_too_large_is_refused_and_its_answer_arrives() {
    let server = Running::start(settings(|all| all.max_body = 100_000));
    let mut peer = server.connect().await;
    peer.send("POST /call/tools/echo HTTP/1.1\r\nhost: a\r\ntransfer-encoding: chunked\r\n\r\n")
        .await;
    let chunk = format!("4000\r\n{}\r\n", "x".repeat(0x4000));
    for _ in 0..50 {
        if !peer.try_send(&chunk).await {
            break;
        }
    }
    let answer = peer.rest().await;
    assert!(answer.starts_with("HTTP/1.1 413 "), "{answer}");
    server.is_serving().await;
}

#[tokio::test]
async fn a_head_that_is_too_large_or_has_too_many_headers_is_refused() {
    let server = Running::start(settings(|all| all.max_header_size = 8192));
    let mut peer = server.connect().await;
    let long = "x".repeat(9000);
    peer.try_send(format!("GET / HTTP/1.1\r\nhost: a\r\nlong: {long}\r\n\r\n"))
        .await;
    let answer = peer.rest().await;
    assert!(answer.starts_with("HTTP/1.1 431 "), "{answer}");

    for (most, given) in [(100, 101), (10, 11)] {
        let server = Running::start(settings(|all| all.max_headers = most));
        let mut peer = server.connect().await;
        let headers: String = (0..given).map(|n| format!("h{n}: 1\r\n")).collect();
        peer.send(format!("GET / HTTP/1.1\r\n{headers}\r\n")).await;
        let answer = peer.rest().await;
        assert!(answer.starts_with("HTTP/1.1 431 "), "{answer}");
    }
}

#[tokio::test]
async fn a_head_that_does_not_come_in_time_is_answered_with_408() {
    let server = Running::start(settings(|all| all.header_timeout = millis(200)));
    for sent in [
        "GET / HT",
        "POST /call/tools/echo HTTP/1.1\r\nhost: a\r\n",
        "P",
    ] {
        let mut peer = server.connect().await;
        peer.send(sent).await;
        let answer = peer.rest().await;
        assert!(answer.starts_with("HTTP/1.1 408 "), "{answer}");
        assert!(answer.ends_with("did not come in time\"}"), "{answer}");
    }
    // The time begins with the first byte of each request.
    let mut peer = server.connect().await;
    tokio::time::sleep(Duration::from_millis(300)).await;
    peer.send(request("echo", "{}")).await;
    assert!(peer.answer().await.starts_with("HTTP/1.1 200 "));
    tokio::time::sleep(Duration::from_millis(300)).await;
    peer.send(request("echo", "{}")).await;
    assert!(peer.answer().await.starts_with("HTTP/1.1 200 "));
}

#[tokio::test]
async fn a_head_that_begins_behind_a_request_that_runs_has_its_own_time() {
    let server = Running::start(settings(|all| all.header_timeout = millis(200)));
    for is_apart in [false, true] {
        let mut peer = server.connect().await;
        let first = request("sleep", r#"{"millis": 500}"#);
        let jobs = server.server.stats().jobs();
        if is_apart {
            peer.send(&first).await;
            server.has_started(jobs + 1).await;
            peer.send("GET / HT").await;
        } else {
            peer.send(format!("{first}GET / HT")).await;
        }
        let answers = peer.rest().await;
        assert!(answers.starts_with("HTTP/1.1 200 "), "{answers}");
        assert!(answers.contains("HTTP/1.1 408 "), "{answers}");
    }
    // One that is completed is answered, even if that took longer than the request before it.
    let mut peer = server.connect().await;
    let first = request("sleep", r#"{"millis": 500}"#);
    let second = "GET /call/tools/status HTTP/1.1\r\nhost: a\r\nconnection: close\r\n\r\n";
    let (start, end) = second.split_at(20);
    peer.send(format!("{first}{start}")).await;
    tokio::time::sleep(Duration::from_millis(300)).await;
    peer.send(end).await;
    let answers = peer.rest().await;
    assert_eq!(answers.matches("HTTP/1.1 200 ").count(), 2, "{answers}");
}

#[tokio::test]
async fn bytes_that_drip_do_not_extend_the_time_of_a_head_or_a_body() {
    let server = Running::start(settings(|all| {
        all.header_timeout = millis(300);
        all.body_timeout = millis(300);
    }));
    let body = "POST /call/tools/echo HTTP/1.1\r\nhost: a\r\ncontent-length: 100000\r\n\r\n";
    for start in ["GET / HTTP/1.1\r\nh: ", body] {
        let mut peer = server.connect().await;
        peer.send(start).await;
        while peer.try_send("x").await {
            tokio::time::sleep(Duration::from_millis(20)).await;
            let mut seen = [0; 1];
            let looked = tokio::time::timeout(Duration::ZERO, peer.0.peek(&mut seen)).await;
            if looked.is_ok() {
                break;
            }
        }
        let answer = peer.rest().await;
        assert!(answer.starts_with("HTTP/1.1 408 "), "{answer}");
        assert!(answer.contains("did not come in time"), "{answer}");
    }
}

#[tokio::test]
async fn a_connection_without_a_request_is_closed_after_its_time() {
    let server = Running::start(settings(|all| all.idle_timeout = millis(300)));
    let mut fresh = server.connect().await;
    assert_eq!(fresh.rest().await, "");
    let mut used = server.connect().await;
    used.send(request("echo", "{}")).await;
    used.answer().await;
    let since = Instant::now();
    assert_eq!(used.rest().await, "");
    assert!(since.elapsed() >= Duration::from_millis(250));
    // A request that runs is none that waits.
    let mut busy = server.connect().await;
    busy.send(request("sleep", r#"{"millis": 1000}"#)).await;
    assert!(busy.answer().await.contains("1000"));
}

#[tokio::test]
async fn a_peer_that_does_not_read_is_closed_after_its_time() {
    let server = Running::start(settings(|all| all.write_timeout = millis(300)));
    let mut peer = server.connect().await;
    peer.send(request("large", r#"{"size": 50000000}"#)).await;
    server.has_started(1).await;
    tokio::time::sleep(Duration::from_millis(1500)).await;
    let mut read = Vec::new();
    let _ = within(
        "the end",
        tokio::io::AsyncReadExt::read_to_end(&mut peer.0, &mut read),
    )
    .await;
    assert!(read.len() < 50_000_000, "{}", read.len());
    server.is_serving().await;
}

#[tokio::test]
async fn requests_beyond_the_limit_are_told_to_come_again() {
    let server = Running::start(settings(|all| all.concurrency = 1));
    let mut first = server.connect().await;
    first.send(request("sleep", r#"{"millis": 1000}"#)).await;
    server.has_started(1).await;
    let refused = server.connect().await.call("echo", "{}").await;
    assert!(refused.starts_with("HTTP/1.1 503 "), "{refused}");
    assert!(refused.contains("retry-after: 1\r\n"), "{refused}");
    assert!(first.answer().await.starts_with("HTTP/1.1 200 "));
    server.is_serving().await;
}

#[tokio::test]
async fn bodies_that_come_slowly_take_no_place_of_requests_that_run() {
    let server = Running::start(settings(|all| all.concurrency = 2));
    let mut slow = Vec::new();
    for _ in 0..50 {
        let mut peer = server.connect().await;
        let head = "POST /call/tools/echo HTTP/1.1\r\nhost: a\r\ncontent-length: 100\r\n\r\n";
        peer.send(format!("{head}{{")).await;
        slow.push(peer);
    }
    server.is_serving().await;
    drop(slow);
}

#[tokio::test]
async fn connections_beyond_the_limit_wait_for_a_place() {
    let server = Running::start(settings(|all| all.max_connections = 1));
    let mut first = server.connect().await;
    first.send(request("echo", "{}")).await;
    first.answer().await;
    let mut second = server.connect().await;
    second.send(request("echo", "{}")).await;
    let waiting = tokio::time::timeout(Duration::from_millis(100), second.answer());
    assert!(waiting.await.is_err());
    drop(first);
    assert!(second.answer().await.starts_with("HTTP/1.1 200 "));
}
