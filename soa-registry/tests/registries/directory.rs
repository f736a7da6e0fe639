//! The list of a component, kept in the background.

use std::future::pending;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use soa_registry::{
    Address, Directory, Followed, Listing, MemoryRegistry, Registration, Registry, RegistryError,
    Version,
};
use soa_runtime::BoxFuture;
use tokio::time::{Instant, advance, sleep};

use crate::support::{Scripted, instance, keep_log, lines, ports, registration, until};

/// Waits until the list has these ports. The clock of the test is paused, and runs while all tasks wait.
async fn until_ports(shop: &Followed, expected: &[u16]) {
    let begin = Instant::now();
    while shop.listing().map(|listing| ports(&listing)).as_deref() != Some(expected) {
        let late = begin.elapsed() > Duration::from_secs(3600);
        assert!(!late, "{expected:?} expected: {shop:?}");
        sleep(Duration::from_millis(10)).await;
    }
}

fn follow(registry: &Scripted) -> (Directory, Followed) {
    follow_as("shop", registry)
}

fn follow_as(component: &str, registry: &Scripted) -> (Directory, Followed) {
    let directory = Directory::new(Arc::new(registry.clone()));
    let followed = directory.follow(component);
    (directory, followed)
}

#[tokio::test(start_paused = true)]
async fn a_change_arrives_and_an_equal_list_stays_the_same_one() {
    let registry = Scripted::new(7, &[1]);
    let (directory, shop) = follow(&registry);
    assert_eq!(shop.component(), "shop");
    let first = shop.first().await.unwrap();
    assert_eq!((ports(&first), first.version), (vec![1], Version(7)));
    registry.list(9, &[1]);
    until("the version was passed back", || {
        registry.waited_for().contains(&9)
    })
    .await;
    assert!(Arc::ptr_eq(&first, &shop.listing().unwrap()));
    registry.list(10, &[1, 2]);
    until_ports(&shop, &[1, 2]).await;
    // The same component is watched once.
    let other = directory.follow("shop");
    assert_eq!(ports(&other.first().await.unwrap()), [1, 2]);
    until("it waits", || registry.waited_for() == [7, 9, 10]).await;
}

#[tokio::test(start_paused = true)]
async fn a_registry_that_is_away_costs_no_list_and_is_told_once() {
    keep_log();
    let registry = Scripted::new(7, &[1, 2]);
    let (directory, shop) = follow_as("away", &registry);
    shop.first().await.unwrap();
    assert!(directory.troubles().is_empty());
    registry.go_away();
    until("the trouble is known", || shop.trouble().is_some()).await;
    let begin = registry.questions();
    advance(Duration::from_secs(3600)).await;
    sleep(Duration::from_secs(3600)).await;
    assert_eq!(ports(&shop.listing().unwrap()), [1, 2]);
    // It is asked each ten seconds at most, and half of that on average at least.
    let asked = registry.questions() - begin;
    assert!((360..=1000).contains(&asked), "{asked}");
    let trouble = shop.trouble().unwrap();
    assert!(
        trouble.starts_with("the registry scripted cannot be asked: no answer: connection refused"),
        "{trouble}"
    );
    assert_eq!(directory.troubles(), [("away".into(), trouble)]);
    let warnings = lines("away", "WARN");
    assert_eq!(warnings.len(), 1, "{warnings:?}");
    assert!(warnings[0].contains("the last known instances are called"));
    assert!(lines("away", "INFO").is_empty());

    registry.list(8, &[2, 3]);
    until_ports(&shop, &[2, 3]).await;
    until("the trouble is over", || shop.trouble().is_none()).await;
    assert_eq!(lines("away", "WARN").len(), 1);
    let told = lines("away", "INFO");
    assert_eq!(told.len(), 1, "{told:?}");
    assert!(told[0].contains("the registry scripted answers again, after 7"));
}

