//! Several workers on one queue, and slow jobs among quick ones.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::thread;
use std::time::Duration;

use soa_redis::RedisSettings;
use soa_runtime::{ActionError, Client, Context, Server, Value, value};
use tokio::sync::{Notify, Semaphore};

use crate::support::{Redis, Running, client, service, until};

/// A worker as a process of its own would be: its own thread, runtime and connections.
struct Worker {
    jobs: Arc<AtomicU64>,
    stop: Arc<Notify>,
    thread: thread::JoinHandle<()>,
}

impl Worker {
    /// Jobs take two milliseconds. `None` for as many at once as by default.
    fn start(settings: RedisSettings, concurrency: Option<usize>) -> Self {
        let (jobs, stop) = (Arc::new(AtomicU64::new(0)), Arc::new(Notify::new()));
        let (counted, stopped) = (Arc::clone(&jobs), Arc::clone(&stop));
        let thread = thread::spawn(move || {
            let mut builder = tokio::runtime::Builder::new_current_thread();
            let runtime = builder.enable_all().build().unwrap();
            runtime.block_on(async move {
                let server = service().action("work", move |_: Value, _: Context| {
                    counted.fetch_add(1, Ordering::Relaxed);
                    async {
                        tokio::time::sleep(Duration::from_millis(2)).await;
                        Ok::<_, ActionError>(value!({}))
                    }
                });
                let server = match concurrency {
                    Some(jobs) => server.concurrency(jobs),
                    None => server,
                };
                let running = Running::start(server.build().unwrap(), settings);
                stopped.notified().await;
                running.stop().await;
            });
        });
        Self { jobs, stop, thread }
    }

    fn stop(self) -> u64 {
        self.stop.notify_one();
        self.thread.join().unwrap();
        self.jobs.load(Ordering::Relaxed)
    }
}

async fn call_from_many(client: &Client, action: &'static str, callers: u64, calls: u64) {
    let callers = (0..callers).map(|_| {
        let client = client.clone();
        tokio::spawn(async move {
            for _ in 0..calls {
                let call = client.call_action("test", action, &value!({}));
                call.timeout(Duration::from_secs(60)).await.unwrap();
            }
        })
    });
    for caller in callers.collect::<Vec<_>>() {
        caller.await.unwrap();
    }
}

/// A worker that takes more than it should does so every time; one that gets no processor, because others need them all,
/// does not. So one of a few rounds has to be even.
async fn two_workers_share(callers: u64, concurrency: Option<usize>) {
    const ROUNDS: usize = 6;
    let mut rounds = Vec::new();
    while rounds.len() < ROUNDS {
        let [one, other] = race(callers, concurrency).await;
        if one.max(other) * 10 <= (one + other) * 6 {
            return;
        }
        rounds.push((one, other));
    }
    panic!("one of the workers has too much in every round: {rounds:?}");
}

/// How many jobs each of two workers runs.
async fn race(callers: u64, concurrency: Option<usize>) -> [u64; 2] {
    const CALLS: u64 = 100;
    let redis = Redis::start();
    let workers = [(); 2].map(|()| Worker::start(redis.settings(), concurrency));
    // The race begins when both are there.
    let waiting = || {
        let connections = String::from_utf8(redis.text("CLIENT LIST").bytes()).unwrap();
        connections.matches("cmd=blmpop").count()
    };
    until("both workers wait", || waiting() == 2).await;
    let client = client(redis.settings());
    call_from_many(&client, "work", callers, CALLS).await;
    let jobs = workers.map(Worker::stop);
    assert_eq!(
        jobs.iter().sum::<u64>(),
        callers * CALLS,
        "every job ran once"
    );
    jobs
}

#[tokio::test]
async fn of_two_workers_with_room_for_few_jobs_none_gets_more_than_three_fifths() {
    two_workers_share(64, Some(8)).await;
}

#[tokio::test]
async fn of_two_workers_with_room_for_all_jobs_none_gets_more_than_three_fifths() {
    two_workers_share(64, None).await;
}

/// A worker whose `wait` ends when it is allowed to, and how many of these have begun.
fn waiting_server(concurrency: usize) -> (Server, Arc<Semaphore>, Arc<AtomicU64>) {
    let (allowed, begun) = (Arc::new(Semaphore::new(0)), Arc::new(AtomicU64::new(0)));
    let (permits, counted) = (Arc::clone(&allowed), Arc::clone(&begun));
    let server = service().action("wait", move |_: Value, _: Context| {
        counted.fetch_add(1, Ordering::Relaxed);
        let permits = Arc::clone(&permits);
        async move {
            permits.acquire().await.unwrap().forget();
            Ok::<_, ActionError>(value!({}))
        }
    });
    let server = server.concurrency(concurrency).build().unwrap();
    (server, allowed, begun)
}

/// Makes calls of `wait`, and sees them begin.
async fn begin_waits(
    client: &Client,
    count: u64,
    begun: &AtomicU64,
) -> Vec<tokio::task::JoinHandle<()>> {
    let calls = (0..count).map(|_| {
        let client = client.clone();
        tokio::spawn(async move { call_from_many(&client, "wait", 1, 1).await })
    });
    let calls: Vec<_> = calls.collect();
    until("the slow jobs run", || {
        begun.load(Ordering::Relaxed) == count
    })
    .await;
    calls
}

async fn end_waits(calls: Vec<tokio::task::JoinHandle<()>>, allowed: &Semaphore) {
    for call in &calls {
        assert!(!call.is_finished());
    }
    allowed.add_permits(calls.len());
    for call in calls {
        call.await.unwrap();
    }
}

#[tokio::test]
async fn a_slow_job_delays_only_its_own_caller() {
    let redis = Redis::start();
    let (server, allowed, begun) = waiting_server(8);
    let running = Running::start(server, redis.settings());
    let client = client(redis.settings());
    let waits = begin_waits(&client, 7, &begun).await;
    call_from_many(&client, "echo", 16, 50).await;
    end_waits(waits, &allowed).await;
    running.stop().await;
}

#[tokio::test]
async fn a_worker_without_room_leaves_all_requests_to_the_others() {
    let redis = Redis::start();
    let (server, allowed, begun) = waiting_server(4);
    let full = Running::start(server, redis.settings());
    let client = client(redis.settings());
    let waits = begin_waits(&client, 4, &begun).await;
    let other = Running::start(service().build().unwrap(), redis.settings());
    call_from_many(&client, "echo", 16, 50).await;
    assert_eq!(other.server.stats().jobs(), 16 * 50);
    end_waits(waits, &allowed).await;
    full.stop().await;
    other.stop().await;
}
