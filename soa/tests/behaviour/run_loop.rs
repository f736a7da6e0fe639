//! The run loop: a server that takes frames from a transport.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use soa::transport::{LocalQueue, Received, Reply, ServerTransport};
use soa::wire::{ProtocolVersion, read_response, write_request};
use soa::{
    ActionError, ActionRequest, Body, Context, ContextHeader, Control, Encoding, JobRequest,
    Server, TransportError, Value, value,
};
use tokio::sync::{Notify, Semaphore};

const REPLY_TO: &str = "service.test.client!1";

fn request(id: i64, action: &'static str) -> bytes::Bytes {
    let body = Body::encode(Encoding::MessagePack, &value!({ "id": (id) }));
    let actions = vec![ActionRequest::new(action, body)];
    let job = JobRequest::new(ContextHeader::fresh(), Control::default(), actions);
    let lifetime = Duration::from_secs(60);
    write_request(
        ProtocolVersion::V3,
        Encoding::MessagePack,
        id,
        REPLY_TO,
        lifetime,
        &job,
    )
    .unwrap()
}

async fn next_reply(queue: &LocalQueue) -> (i64, soa::JobResponse) {
    let frame = queue.reply(REPLY_TO).await;
    let response = read_response(&frame, &Default::default()).unwrap();
    (response.request_id.as_i64().unwrap(), response.job)
}

#[tokio::test]
async fn requests_are_served_side_by_side_and_bad_ones_stop_nothing() {
    let gate = Arc::new(Semaphore::new(0));
    let held = Arc::clone(&gate);
    let server = Server::untyped("test", "1.0.0")
        .action("wait", move |body: Value, _: Context| {
            let held = Arc::clone(&held);
            async move {
                held.acquire().await.unwrap().forget();
                Ok::<_, ActionError>(body)
            }
        })
        .action("echo", |body: Value, _: Context| async {
            Ok::<_, ActionError>(body)
        })
        .action("panic", |_: Value, _: Context| async {
            if true {
                panic!("as told");
            }
            Ok::<_, ActionError>(value!({}))
        })
        .build()
        .unwrap();
    let queue = LocalQueue::new();
    let running = tokio::spawn({
        let (server, queue) = (server.clone(), queue.clone());
        async move { server.run(queue).await }
    });

    queue.push(request(1, "wait"));
    queue.push(&b"not a message"[..]);
    queue.push(request(2, "panic"));
    queue.push(request(3, "echo"));
    // The first one still waits, and the others are answered.
    let (id, job) = next_reply(&queue).await;
    assert_eq!((id, &*job.actions[0].errors[0].code), (2, "SERVER_ERROR"));
    let (id, job) = next_reply(&queue).await;
    assert_eq!(id, 3);
    assert_eq!(job.actions[0].body.to_value().unwrap(), value!({ "id": 3 }));
    gate.add_permits(1);
    assert_eq!(next_reply(&queue).await.0, 1);

    // What was taken is answered before the loop ends.
    queue.push(request(4, "wait"));
    while server.stats().jobs() < 4 {
        tokio::task::yield_now().await;
    }
    queue.close();
    gate.add_permits(1);
    running.await.unwrap().unwrap();
    assert_eq!(next_reply(&queue).await.0, 4);
}

#[tokio::test]
async fn never_more_jobs_run_than_the_server_is_set_to() {
    let (now, most) = (Arc::new(AtomicUsize::new(0)), Arc::new(AtomicUsize::new(0)));
    let seen = Arc::clone(&most);
    let server = Server::untyped("test", "1.0.0")
        .action("work", move |body: Value, _: Context| {
            let (now, seen) = (Arc::clone(&now), Arc::clone(&seen));
            async move {
                let running = now.fetch_add(1, Ordering::SeqCst) + 1;
                seen.fetch_max(running, Ordering::SeqCst);
                for _ in 0..10 {
                    tokio::task::yield_now().await;
                }
                now.fetch_sub(1, Ordering::SeqCst);
                Ok::<_, ActionError>(body)
            }
        })
        .concurrency(3)
        .build()
        .unwrap();
    let queue = LocalQueue::new();
    for id in 0..100 {
        queue.push(request(id, "work"));
    }
    queue.close();
    server.run(queue.clone()).await.unwrap();
    assert_eq!(queue.replies(REPLY_TO), 100);
    assert_eq!(most.load(Ordering::SeqCst), 3);
}

