//! Rolling restarts: each instance in turn stops and comes back, while all are called.

use crate::agent::Agent;
use crate::load::Load;
use crate::support::{Instance, until_passing};

async fn restarts(count: usize) {
    let agent = Agent::start();
    let mut instances: Vec<Instance> = (0..3).map(|_| Instance::start(&agent, 0)).collect();
    let ports = |instances: &[Instance]| instances.iter().map(|one| one.port).collect::<Vec<_>>();
    until_passing(&agent, &ports(&instances)).await;
    let load = Load::start(&agent, &["dispatch-json", "rest"]);
    load.goes_on(200).await;
    for _ in 0..count {
        instances.remove(0).stop().await;
        instances.push(Instance::start(&agent, 0));
        until_passing(&agent, &ports(&instances)).await;
    }
    load.goes_on(200).await;
    load.stop().await.is_flawless();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn five_rolling_restarts_lose_no_call() {
    restarts(5).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
#[ignore = "the long form of the test above"]
async fn twenty_rolling_restarts_lose_no_call() {
    restarts(20).await;
}
