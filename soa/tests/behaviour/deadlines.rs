//! Deadlines: what becomes of a job that nobody waits for any more.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use soa::middleware::{ActionStage, JobStage, Next, from_fn};
use soa::{
    ActionCall, ActionError, ActionRequest, Body, Client, Context, ContextHeader, Control,
    Encoding, ErrorKind, JobRequest, JobResponse, LocalTransport, Server, ServerBuilder, Value,
    code, service, value,
};
use tokio::sync::mpsc;

const SECOND: Duration = Duration::from_secs(1);

/// Takes its time, and tells what it saw.
struct Slow {
    seen: mpsc::UnboundedSender<Seen>,
    running: Arc<AtomicUsize>,
}

#[derive(Debug, PartialEq)]
enum Seen {
    TimeLeft(Option<Duration>),
    Cancelled,
}

/// Counts the handlers that run.
struct Running(Arc<AtomicUsize>);

impl Drop for Running {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Ordering::SeqCst);
    }
}

#[service(name = "slow", version = "1.0.0")]
impl Slow {
    /// Waits for so many seconds.
    #[action]
    async fn wait(&self, request: Value, cx: &Context) -> Result<Value, ActionError> {
        self.running.fetch_add(1, Ordering::SeqCst);
        let _running = Running(Arc::clone(&self.running));
        let _ = self.seen.send(Seen::TimeLeft(cx.time_left()));
        let seconds = request.get("seconds").and_then(Value::as_f64).unwrap();
        tokio::time::sleep(Duration::from_secs_f64(seconds)).await;
        Ok(value!({}))
    }

    /// Waits for ten seconds, of which it is given two.
    #[action(timeout = "1s 1000ms")]
    async fn wait_long(&self, request: Value, cx: &Context) -> Result<Value, ActionError> {
        let _ = self.seen.send(Seen::TimeLeft(cx.time_left()));
        tokio::time::sleep(10 * SECOND).await;
        Ok(request)
    }

    /// Waits a second, then calls the next service.
    #[action]
    async fn pass_on(&self, request: Value, cx: &Context) -> Result<Value, ActionError> {
        let _ = self.seen.send(Seen::TimeLeft(cx.time_left()));
        tokio::time::sleep(SECOND).await;
        let call = cx.soa_client().call_action("next", "pass_on", &request);
        Ok(call.await?)
    }

    /// Leaves a task behind that works until nobody waits for it.
    #[action]
    async fn watch(&self, cx: &Context) -> Result<(), ActionError> {
        let (cx, seen) = (cx.clone(), self.seen.clone());
        tokio::spawn(async move {
            cx.cancelled().await;
            assert!(cx.is_cancelled());
            let _ = seen.send(Seen::Cancelled);
        });
        std::future::pending().await
    }

    /// Blocks its thread for 50 ms.
    #[action]
    async fn block(&self) -> Result<(), ActionError> {
        std::thread::sleep(Duration::from_millis(50));
        Ok(())
    }
}

struct Bench {
    builder: ServerBuilder,
    seen: mpsc::UnboundedReceiver<Seen>,
    running: Arc<AtomicUsize>,
}

fn slow() -> Bench {
    let (sender, seen) = mpsc::unbounded_channel();
    let running = Arc::new(AtomicUsize::new(0));
    let service = Slow {
        seen: sender,
        running: Arc::clone(&running),
    };
    Bench {
        builder: Server::builder(service),
        seen,
        running,
    }
}

