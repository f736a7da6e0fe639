//! One page over HTTP: `GET /metrics`, and nothing else.
//!
//! Enough of HTTP for what scrapes: a request head of a bounded size, an answer, and the end of the connection, all within a
//! bounded time and for a bounded number of connections at once.

use std::sync::Arc;
use std::time::Duration;

use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::Semaphore;

/// So many connections are served at once; others wait.
const CONNECTIONS: usize = 8;

/// How long one may take.
const TIMEOUT: Duration = Duration::from_secs(10);

/// The longest head of a request that is read.
const HEAD: usize = 8 * 1024;

/// How long to rest after a connection could not be taken.
const REST: Duration = Duration::from_millis(100);

/// Shows the page for as long as the runtime lives.
pub(super) async fn serve(
    listener: TcpListener,
    render: impl Fn() -> String + Clone + Send + Sync + 'static,
) {
    let room = Arc::new(Semaphore::new(CONNECTIONS));
    loop {
        let Ok(permit) = Arc::clone(&room).acquire_owned().await else {
            return; // The semaphore is never closed.
        };
        let stream = match listener.accept().await {
            Ok((stream, _)) => stream,
            Err(error) => {
                tracing::warn!(%error, "a connection for metrics cannot be taken");
                tokio::time::sleep(REST).await;
                continue;
            }
        };
        let render = render.clone();
        tokio::spawn(async move {
            // Whoever went away, or is too slow, gets nothing.
            let _ = tokio::time::timeout(TIMEOUT, answer(stream, render)).await;
            drop(permit);
        });
    }
}

async fn answer(mut stream: TcpStream, render: impl Fn() -> String) -> std::io::Result<()> {
    let mut head = Vec::with_capacity(1024);
    while !head.windows(4).any(|end| end == b"\r\n\r\n") {
        if head.len() >= HEAD || stream.read_buf(&mut head).await? == 0 {
            break;
        }
    }
    let (status, more, body) = match route(&head) {
        Route::Page => ("200 OK", "", render()),
        Route::WrongMethod => ("405 Method Not Allowed", "allow: GET\r\n", String::new()),
        Route::Unknown => ("404 Not Found", "", String::new()),
        Route::Malformed => ("400 Bad Request", "", String::new()),
    };
    let head = format!(
        "HTTP/1.1 {status}\r\ncontent-type: text/plain; version=0.0.4; charset=utf-8\r\n\
         content-length: {}\r\n{more}connection: close\r\n\r\n",
        body.len()
    );
    stream.write_all(head.as_bytes()).await?;
    stream.write_all(body.as_bytes()).await?;
    stream.shutdown().await
}

#[derive(Debug, PartialEq, Eq)]
enum Route {
    Page,
    WrongMethod,
    Unknown,
    Malformed,
}

fn route(head: &[u8]) -> Route {
    let line = head.split(|byte| *byte == b'\r').next().unwrap_or_default();
    let mut words = line.split(|byte| *byte == b' ');
    let (Some(method), Some(target), Some(version), None) =
        (words.next(), words.next(), words.next(), words.next())
    else {
        return Route::Malformed;
    };
    if !version.starts_with(b"HTTP/1.") {
        return Route::Malformed;
    }
    let path = target.split(|byte| *byte == b'?').next();
    match (path, method) {
        (Some(b"/metrics"), b"GET") => Route::Page,
        (Some(b"/metrics"), _) => Route::WrongMethod,
        _ => Route::Unknown,
    }
}

#[cfg(test)]
mod tests {
    use super::{Route, route};

    #[test]
    fn there_is_one_page_and_nothing_else() {
        for (head, wanted) in [
            ("GET /metrics HTTP/1.1\r\nhost: a\r\n\r\n", Route::Page),
            ("GET /metrics?name=a HTTP/1.0\r\n\r\n", Route::Page),
            ("POST /metrics HTTP/1.1\r\n\r\n", Route::WrongMethod),
            ("GET / HTTP/1.1\r\n\r\n", Route::Unknown),
            ("GET /metrics/ HTTP/1.1\r\n\r\n", Route::Unknown),
            ("GET /metrics\r\n\r\n", Route::Malformed),
            ("GET /metrics HTTP/2\r\n\r\n", Route::Malformed),
            ("", Route::Malformed),
        ] {
            assert_eq!(route(head.as_bytes()), wanted, "{head:?}");
        }
    }
}
