//! Limits that a peer cannot lift.

/// The greatest number of lists and maps that may be nested within each other, in either direction.
pub const MAX_DEPTH: usize = 128;

/// The number of elements for which memory is reserved on the word of a header alone.
///
/// A peer can announce billions of elements, once on each level of nesting.
pub(super) const MAX_RESERVED: usize = 256;
