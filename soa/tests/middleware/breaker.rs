//! Services that are left alone while they do not answer.

use soa::middleware::CircuitBreaker;
use soa::{Client, ErrorKind, LocalTransport, TransportErrorKind, Value, value};
use tokio::time::{Instant, advance};

use crate::support::{Breaking, Failure, Runs, SECOND, Shop, ShopClient, server};

const LOST: Failure = Failure::Of(TransportErrorKind::Transient);

fn client(failures: &[Failure], breaker: CircuitBreaker) -> (Client, Runs) {
    let transport = Breaking::new(server(Shop::default()), failures);
    let calls = transport.calls.clone();
    let client = Client::builder()
        .service("shop", transport)
        .service("other", LocalTransport::new(other()))
        .middleware(breaker)
        .build()
        .unwrap();
    (client, calls)
}

fn other() -> soa::Server {
    server(Shop::default()).name("other").build().unwrap()
}

/// Opens after four calls of which half failed, for five seconds.
fn breaker() -> CircuitBreaker {
    CircuitBreaker::new().minimum_calls(4).open_for(5 * SECOND)
}

/// What comes of so many calls, one after the other.
async fn kinds(client: &Client, calls: usize) -> Vec<Option<ErrorKind>> {
    let mut kinds = Vec::new();
    for _ in 0..calls {
        let outcome = client.call_action("shop", "pay", &value!({})).await;
        kinds.push(outcome.err().map(|error| error.kind()));
    }
    kinds
}

const FAILED: Option<ErrorKind> = Some(ErrorKind::Transport);
const OPEN: Option<ErrorKind> = Some(ErrorKind::CircuitOpen);

#[tokio::test(start_paused = true)]
async fn a_service_that_fails_is_not_called_for_a_while_and_then_tried_once() {
    let (client, calls) = client(&[LOST; 5], breaker());
    assert_eq!(
        kinds(&client, 6).await,
        [FAILED, FAILED, FAILED, FAILED, OPEN, OPEN]
    );
    assert_eq!(calls.count(), 4);
    advance(5 * SECOND).await;
    // The trial fails, too, and the next one goes well.
    assert_eq!(kinds(&client, 2).await, [FAILED, OPEN]);
    advance(5 * SECOND).await;
    assert_eq!(kinds(&client, 6).await, [None; 6]);
    assert_eq!(calls.count(), 11);
}

#[tokio::test(start_paused = true)]
async fn the_error_says_since_when_and_until_when() {
    let (client, _) = client(&[LOST; 5], breaker());
    kinds(&client, 4).await;
    let opened = Instant::now();
    advance(2 * SECOND).await;
    let call = || client.call_action("shop", "pay", &value!({}));
    let error = call().await.unwrap_err();
    let circuit = error.open_circuit().unwrap();
    assert_eq!(
        (circuit.since(), circuit.until()),
        (opened, opened + 5 * SECOND)
    );
    assert_eq!(
        error.to_string(),
        "the circuit of service `shop` has been open for 2.0s and stays open for another 3.0s"
    );
    advance(3 * SECOND).await;
    call().await.unwrap_err();
    let circuit = call().await.unwrap_err().open_circuit().unwrap();
    assert_eq!(
        (circuit.since(), circuit.until()),
        (opened, opened + 10 * SECOND)
    );
}

#[tokio::test(start_paused = true)]
async fn each_service_has_a_circuit_of_its_own() {
    let (client, _) = client(&[LOST; 5], breaker());
    assert_eq!(kinds(&client, 5).await[4], OPEN);
    client
        .call_action("other", "pay", &value!({}))
        .await
        .unwrap();
}

#[tokio::test(start_paused = true)]
async fn few_failures_among_many_calls_open_nothing_and_old_ones_are_forgotten() {
    let (client, _) = client(&[LOST; 3], breaker());
    assert_eq!(kinds(&client, 3).await, [FAILED; 3]);
    advance(11 * SECOND).await;
    assert_eq!(kinds(&client, 8).await, [None; 8]);
}

#[tokio::test(start_paused = true)]
async fn errors_that_are_the_callers_are_no_failures() {
    let (client, calls) = client(&[], breaker());
    let shop = ShopClient::new(&client);
    for _ in 0..20 {
        let error = shop.find(value!({ "fail": "caller" })).await.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Action);
        let unknown = client.call_action("shop", "nothing", &value!({}));
        assert_eq!(unknown.await.unwrap_err().kind(), ErrorKind::Action);
    }
    assert_eq!(calls.count(), 40);
    for _ in 0..40 {
        let _ = shop.find(value!({ "fail": "BROKEN" })).await;
    }
    assert_eq!(kinds(&client, 1).await, [OPEN]);
}

#[tokio::test(start_paused = true)]
async fn a_service_that_hangs_is_one_that_fails() {
    let (client, _) = client(&[Failure::Silence; 5], breaker());
    for _ in 0..4 {
        let call = client
            .call_action("shop", "pay", &value!({}))
            .timeout(SECOND);
        assert_eq!(call.await.unwrap_err().kind(), ErrorKind::Timeout);
    }
    assert_eq!(kinds(&client, 1).await, [OPEN]);
}

#[tokio::test(start_paused = true)]
async fn a_trial_that_its_caller_gives_up_shows_nothing_and_the_service_is_left_alone_again() {
    let failures = [LOST, LOST, LOST, LOST, Failure::Silence];
    let (client, _) = client(&failures, breaker());
    kinds(&client, 4).await;
    advance(5 * SECOND).await;
    let trial = client.call_action("shop", "pay", &value!({}));
    let trial = tokio::spawn(trial.into_future());
    tokio::task::yield_now().await;
    assert_eq!(kinds(&client, 1).await, [OPEN]);
    trial.abort();
    assert!(trial.await.unwrap_err().is_cancelled());
    assert_eq!(kinds(&client, 1).await, [OPEN]);
    advance(5 * SECOND).await;
    assert_eq!(kinds(&client, 2).await, [None, None]);
}

#[tokio::test(start_paused = true)]
async fn what_a_failure_is_can_be_said() {
    let breaker = breaker().failing_when(|outcome| {
        outcome.as_ref().is_ok_and(|response| {
            let mut errors = response.actions.iter().flat_map(|action| &action.errors);
            errors.any(|error| error.code == "NO")
        })
    });
    let (client, _) = client(&[LOST; 5], breaker);
    assert_eq!(kinds(&client, 5).await, [FAILED; 5]);
    let shop = ShopClient::new(&client);
    for _ in 0..6 {
        let _ = shop.find(value!({ "fail": "caller" })).await;
    }
    let refused: Result<Value, _> = shop.find(value!({})).await;
    assert_eq!(refused.unwrap_err().kind(), ErrorKind::CircuitOpen);
}
