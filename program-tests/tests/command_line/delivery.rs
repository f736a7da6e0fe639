//! Jobs and the end of their processes: killed, stopped, hung, or ended by a job itself. The long forms are ignored.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::{Duration, Instant};

use soa::{Client, ClientError, RedisClientTransport, RedisSettings, Value, code, value};
use tokio::task::JoinHandle;

use crate::processes::{
    Process, Redis, ask_at, example_service, fresh_file, outcome, program, signal, wait_for,
};

/// The binary of the service that notes what it runs.
pub(crate) fn mill(arguments: &[&str]) -> Command {
    program(env!("CARGO_BIN_EXE_mill"), arguments)
}

/// A running server.
fn serve(redis: &Redis, arguments: &[&str]) -> Process {
    let address = redis.address();
    let process = Process::start(mill(&["serve", "--redis", &address]).args(arguments));
    process.says("accepting requests; interrupt to stop");
    process
}

pub(crate) fn client(redis: &Redis) -> Client {
    let settings = RedisSettings::new("127.0.0.1", redis.port);
    let settings = settings.receive_timeout(Duration::from_secs(60));
    let transport = RedisClientTransport::new("mill", settings).expect("the settings are good");
    let client = Client::builder().service("mill", transport).build();
    client.expect("there is one route")
}

/// The jobs that were run, and the number of their runs.
pub(crate) fn runs(file: &Path) -> BTreeMap<String, u32> {
    let mut runs = BTreeMap::new();
    for line in std::fs::read_to_string(file).unwrap_or_default().lines() {
        *runs.entry(line.to_owned()).or_default() += 1;
    }
    runs
}

pub(crate) type Call = JoinHandle<Result<Value, ClientError>>;

pub(crate) fn call(
    client: &Client,
    action: &'static str,
    file: &Path,
    id: &str,
    time: u64,
) -> Call {
    let file = file.to_str().expect("it is text");
    let body = value!({ "file": (file), "id": (id), "milliseconds": (time) });
    tokio::spawn(client.call_action("mill", action, &body).into_future())
}

pub(crate) fn error_of(error: &ClientError) -> &str {
    error.errors().first().map_or("", |error| &*error.code)
}

pub(crate) async fn until(what: &str, is_so: impl Fn() -> bool) {
    let end = Instant::now() + Duration::from_secs(60);
    while !is_so() {
        assert!(Instant::now() < end, "waited in vain: {what}");
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
}

/// Calls both actions for as long as processes are killed. What it returns is the file with the runs, and the errors.
struct Load {
    file: PathBuf,
    is_over: Arc<AtomicBool>,
    made: Arc<AtomicU64>,
    callers: Vec<JoinHandle<Vec<(String, String)>>>,
}

impl Load {
    fn start(client: &Client, callers: usize, actions: &'static [&'static str]) -> Self {
        let file = fresh_file("runs");
        let (is_over, made) = (
            Arc::new(AtomicBool::new(false)),
            Arc::new(AtomicU64::new(0)),
        );
        let callers = (0..callers).map(|_| {
            let (client, file) = (client.clone(), file.clone());
            let (is_over, made) = (Arc::clone(&is_over), Arc::clone(&made));
            tokio::spawn(async move {
                let mut errors = Vec::new();
                while !is_over.load(Ordering::Relaxed) {
                    let number = made.fetch_add(1, Ordering::Relaxed);
                    let length = u64::try_from(actions.len()).unwrap_or(1);
                    let action = actions[usize::try_from(number % length).unwrap_or(0)];
                    let id = format!("{action}-{number}");
                    let called = call(&client, action, &file, &id, 10).await;
                    if let Err(error) = called.expect("no panic") {
                        errors.push((id, error_of(&error).to_owned()));
                    }
                }
                errors
            })
        });
        Self {
            callers: callers.collect(),
            file,
            is_over,
            made,
        }
    }

    /// Ends the load. Checks that nothing was lost, and that nothing ran twice that must not. Returns the numbers of calls, of
    /// errors, and of further runs.
    async fn finish(self) -> (u64, usize, u32) {
        self.is_over.store(true, Ordering::Relaxed);
        let mut errors = Vec::new();
        for caller in self.callers {
            let ended = tokio::time::timeout(Duration::from_secs(90), caller).await;
            errors.extend(ended.expect("each call ends").expect("no panic"));
        }
        let runs = runs(&self.file);
        for (id, code) in &errors {
            assert!(id.starts_with("sell"), "{id} has failed: {code}");
            assert_eq!(code, code::OUTCOME_UNKNOWN, "{id}");
        }
        let mut further = 0;
        for (id, count) in &runs {
            if id.starts_with("sell") {
                assert_eq!(*count, 1, "{id} ran {count} times");
            }
            further += count - 1;
        }
        let _ = std::fs::remove_file(&self.file);
        (self.made.load(Ordering::Relaxed), errors.len(), further)
    }
}

