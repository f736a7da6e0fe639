//! Agents that are killed, hang, or have forgotten everything.

use std::time::Duration;

use tokio::time::Instant;

use crate::agent::Agent;
use crate::fake::Fake;
use crate::support::{
    consul, follow, keep, keep_log, lines, ports, until, until_listed, until_ports,
};

#[tokio::test(flavor = "multi_thread")]
async fn an_agent_that_was_restarted_empty_knows_the_instance_again() {
    keep_log();
    let mut agent = Agent::start();
    let registry = consul(&agent);
    let (_directory, shop) = follow(&registry);
    let instance = Fake::healthy();
    let keeper = keep(&registry, instance.port);
    until_ports(&shop, &[instance.port]).await;
    let first = shop.listing().unwrap();
    shop.note_answer();
    agent.kill();
    until("the caller knows", || shop.trouble().is_some()).await;
    agent.start_again();
    // Meanwhile the agent lists nobody, and nobody sees it.
    let begin = Instant::now();
    until("the registry lists it again", || {
        shop.note_answer();
        assert_eq!(ports(&shop), Some(vec![instance.port]));
        shop.trouble().is_none() && keeper.is_registered()
    })
    .await;
    until_listed(&registry, 1).await;
    assert!(begin.elapsed() < Duration::from_secs(30));
    assert!(std::sync::Arc::ptr_eq(&first, &shop.listing().unwrap()));
    let forgotten = lines(&format!("has forgotten `127.0.0.1:{}:shop`", instance.port));
    assert_eq!(forgotten.len(), 1, "{forgotten:?}");
    // The caller sees changes of the new agent.
    let other = Fake::healthy();
    let _other = keep(&registry, other.port);
    until_ports(&shop, &[instance.port, other.port]).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn callers_keep_the_last_list_of_an_agent_that_was_killed() {
    keep_log();
    let mut agent = Agent::start();
    let registry = consul(&agent);
    let (directory, shop) = follow(&registry);
    let instance = Fake::healthy();
    let keeper = keep(&registry, instance.port);
    until_ports(&shop, &[instance.port]).await;
    let url = agent.url();
    agent.kill();
    until("both know", || {
        shop.trouble().is_some() && keeper.trouble().is_some()
    })
    .await;
    assert_eq!(ports(&shop), Some(vec![instance.port]));
    let trouble = shop.trouble().unwrap();
    assert!(
        trouble.starts_with(&format!(
            "the registry {url} cannot be asked: the agent does not answer"
        )),
        "{trouble}"
    );
    assert_eq!(directory.troubles().len(), 1);
    // Somebody who asks for the first time gets an error at once.
    let begin = Instant::now();
    let fresh = directory.follow("other");
    let error = fresh.first().await.unwrap_err().to_string();
    assert!(error.contains("Connection refused"), "{error}");
    assert!(begin.elapsed() < Duration::from_secs(2));
    agent.start_again();
    until("both are well", || {
        shop.note_answer();
        shop.trouble().is_none() && keeper.trouble().is_none()
    })
    .await;
    fresh.first().await.unwrap();
    let about = |level: &str| {
        let lines = lines(&url);
        let lines = lines.iter().filter(|line| line.starts_with(level));
        lines.filter(|line| line.contains("`shop`")).count()
    };
    // One of the caller, one of the server; and perhaps one of the empty list.
    assert!((2..=3).contains(&about("WARN")), "{:?}", lines(&url));
}

#[tokio::test(flavor = "multi_thread")]
async fn an_agent_that_hangs_costs_no_list_and_holds_up_no_stop() {
    let agent = Agent::start();
    let registry = consul(&agent);
    let (directory, shop) = follow(&registry);
    let instance = Fake::healthy();
    let keeper = keep(&registry, instance.port);
    until_ports(&shop, &[instance.port]).await;
    agent.signal("STOP");
    let begin = Instant::now();
    let error = directory.follow("other").first().await.unwrap_err();
    assert!(error.to_string().contains("does not answer within 5 s"));
    assert!(begin.elapsed() < Duration::from_secs(8));
    until("the server knows", || keeper.trouble().is_some()).await;
    assert_eq!(ports(&shop), Some(vec![instance.port]));
    let begin = Instant::now();
    keeper.stop().await;
    assert!(begin.elapsed() < Duration::from_millis(2500));
    agent.signal("CONT");
    let other = Fake::healthy();
    let _other = keep(&registry, other.port);
    until("the other is known, too", || {
        ports(&shop).is_some_and(|ports| ports.contains(&other.port))
    })
    .await;
}
