//! Connections: kept, found stale, refused, hanging, limited, with TLS.

use std::time::{Duration, Instant};

use futures_util::future::join_all;
use soa_http::{
    Doors, HttpClient, HttpClientSettings, HttpListener, HttpServer, HttpSettings, HttpTransport,
};
use soa_runtime::{ActionError, Channel, Context, Server, Value, value};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpSocket, TcpStream};

use crate::support::{client, free_address, result, serve};

/// Answers one request of a connection.
async fn answer(socket: &mut TcpStream) {
    let mut request = [0; 4096];
    if socket.read(&mut request).await.unwrap() == 0 {
        return;
    }
    let body = r#"{"result":1,"exception":null}"#;
    let head = format!("HTTP/1.1 200 OK\r\ncontent-length: {}\r\n\r\n", body.len());
    socket.write_all((head + body).as_bytes()).await.unwrap();
}

/// A server whose connections answer once. They break with the second request, without an answer.
async fn breaking() -> String {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    tokio::spawn(async move {
        loop {
            let (mut socket, _) = listener.accept().await.unwrap();
            tokio::spawn(async move {
                answer(&mut socket).await;
                let mut second = [0; 4096];
                let _ = socket.read(&mut second).await;
            });
        }
    });
    url
}

#[tokio::test]
async fn a_kept_connection_that_breaks_is_replaced_where_a_second_attempt_is_safe() {
    let client = client(HttpTransport::json(breaking().await).unwrap());
    let call = || client.call_positional("tools", "one", [0; 0]);
    call().await.unwrap();
    call().idempotent().await.unwrap();
    // That one was the second on its connection.
    let error = call().await.unwrap_err();
    assert!(
        error.to_string().contains("it may have been run"),
        "{error}"
    );
    assert!(error.is_transient());
}

#[tokio::test]
async fn a_connection_that_was_closed_meanwhile_is_not_used_again() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    let server = tokio::spawn(async move {
        for _ in 0..5 {
            let (mut socket, _) = listener.accept().await.unwrap();
            answer(&mut socket).await;
        }
    });
    let client = client(HttpTransport::json(url).unwrap());
    for _ in 0..5 {
        client
            .call_positional("tools", "one", [0; 0])
            .await
            .unwrap();
        // Until the end of the connection has arrived.
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    server.await.unwrap();
}

#[tokio::test]
async fn a_refused_connection_says_that_nothing_was_sent() {
    let client = client(HttpTransport::json(format!("http://{}", free_address())).unwrap());
    let error = client
        .call_positional("tools", "one", [0; 0])
        .await
        .unwrap_err();
    assert!(error.to_string().contains("cannot be reached"), "{error}");
}

#[tokio::test]
async fn a_connection_that_hangs_takes_a_part_of_the_time_of_a_call() {
    let socket = TcpSocket::new_v4().unwrap();
    socket.bind("127.0.0.1:0".parse().unwrap()).unwrap();
    let listener = socket.listen(1).unwrap();
    let address = listener.local_addr().unwrap();
    // Nobody accepts, and the queue of the system is soon full: further connections hang.
    let mut waiting = Vec::new();
    for _ in 0..8 {
        let connecting = TcpStream::connect(address);
        waiting.push(tokio::time::timeout(Duration::from_millis(100), connecting).await);
    }
    let client = client(HttpTransport::json(format!("http://{address}")).unwrap());
    let call = client.call_positional("tools", "one", [0; 0]);
    let begun = Instant::now();
    let error = call.timeout(Duration::from_secs(3)).await.unwrap_err();
    assert!(
        begun.elapsed() < Duration::from_millis(2500),
        "{:?}",
        begun.elapsed()
    );
    let told = soa_runtime::redact::chain(&error, 1000);
    assert!(told.contains("no connection within 1s"), "{told}");
}

