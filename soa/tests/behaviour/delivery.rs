//! Jobs whose process crashes, with a queue in memory.

use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

use soa::testing::TestServer;
use soa::transport::{Delivery, LocalQueue};
use soa::wire::{self, ProtocolVersion};
use soa::{
    ActionError, ActionRequest, Body, Context, ContextHeader, Control, Encoding, JobRequest,
    Server, Value, code, service, value,
};
use tokio::sync::Notify;

/// A service whose actions wait in their first `waits` runs, until their process crashes.
struct Works {
    runs: AtomicU32,
    waits: u32,
    begun: Notify,
}

impl Works {
    fn new(waits: u32) -> Self {
        Self {
            runs: AtomicU32::new(0),
            waits,
            begun: Notify::new(),
        }
    }

    async fn run(&self, cx: &Context) -> Value {
        let run = self.runs.fetch_add(1, Ordering::SeqCst) + 1;
        self.begun.notify_one();
        if run <= self.waits {
            std::future::pending::<()>().await;
        }
        let id = cx.job_id().unwrap_or_default();
        value!({ "attempt": (cx.attempt()), "id": (id) })
    }
}

struct Service(Arc<Works>);

#[service(name = "works", version = "1.0.0")]
impl Service {
    #[action(idempotent)]
    async fn shrink(&self, _request: Value, cx: &Context) -> Result<Value, ActionError> {
        Ok(self.0.run(cx).await)
    }

    #[action]
    async fn charge(&self, _request: Value, cx: &Context) -> Result<Value, ActionError> {
        Ok(self.0.run(cx).await)
    }
}

const REPLY_TO: &str = "service.works.caller!";

/// Puts a job of these actions into the queue.
fn push(queue: &LocalQueue, id: i64, actions: &[&str], lifetime: Duration) {
    let body = || Body::encode(Encoding::MessagePack, &value!({}));
    let actions = actions
        .iter()
        .map(|name| ActionRequest::new((*name).to_owned(), body()));
    let job = JobRequest::new(
        ContextHeader::fresh(),
        Control::default(),
        actions.collect(),
    );
    let (version, encoding) = (ProtocolVersion::V3, Encoding::MessagePack);
    let frame = wire::write_request(version, encoding, id, REPLY_TO, lifetime, &job);
    queue.push(frame.unwrap());
}

/// A server that takes from a queue in memory.
struct Running {
    works: Arc<Works>,
    queue: LocalQueue,
}

impl Running {
    fn start(waits: u32, change: impl FnOnce(soa::ServerBuilder) -> soa::ServerBuilder) -> Self {
        let works = Arc::new(Works::new(waits));
        let server = Server::builder(Service(Arc::clone(&works)));
        let server = change(server).build().unwrap();
        let queue = LocalQueue::new();
        let taken_from = queue.clone();
        tokio::spawn(async move { server.run(taken_from).await });
        Self { works, queue }
    }

    fn push(&self, id: i64, actions: &[&str]) {
        push(&self.queue, id, actions, Duration::from_secs(60));
    }

    /// The next answer: the code of its job error, or the body of its action.
    async fn answer(&self) -> Result<Value, String> {
        let reply = self.queue.reply(REPLY_TO).await;
        let response = wire::read_response(&reply, &Default::default())
            .unwrap()
            .job;
        match response.errors.first() {
            Some(error) => Err(error.code.to_string()),
            None => Ok(response.actions[0].body.to_value().unwrap()),
        }
    }
}

#[tokio::test]
async fn after_a_crash_idempotent_jobs_run_again_and_the_callers_of_others_are_told() {
    let running = Running::start(1, |server| server);
    running.push(1, &["shrink"]);
    running.works.begun.notified().await;
    running.queue.crash();
    let answer = running.answer().await.unwrap();
    assert_eq!(answer.get("attempt").and_then(Value::as_i64), Some(2));
    let running = Running::start(1, |server| server);
    running.push(1, &["charge"]);
    running.works.begun.notified().await;
    running.queue.crash();
    assert_eq!(running.answer().await.unwrap_err(), code::OUTCOME_UNKNOWN);
    assert_eq!(running.works.runs.load(Ordering::SeqCst), 1);
}