/// Kills one of the servers after the other, and starts it again.
async fn kill_in_turn(redis: &Redis, running: &mut [Process], kills: usize, pause: Duration) {
    for kill in 0..kills {
        tokio::time::sleep(pause).await;
        let count = running.len();
        let server = &mut running[kill % count];
        server.signal("KILL");
        server.end();
        *server = serve(redis, &["--concurrency", "64"]);
    }
    tokio::time::sleep(pause).await;
}

async fn killed_under_load(servers: usize, callers: usize, kills: usize, pause: Duration) {
    let redis = Redis::start();
    let start = |_| serve(&redis, &["--concurrency", "64"]);
    let mut running: Vec<Process> = (0..servers).map(start).collect();
    let load = Load::start(&client(&redis), callers, &["grind", "grind", "sell"]);
    kill_in_turn(&redis, &mut running, kills, pause).await;
    let (made, errors, further) = load.finish().await;
    println!(
        "{kills} kills, {made} calls: {errors} with an unknown outcome, {further} further runs"
    );
    assert!(made > 100, "{made}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 1)]
async fn killed_processes_lose_no_job_and_run_none_twice_that_must_not() {
    killed_under_load(2, 16, 3, Duration::from_secs(2)).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 1)]
#[ignore = "takes minutes; the short form is above"]
async fn twenty_killed_processes_lose_no_job_and_run_none_twice_that_must_not() {
    killed_under_load(4, 64, 20, Duration::from_secs(3)).await;
}

/// Calls `square` of the example service at a rate, whatever becomes of the calls, while one of two servers is killed every two
/// seconds. Returns the number of calls.
async fn squares_while_servers_are_killed(rate: u32, kills: usize) -> usize {
    let redis = Redis::start();
    let address = redis.address();
    let start = || {
        let process = Process::start(&mut example_service(&["serve", "--redis", &address]));
        process.says("accepting requests; interrupt to stop");
        process
    };
    let mut running = [start(), start()];
    let settings = RedisSettings::new("127.0.0.1", redis.port);
    let transport = RedisClientTransport::new("example", settings).expect("the settings are good");
    let client = Client::builder().service("example", transport).build();
    let client = client.expect("there is one route");
    let is_over = Arc::new(AtomicBool::new(false));
    let over = Arc::clone(&is_over);
    let load = tokio::spawn(async move {
        let mut ticks = tokio::time::interval(Duration::from_secs(1) / rate);
        let mut calls = Vec::new();
        while !over.load(Ordering::Relaxed) {
            ticks.tick().await;
            let call = client.call_action("example", "square", &value!({ "number": 12 }));
            // The usual time limit of a caller.
            calls.push(tokio::spawn(
                call.timeout(Duration::from_secs(5)).into_future(),
            ));
        }
        calls
    });
    for kill in 0..kills {
        tokio::time::sleep(Duration::from_secs(2)).await;
        let server = &mut running[kill % 2];
        server.signal("KILL");
        server.end();
        *server = start();
    }
    tokio::time::sleep(Duration::from_secs(2)).await;
    is_over.store(true, Ordering::Relaxed);
    let calls = load.await.expect("no panic");
    let count = calls.len();
    let mut failed = Vec::new();
    for call in calls {
        if let Err(error) = call.await.expect("no panic") {
            failed.push(error.to_string());
        }
    }
    assert!(
        failed.is_empty(),
        "{} of {count} failed: {}",
        failed.len(),
        failed[0]
    );
    count
}

#[tokio::test(flavor = "multi_thread", worker_threads = 1)]
async fn no_call_of_an_idempotent_action_fails_while_servers_are_killed() {
    assert!(squares_while_servers_are_killed(100, 2).await > 200);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 1)]
