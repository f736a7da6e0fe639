//! Calls that are sent again.

use soa::client::ClientRequest;
use soa::middleware::{CircuitBreaker, ClientStage, Next, Retry, from_fn};
use soa::{Client, ErrorKind, TransportErrorKind, Value, value};
use std::sync::{Arc, Mutex};
use std::time::Duration;
use tokio::time::Instant;

use crate::support::{Breaking, Failure, Runs, SECOND, Shop, ShopClient, server};

const LOST: Failure = Failure::Of(TransportErrorKind::Transient);

/// A client whose first calls fail like this, and how many its transport has seen.
fn client(failures: &[Failure], retry: Retry) -> (Client, Runs) {
    let transport = Breaking::new(server(Shop::default()), failures);
    let calls = transport.calls.clone();
    let client = Client::builder()
        .service("shop", transport)
        .middleware(retry)
        .build()
        .unwrap();
    (client, calls)
}

fn body() -> Value {
    value!({})
}

#[tokio::test(start_paused = true)]
async fn an_idempotent_action_is_called_again_when_its_message_was_lost() {
    let full = Failure::Of(TransportErrorKind::QueueFull);
    let (client, calls) = client(&[LOST, full], Retry::new());
    let shop = ShopClient::new(&client);
    shop.find(body()).await.unwrap();
    assert_eq!(calls.count(), 3);
}

#[tokio::test(start_paused = true)]
async fn at_most_so_often() {
    let (client, calls) = client(&[LOST; 9], Retry::new().attempts(4));
    let error = ShopClient::new(&client).find(body()).await.unwrap_err();
    assert_eq!((error.kind(), calls.count()), (ErrorKind::Transport, 4));
}

#[tokio::test(start_paused = true)]
async fn any_other_action_is_not_called_again() {
    let (client, calls) = client(&[LOST; 9], Retry::new());
    let shop = ShopClient::new(&client);
    shop.pay(body()).await.unwrap_err();
    assert_eq!(calls.count(), 1);
    client
        .call_action("shop", "find", &body())
        .await
        .unwrap_err();
    assert_eq!(calls.count(), 2);
    let job = client.job((shop.find(body()), shop.pay(body())));
    job.await.unwrap_err();
    assert_eq!(calls.count(), 3);
}

#[tokio::test(start_paused = true)]
async fn a_caller_may_say_that_its_call_does_no_harm_twice() {
    let (client, calls) = client(&[LOST], Retry::new());
    let call = client.call_action("shop", "pay", &body()).idempotent();
    call.await.unwrap();
    assert_eq!(calls.count(), 2);
}

#[tokio::test(start_paused = true)]
async fn what_does_not_pass_is_not_tried_again() {
    for kind in [
        TransportErrorKind::Closed,
        TransportErrorKind::MessageTooLarge,
        TransportErrorKind::Misconfigured,
    ] {
        let (client, calls) = client(&[Failure::Of(kind); 9], Retry::new());
        ShopClient::new(&client).find(body()).await.unwrap_err();
        assert_eq!(calls.count(), 1);
    }
    let (client, calls) = client(&[], Retry::new().on_code("BUSY"));
    let shop = ShopClient::new(&client);
    for (code, expected) in [("caller", 1), ("BROKEN", 1), ("OVERLOADED", 3), ("BUSY", 3)] {
        let before = calls.count();
        shop.find(value!({ "fail": (code) })).await.unwrap_err();
        assert_eq!(calls.count() - before, expected, "{code}");
    }
}

#[tokio::test(start_paused = true)]
async fn pauses_double_up_to_a_limit_and_are_random() {
    let times: Arc<Mutex<Vec<Instant>>> = Arc::default();
    let noted = Arc::clone(&times);
    let transport = Breaking::new(server(Shop::default()), &[LOST; 8]);
    let client = Client::builder()
        .service("shop", transport)
        .middleware(Retry::new().attempts(9).pauses(SECOND, 4 * SECOND))
        .middleware(from_fn(
            move |request: ClientRequest, next: Next<ClientStage>| {
                noted.lock().unwrap().push(Instant::now());
                next.run(request)
            },
        ))
        .build()
        .unwrap();
    ShopClient::new(&client).find(body()).await.unwrap();
    let times = times.lock().unwrap();
    let pauses: Vec<Duration> = times.windows(2).map(|two| two[1] - two[0]).collect();
    let limits = [1, 2, 4, 4, 4, 4, 4, 4];
    assert_eq!(pauses.len(), limits.len());
    for (pause, limit) in pauses.iter().zip(limits) {
        // The timer rounds up to milliseconds.
        assert!(
            *pause <= limit * SECOND + Duration::from_millis(1),
            "{pauses:?}"
        );
    }
    assert!(
        pauses[2..].windows(2).any(|two| two[0] != two[1]),
        "{pauses:?}"
    );
}

