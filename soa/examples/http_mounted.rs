//! The doors of a service in a program of axum: under a prefix, behind the layers of the program.
//!
//!     cargo run -p soa --features http --example http_mounted

#![allow(clippy::print_stdout)] // The output of an example.

use axum::Router;
use axum::extract::Request;
use axum::http::StatusCode;
use axum::middleware::{Next, from_fn};
use axum::response::{IntoResponse as _, Response};
use axum::routing::get;
use soa::{ActionError, Server, service};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream};

#[soa::body]
struct Greeting {
    text: String,
}

struct Greeter;

#[service(name = "greeter", version = "1.0.0")]
impl Greeter {
    /// Greets.
    #[action]
    async fn greet(&self) -> Result<Greeting, ActionError> {
        Ok(Greeting {
            text: "Hello".to_owned(),
        })
    }
}

/// A layer of the program: whoever has no key is refused.
async fn with_key(request: Request, next: Next) -> Response {
    match request.headers().contains_key("x-key") {
        true => next.run(request).await,
        false => StatusCode::FORBIDDEN.into_response(),
    }
}

/// Sends a call, and returns the whole answer.
async fn call(address: &str, key: &str) -> Result<String, std::io::Error> {
    let mut stream = TcpStream::connect(address).await?;
    let head = format!(
        "POST /api/call/greeter/greet HTTP/1.1\r\nhost: {address}\r\n{key}connection: close\r\ncontent-length: 0\r\n\r\n"
    );
    stream.write_all(head.as_bytes()).await?;
    let mut answer = String::new();
    stream.read_to_string(&mut answer).await?;
    Ok(answer)
}

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Box<dyn std::error::Error>> {
    let server = Server::builder(Greeter).build()?;
    let doors = soa::http::router(&server)?;
    let program = Router::new()
        .route("/", get(async || "The program"))
        .nest("/api", doors.layer(from_fn(with_key)));

    let listener = TcpListener::bind("127.0.0.1:0").await?;
    let address = listener.local_addr()?.to_string();
    tokio::spawn(async move { axum::serve(listener, program).await });
    let refused = call(&address, "").await?;
    let answer = call(&address, "x-key: 1\r\n").await?;

    println!("Without a key:\n{refused}\nWith a key:\n{answer}");
    assert!(refused.starts_with("HTTP/1.1 403 "));
    assert!(answer.ends_with(r#"{"text":"Hello"}"#));
    Ok(())
}