#[ignore = "wants a build for release and a quiet machine; the short form is above"]
async fn none_of_a_thousand_calls_a_second_fails_while_servers_are_killed() {
    let calls = squares_while_servers_are_killed(1_000, 15).await;
    println!("{calls} calls, none failed");
    assert!(calls > 20_000, "{calls}");
}

async fn deploys(count: usize, pause: Duration) {
    let redis = Redis::start();
    let mut running: Vec<Process> = (0..2).map(|_| serve(&redis, &[])).collect();
    let load = Load::start(&client(&redis), 8, &["grind"]);
    for deploy in 0..count {
        tokio::time::sleep(pause).await;
        let next = serve(&redis, &[]);
        let mut old = std::mem::replace(&mut running[deploy % 2], next);
        old.signal("TERM");
        assert_eq!(old.end().code(), Some(0), "{}", old.log());
    }
    let (_, errors, further) = load.finish().await;
    assert_eq!((errors, further), (0, 0), "a deploy costs callers nothing");
    for server in &running {
        assert_eq!(server.count("is given up"), 0, "{}", server.log());
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 1)]
async fn deploys_cost_callers_nothing() {
    deploys(4, Duration::from_millis(300)).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 1)]
#[ignore = "takes minutes; the short form is above"]
async fn fifty_deploys_cost_callers_nothing() {
    deploys(50, Duration::from_millis(500)).await;
}

#[tokio::test]
async fn the_jobs_of_a_killed_process_of_fork_run_again_at_once() {
    let redis = Redis::start();
    let address = redis.address();
    let command = [
        "serve",
        "--fork",
        "2",
        "--concurrency",
        "1",
        "--redis",
        &address,
    ];
    let process = Process::start(&mut mill(&command));
    process.says_times(2, ": accepting requests");
    let (client, file) = (client(&redis), fresh_file("runs"));
    let path = file.to_str().expect("it is text");
    let body = value!({ "file": (path) });
    let long = tokio::spawn(client.call_action("mill", "tell", &body).into_future());
    let pids = || {
        let text = std::fs::read_to_string(&file).unwrap_or_default();
        let pids = text.lines().map(|line| line.parse().expect("a number"));
        pids.collect::<Vec<u32>>()
    };
    until("it runs", || pids().len() == 1).await;
    signal(pids()[0], "KILL");
    let killed = Instant::now();
    until("it runs again", || pids().len() == 2).await;
    // Nobody else gives a process up before three seconds have passed.
    let gone = killed.elapsed();
    assert!(gone < Duration::from_millis(2_500), "{gone:?}");
    println!("it runs again after {gone:?}");
    long.await.expect("no panic").expect("it is answered");
    assert_eq!(pids().len(), 2);
    let _ = std::fs::remove_file(file);
}

#[tokio::test]
async fn a_job_that_ends_its_process_is_dead_after_three_and_others_are_not_blamed() {
    a_poison_is_found("abort").await;
}

#[tokio::test]
async fn a_job_that_overflows_the_stack_is_found_like_any_other() {
    a_poison_is_found("overflow").await;
}

#[tokio::test]
async fn a_job_that_takes_all_memory_is_found_like_any_other() {
    a_poison_is_found("memory").await;
}

/// The size of the address space of a server that may not take all memory. One that idles has a fourth of it.
const MEMORY: u64 = 4 << 30;

/// Watches the jobs that are suspects. Returns the largest number of strikes of those that grind, until it is told to stop.
fn watch_strikes(redis: &Redis, is_over: &Arc<AtomicBool>) -> JoinHandle<u32> {
    let (redis, is_over) = (redis.port, Arc::clone(is_over));
    tokio::task::spawn_blocking(move || {
        let mut most = 0;
        while !is_over.load(Ordering::Relaxed) {
            let suspects = ask_at(redis, "LRANGE {pysoa:service.mill}.suspect 0 -1");
            for suspect in suspects.split("soa-job/1 ").skip(1) {
                let strikes = suspect.split_once("strikes=").expect("it has a header").1;
                let strikes = strikes.split(';').next().and_then(|text| text.parse().ok());
                if suspect.contains("grind") {
                    most = strikes.unwrap_or(u32::MAX).max(most);
                }
            }
            std::thread::sleep(Duration::from_millis(5));
        }
        most
    })
}

