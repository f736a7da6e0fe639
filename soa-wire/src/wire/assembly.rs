//! Assembly of chunked responses.
//!
//! Servers of the reference cut a response that is too large into pieces, each a frame with `chunk-count` and
//! `chunk-id` (protocol, section 5), and push them one by one. Only the first piece says which
//! response it belongs to. Pieces of several responses on one list can be distinguished if their counts differ, or if
//! they are at different places, as each response comes in order. If a piece fits more than one, all of those are lost.
//!
//! The first piece mostly has the id of the request in its first bytes, so the request whose response is lost is known.

use std::time::{Duration, Instant};

use bytes::Bytes;

use super::cursor::Cursor;
use super::frame::{FrameHead, ProtocolVersion};
use super::json::Json;
use super::msgpack::MessagePack;
use crate::codec::{Encoding, Kind};

/// The most pieces of a response. A peer's header must not decide about memory.
const MAX_PIECES: u64 = 4096;
/// The most bytes that are kept for all responses of a list.
const MAX_BYTES: usize = 64 * 1024 * 1024;

/// The most responses that may be open at the same time.
const MAX_OPEN: usize = 16;

/// The time without a piece after which a response is given up: its server has died.
const PIECE_TIMEOUT: Duration = Duration::from_secs(5);

/// The responses of one list that are being put together.
#[derive(Debug, Default)]
#[doc(hidden)]
pub struct Assembly {
    open: Vec<Open>,
}

#[derive(Debug)]
struct Open {
    /// The frame of the whole response: a head without chunk headers, and the payload that has come so far.
    frame: Vec<u8>,
    request: Option<i64>,
    count: u64,
    next: u64,
    since: Instant,
}

/// The result of taking a frame.
#[derive(Debug, PartialEq, Eq)]
#[doc(hidden)]
pub enum Assembled {
    /// A whole response, chunked or not.
    Whole(Bytes),
    /// A piece; more are to come.
    Partial,
    /// A piece that does not fit. The responses that it may belong to are lost.
    Lost {
        why: &'static str,
        /// The ids of the requests whose responses are lost, if known.
        requests: Vec<Option<i64>>,
    },
}

impl Assembly {
    /// Takes the next frame of the list.
    #[doc(hidden)]
    pub fn take(&mut self, frame: Bytes) -> Assembled {
        let head = match FrameHead::read(&frame) {
            Ok(head) if head.is_chunk() => head,
            // A whole response may come between pieces: its head has no chunk headers.
            _ => return Assembled::Whole(frame),
        };
        let (Some(count), Some(id)) = (head.chunk_count(), head.chunk_id()) else {
            return lost("a piece without its number");
        };
        if count == 0 || count > MAX_PIECES {
            return lost("a response of too many pieces");
        }
        let payload = frame.get(head.payload_start()..).unwrap_or_default();
        let kept: usize = self.open.iter().map(|open| open.frame.len()).sum();
        if kept + payload.len() > MAX_BYTES {
            return self.lose("responses that are too large", |_| true);
        }
        if id == 1 {
            if self.open.len() >= MAX_OPEN {
                return self.lose("too many responses at the same time", |_| true);
            }
            self.open.push(Open {
                frame: start(&head, payload.len()),
                request: first_id(&head, payload),
                count,
                next: 1,
                since: Instant::now(),
            });
        }
        let fits = |open: &Open| open.count == count && open.next == id;
        // The newest is the one that a first piece belongs to.
        let Some(index) = self.open.iter().rposition(fits) else {
            return self.lose("a piece that does not follow the one before", |open| {
                open.count == count
            });
        };
        if id > 1 && self.open.iter().filter(|open| fits(open)).count() > 1 {
            return self.lose(
                "pieces of several responses that cannot be told apart",
                fits,
            );
        }
        let Some(open) = self.open.get_mut(index) else {
            return Assembled::Partial;
        };
        open.frame.extend_from_slice(payload);
        open.next += 1;
        open.since = Instant::now();
        if open.next <= count {
            return Assembled::Partial;
        }
        Assembled::Whole(self.open.swap_remove(index).frame.into())
    }