#[tokio::test(start_paused = true)]
async fn nothing_is_sent_that_the_caller_could_not_wait_for() {
    let began = Instant::now();
    let retry = Retry::new()
        .attempts(100)
        .pauses(SECOND, SECOND)
        .budget(1.0, 100);
    let (client, calls) = client(&[LOST; 200], retry);
    let call = ShopClient::new(&client).find(body()).timeout(3 * SECOND);
    let error = call.await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Transport);
    assert!(began.elapsed() < 3 * SECOND);
    assert!(calls.count() > 1);
}

#[tokio::test(start_paused = true)]
async fn a_limit_for_each_attempt_leaves_time_for_another() {
    let retry = Retry::new().attempt_timeout(SECOND);
    let (client, calls) = client(&[Failure::Silence], retry);
    let began = Instant::now();
    let call = ShopClient::new(&client).find(body()).timeout(5 * SECOND);
    call.await.unwrap();
    assert_eq!(calls.count(), 2);
    assert!(began.elapsed() < 2 * SECOND);
}

#[tokio::test(start_paused = true)]
async fn the_server_is_told_what_time_is_left_for_an_attempt() {
    let seen: Arc<Mutex<Vec<Duration>>> = Arc::default();
    let noted = Arc::clone(&seen);
    let transport = Breaking::new(server(Shop::default()), &[Failure::Silence]);
    let client = Client::builder()
        .service("shop", transport)
        .middleware(Retry::new().attempt_timeout(SECOND))
        .middleware(from_fn(
            move |request: ClientRequest, next: Next<ClientStage>| {
                let timeout = request.job.control.timeout().unwrap();
                noted.lock().unwrap().push(timeout);
                next.run(request)
            },
        ))
        .build()
        .unwrap();
    let call = ShopClient::new(&client).find(body()).timeout(5 * SECOND);
    call.await.unwrap();
    let seen = seen.lock().unwrap();
    assert_eq!(seen[..], [SECOND, SECOND]);
}

#[tokio::test(start_paused = true)]
async fn no_attempt_gets_more_time_than_is_left() {
    let seen: Arc<Mutex<Vec<Duration>>> = Arc::default();
    let noted = Arc::clone(&seen);
    let transport = Breaking::new(server(Shop::default()), &[Failure::Silence; 9]);
    let retry = Retry::new().attempt_timeout(3 * SECOND);
    let client = Client::builder()
        .service("shop", transport)
        .middleware(retry.pauses(Duration::ZERO, Duration::ZERO))
        .middleware(from_fn(
            move |request: ClientRequest, next: Next<ClientStage>| {
                noted.lock().unwrap().push(request.timeout.unwrap());
                next.run(request)
            },
        ))
        .build()
        .unwrap();
    let call = ShopClient::new(&client).find(body()).timeout(4 * SECOND);
    assert_eq!(call.await.unwrap_err().kind(), ErrorKind::Timeout);
    let seen = seen.lock().unwrap();
    assert_eq!(seen[0], 3 * SECOND);
    assert!(seen[1] <= SECOND, "{seen:?}");
}

#[tokio::test(start_paused = true)]
async fn an_attempt_that_the_server_gives_up_is_made_again() {
    let retry = Retry::new().attempt_timeout(SECOND);
    let (client, calls) = client(&[], retry);
    let call = ShopClient::new(&client).find(value!({ "seconds": 60 }));
    let error = call.timeout(60 * SECOND).await.unwrap_err();
    assert_eq!((error.kind(), calls.count()), (ErrorKind::Timeout, 3));
}

#[tokio::test(start_paused = true)]
async fn a_breaker_inside_sees_the_attempts_that_got_no_answer() {
    let transport = Breaking::new(server(Shop::default()), &[Failure::Silence; 9]);
    let calls = transport.calls.clone();
    let retry = Retry::new().attempts(9).attempt_timeout(SECOND);
    let client = Client::builder()
        .service("shop", transport)
        .middleware(retry)
        .middleware(CircuitBreaker::new().minimum_calls(4))
        .build()
        .unwrap();
    let call = ShopClient::new(&client).find(body()).timeout(60 * SECOND);
    assert_eq!(call.await.unwrap_err().kind(), ErrorKind::CircuitOpen);
    assert_eq!(calls.count(), 4);
}

#[tokio::test(start_paused = true)]
async fn a_service_that_is_down_is_asked_a_tenth_more_than_usual() {
    let retry = Retry::new().budget(0.1, 5);
    let (client, calls) = client(&[LOST; 1000], retry);
    let shop = ShopClient::new(&client);
    for _ in 0..100 {
        shop.find(body()).await.unwrap_err();
    }
    let further = calls.count() - 100;
    // The reserve of five, and a tenth of a hundred.
    assert!((13..=15).contains(&further), "{further}");
}
