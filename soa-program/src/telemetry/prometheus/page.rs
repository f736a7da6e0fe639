//! The page `GET /metrics` over HTTP, and nothing else.
//!
//! Just enough of HTTP for a scraper: a request head, a response, and the end of the connection. The size of the head, the
//! time for all of it, and the number of connections are limited.

use std::sync::Arc;
use std::time::Duration;

use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::Semaphore;

/// Largest number of connections that are served at once. Others wait.
const CONNECTION_LIMIT: usize = 8;

/// Time limit of a connection.
const CONNECTION_TIMEOUT: Duration = Duration::from_secs(10);

/// Largest head of a request, in bytes.
const HEAD_SIZE_LIMIT: usize = 8 * 1024;

/// Pause after a connection could not be accepted.
const ACCEPT_RETRY_PAUSE: Duration = Duration::from_millis(100);

/// Serves the page as long as the runtime runs.
pub(super) async fn serve(
    listener: TcpListener,
    render: impl Fn() -> String + Clone + Send + Sync + 'static,
) {
    let room = Arc::new(Semaphore::new(CONNECTION_LIMIT));
    loop {
        let Ok(permit) = Arc::clone(&room).acquire_owned().await else {
            return; // The semaphore is never closed.
        };
        let stream = match listener.accept().await {
            Ok((stream, _)) => stream,
            Err(error) => {
                tracing::warn!(%error, "accepting a connection to the metrics page failed");
                tokio::time::sleep(ACCEPT_RETRY_PAUSE).await;
                continue;
            }
        };
        let render = render.clone();
        tokio::spawn(async move {
            // A client that is gone or too slow gets no response.
            let _ = tokio::time::timeout(CONNECTION_TIMEOUT, answer(stream, render)).await;
            drop(permit);
        });
    }
}

async fn answer(mut stream: TcpStream, render: impl Fn() -> String) -> std::io::Result<()> {
    let mut head = Vec::with_capacity(1024);
    while !head.windows(4).any(|end| end == b"\r\n\r\n") {
        if head.len() >= HEAD_SIZE_LIMIT || stream.read_buf(&mut head).await? == 0 {
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
