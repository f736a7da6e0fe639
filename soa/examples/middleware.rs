//! A server and a client with the framework's middleware, and with custom middleware.
//!
//! `cargo run -p soa --example middleware` prints the answers to a caller with permissions and to one without, and the
//! number of calls that the service ran: a lost call is retried, and repeated calls are answered from a cache.
#![allow(clippy::print_stdout)] // The output of an example.

use std::error::Error;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use soa::client::ClientRequest;
use soa::middleware::{
    ActionStage, Authentication, CircuitBreaker, ClientStage, Credentials, Denied, Identity,
    Logging, Next, ResultCache, Retry, from_fn,
};
use soa::{
    ActionCall, ActionError, Client, Context, JobResponse, LocalTransport, Server, Value,
    WireError, service, value,
};

struct Library;

#[service(name = "library", version = "1.0.0")]
impl Library {
    /// Finds a book. Callers may reuse the answer for a minute.
    #[action(idempotent, cache = "1m")]
    async fn find(&self, _request: Value) -> Result<Value, ActionError> {
        Ok(value!({ "title": "Notes on the engine" }))
    }

    /// Lends a book.
    #[action(requires = "library.lend")]
    async fn lend(&self, _request: Value, cx: &Context) -> Result<Value, ActionError> {
        let reader = cx.identity().map(|identity| identity.name().to_owned());
        Ok(value!({ "to": (reader) }))
    }
}

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Box<dyn Error>> {
    let authentication = Authentication::new(|credentials: Credentials| async move {
        match credentials.token() {
            "key 7" => Ok(Identity::new("Ada").with_permissions(["library.lend"])),
            "key 8" => Ok(Identity::new("Bob")),
            _ => Err(Denied::new("Unknown key")),
        }
    });
    let runs = Arc::new(AtomicUsize::new(0));
    let counter = Arc::clone(&runs);
    let server = Server::builder(Library)
        .job_middleware(Logging::new())
        .job_middleware(authentication)
        .action_middleware(from_fn(move |call: ActionCall, next: Next<ActionStage>| {
            counter.fetch_add(1, Ordering::Relaxed);
            next.run(call)
        }))
        .build()?;

    // The network loses the first message.
    let sent = AtomicUsize::new(0);
    let network = from_fn(move |request: ClientRequest, next: Next<ClientStage>| {
        let is_lost = sent.fetch_add(1, Ordering::Relaxed) == 0;
        async move {
            if is_lost {
                let error = WireError::server("LOST", "The message was lost");
                return Ok(JobResponse::failed(vec![error]));
            }
            next.run(request).await
        }
    });
    let client = Client::builder()
        .service("library", LocalTransport::new(server))
        .middleware(ResultCache::new())
        .middleware(Retry::new().on_code("LOST"))
        .middleware(CircuitBreaker::new())
        .middleware(network)
        .context("token", "key 7")
        .build()?;
    let library = LibraryClient::new(&client);

    for _ in 0..3 {
        let book = library.find(value!({})).await?;
        println!("found: {book:?}");
    }
    println!("the service ran {} call(s)", runs.load(Ordering::Relaxed));

    println!("lent: {:?}", library.lend(value!({})).await?);
    if let Err(error) = library.lend(value!({})).context("token", "key 8").await {
        println!("Bob: {error}");
    }
    Ok(())
}
