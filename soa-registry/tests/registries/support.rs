//! Instances, and a registry that does what a test says.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, LazyLock};
use std::time::Duration;

use soa_registry::{
    Address, HealthEndpoint, Instance, Listing, Registration, Registry, RegistryError, Version,
};
use soa_runtime::BoxFuture;
use tokio::sync::watch;
use tokio::time::{Instant, sleep};

use crate::log::Log;

/// An instance of the component `shop` at a port.
pub(crate) fn instance(port: u16) -> Instance {
    Instance {
        id: format!("127.0.0.1:{port}:shop"),
        addresses: vec![Address::new("dispatch-json", format!("http://127.0.0.1:{port}")).unwrap()],
        weight: 1,
    }
}

pub(crate) fn registration(port: u16) -> Registration {
    registration_of("shop", port)
}

pub(crate) fn registration_of(component: &'static str, port: u16) -> Registration {
    Registration {
        component: component.into(),
        instance: instance(port),
        host: ([127, 0, 0, 1], port).into(),
        health: HealthEndpoint::new(format!("http://127.0.0.1:{port}/health")),
        tags: Vec::new(),
    }
}

pub(crate) fn ports(listing: &Listing) -> Vec<u16> {
    let ids = listing.instances.iter().map(|instance| &instance.id);
    ids.map(|id| id.split(':').nth(1).unwrap().parse().unwrap())
        .collect()
}

/// The log of all tests. They have one, since it is not certain which of several threads writes to which.
static LOG: LazyLock<Log> = LazyLock::new(|| {
    let log = Log::default();
    tracing::subscriber::set_global_default(log.clone()).expect("there is no other");
    log
});

/// Keeps what is logged from now on.
pub(crate) fn keep_log() {
    LazyLock::force(&LOG);
}

/// The logged lines of one level about a component, which no other test may have.
pub(crate) fn lines(component: &str, level: &str) -> Vec<String> {
    let lines = LOG.0.lock().unwrap();
    let name = format!("component `{component}`");
    let lines = lines
        .iter()
        .filter(|line| line.starts_with(level) && line.contains(&name));
    lines.cloned().collect()
}

/// Waits until something is so. A paused clock runs while all tasks wait.
pub(crate) async fn until(what: &str, mut is_so: impl FnMut() -> bool) {
    let begin = Instant::now();
    while !is_so() {
        assert!(begin.elapsed() < Duration::from_secs(3600), "{what}");
        sleep(Duration::from_millis(10)).await;
    }
}

/// A registry whose answers a test sets.
#[derive(Clone)]
pub(crate) struct Scripted(Arc<Inner>);

struct Inner {
    state: watch::Sender<State>,
    questions: AtomicUsize,
}

#[derive(Clone, Default)]
struct State {
    is_away: bool,
    listing: Listing,
    /// The versions for which the registry was asked to wait.
    waited_for: Vec<u64>,
    registrations: usize,
}

impl Scripted {
    pub(crate) fn new(version: u64, ports: &[u16]) -> Self {
        let scripted = Self(Arc::new(Inner {
            state: watch::Sender::default(),
            questions: AtomicUsize::new(0),
        }));
        scripted.list(version, ports);
        scripted
    }

    /// Changes the list, and has the registry answer.
    pub(crate) fn list(&self, version: u64, ports: &[u16]) {
        self.instances(version, ports.iter().copied().map(instance).collect());
    }

    pub(crate) fn instances(&self, version: u64, instances: Vec<Instance>) {
        self.0.state.send_modify(|state| {
            state.is_away = false;
            state.listing = Listing {
                instances,
                version: Version(version),
            };
        });
    }

    pub(crate) fn go_away(&self) {
        self.0.state.send_modify(|state| state.is_away = true);
    }

    /// Number of questions so far.
    pub(crate) fn questions(&self) -> usize {
        self.0.questions.load(Ordering::Relaxed)
    }

    /// Number of registrations so far.
    pub(crate) fn registrations(&self) -> usize {
        self.0.state.borrow().registrations
    }

    pub(crate) fn waited_for(&self) -> Vec<u64> {
        self.0.state.borrow().waited_for.clone()
    }
}

impl State {
    fn answer(&self) -> Result<Listing, RegistryError> {
        match self.is_away {
            true => {
                let refused = std::io::Error::from(std::io::ErrorKind::ConnectionRefused);
                Err(RegistryError::new("no answer").with_source(refused))
            }
            false => Ok(self.listing.clone()),
        }
    }
}

impl Registry for Scripted {
    fn register(&self, _: &Registration) -> BoxFuture<Result<(), RegistryError>> {
        self.0.state.send_modify(|state| state.registrations += 1);
        let answer = self.0.state.borrow().answer();
        Box::pin(async { answer.map(|_| ()) })
    }

    fn deregister(&self, _: &Registration) -> BoxFuture<Result<(), RegistryError>> {
        let answer = self.0.state.borrow().answer();
        Box::pin(async { answer.map(|_| ()) })
    }

    fn look_up(&self, _: &str) -> BoxFuture<Result<Listing, RegistryError>> {
        self.0.questions.fetch_add(1, Ordering::Relaxed);
        let answer = self.0.state.borrow().answer();
        Box::pin(async { answer })
    }

    fn watch(&self, _: &str, since: Version) -> BoxFuture<Result<Listing, RegistryError>> {
        self.0.questions.fetch_add(1, Ordering::Relaxed);
        self.0
            .state
            .send_modify(|state| state.waited_for.push(since.0));
        let mut state = self.0.state.subscribe();
        Box::pin(async move {
            let news = state.wait_for(|state| state.is_away || state.listing.version != since);
            news.await.unwrap().answer()
        })
    }

    fn shown_address(&self) -> String {
        "scripted".to_owned()
    }
}
