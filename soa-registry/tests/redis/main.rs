//! The registry in Redis, with a Redis that each test starts for itself.

#![cfg(feature = "redis")]
#![allow(clippy::unwrap_used, clippy::expect_used)] // Helpers of tests may fail loudly, too.

mod server;

use std::sync::Arc;
use std::time::Duration;

use soa_redis::{RedisConnection, RedisSettings};
use soa_registry::{
    Address, Directory, Followed, HealthEndpoint, Instance, Keeper, Listing, RedisRegistry,
    Registration, Registry as _,
};
use tokio::time::{Instant, sleep, timeout};

use crate::server::Redis;

fn registry(redis: &Redis) -> RedisRegistry {
    let settings = RedisSettings::new("127.0.0.1", redis.port);
    let settings = settings.command_timeout(Duration::from_secs(1));
    RedisRegistry::new(&RedisConnection::new(settings).unwrap())
}

fn registration(port: u16) -> Registration {
    let address = Address::new("dispatch-json", format!("http://127.0.0.1:{port}"));
    Registration {
        component: "shop".into(),
        instance: Instance {
            id: format!("127.0.0.1:{port}:shop"),
            addresses: vec![address.unwrap()],
            weight: 2,
        },
        host: ([127, 0, 0, 1], port).into(),
        health: HealthEndpoint::new(format!("http://127.0.0.1:{port}/health")),
        tags: vec!["blue".to_owned()],
    }
}

fn ports(listing: &Listing) -> Vec<u16> {
    let ids = listing.instances.iter().map(|instance| &instance.id);
    ids.map(|id| id.split(':').nth(1).unwrap().parse().unwrap())
        .collect()
}

async fn until(what: &str, mut is_so: impl FnMut() -> bool) {
    let begin = Instant::now();
    while !is_so() {
        assert!(begin.elapsed() < Duration::from_secs(30), "{what}");
        sleep(Duration::from_millis(10)).await;
    }
}

async fn until_ports(shop: &Followed, expected: &[u16]) {
    until(&format!("{expected:?} are expected"), || {
        shop.listing()
            .is_some_and(|known| ports(&known) == expected)
    })
    .await;
}

#[tokio::test]
async fn an_instance_is_known_until_it_is_deregistered() {
    let redis = Redis::start();
    let registry = registry(&redis);
    let empty = registry.look_up("shop").await.unwrap();
    assert!(empty.instances.is_empty());
    registry.register(&registration(1)).await.unwrap();
    registry.register(&registration(2)).await.unwrap();
    let listing = registry.look_up("shop").await.unwrap();
    let expected = [1, 2].map(|port| registration(port).instance);
    assert_eq!(listing.instances, expected);
    assert_ne!(listing.version, empty.version);
    // To register again changes nothing.
    registry.register(&registration(2)).await.unwrap();
    assert_eq!(registry.look_up("shop").await.unwrap(), listing);
    registry.deregister(&registration(1)).await.unwrap();
    registry.deregister(&registration(1)).await.unwrap();
    assert_eq!(ports(&registry.look_up("shop").await.unwrap()), [2]);
    assert!(
        registry
            .look_up("other")
            .await
            .unwrap()
            .instances
            .is_empty()
    );
    registry.deregister(&registration(2)).await.unwrap();
    assert_eq!(redis.command("KEYS *"), ["*0"]);
}

#[tokio::test]
async fn an_instance_that_is_not_registered_again_is_forgotten_and_leaves_nothing() {
    let redis = Redis::start();
    let registry = registry(&redis);
    registry.register(&registration(1)).await.unwrap();
    registry.register(&registration(2)).await.unwrap();
    let record = "{pysoa:component.shop}.instance.127.0.0.1:1:shop";
    let left: i64 = redis.command(&format!("PTTL {record}"))[0][1..]
        .parse()
        .unwrap();
    assert!((10_000..=15_000).contains(&left), "{left}");
    redis.command(&format!("PEXPIRE {record} 1"));
    until("the record is gone", || {
        redis.command(&format!("EXISTS {record}")) == [":0"]
    })
    .await;
    assert_eq!(ports(&registry.look_up("shop").await.unwrap()), [2]);
    let set = "{pysoa:component.shop}.instances";
    assert_eq!(redis.command(&format!("ZCARD {set}")), [":1"]);
    let left: i64 = redis.command(&format!("PTTL {set}"))[0][1..]
        .parse()
        .unwrap();
    assert!((10_000..=15_000).contains(&left), "{left}");
}

