//! Failovers to a replica that is behind, while jobs run.
//!
//! The replica is cut off from its master, calls go on, and the master is killed. What it had confirmed since is undone:
//! requests are gone, requests that were taken are in the queue again, and answered jobs are in their slots again.

use std::collections::HashMap;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use soa_redis::SentinelSettings;
use soa_runtime::{
    ActionError, Client, ClientError, Context, ErrorKind, ServerBuilder, Value, code, value,
};
use tokio::task::JoinHandle;

use crate::holding::leftovers;
use crate::sentinel::{Sentinel, watched};
use crate::support::{Redis, Reply, Running, client, service, until};

/// Time for which the replica is behind before its master is lost.
const LAG: Duration = Duration::from_millis(200);

/// Time limit of a call.
const TIMEOUT: Duration = Duration::from_secs(3);

/// Number of runs of each job, by its id.
type Runs = Arc<Mutex<HashMap<String, u32>>>;

/// A service with `safe`, which may run twice, and `once`, which must not. They note what they run.
fn noting(runs: &Runs) -> ServerBuilder {
    let add = |server: ServerBuilder, name: &'static str| {
        let runs = Arc::clone(runs);
        server.action(name, move |body: Value, _: Context| {
            let id = body.as_map().unwrap().get("id").unwrap();
            let id = id.as_str().unwrap().to_owned();
            *runs.lock().unwrap().entry(id).or_default() += 1;
            async move {
                tokio::time::sleep(Duration::from_millis(2)).await;
                Ok::<_, ActionError>(body)
            }
        })
    };
    add(add(service(), "safe"), "once").idempotent("safe")
}

/// Callers that call one action after the other, until they are told to stop.
struct Callers {
    is_over: Arc<AtomicBool>,
    answered: Arc<AtomicU64>,
    callers: Vec<JoinHandle<HashMap<String, Result<(), ClientError>>>>,
}

impl Callers {
    fn start(client: &Client) -> Self {
        let (is_over, answered) = (Arc::default(), Arc::default());
        let callers = (0..8).map(|caller| {
            let client = client.clone();
            let (is_over, answered): (Arc<AtomicBool>, Arc<AtomicU64>) =
                (Arc::clone(&is_over), Arc::clone(&answered));
            tokio::spawn(async move {
                let mut outcomes = HashMap::new();
                while !is_over.load(Ordering::Relaxed) {
                    let action = ["safe", "once"][outcomes.len() % 2];
                    let id = format!("{action} {caller}/{}", outcomes.len());
                    let body = value!({ "id": (id.as_str()) });
                    let call = client.call_action("test", action, &body);
                    let begun = Instant::now();
                    let outcome = call.timeout(TIMEOUT).await;
                    let took = begun.elapsed();
                    assert!(took < 4 * TIMEOUT, "a call hung for {took:?}");
                    if outcome.is_ok() {
                        answered.fetch_add(1, Ordering::Relaxed);
                    } else {
                        tokio::time::sleep(Duration::from_millis(5)).await;
                    }
                    let outcome = outcome.map(|answer| assert_eq!(answer, body));
                    outcomes.insert(id, outcome);
                }
                outcomes
            })
        });
        Self {
            callers: callers.collect(),
            is_over,
            answered,
        }
    }

    async fn go_on(&self, more: u64) {
        let enough = self.answered.load(Ordering::Relaxed) + more;
        let is_enough = || self.answered.load(Ordering::Relaxed) >= enough;
        until("calls are answered", is_enough).await;
    }

    async fn finish(self) -> HashMap<String, Result<(), ClientError>> {
        self.is_over.store(true, Ordering::Relaxed);
        let mut outcomes = HashMap::new();
        for caller in self.callers {
            outcomes.extend(caller.await.expect("no call hangs"));
        }
        outcomes
    }
}

/// A master that sentinels watch, with a replica.
struct Pair {
    master: Redis,
    replica: Redis,
    sentinel: Sentinel,
}

impl Pair {
    async fn start() -> Self {
        let (master, replica, sentinel) = watched().await;
        // The next failover may begin after twice the first time. A machine that is busy does not seem to be lost.
        for setting in ["failover-timeout 1000", "down-after-milliseconds 1000"] {
            let set = sentinel.text(&format!("SENTINEL SET alpha {setting}"));
            assert_eq!(set, Reply::Text("+OK".to_owned()));
        }
        Self {
            master,
            replica,
            sentinel,
        }
    }

    /// Takes note of a failover of the sentinel's own: on a busy machine, it may take the master for lost.
    fn look(&mut self) {
        if self.sentinel.master("alpha") == self.replica.port {
            std::mem::swap(&mut self.master, &mut self.replica);
        }
    }

    /// Has the replica receive nothing more, until the master is lost.
    async fn cut_off(&mut self) {
        until("the replica is cut off", || {
            self.look();
            self.master.text("ACL SETUSER default -psync -sync");
            // One that synchronizes just now counts as a replica a moment later.
            self.master.text("CLIENT KILL TYPE replica");
            replication(&self.replica).contains("master_link_status:down")
        })
        .await;
    }

    /// Kills the master, and waits until the replica is the master.
    async fn fail_over(&mut self) {
        self.master.kill();
        until("the replica is the master", || {
            self.sentinel.master("alpha") == self.replica.port
        })
        .await;
        std::mem::swap(&mut self.master, &mut self.replica);
    }

