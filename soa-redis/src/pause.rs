//! Pauses between attempts.

use std::time::Duration;

/// Pause after this number of refusals: the schedule of the reference, with a random number below one.
pub(super) fn pause(refusals: u32, random: f64) -> Duration {
    let exponent = i32::try_from(refusals.min(16)).unwrap_or(16);
    Duration::from_secs_f64((2_f64.powi(exponent) + random) / 4.0)
}

/// Returns a number from zero to below one.
pub(super) fn random() -> f64 {
    let [byte, ..] = uuid::Uuid::new_v4().into_bytes();
    f64::from(byte) / 256.0
}
