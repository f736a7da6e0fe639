//! Addresses that fail: where a call goes, what runs, and what is told.

use std::time::Duration;

use soa_registry::First;
use soa_runtime::{ErrorKind, TransportErrorKind};
use tokio::time::{Instant, advance, timeout};
use tracing::instrument::WithSubscriber as _;

use crate::log::Log;
use crate::support::{Mode, World, buy, client, kind, look};

#[tokio::test(start_paused = true)]
async fn a_call_that_was_never_sent_goes_to_another_address() {
    let world = World::default();
    let hosts = [
        world.start("a").await,
        world.start("b").await,
        world.start("c").await,
    ];
    hosts[0].set(Mode::Refuses);
    hosts[1].set(Mode::Refuses);
    let client = world.client();
    for _ in 0..100 {
        buy(&client).await.unwrap();
    }
    assert_eq!(hosts[2].runs(), 100);
    // Each is called once, and then left out.
    assert_eq!((hosts[0].calls(), hosts[1].calls()), (1, 1));
}

#[tokio::test(start_paused = true)]
async fn a_lost_call_is_repeated_if_it_is_idempotent() {
    let world = World::default();
    let (broken, other) = (world.start("a").await, world.start("b").await);
    broken.set(Mode::BreaksAfterwards);
    let client = client(&world.discovery().selector(|| First));
    look(&client).await.unwrap();
    assert_eq!((broken.runs(), other.runs()), (1, 1));
}

#[tokio::test(start_paused = true)]
async fn a_lost_call_that_is_not_idempotent_never_runs_twice() {
    let world = World::default();
    let (broken, other) = (world.start("a").await, world.start("b").await);
    broken.set(Mode::BreaksAfterwards);
    let client = client(&world.discovery().selector(|| First));
    let error = buy(&client).await.unwrap_err();
    assert_eq!(kind(&error), Some(TransportErrorKind::Interrupted));
    let text = error.to_string();
    assert!(
        text.contains("component `shop`, 1 of 2 addresses tried: connection reset"),
        "{text}"
    );
    assert_eq!((broken.runs(), other.runs()), (1, 0));
}

#[tokio::test(start_paused = true)]
async fn a_channel_may_allow_that_a_lost_call_is_repeated() {
    let world = World::default();
    let (broken, other) = (world.start("a").await, world.start("b").await);
    broken.set(Mode::Breaks);
    let mut channel = world.channel("local");
    channel.repeats = true;
    let client = client(&world.discovery().channel(channel).selector(|| First));
    buy(&client).await.unwrap();
    assert_eq!((broken.calls(), other.runs()), (1, 1));
}

#[tokio::test(start_paused = true)]
async fn a_broken_connection_to_the_only_address_is_tried_again() {
    let world = World::default();
    let host = world.start("a").await;
    let client = world.client();
    host.set(Mode::Breaks);
    let (outcome, ()) = tokio::join!(look(&client), async {
        tokio::time::sleep(Duration::from_millis(10)).await;
        host.set(Mode::Serves);
    });
    outcome.unwrap();
    assert_eq!((host.calls(), host.runs()), (2, 1));
}

#[tokio::test(start_paused = true)]
async fn when_all_addresses_fail_the_last_error_is_told_with_their_number() {
    let world = World::default();
    for name in ["a", "b", "c"] {
        world.start(name).await;
        world.kill(name);
    }
    let client = world.client();
    let begin = Instant::now();
    let error = buy(&client).await.unwrap_err();
    assert_eq!(kind(&error), Some(TransportErrorKind::Unreachable));
    let text = error.to_string();
    assert!(
        text.contains("component `shop`, 3 of 3 addresses tried: http://"),
        "{text}"
    );
    assert!(text.contains("connection refused"), "{text}");
    assert!(
        begin.elapsed() < Duration::from_millis(500),
        "{:?}",
        begin.elapsed()
    );
}

#[tokio::test(start_paused = true)]
async fn an_error_tells_that_a_job_may_have_run_if_an_earlier_attempt_was_lost() {
    let world = World::default();
    let (first, _) = (world.start("a").await, world.start("b").await);
    first.set(Mode::BreaksAfterwards);
    world.kill("b");
    let client = client(&world.discovery().selector(|| First));
    let (outcome, ()) = tokio::join!(look(&client), async {
        tokio::time::sleep(Duration::from_millis(10)).await;
        first.set(Mode::Refuses);
    });
    let error = outcome.unwrap_err();
    assert_eq!(kind(&error), Some(TransportErrorKind::Interrupted));
}