async fn a_poison_is_found(how: &str) {
    let redis = Redis::start();
    let (client, file) = (client(&redis), fresh_file("runs"));
    let address = redis.address();
    let (memory, mill_path) = (format!("--as={MEMORY}"), env!("CARGO_BIN_EXE_mill"));
    let mut limits = vec![&*memory, mill_path, "--set", "server.respawn_limits=[]"];
    limits.extend(["serve", "--fork", "2", "--redis", &address]);
    let _process = Process::start(&mut program("prlimit", &limits));
    let is_over = Arc::new(AtomicBool::new(false));
    let strikes = watch_strikes(&redis, &is_over);
    let innocent: Vec<Call> = (0..20)
        .map(|number| call(&client, "grind", &file, &format!("{number}"), 300))
        .collect();
    let sold: Vec<Call> = (0..10)
        .map(|number| call(&client, "sell", &file, &format!("sold-{number}"), 300))
        .collect();
    let burned = fresh_file("burned");
    let path = burned.to_str().expect("it is text");
    let body = value!({ "file": (path), "how": (how) });
    let error = client.call_action("mill", "burn", &body).await;
    let error = error.expect_err("it cannot be answered");
    assert_eq!(error_of(&error), code::SERVER_ERROR, "{error}");
    assert_eq!(runs(&burned).get("burn"), Some(&3));
    for call in innocent {
        call.await.expect("no panic").expect("it is answered");
    }
    is_over.store(true, Ordering::Relaxed);
    let strikes = strikes.await.expect("no panic");
    assert!(strikes <= 1, "an innocent job has {strikes} strikes");
    for (number, call) in sold.into_iter().enumerate() {
        let outcome = call.await.expect("no panic");
        let count = runs(&file).get(&format!("sold-{number}")).copied();
        match outcome {
            Ok(_) => assert_eq!(count, Some(1)),
            Err(error) => {
                assert_eq!(error_of(&error), code::OUTCOME_UNKNOWN, "{error}");
                assert!(count.unwrap_or(0) <= 1, "it must not run twice");
            }
        }
    }
    let run = |arguments: &[&str]| {
        let mut all = arguments.to_vec();
        all.extend(["--redis", &address]);
        outcome(&mill(&all).output().expect("the binary starts"))
    };
    let (code, listed, log) = run(&["dead", "list"]);
    assert_eq!(code, Some(0), "{log}");
    assert_eq!(listed.lines().count(), 1, "{listed}");
    assert!(listed.contains("poison  3 attempts  burn"), "{listed}");
    let id = listed.split(' ').next().expect("there is one");
    let (_, shown, _) = run(&["dead", "show", &id[..8]]);
    assert!(
        shown.contains("strikes   3") && shown.contains(id),
        "{shown}"
    );
    assert_eq!(run(&["dead", "drop"]).0, Some(2), "which?");
    assert_eq!(
        run(&["dead", "drop", "--action", "burn"]).1.trim(),
        "1 dropped"
    );
    assert_eq!(run(&["dead", "list"]).1.trim(), "there are no dead letters");
    let _ = (std::fs::remove_file(file), std::fs::remove_file(burned));
}

#[tokio::test]
async fn a_process_that_hangs_is_given_up_and_answers_nothing_when_it_goes_on() {
    let redis = Redis::start();
    let (client, file) = (client(&redis), fresh_file("runs"));
    let hung = serve(&redis, &[]);
    let job = call(&client, "grind", &file, "grind", 400);
    until("it runs", || runs(&file).contains_key("grind")).await;
    hung.signal("STOP");
    let _other = serve(&redis, &[]);
    job.await.expect("no panic").expect("the other one answers");
    assert_eq!(runs(&file).get("grind"), Some(&2));
    hung.signal("CONT");
    wait_for("it hears of it", || {
        hung.log().contains("was given up for dead").then_some(())
    });
    // It goes on under a new name.
    for number in 0..20 {
        let id = format!("later-{number}");
        call(&client, "grind", &file, &id, 0)
            .await
            .expect("no panic")
            .expect("it is answered");
    }
    let _ = std::fs::remove_file(file);
}

