//! Putting a chunked response together again.
//!
//! Servers of the reference cut a response that is too large into pieces, each a frame with `chunk-count` and
//! `chunk-id` (protocol, section 5), and push them one by one. Nothing in a piece but the first says which
//! response it belongs to, so pieces of two responses on one list cannot be told apart: then both are lost, and
//! told as such.

use std::time::{Duration, Instant};

use bytes::Bytes;

use super::frame::{FrameHead, ProtocolVersion};

/// How many pieces, and how many bytes, a response may have. A peer's header must not decide how much memory is
/// kept for it.
const MAX_PIECES: u64 = 4096;
const MAX_BYTES: usize = 64 * 1024 * 1024;

/// After so long, a response that is not whole will not become it.
const STALE: Duration = Duration::from_secs(5);

/// The response of one list that is being put together.
#[derive(Debug, Default)]
pub(crate) struct Assembly {
    open: Option<Open>,
}

#[derive(Debug)]
struct Open {
    /// The frame that is to come out: a head without chunk headers, and the payload as far as it is there.
    frame: Vec<u8>,
    count: u64,
    next: u64,
    since: Instant,
}

/// What became of a frame.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Assembled {
    /// A whole response, chunked or not.
    Whole(Bytes),
    /// A piece; more are to come.
    Partial,
    /// A piece that does not go on where the last one ended. What was there is lost.
    Lost(&'static str),
}

impl Assembly {
    /// Takes the next frame of the list.
    pub(crate) fn take(&mut self, frame: Bytes) -> Assembled {
        let head = match FrameHead::read(&frame) {
            Ok(head) if head.is_chunk() => head,
            // A whole response between pieces is no trouble: it is told apart by its head.
            _ => return Assembled::Whole(frame),
        };
        let (Some(count), Some(id)) = (head.chunk_count(), head.chunk_id()) else {
            return self.lose("a piece without its number");
        };
        if count == 0 || count > MAX_PIECES {
            return self.lose("a response of too many pieces");
        }
        let payload = frame.get(head.payload_start()..).unwrap_or_default();
        if id == 1 {
            // Pieces come back to back; one that has been alone for long is of a server that has died.
            let was_open = self
                .open
                .as_ref()
                .is_some_and(|open| open.since.elapsed() < STALE);
            let mut start = Vec::with_capacity(payload.len() + 64);
            let content_type = head.content_type().unwrap_or_default();
            if content_type.is_empty() {
                start.extend_from_slice(b"pysoa-redis/3//");
            } else {
                FrameHead::write(ProtocolVersion::V3, content_type, &mut start);
            }
            self.open = Some(Open {
                frame: start,
                count,
                next: 1,
                since: Instant::now(),
            });
            if was_open {
                return self.lose("a response began before another one ended");
            }
        }
        let Some(open) = &mut self.open else {
            return Assembled::Lost("a piece without the ones before it");
        };
        if open.count != count || open.next != id {
            return self.lose("a piece that does not follow the one before");
        }
        if open.frame.len() + payload.len() > MAX_BYTES {
            return self.lose("a response that is too large");
        }
        open.frame.extend_from_slice(payload);
        open.next += 1;
        if open.next <= count {
            return Assembled::Partial;
        }
        match self.open.take() {
            Some(open) => Assembled::Whole(open.frame.into()),
            None => Assembled::Partial,
        }
    }

    fn lose(&mut self, why: &'static str) -> Assembled {
        self.open = None;
        Assembled::Lost(why)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn piece(count: &str, id: &str, payload: &str) -> Bytes {
        let head = "pysoa-redis/3//content-type:application/json;";
        format!("{head}chunk-count:{count};chunk-id:{id};{payload}").into()
    }

    fn whole(payload: &str) -> Assembled {
        let head = "pysoa-redis/3//content-type:application/json;";
        Assembled::Whole(format!("{head}{payload}").into())
    }

    #[test]
    fn pieces_in_order_are_one_response_and_whole_ones_pass_between_them() {
        let mut assembly = Assembly::default();
        assert_eq!(assembly.take(piece("3", "1", "{\"a\"")), Assembled::Partial);
        assert_eq!(
            assembly.take(Bytes::from_static(b"\x80")),
            Assembled::Whole(Bytes::from_static(b"\x80"))
        );
        assert_eq!(assembly.take(piece("3", "2", ": ")), Assembled::Partial);
        assert_eq!(assembly.take(piece("3", "3", "1}")), whole("{\"a\": 1}"));
        assert_eq!(assembly.take(piece("1", "1", "{}")), whole("{}"));
    }

    #[test]
    fn pieces_that_do_not_fit_are_lost_and_the_next_response_is_not() {
        for second in [
            ("3", "3"),
            ("2", "2"),
            ("3", "1"),
            ("0", "2"),
            ("x", "2"),
            ("99999", "2"),
        ] {
            let mut assembly = Assembly::default();
            assert_eq!(assembly.take(piece("3", "1", "[")), Assembled::Partial);
            let lost = assembly.take(piece(second.0, second.1, "1"));
            assert!(matches!(lost, Assembled::Lost(_)), "{second:?}");
            assert!(matches!(
                assembly.take(piece("3", "2", "1")),
                Assembled::Lost(_)
            ));
            assert_eq!(assembly.take(piece("2", "1", "{")), Assembled::Partial);
            assert_eq!(assembly.take(piece("2", "2", "}")), whole("{}"));
        }
    }

    #[test]
    fn no_header_decides_how_much_is_kept() {
        let mut assembly = Assembly::default();
        let large = "x".repeat(1024 * 1024);
        for id in 1..=64 {
            let taken = assembly.take(piece("4096", &id.to_string(), &large));
            assert_eq!(matches!(taken, Assembled::Lost(_)), id == 64, "{id}");
        }
        assert!(assembly.open.is_none());
    }
}