#[tokio::test(start_paused = true)]
async fn an_address_that_failed_is_tried_again_by_one_call() {
    let world = World::default();
    let (failed, _) = (world.start("a").await, world.start("b").await);
    failed.set(Mode::Refuses);
    let client = client(&world.discovery().selector(|| First));
    for _ in 0..10 {
        buy(&client).await.unwrap();
    }
    assert_eq!(failed.calls(), 1);
    advance(Duration::from_secs(1)).await;
    failed.set(Mode::KeepsSilent);
    let trial = tokio::spawn(buy(&client).timeout(Duration::from_secs(1)).into_future());
    tokio::task::yield_now().await;
    for _ in 0..10 {
        buy(&client).await.unwrap();
    }
    assert_eq!(failed.calls(), 2);
    trial.await.unwrap().unwrap_err();
    failed.set(Mode::Serves);
    // The trial has waited in vain, so that the time is twice as long.
    advance(Duration::from_secs(2)).await;
    for _ in 0..10 {
        buy(&client).await.unwrap();
    }
    assert_eq!(failed.runs(), 10);
}

#[tokio::test(start_paused = true)]
async fn addresses_are_never_left_out_all_together() {
    let world = World::default();
    let (one, other) = (world.start("a").await, world.start("b").await);
    let client = world.client();
    one.set(Mode::Refuses);
    other.set(Mode::Refuses);
    buy(&client).await.unwrap_err();
    // At once, and though both are left out.
    one.set(Mode::Serves);
    other.set(Mode::Serves);
    buy(&client).await.unwrap();
}

#[tokio::test(start_paused = true)]
async fn an_outage_of_many_addresses_is_no_storm_of_attempts() {
    let world = World::default();
    for n in 0..200 {
        let name = n.to_string();
        world
            .start_with(&name, 1, &format!("local(http://{name})"))
            .await;
    }
    let client = world.client();
    buy(&client).await.unwrap();
    (0..200).for_each(|n| world.kill(&n.to_string()));
    let error = buy(&client).await.unwrap_err().to_string();
    assert!(error.contains("200 of 200 addresses tried"), "{error}");
    let error = buy(&client).await.unwrap_err().to_string();
    let tried: u32 = error
        .split(" of 200")
        .next()
        .unwrap()
        .rsplit(' ')
        .next()
        .unwrap()
        .parse()
        .unwrap();
    assert!(tried <= 3, "{error}");
}

#[tokio::test(start_paused = true)]
async fn an_address_that_no_channel_can_use_is_left_out() {
    let world = World::default();
    world.start_with("a", 1, "local(http://unusable)").await;
    let other = world.start("b").await;
    let client = client(&world.discovery().selector(|| First));
    buy(&client).await.unwrap();
    assert_eq!(other.runs(), 1);
    world.deregister("b").await;
    tokio::time::sleep(Duration::from_millis(100)).await;
    let error = buy(&client).await.unwrap_err();
    assert_eq!(kind(&error), Some(TransportErrorKind::Misconfigured));
    assert!(
        error.to_string().contains("this URL cannot be used"),
        "{error}"
    );
}

#[tokio::test(start_paused = true)]
async fn what_is_left_of_the_time_travels_with_each_attempt() {
    let world = World::default();
    let (broken, other) = (world.start("a").await, world.start("b").await);
    broken.set(Mode::Breaks);
    let client = client(&world.discovery().selector(|| First));
    let call = buy(&client).idempotent().timeout(Duration::from_secs(2));
    call.await.unwrap();
    let two = Some(Duration::from_secs(2));
    assert_eq!(broken.times(), [(two, two)]);
    let (timeout, told) = other.times()[0];
    assert_eq!(timeout, told);
    // A pause of 25 to 50 milliseconds has passed.
    let left = told.unwrap().as_millis();
    assert!((1950..=1975).contains(&left), "{left}");
}