    /// The time at which the next response has to be given up; `None` if none is open.
    #[doc(hidden)]
    pub fn due(&self) -> Option<Instant> {
        self.open
            .iter()
            .map(|open| open.since + PIECE_TIMEOUT)
            .min()
    }

    /// Gives up the responses whose pieces do not come any more. Returns the requests that they answer, as far as known.
    #[doc(hidden)]
    pub fn give_up(&mut self) -> Vec<Option<i64>> {
        let is_stale = |open: &mut Open| open.since.elapsed() >= PIECE_TIMEOUT;
        let stale = self.open.extract_if(.., is_stale);
        stale.map(|open| open.request).collect()
    }

    fn lose(&mut self, why: &'static str, is_lost: impl Fn(&Open) -> bool) -> Assembled {
        let lost = self.open.extract_if(.., |open| is_lost(open));
        Assembled::Lost {
            why,
            requests: lost.map(|open| open.request).collect(),
        }
    }
}

fn lost(why: &'static str) -> Assembled {
    Assembled::Lost {
        why,
        requests: Vec::new(),
    }
}

fn start(head: &FrameHead, length: usize) -> Vec<u8> {
    let mut start = Vec::with_capacity(length + 64);
    let content_type = head.content_type().unwrap_or_default();
    if content_type.is_empty() {
        start.extend_from_slice(b"pysoa-redis/3//");
    } else {
        FrameHead::write(ProtocolVersion::V3, content_type, &mut start);
    }
    start
}

/// The request id of a response, if its first piece begins with it.
fn first_id(head: &FrameHead, payload: &[u8]) -> Option<i64> {
    match head.content_type().and_then(Encoding::from_content_type) {
        Some(Encoding::Json) => id_at(Json::new(payload)),
        Some(Encoding::MessagePack) | None => id_at(MessagePack::new(payload)),
    }
}

