//! Hooks of the run loop, in one process.

use std::sync::{Arc, Mutex};
use std::time::Duration;

use soa::transport::{LocalQueue, ServerTransport as _};
use soa::{ActionError, Context, Server, ServerBuilder, Value};

const SECOND: Duration = Duration::from_secs(1);

/// What has happened, in order.
#[derive(Clone, Default)]
struct Events(Arc<Mutex<Vec<&'static str>>>);

impl Events {
    fn note(&self, event: &'static str) {
        self.0.lock().unwrap().push(event);
    }

    fn all(&self) -> Vec<&'static str> {
        self.0.lock().unwrap().clone()
    }

    fn count(&self, event: &str) -> usize {
        self.all().iter().filter(|noted| **noted == event).count()
    }

    /// A hook that notes that it ran.
    fn hook(&self, event: &'static str) -> impl Fn(Server) -> std::future::Ready<()> + use<> {
        let events = self.clone();
        move |_| {
            events.note(event);
            std::future::ready(())
        }
    }
}

fn server() -> ServerBuilder {
    Server::untyped("test", "1.0.0").action("echo", |body: Value, _: Context| async {
        Ok::<_, ActionError>(body)
    })
}

/// Runs a server for so long.
async fn run(server: &Server, time: Duration) -> soa::server::Stopped {
    let stop = tokio::time::sleep(time);
    let running = server.run_until(LocalQueue::new(), stop, SECOND);
    running.await.unwrap()
}

#[tokio::test(start_paused = true)]
async fn startup_hooks_run_in_order_and_teardown_hooks_in_the_opposite_one() {
    let events = Events::default();
    let (first, second, ready) = (events.clone(), events.clone(), events.clone());
    let server = server()
        .on_startup(move |_| {
            first.note("first");
            async { Ok(()) }
        })
        .on_startup(move |_| {
            second.note("second");
            async { Ok(()) }
        })
        .on_ready(move |_| ready.note("ready"))
        .on_teardown(events.hook("last"))
        .on_teardown(events.hook("last but one"))
        .build()
        .unwrap();
    run(&server, SECOND).await;
    let expected = ["first", "second", "ready", "last but one", "last"];
    assert_eq!(events.all(), expected);
    // Each run has them all.
    run(&server, SECOND).await;
    assert_eq!(events.all().len(), 2 * expected.len());
}

#[tokio::test]
async fn a_startup_hook_that_fails_is_the_reason_of_the_error_and_nothing_is_taken() {
    let events = Events::default();
    let server = server()
        .on_startup(|_| async { Err("no cache".into()) })
        .on_startup(|_| async { unreachable!("the one before has failed") })
        .on_teardown(events.hook("teardown"))
        .build()
        .unwrap();
    let queue = LocalQueue::new();
    queue.push(&b"content-type:application/json;{}"[..]);
    let error = server.run(queue.clone()).await.unwrap_err();
    assert_eq!(
        error.to_string(),
        "the server cannot start: a startup hook failed: no cache"
    );
    assert_eq!(error.reason().to_string(), "no cache");
    assert!(events.all().is_empty());
    // It is still there for somebody else.
    assert_eq!(queue.receive(1).await.unwrap().len(), 1);
}

#[tokio::test(start_paused = true)]
async fn a_server_that_is_told_to_stop_while_it_starts_takes_nothing() {
    let events = Events::default();
    let server = server()
        .on_startup(|_| std::future::pending())
        .on_ready({
            let events = events.clone();
            move |_| events.note("ready")
        })
        .build()
        .unwrap();
    run(&server, SECOND).await;
    assert!(events.all().is_empty());
}

#[tokio::test(start_paused = true)]
async fn beats_come_from_the_beginning_to_the_end_also_while_jobs_and_hooks_take_their_time() {
    let events = Events::default();
    let beating = events.clone();
    let server = server()
        .on_beat(SECOND, move |_| beating.note("beat"))
        .on_teardown(|_| tokio::time::sleep(3 * SECOND))
        .build()
        .unwrap();
    run(&server, 5 * SECOND + SECOND / 2).await;
    // At 0, 1, … 8 seconds.
    assert_eq!(events.count("beat"), 9);
}

#[tokio::test(start_paused = true)]
async fn an_idle_hook_runs_while_nothing_comes_and_not_while_something_does() {
    let events = Events::default();
    let server = server()
        .on_idle(SECOND, events.hook("idle"))
        .build()
        .unwrap();
    let busy = server.clone();
    let traffic = tokio::spawn(async move {
        let client = soa::Client::builder()
            .service("test", soa::LocalTransport::new(busy))
            .build()
            .unwrap();
        for _ in 0..20 {
            tokio::time::sleep(SECOND / 2).await;
            client
                .call_action("test", "echo", &soa::value!({}))
                .await
                .unwrap();
        }
    });
    run(&server, 20 * SECOND + SECOND / 2).await;
    traffic.await.unwrap();
    let idle = events.count("idle");
    assert!((9..=10).contains(&idle), "{idle}");
}

#[tokio::test(start_paused = true)]
async fn teardown_hooks_have_as_long_as_they_are_given_together() {
    let events = Events::default();
    let late = events.clone();
    let server = server()
        .on_teardown(move |_| {
            let late = late.clone();
            async move {
                tokio::time::sleep(3 * SECOND).await;
                late.note("late");
            }
        })
        .on_teardown(|_| async { panic!("as told") })
        .on_teardown(events.hook("in time"))
        .teardown_grace(2 * SECOND)
        .build()
        .unwrap();
    let start = tokio::time::Instant::now();
    run(&server, SECOND).await;
    assert_eq!(start.elapsed().as_secs(), 3);
    assert_eq!(events.all(), ["in time"]);
}
