//! Registries, instances, and conditions to wait for.

use std::sync::{Arc, LazyLock};
use std::time::Duration;

use soa_http::{HttpClient, HttpClientSettings};
use soa_registry::{
    Address, ConsulRegistry, Directory, Followed, HealthEndpoint, Instance, Keeper, Registration,
    Registry,
};
use tokio::time::{Instant, sleep};

use crate::agent::Agent;
use crate::log::Log;

pub(crate) fn client() -> HttpClient {
    HttpClient::new(&HttpClientSettings::default()).unwrap()
}

pub(crate) fn consul(agent: &Agent) -> ConsulRegistry {
    ConsulRegistry::new(&client(), &agent.url()).unwrap()
}

pub(crate) fn follow(registry: &ConsulRegistry) -> (Directory, Followed) {
    let directory = Directory::new(Arc::new(registry.clone()));
    let shop = directory.follow("shop");
    (directory, shop)
}

/// An instance of the component `shop` at a port, whose health is asked each second.
pub(crate) fn registration(port: u16) -> Registration {
    let mut health = HealthEndpoint::new(format!("http://127.0.0.1:{port}/health"));
    health.interval = Duration::from_secs(1);
    Registration {
        component: "shop".into(),
        instance: Instance {
            id: format!("127.0.0.1:{port}:shop"),
            addresses: ["rest", "dispatch-json"]
                .map(|channel| Address::new(channel, format!("http://127.0.0.1:{port}")).unwrap())
                .to_vec(),
            weight: 1,
        },
        host: ([127, 0, 0, 1], port).into(),
        health,
        tags: Vec::new(),
    }
}

/// Keeps an instance known.
pub(crate) fn keep(registry: &ConsulRegistry, port: u16) -> Keeper {
    Keeper::start(Arc::new(registry.clone()), registration(port))
}

/// The ports of the instances that are known to a caller.
pub(crate) fn ports(shop: &Followed) -> Option<Vec<u16>> {
    let listing = shop.listing()?;
    let ids = listing.instances.iter().map(|instance| &instance.id);
    let mut ports: Vec<_> = ids
        .map(|id| id.split(':').nth(1).unwrap().parse().unwrap())
        .collect();
    ports.sort();
    Some(ports)
}

pub(crate) async fn until(what: &str, mut is_so: impl FnMut() -> bool) {
    let begin = Instant::now();
    while !is_so() {
        assert!(begin.elapsed() < Duration::from_secs(30), "{what}");
        sleep(Duration::from_millis(10)).await;
    }
}

pub(crate) async fn until_ports(shop: &Followed, expected: &[u16]) {
    let mut expected = expected.to_vec();
    expected.sort();
    let what = format!("{expected:?} are expected");
    until(&what, || ports(shop).as_ref() == Some(&expected)).await;
}

/// Waits until the registry itself lists so many instances.
pub(crate) async fn until_listed(registry: &ConsulRegistry, count: usize) {
    let begin = Instant::now();
    loop {
        let listing = registry.look_up("shop").await;
        if listing.is_ok_and(|listing| listing.instances.len() == count) {
            return;
        }
        let is_late = begin.elapsed() > Duration::from_secs(30);
        assert!(!is_late, "{count} instances are expected");
        sleep(Duration::from_millis(50)).await;
    }
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

/// The logged lines that have a text.
pub(crate) fn lines(text: &str) -> Vec<String> {
    let lines = LOG.0.lock().unwrap();
    let lines = lines.iter().filter(|line| line.contains(text));
    lines.cloned().collect()
}
