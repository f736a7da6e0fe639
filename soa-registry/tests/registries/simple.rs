//! The registry in process, and the one of fixed addresses.

use std::sync::Arc;
use std::time::Duration;

use soa_registry::{Directory, Discovery, FixedRegistry, MemoryRegistry, Registry, Version};
use tokio::time::timeout;

use crate::support::{instance, ports, registration};

#[tokio::test]
async fn an_instance_is_known_until_it_is_deregistered() {
    let registry = MemoryRegistry::new();
    registry.register(&registration(1)).await.unwrap();
    registry.register(&registration(2)).await.unwrap();
    let listing = registry.look_up("shop").await.unwrap();
    assert_eq!(listing.instances, [instance(1), instance(2)]);
    assert!(
        registry
            .look_up("other")
            .await
            .unwrap()
            .instances
            .is_empty()
    );
    // To register again changes nothing.
    registry.register(&registration(2)).await.unwrap();
    assert_eq!(registry.look_up("shop").await.unwrap(), listing);
    registry.deregister(&registration(1)).await.unwrap();
    registry.deregister(&registration(1)).await.unwrap();
    assert_eq!(ports(&registry.look_up("shop").await.unwrap()), [2]);
}

#[tokio::test]
async fn a_watcher_is_woken_by_a_change_of_its_component_alone() {
    let registry = MemoryRegistry::new();
    let since = registry.look_up("shop").await.unwrap().version;
    let waiting = tokio::spawn(registry.watch("shop", since));
    let mut other = registration(9);
    other.component = "other".into();
    registry.register(&other).await.unwrap();
    tokio::task::yield_now().await;
    assert!(!waiting.is_finished());
    registry.register(&registration(1)).await.unwrap();
    let listing = waiting.await.unwrap().unwrap();
    assert_eq!(ports(&listing), [1]);
    // A version of another time is answered at once.
    let at_once = registry.watch("shop", Version(77));
    let listing = timeout(Duration::from_secs(5), at_once).await.unwrap();
    assert_eq!(ports(&listing.unwrap()), [1]);
}

#[tokio::test(start_paused = true)]
async fn a_watcher_without_a_change_gets_the_same_list_after_a_minute() {
    let registry = MemoryRegistry::new();
    registry.register(&registration(1)).await.unwrap();
    let listing = registry.look_up("shop").await.unwrap();
    let same = registry.watch("shop", listing.version).await.unwrap();
    assert_eq!(same, listing);
}

#[tokio::test]
async fn fixed_addresses_are_listed_in_their_order_and_take_no_instance() {
    let texts = [
        "rest(http://a:1/),dispatch-json(http://a:1)",
        " dispatch-json(http://b:1) ",
    ];
    let registry = FixedRegistry::new().with("shop", texts).unwrap();
    let listing = registry.look_up("shop").await.unwrap();
    let urls = listing.instances.iter().flat_map(|one| &one.addresses);
    let urls: Vec<_> = urls.map(ToString::to_string).collect();
    assert_eq!(
        urls,
        [
            "rest(http://a:1)",
            "dispatch-json(http://a:1)",
            "dispatch-json(http://b:1)"
        ]
    );
    let error = registry.register(&registration(1)).await.unwrap_err();
    assert_eq!(
        error.to_string(),
        "a list of fixed addresses takes no instance of `shop`"
    );
    registry.deregister(&registration(1)).await.unwrap();
}

#[tokio::test]
async fn logins_of_addresses_are_called_and_not_shown() {
    let texts = [
        "rest(http://me:pass@a:1/x?key=pass)",
        "rest(http://you:pass@a:1/x?key=pass)",
        "rest(you:pass@b:1)",
    ];
    let registry = FixedRegistry::new().with("shop", texts).unwrap();
    let shop = Directory::new(Arc::new(registry.clone())).follow("shop");
    let listing = shop.first().await.unwrap();
    let addresses = listing.instances.iter().flat_map(|one| &one.addresses);
    let mut addresses: Vec<_> = addresses.map(ToString::to_string).collect();
    addresses.sort();
    assert_eq!(addresses, texts);
    let discovery = Discovery::http(registry.clone()).unwrap();
    let transport = discovery.component("shop", None).unwrap();
    for shown in [
        format!("{registry:?}"),
        format!("{listing:?}"),
        format!("{shop:?}"),
        format!("{transport:?}"),
    ] {
        assert!(!shown.contains("pass"), "{shown}");
    }
}

#[test]
fn a_text_that_is_no_address_is_refused_where_it_is_fixed() {
    for text in ["http://a:1", "rest(http://a:1", "re st(http://a:1)", ""] {
        let error = FixedRegistry::new().with("shop", [text]).unwrap_err();
        assert!(error.to_string().starts_with("invalid "), "{error}");
    }
}
