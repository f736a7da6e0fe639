//! Layers of tower as middleware. The limits hold over all requests, as one service stands for all of them.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use futures_util::future::join_all;
use soa::middleware::{ActionStage, ClientStage, JobStage, Passing, from_layer};
use soa::{
    ActionError, Client, Context, ErrorKind, LocalTransport, Server, ServerBuilder, Value, code,
    value,
};
use tokio::time::{Instant, sleep};
use tower::ServiceBuilder;
use tower::limit::{ConcurrencyLimitLayer, RateLimitLayer};
use tower::load_shed::LoadShedLayer;
use tower::timeout::TimeoutLayer;
use tower::util::MapRequestLayer;

use crate::support::SECOND;

/// How many handlers run, and how many did at most.
#[derive(Clone, Default)]
struct Gauge(Arc<(AtomicUsize, AtomicUsize)>);

impl Gauge {
    fn most(&self) -> usize {
        self.0.1.load(Ordering::Relaxed)
    }
}

/// A server whose only action takes a second.
fn server(gauge: &Gauge) -> ServerBuilder {
    let gauge = gauge.clone();
    Server::untyped("slow", "1.0.0").action("wait", move |body: Value, _: Context| {
        let gauge = gauge.clone();
        async move {
            let (now, most) = &*gauge.0;
            most.fetch_max(now.fetch_add(1, Ordering::Relaxed) + 1, Ordering::Relaxed);
            sleep(SECOND).await;
            now.fetch_sub(1, Ordering::Relaxed);
            Ok::<_, ActionError>(body)
        }
    })
}

fn client(server: ServerBuilder) -> Client {
    Client::builder()
        .service("slow", LocalTransport::new(server.build().unwrap()))
        .build()
        .unwrap()
}

/// Calls so often at the same time, and gives the codes of the errors.
async fn codes(client: &Client, calls: usize) -> Vec<String> {
    let calls = (0..calls).map(|_| async {
        let call = client.call_action("slow", "wait", &value!({}));
        match call.await {
            Ok(_) => "ok".to_owned(),
            Err(error) => match error.errors() {
                [] => format!("{:?}", error.kind()),
                errors => errors[0].code.to_string(),
            },
        }
    });
    join_all(calls).await
}

#[tokio::test(start_paused = true)]
async fn a_limit_on_concurrency_holds_over_all_requests_together() {
    let gauge = Gauge::default();
    let limit = from_layer(ConcurrencyLimitLayer::new(2));
    let actions = client(server(&gauge).action_middleware(limit));
    let began = Instant::now();
    assert_eq!(codes(&actions, 6).await, ["ok"; 6]);
    assert_eq!((gauge.most(), began.elapsed()), (2, 3 * SECOND));

    let gauge = Gauge::default();
    let limit = from_layer(ConcurrencyLimitLayer::new(3));
    let jobs = client(server(&gauge).job_middleware(limit));
    assert_eq!(codes(&jobs, 6).await, ["ok"; 6]);
    assert_eq!(gauge.most(), 3);

    let gauge = Gauge::default();
    let server = server(&gauge).build().unwrap();
    let calls = Client::builder()
        .service("slow", LocalTransport::new(server))
        .middleware(from_layer(ConcurrencyLimitLayer::new(1)))
        .build()
        .unwrap();
    assert_eq!(codes(&calls, 4).await, ["ok"; 4]);
    assert_eq!(gauge.most(), 1);
}

#[tokio::test(start_paused = true)]
async fn who_gives_up_while_waiting_for_a_place_takes_none() {
    let gauge = Gauge::default();
    let limit = from_layer(ConcurrencyLimitLayer::new(1));
    let client = client(server(&gauge).action_middleware(limit));
    let call = || client.call_action("slow", "wait", &value!({}));
    let first = tokio::spawn(call().into_future());
    tokio::task::yield_now().await;
    let impatient = call().timeout(Duration::from_millis(500)).await;
    assert!(impatient.is_err());
    first.await.unwrap().unwrap();
    call().await.unwrap();
    call().await.unwrap();
    assert_eq!(gauge.most(), 1);
}

