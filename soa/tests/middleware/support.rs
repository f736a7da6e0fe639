//! A service that does as it is told, and a transport in front of it that breaks.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use soa::client::ClientRequest;
use soa::transport::{ClientTransport, ReplyFuture};
use soa::{
    ActionError, Client, ClientBuilder, Context, LocalTransport, Server, ServerBuilder,
    TransportError, TransportErrorKind, Value, service, value,
};
use tokio::time::sleep;

pub(crate) const SECOND: Duration = Duration::from_secs(1);

/// How often a handler was run.
#[derive(Clone, Default)]
pub(crate) struct Runs(Arc<AtomicUsize>);

impl Runs {
    pub(crate) fn count(&self) -> usize {
        self.0.load(Ordering::Relaxed)
    }

    fn add(&self) -> usize {
        self.0.fetch_add(1, Ordering::Relaxed) + 1
    }
}

#[derive(Clone, Default)]
pub(crate) struct Shop {
    pub(crate) runs: Runs,
}

#[service(name = "shop", version = "1.0.0")]
impl Shop {
    /// Answers after as many seconds as it is told, with how often it was run.
    #[action(idempotent, cache = "10s")]
    async fn find(&self, request: Value) -> Result<Value, ActionError> {
        let run = self.runs.add();
        if let Some(seconds) = request.get("seconds").and_then(Value::as_u64) {
            sleep(Duration::from_secs(seconds)).await;
        }
        match request.get("fail").and_then(Value::as_str) {
            Some("caller") => Err(ActionError::caller("NO", "No")),
            Some(code) => Err(ActionError::server(code.to_owned(), "No")),
            None => Ok(value!({ "run": (run) })),
        }
    }

    /// May not be run twice for one call.
    #[action]
    async fn pay(&self, _request: Value) -> Result<Value, ActionError> {
        Ok(value!({ "run": (self.runs.add()) }))
    }

    #[action(requires = ["shop.read", "shop.write"])]
    async fn change(&self, request: Numbered, cx: &Context) -> Result<Value, ActionError> {
        let name = cx.identity().map(|identity| identity.name().to_owned());
        Ok(value!({ "by": (name), "number": (request.number) }))
    }
}

#[derive(Debug, serde::Serialize, serde::Deserialize, garde::Validate, schemars::JsonSchema)]
pub(crate) struct Numbered {
    #[garde(range(min = 1))]
    pub(crate) number: i64,
}

/// The shop's server, for which everybody may do nothing in particular.
pub(crate) fn server(shop: Shop) -> ServerBuilder {
    Server::builder(shop).job_middleware(soa::middleware::Identity::new("anybody"))
}

/// A transport whose first calls fail, one for each of these.
pub(crate) struct Breaking {
    inner: LocalTransport,
    failures: Mutex<Vec<Failure>>,
    pub(crate) calls: Runs,
}

#[derive(Clone, Copy)]
pub(crate) enum Failure {
    /// The message is lost in this way.
    Of(TransportErrorKind),
    /// No answer ever comes.
    Silence,
}

impl Breaking {
    pub(crate) fn new(server: ServerBuilder, failures: &[Failure]) -> Self {
        let mut failures = failures.to_vec();
        failures.reverse();
        Self {
            inner: LocalTransport::new(server.build().unwrap()),
            failures: Mutex::new(failures),
            calls: Runs::default(),
        }
    }
}

impl ClientTransport for Breaking {
    fn default_timeout(&self) -> Option<Duration> {
        Some(5 * SECOND)
    }

    fn call(&self, request: ClientRequest) -> ReplyFuture {
        self.calls.add();
        match self.failures.lock().unwrap().pop() {
            Some(Failure::Of(kind)) => {
                let error = TransportError::new(kind, "as told");
                ReplyFuture::new(async {
                    // As over a network, others go on meanwhile.
                    tokio::task::yield_now().await;
                    Err(error)
                })
            }
            Some(Failure::Silence) => ReplyFuture::new(std::future::pending()),
            None => self.inner.call(request),
        }
    }
}

/// A client of the shop, to which middleware can be added.
pub(crate) fn client(server: ServerBuilder) -> ClientBuilder {
    Client::builder().service("shop", LocalTransport::new(server.build().unwrap()))
}
