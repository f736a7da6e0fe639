//! HTTP/1.1 and HTTP/2, with TLS and without.

use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use axum::body::Bytes;
use http_body_util::{BodyExt as _, Full};
use hyper::client::conn::http2::{SendRequest, handshake};
use hyper::{Request, StatusCode};
use hyper_util::rt::{TokioExecutor, TokioIo};
use rustls::pki_types::{CertificateDer, ServerName};
use rustls::{ClientConfig, RootCertStore};
use soa_http::{Doors, HttpListener, HttpServer, HttpSettings, HttpTlsSettings};
use soa_runtime::period::Period;
use tokio::io::{AsyncRead, AsyncReadExt as _, AsyncWrite, AsyncWriteExt as _};
use tokio::net::TcpStream;
use tokio_rustls::TlsConnector;
use tokio_rustls::client::TlsStream;

use crate::support::{Running, request, settings, tools, within};

/// A client of HTTP/2.
async fn http2<T>(io: T) -> SendRequest<Full<Bytes>>
where
    T: AsyncRead + AsyncWrite + Send + Unpin + 'static,
{
    let (send, connection) = handshake(TokioExecutor::new(), TokioIo::new(io))
        .await
        .unwrap();
    tokio::spawn(async move { drop(connection.await) });
    send
}

fn call(action: &str, body: &'static str) -> Request<Full<Bytes>> {
    let request = Request::post(format!("http://test/call/tools/{action}"));
    request.body(Full::from(body)).unwrap()
}