#[tokio::test]
async fn the_requests_of_a_host_are_limited() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    let open = std::sync::Arc::new(std::sync::atomic::AtomicUsize::new(0));
    let most = std::sync::Arc::new(std::sync::atomic::AtomicUsize::new(0));
    let noted = (open.clone(), most.clone());
    tokio::spawn(async move {
        use std::sync::atomic::Ordering::SeqCst;
        loop {
            let (mut socket, _) = listener.accept().await.unwrap();
            let (open, most) = noted.clone();
            tokio::spawn(async move {
                let mut request = [0; 4096];
                while socket.read(&mut request).await.is_ok_and(|read| read > 0) {
                    most.fetch_max(open.fetch_add(1, SeqCst) + 1, SeqCst);
                    tokio::time::sleep(Duration::from_millis(10)).await;
                    open.fetch_sub(1, SeqCst);
                    let body = r#"{"result":1,"exception":null}"#;
                    let head = format!("HTTP/1.1 200 OK\r\ncontent-length: {}\r\n\r\n", body.len());
                    if socket.write_all((head + body).as_bytes()).await.is_err() {
                        break;
                    }
                }
            });
        }
    });
    let mut settings = HttpClientSettings::default();
    settings.max_requests_per_host = 3;
    let http = HttpClient::new(&settings).unwrap();
    let client = client(HttpTransport::new(&http, Channel::Json, &url).unwrap());
    let calls = (0..20).map(|_| async { client.call_positional("tools", "one", [0; 0]).await });
    for outcome in join_all(calls).await {
        outcome.unwrap();
    }
    assert_eq!(most.load(std::sync::atomic::Ordering::SeqCst), 3);
}

#[tokio::test]
async fn a_response_over_the_limit_is_an_error() {
    let (url, _) = serve(|_, _| result(&format!("\"{}\"", "x".repeat(2000)))).await;
    let mut settings = HttpClientSettings::default();
    settings.max_response = 1000;
    let http = HttpClient::new(&settings).unwrap();
    let client = client(HttpTransport::new(&http, Channel::Json, &url).unwrap());
    let error = client
        .call_positional("tools", "one", [0; 0])
        .await
        .unwrap_err();
    let told = soa_runtime::redact::chain(&error, 1000);
    assert!(told.contains("larger than 1000 bytes"), "{told}");
}

fn slow() -> Server {
    let slow = |body: Value, _: Context| async move {
        tokio::time::sleep(Duration::from_millis(50)).await;
        Ok::<_, ActionError>(body)
    };
    Server::untyped("tools", "1.0.0")
        .action("slow", slow)
        .build()
        .unwrap()
}

#[tokio::test]
async fn many_calls_share_one_connection_of_http_2_and_its_certificate_has_to_be_trusted() {
    let folder = std::env::temp_dir().join(format!("soa-http-client-{}", std::process::id()));
    std::fs::create_dir_all(&folder).unwrap();
    let made = rcgen::generate_simple_self_signed(["localhost".to_owned()]).unwrap();
    let (certificate, key) = (folder.join("certificate.pem"), folder.join("key.pem"));
    std::fs::write(&certificate, made.cert.pem()).unwrap();
    std::fs::write(&key, made.signing_key.serialize_pem()).unwrap();
    let settings = serde_json::json!({
        "tls": { "certificate": certificate, "key": key },
        "max_connections": 1,
    });
    let settings: HttpSettings = serde_json::from_value(settings).unwrap();
    let doors = Doors::new(slow().into(), settings).unwrap();
    let listener = HttpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("https://localhost:{}/call", listener.address().port());
    let server = HttpServer::new(doors, listener).unwrap();
    tokio::spawn(server.run_until(std::future::pending(), Duration::ZERO));

    let distrusting = client(HttpTransport::call(&url).unwrap());
    let error = distrusting
        .call_action("tools", "slow", &value!({}))
        .await
        .unwrap_err();
    let told = soa_runtime::redact::chain(&error, 1000);
    assert!(told.contains("certificate"), "{told}");

    let mut settings = HttpClientSettings::default();
    settings.trusted_certificates = Some(certificate);
    let http = HttpClient::new(&settings).unwrap();
    let client = client(HttpTransport::new(&http, Channel::Call, &url).unwrap());
    // The server has room for one connection.
    let calls = (0..20).map(|_| async { client.call_action("tools", "slow", &value!({})).await });
    for outcome in join_all(calls).await {
        outcome.unwrap();
    }
    std::fs::remove_dir_all(folder).unwrap();
}
