//! Instances that are overloaded.

use std::time::Duration;

use soa_registry::First;
use soa_runtime::{ErrorKind, code};
use tokio::time::Instant;

use crate::support::{Mode, World, buy, client, look};

#[tokio::test(start_paused = true)]
async fn a_call_goes_on_to_another_address_at_once() {
    let world = World::default();
    let (busy, other) = (world.start("a").await, world.start("b").await);
    busy.set(Mode::IsOverloaded(Some(30)));
    let client = client(&world.discovery().selector(|| First));
    let begin = Instant::now();
    for _ in 0..20 {
        buy(&client).await.unwrap();
    }
    assert_eq!(
        (busy.calls(), other.runs(), begin.elapsed()),
        (1, 20, Duration::ZERO)
    );
}

#[tokio::test(start_paused = true)]
async fn the_only_address_is_waited_for_as_long_as_it_asks() {
    let world = World::default();
    let busy = world.start("a").await;
    busy.set(Mode::IsOverloaded(Some(2)));
    let client = world.client();
    let begin = Instant::now();
    let call = tokio::spawn(buy(&client).into_future());
    tokio::time::sleep(Duration::from_secs(1)).await;
    busy.set(Mode::Serves);
    call.await.unwrap().unwrap();
    let took = begin.elapsed();
    assert!((2000..2300).contains(&took.as_millis()), "{took:?}");
}

#[tokio::test(start_paused = true)]
async fn a_time_that_the_call_does_not_have_is_not_waited_for() {
    let world = World::default();
    for seconds in [Some(10), None] {
        let busy = world.start("a").await;
        busy.set(Mode::IsOverloaded(seconds));
        let begin = Instant::now();
        let error = buy(&world.client())
            .timeout(Duration::from_secs(2))
            .await
            .unwrap_err();
        assert_eq!(
            (error.kind(), &*error.errors()[0].code),
            (ErrorKind::Job, code::OVERLOADED)
        );
        assert_eq!(begin.elapsed(), Duration::ZERO);
        assert_eq!(busy.calls(), 1);
    }
}

#[tokio::test(start_paused = true)]
async fn without_a_time_to_come_back_a_call_goes_on_only_if_it_is_idempotent() {
    let world = World::default();
    let (busy, other) = (world.start("a").await, world.start("b").await);
    busy.set(Mode::IsOverloaded(None));
    let client = client(&world.discovery().selector(|| First));
    let error = buy(&client).await.unwrap_err();
    assert_eq!(
        (&*error.errors()[0].code, other.calls()),
        (code::OVERLOADED, 0)
    );
    tokio::time::sleep(Duration::from_millis(100)).await;
    look(&client).await.unwrap();
    assert_eq!((busy.calls(), other.runs()), (2, 1));
}

#[tokio::test(start_paused = true)]
async fn when_all_are_overloaded_the_caller_is_told() {
    let world = World::default();
    for name in ["a", "b", "c", "d", "e"] {
        world.start(name).await.set(Mode::IsOverloaded(None));
    }
    let error = look(&world.client()).await.unwrap_err();
    assert_eq!(error.errors()[0].code, code::OVERLOADED);
}

#[tokio::test(start_paused = true)]
async fn an_overloaded_address_is_no_failed_one() {
    let world = World::default();
    let (busy, _) = (world.start("a").await, world.start("b").await);
    let client = client(&world.discovery().selector(|| First));
    busy.set(Mode::IsOverloaded(None));
    look(&client).await.unwrap();
    busy.set(Mode::Serves);
    tokio::time::sleep(Duration::from_millis(100)).await;
    buy(&client).await.unwrap();
    assert_eq!(busy.runs(), 1);
}