#[tokio::test]
async fn http2_without_tls_needs_prior_knowledge_alone() {
    let server = Running::start(HttpSettings::default());
    let peer = server.connect().await;
    let mut client = http2(peer.0).await;
    let calls = (0..20).map(|_| client.send_request(call("echo", r#"{"n":1}"#)));
    let calls: Vec<_> = calls.collect();
    for answer in calls {
        let answer = within("an answer", answer).await.unwrap();
        assert_eq!(answer.status(), StatusCode::OK);
        let body = answer.into_body().collect().await.unwrap().to_bytes();
        assert_eq!(&*body, br#"{"n":1}"#);
    }
}

#[tokio::test]
async fn a_stop_ends_http2_when_its_requests_are_answered() {
    let mut server = Running::start(HttpSettings::default());
    let peer = server.connect().await;
    let mut client = http2(peer.0).await;
    let running = client.send_request(call("sleep", r#"{"millis": 500}"#));
    let running = tokio::spawn(running);
    server.has_started(1).await;
    server.stop();
    let answer = within("the answer", running).await.unwrap().unwrap();
    assert_eq!(answer.status(), StatusCode::OK);
    drop(answer);
    let closed = async {
        while client.ready().await.is_ok() {
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    };
    within("the end of the connection", closed).await;
    let stopped = server.end().await;
    assert_eq!(stopped, Default::default());
}

#[tokio::test]
async fn connections_of_http2_end_in_the_drain_delay_and_new_ones_are_served() {
    let delay = Period::new(Duration::from_secs(600));
    let mut server = Running::start(settings(|all| all.drain_delay = Some(delay)));
    let mut client = http2(server.connect().await.0).await;
    let before = client.send_request(call("echo", r#"{"n":1}"#));
    assert_eq!(within("an answer", before).await.unwrap().status(), 200);
    let running = tokio::spawn(client.send_request(call("sleep", r#"{"millis": 300}"#)));
    server.has_started(2).await;
    server.stop();
    let answer = within("the answer", running).await.unwrap().unwrap();
    assert_eq!(answer.status(), StatusCode::OK);
    drop(answer);
    let ended = async {
        while client.ready().await.is_ok() {
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    };
    within("the end of the connection", ended).await;
    let mut next = http2(server.connect().await.0).await;
    let answer = next.send_request(call("echo", r#"{"n":2}"#));
    assert_eq!(within("an answer", answer).await.unwrap().status(), 200);
}

#[tokio::test]
async fn http2_without_a_request_is_closed_after_its_time() {
    let idle = Period::new(Duration::from_millis(300));
    let server = Running::start(settings(|all| {
        all.idle_timeout = idle;
        // Its frames are no heads that come slowly.
        all.header_timeout = Period::new(Duration::from_millis(50));
    }));
    let peer = server.connect().await;
    let mut client = http2(peer.0).await;
    let slow = client.send_request(call("sleep", r#"{"millis": 600}"#));
    assert_eq!(within("it", slow).await.unwrap().status(), StatusCode::OK);
    let closed = async {
        while client.ready().await.is_ok() {
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    };
    within("the end of the connection", closed).await;
}

#[tokio::test]
async fn an_answer_without_content_is_one_of_http2() {
    let server = Running::start(HttpSettings::default());
    let peer = server.connect().await;
    let mut client = http2(peer.0).await;
    let asked = Request::options("http://test/call/tools/echo").body(Full::default());
    let answer = client.send_request(asked.unwrap());
    let answer = within("an answer", answer).await.unwrap();
    assert_eq!(answer.status(), StatusCode::NO_CONTENT);
    assert!(!answer.headers().contains_key("content-length"));
    let body = answer.into_body().collect().await.unwrap().to_bytes();
    assert!(body.is_empty());
}

#[tokio::test]
async fn pings_do_not_keep_a_connection_of_http2_open() {
    let idle = Period::new(Duration::from_millis(300));
    let server = Running::start(settings(|all| all.idle_timeout = idle));
    let mut peer = server.connect().await;
    peer.send("PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n").await;
    // Settings, and then pings.
    peer.send([0, 0, 0, 4, 0, 0, 0, 0, 0]).await;
    let ping = [0, 0, 8, 6, 0, 0, 0, 0, 0, 1, 2, 3, 4, 5, 6, 7, 8];
    let (mut read, mut write) = peer.0.into_split();
    let pinging = tokio::spawn(async move {
        while write.write_all(&ping).await.is_ok() {
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
    });
    let mut seen = Vec::new();
    let end = read.read_to_end(&mut seen);
    // Without this, it would take all the time of the test.
    let _ = tokio::time::timeout(Duration::from_secs(20), end)
        .await
        .expect("the connection ends");
    pinging.abort();
}

#[tokio::test]
async fn a_head_of_http2_that_is_too_large_is_refused() {
    let server = Running::start(settings(|all| all.max_header_size = 8192));
    let peer = server.connect().await;
    let mut client = http2(peer.0).await;
    let mut large = call("echo", "{}");
    let value = "x".repeat(9000).parse().unwrap();
    large.headers_mut().insert("large", value);
    let answer = within("an answer", client.send_request(large)).await;
    if let Ok(answer) = answer {
        assert_eq!(answer.status(), StatusCode::REQUEST_HEADER_FIELDS_TOO_LARGE);
    }
    server.is_serving().await;
}

/// Files of a certificate for `localhost` and its key.
struct Files {
    certificate: PathBuf,
    key: PathBuf,
}

impl Files {
    fn new() -> Self {
        static NUMBER: AtomicUsize = AtomicUsize::new(0);
        let number = NUMBER.fetch_add(1, Ordering::Relaxed);
        let folder = std::path::Path::new(env!("CARGO_TARGET_TMPDIR"));
        let name = format!("http-{}-{number}", std::process::id());
        Self {
            certificate: folder.join(format!("{name}.pem")),
            key: folder.join(format!("{name}.key")),
        }
    }

    /// Writes a new certificate, and returns it.
    fn write(&self) -> CertificateDer<'static> {
        let made = rcgen::generate_simple_self_signed(["localhost".to_owned()]).unwrap();
        std::fs::write(&self.certificate, made.cert.pem()).unwrap();
        std::fs::write(&self.key, made.signing_key.serialize_pem()).unwrap();
        made.cert.der().clone()
    }

    fn settings(&self) -> HttpSettings {
        settings(|all| all.tls = Some(HttpTlsSettings::new(&self.certificate, &self.key)))
    }
}

impl Drop for Files {
    fn drop(&mut self) {
        let _ = std::fs::remove_file(&self.certificate);
        let _ = std::fs::remove_file(&self.key);
    }
}

async fn over_tls(
    server: &Running,
    certificate: &CertificateDer<'static>,
    protocol: &str,
) -> std::io::Result<TlsStream<TcpStream>> {
    let mut roots = RootCertStore::empty();
    roots.add(certificate.clone()).unwrap();
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let config = ClientConfig::builder_with_provider(provider);
    let config = config.with_safe_default_protocol_versions().unwrap();
    let mut config = config.with_root_certificates(roots).with_no_client_auth();
    config.alpn_protocols = vec![protocol.as_bytes().to_vec()];
    let socket = server.connect().await.0;
    let name = ServerName::try_from("localhost").unwrap();
    TlsConnector::from(Arc::new(config))
        .connect(name, socket)
        .await
}

#[tokio::test]
async fn over_tls_the_client_chooses_the_version() {
    let files = Files::new();
    let certificate = files.write();
    let server = Running::start(files.settings());
    let stream = over_tls(&server, &certificate, "h2").await.unwrap();
    assert_eq!(stream.get_ref().1.alpn_protocol(), Some(&b"h2"[..]));
    let mut client = http2(stream).await;
    let answer = client.send_request(call("echo", "{}"));
    assert_eq!(within("it", answer).await.unwrap().status(), StatusCode::OK);

    let mut stream = over_tls(&server, &certificate, "http/1.1").await.unwrap();
    let close = request("echo", "{}").replace("host: test", "host: test\r\nconnection: close");
    stream.write_all(close.as_bytes()).await.unwrap();
    let mut answer = String::new();
    let _ = within("the answer", stream.read_to_string(&mut answer)).await;
    assert!(answer.starts_with("HTTP/1.1 200 OK"), "{answer}");
}

#[tokio::test]
async fn a_certificate_that_is_renewed_is_used_without_a_restart() {
    let files = Files::new();
    let first = files.write();
    let server = Running::start(files.settings());
    assert!(over_tls(&server, &first, "h2").await.is_ok());
    let second = files.write();
    let renewed = async {
        while over_tls(&server, &second, "h2").await.is_err() {
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
    };
    within("the renewed certificate", renewed).await;
    // Files that cannot be used leave what there is.
    std::fs::write(&files.key, "nothing").unwrap();
    tokio::time::sleep(Duration::from_millis(1200)).await;
    assert!(over_tls(&server, &second, "h2").await.is_ok());
}

#[tokio::test]
async fn plain_http_on_the_port_of_tls_and_handshakes_that_end_harm_nobody() {
    let files = Files::new();
    let certificate = files.write();
    let server = Running::start(files.settings());
    let mut plain = server.connect().await;
    plain.send(request("echo", "{}")).await;
    let mut answer = Vec::new();
    let _ = within("the end", plain.0.read_to_end(&mut answer)).await;
    let mut silent = server.connect().await;
    silent.send([0x16, 0x03]).await;
    assert!(over_tls(&server, &certificate, "h2").await.is_ok());
}

#[tokio::test]
async fn files_of_tls_that_cannot_be_used_are_told() {
    let files = Files::new();
    let listener = || HttpListener::bind("127.0.0.1:0").unwrap();
    let doors = || Doors::new(tools().into(), files.settings()).unwrap();
    let error = HttpServer::new(doors(), listener())
        .unwrap_err()
        .to_string();
    assert!(error.starts_with("TLS of HTTP cannot be used: "), "{error}");
    assert!(error.contains(".pem: No such file"), "{error}");
    files.write();
    std::fs::write(&files.certificate, "nothing").unwrap();
    let error = HttpServer::new(doors(), listener())
        .unwrap_err()
        .to_string();
    assert!(error.contains("no certificate found"), "{error}");
}