#[tokio::test]
async fn a_run_loop_that_is_dropped_loses_nothing_that_it_has_taken() {
    let server = Server::untyped("test", "1.0.0")
        .action("echo", |body: Value, _: Context| async {
            Ok::<_, ActionError>(body)
        })
        .build()
        .unwrap();
    let queue = LocalQueue::new();
    for id in 0..3_000 {
        queue.push(request(id, "echo"));
    }
    // Stopped at whatever point it has reached after a few turns of the runtime, many times.
    for turns in (0..50).cycle().take(200) {
        let stop = async {
            for _ in 0..turns {
                tokio::task::yield_now().await;
            }
        };
        tokio::select! {
            _ = server.run(queue.clone()) => {}
            () = stop => {}
        }
    }
    queue.close();
    server.run(queue.clone()).await.unwrap();
    while queue.replies(REPLY_TO) < 3_000 {
        tokio::task::yield_now().await;
    }
    assert_eq!(server.stats().jobs(), 3_000);
}

/// A queue whose first response panics.
struct Brittle(LocalQueue, AtomicUsize);

impl ServerTransport for Brittle {
    fn receive(
        &self,
        limit: usize,
    ) -> impl Future<Output = Result<Vec<Received>, TransportError>> + Send {
        self.0.receive(limit)
    }

    fn close(&self) {
        self.0.close();
    }

    async fn respond(&self, reply: Reply) -> Result<(), TransportError> {
        assert!(self.1.fetch_add(1, Ordering::SeqCst) > 0, "as told");
        self.0.respond(reply).await
    }
}

#[tokio::test]
async fn a_transport_that_panics_ends_one_job_and_not_the_run_loop() {
    let server = Server::untyped("test", "1.0.0").action("echo", |body: Value, _: Context| async {
        Ok::<_, ActionError>(body)
    });
    let server = server.concurrency(1).build().unwrap();
    let queue = LocalQueue::new();
    for id in 0..3 {
        queue.push(request(id, "echo"));
    }
    queue.close();
    let brittle = Brittle(queue.clone(), AtomicUsize::new(0));
    server.run(brittle).await.unwrap();
    assert_eq!(queue.replies(REPLY_TO), 2);
}

#[tokio::test]
async fn a_task_that_a_job_wakes_does_not_wait_for_all_that_compute_for_long() {
    let (begun, ran) = (Arc::new(Notify::new()), Arc::new(AtomicUsize::new(0)));
    let (waker, counter) = (Arc::clone(&begun), Arc::clone(&ran));
    let compute = move |body: Value, _: Context| {
        waker.notify_one();
        counter.fetch_add(1, Ordering::SeqCst);
        std::thread::sleep(Duration::from_millis(3));
        async { Ok::<_, ActionError>(body) }
    };
    let server = Server::untyped("test", "1.0.0").action("compute", compute);
    let server = server.build().unwrap();
    let queue = LocalQueue::new();
    // All of them are taken at once.
    for id in 0..100 {
        queue.push(request(id, "compute"));
    }
    queue.close();
    let woken = tokio::spawn(async move {
        begun.notified().await;
        ran.load(Ordering::SeqCst)
    });
    server.run(queue).await.unwrap();
    assert!(woken.await.unwrap() < 100);
}

