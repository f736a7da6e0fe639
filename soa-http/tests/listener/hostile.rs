//! Requests that no client should send. Others are served meanwhile.

use crate::support::{Running, request, settings};
use soa_http::HttpSettings;

#[tokio::test]
async fn two_lengths_that_differ_are_refused() {
    let server = Running::start(HttpSettings::default());
    let mut peer = server.connect().await;
    peer.send(
        "POST /call/tools/echo HTTP/1.1\r\nhost: a\r\ncontent-length: 2\r\ncontent-length: 30\r\n\r\n{}",
    )
    .await;
    let answer = peer.rest().await;
    assert!(answer.starts_with("HTTP/1.1 400 "), "{answer}");
    assert_eq!(server.server.stats().jobs(), 0);
    server.is_serving().await;
}

#[tokio::test]
async fn what_follows_a_length_beside_chunks_is_no_second_request() {
    let server = Running::start(HttpSettings::default());
    let hidden = request("echo", r#"{"hidden": 1}"#);
    for headers in [
        "content-length: 4\r\ntransfer-encoding: chunked",
        "transfer-encoding: chunked\r\ncontent-length: 4",
    ] {
        let mut peer = server.connect().await;
        peer.send(format!(
            "POST /call/tools/echo HTTP/1.1\r\nhost: a\r\n{headers}\r\n\r\n2\r\n{{}}\r\n0\r\n\r\n{hidden}"
        ))
        .await;
        let answer = peer.rest().await;
        // One answer, and the connection is closed.
        assert_eq!(answer.matches("HTTP/1.1 ").count(), 1, "{answer}");
        assert!(!answer.contains("hidden"), "{answer}");
    }
    server.is_serving().await;
}

#[tokio::test]
async fn chunks_that_are_none_and_transfer_encodings_that_are_not_known_are_refused() {
    let server = Running::start(HttpSettings::default());
    let head = "POST /call/tools/echo HTTP/1.1\r\nhost: a\r\n";
    for rest in [
        "transfer-encoding: chunked\r\n\r\nzz\r\n{}\r\n0\r\n\r\n",
        "transfer-encoding: chunked\r\n\r\n-2\r\n{}\r\n0\r\n\r\n",
        "transfer-encoding: chunked\r\n\r\nffffffffffffffffff\r\n{}\r\n0\r\n\r\n",
        "transfer-encoding: chunked\r\n\r\n2\r\n{}0\r\n\r\n",
        "transfer-encoding: chunked, identity\r\n\r\n2\r\n{}\r\n0\r\n\r\n",
        "transfer-encoding: gzip\r\n\r\n{}",
        "content-length: -1\r\n\r\n{}",
        "content-length: 99999999999999999999999\r\n\r\n{}",
        "content-length: 2, 3\r\n\r\n{}",
    ] {
        let mut peer = server.connect().await;
        peer.send(format!("{head}{rest}")).await;
        let answer = peer.rest().await;
        assert!(answer.starts_with("HTTP/1.1 400 "), "{rest}: {answer}");
    }
    assert_eq!(server.server.stats().jobs(), 0);
    server.is_serving().await;
}

#[tokio::test]
async fn bytes_that_are_no_http_are_refused() {
    let server = Running::start(HttpSettings::default());
    for bytes in [
        &b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03"[..],
        b"hello\r\n\r\n",
        b"GET  / HTTP/1.1\r\n\r\n",
        b"GET / HTTP/9.9\r\n\r\n",
        b"GET / HTTP/1.1\r\nbad header\r\n\r\n",
        b"GET / HTTP/1.1\r\nbad\0: 1\r\n\r\n",
        b"\0\0\0\0\r\n\r\n",
        b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\nthat is no frame of it, whatever it is",
    ] {
        let mut peer = server.connect().await;
        peer.send(bytes).await;
        // It need not be text.
        let mut answer = Vec::new();
        let read = tokio::io::AsyncReadExt::read_to_end(&mut peer.0, &mut answer);
        let _ = crate::support::within("the end", read).await;
        let text = String::from_utf8_lossy(&answer);
        assert!(!text.contains(" 200 "), "{bytes:?}: {text}");
    }
    server.is_serving().await;
}

#[tokio::test]
async fn a_request_that_ends_early_ends_alone() {
    let server = Running::start(HttpSettings::default());
    let whole = request("echo", r#"{"n": 1}"#);
    for end in 0..whole.len() {
        let mut peer = server.connect().await;
        peer.send(&whole[..end]).await;
        drop(peer);
    }
    server.is_serving().await;
    assert_eq!(server.server.stats().jobs(), 1);
}

#[tokio::test]
async fn a_body_that_is_malformed_is_told_in_words_of_the_doors() {
    let server = Running::start(HttpSettings::default());
    let mut peer = server.connect().await;
    peer.send(
        "POST /call/tools/echo HTTP/1.1\r\nhost: a\r\ntransfer-encoding: chunked\r\n\r\nzz\r\n",
    )
    .await;
    let answer = peer.rest().await;
    let told = "The body ended early, or is malformed";
    assert!(answer.contains(told), "{answer}");
    server.is_serving().await;
}

#[tokio::test]
async fn a_path_that_nothing_has_is_told() {
    let server = Running::start(HttpSettings::default());
    for (method, body) in [
        ("GET", r#"{"detail":"Not Found"}"#),
        ("HEAD", ""),
        ("POST", r#"{"detail":"Not Found"}"#),
    ] {
        let mut peer = server.connect().await;
        peer.send(format!(
            "{method} /nothing/here HTTP/1.1\r\nhost: a\r\nx-correlation-id: abc\r\nconnection: close\r\n\r\n"
        ))
        .await;
        let answer = peer.rest().await;
        assert!(answer.starts_with("HTTP/1.1 404 Not Found\r\n"), "{answer}");
        let json = "content-type: application/json\r\n";
        assert!(answer.contains(json), "{answer}");
        assert!(answer.contains("content-length: 22\r\n"), "{answer}");
        assert!(answer.contains("x-correlation-id: abc\r\n"), "{answer}");
        assert!(answer.ends_with(&format!("\r\n\r\n{body}")), "{answer}");
    }
}

#[tokio::test]
async fn requests_in_a_row_are_answered_in_their_order() {
    let server = Running::start(HttpSettings::default());
    let mut peer = server.connect().await;
    let many: String = (0..200)
        .map(|n| request("echo", &format!(r#"{{"n":{n}}}"#)))
        .collect();
    peer.send(many).await;
    peer.send("GET /call/tools HTTP/1.1\r\nhost: a\r\nconnection: close\r\n\r\n")
        .await;
    let answers = peer.rest().await;
    let order = answers.split("{\"n\":").skip(1);
    let order: Vec<usize> = order
        .map(|rest| rest.split('}').next().unwrap().parse().unwrap())
        .collect();
    assert_eq!(order, (0..200).collect::<Vec<_>>());
}

#[tokio::test]
async fn a_flood_of_large_bodies_is_refused_before_memory_is_full() {
    // Room for 64 bodies of the largest size.
    let server = Running::start(settings(|all| all.max_body = 100_000));
    let mut peers = Vec::new();
    for _ in 0..100 {
        let mut peer = server.connect().await;
        let head = "POST /call/tools/echo HTTP/1.1\r\nhost: a\r\ncontent-length: 100000\r\n\r\n";
        peer.send(head).await;
        peer.try_send("x".repeat(99_000)).await;
        peers.push(peer);
    }
    // Small bodies are served all the while.
    server.is_serving().await;
    let mut refused = 0;
    for peer in &mut peers {
        let answer = tokio::time::timeout(std::time::Duration::from_millis(100), peer.answer());
        if let Ok(answer) = answer.await {
            assert!(answer.starts_with("HTTP/1.1 503 "), "{answer}");
            refused += 1;
        }
    }
    assert!(refused >= 30, "{refused}");
}
