//! Limits of the size of messages.

use crate::wire::{FrameHead, ProtocolVersion, payload_size};

/// Limits of the size of messages, in bytes of the payload, without the head of its frame.
///
/// ```
/// # use soa_runtime as soa;
/// use soa::transport::MessageLimits;
///
/// let mut limits = MessageLimits::default();
/// limits.maximum = Some(256_000);
/// limits.logged = Some(100_000);
/// assert_eq!(limits.chunked, None);
/// ```
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct MessageLimits {
    /// Larger ones are not sent; `None` for any size.
    pub maximum: Option<usize>,
    /// Larger ones are logged; `None` for none.
    pub logged: Option<usize>,
    /// Larger ones are cut into pieces of this size, for clients of version 3; `None` for never.
    pub chunked: Option<usize>,
}

impl MessageLimits {
    #[doc(hidden)]
    pub fn new(maximum: usize, logged: usize) -> Self {
        let some = |size| (size > 0).then_some(size);
        Self {
            maximum: some(maximum),
            logged: some(logged),
            chunked: None,
        }
    }

    /// Adds the size above which messages are cut into pieces.
    #[doc(hidden)]
    pub fn chunked(mut self, size: Option<usize>) -> Self {
        self.chunked = size;
        self
    }

    /// Compares the payload of a frame with the limits. Only receivers of version 3 can put pieces together.
    #[doc(hidden)]
    pub fn fit(self, frame: &[u8]) -> Fit {
        let is_over = |size: usize, limit: Option<usize>| limit.is_some_and(|limit| size > limit);
        let limits = [self.maximum, self.logged, self.chunked];
        // Few frames are so large that their head has to be read again.
        if !limits.iter().any(|limit| is_over(frame.len(), *limit)) {
            return Fit::Small;
        }
        let size = payload_size(frame);
        let is_cut = is_over(size, self.chunked);
        let reads_pieces =
            || FrameHead::read(frame).is_ok_and(|head| head.version() == ProtocolVersion::V3);
        if is_over(size, self.maximum) || is_cut && !reads_pieces() {
            Fit::TooLarge(size)
        } else if is_over(size, self.logged) {
            Fit::Large(size)
        } else {
            Fit::Small
        }
    }
}

/// The result of comparing the payload of a frame with the limits. Nothing is logged or counted by the comparison.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Fit {
    /// It may be sent.
    Small,
    /// It may be sent, and its size is logged.
    Large(usize),
    /// It may not be sent.
    TooLarge(usize),
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn limits_count_the_payload_and_only_version_three_is_cut() {
        let frame = |head: &str, size: usize| [head.as_bytes(), &vec![b'x'; size]].concat();
        let limits = MessageLimits::new(300, 100);
        let v2 = |size| frame("content-type:application/msgpack;", size);
        assert_eq!(limits.fit(&v2(100)), Fit::Small);
        assert_eq!(limits.fit(&v2(101)), Fit::Large(101));
        assert_eq!(limits.fit(&v2(300)), Fit::Large(300));
        assert_eq!(limits.fit(&v2(301)), Fit::TooLarge(301));
        let limits = limits.chunked(Some(200));
        let v3 = |size| frame("pysoa-redis/3//content-type:application/msgpack;", size);
        assert_eq!(limits.fit(&v3(201)), Fit::Large(201));
        assert_eq!(limits.fit(&v2(201)), Fit::TooLarge(201));
        assert_eq!(MessageLimits::default().fit(&v2(1_000_000)), Fit::Small);
    }
}
