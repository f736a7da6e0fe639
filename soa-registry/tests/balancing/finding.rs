//! Components by their names: addresses, channels, and what is said where there are none.

use std::sync::Arc;
use std::time::Duration;

use soa_registry::{
    Carries, Choice, Directory, Discovery, First, Listing, Registration, Registry, RegistryError,
    RoundRobin, Selector, Version,
};
use soa_runtime::{BoxFuture, Client, SwitchSet, TransportErrorKind};

use crate::support::{World, buy, client, kind, look};

#[tokio::test(start_paused = true)]
async fn a_component_is_found_by_its_name_and_its_calls_are_spread() {
    let world = World::default();
    let hosts = [
        world.start("a").await,
        world.start("b").await,
        world.start("c").await,
    ];
    let client = client(&world.discovery().selector(RoundRobin::new));
    for _ in 0..30 {
        buy(&client).await.unwrap();
    }
    assert_eq!(hosts.map(|host| host.runs()), [10, 10, 10]);
}

#[tokio::test(start_paused = true)]
async fn an_instance_of_the_weight_0_is_called_when_no_other_one_can_be() {
    let world = World::default();
    let usual = world.start("a").await;
    let spare = world.start_with("b", 0, "local(http://b)").await;
    let client = world.client();
    for _ in 0..20 {
        buy(&client).await.unwrap();
    }
    assert_eq!((usual.runs(), spare.runs()), (20, 0));
    world.kill("a");
    for _ in 0..20 {
        buy(&client).await.unwrap();
    }
    assert_eq!(spare.runs(), 20);
}

#[tokio::test(start_paused = true)]
async fn a_component_that_nobody_offers_is_told_at_once() {
    let client = World::default().client();
    let begin = tokio::time::Instant::now();
    let error = look(&client).await.unwrap_err();
    assert_eq!(kind(&error), Some(TransportErrorKind::Unreachable));
    let text = error.to_string();
    assert!(
        text.contains("no instance of the component `shop` is registered"),
        "{text}"
    );
    assert_eq!(begin.elapsed(), Duration::ZERO);
}

#[tokio::test(start_paused = true)]
async fn an_instance_that_comes_back_at_another_port_is_called_there() {
    let world = World::default();
    world.start("a").await;
    let client = world.client();
    buy(&client).await.unwrap();
    world.kill("a");
    buy(&client).await.unwrap_err();
    let moved = world.start_with("a", 1, "local(http://a:2)").await;
    // The list reaches the caller a moment later.
    tokio::time::sleep(Duration::from_millis(100)).await;
    buy(&client).await.unwrap();
    assert_eq!(moved.runs(), 1);
}

/// A registry that is away: it refuses connections, or never answers.
enum Away {
    Refusing,
    Hanging,
}

impl Away {
    fn error<T: Send + 'static>(&self) -> BoxFuture<Result<T, RegistryError>> {
        match self {
            Self::Refusing => Box::pin(async { Err(RegistryError::new("connection refused")) }),
            Self::Hanging => Box::pin(std::future::pending()),
        }
    }
}

impl Registry for Away {
    fn register(&self, _: &Registration) -> BoxFuture<Result<(), RegistryError>> {
        self.error()
    }

    fn deregister(&self, _: &Registration) -> BoxFuture<Result<(), RegistryError>> {
        self.error()
    }

    fn look_up(&self, _: &str) -> BoxFuture<Result<Listing, RegistryError>> {
        self.error()
    }

    fn watch(&self, _: &str, _: Version) -> BoxFuture<Result<Listing, RegistryError>> {
        self.error()
    }

    fn shown_address(&self) -> String {
        "consul://10.0.0.9:8500".to_owned()
    }
}

#[tokio::test(start_paused = true)]
async fn a_registry_that_is_away_is_told_where_no_list_is_known() {
    let world = World::default();
    let discovery =
        Discovery::new(Directory::new(Arc::new(Away::Refusing))).channel(world.channel("local"));
    let error = look(&client(&discovery)).await.unwrap_err();
    assert_eq!(kind(&error), Some(TransportErrorKind::Unreachable));
    let text = error.to_string();
    assert!(text.contains("`shop` cannot be looked up"), "{text}");
    assert!(
        text.contains("consul://10.0.0.9:8500") && text.contains("connection refused"),
        "{text}"
    );
}

#[tokio::test(start_paused = true)]
async fn a_registry_that_hangs_is_told_before_the_time_of_the_first_call_is_over() {
    let world = World::default();
    let discovery = Discovery::new(Directory::new(Arc::new(Away::Hanging)));
    let client = client(&discovery.channel(world.channel("local")));
    let begin = tokio::time::Instant::now();
    let call = buy(&client).idempotent();
    let error = call.timeout(Duration::from_secs(2)).await.unwrap_err();
    assert_eq!(kind(&error), Some(TransportErrorKind::Unreachable));
    let text = error.to_string();
    assert!(
        text.contains(
            "`shop` cannot be looked up: consul://10.0.0.9:8500 has not answered within 1.8s"
        ),
        "{text}"
    );
    assert!(begin.elapsed() < Duration::from_secs(2));
}

#[tokio::test(start_paused = true)]
async fn a_channel_that_is_not_known_here_is_skipped() {
    let world = World::default();
    let host = world
        .start_with("a", 1, "fancy(http://fancy),local(http://a)")
        .await;
    buy(&world.client()).await.unwrap();
    assert_eq!(host.runs(), 1);
}

