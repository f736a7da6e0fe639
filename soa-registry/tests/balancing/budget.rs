//! The budget of repeats.

use std::time::Duration;

use soa_registry::RoundRobin;

use crate::support::{Mode, World, buy, client, look};

#[tokio::test(start_paused = true)]
async fn an_outage_gets_a_tenth_more_requests_that_were_sent() {
    let world = World::default();
    let hosts = [
        world.start("a").await,
        world.start("b").await,
        world.start("c").await,
    ];
    for host in &hosts {
        host.set(Mode::Breaks);
    }
    let client = client(&world.discovery().selector(RoundRobin::new));
    // 20 s, with 500 calls in each.
    for _ in 0..100 {
        let calls = (0..100).map(|_| look(&client));
        let failed = futures_util::future::join_all(calls).await;
        assert!(failed.iter().all(Result::is_err));
        tokio::time::sleep(Duration::from_millis(200)).await;
    }
    let sent: usize = hosts.iter().map(|host| host.calls()).sum();
    // 10,000 calls, a tenth of them, and 10 a second that were saved before and during 20 s.
    assert!((11_000..=11_400).contains(&sent), "{sent}");
}

#[tokio::test(start_paused = true)]
async fn attempts_that_were_never_sent_cost_nothing() {
    let world = World::default();
    let mut hosts = Vec::new();
    for n in 0..50 {
        hosts.push(world.start(&n.to_string()).await);
    }
    for host in hosts.iter().skip(1) {
        host.set(Mode::Refuses);
    }
    let client = client(&world.discovery().selector(RoundRobin::new));
    for _ in 0..30 {
        buy(&client).await.unwrap();
        // All of them are tried again.
        tokio::time::sleep(Duration::from_secs(61)).await;
    }
    assert_eq!(hosts[0].runs(), 30);
    let refused: usize = hosts.iter().skip(1).map(|host| host.calls()).sum();
    assert!(refused > 300, "{refused}");
}