#[tokio::test(start_paused = true)]
async fn a_limit_on_the_rate_holds_over_all_requests_together() {
    let gauge = Gauge::default();
    let limit = from_layer(RateLimitLayer::new(2, 10 * SECOND));
    let client = client(server(&gauge).action_middleware(limit));
    let began = Instant::now();
    assert_eq!(codes(&client, 5).await, ["ok"; 5]);
    // Two at once, two after ten seconds, the last after twenty.
    assert_eq!(began.elapsed().as_secs(), 21);
}

#[tokio::test(start_paused = true)]
async fn a_timeout_is_told_as_one() {
    let half = || TimeoutLayer::new(SECOND / 2);
    let gauge = Gauge::default();
    let actions = client(server(&gauge).action_middleware(from_layer(half())));
    assert_eq!(codes(&actions, 1).await, [code::ACTION_TIMEOUT]);
    let jobs = client(server(&gauge).job_middleware(from_layer(half())));
    assert_eq!(codes(&jobs, 1).await, [code::JOB_TIMEOUT]);
    let calls = Client::builder()
        .service("slow", LocalTransport::new(server(&gauge).build().unwrap()))
        .middleware(from_layer(half()))
        .build()
        .unwrap();
    let error = calls.call_action("slow", "wait", &value!({})).await;
    let error = error.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Middleware);
    let reason = error.reason().unwrap();
    assert!(reason.is::<tower::timeout::error::Elapsed>(), "{reason}");
}

#[tokio::test(start_paused = true)]
async fn what_is_too_much_is_shed() {
    let gauge = Gauge::default();
    let layers = ServiceBuilder::new()
        .layer(LoadShedLayer::new())
        .layer(ConcurrencyLimitLayer::new(2));
    let client = client(server(&gauge).action_middleware(from_layer(layers)));
    let mut codes = codes(&client, 5).await;
    codes.sort();
    assert_eq!(
        codes,
        ["OVERLOADED", "OVERLOADED", "OVERLOADED", "ok", "ok"]
    );
    assert_eq!(gauge.most(), 2);
}

#[tokio::test(start_paused = true)]
async fn the_service_decides_what_an_error_of_a_layer_becomes() {
    let layer = from_layer(TimeoutLayer::new(SECOND / 2)).map_error(|error, action| {
        let code = if error.is::<tower::timeout::error::Elapsed>() {
            "TOO_SLOW"
        } else {
            "ELSE"
        };
        ActionError::server(code, format!("`{action}` is slow"))
    });
    let client = client(server(&Gauge::default()).action_middleware(layer));
    assert_eq!(codes(&client, 1).await, ["TOO_SLOW"]);
}

#[tokio::test(start_paused = true)]
async fn errors_of_what_is_further_in_pass_through_layers_unchanged() {
    let server = Server::untyped("slow", "1.0.0")
        .action_middleware(from_layer(TimeoutLayer::new(SECOND)))
        .job_middleware(from_layer(TimeoutLayer::new(SECOND)))
        .action("wait", |_: Value, _: Context| async {
            Err::<Value, _>(ActionError::job("OVER", "Over"))
        });
    assert_eq!(codes(&client(server), 1).await, ["OVER"]);
}

#[tokio::test(start_paused = true)]
async fn a_layer_may_change_requests() {
    let rename = MapRequestLayer::new(|mut passing: Passing<JobStage>| {
        for request in &mut passing.request.actions {
            request.action = "wait".into();
        }
        passing
    });
    let stamp = MapRequestLayer::new(|mut passing: Passing<ActionStage>| {
        passing.request.context.extensions_mut().insert(7_u8);
        passing
    });
    let route = MapRequestLayer::new(|mut passing: Passing<ClientStage>| {
        passing.request.service = "slow".into();
        passing
    });
    let server = server(&Gauge::default())
        .job_middleware(from_layer(rename))
        .action_middleware(from_layer(stamp));
    let client = Client::builder()
        .service("slow", LocalTransport::new(server.build().unwrap()))
        .middleware(from_layer(route))
        .build()
        .unwrap();
    let answer = client.call_action("elsewhere", "else", &value!({ "n": 1 }));
    assert_eq!(answer.await.unwrap(), value!({ "n": 1 }));
}