#[tokio::test(start_paused = true)]
async fn who_waits_for_the_first_list_gets_the_error_of_the_registry() {
    let registry = Scripted::new(1, &[1]);
    registry.go_away();
    let (_directory, shop) = follow(&registry);
    let begin = Instant::now();
    let error = shop.first().await.unwrap_err().to_string();
    assert!(begin.elapsed() < Duration::from_secs(1));
    assert_eq!(
        error,
        "the registry scripted cannot be asked: no answer: connection refused"
    );
    assert!(shop.listing().is_none());
    registry.list(1, &[1]);
    until_ports(&shop, &[1]).await;
    assert!(shop.first().await.is_ok());
}

#[tokio::test(start_paused = true)]
async fn after_a_failure_the_list_is_asked_for_anew() {
    let registry = Scripted::new(500, &[1]);
    let (_directory, shop) = follow(&registry);
    shop.first().await.unwrap();
    registry.go_away();
    until("the trouble is known", || shop.trouble().is_some()).await;
    // A registry that has begun anew would let a watcher of its old version wait.
    registry.list(3, &[2]);
    until_ports(&shop, &[2]).await;
    until("it is watched again", || registry.waited_for() == [500, 3]).await;
}

#[tokio::test(start_paused = true)]
async fn a_version_that_goes_backwards_is_asked_for_anew() {
    let registry = Scripted::new(500, &[1]);
    let (_directory, shop) = follow(&registry);
    shop.first().await.unwrap();
    let before = registry.questions();
    registry.list(3, &[2]);
    until_ports(&shop, &[2]).await;
    until("it is watched again", || registry.waited_for() == [500, 3]).await;
    // One of the questions was a look-up without a version.
    assert!(registry.questions() - before >= 2);
}

#[tokio::test(start_paused = true)]
async fn an_empty_list_does_not_replace_one_that_answers_for_a_minute() {
    keep_log();
    let registry = Scripted::new(1, &[1]);
    let (_directory, shop) = follow_as("empty", &registry);
    shop.first().await.unwrap();
    shop.note_answer();
    registry.list(2, &[]);
    until("it is told", || shop.trouble().is_some()).await;
    let begin = Instant::now();
    let trouble = shop.trouble().unwrap();
    assert!(trouble.contains("lists no instance"), "{trouble}");
    // Whatever the registry says again and again, it is told once.
    let mut version = 2;
    while begin.elapsed() < Duration::from_secs(55) {
        version += 1;
        registry.list(version, &[]);
        shop.note_answer();
        sleep(Duration::from_secs(1)).await;
        assert_eq!(ports(&shop.listing().unwrap()), [1]);
    }
    let warnings = lines("empty", "WARN");
    assert_eq!(warnings.len(), 1, "{warnings:?}");
    assert!(warnings[0].contains("the known ones answer; they are called for at most 60 s more"));
    until_ports(&shop, &[]).await;
    let after = begin.elapsed().as_secs();
    assert!((58..=62).contains(&after), "{after}");
    assert_eq!(lines("empty", "WARN").len(), 2);
    assert_eq!(shop.trouble(), None);
    registry.list(version + 1, &[4]);
    until_ports(&shop, &[4]).await;
}

#[tokio::test(start_paused = true)]
async fn a_registry_that_remembers_within_the_minute_changes_nothing() {
    let registry = Scripted::new(1, &[1, 2]);
    let (_directory, shop) = follow(&registry);
    let first = shop.first().await.unwrap();
    shop.note_answer();
    registry.list(2, &[]);
    until("it is told", || shop.trouble().is_some()).await;
    sleep(Duration::from_secs(30)).await;
    registry.list(3, &[1, 2]);
    until("it is over", || shop.trouble().is_none()).await;
    assert!(Arc::ptr_eq(&first, &shop.listing().unwrap()));
}

