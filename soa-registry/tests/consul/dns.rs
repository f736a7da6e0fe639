//! Components that are found by the DNS of an agent.

use std::sync::Arc;
use std::time::Duration;

use soa_registry::{Directory, DnsRegistry, Followed, Registry as _};
use tokio::time::Instant;

use crate::agent::{Agent, free_port};
use crate::support::{until, until_ports};

/// An agent with DNS at this port.
fn agent() -> (Agent, u16) {
    let port = free_port();
    (Agent::with(&format!("ports {{ dns = {port} }}")), port)
}

fn registry(address: &str, port: u16) -> DnsRegistry {
    let registry = DnsRegistry::new(address, ["rest", "dispatch-json"]).unwrap();
    registry.name_server(([127, 0, 0, 1], port).into()).unwrap()
}

fn follow(registry: &DnsRegistry) -> Followed {
    Directory::new(Arc::new(registry.clone())).follow("shop")
}

fn urls(shop: &Followed) -> Vec<String> {
    let listing = shop.listing().unwrap();
    let instances = listing.instances.iter();
    let addresses = instances.flat_map(|one| &one.addresses);
    addresses.map(ToString::to_string).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn services_have_ports_and_weights_and_come_and_go() {
    let (agent, port) = agent();
    let registry = registry("dns+srv://{component}.service.consul", port);
    let shop = follow(&registry);
    assert!(shop.first().await.unwrap().instances.is_empty());
    let at = |port: u16| format!(",\"address\":\"127.0.0.1\",\"port\":{port}");
    let weighted = ",\"weights\":{\"passing\":3,\"warning\":1}";
    agent.register("a", &at(8001));
    agent.register("b", &(at(8002) + weighted));
    until_ports(&shop, &[8001, 8002]).await;
    let listing = shop.listing().unwrap();
    let weights = listing.instances.iter().map(|one| one.weight);
    assert_eq!(weights.collect::<Vec<_>>(), [1, 3]);
    assert_eq!(listing.instances[0].id, "127.0.0.1:8001:shop");
    assert_eq!(
        urls(&shop)[..2],
        [
            "rest(http://127.0.0.1:8001)",
            "dispatch-json(http://127.0.0.1:8001)"
        ]
    );
    agent.ask("PUT", "/v1/agent/service/deregister/a", "");
    until_ports(&shop, &[8002]).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn with_tls_hosts_keep_their_names() {
    let (agent, port) = agent();
    agent.register("a", ",\"address\":\"127.0.0.1\",\"port\":8001");
    let registry = registry("dns+srv+https://{component}.service.consul", port);
    let shop = follow(&registry);
    shop.first().await.unwrap();
    assert_eq!(
        urls(&shop)[0],
        "rest(https://7f000001.addr.dc1.consul:8001)"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn hosts_have_the_port_of_the_address() {
    let (agent, port) = agent();
    agent.register("a", ",\"address\":\"127.0.0.1\",\"port\":1");
    agent.register("b", ",\"address\":\"127.0.0.2\",\"port\":2");
    let registry = registry("dns://{component}.service.consul:8000", port);
    let shop = follow(&registry);
    shop.first().await.unwrap();
    assert_eq!(
        urls(&shop),
        [
            "rest(http://127.0.0.1:8000)",
            "dispatch-json(http://127.0.0.1:8000)",
            "rest(http://127.0.0.2:8000)",
            "dispatch-json(http://127.0.0.2:8000)",
        ]
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn a_name_server_that_is_away_is_an_error_and_the_list_goes_on() {
    let (mut agent, port) = agent();
    agent.register("a", ",\"address\":\"127.0.0.1\",\"port\":8001");
    let registry = registry("dns+srv://{component}.service.consul", port);
    let shop = follow(&registry);
    until_ports(&shop, &[8001]).await;
    agent.kill();
    until("the trouble is known", || shop.trouble().is_some()).await;
    let trouble = shop.trouble().unwrap();
    assert!(
        trouble.contains("`shop.service.consul` cannot be resolved"),
        "{trouble}"
    );
    until_ports(&shop, &[8001]).await;
    let begin = Instant::now();
    let error = registry.look_up("a b").await.unwrap_err().to_string();
    assert!(error.contains("cannot be resolved"), "{error}");
    assert!(begin.elapsed() < Duration::from_secs(20));
}
