//! Every form of a call: sent and collected, sent and forgotten, many at once, and responses as they come.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use example_service::types::{FailRequest, SquareRequest, SquareResponse};
use example_service::{ExampleClient, ExampleService};
use soa::client::Outstanding;
use soa::middleware::{ClientStage, Next, from_fn};
use soa::{
    ActionError, Client, ClientError, Context, ErrorKind, JobResponse, LocalTransport, Server,
    Value, WireError, value,
};

fn square(number: i128) -> SquareRequest {
    SquareRequest { number }
}

/// What a service of this test has done.
#[derive(Clone, Default)]
struct Done(Arc<AtomicUsize>);

impl Done {
    fn count(&self) -> usize {
        self.0.load(Ordering::SeqCst)
    }

    async fn reaches(&self, count: usize) {
        while self.count() < count {
            tokio::time::sleep(Duration::from_millis(1)).await;
        }
    }
}

/// `work` takes so many seconds as it is told to, `forget` has the other service work; a client of `example` and of both.
fn client(done: &Done) -> Client {
    let done = done.clone();
    let work = move |body: Value, cx: Context| {
        let done = done.clone();
        async move {
            let seconds = body.get("seconds").and_then(Value::as_u64).unwrap();
            tokio::time::sleep(Duration::from_secs(seconds)).await;
            done.0.fetch_add(1, Ordering::SeqCst);
            let suppressed = cx.control().suppress_response;
            assert!(seconds == 0 || suppressed == body.get("suppressed").and_then(Value::as_bool));
            Ok::<_, ActionError>(body)
        }
    };
    let worker = Server::untyped("worker", "1.0.0").action("work", work);
    let worker = worker.build().unwrap();
    let chained = Client::builder().service("worker", LocalTransport::new(worker.clone()));
    let front = Server::untyped("front", "1.0.0")
        .client(chained.build().unwrap())
        .action("forget", |body: Value, cx: Context| async move {
            let call = cx.soa_client().call_action("worker", "work", &body);
            call.send_and_forget().await?;
            std::future::pending::<Result<Value, ActionError>>().await
        });
    let example = Server::builder(ExampleService::new()).build().unwrap();
    Client::builder()
        .service("worker", LocalTransport::new(worker))
        .service("front", LocalTransport::new(front.build().unwrap()))
        .service("example", LocalTransport::new(example))
        .build()
        .unwrap()
}

fn seconds(seconds: u64) -> Value {
    value!({ "seconds": seconds, "suppressed": false })
}

fn forgotten(seconds: u64) -> Value {
    value!({ "seconds": seconds, "suppressed": true })
}

#[tokio::test(start_paused = true)]
async fn a_forgotten_call_is_not_waited_for_and_runs_to_its_end() {
    let done = Done::default();
    let client = client(&done);
    let start = tokio::time::Instant::now();
    let call = || client.call_action("worker", "work", &forgotten(10));
    call().send_and_forget().await.unwrap();
    // Nobody waits, so this is no reason to give the work up.
    let call = call().timeout(Duration::from_secs(1)).switch(5);
    call.send_and_forget().await.unwrap();
    let job = client.call_job("worker", [("work".into(), forgotten(10))]);
    job.send_and_forget().await.unwrap();
    let calls = [forgotten(10), forgotten(20)]
        .iter()
        .map(|body| client.call_action("worker", "work", body))
        .collect::<Vec<_>>();
    client.parallel(calls).send_and_forget().await.unwrap();
    assert!(start.elapsed() < Duration::from_secs(1));
    assert_eq!(done.count(), 0);
    done.reaches(5).await;
}

#[tokio::test]
async fn a_typed_call_and_a_typed_job_can_be_forgotten() {
    let done = Done::default();
    let example = ExampleClient::new(&client(&done));
    let call = example.fail(FailRequest::default());
    call.send_and_forget()
        .await
        .expect("how it went is nobody's business");
    let job = client(&done).job((example.square(square(1)), example.square(square(2))));
    job.continue_on_error().send_and_forget().await.unwrap();
}

#[tokio::test(start_paused = true)]
async fn a_forgotten_call_outlives_the_job_that_made_it() {
    let done = Done::default();
    let call = client(&done).call_action("front", "forget", &forgotten(10));
    let error = call.timeout(Duration::from_secs(1)).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Timeout);
    assert_eq!(done.count(), 0);
    done.reaches(1).await;
}