#[tokio::test]
async fn a_handler_that_blocks_the_only_thread_is_not_given_up() {
    let redis = Redis::start();
    let (client, file) = (client(&redis), fresh_file("runs"));
    let blocked = serve(&redis, &["--set", "server.watchdog.exit_after=0s"]);
    let path = file.to_str().expect("it is text");
    let body = value!({ "file": (path), "how": "block" });
    let job = tokio::spawn(client.call_action("mill", "burn", &body).into_future());
    until("it runs", || runs(&file).contains_key("burn")).await;
    let other = serve(&redis, &[]);
    job.await.expect("no panic").expect("it is answered");
    assert_eq!(runs(&file).get("burn"), Some(&1));
    assert_eq!(other.count("given up") + blocked.count("given up"), 0);
    let _ = std::fs::remove_file(file);
}

/// Processes that are stopped see no sign of life of each other. Only one that has watched for a whole lease knows more.
#[tokio::test]
async fn observers_that_were_stopped_give_nobody_up() {
    let redis = Redis::start();
    let (client, file) = (client(&redis), fresh_file("runs"));
    let [lease, gone_after] =
        ["lease=3s", "gone_after=1s"].map(|setting| format!("server.transport.redis.{setting}"));
    let times = ["--set", &*lease, "--set", &*gone_after];
    let steady = serve(&redis, &times);
    let job = call(&client, "sell", &file, "sold", 10_000);
    until("it runs", || runs(&file).contains_key("sold")).await;
    let observer = serve(&redis, &times);
    let given_up = || redis.ask("ZCARD {pysoa:service.mill}.burnt");
    observer.signal("STOP");
    // It is given up itself, so a lease is over.
    until("a lease is over", || given_up().contains(":1")).await;
    observer.signal("CONT");
    wait_for("it hears of it", || {
        observer
            .log()
            .contains("was given up for dead")
            .then_some(())
    });
    let all = [&steady, &observer];
    all.iter().for_each(|process| process.signal("STOP"));
    tokio::time::sleep(Duration::from_secs(4)).await;
    all.iter().for_each(|process| process.signal("CONT"));
    job.await.expect("no panic").expect("it is answered");
    assert_eq!(runs(&file).get("sold"), Some(&1));
    assert!(given_up().contains(":1"), "{}", given_up());
    assert_eq!(steady.count("was given up for dead"), 0);
    let _ = std::fs::remove_file(file);
}

#[tokio::test]
async fn two_jobs_that_end_their_processes_are_both_found() {
    let redis = Redis::start();
    let (client, file) = (client(&redis), fresh_file("runs"));
    let address = redis.address();
    let arguments = ["--set", "server.respawn_limits=[]", "serve", "--fork", "2"];
    let mut command = mill(&arguments);
    let _process = Process::start(command.args(["--redis", &address]));
    let innocent: Vec<Call> = (0..20)
        .map(|number| call(&client, "grind", &file, &format!("{number}"), 300))
        .collect();
    let files = ["burned-one", "burned-two"].map(fresh_file);
    let burns = files.each_ref().map(|file| {
        let path = file.to_str().expect("it is text");
        let body = value!({ "file": (path), "how": "abort" });
        tokio::spawn(client.call_action("mill", "burn", &body).into_future())
    });
    for burn in burns {
        let error = burn.await.expect("no panic").expect_err("it is poison");
        assert_eq!(error_of(&error), code::SERVER_ERROR, "{error}");
    }
    for file in &files {
        // The first crash may come before the other one of them has begun.
        let burned = runs(file).get("burn").copied();
        assert!(matches!(burned, Some(2 | 3)), "{burned:?}");
        let _ = std::fs::remove_file(file);
    }
    for call in innocent {
        call.await.expect("no panic").expect("it is answered");
    }
    let command = ["dead", "list", "--redis", &address];
    let (_, listed, log) = outcome(&mill(&command).output().expect("the binary starts"));
    let poison = listed.matches("poison  3 attempts  burn").count();
    assert_eq!((poison, listed.lines().count()), (2, 2), "{listed}{log}");
    let _ = std::fs::remove_file(file);
}
