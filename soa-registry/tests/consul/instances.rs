//! Instances that come and go.

use soa_registry::Registry as _;

use crate::agent::{Agent, free_port};
use crate::fake::Fake;
use crate::support::{consul, follow, keep, registration, until, until_listed, until_ports};

#[tokio::test(flavor = "multi_thread")]
async fn an_instance_is_listed_when_its_check_passes_until_it_is_deregistered() {
    let agent = Agent::start();
    let registry = consul(&agent);
    let (_directory, shop) = follow(&registry);
    assert!(shop.first().await.unwrap().instances.is_empty());
    let instance = Fake::healthy();
    let keeper = keep(&registry, instance.port);
    until_ports(&shop, &[instance.port]).await;
    let listing = shop.listing().unwrap();
    let listed = &listing.instances[0];
    assert_eq!(*listed, keeper.registration().instance);
    assert_eq!(listed.addresses[1].channel(), "dispatch-json");
    keeper.stop().await;
    until_ports(&shop, &[]).await;
    // One that is not known is no error.
    registry
        .deregister(&registration(instance.port))
        .await
        .unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn an_instance_that_is_known_is_not_registered_again_and_goes_on_passing() {
    let agent = Agent::start();
    let registry = consul(&agent);
    let instance = Fake::healthy();
    let mut one = registration(instance.port);
    registry.register(&one).await.unwrap();
    until_listed(&registry, 1).await;
    let index = || {
        let known = agent.ask("GET", "/v1/catalog/service/shop", "");
        let (_, rest) = known.rsplit_once("\"ModifyIndex\":").unwrap();
        rest.trim_matches(|c: char| !c.is_ascii_digit()).to_owned()
    };
    let before = index();
    for _ in 0..3 {
        registry.register(&one).await.unwrap();
        assert_eq!(registry.look_up("shop").await.unwrap().instances.len(), 1);
    }
    assert_eq!(index(), before);
    // What is different is registered.
    one.instance.weight = 3;
    one.tags = vec!["blue".to_owned()];
    registry.register(&one).await.unwrap();
    until_listed(&registry, 1).await;
    let listing = registry.look_up("shop").await.unwrap();
    assert_eq!(listing.instances[0].weight, 3);
    let known = agent.ask("GET", "/v1/catalog/service/shop", "");
    let known: serde_json::Value = serde_json::from_str(&known).unwrap();
    let tags = serde_json::json!(["component", "weight=3", "blue"]);
    assert_eq!(known[0]["ServiceTags"], tags);
    let before = index();
    registry.register(&one).await.unwrap();
    assert_eq!(index(), before);
}

#[tokio::test(flavor = "multi_thread")]
async fn of_three_instances_two_are_killed_and_one_comes_back_on_another_port() {
    let agent = Agent::start();
    let registry = consul(&agent);
    let (_directory, shop) = follow(&registry);
    let [first, second, third] = [(); 3].map(|()| Fake::healthy());
    let [_kept, killed, other] =
        [&first, &second, &third].map(|instance| keep(&registry, instance.port));
    until_ports(&shop, &[first.port, second.port, third.port]).await;
    // They end without a word.
    let remaining = first.port;
    drop((second, third, killed, other));
    until_ports(&shop, &[remaining]).await;
    let back = Fake::healthy();
    let _back = keep(&registry, back.port);
    until_ports(&shop, &[remaining, back.port]).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_instance_whose_check_has_not_passed_yet_is_not_listed() {
    let agent = Agent::start();
    let registry = consul(&agent);
    let keeper = keep(&registry, free_port());
    until("it is registered", || keeper.is_registered()).await;
    let listing = registry.look_up("shop").await.unwrap();
    assert!(listing.instances.is_empty());
    keeper.stop().await;
    let known = agent.ask("GET", "/v1/agent/services", "");
    assert!(!known.contains("shop"), "{known}");
}
