//! Answers that are used again.

use std::time::Duration;

use futures_util::future::join_all;
use soa::middleware::ResultCache;
use soa::{Client, LocalTransport, TransportErrorKind, Value, value};
use tokio::time::advance;

use crate::support::{Breaking, Failure, Runs, SECOND, Shop, ShopClient, client, server};

/// A client with this cache, and how often the handlers behind it are run.
fn cached(cache: &ResultCache) -> (Client, ShopClient, Runs) {
    let shop = Shop::default();
    let runs = shop.runs.clone();
    let client = client(server(shop))
        .middleware(cache.clone())
        .build()
        .unwrap();
    let shop = ShopClient::new(&client);
    (client, shop, runs)
}

#[tokio::test(start_paused = true)]
async fn an_answer_is_used_again_for_as_long_as_the_action_says() {
    let (_, shop, runs) = cached(&ResultCache::new());
    for _ in 0..3 {
        assert_eq!(
            shop.find(value!({ "n": 1 })).await.unwrap(),
            value!({ "run": 1 })
        );
    }
    advance(10 * SECOND).await;
    assert_eq!(
        shop.find(value!({ "n": 1 })).await.unwrap(),
        value!({ "run": 2 })
    );
    assert_eq!(runs.count(), 2);
}

#[tokio::test(start_paused = true)]
async fn what_declares_nothing_is_always_asked_for() {
    let (client, shop, runs) = cached(&ResultCache::new());
    for _ in 0..2 {
        shop.pay(value!({})).await.unwrap();
        client
            .call_action("shop", "find", &value!({}))
            .await
            .unwrap();
        let job = client.job((shop.find(value!({})), shop.find(value!({}))));
        job.await.unwrap();
    }
    assert_eq!(runs.count(), 8);
}

#[tokio::test(start_paused = true)]
async fn whatever_a_service_could_see_tells_calls_apart() {
    let (_, shop, runs) = cached(&ResultCache::new());
    let find = || shop.find(value!({}));
    for _ in 0..2 {
        find().await.unwrap();
        shop.find(value!({ "n": 1 })).await.unwrap();
        find().switch(7).await.unwrap();
        find().context("token", "ada").await.unwrap();
        find().context("token", "bob").await.unwrap();
        find().context("caller", "nightly").await.unwrap();
        find().control("mode", 1).await.unwrap();
        // What does not: how long a caller waits, and what only traces it.
        find().timeout(SECOND).await.unwrap();
        find().correlation_id("a").await.unwrap();
        find()
            .context(
                "traceparent",
                "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01",
            )
            .await
            .unwrap();
    }
    assert_eq!(runs.count(), 7);
}

#[tokio::test(start_paused = true)]
async fn a_cache_that_is_told_so_shares_answers_between_callers() {
    let cache = ResultCache::new().context_keys(["locale"]);
    let (_, shop, runs) = cached(&cache);
    let find = |token: &str, locale: &str| {
        shop.find(value!({}))
            .context("token", token)
            .context("locale", locale)
    };
    for (token, locale) in [("ada", "fr"), ("bob", "fr"), ("bob", "de"), ("ada", "de")] {
        find(token, locale).await.unwrap();
    }
    assert_eq!(runs.count(), 2);
}

#[tokio::test(start_paused = true)]
async fn each_caller_gets_its_own_correlation_id() {
    let (client, shop, _) = cached(&ResultCache::new());
    let _ = client;
    shop.find(value!({})).correlation_id("first").await.unwrap();
    shop.find(value!({}))
        .correlation_id("second")
        .await
        .unwrap();
}

#[tokio::test(start_paused = true)]
async fn what_was_asked_for_before_all_was_forgotten_is_not_kept() {
    let cache = ResultCache::new();
    let (_, shop, runs) = cached(&cache);
    let find = || shop.find(value!({ "seconds": 2 }));
    let before = tokio::spawn(find().into_future());
    tokio::task::yield_now().await;
    cache.clear();
    // Neither shared with those who ask later, nor kept for them.
    let later = tokio::spawn(find().into_future());
    assert_eq!(before.await.unwrap().unwrap(), value!({ "run": 1 }));
    assert_eq!(later.await.unwrap().unwrap(), value!({ "run": 2 }));
    assert_eq!(find().await.unwrap(), value!({ "run": 2 }));
    assert_eq!(runs.count(), 2);
}

#[tokio::test(start_paused = true)]
async fn the_same_call_is_on_its_way_once() {
    let (_, shop, runs) = cached(&ResultCache::new());
    let calls = (0..50).map(|_| shop.find(value!({ "seconds": 2 })).into_future());
    for answer in join_all(calls).await {
        assert_eq!(answer.unwrap(), value!({ "run": 1 }));
    }
    assert_eq!(runs.count(), 1);
}

#[tokio::test(start_paused = true)]
async fn who_waits_for_a_call_that_is_given_up_takes_its_place() {
    let (_, shop, runs) = cached(&ResultCache::new());
    let slow = || shop.find(value!({ "seconds": 2 }));
    let impatient = slow().timeout(SECOND);
    let calls = [
        tokio::spawn(impatient.into_future()),
        tokio::spawn(slow().into_future()),
        tokio::spawn(slow().into_future()),
    ];
    let [impatient, second, third] = join_all(calls).await.try_into().unwrap();
    impatient.unwrap().unwrap_err();
    assert_eq!(second.unwrap().unwrap(), third.unwrap().unwrap());
    assert_eq!(runs.count(), 2);
}