#[tokio::test(start_paused = true)]
async fn a_component_by_unknown_channels_alone_is_told_with_its_channels() {
    let world = World::default();
    world
        .start_with("a", 1, "fancy(http://a),rest(http://a)")
        .await;
    let error = look(&world.client()).await.unwrap_err();
    assert_eq!(kind(&error), Some(TransportErrorKind::Misconfigured));
    let text = error.to_string();
    assert!(
        text.contains("it is offered by: fancy, rest; known are: local"),
        "{text}"
    );
}

#[tokio::test(start_paused = true)]
async fn a_preferred_channel_is_the_only_one_and_is_missed_aloud() {
    let world = World::default();
    let both = world
        .start_with("a", 1, "local(http://a:1),other(http://a:2)")
        .await;
    let one = world.start_with("b", 1, "local(http://b)").await;
    let discovery = world
        .discovery()
        .channel(world.channel("other"))
        .channel(world.channel("third"));
    let preferring = client(&discovery.clone().prefer("other"));
    for _ in 0..10 {
        buy(&preferring).await.unwrap();
    }
    assert_eq!((both.runs(), one.runs()), (10, 0));

    let error = look(&client(&discovery.prefer_for("shop", "third")))
        .await
        .unwrap_err();
    assert_eq!(kind(&error), Some(TransportErrorKind::Misconfigured));
    let text = error.to_string();
    assert!(
        text.contains("not offered by the channel `third`, but by: local, other"),
        "{text}"
    );
}

#[tokio::test(start_paused = true)]
async fn a_call_that_sets_its_context_goes_to_instances_that_act_on_it_alone() {
    let world = World::default();
    let typed = |name| {
        let mut channel = world.channel(name);
        channel.carries = Carries::Typed;
        channel
    };
    let theirs = world.start_with("a", 1, "typed(http://a)").await;
    let discovery = world.discovery().channel(typed("typed"));
    let alone = client(&discovery);
    buy(&alone).await.unwrap();
    let error = buy(&alone).switch(5).await.unwrap_err();
    assert_eq!(kind(&error), Some(TransportErrorKind::Misconfigured));
    let text = error.to_string();
    assert!(
        text.contains("no instance is known to act on them: those of this framework offer the channel `call`, and these offer typed alone"),
        "{text}"
    );
    let error = buy(&alone).context("tenant", "north").await.unwrap_err();
    assert_eq!(kind(&error), Some(TransportErrorKind::Misconfigured));
    assert_eq!(theirs.calls(), 1);

    // Of this framework, though it is called by a channel that Aspyx has.
    let ours = world
        .start_with("b", 1, "typed(http://b),call(http://b/call)")
        .await;
    let discovery = world.discovery().channel(typed("typed"));
    let mixed = client(&discovery);
    for _ in 0..20 {
        buy(&mixed).switch(5).await.unwrap();
    }
    assert_eq!((theirs.calls(), ours.runs()), (1, 20));
    // A switch that is on for all calls of the client is ignored, as by a service that does not know it.
    let of_all = Client::builder().component("shop", &discovery);
    let of_all = of_all
        .offers(["shop"])
        .switches(SwitchSet::from_iter([5]))
        .build()
        .unwrap();
    for _ in 0..20 {
        buy(&of_all).await.unwrap();
    }
    assert!(theirs.runs() > 1);
}

#[tokio::test(start_paused = true)]
async fn a_service_may_prefer_another_channel_than_its_neighbours() {
    let world = World::default();
    let left = world.start_with("a", 1, "local(http://a)").await;
    let right = world.start_with("b", 1, "other(http://b)").await;
    let discovery = world
        .discovery()
        .channel(world.channel("other"))
        .prefer("local");
    let client = Client::builder()
        .component("shop", &discovery)
        .offers(["shop"])
        .component("shop", &discovery)
        .prefer("other")
        .offers(["stock"])
        .build()
        .unwrap();
    client.call_action("shop", "buy", &()).await.unwrap();
    client.call_action("stock", "buy", &()).await.unwrap();
    assert_eq!((left.runs(), right.runs()), (1, 1));
}

#[test]
fn an_unknown_channel_is_an_error_of_the_client() {
    let discovery = World::default().discovery();
    let client = Client::builder()
        .component("shop", discovery)
        .prefer("grpc")
        .offers(["shop"]);
    let error = client.build().unwrap_err().to_string();
    assert_eq!(
        error,
        "unknown channel `grpc` for the component `shop`; known are: local"
    );
}

/// A selector that knows no limits.
#[derive(Debug)]
struct Beyond;

impl Selector for Beyond {
    fn select(&self, choice: &Choice<'_>) -> Option<usize> {
        Some(choice.len() + 7)
    }
}

#[tokio::test(start_paused = true)]
async fn a_selector_that_names_no_address_is_helped_out() {
    let world = World::default();
    let host = world.start("a").await;
    buy(&client(&world.discovery().selector(|| Beyond)))
        .await
        .unwrap();
    assert_eq!(host.runs(), 1);
}

#[tokio::test(start_paused = true)]
async fn services_of_a_component_share_what_is_known_of_an_address() {
    let world = World::default();
    world.start("a").await;
    let other = world.start("b").await;
    let discovery = world.discovery().selector(|| First);
    let client = Client::builder()
        .component("shop", &discovery)
        .offers(["shop", "stock"])
        .build()
        .unwrap();
    world.kill("a");
    client.call_action("shop", "buy", &()).await.unwrap();
    let before = world.start_quietly("a");
    client.call_action("stock", "buy", &()).await.unwrap();
    assert_eq!((before.calls(), other.runs()), (0, 2));
}
