//! The parts of dates and times that other crates have with other limits.

use crate::codec::RangeError;

/// Converts a year.
pub(super) fn year(year: i32) -> Result<u16, RangeError> {
    u16::try_from(year).map_err(|_| RangeError::new("a year is 1 to 9999"))
}

/// Drops everything below a microsecond.
pub(super) const fn micros_of_nanoseconds(nanoseconds: u32) -> u32 {
    nanoseconds / 1_000
}