#[tokio::test(start_paused = true)]
async fn an_empty_list_replaces_one_that_nobody_has_heard_of_for_a_minute() {
    let registry = Scripted::new(1, &[1]);
    let (_directory, shop) = follow(&registry);
    shop.first().await.unwrap();
    registry.list(2, &[]);
    until_ports(&shop, &[]).await;
    registry.list(3, &[1]);
    until_ports(&shop, &[1]).await;
    shop.note_answer();
    sleep(Duration::from_secs(70)).await;
    let begin = Instant::now();
    registry.list(4, &[]);
    until_ports(&shop, &[]).await;
    assert!(begin.elapsed() < Duration::from_secs(1));
}

#[tokio::test(start_paused = true)]
async fn doubles_are_left_out_and_instances_are_sorted() {
    let mut two_addresses = instance(3);
    let rest = Address::new("rest", "http://127.0.0.1:3").unwrap();
    two_addresses.addresses.push(rest.clone());
    two_addresses.addresses.push(rest);
    // The same address under another identity, and an instance without any.
    let mut same = instance(1);
    same.id = "z".to_owned();
    let mut without = instance(5);
    without.addresses.clear();
    let registry = Scripted::new(1, &[]);
    registry.instances(
        2,
        vec![same, two_addresses, without, instance(1), instance(1)],
    );
    let (_directory, shop) = follow(&registry);
    let listing = shop.first().await.unwrap();
    assert_eq!(ports(&listing), [1, 3]);
    assert_eq!(listing.instances[1].addresses.len(), 2);
    assert_eq!(listing.instances[1].addresses[1].channel(), "rest");
}

#[tokio::test(start_paused = true)]
async fn a_registry_that_answers_without_end_is_not_asked_without_end() {
    /// A registry that never waits.
    struct Restless(MemoryRegistry, Scripted);

    impl Registry for Restless {
        fn register(&self, one: &Registration) -> BoxFuture<Result<(), RegistryError>> {
            self.0.register(one)
        }

        fn deregister(&self, one: &Registration) -> BoxFuture<Result<(), RegistryError>> {
            self.0.deregister(one)
        }

        fn look_up(&self, component: &str) -> BoxFuture<Result<Listing, RegistryError>> {
            self.1.look_up(component)
        }

        fn watch(&self, component: &str, _: Version) -> BoxFuture<Result<Listing, RegistryError>> {
            let answer = self.1.look_up(component);
            Box::pin(async {
                // A list that takes its time on the way has not been waited for.
                sleep(Duration::from_millis(60)).await;
                answer.await
            })
        }

        fn shown_address(&self) -> String {
            "restless".to_owned()
        }
    }

    let scripted = Scripted::new(1, &[1]);
    let registry = Restless(MemoryRegistry::new(), scripted.clone());
    let shop = Directory::new(Arc::new(registry)).follow("shop");
    shop.first().await.unwrap();
    sleep(Duration::from_secs(10)).await;
    let asked = scripted.questions();
    assert!((10..=20).contains(&asked), "{asked}");
}

#[tokio::test]
async fn the_task_of_a_component_ends_with_the_last_who_holds_it() {
    /// A registry that tells whether somebody waits for it.
    struct Waited(Arc<AtomicBool>);

    struct Ended(Arc<AtomicBool>);

    impl Drop for Ended {
        fn drop(&mut self) {
            self.0.store(false, Ordering::SeqCst);
        }
    }

    impl Registry for Waited {
        fn register(&self, _: &Registration) -> BoxFuture<Result<(), RegistryError>> {
            Box::pin(async { Ok(()) })
        }

        fn deregister(&self, _: &Registration) -> BoxFuture<Result<(), RegistryError>> {
            Box::pin(async { Ok(()) })
        }

        fn look_up(&self, _: &str) -> BoxFuture<Result<Listing, RegistryError>> {
            let is_waited = Arc::clone(&self.0);
            Box::pin(async move {
                is_waited.store(true, Ordering::SeqCst);
                let _ended = Ended(is_waited);
                pending().await
            })
        }

        fn watch(&self, component: &str, _: Version) -> BoxFuture<Result<Listing, RegistryError>> {
            self.look_up(component)
        }

        fn shown_address(&self) -> String {
            "waited".to_owned()
        }
    }

    let is_waited = Arc::new(AtomicBool::new(false));
    let directory = Directory::new(Arc::new(Waited(Arc::clone(&is_waited))));
    let shop = directory.follow("shop");
    let other = shop.clone();
    until("it waits", || is_waited.load(Ordering::SeqCst)).await;
    drop(shop);
    sleep(Duration::from_millis(20)).await;
    assert!(is_waited.load(Ordering::SeqCst));
    drop(other);
    until("it has ended", || !is_waited.load(Ordering::SeqCst)).await;
    let _again = directory.follow("shop");
    until("it waits", || is_waited.load(Ordering::SeqCst)).await;
}

