//! What one call takes besides allocations: system calls, and copies of its contents; and all of it among many calls at once.
//!
//! The numbers are what was counted: a change that needs more of them says so here. Those of small copies are of a build without
//! optimization, and only tell that they grow. How often the contents of a large body are copied is the same in every build.

use soa::transport::Delivery;
use tokio::runtime::Runtime;

use crate::allocator::allocations_of;
use crate::squares::{Squares, SquaresClient, Text, calls, over_redis, runtime};
use crate::system::work_of;

/// Calls that are counted.
const CALLS: usize = 100;

/// The size of a large body. It is less than that of the largest request.
const LARGE: usize = 80_000;

/// The least system calls of a call. More of them only wait longer, as answers come one by one or together.
fn system_calls(delivery: Delivery) -> usize {
    over_redis(delivery, |runtime, client| {
        let counts = (0..CALLS).map(|_| work_of(|| runtime.block_on(calls(client, 1))).0.calls);
        counts.min().unwrap()
    })
}

/// How often the contents of a large body are copied on their way there and back.
fn copies(runtime: &Runtime, client: &SquaresClient) -> usize {
    let text = "x".repeat(LARGE);
    let counts = (0..20).map(|_| {
        let request = Text { text: text.clone() };
        let (work, answer) = work_of(|| runtime.block_on(async { client.echo(request).await }));
        assert_eq!(answer.unwrap().text, text);
        work.copied / LARGE
    });
    counts.min().unwrap()
}

/// What one of 64 calls at once takes on average: allocations, hundredths of system calls, and bytes copied. The best round
/// counts, as it depends on the moment how many calls travel together; there are no more of them than it takes.
fn among_many(limits: [usize; 3]) -> [usize; 3] {
    let is_within = |counts: &[usize; 3]| {
        counts
            .iter()
            .zip(limits)
            .all(|(count, limit)| *count <= limit)
    };
    over_redis(Delivery::AtMostOnce, |runtime, client| {
        let mut best = [usize::MAX; 3];
        for _ in 0..50 {
            let all = async {
                let callers = (0..64).map(|_| calls(client, 50));
                futures_util::future::join_all(callers).await;
            };
            let (allocations, (work, ())) = allocations_of(|| work_of(|| runtime.block_on(all)));
            let round = [allocations, work.calls * 100, work.copied];
            let round = round.map(|count| count / (64 * 50));
            best = std::array::from_fn(|at| best[at].min(round[at]));
            if is_within(&best) {
                break;
            }
        }
        best
    })
}

#[test]
fn a_call_over_redis_takes_so_many_system_calls_of_both_sides_together() {
    // Fewer where Redis is quick enough for two answers to be read at once.
    for delivery in [Delivery::AtMostOnce, Delivery::Auto] {
        let count = system_calls(delivery);
        assert!(count <= 15, "{count}");
    }
}

#[test]
fn a_large_body_is_copied_so_often_on_its_way_there_and_back() {
    let (runtime, client) = (runtime(), SquaresClient::local(Squares));
    assert_eq!(copies(&runtime, &client), 6);
    // One less where an answer comes in one piece.
    for delivery in [Delivery::AtMostOnce, Delivery::Auto] {
        let count = over_redis(delivery, copies);
        assert!(count <= 13, "{count}");
    }
}

#[test]
fn among_64_callers_a_call_takes_no_more_than_this() {
    // What was counted, with a fifth of room.
    let limits = [34, 52, 131_000].map(|count| count + count / 5);
    let counted = among_many(limits);
    for (count, limit) in counted.into_iter().zip(limits) {
        assert!(count <= limit, "{counted:?}, {limits:?}");
    }
}