fn id_at<'a>(mut cursor: impl Cursor<'a>) -> Option<i64> {
    if cursor.kind().ok()? != Kind::Map {
        return None;
    }
    let mut entries = cursor.enter().ok()?;
    if !cursor.more(&mut entries).ok()? || cursor.key().ok()?.name() != b"request_id" {
        return None;
    }
    match cursor.kind().ok()? {
        Kind::Integer => cursor.integer().ok()?,
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn piece(count: &str, id: &str, payload: &str) -> Bytes {
        let head = "pysoa-redis/3//content-type:application/json;";
        format!("{head}chunk-count:{count};chunk-id:{id};{payload}").into()
    }

    fn whole(payload: &str) -> Assembled {
        let head = "pysoa-redis/3//content-type:application/json;";
        Assembled::Whole(format!("{head}{payload}").into())
    }

    fn lost_requests(assembled: Assembled) -> Vec<Option<i64>> {
        match assembled {
            Assembled::Lost { requests, .. } => requests,
            other => panic!("{other:?}"),
        }
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
    fn responses_of_different_counts_or_at_different_places_are_told_apart() {
        let mut assembly = Assembly::default();
        for (count, id) in [("3", "1"), ("3", "2"), ("2", "1"), ("3", "1")] {
            assert_eq!(assembly.take(piece(count, id, id)), Assembled::Partial);
        }
        assert_eq!(assembly.take(piece("2", "2", "b")), whole("1b"));
        assert_eq!(assembly.take(piece("3", "3", "a")), whole("12a"));
        assert_eq!(assembly.take(piece("3", "2", "c")), Assembled::Partial);
        assert_eq!(assembly.take(piece("3", "3", "c")), whole("1cc"));
    }

    #[test]
    fn responses_that_cannot_be_told_apart_are_lost_and_it_is_known_whose_they_were() {
        let mut assembly = Assembly::default();
        let first = |id: &str| piece("2", "1", &format!("{{\"request_id\": {id}, \"meta\": {{"));
        assembly.take(first("17"));
        assembly.take(first("-4"));
        assembly.take(piece("3", "1", "{\"meta\""));
        let lost = lost_requests(assembly.take(piece("2", "2", "}")));
        assert_eq!(lost, [Some(17), Some(-4)]);
        assert_eq!(lost_requests(assembly.take(piece("2", "2", "}"))), []);
        // The other one goes on.
        assert_eq!(assembly.take(piece("3", "2", ": ")), Assembled::Partial);
        assert_eq!(assembly.take(piece("3", "3", "1}")), whole("{\"meta\": 1}"));
    }

    #[test]
    fn a_response_of_which_nothing_more_comes_is_given_up_and_the_others_are_not() {
        let mut assembly = Assembly::default();
        assert_eq!(assembly.due(), None);
        assembly.take(piece("2", "1", "{\"request_id\": 7, "));
        let due = assembly.due().unwrap();
        assembly.take(piece("3", "1", "{"));
        assert_eq!(assembly.give_up(), []);
        assembly.open[0].since -= PIECE_TIMEOUT;
        assert!(assembly.due().unwrap() <= due);
        assert_eq!(assembly.give_up(), [Some(7)]);
        assert_eq!(assembly.open.len(), 1);
    }

    #[test]
    fn a_request_id_is_found_at_the_beginning_of_messagepack_too() {
        let mut assembly = Assembly::default();
        let head = b"pysoa-redis/3//content-type:application/msgpack;chunk-count:2;chunk-id:1;";
        let payload = b"\x83\xaarequest_id\xcd\x01\x00\xa4me";
        assembly.take([head.as_slice(), payload].concat().into());
        let lost = assembly.take(piece("2", "3", ""));
        assert_eq!(lost_requests(lost), [Some(256)]);
    }

    #[test]
    fn pieces_that_do_not_fit_are_lost_and_the_next_response_is_not() {
        for second in [
            ("3", "3"),
            ("2", "2"),
            ("0", "2"),
            ("x", "2"),
            ("99999", "2"),
        ] {
            let mut assembly = Assembly::default();
            assert_eq!(assembly.take(piece("3", "1", "[")), Assembled::Partial);
            let lost = assembly.take(piece(second.0, second.1, "1"));
            assert!(matches!(lost, Assembled::Lost { .. }), "{second:?}");
            assert_eq!(assembly.take(piece("2", "1", "{")), Assembled::Partial);
            assert_eq!(assembly.take(piece("2", "2", "}")), whole("{}"));
        }
    }

    proptest! {
        #[test]
        fn whatever_a_piece_begins_with_is_no_trouble(
            content_type in prop::sample::select(vec!["application/json", "application/msgpack", "x"]),
            payload in prop_oneof![
                prop::collection::vec(any::<u8>(), 0..64),
                "[{}\\[\\]\":, a-z0-9\\\\.-]{0,40}".prop_map(String::into_bytes),
                "\\{ ?\"request_id\" ?: ?-?[0-9]{0,25}[,.e}]?".prop_map(String::into_bytes),
            ],
        ) {
            let head = format!("pysoa-redis/3//content-type:{content_type};chunk-count:2;chunk-id:1;");
            let mut assembly = Assembly::default();
            let taken = assembly.take([head.into_bytes(), payload].concat().into());
            prop_assert_eq!(taken, Assembled::Partial);
        }
    }

    #[test]
    fn no_header_decides_how_much_is_kept() {
        let mut assembly = Assembly::default();
        let large = "x".repeat(1024 * 1024);
        for id in 1..=64 {
            let taken = assembly.take(piece("4096", &id.to_string(), &large));
            assert_eq!(matches!(taken, Assembled::Lost { .. }), id == 64, "{id}");
        }
        assert!(assembly.open.is_empty());
        for number in 1..=40 {
            assembly.take(piece("9", "1", "x"));
            assert!(assembly.open.len() <= MAX_OPEN, "{number}");
        }
    }
}