#[test]
fn a_component_is_watched_on_after_its_runtime_has_ended() {
    let runtime = || {
        let mut builder = tokio::runtime::Builder::new_current_thread();
        builder.enable_all().build().unwrap()
    };
    let registry = Scripted::new(1, &[1]);
    let directory = Directory::new(Arc::new(registry.clone()));
    let shop = {
        // Without a runtime, nothing is asked.
        let shop = directory.follow("shop");
        assert!(shop.listing().is_none());
        assert_eq!(registry.questions(), 0);
        shop
    };
    runtime().block_on(async { shop.first().await.unwrap() });
    registry.list(2, &[2]);
    assert_eq!(ports(&shop.listing().unwrap()), [1]);
    runtime().block_on(until_ports(&shop, &[2]));
    // Somebody who waits while the runtime of the task ends gets the list, too.
    registry.go_away();
    let fresh = directory.follow("other");
    let first = runtime();
    first.block_on(async { fresh.first().await.unwrap_err() });
    drop(first);
    registry.list(3, &[3]);
    let listing = runtime().block_on(fresh.first()).unwrap();
    assert_eq!(ports(&listing), [3]);
}

#[tokio::test]
async fn the_registry_in_process_wakes_those_who_follow() {
    let registry = MemoryRegistry::new();
    let shop = Directory::new(Arc::new(registry.clone())).follow("shop");
    assert!(shop.first().await.unwrap().instances.is_empty());
    registry.register(&registration(1)).await.unwrap();
    registry.register(&registration(2)).await.unwrap();
    until_ports(&shop, &[1, 2]).await;
    registry.deregister(&registration(1)).await.unwrap();
    until_ports(&shop, &[2]).await;
}

#[tokio::test(start_paused = true)]
async fn the_reason_of_a_registry_forges_no_line_of_the_log() {
    /// A registry that fails as somebody else wants.
    struct Forging;

    impl Registry for Forging {
        fn register(&self, _: &Registration) -> BoxFuture<Result<(), RegistryError>> {
            Box::pin(async { Err(RegistryError::new("no\nWARN all is lost")) })
        }

        fn deregister(&self, one: &Registration) -> BoxFuture<Result<(), RegistryError>> {
            self.register(one)
        }

        fn look_up(&self, _: &str) -> BoxFuture<Result<Listing, RegistryError>> {
            let error = RegistryError::new("no\nWARN all is lost");
            Box::pin(async { Err(error.with_source(std::io::Error::other("\u{1b}[2J\r"))) })
        }

        fn watch(&self, component: &str, _: Version) -> BoxFuture<Result<Listing, RegistryError>> {
            self.look_up(component)
        }

        fn shown_address(&self) -> String {
            "forging".to_owned()
        }
    }

    keep_log();
    let shop = Directory::new(Arc::new(Forging)).follow("forged");
    let error = shop.first().await.unwrap_err().to_string();
    let expected = "the registry forging cannot be asked: no WARN all is lost:  [2J ";
    assert_eq!(error, expected);
    let told = lines("forged", "WARN");
    assert_eq!(told.len(), 1, "{told:?}");
    assert!(told[0].contains(expected), "{told:?}");
}