#[tokio::test]
async fn what_is_wrong_before_sending_is_told_of_forgotten_calls_too() {
    let client = client(&Done::default());
    let nowhere = client.call_action("nowhere", "work", &());
    let error = nowhere.send_and_forget().await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::UnknownService);
    let calls = client.parallel((
        client.call_action("example", "square", &7),
        client.call_job("example", []),
    ));
    let error = calls.send_and_forget().await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Encode);
    let two = client.job((
        client.call_action("example", "square", &()),
        client.call_action("worker", "work", &()),
    ));
    let error = two.send_and_forget().await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Usage);
}

#[tokio::test]
async fn middleware_of_the_client_sees_forgotten_calls_and_may_refuse_them() {
    let refuse = from_fn(
        |request: soa::client::ClientRequest, _: Next<ClientStage>| async move {
            assert_eq!(request.job.control.suppress_response, Some(true));
            Ok(JobResponse::failed(vec![WireError::caller("NO", "No")]))
        },
    );
    let server = Server::builder(ExampleService::new()).build().unwrap();
    let client = Client::builder()
        .service("example", LocalTransport::new(server))
        .middleware(refuse)
        .build()
        .unwrap();
    let call = ExampleClient::new(&client).square(square(1));
    let error = call.send_and_forget().await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Job);
}

#[test]
fn sending_without_a_runtime_is_told() {
    let client = client(&Done::default());
    let call = client.call_action("example", "square", &());
    let error = poll_once(call.send_and_forget()).unwrap_err();
    assert!(
        error.to_string().contains("requires a tokio runtime"),
        "{error}"
    );
}

/// Polls once: it must be ready.
fn poll_once<T>(future: impl Future<Output = T>) -> T {
    let mut context = std::task::Context::from_waker(std::task::Waker::noop());
    match std::pin::pin!(future).poll(&mut context) {
        std::task::Poll::Ready(output) => output,
        std::task::Poll::Pending => panic!("it waits"),
    }
}

#[tokio::test(start_paused = true)]
async fn a_pending_response_can_be_waited_for_again_and_is_kept() {
    let client = client(&Done::default());
    let call = client.call_action("worker", "work", &seconds(10));
    let mut pending = call.send().await.unwrap();
    assert!(pending.wait(Duration::ZERO).await.is_none());
    assert!(pending.wait(Duration::from_secs(4)).await.is_none());
    let kept = pending.wait(Duration::from_secs(7)).await.unwrap();
    assert_eq!(kept.as_ref().unwrap(), &seconds(10));
    assert!(pending.wait(Duration::ZERO).await.is_some(), "kept");
    assert!(pending.outcome().await.is_ok());
    assert_eq!((&mut pending).await.unwrap(), seconds(10));
    let error = pending.outcome().await.as_ref().unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Usage, "collected already");
}

#[tokio::test(start_paused = true)]
async fn each_form_can_be_sent_now_and_collected_later() {
    let client = client(&Done::default());
    let example = ExampleClient::new(&client);
    let work = |n| client.call_action("worker", "work", &seconds(n));
    let single = example.square(square(2)).send().await.unwrap();
    let job = client.job(vec![work(1), work(2)]).send().await.unwrap();
    let untyped = client.call_job("worker", [("work".into(), seconds(3))]);
    let untyped = untyped.send().await.unwrap();
    let calls = client.parallel(vec![work(4), work(5)]);
    let mut parallel = calls.send().await.unwrap();
    let jobs = client.parallel((
        client.job((work(6), work(7))),
        client.call_job("example", [("fail".into(), value!({}))]),
        example.square(square(3)).switch(5),
    ));
    let jobs = jobs.send().await.unwrap();
    assert!(parallel.wait(Duration::from_secs(4)).await.is_none());
    let ((six, _), failed, nine) = jobs.await.unwrap();
    assert_eq!(six, seconds(6));
    assert_eq!(failed.actions[0].errors[0].code, "EXAMPLE_FAILURE");
    assert_eq!(nine.square, 9);
    assert_eq!(parallel.await.unwrap(), [seconds(4), seconds(5)]);
    assert_eq!(untyped.await.unwrap().actions.len(), 1);
    assert_eq!(job.await.unwrap(), [seconds(1), seconds(2)]);
    assert_eq!(single.await.unwrap().square, 4);
}

#[tokio::test(start_paused = true)]
async fn dropping_a_pending_response_does_not_take_the_call_back() {
    let done = Done::default();
    let client = client(&done);
    let work = |n| client.call_action("worker", "work", &seconds(n));
    drop(work(5).send().await.unwrap());
    drop(client.parallel([work(5), work(6)]).send().await.unwrap());
    done.reaches(3).await;
}