#[tokio::test(start_paused = true)]
async fn failures_are_not_kept() {
    let (_, shop, runs) = cached(&ResultCache::new());
    for _ in 0..2 {
        shop.find(value!({ "fail": "caller" })).await.unwrap_err();
    }
    assert_eq!(runs.count(), 2);

    let lost = Failure::Of(TransportErrorKind::Transient);
    let transport = Breaking::new(server(Shop::default()), &[lost, lost]);
    let client = Client::builder()
        .service("shop", transport)
        .middleware(ResultCache::new())
        .build()
        .unwrap();
    let shop = ShopClient::new(&client);
    for _ in 0..2 {
        shop.find(value!({})).await.unwrap_err();
    }
    shop.find(value!({})).await.unwrap();
}

#[tokio::test(start_paused = true)]
async fn a_failing_service_is_not_called_by_all_who_wait_at_once() {
    let (_, shop, runs) = cached(&ResultCache::new());
    let failing = || shop.find(value!({ "seconds": 1, "fail": "DOWN" }));
    let calls = (0..500).map(|number| failing().correlation_id(format!("{number}")).into_future());
    for outcome in join_all(calls).await {
        assert_eq!(outcome.unwrap_err().errors()[0].code, "DOWN");
    }
    assert_eq!(runs.count(), 1);
}

#[tokio::test(start_paused = true)]
async fn who_waits_for_a_call_that_is_lost_is_told_so_at_the_same_time() {
    for failure in [
        Failure::Of(TransportErrorKind::Transient),
        // Nobody has set a timeout: that of the transport counts for all of them.
        Failure::Silence,
    ] {
        let transport = Breaking::new(server(Shop::default()), &[failure]);
        let calls = transport.calls.clone();
        let client = Client::builder()
            .service("shop", transport)
            .middleware(ResultCache::new())
            .build()
            .unwrap();
        let shop = ShopClient::new(&client);
        let waiting = (0..500).map(|_| shop.find(value!({})).into_future());
        let outcomes = join_all(waiting).await;
        let first = outcomes[0].as_ref().unwrap_err();
        for outcome in &outcomes {
            let error = outcome.as_ref().unwrap_err();
            assert_eq!(error.kind(), first.kind());
            assert!(error.is_transient());
        }
        assert_eq!(calls.count(), 1);
        shop.find(value!({})).await.unwrap();
    }
}

#[tokio::test(start_paused = true)]
async fn what_was_used_least_recently_goes_first() {
    let (_, shop, runs) = cached(&ResultCache::new().max_entries(2));
    let find = |n: u8| shop.find(value!({ "n": (n) })).into_future();
    for n in [1, 2, 1, 3] {
        find(n).await.unwrap();
    }
    assert_eq!(runs.count(), 3);
    find(1).await.unwrap();
    assert_eq!(runs.count(), 3);
    find(2).await.unwrap();
    assert_eq!(runs.count(), 4);
}

#[tokio::test(start_paused = true)]
async fn bytes_are_bounded() {
    let (_, shop, runs) = cached(&ResultCache::new().max_bytes(4000));
    let find = |n: &str| shop.find(value!({ "n": (n) })).into_future();
    // Too large for a cache of this size: its key has the request in it.
    let large = "x".repeat(1000);
    find(&large).await.unwrap();
    find(&large).await.unwrap();
    assert_eq!(runs.count(), 2);
    for n in ["a", "b", "c", "d", "e", "f", "g", "h", "a"] {
        find(n).await.unwrap();
    }
    assert_eq!(runs.count(), 11);
}

#[tokio::test(start_paused = true)]
async fn a_cache_can_be_cleared() {
    let cache = ResultCache::new();
    let (_, shop, runs) = cached(&cache);
    shop.find(value!({})).await.unwrap();
    cache.clear();
    shop.find(value!({})).await.unwrap();
    assert_eq!(runs.count(), 2);
    assert!(format!("{cache:?}").contains("entries: 1"));
}

#[tokio::test(start_paused = true)]
async fn an_answer_to_another_variant_is_not_taken() {
    struct Two;

    #[soa::service(name = "two", version = "1.0.0")]
    impl Two {
        #[action(name = "one", switch = 5, idempotent, cache = "10s")]
        async fn newer(&self) -> Result<Value, soa::ActionError> {
            Ok(value!({ "variant": 5 }))
        }

        #[action(name = "one", idempotent, cache = "10s")]
        async fn old(&self) -> Result<Value, soa::ActionError> {
            Ok(value!({ "variant": 0 }))
        }
    }

    let client = Client::builder()
        .service(
            "two",
            LocalTransport::new(soa::Server::builder(Two).build().unwrap()),
        )
        .middleware(ResultCache::new())
        .build()
        .unwrap();
    let two = TwoClient::named(&client, "two");
    assert_eq!(two.newer().await.unwrap(), value!({ "variant": 5 }));
    let error = two
        .old()
        .switch(5)
        .timeout(Duration::from_secs(1))
        .await
        .unwrap_err();
    assert_eq!(error.kind(), soa::ErrorKind::VariantMismatch);
}
