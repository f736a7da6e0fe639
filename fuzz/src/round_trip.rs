//! The number of allocations that one call takes, from the typed client to its answer: in one process, and over a Redis, with
//! client and server on one thread. The commands that Redis runs for it are counted by a test of `soa-redis`.
//!
//! The numbers are what was counted: a change that needs more of them says so here.

use soa::transport::Delivery;
use tokio::runtime::Runtime;

use crate::allocator::allocations_of;
use crate::squares::{Squares, SquaresClient, calls, over_redis, runtime};

/// Calls that are counted.
const CALLS: usize = 100;

/// Counts the allocations of a call. Those that only some calls make, as for a buffer that grows, are left out.
fn allocations(runtime: &Runtime, client: &SquaresClient) -> usize {
    // Connections and maps are made for the first calls.
    runtime.block_on(calls(client, CALLS));
    let (count, ()) = allocations_of(|| runtime.block_on(calls(client, CALLS)));
    count / CALLS
}

#[test]
fn a_call_in_one_process_takes_ten_allocations() {
    let (runtime, client) = (runtime(), SquaresClient::local(Squares));
    assert_eq!(allocations(&runtime, &client), 10);
}

#[test]
fn a_call_over_redis_takes_so_many_allocations_on_both_sides_together() {
    let count = over_redis(Delivery::AtMostOnce, allocations);
    assert!(count <= 88, "{count}");
}

#[test]
fn a_call_that_is_held_takes_two_fifths_more() {
    let count = over_redis(Delivery::Auto, allocations);
    assert!(count <= 123, "{count}");
}