#[tokio::test]
async fn parallel_outcomes_come_in_place_errors_of_transports_among_them() {
    let client = client(&Done::default());
    let [example, nowhere] = ["example", "nowhere"].map(|name| ExampleClient::named(&client, name));
    let calls = || {
        vec![
            example.square(square(1)),
            nowhere.square(square(2)),
            example.square(square(2_000_000_000_000)),
            example.square(square(4)),
        ]
    };
    let outcomes = client.parallel(calls()).each().await;
    assert_outcomes(&outcomes);
    let pending = client.parallel(calls()).each().send().await.unwrap();
    assert_outcomes(&pending.await.unwrap());
    let (one, two) = client
        .parallel((example.square(square(1)), nowhere.none(value!({}))))
        .each()
        .await;
    assert_eq!(one.unwrap().square, 1);
    assert_eq!(two.unwrap_err().kind(), ErrorKind::UnknownService);
    // Otherwise the first error is the error of all, when they are sent or when they are collected.
    let error = client.parallel(calls()).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::UnknownService);
    let error = client.parallel(calls()).send().await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::UnknownService);
    let none: Vec<soa::Call<Value>> = Vec::new();
    assert_eq!(client.parallel(none).await.unwrap(), Vec::<Value>::new());
}

fn assert_outcomes(outcomes: &[Result<SquareResponse, ClientError>]) {
    let [one, nowhere, too_large, four] = outcomes else {
        panic!("{outcomes:?}")
    };
    assert_eq!(one.as_ref().unwrap().square, 1);
    let kind = |outcome: &Result<_, ClientError>| outcome.as_ref().unwrap_err().kind();
    assert_eq!(kind(nowhere), ErrorKind::UnknownService);
    assert_eq!(kind(too_large), ErrorKind::Job, "it cannot be encoded");
    assert_eq!(four.as_ref().unwrap().square, 16);
}

#[tokio::test]
async fn a_job_gives_each_outcome_also_where_it_ended_at_the_first_error() {
    let client = client(&Done::default());
    let example = ExampleClient::new(&client);
    let job = client.job((
        example.square(square(2)),
        example.fail(FailRequest::default()),
        example.square(square(3)),
    ));
    let (four, failed, not_run) = job.each().await.unwrap();
    assert_eq!(four.unwrap().square, 4);
    assert_eq!(failed.unwrap_err().kind(), ErrorKind::Action);
    let error = not_run.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::NotRun);
    assert_eq!(
        error.to_string(),
        "service `example` did not run the action, as `fail` before it failed"
    );
}

#[tokio::test(start_paused = true)]
async fn outstanding_responses_come_in_the_order_of_their_arrival() {
    let client = client(&Done::default());
    let mut outstanding = Outstanding::new();
    assert!(outstanding.next().await.is_none());
    let mut ids = Vec::new();
    for n in [3, 1, 2] {
        let job = client.call_job("worker", [("work".into(), seconds(n))]);
        ids.push(outstanding.send(job).await.unwrap());
    }
    let other = client.call_job("example", [("square".into(), value!({ "number": 4 }))]);
    let other = outstanding.send(other.correlation_id("x")).await.unwrap();
    let nowhere = client.call_job("nowhere", [("square".into(), value!({}))]);
    assert!(outstanding.send(nowhere).await.is_err());
    assert_eq!(outstanding.len(), 4);
    let (id, response) = outstanding.next().await.unwrap();
    assert_eq!(id, other);
    let response = response.unwrap();
    assert_eq!(response.context.correlation_id.as_deref(), Some("x"));
    let early = tokio::time::timeout(Duration::from_millis(500), outstanding.next());
    assert!(early.await.is_err(), "and it can be tried again");
    for expected in [ids[1], ids[2], ids[0]] {
        let (id, response) = outstanding.next().await.unwrap();
        assert_eq!((id, response.unwrap().actions.len()), (expected, 1));
    }
    assert!(outstanding.is_empty());
    assert_eq!(ids[2].number(), 2);
}

#[tokio::test]
async fn outstanding_calls_may_be_typed_and_can_be_polled_as_a_stream() {
    let client = client(&Done::default());
    let example = ExampleClient::new(&client);
    let mut outstanding = Outstanding::new();
    for n in 0..10 {
        outstanding.send(example.square(square(n))).await.unwrap();
    }
    let timed = example.square(square(10)).timeout(Duration::from_secs(9));
    outstanding.send(timed).await.unwrap();
    let mut sum = 0;
    while let Some((_, response)) = std::future::poll_fn(|cx| outstanding.poll_next(cx)).await {
        sum += response.unwrap().square;
    }
    assert_eq!(sum, 385);
}
