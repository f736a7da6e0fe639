//! A registry that hangs, or that comes back empty, costs no call.

use std::time::Duration;

use crate::agent::Agent;
use crate::load::Load;
use crate::support::{Instance, until_passing};

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_consul_that_hangs_for_a_minute_costs_no_call() {
    let agent = Agent::start();
    let (first, second) = (Instance::start(&agent, 0), Instance::start(&agent, 0));
    until_passing(&agent, &[first.port, second.port]).await;
    let load = Load::start(&agent, &["dispatch-json", "rest"]);
    load.goes_on(200).await;
    agent.signal("STOP");
    // The time is what is tested.
    tokio::time::sleep(Duration::from_secs(60)).await;
    agent.signal("CONT");
    load.goes_on(200).await;
    load.stop().await.is_flawless();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_consul_that_is_killed_and_comes_back_empty_costs_no_call() {
    let mut agent = Agent::start();
    let (first, second) = (Instance::start(&agent, 0), Instance::start(&agent, 0));
    until_passing(&agent, &[first.port, second.port]).await;
    let load = Load::start(&agent, &["dispatch-json", "rest"]);
    load.goes_on(200).await;
    agent.kill();
    load.goes_on(400).await;
    agent.start_again();
    // The instances make themselves known again.
    until_passing(&agent, &[first.port, second.port]).await;
    load.goes_on(200).await;
    load.stop().await.is_flawless();
}
