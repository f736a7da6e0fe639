//! Registrations that are kept.

use std::future::pending;
use std::sync::Arc;
use std::time::Duration;

use soa_registry::{
    Keeper, Listing, MemoryRegistry, Registration, Registry, RegistryError, Version,
};
use soa_runtime::BoxFuture;
use tokio::time::{Instant, sleep};

use crate::support::{Scripted, keep_log, lines, ports, registration, registration_of, until};

#[tokio::test(start_paused = true)]
async fn an_instance_is_known_from_the_start_to_the_stop() {
    let registry = MemoryRegistry::new();
    let keeper = Keeper::start(Arc::new(registry.clone()), registration(1));
    until("it is registered", || keeper.is_registered()).await;
    assert_eq!(ports(&registry.look_up("shop").await.unwrap()), [1]);
    // Whoever makes it unknown does so for five seconds at most.
    registry.deregister(&registration(1)).await.unwrap();
    sleep(Duration::from_secs(6)).await;
    assert_eq!(ports(&registry.look_up("shop").await.unwrap()), [1]);
    keeper.stop().await;
    assert!(!keeper.is_registered());
    sleep(Duration::from_secs(60)).await;
    let listing = registry.look_up("shop").await.unwrap();
    assert!(listing.instances.is_empty());
    keeper.clone().stop().await;
}

#[tokio::test(start_paused = true)]
async fn a_registry_that_is_away_is_tried_again_and_told_once() {
    keep_log();
    let registry = Scripted::new(1, &[]);
    registry.go_away();
    let keeper = Keeper::start(Arc::new(registry.clone()), registration_of("unkept", 1));
    until("the trouble is known", || keeper.trouble().is_some()).await;
    sleep(Duration::from_secs(3600)).await;
    let asked = registry.registrations();
    assert!((360..=1000).contains(&asked), "{asked}");
    let trouble = keeper.trouble().unwrap();
    let expected = "`127.0.0.1:1:shop` cannot be registered at scripted: no answer: connection refused (for 36";
    assert!(trouble.starts_with(expected), "{trouble}");
    assert!(!keeper.is_registered());
    registry.list(2, &[]);
    until("it is registered", || keeper.is_registered()).await;
    assert_eq!(keeper.trouble(), None);
    assert_eq!(lines("unkept", "WARN").len(), 1);
    let told = lines("unkept", "INFO");
    assert_eq!(told.len(), 1, "{told:?}");
    assert!(told[0].contains("takes the registration of `127.0.0.1:1:shop` again, after 36"));
}

#[tokio::test(start_paused = true)]
async fn a_registration_is_repeated_at_each_interval_of_the_registry() {
    let registry = Scripted::new(1, &[]);
    let _keeper = Keeper::start(Arc::new(registry.clone()), registration(1));
    sleep(Duration::from_secs(51)).await;
    assert_eq!(registry.registrations(), 11);
}

#[tokio::test(start_paused = true)]
async fn a_registry_that_hangs_does_not_hold_up_a_stop() {
    /// A registry that never answers.
    struct Hanging;

    impl Registry for Hanging {
        fn register(&self, _: &Registration) -> BoxFuture<Result<(), RegistryError>> {
            Box::pin(pending())
        }

        fn deregister(&self, _: &Registration) -> BoxFuture<Result<(), RegistryError>> {
            Box::pin(pending())
        }

        fn look_up(&self, _: &str) -> BoxFuture<Result<Listing, RegistryError>> {
            Box::pin(pending())
        }

        fn watch(&self, _: &str, _: Version) -> BoxFuture<Result<Listing, RegistryError>> {
            Box::pin(pending())
        }

        fn shown_address(&self) -> String {
            "hanging".to_owned()
        }
    }

    keep_log();
    let keeper = Keeper::start(Arc::new(Hanging), registration_of("hanging", 1));
    until("it is told", || keeper.trouble().is_some()).await;
    assert!(keeper.trouble().unwrap().contains("no answer within 10 s"));
    let begin = Instant::now();
    keeper.stop().await;
    assert!(begin.elapsed() <= Duration::from_millis(2100));
    let warnings = lines("hanging", "WARN");
    assert_eq!(warnings.len(), 2, "{warnings:?}");
    assert!(warnings[1].contains("cannot be deregistered from hanging: no answer in time"));
}

#[tokio::test]
async fn a_keeper_that_is_dropped_registers_no_more() {
    let registry = Scripted::new(1, &[]);
    let keeper = Keeper::start(Arc::new(registry.clone()), registration(1));
    until("it is registered", || keeper.is_registered()).await;
    drop(keeper);
    tokio::time::pause();
    sleep(Duration::from_secs(60)).await;
    assert_eq!(registry.registrations(), 1);
}

#[test]
fn a_stop_after_the_end_of_the_runtime_does_not_hang() {
    let runtime = || {
        let mut builder = tokio::runtime::Builder::new_current_thread();
        builder.enable_all().build().unwrap()
    };
    let registry = MemoryRegistry::new();
    let first = runtime();
    let keeper = first.block_on(async {
        let keeper = Keeper::start(Arc::new(registry.clone()), registration(1));
        until("it is registered", || keeper.is_registered()).await;
        keeper
    });
    drop(first);
    runtime().block_on(keeper.stop());
}