/// A job of these actions, whose caller waits so many seconds.
fn job(timeout: Option<f64>, actions: &[(&'static str, Value)]) -> JobRequest {
    let mut control = Control::default();
    if let Some(timeout) = timeout {
        control.extra.insert("timeout", timeout);
    }
    let actions = actions.iter().map(|(action, body)| {
        ActionRequest::new(*action, Body::encode(Encoding::MessagePack, body))
    });
    JobRequest::new(ContextHeader::fresh(), control, actions.collect())
}

fn wait(seconds: f64) -> (&'static str, Value) {
    ("wait", value!({ "seconds": (seconds) }))
}

/// The code of each action's first error.
fn codes(response: &JobResponse) -> Vec<&str> {
    let code = |error: Option<&soa::WireError>| error.map_or("", |error| &error.code).to_owned();
    let actions = response.actions.iter();
    let codes: Vec<String> = actions.map(|action| code(action.errors.first())).collect();
    codes.into_iter().map(|code| &*code.leak()).collect()
}

#[tokio::test(start_paused = true)]
async fn an_action_is_given_up_when_its_caller_waits_no_longer() {
    let bench = slow();
    let server = bench.builder.build().unwrap();
    let response = server
        .execute(job(Some(2.0), &[wait(1.0), wait(5.0)]))
        .await;
    assert_eq!(codes(&response), ["", code::ACTION_TIMEOUT]);
    let error = &response.actions[1].errors[0];
    assert_eq!(
        error.message,
        "The action \"wait\" ran for too long and had to be interrupted."
    );
    assert!(!error.is_caller_error);
    assert_eq!(bench.running.load(Ordering::SeqCst), 0, "it was dropped");
}

#[tokio::test(start_paused = true)]
async fn the_job_ends_with_it_also_under_continue_on_error() {
    let server = slow().builder.build().unwrap();
    let mut job = job(Some(1.0), &[wait(5.0), wait(0.0)]);
    job.control.continue_on_error = true;
    let response = server.execute(job).await;
    assert_eq!(codes(&response), [code::ACTION_TIMEOUT]);
}

#[tokio::test]
async fn no_action_starts_after_one_that_blocked_past_the_deadline() {
    let mut bench = slow();
    let server = bench.builder.build().unwrap();
    let mut job = job(Some(0.01), &[("block", value!({})), wait(0.0), wait(0.0)]);
    job.control.continue_on_error = true;
    let response = server.execute(job).await;
    assert_eq!(codes(&response), ["", code::ACTION_TIMEOUT]);
    assert!(bench.seen.try_recv().is_err());
}

#[tokio::test(start_paused = true)]
async fn a_server_has_a_limit_of_its_own_and_the_smaller_one_counts() {
    let mut bench = slow();
    let server = bench.builder.job_timeout(3 * SECOND).build().unwrap();
    let response = server.execute(job(None, &[wait(5.0)])).await;
    assert_eq!(codes(&response), [code::ACTION_TIMEOUT]);
    server.execute(job(Some(1.0), &[wait(0.0)])).await;
    server.execute(job(Some(9.0), &[wait(0.0)])).await;
    for limit in [3, 1, 3] {
        let left = Seen::TimeLeft(Some(limit * SECOND));
        assert_eq!(bench.seen.recv().await, Some(left));
    }
}

#[tokio::test(start_paused = true)]
async fn what_the_caller_waits_counts_for_nothing_where_it_does_not_wait() {
    let mut bench = slow();
    let server = bench.builder.build().unwrap();
    let mut job = job(Some(1.0), &[wait(5.0)]);
    job.control.suppress_response = Some(true);
    let response = server.execute(job).await;
    assert_eq!(codes(&response), [""]);
    assert_eq!(bench.seen.recv().await, Some(Seen::TimeLeft(None)));
}

#[tokio::test(start_paused = true)]
async fn a_server_can_be_told_not_to_look_at_its_callers_timeouts() {
    let builder = slow().builder.honors_caller_timeouts(false);
    let server = builder.build().unwrap();
    let response = server.execute(job(Some(1.0), &[wait(5.0)])).await;
    assert_eq!(codes(&response), [""]);
}

#[tokio::test(start_paused = true)]
async fn a_timeout_without_an_end_is_none() {
    let server = slow().builder.build().unwrap();
    for timeout in [f64::MAX, f64::INFINITY, f64::NAN, -1.0, 0.0] {
        let response = server.execute(job(Some(timeout), &[wait(1.0)])).await;
        assert_eq!(codes(&response), [""], "{timeout}");
    }
}

#[tokio::test(start_paused = true)]
async fn middleware_that_takes_too_long_is_a_job_timeout() {
    let stuck = from_fn(|job: JobRequest, next: Next<JobStage>| async move {
        tokio::time::sleep(5 * SECOND).await;
        next.run(job).await
    });
    let server = slow().builder.job_middleware(stuck).build().unwrap();
    let response = server.execute(job(Some(1.0), &[wait(0.0)])).await;
    assert!(response.actions.is_empty());
    assert_eq!(response.errors[0].code, code::JOB_TIMEOUT);
}

#[tokio::test(start_paused = true)]
async fn middleware_sees_the_action_that_was_given_up() {
    let (sender, mut seen) = mpsc::unbounded_channel();
    let watch = from_fn(move |call: ActionCall, next: Next<ActionStage>| {
        let sender = sender.clone();
        async move {
            let response = next.run(call).await;
            let code = response
                .as_ref()
                .ok()
                .map(|response| response.errors[0].code.clone());
            let _ = sender.send(code);
            response
        }
    });
    let pass = from_fn(|job: JobRequest, next: Next<JobStage>| next.run(job));
    let builder = slow().builder.job_middleware(pass).action_middleware(watch);
    let server = builder.build().unwrap();
    let response = server.execute(job(Some(1.0), &[wait(5.0)])).await;
    assert_eq!(codes(&response), [code::ACTION_TIMEOUT]);
    assert_eq!(seen.recv().await, Some(Some(code::ACTION_TIMEOUT.into())));
}

#[tokio::test(start_paused = true)]
async fn the_time_that_is_left_flows_down_a_chain_of_three() {
    let mut next = Client::builder().build().unwrap();
    let mut seen = Vec::new();
    for bench in [slow(), slow(), slow()] {
        let server = bench.builder.client(next).build().unwrap();
        seen.push((server.clone(), bench.seen));
        next = Client::builder()
            .service("next", LocalTransport::new(server))
            .build()
            .unwrap();
    }
    seen.reverse();
    let call = next.call_action("next", "pass_on", &value!({}));
    let error = call
        .timeout(Duration::from_millis(2_500))
        .await
        .unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Timeout);
    assert_eq!(
        error.to_string(),
        "no response from service `next` within 2.5s"
    );
    for ((_, seen), left) in seen.iter_mut().zip([2_500, 1_500, 500]) {
        let left = Seen::TimeLeft(Some(Duration::from_millis(left)));
        assert_eq!(seen.recv().await, Some(left));
    }
}

#[tokio::test(start_paused = true)]
async fn no_call_is_made_when_no_time_is_left() {
    let bench = slow();
    let next = bench.builder.build().unwrap();
    let client = Client::builder()
        .service("next", LocalTransport::new(next.clone()))
        .build()
        .unwrap();
    let cx = Context::for_test()
        .with_client(&client)
        .with_time_left(Duration::ZERO);
    let error = cx
        .soa_client()
        .call_action("next", "block", &())
        .await
        .unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Timeout);
    assert_eq!(
        error.to_string(),
        "the deadline had passed before service `next` was called"
    );
    assert_eq!(next.stats().jobs(), 0);
}

