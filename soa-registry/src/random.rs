//! Random numbers for choices and pauses: cheap, one generator a thread, not for secrets.

use std::cell::Cell;
use std::hash::{BuildHasher as _, RandomState};

thread_local! {
    static STATE: Cell<u64> = Cell::new(RandomState::new().hash_one(0_u8));
}

/// Returns the next random number (SplitMix64).
pub(crate) fn next() -> u64 {
    STATE.with(|state| {
        let seed = state.get().wrapping_add(0x9e37_79b9_7f4a_7c15);
        state.set(seed);
        let mixed = (seed ^ (seed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        let mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        mixed ^ (mixed >> 31)
    })
}

/// Returns a random number below this one; 0 for 0.
pub(crate) fn below(end: usize) -> usize {
    // The upper half of a product of 64 and 64 bits: no division, and no number much more often than another.
    let product = u128::from(next()) * (end as u128);
    usize::try_from(product >> 64).unwrap_or(0)
}

/// Returns a random number from 0 to less than 1.
pub(crate) fn fraction() -> f64 {
    // 53 bits are what such a number holds.
    const STEPS: f64 = (1_u64 << 53) as f64;
    (next() >> 11) as f64 / STEPS
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_spread_over_their_range() {
        let mut counts = [0_u32; 10];
        for _ in 0..10_000 {
            counts[below(10)] += 1;
            assert!((0.0..1.0).contains(&fraction()));
        }
        assert!(
            counts.iter().all(|count| (800..1200).contains(count)),
            "{counts:?}"
        );
        assert_eq!((below(0), below(1)), (0, 0));
    }
}