#[tokio::test]
async fn any_concurrency_will_do() {
    for jobs in [0, 1, usize::MAX] {
        let server = Server::untyped("test", "1.0.0")
            .concurrency(jobs)
            .build()
            .unwrap();
        let queue = LocalQueue::new();
        queue.push(request(1, "nothing"));
        queue.close();
        server.run(queue.clone()).await.unwrap();
        assert_eq!(queue.replies(REPLY_TO), 1);
    }
}

mod stopping {
    use super::*;

    /// A server whose action `wait` waits until the gate is opened, and whose `block` blocks its thread.
    fn waiting(gate: &Arc<Semaphore>) -> Server {
        let gate = Arc::clone(gate);
        Server::untyped("test", "1.0.0")
            .action("wait", move |body: Value, _: Context| {
                let gate = Arc::clone(&gate);
                async move {
                    gate.acquire().await.unwrap().forget();
                    Ok::<_, ActionError>(body)
                }
            })
            .build()
            .unwrap()
    }

    #[tokio::test(start_paused = true)]
    async fn a_server_that_stops_waits_for_its_jobs_and_answers_all() {
        let gate = Arc::new(Semaphore::new(0));
        let (server, queue) = (waiting(&gate), LocalQueue::new());
        for id in 0..10 {
            queue.push(request(id, "wait"));
        }
        let (stop, stopped) = tokio::sync::oneshot::channel::<()>();
        let running = tokio::spawn({
            let (server, queue) = (server.clone(), queue.clone());
            let stopped = async { drop(stopped.await) };
            async move {
                let grace = Duration::from_secs(30);
                server.run_until(queue, stopped, grace).await
            }
        });
        while server.stats().jobs() < 10 {
            tokio::task::yield_now().await;
        }
        drop(stop);
        tokio::time::sleep(Duration::from_secs(29)).await;
        assert!(!running.is_finished());
        gate.add_permits(10);
        assert_eq!(running.await.unwrap().unwrap().aborted, 0);
        for _ in 0..10 {
            let (_, response) = next_reply(&queue).await;
            assert!(response.actions[0].errors.is_empty());
        }
    }

    #[tokio::test(start_paused = true)]
    async fn jobs_that_are_not_done_within_the_grace_are_given_up_and_answered() {
        let gate = Arc::new(Semaphore::new(0));
        let (server, queue) = (waiting(&gate), LocalQueue::new());
        for id in 0..10 {
            queue.push(request(id, "wait"));
        }
        let stop = tokio::time::sleep(Duration::from_secs(1));
        let stopped = server
            .run_until(queue.clone(), stop, Duration::from_secs(30))
            .await
            .unwrap();
        assert_eq!(stopped.aborted, 0);
        for _ in 0..10 {
            let (_, response) = next_reply(&queue).await;
            assert_eq!(response.actions[0].errors[0].code, "ACTION_TIMEOUT");
        }
    }

    #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
    async fn a_job_that_does_not_even_end_then_is_counted() {
        let (open, closed) = std::sync::mpsc::channel::<()>();
        let closed = Arc::new(std::sync::Mutex::new(closed));
        let server = Server::untyped("test", "1.0.0")
            // So that the job holds all of them.
            .concurrency(1)
            .action("block", move |body: Value, _: Context| {
                let closed = Arc::clone(&closed);
                async move {
                    // Until the test is over.
                    let _ = closed.lock().unwrap().recv();
                    Ok::<_, ActionError>(body)
                }
            })
            .build()
            .unwrap();
        let queue = LocalQueue::new();
        queue.push(request(1, "block"));
        let (counted, other) = (server.clone(), server.clone());
        let stop = async move {
            while counted.stats().jobs() < 1 {
                tokio::time::sleep(Duration::from_millis(1)).await;
            }
        };
        let stopped = other
            .run_until(queue, stop, Duration::from_millis(10))
            .await
            .unwrap();
        assert_eq!(stopped.aborted, 1);
        drop(open);
    }
}
