//! Many callers, while instances vanish and come back.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::time::Duration;

use soa_runtime::ClientError;

use crate::support::{Mode, World, buy, look};

/// Ends an instance in one of several ways, and starts it again.
async fn shake(world: &World, name: &str, way: usize) {
    let pause = || tokio::time::sleep(Duration::from_millis(40));
    match way % 4 {
        // It is killed, and comes back at the same address.
        0 => {
            world.kill(name);
            pause().await;
            world.start_quietly(name);
        }
        // It is killed, found out by the registry, and back later.
        1 => {
            world.kill(name);
            pause().await;
            world.deregister(name).await;
            pause().await;
            world.start(name).await;
        }
        // It leaves in good order.
        2 => {
            world.deregister(name).await;
            pause().await;
            world.kill(name);
            pause().await;
            world.start(name).await;
        }
        // Its connections break, with jobs that have run.
        _ => {
            let host = world.start_quietly(name);
            host.set(Mode::BreaksAfterwards);
            tokio::time::sleep(Duration::from_millis(2)).await;
            host.set(Mode::Serves);
        }
    }
    pause().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn no_idempotent_call_fails_while_instances_vanish_and_come_back() {
    let world = World::default();
    for name in ["a", "b", "c", "d"] {
        world.start(name).await;
    }
    let client = world.client();
    let is_over = Arc::new(AtomicBool::new(false));
    let done = Arc::new(AtomicUsize::new(0));
    let callers: Vec<_> = (0..64)
        .map(|_| {
            let (client, is_over, done) = (client.clone(), Arc::clone(&is_over), Arc::clone(&done));
            tokio::spawn(async move {
                while !is_over.load(Ordering::Relaxed) {
                    look(&client).await?;
                    done.fetch_add(1, Ordering::Relaxed);
                    tokio::time::sleep(Duration::from_millis(1)).await;
                }
                Ok::<_, ClientError>(())
            })
        })
        .collect();
    for round in 0..24 {
        let name = ["a", "b", "c"][round % 3];
        shake(&world, name, round / 3).await;
    }
    is_over.store(true, Ordering::Relaxed);
    for caller in callers {
        caller.await.unwrap().unwrap();
    }
    assert!(done.load(Ordering::Relaxed) > 1000, "{done:?}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_call_that_is_not_idempotent_runs_once_or_is_told_as_lost() {
    let world = World::default();
    let hosts = [
        world.start("a").await,
        world.start("b").await,
        world.start("c").await,
    ];
    let client = world.client();
    let modes = [
        Mode::Refuses,
        Mode::Serves,
        Mode::BreaksAfterwards,
        Mode::Serves,
        Mode::Breaks,
        Mode::Serves,
    ];
    let shaking = async {
        for round in 0..120 {
            hosts[round % 2].set(modes[round % modes.len()]);
            tokio::time::sleep(Duration::from_millis(2)).await;
        }
    };
    let callers = (0..64).map(|_| {
        let client = client.clone();
        tokio::spawn(async move {
            let (mut answered, mut lost) = (0, 0);
            for _ in 0..40 {
                match buy(&client).await {
                    Ok(_) => answered += 1,
                    Err(error) => {
                        assert!(error.to_string().contains("connection reset"), "{error}");
                        lost += 1;
                    }
                }
                tokio::time::sleep(Duration::from_millis(4)).await;
            }
            (answered, lost)
        })
    });
    let callers: Vec<_> = callers.collect();
    shaking.await;
    let (mut answered, mut lost) = (0, 0);
    for caller in callers {
        let counts = caller.await.unwrap();
        answered += counts.0;
        lost += counts.1;
    }
    let runs: usize = hosts.iter().map(|host| host.runs()).sum();
    assert_eq!(answered + lost, 64 * 40);
    assert!(
        answered <= runs && runs <= answered + lost,
        "{runs} runs, {answered} answers, {lost} lost"
    );
}
