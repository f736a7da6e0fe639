//! The same test plans by PySOA's own runner, and by ours over Redis against either implementation.

use std::path::{Path, PathBuf};

use soa::middleware::{ClientStage, Next, from_fn};
use soa::testing::plan::{Plan, Subject};
use soa::{Client, ClientBuilder, RedisClientTransport, value};

use crate::processes::Redis;
use crate::python::{python_command, reference_service};

/// Those of `plan_service`, and those of the example service.
fn directories() -> [PathBuf; 2] {
    let crates = Path::new(env!("CARGO_MANIFEST_DIR"));
    ["tests/plans", "../example_service/tests/plans"].map(|directory| crates.join(directory))
}

fn plans(directory: &Path) -> Vec<Plan> {
    let files = std::fs::read_dir(directory)
        .unwrap()
        .map(|entry| entry.unwrap().path());
    let plans = files.filter(|file| {
        file.extension()
            .is_some_and(|extension| extension == "pysoa")
    });
    plans.map(|file| Plan::read(file).unwrap()).collect()
}

#[test]
fn the_runner_of_the_reference_runs_the_same_plans() {
    let [of_plan_service, of_example] = directories();
    let redis = Redis::start();
    let mut command = python_command(&redis);
    command.env("SOA_PLANS", &of_plan_service);
    command.env("SOA_EXAMPLE_PLANS", &of_example);
    // The pytest that PySOA goes with cannot rewrite assertions for later versions of Python.
    command.args([
        "-m",
        "pytest",
        "--assert=plain",
        "-p",
        "no:cacheprovider",
        "-q",
        "plans.py",
    ]);
    let output = command.output().expect("Python starts");
    let said = String::from_utf8_lossy(&output.stdout);
    let told = String::from_utf8_lossy(&output.stderr);
    let advice = "the runner fails; it needs `pysoa[test_plans]` and `freezegun`, as `./run-tests` installs them";
    assert!(output.status.success(), "{advice}\n{said}{told}");
    // `28 passed, 2 skipped in 1.2s`: not one is left out.
    let line = said.lines().last().unwrap_or_default();
    let counts = line
        .split(' ')
        .filter_map(|word| word.parse::<usize>().ok());
    let cases = [of_plan_service, of_example].map(|directory| {
        let plans = plans(&directory);
        plans.iter().map(|plan| plan.cases().len()).sum::<usize>()
    });
    assert_eq!(counts.sum::<usize>(), cases.iter().sum::<usize>(), "{line}");
}

#[tokio::test]
async fn plans_run_over_redis_against_either_implementation() {
    for serve in [super::our_service, reference_service] {
        let redis = Redis::start();
        let _service = serve(&redis, "example");
        let client = client_of_example(&redis).build().unwrap();
        let constants = value!({"numbers": {"small": 3, "text": "héllo"}});
        let subject = Subject::live(client, "example").constants(constants);
        let [_, directory] = directories();
        let plans = plans(&directory);
        let cases = plans.iter().flat_map(Plan::cases);
        let mut ran = 0;
        for case in cases.filter(|case| !case.is_local_only()) {
            case.run(&subject).await.unwrap();
            ran += 1;
        }
        assert!(ran >= 7, "{ran} cases ran");
    }
}

fn client_of_example(redis: &Redis) -> ClientBuilder {
    let settings = redis.addresses().parse().unwrap();
    let transport = RedisClientTransport::new("example", settings).unwrap();
    Client::builder().service("example", transport)
}

/// The same by the macro, against ours. Each case has processes of its own.
mod live {
    soa::test_plans!(
        "../example_service/tests/plans/*.pysoa",
        live = super::client_with_service(),
        name = "example",
        constants = {"numbers": {"small": 3, "text": "héllo"}},
    );
}

/// A client of a service, which ends with it.
fn client_with_service() -> Client {
    let redis = Redis::start();
    let service = super::our_service(&redis, "example");
    let client = client_of_example(&redis);
    let processes = (service, redis);
    let keep = from_fn(move |call, next: Next<ClientStage>| {
        let _processes = &processes;
        async move { next.run(call).await }
    });
    client.middleware(keep).build().unwrap()
}