#[tokio::test]
async fn a_job_is_as_weak_as_its_weakest_action() {
    let running = Running::start(1, |server| server);
    running.push(1, &["shrink", "charge"]);
    running.works.begun.notified().await;
    running.queue.crash();
    assert_eq!(running.answer().await.unwrap_err(), code::OUTCOME_UNKNOWN);
    let running = Running::start(1, |server| server);
    running.push(1, &["shrink", "status"]);
    running.works.begun.notified().await;
    running.queue.crash();
    running.answer().await.unwrap();
}

#[tokio::test]
async fn a_job_in_three_crashes_becomes_a_dead_letter() {
    let told = Arc::new(AtomicU32::new(0));
    let counted = Arc::clone(&told);
    let running = Running::start(3, move |server| {
        server.on_dead(move |server, letter| {
            assert_eq!((server.name(), &*letter.reason), ("works", "poison"));
            counted.fetch_add(1, Ordering::SeqCst);
        })
    });
    running.push(1, &["shrink"]);
    for _ in 0..3 {
        running.works.begun.notified().await;
        running.queue.crash();
    }
    assert_eq!(running.answer().await.unwrap_err(), code::SERVER_ERROR);
    let letters = running.queue.dead_letters();
    assert_eq!(
        (letters.len(), letters[0].attempts, letters[0].strikes),
        (1, 3, 3)
    );
    assert_eq!(letters[0].actions, ["shrink"]);
    assert_eq!(told.load(Ordering::SeqCst), 1);
    // The server goes on.
    running.push(2, &["shrink"]);
    running.answer().await.unwrap();
}

#[tokio::test]
async fn with_at_most_once_a_job_is_lost_with_its_process() {
    let running = Running::start(1, |server| server.delivery(Delivery::AtMostOnce));
    running.push(1, &["shrink"]);
    running.works.begun.notified().await;
    running.queue.crash();
    running.push(2, &["shrink"]);
    let answer = running.answer().await.unwrap();
    assert_eq!(answer.get("attempt").and_then(Value::as_i64), Some(1));
    assert_eq!(running.queue.replies(REPLY_TO), 0);
}

#[tokio::test]
async fn what_nobody_waits_for_does_not_run_again() {
    let running = Running::start(1, |server| server);
    push(&running.queue, 1, &["shrink"], Duration::from_millis(50));
    running.works.begun.notified().await;
    tokio::time::sleep(Duration::from_millis(60)).await;
    running.queue.crash();
    running.push(2, &["shrink"]);
    running.answer().await.unwrap();
    assert_eq!(running.works.runs.load(Ordering::SeqCst), 2);
}

#[tokio::test]
async fn a_test_server_crashes_and_the_id_of_a_job_stays() {
    let works = Arc::new(Works::new(1));
    let server = TestServer::new(Service(Arc::clone(&works)));
    let call = server.call("shrink", value!({})).into_future();
    let (answer, ()) = tokio::join!(call, async {
        works.begun.notified().await;
        server.crash();
    });
    let answer = answer.unwrap();
    assert_eq!(answer.get("attempt").and_then(Value::as_i64), Some(2));
    let id = answer.get("id").and_then(Value::as_str).unwrap();
    assert_eq!(id.len(), 32);
    let works = Arc::new(Works::new(1));
    let server = TestServer::new(Service(Arc::clone(&works)));
    let call = server.call("charge", value!({})).into_future();
    let (answer, ()) = tokio::join!(call, async {
        works.begun.notified().await;
        server.crash();
    });
    assert_eq!(answer.unwrap_err().errors()[0].code, code::OUTCOME_UNKNOWN);
    assert!(server.dead_letters().is_empty());
}
