//! Contracts with services of the reference: what they say of themselves by `introspect` is read as ours is.

use soa::testing::{Introspection, Stub, check_compatible};
use soa::{Client, RedisClientTransport, value};

use crate::processes::{Process, Redis};
use crate::python::reference_service;

/// What the example service says of itself, which one of these serves.
async fn offer(serve: fn(&Redis, &str) -> Process) -> Introspection {
    let redis = Redis::start();
    let _service = serve(&redis, "example");
    let settings = redis.addresses().parse().unwrap();
    let transport = RedisClientTransport::new("example", settings).unwrap();
    let client = Client::builder().service("example", transport);
    let client = client.build().unwrap();
    Introspection::of(&client, "example").await.unwrap()
}

#[tokio::test]
async fn a_stub_is_held_against_a_service_of_the_reference() {
    let example = offer(reference_service).await;
    let saved = example.to_json().unwrap();
    for offer in [&example, &Introspection::from_json(&saved).unwrap()] {
        for (body, is_right) in [
            (value!({ "square": 9 }), true),
            (value!({ "squared": 9 }), false),
        ] {
            let stub = Stub::from_actions(&value!({ "square": { "body": body } })).unwrap();
            let client = Client::builder().service("example", stub.clone());
            let client = client.build().unwrap();
            let square = client.call_action("example", "square", &value!({ "number": 3 }));
            square.await.unwrap();
            let checked = offer.check(&stub.exchanges());
            assert_eq!(checked.is_ok(), is_right, "{checked:?}");
        }
    }
}

/// Callers of the Python service may be served by ours, but for what ours limits. The other way round there is little to
/// compare: the Python service says nothing of most of its responses.
#[tokio::test]
async fn our_example_could_replace_the_one_of_the_reference_but_for_its_limits() {
    let theirs = offer(reference_service).await;
    let ours = offer(super::our_service).await;
    let report = check_compatible(&theirs, &ours);
    let changes = report.actions().iter();
    let reasons: Vec<String> = changes
        .flat_map(|change| {
            let reasons = change.reasons.iter();
            reasons.map(|reason| format!("{}: {reason}", change.action))
        })
        .collect();
    assert_eq!(
        reasons,
        [
            "big: request: `size` may violate lte = 67108864",
            "fail: request: `count` may violate lte = 1000",
            "slow: request: `seconds` may violate gte = 0",
            "slow: request: `seconds` may violate lte = 3600",
        ]
    );
}
