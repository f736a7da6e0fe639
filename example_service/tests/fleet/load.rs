//! Callers in Rust, which call the component again and again, and count what fails.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::time::Duration;

use example_service::component::arguments::{Summands, TextValue};
use example_service::component::{ExampleRestClient, ExampleServiceClient, Id, Sum};
use soa::http::{HttpClient, HttpClientSettings};
use soa::registry::{ConsulRegistry, Discovery};
use soa::{Client, ClientError, TransportError, TransportErrorKind};
use tokio::task::JoinSet;

use crate::agent::Agent;

/// Time between two calls of a caller.
const PAUSE: Duration = Duration::from_millis(5);

/// Kind of the actions that are called: idempotent ones, or such as must not run twice.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Kind {
    Idempotent,
    Once,
}

/// Calls in the background.
pub(crate) struct Load {
    stop: Arc<AtomicBool>,
    count: Arc<AtomicUsize>,
    callers: JoinSet<Vec<(Kind, ClientError)>>,
}

/// The outcome of all calls.
#[derive(Debug)]
pub(crate) struct Outcome {
    pub(crate) calls: usize,
    failed: Vec<(Kind, ClientError)>,
}

/// A client that finds the component by an agent, and calls it by one channel.
pub(crate) fn client(agent: &Agent, channel: &str) -> Client {
    let http = HttpClient::new(&HttpClientSettings::default()).unwrap();
    let registry = ConsulRegistry::new(&http, &agent.url()).unwrap();
    let discovery = Discovery::http(registry)
        .unwrap()
        .prefer(channel.to_owned());
    // The contracts name the component.
    Client::builder().components(discovery).build().unwrap()
}

/// Makes one call.
pub(crate) async fn call(client: &Client, channel: &str, kind: Kind) -> Result<(), ClientError> {
    if channel == "rest" {
        let rest = ExampleRestClient::new(client);
        return match kind {
            Kind::Idempotent => rest
                .sum(Sum { a: 1, b: 2 })
                .await
                .map(|sum| assert_eq!(sum.result, 3)),
            Kind::Once => rest
                .touch(Id { id: 7 })
                .await
                .map(|id| assert_eq!(id.result, 7)),
        };
    }
    let example = ExampleServiceClient::new(client);
    match kind {
        Kind::Idempotent => {
            let sum = example.add(Summands { a: 1, b: 2 }).idempotent().await;
            sum.map(|sum| assert_eq!(sum.result, 3))
        }
        Kind::Once => {
            let text = example
                .echo_str(TextValue {
                    value: "once".to_owned(),
                })
                .await;
            text.map(|text| assert_eq!(text.result, "once"))
        }
    }
}

impl Load {
    /// Starts callers of each channel, of both kinds.
    pub(crate) fn start(agent: &Agent, channels: &[&'static str]) -> Self {
        let (stop, count) = (
            Arc::new(AtomicBool::new(false)),
            Arc::new(AtomicUsize::new(0)),
        );
        let mut callers = JoinSet::new();
        for &channel in channels {
            let client = client(agent, channel);
            for kind in [Kind::Idempotent, Kind::Idempotent, Kind::Once, Kind::Once] {
                let (client, stop, count) = (client.clone(), Arc::clone(&stop), Arc::clone(&count));
                callers.spawn(async move {
                    let mut failed = Vec::new();
                    while !stop.load(Ordering::Relaxed) {
                        if let Err(error) = call(&client, channel, kind).await {
                            failed.push((kind, error));
                        }
                        count.fetch_add(1, Ordering::Relaxed);
                        tokio::time::sleep(PAUSE).await;
                    }
                    failed
                });
            }
        }
        Self {
            stop,
            count,
            callers,
        }
    }

    /// Waits until so many more calls have ended.
    pub(crate) async fn goes_on(&self, calls: usize) {
        let begin = self.count.load(Ordering::Relaxed);
        crate::support::until("calls go on", || {
            self.count.load(Ordering::Relaxed) >= begin + calls
        })
        .await;
    }

    /// Ends the callers.
    pub(crate) async fn stop(mut self) -> Outcome {
        self.stop.store(true, Ordering::Relaxed);
        let mut failed = Vec::new();
        while let Some(caller) = self.callers.join_next().await {
            failed.extend(caller.unwrap());
        }
        Outcome {
            calls: self.count.load(Ordering::Relaxed),
            failed,
        }
    }
}

impl Outcome {
    /// Requires that no call failed.
    pub(crate) fn is_flawless(&self) {
        assert!(
            self.failed.is_empty(),
            "{} of {} calls failed: {:?}",
            self.failed.len(),
            self.calls,
            self.failed.first()
        );
    }

    /// Requires that no idempotent call failed, and others only where the connection broke after the request was sent.
    pub(crate) fn is_told(&self) {
        for (kind, error) in &self.failed {
            assert_eq!(*kind, Kind::Once, "{error:?}");
            let mut cause: Option<&(dyn std::error::Error + 'static)> = Some(error);
            let mut was_interrupted = false;
            while let Some(inner) = cause {
                let error = inner.downcast_ref::<TransportError>();
                was_interrupted |=
                    error.is_some_and(|error| error.kind() == TransportErrorKind::Interrupted);
                cause = inner.source();
            }
            assert!(was_interrupted, "{error:?}");
            assert!(
                soa::redact::chain(error, 10_000).contains("it may have been run"),
                "{error:?}"
            );
        }
    }

    /// The number of calls that failed.
    pub(crate) fn failed(&self) -> usize {
        self.failed.len()
    }
}
