//! Instances in this process, which fail as a test says, and the channels to them.

use std::collections::HashMap;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use soa_registry::{
    Address, Carries, Channel, Directory, Discovery, HealthEndpoint, Instance, MemoryRegistry,
    Registration, Registry,
};
use soa_runtime::client::ClientRequest;
use soa_runtime::transport::{ClientTransport, ReplyFuture};
use soa_runtime::{
    ActionError, BuildError, Call, Client, ClientError, Context, JobResponse, LocalTransport,
    Server, TransportError, TransportErrorKind, Value, WireError, code,
};

/// The reaction of an instance to a call.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) enum Mode {
    #[default]
    Serves,
    /// Refuses connections.
    Refuses,
    /// Never accepts a connection.
    Hangs,
    /// Breaks the connection when the request has arrived, before it runs.
    Breaks,
    /// Runs the request, and breaks the connection instead of answering.
    BreaksAfterwards,
    /// Takes the request, and never answers.
    KeepsSilent,
    /// Is overloaded, for this number of seconds.
    IsOverloaded(Option<u64>),
}

/// An instance at a URL.
pub(crate) struct Host {
    mode: Mutex<Mode>,
    server: LocalTransport,
    /// Calls that arrived, whatever became of them.
    calls: AtomicUsize,
    runs: Arc<AtomicUsize>,
    /// Time that is left for each call, as it was told.
    times: Mutex<Vec<(Option<Duration>, Option<Duration>)>>,
}

/// All instances, by their URLs.
#[derive(Clone, Default)]
pub(crate) struct World {
    hosts: Arc<Mutex<HashMap<String, Arc<Host>>>>,
    pub(crate) registry: MemoryRegistry,
}

impl World {
    /// Starts an instance of the component `shop`, which is known to the registry.
    pub(crate) async fn start(&self, name: &str) -> Arc<Host> {
        self.start_with(name, 1, &format!("local(http://{name})"))
            .await
    }

    pub(crate) async fn start_with(&self, name: &str, weight: u32, addresses: &str) -> Arc<Host> {
        let host = Host::new();
        for address in Address::parse_list(addresses) {
            let mut hosts = self.hosts.lock().unwrap();
            hosts.insert(address.url().to_owned(), Arc::clone(&host));
        }
        let registration = registration(name, weight, addresses);
        self.registry.register(&registration).await.unwrap();
        host
    }

    /// Starts an instance without telling the registry.
    pub(crate) fn start_quietly(&self, name: &str) -> Arc<Host> {
        let (url, host) = (format!("http://{name}"), Host::new());
        self.hosts.lock().unwrap().insert(url, Arc::clone(&host));
        host
    }

    /// Ends an instance, without telling the registry.
    pub(crate) fn kill(&self, name: &str) {
        let url = format!("http://{name}");
        self.hosts.lock().unwrap().remove(&url);
    }

    pub(crate) async fn deregister(&self, name: &str) {
        let registration = registration(name, 1, "");
        self.registry.deregister(&registration).await.unwrap();
    }

    pub(crate) fn discovery(&self) -> Discovery {
        let directory = Directory::new(Arc::new(self.registry.clone()));
        Discovery::new(directory).channel(self.channel("local"))
    }

    pub(crate) fn channel(&self, name: &'static str) -> Local {
        Local {
            name,
            world: self.clone(),
            marks: false,
            repeats: false,
            carries: Carries::All,
        }
    }

    pub(crate) fn client(&self) -> Client {
        client(&self.discovery())
    }

    fn host(&self, url: &str) -> Option<Arc<Host>> {
        self.hosts.lock().unwrap().get(url).cloned()
    }
}

fn registration(name: &str, weight: u32, addresses: &str) -> Registration {
    Registration {
        component: "shop".into(),
        instance: Instance {
            id: name.to_owned(),
            addresses: Address::parse_list(addresses),
            weight,
        },
        host: ([127, 0, 0, 1], 8000).into(),
        health: HealthEndpoint::new(format!("http://{name}/health")),
        tags: Vec::new(),
    }
}

pub(crate) fn client(discovery: &Discovery) -> Client {
    let client = Client::builder().component("shop", discovery);
    client.offers(["shop"]).build().unwrap()
}

/// A call that may not run twice.
pub(crate) fn buy(client: &Client) -> Call<Value> {
    client.call_action("shop", "buy", &())
}

