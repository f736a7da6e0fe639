//! Entries that other programs leave in Consul.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use soa_registry::{ConsulRegistry, Directory, Registry as _, Version};
use tokio::time::timeout;

use crate::agent::Agent;
use crate::fake::Fake;
use crate::support::{client, consul, follow, keep_log, lines, until};

#[tokio::test(flavor = "multi_thread")]
async fn entries_that_are_no_instances_are_skipped_and_told_once() {
    keep_log();
    let agent = Agent::start();
    let channels = |list: &str| format!(",\"meta\":{{\"channels\":\"{list}\"}}");
    agent.register("plain", "");
    agent.register("odd", &channels("what? (http://a:1)"));
    agent.register("local", &channels("local()"));
    agent.register("other-meta", ",\"meta\":{\"version\":\"1\"}");
    agent.register(
        "b",
        &channels("rest(http://b:1/),odd,dispatch-json(http://b:1)"),
    );
    agent.register("a", &channels("dispatch-json(http://a:1)"));
    agent.register("z", &channels("dispatch-json(http://a:1)"));
    let weighted = ",\"tags\":[\"weight=0\"],\"weights\":{\"passing\":5,\"warning\":1}";
    agent.register("c", &(channels("dispatch-json(http://c:1)") + weighted));
    let registry = consul(&agent);
    let (_directory, shop) = follow(&registry);
    let listing = shop.first().await.unwrap();
    let shown: Vec<_> = listing
        .instances
        .iter()
        .map(|one| {
            let addresses = one.addresses.iter().map(ToString::to_string);
            let addresses: Vec<_> = addresses.collect();
            format!("{} {} {}", one.id, one.weight, addresses.join(","))
        })
        .collect();
    assert_eq!(
        shown,
        [
            "a 1 dispatch-json(http://a:1)",
            "b 1 rest(http://b:1),dispatch-json(http://b:1)",
            "c 0 dispatch-json(http://c:1)",
        ]
    );
    agent.register("d", &channels("dispatch-json(http://d:1)"));
    until("another one is listed", || {
        shop.listing().unwrap().instances.len() == 4
    })
    .await;
    for _ in 0..3 {
        registry.look_up("shop").await.unwrap();
    }
    for (id, reason) in [
        ("plain", "it has no `channels` in its metadata"),
        ("other-meta", "it has no `channels` in its metadata"),
        ("odd", "its `channels` have no address"),
        ("local", "its `channels` have no address"),
    ] {
        let url = agent.url();
        let told = lines(&format!("{url} lists `{id}`, which is skipped: {reason}"));
        assert_eq!(told.len(), 1, "{id}: {told:?}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_question_waits_until_something_changes() {
    let agent = Agent::start();
    let registry = consul(&agent);
    let before = registry.look_up("shop").await.unwrap();
    let waiting = tokio::spawn(registry.watch("shop", before.version));
    assert!(
        timeout(
            Duration::from_millis(300),
            registry.watch("shop", before.version)
        )
        .await
        .is_err()
    );
    agent.register("a", ",\"meta\":{\"channels\":\"rest(http://a:1)\"}");
    let after = timeout(Duration::from_secs(10), waiting).await;
    let after = after.unwrap().unwrap().unwrap();
    assert!(after.version > before.version);
}

fn listing(port: u16, index: u64) -> (u16, String, Vec<u8>) {
    let body = format!(
        "[{{\"Service\":{{\"ID\":\"127.0.0.1:{port}:shop\",\"Meta\":{{\"channels\":\"rest(http://127.0.0.1:{port})\"}}}}}}]"
    );
    (
        200,
        format!("X-Consul-Index: {index}\r\n"),
        body.into_bytes(),
    )
}

fn registry_at(fake: &Fake) -> ConsulRegistry {
    ConsulRegistry::new(&client(), &format!("consul://127.0.0.1:{}", fake.port)).unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn an_index_that_goes_backwards_is_begun_anew() {
    let questions = AtomicUsize::new(0);
    let (fake, requests) = Fake::keeping(move |_| match questions.fetch_add(1, Ordering::SeqCst) {
        0 => Some(listing(1, 500)),
        1 => Some(listing(2, 30)),
        2 => Some(listing(3, 31)),
        _ => {
            std::thread::sleep(Duration::from_secs(1));
            Some(listing(3, 31))
        }
    });
    let shop = Directory::new(Arc::new(registry_at(&fake))).follow("shop");
    until("the third list is there", || {
        let listing = shop.listing();
        listing.is_some_and(|listing| listing.instances[0].id == "127.0.0.1:3:shop")
    })
    .await;
    let next = || {
        requests
            .recv_timeout(Duration::from_secs(5))
            .unwrap()
            .target
    };
    let plain = "/v1/health/service/shop?passing=1";
    assert_eq!(next(), plain);
    assert_eq!(next(), format!("{plain}&index=500&wait=60s"));
    assert_eq!(next(), plain);
    assert_eq!(next(), format!("{plain}&index=31&wait=60s"));
}

#[tokio::test(flavor = "multi_thread")]
async fn an_answer_that_cannot_be_read_is_an_error_and_the_list_goes_on() {
    let odd: [(u16, &str, &str, &str); 5] = [
        (500, "", "rpc error", "the agent answers 500 `rpc error`"),
        (
            200,
            "X-Consul-Index: 3\r\n",
            "<html>",
            "is no list of services",
        ),
        (200, "", "[]", "has no index"),
        (200, "X-Consul-Index: -1\r\n", "[]", "has no index"),
        (302, "Location: /\r\n", "", "the agent answers 302"),
    ];
    for (status, headers, body, expected) in odd {
        let questions = AtomicUsize::new(0);
        let fake = Fake::start(move |_| match questions.fetch_add(1, Ordering::SeqCst) {
            0 => Some(listing(1, 5)),
            _ => Some((status, headers.to_owned(), body.as_bytes().to_vec())),
        });
        let shop = Directory::new(Arc::new(registry_at(&fake))).follow("shop");
        shop.first().await.unwrap();
        until("the trouble is known", || shop.trouble().is_some()).await;
        let trouble = shop.trouble().unwrap();
        assert!(trouble.contains(expected), "{trouble}");
        assert_eq!(shop.listing().unwrap().instances.len(), 1);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_connection_that_breaks_is_tried_once_more() {
    let questions = AtomicUsize::new(0);
    let fake = Fake::start(move |_| match questions.fetch_add(1, Ordering::SeqCst) {
        0 => None,
        _ => Some(listing(1, 5)),
    });
    let registry = registry_at(&fake);
    assert_eq!(registry.look_up("shop").await.unwrap().instances.len(), 1);
    // One that waits is not: what it waits for may be gone.
    let broken = Fake::start(|_| None);
    let error = registry_at(&broken).watch("shop", Version(7)).await;
    assert_eq!(error.unwrap_err().to_string(), "the agent does not answer");
}

#[tokio::test]
async fn a_large_answer_is_read_and_one_that_is_too_large_is_an_error() {
    let fake = Fake::start(|request| {
        let size = match request.target.contains("large") {
            true => 17 << 20,
            false => 1 << 20,
        };
        let (status, headers, body) = listing(1, 5);
        Some((status, headers, [vec![b' '; size], body].concat()))
    });
    let registry = registry_at(&fake);
    assert_eq!(registry.look_up("shop").await.unwrap().instances.len(), 1);
    registry.look_up("large").await.unwrap_err();
}

#[tokio::test(flavor = "multi_thread")]
async fn the_id_of_a_service_forges_no_line_of_the_log() {
    keep_log();
    let fake = Fake::start(|_| {
        let body = br#"[{"Service":{"ID":"odd\nWARN all is lost\u001b[2J","Meta":null}}]"#;
        Some((200, "X-Consul-Index: 1\r\n".to_owned(), body.to_vec()))
    });
    registry_at(&fake).look_up("shop").await.unwrap();
    let told = lines(&format!("127.0.0.1:{} lists", fake.port));
    assert_eq!(told.len(), 1, "{told:?}");
    assert!(
        told[0].contains("lists `odd WARN all is lost [2J`, which is skipped"),
        "{told:?}"
    );
}

#[test]
fn addresses_that_are_none_are_refused_without_their_logins() {
    for (address, shown) in [
        ("127.0.0.1:8500", "127.0.0.1:8500"),
        ("http://127.0.0.1:8500", "http://127.0.0.1:8500"),
        ("consul://", "consul://"),
        ("consul://a b", "consul://a b"),
        ("consul://a:99999", "consul://a:99999"),
        ("consul://me:secret@a:1", "consul://a:1"),
        ("consul://a:1/path", "consul://a:1/path"),
        ("consul://a:1?token=x", "consul://a:1?…"),
    ] {
        let error = ConsulRegistry::new(&client(), address).unwrap_err();
        let expected = format!("invalid address of Consul `{shown}`: ");
        assert!(error.to_string().starts_with(&expected), "{error}");
    }
    let shown = |address| {
        let registry = ConsulRegistry::new(&client(), address);
        registry.unwrap().shown_address()
    };
    assert_eq!(shown("consul://agent"), "consul://agent:8500");
    assert_eq!(shown("consul+https://agent/"), "consul+https://agent:8501");
    assert_eq!(shown("consul://[::1]:85"), "consul://[::1]:85");
}