#[tokio::test(start_paused = true)]
async fn tasks_of_a_handler_are_told_at_the_deadline() {
    let mut bench = slow();
    let server = bench.builder.build().unwrap();
    let response = server
        .execute(job(Some(1.0), &[("watch", value!({}))]))
        .await;
    assert_eq!(codes(&response), [code::ACTION_TIMEOUT]);
    assert_eq!(bench.seen.recv().await, Some(Seen::Cancelled));
}

#[tokio::test(start_paused = true)]
async fn tasks_of_a_handler_are_told_when_the_caller_gives_up_and_the_handler_goes_on() {
    let mut bench = slow();
    let slow = SlowClient::local(bench.builder.build().unwrap());
    let call = slow.watch();
    assert!(
        tokio::time::timeout(SECOND, call.into_future())
            .await
            .is_err()
    );
    assert_eq!(bench.seen.recv().await, Some(Seen::Cancelled));
    let call = slow.wait(value!({ "seconds": 5 }));
    assert!(
        tokio::time::timeout(SECOND, call.into_future())
            .await
            .is_err()
    );
    assert_eq!(bench.running.load(Ordering::SeqCst), 1);
    tokio::time::sleep(5 * SECOND).await;
    assert_eq!(bench.running.load(Ordering::SeqCst), 0);
}

#[tokio::test]
async fn a_timeout_of_for_ever_leaves_errors_as_they_are() {
    let failing = Server::untyped("failing", "1.0.0")
        .action("fail", |_: Value, _: Context| async {
            Err::<Value, _>(ActionError::caller("NOT_FOUND", "Nothing"))
        })
        .build()
        .unwrap();
    let client = Client::builder()
        .service("failing", LocalTransport::new(failing))
        .build()
        .unwrap();
    let call = client.call_action("failing", "fail", &());
    let error = call.timeout(Duration::MAX).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Action);
}