/// A call that may run as often as it likes.
pub(crate) async fn look(client: &Client) -> Result<Value, ClientError> {
    buy(client).idempotent().await
}

/// Returns the kind of the failure of the transport.
pub(crate) fn kind(error: &ClientError) -> Option<TransportErrorKind> {
    let reason = error.reason()?.downcast_ref::<TransportError>()?;
    Some(reason.kind())
}

impl Host {
    fn new() -> Arc<Self> {
        let runs = Arc::new(AtomicUsize::new(0));
        let counter = Arc::clone(&runs);
        let server =
            Server::untyped("shop", "1.0.0").action("buy", move |body: Value, _: Context| {
                counter.fetch_add(1, Ordering::Relaxed);
                async { Ok::<_, ActionError>(body) }
            });
        Arc::new(Self {
            mode: Mutex::default(),
            server: LocalTransport::new(server.build().unwrap()),
            calls: AtomicUsize::new(0),
            runs,
            times: Mutex::default(),
        })
    }

    pub(crate) fn set(&self, mode: Mode) {
        *self.mode.lock().unwrap() = mode;
    }

    /// Number of calls that arrived, whatever became of them.
    pub(crate) fn calls(&self) -> usize {
        self.calls.load(Ordering::Relaxed)
    }

    /// Number of jobs that ran.
    pub(crate) fn runs(&self) -> usize {
        self.runs.load(Ordering::Relaxed)
    }

    /// The timeout of the caller and that in the message, of each call.
    pub(crate) fn times(&self) -> Vec<(Option<Duration>, Option<Duration>)> {
        self.times.lock().unwrap().clone()
    }

    async fn answer(
        self: Arc<Self>,
        request: ClientRequest,
    ) -> Result<JobResponse, TransportError> {
        self.calls.fetch_add(1, Ordering::Relaxed);
        let times = (request.timeout, request.job.control.timeout());
        self.times.lock().unwrap().push(times);
        let failed = |kind, message: &str| Err(TransportError::new(kind, message));
        let mode = *self.mode.lock().unwrap();
        match mode {
            Mode::Serves => self.server.call(request).await,
            Mode::Refuses => failed(TransportErrorKind::Unreachable, "connection refused"),
            Mode::Hangs => std::future::pending().await,
            Mode::Breaks => {
                request.sent.mark();
                failed(TransportErrorKind::Interrupted, "connection reset")
            }
            Mode::BreaksAfterwards => {
                self.server.call(request).await?;
                failed(TransportErrorKind::Interrupted, "connection reset")
            }
            Mode::KeepsSilent => {
                request.sent.mark();
                std::future::pending().await
            }
            Mode::IsOverloaded(seconds) => {
                request.sent.mark();
                let mut error =
                    WireError::server(code::OVERLOADED, "too many jobs").with_http_status(503);
                if let Some(seconds) = seconds {
                    error = error.with_http_header("Retry-After", seconds.to_string());
                }
                Ok(JobResponse::failed(vec![error]))
            }
        }
    }
}

/// A channel within this process.
pub(crate) struct Local {
    name: &'static str,
    world: World,
    pub(crate) marks: bool,
    pub(crate) repeats: bool,
    pub(crate) carries: Carries,
}

impl Channel for Local {
    fn name(&self) -> &str {
        self.name
    }

    fn open(&self, _: &str, url: &str) -> Result<Arc<dyn ClientTransport>, BuildError> {
        if url.contains("unusable") {
            return Err(BuildError::new("this URL cannot be used"));
        }
        let (world, url) = (self.world.clone(), url.to_owned());
        Ok(Arc::new(LocalAddress { world, url }))
    }

    fn carries(&self) -> Carries {
        self.carries
    }

    fn repeats(&self, _: &ClientRequest) -> bool {
        self.repeats
    }

    fn marks_before_sending(&self) -> bool {
        self.marks
    }
}

struct LocalAddress {
    world: World,
    url: String,
}

impl ClientTransport for LocalAddress {
    fn call(&self, request: ClientRequest) -> ReplyFuture {
        match self.world.host(&self.url) {
            Some(host) => ReplyFuture::new(host.answer(request)),
            None => {
                let message = format!("{}: connection refused", self.url);
                let error = TransportError::new(TransportErrorKind::Unreachable, message);
                ReplyFuture::ready(Err(error))
            }
        }
    }
}
