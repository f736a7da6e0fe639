//! A listener finds actions without the router. Nobody can tell.

use std::net::SocketAddr;
use std::time::Duration;

use soa::{ActionError, Server, Value, service, value};
use soa_http::{Doors, HttpListener, HttpServer, HttpSettings};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;

use crate::support::within;

/// A service whose route matches every path of one segment.
struct Pages;

#[soa::body]
struct Page {
    name: String,
}

#[service(name = "pages", version = "1.0.0")]
impl Pages {
    #[action(get = "/{name}", put = "/pages/{name}")]
    async fn read(&self, page: Page) -> Result<Page, ActionError> {
        match page.name.as_str() {
            "refused" => Err(ActionError::caller("REFUSED", "not this page")),
            _ => Ok(page),
        }
    }

    #[action]
    async fn echo(&self, body: Value) -> Result<Value, ActionError> {
        Ok(value!({ "echoed": body }))
    }
}

async fn start(with_router: bool) -> SocketAddr {
    let server = Server::builder(Pages).build().unwrap();
    let doors = Doors::new(server.into(), HttpSettings::default()).unwrap();
    let listener = HttpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.address();
    let http = HttpServer::new(doors, listener).unwrap();
    let http = match with_router {
        // The router could have got a layer, so that nothing goes around it.
        true => http.with_router(|router| router),
        false => http,
    };
    tokio::spawn(http.run_until(std::future::pending(), Duration::ZERO));
    address
}

/// Returns what is answered to a request on a connection of its own, without the lines that differ each time.
async fn answer(address: SocketAddr, request: &str) -> Vec<String> {
    let mut stream = TcpStream::connect(address).await.unwrap();
    stream.write_all(request.as_bytes()).await.unwrap();
    let mut read = Vec::new();
    within("an answer", stream.read_to_end(&mut read))
        .await
        .unwrap();
    let text = String::from_utf8(read).unwrap();
    let varies = ["date: ", "server-timing: ", "x-correlation-id: "];
    let mut lines: Vec<String> = text
        .split("\r\n")
        .map(
            |line| match varies.iter().find(|name| line.starts_with(**name)) {
                Some(name) => (*name).to_owned(),
                None => line.replace(&address.to_string(), "ADDRESS"),
            },
        )
        .collect();
    // The order of headers says nothing.
    lines.sort();
    lines
}

#[tokio::test]
async fn every_path_is_answered_as_by_the_router() {
    let (shortcuts, router) = (start(false).await, start(true).await);
    let paths = [
        "/",
        "/one",
        "/one/",
        "/one/two",
        "/caf%C3%A9",
        "/a%2Fb",
        "/%FF",
        "/refused",
        "/one?name=two",
        "/pages/one",
        "/pages/",
        "/docs",
        "/livez",
        "/livez/",
        "/openapi.json",
        "/invoke",
        "/invoke/",
        "/call/pages",
        "/call/pages/",
        "/call/pages/echo",
        "/call/pages/ec%68o",
        "/call/pages/%FF",
        "/call//echo",
        "/call/pages/echo/more",
        "/call/pages/status",
        "/call/other/echo",
        "//one",
    ];
    for path in paths {
        for method in ["GET", "HEAD", "POST", "PUT", "OPTIONS", "PATCH", "BREW"] {
            let request = format!(
                "{method} {path} HTTP/1.1\r\nhost: test\r\nconnection: close\r\ncontent-type: application/json\r\n\
                 content-length: 7\r\n\r\n{{\"n\":1}}"
            );
            let expected = answer(router, &request).await;
            assert_eq!(answer(shortcuts, &request).await, expected, "{request}");
        }
    }
}
