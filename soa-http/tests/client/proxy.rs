//! Proxies: only where settings say so.

use std::process::Command;

use soa_http::{HttpClient, HttpClientSettings, HttpTransport};
use soa_runtime::Channel;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream};

use crate::support::{client, result, serve};

/// The variable with the address that the inner test calls.
const URL: &str = "SOA_HTTP_TEST_URL";

/// The variable that says whether the inner test uses the proxy.
const USES: &str = "SOA_HTTP_TEST_USES_PROXY";

#[tokio::test]
#[ignore = "run by the test below, with an environment of its own"]
async fn calls_with_the_environment() {
    let mut settings = HttpClientSettings::default();
    settings.proxy_from_environment = std::env::var(USES).unwrap() == "yes";
    let http = HttpClient::new(&settings).unwrap();
    let url = std::env::var(URL).unwrap();
    let client = client(HttpTransport::new(&http, Channel::Json, &url).unwrap());
    client
        .call_positional("tools", "one", [0; 0])
        .await
        .unwrap();
}

/// A proxy of one kind of request: `CONNECT`.
async fn proxy() -> (String, std::sync::Arc<std::sync::atomic::AtomicUsize>) {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    let count = std::sync::Arc::new(std::sync::atomic::AtomicUsize::new(0));
    let counted = std::sync::Arc::clone(&count);
    tokio::spawn(async move {
        loop {
            let (mut socket, _) = listener.accept().await.unwrap();
            counted.fetch_add(1, std::sync::atomic::Ordering::SeqCst);
            tokio::spawn(async move {
                let mut head = [0; 4096];
                let read = socket.read(&mut head).await.unwrap();
                let head = String::from_utf8_lossy(&head[..read]).into_owned();
                let target = head.strip_prefix("CONNECT ").unwrap();
                let target = target.split(' ').next().unwrap();
                let mut other = TcpStream::connect(target).await.unwrap();
                socket.write_all(b"HTTP/1.1 200 OK\r\n\r\n").await.unwrap();
                let _ = tokio::io::copy_bidirectional(&mut socket, &mut other).await;
            });
        }
    });
    (url, count)
}

#[tokio::test(flavor = "multi_thread")]
async fn a_proxy_of_the_environment_is_used_only_if_settings_say_so() {
    let (url, heads) = serve(|_, _| result("1")).await;
    let (proxy, count) = proxy().await;
    for (uses, expected) in [("no", 0), ("yes", 1)] {
        let (url, proxy) = (url.clone(), proxy.clone());
        let inner = tokio::task::spawn_blocking(move || {
            let mut inner = Command::new(std::env::current_exe().unwrap());
            inner.args(["--ignored", "--exact", "proxy::calls_with_the_environment"]);
            inner
                .env(URL, url)
                .env(USES, uses)
                .env("HTTP_PROXY", &proxy)
                .env("http_proxy", &proxy);
            inner
                .env_remove("NO_PROXY")
                .env_remove("no_proxy")
                .output()
                .unwrap()
        });
        let inner = inner.await.unwrap();
        assert!(
            inner.status.success(),
            "{}",
            String::from_utf8_lossy(&inner.stdout)
        );
        assert_eq!(count.load(std::sync::atomic::Ordering::SeqCst), expected);
    }
    assert_eq!(heads.lock().unwrap().len(), 2);
}