#[tokio::test]
async fn a_watcher_sees_a_change_within_a_second_or_so() {
    let redis = Redis::start();
    let registry = registry(&redis);
    let shop = Directory::new(Arc::new(registry.clone())).follow("shop");
    assert!(shop.first().await.unwrap().instances.is_empty());
    let keepers = [1, 2].map(|port| Keeper::start(Arc::new(registry.clone()), registration(port)));
    timeout(Duration::from_secs(5), until_ports(&shop, &[1, 2]))
        .await
        .unwrap();
    keepers[0].stop().await;
    timeout(Duration::from_secs(5), until_ports(&shop, &[2]))
        .await
        .unwrap();
    let known = shop.listing().unwrap();
    sleep(Duration::from_millis(2500)).await;
    assert!(Arc::ptr_eq(&known, &shop.listing().unwrap()));
}

#[tokio::test]
async fn a_redis_that_was_restarted_empty_costs_no_list_and_knows_the_instance_again() {
    let mut redis = Redis::start();
    let registry = registry(&redis);
    let shop = Directory::new(Arc::new(registry.clone())).follow("shop");
    let keeper = Keeper::start(Arc::new(registry.clone()), registration(1));
    until_ports(&shop, &[1]).await;
    shop.note_answer();
    redis.kill();
    until("both know", || {
        shop.trouble().is_some() && keeper.trouble().is_some()
    })
    .await;
    let trouble = shop.trouble().unwrap();
    let expected = format!(
        "the registry redis://127.0.0.1:{} cannot be asked",
        redis.port
    );
    assert!(trouble.starts_with(&expected), "{trouble}");
    redis.start_again();
    until("both are well", || {
        assert_eq!(ports(&shop.listing().unwrap()), [1]);
        shop.trouble().is_none() && keeper.trouble().is_none()
    })
    .await;
    assert_eq!(ports(&registry.look_up("shop").await.unwrap()), [1]);
}

#[tokio::test]
async fn records_that_cannot_be_read_are_skipped() {
    let redis = Redis::start();
    let registry = registry(&redis);
    registry.register(&registration(1)).await.unwrap();
    for (id, record) in [
        ("a", "x"),
        ("b", "{}"),
        ("c", "{\"channels\":\"what?\"}"),
        ("d", "{\"channels\":\"rest(http://d:1)\",\"weight\":-1}"),
        ("e", "{\"channels\":\"rest(http://e:1)\",\"further\":1}"),
    ] {
        redis.command(&format!("ZADD {{pysoa:component.shop}}.instances 0 {id}"));
        redis.command(&format!(
            "SET {{pysoa:component.shop}}.instance.{id} {record}"
        ));
    }
    redis.command("ZADD {pysoa:component.shop}.instances 7 gone");
    let listing = registry.look_up("shop").await.unwrap();
    let ids: Vec<_> = listing.instances.iter().map(|one| &*one.id).collect();
    assert_eq!(ids, ["127.0.0.1:1:shop", "e"]);
    assert_eq!(listing.instances[1].weight, 1);
    // Somebody else's type in the place of the set is an error, and nothing else.
    redis.command("SET {pysoa:component.other}.instances x");
    registry.look_up("other").await.unwrap_err();
}

#[tokio::test]
async fn a_login_with_the_commands_of_the_guide_is_enough() {
    let redis = Redis::start();
    let guide = include_str!("../../../soa/src/docs/redis.md");
    let (_, rest) = guide
        .split_once("With them, the line becomes\n\n```text\n")
        .unwrap();
    let line = rest.split("```").next().unwrap().replace('\n', " ");
    let made = redis.command(&format!("ACL SETUSER worker on >secret {}", line.trim()));
    assert_eq!(made, ["+OK"]);
    let settings = RedisSettings::new("127.0.0.1", redis.port).user("worker", "secret");
    let registry = RedisRegistry::new(&RedisConnection::new(settings).unwrap());
    registry.register(&registration(1)).await.unwrap();
    assert_eq!(ports(&registry.look_up("shop").await.unwrap()), [1]);
    registry.deregister(&registration(1)).await.unwrap();
    assert!(!registry.shown_address().contains("secret"));
    assert!(!format!("{registry:?}").contains("secret"));
}
