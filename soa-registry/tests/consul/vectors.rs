//! Exchanges that were captured between the reference and Consul.

use std::path::{Path, PathBuf};
use std::time::Duration;

use serde_json::Value as Json;
use soa_registry::{
    Address, ConsulRegistry, HealthEndpoint, Instance, Registration, Registry as _, Version,
};

use crate::fake::Fake;
use crate::support::client;

fn folder() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../example_service/tests/aspyx/vectors")
}

fn vector(name: &str) -> Json {
    let file = folder().join(format!("{name}.json"));
    serde_json::from_slice(&std::fs::read(file).unwrap()).unwrap()
}

fn text<'a>(vector: &'a Json, path: &str) -> &'a str {
    vector.pointer(path).unwrap().as_str().unwrap()
}

fn registry(fake: &Fake) -> ConsulRegistry {
    ConsulRegistry::new(&client(), &format!("consul://127.0.0.1:{}", fake.port)).unwrap()
}

/// The instance of the captured registration.
fn registration(decoded: &Json) -> Registration {
    let host = format!("127.0.0.1:{}", decoded["port"]).parse().unwrap();
    Registration {
        component: decoded["name"].as_str().unwrap().to_owned().into(),
        instance: Instance {
            id: format!("{host}:example-component"),
            addresses: Address::parse_list(decoded["meta"]["channels"].as_str().unwrap()),
            weight: 1,
        },
        host,
        health: HealthEndpoint::new(format!("http://{host}/health")),
        tags: Vec::new(),
    }
}

#[tokio::test]
async fn an_instance_is_registered_and_deregistered_as_the_reference_does_it() {
    let (fake, requests) = Fake::keeping(|request| match &*request.method {
        "GET" => Some((404, String::new(), b"unknown service ID".to_vec())),
        _ => Some((200, String::new(), Vec::new())),
    });
    let vector = [vector("47_consul_register"), vector("48_consul_deregister")];
    let expected = &vector[0]["request"]["decoded"];
    let one = registration(expected);
    assert_eq!(one.instance.addresses.len(), 4);
    registry(&fake).register(&one).await.unwrap();
    registry(&fake).deregister(&one).await.unwrap();
    let next = || requests.recv_timeout(Duration::from_secs(5)).unwrap();
    let asked = next();
    assert_eq!(asked.method, "GET");
    assert_eq!(
        asked.target,
        "/v1/agent/service/127.0.0.1:18303:example-component"
    );
    for captured in &vector {
        let request = next();
        assert_eq!(request.method, text(captured, "/request/method"));
        assert_eq!(request.target, text(captured, "/request/target"));
        let decoded = serde_json::from_slice(&request.body).unwrap_or(Json::Null);
        assert_eq!(decoded, captured["request"]["decoded"]);
    }
}

#[tokio::test]
async fn a_list_is_asked_for_and_read_as_by_the_reference() {
    let (fake, requests) = Fake::keeping(|request| {
        let name = match request.target.contains("index=") {
            true => "50_consul_lookup_wait",
            false => "49_consul_lookup",
        };
        let vector = vector(name);
        let index = text(&vector, "/response/headers/x-consul-index").to_owned();
        let body = folder().join(text(&vector, "/response/body_file"));
        let index = format!("X-Consul-Index: {index}\r\n");
        Some((200, index, std::fs::read(body).unwrap()))
    });
    let registry = registry(&fake);
    let next = || requests.recv_timeout(Duration::from_secs(5)).unwrap();
    let listing = registry.look_up("example-component").await.unwrap();
    let target = next().target;
    assert_eq!(target, text(&vector("49_consul_lookup"), "/request/target"));
    assert_eq!(listing.version, Version(37));
    let ids: Vec<_> = listing.instances.iter().map(|one| &*one.id).collect();
    assert_eq!(
        ids,
        [
            "127.0.0.1:18301:example-component",
            "127.0.0.1:18302:example-component"
        ]
    );
    let channels = listing.instances[0].addresses.iter();
    let channels: Vec<_> = channels.map(Address::channel).collect();
    assert_eq!(
        channels,
        [
            "rest",
            "dispatch-json",
            "dispatch-msgpack",
            "dispatch-protobuf"
        ]
    );
    assert_eq!(listing.instances[0].weight, 1);

    let waiting = registry.watch("example-component", listing.version);
    let listing = waiting.await.unwrap();
    assert_eq!((listing.version, listing.instances.len()), (Version(39), 1));
    // The same question, but for the time, and the order of its parts.
    let parts = |target: &str| {
        let (path, query) = target.split_once('?').unwrap();
        let mut parts: Vec<_> = query.split('&').map(str::to_owned).collect();
        parts.sort();
        (path.to_owned(), parts)
    };
    let captured = vector("50_consul_lookup_wait");
    let captured = text(&captured, "/request/target").replace("wait=1s", "wait=60s");
    assert_eq!(parts(&next().target), parts(&captured));
}
