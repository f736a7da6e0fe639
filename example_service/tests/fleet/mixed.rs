//! Both languages on both sides, while instances are killed.

use std::time::Duration;

use crate::agent::Agent;
use crate::load::{Kind, Load, call, client};
use crate::support::{Instance, PythonCaller, PythonInstance, until, until_passing};

const CHANNELS: [&str; 4] = [
    "dispatch-json",
    "dispatch-msgpack",
    "dispatch-protobuf",
    "rest",
];

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn of_a_mixed_fleet_two_instances_are_killed_under_load_and_no_idempotent_call_fails() {
    let agent = Agent::start();
    let (first, second, third) = (
        Instance::start(&agent, 0),
        Instance::start(&agent, 0),
        Instance::start(&agent, 0),
    );
    let python = PythonInstance::start(&agent);
    until_passing(&agent, &[first.port, second.port, third.port, python.port]).await;

    let load = Load::start(&agent, &CHANNELS);
    load.goes_on(1000).await;
    let (one, other) = (first.port, second.port);
    first.kill();
    load.goes_on(500).await;
    second.kill();
    load.goes_on(500).await;
    until_passing(&agent, &[third.port, python.port]).await;
    // One is back at its port, and one at another.
    let back = Instance::start(&agent, one);
    let elsewhere = Instance::start(&agent, 0);
    assert_ne!(elsewhere.port, other);
    until_passing(
        &agent,
        &[third.port, python.port, back.port, elsewhere.port],
    )
    .await;
    load.goes_on(1000).await;
    let outcome = load.stop().await;
    outcome.is_told();
    eprintln!(
        "{} of {} calls were lost with their connections",
        outcome.failed(),
        outcome.calls
    );
}

/// A caller in Python finds a component in Rust by each channel. When its instance is lost, its channel is dead for good: that
/// is the reference, which keeps the address of one instance for each channel, and forgets it for ever when it is gone. A
/// caller in Rust goes on.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_caller_in_python_finds_a_component_in_rust_and_loses_its_channel_with_the_instance() {
    let agent = Agent::start();
    let instance = Instance::start(&agent, 0);
    until_passing(&agent, &[instance.port]).await;
    let callers: Vec<PythonCaller> = CHANNELS
        .iter()
        .map(|channel| PythonCaller::start(&agent, channel))
        .collect();
    for caller in &callers {
        caller.until("ok").await;
    }
    let ours = client(&agent, "dispatch-json");
    call(&ours, "dispatch-json", Kind::Once).await.unwrap();

    instance.kill();
    for caller in &callers {
        caller.until("failed").await;
    }
    let back = Instance::start(&agent, 0);
    until_passing(&agent, &[back.port]).await;
    // In Rust, the next call finds the new instance.
    let mut calls = 0;
    loop {
        calls += 1;
        match call(&ours, "dispatch-json", Kind::Idempotent).await {
            Ok(()) => break,
            Err(error) => assert!(calls < 600, "{error:?}"),
        }
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    for caller in &callers {
        drop(caller.outcomes());
        let mut seen = 0;
        until("the reference calls on", || {
            let outcomes = caller.outcomes();
            assert!(
                outcomes.iter().all(|outcome| outcome.starts_with("failed")),
                "{outcomes:?}"
            );
            seen += outcomes.len();
            seen > 20
        })
        .await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_caller_in_rust_finds_a_component_in_python_by_every_channel() {
    let agent = Agent::start();
    let python = PythonInstance::start(&agent);
    until_passing(&agent, &[python.port]).await;
    for channel in CHANNELS {
        let client = client(&agent, channel);
        call(&client, channel, Kind::Once).await.unwrap();
        call(&client, channel, Kind::Idempotent).await.unwrap();
    }
}