    /// Starts a replica in the place of the one that is the master now.
    async fn restore(&mut self) {
        self.master.text("CONFIG SET repl-diskless-sync-delay 0");
        let master = format!("127.0.0.1 {}", self.master.port);
        self.replica.start_again_with(&["--replicaof", &master]);
        until("the replica follows", || {
            self.look();
            self.master.text("ACL SETUSER default +psync +sync");
            let follows = format!("master_port:{}\r\nmaster_link_status:up", self.master.port);
            let leads = replication(&self.master).contains("role:master");
            leads && replication(&self.replica).contains(&follows)
        })
        .await;
        self.sentinel.knows_a_replica("alpha").await;
    }
}

fn replication(redis: &Redis) -> String {
    String::from_utf8(redis.text("INFO replication").bytes()).unwrap()
}

/// The keys with jobs that are held, or are to run again. Ids of jobs whose callers are gone stay for a while.
fn held(redis: &Redis) -> Vec<String> {
    let mut keys = leftovers(redis);
    keys.retain(|key| !key.ends_with(".cancelled"));
    keys
}

/// Has jobs run through failovers. Returns the figures, and the number of jobs that must not run twice and did.
async fn fail_over(count: usize, wait_replicas: u32) -> (String, usize) {
    let mut pair = Pair::start().await;
    let runs = Runs::default();
    let settings = pair.sentinel.settings(SentinelSettings::default());
    let waiting = settings.clone().wait_replicas(wait_replicas);
    let running = Running::start(noting(&runs).build().unwrap(), waiting);
    let callers = Callers::start(&client(settings));
    for number in 0..count {
        if number > 0 {
            pair.restore().await;
        }
        callers.go_on(50).await;
        pair.cut_off().await;
        tokio::time::sleep(LAG).await;
        pair.fail_over().await;
    }
    callers.go_on(50).await;
    let outcomes = callers.finish().await;
    until("nothing is held", || held(&pair.master).is_empty()).await;
    running.stop().await;
    let runs = runs.lock().unwrap();
    let [mut failed, mut unknown] = [0, 0];
    for (id, outcome) in &outcomes {
        let count = runs.get(id).copied().unwrap_or(0);
        match outcome {
            Ok(()) => assert!(count >= 1, "{id} was answered and did not run"),
            Err(error)
                if error
                    .errors()
                    .iter()
                    .any(|one| one.code == code::OUTCOME_UNKNOWN) =>
            {
                assert!(id.starts_with("once"), "{id}: {error}");
                unknown += 1;
            }
            Err(error) => {
                let kinds = [ErrorKind::Timeout, ErrorKind::Transport];
                assert!(kinds.contains(&error.kind()), "{id}: {error}");
                failed += 1;
            }
        }
    }
    let twice = |action: &str| {
        let runs = runs
            .iter()
            .filter(|(id, count)| id.starts_with(action) && **count > 1);
        runs.count()
    };
    let (safe, once) = (twice("safe"), twice("once"));
    let figures = format!(
        "{count} failovers, wait_replicas = {wait_replicas}: {} calls, {failed} failed, {unknown} with an unknown outcome; ran twice: \
         {safe} that may, {once} that must not",
        outcomes.len()
    );
    (figures, once)
}

#[tokio::test]
async fn a_request_that_waits_for_replicas_when_its_master_is_lost_runs_once() {
    let mut pair = Pair::start().await;
    let runs = Runs::default();
    let settings = pair.sentinel.settings(SentinelSettings::default());
    let client = client(settings.clone());
    let call = client.call_action("test", "once", &value!({ "id": "once" }));
    let call = tokio::spawn(call.timeout(Duration::from_secs(30)).into_future());
    until("the replica has the request", || {
        pair.replica.integer("LLEN pysoa:service.test") == 1
    })
    .await;
    pair.cut_off().await;
    let server = noting(&runs).build().unwrap();
    let running = Running::start(server, settings.wait_replicas(1));
    until("it is taken", || !held(&pair.master).is_empty()).await;
    pair.fail_over().await;
    call.await.unwrap().unwrap();
    until("nothing is left", || {
        pair.master.integer("LLEN pysoa:service.test") == 0 && held(&pair.master).is_empty()
    })
    .await;
    assert_eq!(runs.lock().unwrap().get("once"), Some(&1));
    running.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 1)]
async fn a_failover_to_a_replica_that_is_behind_leaves_no_call_without_an_outcome() {
    println!("{}", fail_over(3, 0).await.0);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 1)]
async fn what_waits_for_replicas_does_not_run_twice_after_a_failover_to_one_that_is_behind() {
    let (figures, twice) = fail_over(3, 1).await;
    println!("{figures}");
    assert_eq!(twice, 0, "{figures}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 1)]
#[ignore = "takes ten minutes; the short form is above"]
async fn a_hundred_failovers_leave_no_call_without_an_outcome() {
    println!("{}", fail_over(100, 0).await.0);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 1)]
#[ignore = "takes ten minutes; the short form is above"]
async fn what_waits_for_replicas_does_not_run_twice_in_a_hundred_failovers() {
    let (figures, twice) = fail_over(100, 1).await;
    println!("{figures}");
    assert_eq!(twice, 0, "{figures}");
}
