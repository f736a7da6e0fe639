//! `soa watch`: what passes, without secrets, and no longer than somebody watches.

use std::process::Stdio;

use crate::processes::Redis;
use crate::python::reference_service;
use crate::services::{Worker, command, redis_cli};
use crate::support::{Run, outcome, soa_at, until};

/// Starts a watcher, and does something again and again until it has ended by itself.
fn watched(redis: &Redis, arguments: &[&str], mut again: impl FnMut()) -> Run {
    let address = redis.addresses();
    let mut all = arguments.to_vec();
    all.extend(["--redis", &address]);
    let mut watcher = command(&all);
    let watcher = watcher.stdout(Stdio::piped()).stderr(Stdio::piped());
    let watcher = watcher.spawn().unwrap();
    let done = std::thread::spawn(move || outcome(&watcher.wait_with_output().unwrap()));
    until("the watcher has seen one", || {
        again();
        done.is_finished()
    });
    done.join().unwrap()
}

fn is_ordered(redis: &Redis) -> bool {
    redis_cli(redis, &["EXISTS", "{pysoa:service.example}.watch"]) == "1"
}

async fn example(redis: &Redis) -> Worker {
    let worker = Worker::example(redis, "example");
    until("it tells", || {
        let workers = soa_at(redis, &["workers", "--json"]).ok().json();
        workers["workers"].as_array().unwrap().len() == 1
    });
    worker
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn requests_and_answers_are_shown_while_somebody_watches() {
    let redis = Redis::start();
    let _worker = example(&redis).await;
    let call = |target: &str, body: &str| soa_at(&redis, &["call", target, body, "--raw"]);
    let arguments = ["watch", "example.echo", "--count", "1", "--json"];
    let run = watched(&redis, &arguments, || {
        call("example.echo", "{title: Nemesis, password: secret}").ok();
        call("example.square", "number: 2").ok();
    });
    let run = run.ok();
    let sample: serde_json::Value = serde_json::from_str(run.out.trim()).unwrap();
    assert_eq!(sample["action"], "echo", "{sample}");
    assert_eq!(sample["caller"], "soa", "{sample}");
    for body in ["request", "response"] {
        let told = sample[body].as_str().unwrap();
        assert!(told.contains("Nemesis"), "{sample}");
    }
    assert!(!run.out.contains("secret"), "{}", run.out);
    assert!(!is_ordered(&redis));
    // What fails is shown with its errors, and has the name of its action, too.
    let run = watched(&redis, &["watch", "example", "--count", "1"], || {
        call("example.square", "number: many");
    });
    let run = run.ok();
    assert!(run.out.contains(" square from soa in "), "{}", run.out);
    assert!(run.out.contains("← INVALID: "), "{}", run.out);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn one_watches_at_a_time_and_workers_stop_when_the_watcher_is_gone() {
    let redis = Redis::start();
    let _worker = example(&redis).await;
    let address = redis.addresses();
    let mut first = command(&["watch", "example", "--redis", &address])
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .spawn()
        .unwrap();
    until("it has left its order", || is_ordered(&redis));
    let run = soa_at(&redis, &["watch", "example"]);
    assert_eq!(run.code, Some(1), "{}", run.out);
    assert!(
        run.errors.contains("somebody else watches `example`"),
        "{}",
        run.errors
    );
    first.kill().unwrap();
    first.wait().unwrap();
    until("its order expires", || !is_ordered(&redis));
    let samples = || redis_cli(&redis, &["KEYS", "{pysoa:service.example}.watched.*"]);
    until("nobody samples any more", || {
        soa_at(&redis, &["call", "example.square", "number: 2", "--raw"]).ok();
        std::thread::sleep(std::time::Duration::from_millis(400));
        samples().is_empty()
    });
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn calls_of_a_python_service_are_shown_by_redis_itself_if_that_is_asked_for() {
    let redis = Redis::start();
    let _python = reference_service(&redis, "python");
    until("python answers", || {
        soa_at(&redis, &["status", "python"]).code == Some(0)
    });
    let run = soa_at(&redis, &["watch", "python"]);
    assert_eq!(run.code, Some(1), "{}", run.errors);
    assert!(run.errors.contains("`--monitor`"), "{}", run.errors);
    let arguments = [
        "watch",
        "python.status",
        "--monitor",
        "--count",
        "1",
        "--json",
    ];
    let run = watched(&redis, &arguments, || {
        soa_at(&redis, &["status", "python"]).ok();
    });
    let run = run.ok();
    assert!(
        run.errors.contains("can halve what it does in a second"),
        "{}",
        run.errors
    );
    let sample: serde_json::Value = serde_json::from_str(run.out.trim()).unwrap();
    assert_eq!(
        (&sample["action"], &sample["caller"]),
        (&"status".into(), &"soa".into())
    );
    assert!(
        sample["response"].as_str().unwrap().contains("1.4.9"),
        "{sample}"
    );
    assert!(sample["took_seconds"].as_f64().unwrap() > 0.0, "{sample}");
}

#[test]
fn a_service_whose_workers_tell_nothing_cannot_be_watched() {
    let redis = Redis::start();
    let run = soa_at(&redis, &["watch", "books"]);
    assert_eq!(run.code, Some(1), "{}", run.errors);
    assert!(
        run.errors.contains("no worker of `books` tells a record"),
        "{}",
        run.errors
    );
}
