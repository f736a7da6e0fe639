//! Pages of one's own beside the doors of a service.
//!
//!     cargo run -p soa --features http --example http_pages
//!
//! A program with `soa::main` does the same by `Program::with_router`. Here the server is run by hand, calls itself and ends.

#![allow(clippy::print_stdout)] // The output of an example.

use std::time::Duration;

use axum::Router;
use axum::response::Html;
use axum::routing::get;
use soa::http::{Doors, HttpListener, HttpServer, HttpSettings};
use soa::{ActionError, Server, service};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;
use tokio::sync::oneshot;

#[soa::body(closed)]
struct Numbers {
    numbers: Vec<i32>,
}

#[soa::body]
struct Sum {
    sum: i64,
}

struct Calculator;

#[service(name = "calculator", version = "1.0.0")]
impl Calculator {
    /// Adds numbers.
    #[action]
    async fn add(&self, request: Numbers) -> Result<Sum, ActionError> {
        Ok(Sum {
            sum: request.numbers.into_iter().map(i64::from).sum(),
        })
    }
}

/// The pages of the program.
fn pages(router: Router) -> Router {
    router.route("/", get(async || Html("<h1>The calculator</h1>")))
}

/// Sends a request, and returns the body of the answer.
async fn ask(address: &str, request: &str, body: &str) -> Result<String, std::io::Error> {
    let mut stream = TcpStream::connect(address).await?;
    let length = body.len();
    let head = format!(
        "{request} HTTP/1.1\r\nhost: {address}\r\nconnection: close\r\ncontent-length: {length}\r\n\r\n{body}"
    );
    stream.write_all(head.as_bytes()).await?;
    let mut answer = String::new();
    stream.read_to_string(&mut answer).await?;
    let body = answer.split_once("\r\n\r\n").map(|(_, body)| body);
    Ok(body.unwrap_or_default().to_owned())
}

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Box<dyn std::error::Error>> {
    let server = Server::builder(Calculator).build()?;
    let doors = Doors::new(server.into(), HttpSettings::default())?;
    let listener = HttpListener::bind("127.0.0.1:0")?;
    let address = listener.address().to_string();
    let http = HttpServer::new(doors, listener)?.with_router(pages);

    let (stop, stopped) = oneshot::channel::<()>();
    let serving =
        tokio::spawn(http.run_until(async { drop(stopped.await) }, Duration::from_secs(5)));
    let page = ask(&address, "GET /", "").await?;
    let sum = ask(
        &address,
        "POST /call/calculator/add",
        r#"{"numbers": [1, 2, 3]}"#,
    )
    .await?;
    drop(stop);
    serving.await?;

    println!("The page is {page}, the sum is {sum}");
    assert_eq!((&*page, &*sum), ("<h1>The calculator</h1>", r#"{"sum":6}"#));
    Ok(())
}