/// Pays, once it has a thread.
struct Till {
    paid: Arc<AtomicUsize>,
}

#[service(name = "till", version = "1.0.0")]
impl Till {
    #[action(blocking)]
    fn pay(&self) -> Result<(), ActionError> {
        self.paid.fetch_add(1, Ordering::SeqCst);
        Ok(())
    }
}

#[test]
fn a_blocking_action_that_was_given_up_while_it_waited_for_a_thread_does_not_start() {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_time()
        .max_blocking_threads(1)
        .build()
        .unwrap();
    let paid = Arc::new(AtomicUsize::new(0));
    let till = Till {
        paid: Arc::clone(&paid),
    };
    runtime.block_on(async {
        let (open, closed) = std::sync::mpsc::channel::<()>();
        let busy = tokio::task::spawn_blocking(move || closed.recv());
        let server = Server::builder(till).build().unwrap();
        let response = server
            .execute(job(Some(0.02), &[("pay", value!({}))]))
            .await;
        assert_eq!(codes(&response), [code::ACTION_TIMEOUT]);
        drop(open);
        assert!(busy.await.unwrap().is_err());
        // The one thread takes what comes in order, so what was before this has had its turn.
        tokio::task::spawn_blocking(|| ()).await.unwrap();
    });
    assert_eq!(paid.load(Ordering::SeqCst), 0);
}

fn wait_long() -> (&'static str, Value) {
    ("wait_long", value!({}))
}

#[tokio::test(start_paused = true)]
async fn an_action_has_a_limit_of_its_own_and_the_smallest_one_counts() {
    for (of_caller, of_server, limit) in [
        (None, None, 2),
        (Some(5.0), None, 2),
        (Some(1.0), None, 1),
        (None, Some(SECOND), 1),
        (Some(20.0), Some(15 * SECOND), 2),
    ] {
        let mut bench = slow();
        if let Some(timeout) = of_server {
            bench.builder = bench.builder.job_timeout(timeout);
        }
        let server = bench.builder.build().unwrap();
        let started = tokio::time::Instant::now();
        let response = server.execute(job(of_caller, &[wait_long()])).await;
        assert_eq!(codes(&response), [code::ACTION_TIMEOUT]);
        let limit = limit * SECOND;
        assert_eq!(started.elapsed(), limit);
        assert_eq!(
            bench.seen.recv().await,
            Some(Seen::TimeLeft(Some(limit))),
            "the handler knows"
        );
    }
}

#[tokio::test(start_paused = true)]
async fn an_action_that_used_up_its_own_time_ends_the_job_also_under_continue_on_error() {
    let server = slow().builder.build().unwrap();
    let mut job = job(None, &[wait_long(), wait(0.0)]);
    job.control.continue_on_error = true;
    let response = server.execute(job).await;
    assert_eq!(codes(&response), [code::ACTION_TIMEOUT]);
}

#[tokio::test(start_paused = true)]
async fn the_limit_of_one_action_is_not_that_of_the_next() {
    let server = slow().builder.build().unwrap();
    let response = server.execute(job(None, &[wait(3.0), wait(3.0)])).await;
    assert_eq!(codes(&response), ["", ""]);
}

#[tokio::test(start_paused = true)]
async fn action_middleware_that_takes_too_long_is_given_up() {
    let stuck = || {
        from_fn(|call: ActionCall, next: Next<ActionStage>| async move {
            tokio::time::sleep(50 * SECOND).await;
            next.run(call).await
        })
    };
    // It is the time of the job that was used up, ...
    let server = slow().builder.action_middleware(stuck()).build().unwrap();
    let response = server.execute(job(Some(1.0), &[wait(0.0)])).await;
    assert!(response.actions.is_empty());
    assert_eq!(response.errors[0].code, code::JOB_TIMEOUT);
    // ... or that of the action alone.
    let server = slow().builder.action_middleware(stuck()).build().unwrap();
    let response = server.execute(job(None, &[wait_long()])).await;
    assert_eq!(codes(&response), [code::ACTION_TIMEOUT]);
}