#[tokio::test(start_paused = true)]
async fn a_connection_that_hangs_takes_a_third_of_the_time() {
    let world = World::default();
    let (hanging, other) = (world.start("a").await, world.start("b").await);
    hanging.set(Mode::Hangs);
    let mut channel = world.channel("local");
    channel.marks = true;
    let client = client(&world.discovery().channel(channel).selector(|| First));
    let begin = Instant::now();
    buy(&client).timeout(Duration::from_secs(3)).await.unwrap();
    let took = begin.elapsed();
    assert!((990..1050).contains(&took.as_millis()), "{took:?}");
    assert_eq!(other.runs(), 1);
    // A request that was sent has the whole time.
    other.set(Mode::KeepsSilent);
    let error = buy(&client)
        .timeout(Duration::from_secs(3))
        .await
        .unwrap_err();
    assert_eq!(
        (error.kind(), begin.elapsed().as_millis() / 100),
        (ErrorKind::Timeout, 40)
    );
}

#[tokio::test(start_paused = true)]
async fn an_instance_that_hangs_is_left_out_after_some_calls() {
    let world = World::default();
    let (hanging, other) = (world.start("a").await, world.start("b").await);
    hanging.set(Mode::KeepsSilent);
    let client = client(&world.discovery().selector(|| First));
    for _ in 0..5 {
        let error = buy(&client)
            .timeout(Duration::from_millis(100))
            .await
            .unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Timeout);
    }
    buy(&client)
        .timeout(Duration::from_millis(100))
        .await
        .unwrap();
    assert_eq!((hanging.calls(), other.runs()), (5, 1));
}

#[tokio::test(start_paused = true)]
async fn a_call_without_a_timeout_ends_after_that_of_the_discovery() {
    let world = World::default();
    world.start("a").await.set(Mode::KeepsSilent);
    let begin = Instant::now();
    let error = buy(&world.client()).await.unwrap_err();
    assert_eq!(
        (error.kind(), begin.elapsed().as_secs()),
        (ErrorKind::Timeout, 5)
    );
    let longer = client(&world.discovery().timeout(Duration::from_secs(60)));
    let call = timeout(Duration::from_secs(50), buy(&longer).into_future());
    call.await.unwrap_err();
}

#[tokio::test(start_paused = true)]
async fn a_call_is_sent_now_and_collected_later_at_another_address() {
    let world = World::default();
    let (refusing, silent) = (world.start("a").await, world.start("b").await);
    refusing.set(Mode::Refuses);
    silent.set(Mode::KeepsSilent);
    let client = client(&world.discovery().selector(|| First));
    let mut pending = buy(&client).send().await.unwrap();
    assert_eq!((refusing.calls(), silent.calls()), (1, 1));
    assert!(pending.wait(Duration::from_secs(1)).await.is_none());
    // Nobody there: the error is that of sending.
    world.kill("a");
    world.kill("b");
    let error = buy(&client).send().await.unwrap_err();
    assert_eq!(kind(&error), Some(TransportErrorKind::Unreachable));
}

#[tokio::test(start_paused = true)]
async fn a_call_that_wants_no_answer_is_sent_to_another_address() {
    let world = World::default();
    let (refusing, other) = (world.start("a").await, world.start("b").await);
    refusing.set(Mode::Refuses);
    let client = client(&world.discovery().selector(|| First));
    buy(&client).send_and_forget().await.unwrap();
    tokio::task::yield_now().await;
    assert_eq!(other.runs(), 1);
}

#[tokio::test(start_paused = true)]
async fn one_warning_tells_that_an_address_is_left_out_and_one_line_that_it_is_back() {
    // With a single subscriber, `tracing` would ask the thread of another test if a line is wanted, and keep its answer.
    let _second = tracing::Dispatch::new(Log::default());
    let log = Log::default();
    let calls = async {
        let world = World::default();
        let (failed, _) = (world.start("a").await, world.start("b").await);
        let client = world.client();
        failed.set(Mode::Refuses);
        for _ in 0..100 {
            buy(&client).await.unwrap();
            advance(Duration::from_millis(100)).await;
        }
        failed.set(Mode::Serves);
        for _ in 0..200 {
            buy(&client).await.unwrap();
            advance(Duration::from_millis(100)).await;
        }
        assert!(failed.runs() > 10);
    };
    calls.with_subscriber(log.clone()).await;
    let lines = log.0.lock().unwrap();
    let told: Vec<&String> = lines
        .iter()
        .filter(|line| !line.starts_with("DEBUG ") && line.contains("http://a"))
        .collect();
    assert_eq!(told.len(), 2, "{told:#?}");
    assert!(
        told[0].starts_with("WARN ") && told[0].contains("connection refused"),
        "{told:#?}"
    );
    assert!(told[1].starts_with("INFO "), "{told:#?}");
}
