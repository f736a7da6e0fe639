//! An allocator that counts, for the tests of memory and of allocations.
//!
//! It is here and not in the workspace, because the workspace forbids `unsafe`, which an allocator needs. Run the tests with
//! `cargo test --lib --features http,redis` in this folder.

use std::alloc::{GlobalAlloc, Layout, System};
use std::cell::Cell;

struct Counting;

/// Allocations of a thread. Tests run side by side, each in a thread.
#[derive(Clone, Copy)]
struct Counts {
    /// Bytes in use.
    used: usize,
    /// The most bytes in use so far.
    peak: usize,
    /// The number of allocations; one that grows in place counts again.
    allocations: usize,
}

thread_local! {
    static COUNTS: Cell<Counts> = const { Cell::new(Counts { used: 0, peak: 0, allocations: 0 }) };
}

fn count(change: impl FnOnce(&mut Counts)) {
    // At the end of a thread there is nothing left to count with.
    let _ = COUNTS.try_with(|counts| {
        let mut now = counts.get();
        change(&mut now);
        now.peak = now.peak.max(now.used);
        counts.set(now);
    });
}

// SAFETY: everything is left to the system's allocator, arguments and results untouched.
unsafe impl GlobalAlloc for Counting {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        count(|counts| {
            counts.used += layout.size();
            counts.allocations += 1;
        });
        // SAFETY: the caller keeps the contract, which is the same.
        unsafe { System.alloc(layout) }
    }

    unsafe fn dealloc(&self, place: *mut u8, layout: Layout) {
        // What another thread allocated may end here.
        count(|counts| counts.used = counts.used.saturating_sub(layout.size()));
        // SAFETY: as above.
        unsafe { System.dealloc(place, layout) }
    }
}

#[global_allocator]
static COUNTING: Counting = Counting;

/// Runs the function; returns the most bytes that this thread had in use at once, beyond those before, and the result.
pub(crate) fn peak_of<T>(run: impl FnOnce() -> T) -> (usize, T) {
    let before = COUNTS.get().used;
    count(|counts| counts.peak = before);
    let result = run();
    (COUNTS.get().peak - before, result)
}

/// Runs the function; returns the number of allocations of this thread, and the result.
#[cfg(any(feature = "http", feature = "redis"))]
pub(crate) fn allocations_of<T>(run: impl FnOnce() -> T) -> (usize, T) {
    let before = COUNTS.get().allocations;
    let result = run();
    (COUNTS.get().allocations - before, result)
}
