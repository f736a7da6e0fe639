//! A trace through two services, sent to a collector: `cargo run -p soa --example tracing --features otlp`.
//!
//! The services are in one process here; over Redis the code is the same. It needs a collector that takes OTLP over HTTP,
//! such as `docker run -p 4318:4318 -p 16686:16686 jaegertracing/jaeger`, which shows traces on port 16686. The argument
//! is the address of the collector, `http://127.0.0.1:4318` by default.

use soa::settings::{NoSection, Settings};
use soa::{ActionError, Client, Context, LocalTransport, Server, Value, service, value};

struct Users;

#[service(name = "users", version = "1.0.0")]
impl Users {
    /// Finds a user.
    #[action]
    async fn find(&self, _request: Value) -> Result<Value, ActionError> {
        // The event has the correlation id in the log, and is part of the trace.
        tracing::info!("looking into the book");
        Ok(value!({ "name": "Ada" }))
    }
}

struct Library;

#[service(name = "library", version = "1.0.0")]
impl Library {
    /// Lends a book to a user, whom another service finds.
    #[action]
    async fn lend(&self, request: Value, cx: &Context) -> Result<Value, ActionError> {
        // The context passes the trace on: the span of this call is a child of the span of this action.
        let user = cx.client::<UsersClient>().find(request).await?;
        let trace = cx.trace_parent().map(|place| place.to_string());
        Ok(value!({ "to": user, "trace": (trace.unwrap_or_default()) }))
    }
}

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Box<dyn std::error::Error>> {
    let endpoint = std::env::args().nth(1);
    let endpoint = endpoint.as_deref().unwrap_or("http://127.0.0.1:4318");
    let settings = Settings::<NoSection>::loader()
        .set(format!("tracing.endpoint={endpoint}"))
        .set("tracing.sample=1")
        .load()?;
    // Start the export before you build servers and clients.
    let observing = settings.observe("library", "1.0.0")?;

    let users = Client::builder()
        .service(
            "users",
            LocalTransport::new(Server::builder(Users).build()?),
        )
        .build()?;
    let library = Server::builder(Library).client(users).build()?;
    let client = Client::builder()
        .service("library", LocalTransport::new(library))
        .build()?;
    let lent = LibraryClient::new(&client)
        .lend(value!({ "id": 1 }))
        .await?;
    #[expect(clippy::print_stdout, reason = "the output of an example")]
    {
        println!("{lent:?}");
    }

    // Sends the last spans.
    observing.finish();
    Ok(())
}
