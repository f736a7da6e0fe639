//! Cutting a response into pieces.
//!
//! Each piece is a frame with the whole head, with the number of pieces in `chunk-count` and its own number in
//! `chunk-id` (protocol, section 5). All pieces of a response are pushed at once, so that pieces of other responses cannot come
//! between them, which would confuse clients of the reference.

use bytes::Bytes;

use super::frame::{FrameHead, ProtocolVersion};

/// The most pieces of a response, as clients have limits, too.
const MAX_PIECES: usize = 4096;

/// Cuts a frame of version 3 whose payload is larger than `size` bytes: the first piece and the others. Any other frame
/// stays as it is.
#[doc(hidden)]
pub fn cut(frame: Bytes, size: usize) -> (Bytes, Vec<Bytes>) {
    if frame.len() <= size || size == 0 {
        return (frame, Vec::new());
    }
    let Ok(head) = FrameHead::read(&frame) else {
        return (frame, Vec::new());
    };
    let payload = frame.get(head.payload_start()..).unwrap_or_default();
    if head.version() != ProtocolVersion::V3 || head.is_chunk() || payload.len() <= size {
        return (frame, Vec::new());
    }
    let size = size.max(payload.len().div_ceil(MAX_PIECES));
    let count = payload.len().div_ceil(size);
    let content_type = head.content_type().unwrap_or_default();
    let pieces = payload.chunks(size).zip(1..).map(|(part, id)| {
        let mut piece = Vec::with_capacity(part.len() + 96);
        FrameHead::write(ProtocolVersion::V3, content_type, &mut piece);
        piece.extend_from_slice(format!("chunk-count:{count};chunk-id:{id};").as_bytes());
        piece.extend_from_slice(part);
        Bytes::from(piece)
    });
    let mut pieces = pieces.collect::<Vec<_>>().into_iter();
    match pieces.next() {
        Some(first) => (first, pieces.collect()),
        None => (frame, Vec::new()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::wire::assembly::{Assembled, Assembly};

    const HEAD: &str = "pysoa-redis/3//content-type:application/json;";

    #[test]
    fn pieces_are_put_together_to_what_was_cut() {
        for length in [11, 20, 21, 1000] {
            let frame = Bytes::from(format!("{HEAD}{}", "x".repeat(length)));
            let (first, more) = cut(frame.clone(), 10);
            assert_eq!(more.len() + 1, length.div_ceil(10));
            let mut assembly = Assembly::default();
            let mut taken = assembly.take(first);
            for piece in more {
                assert_eq!(taken, Assembled::Partial);
                taken = assembly.take(piece);
            }
            assert_eq!(taken, Assembled::Whole(frame));
        }
    }

    #[test]
    fn what_is_small_or_of_an_older_version_stays_whole() {
        for (head, length) in [
            (HEAD, 10),
            ("content-type:application/json;", 100),
            ("", 100),
        ] {
            let frame = Bytes::from(format!("{head}{}", "x".repeat(length)));
            assert_eq!(cut(frame.clone(), 10), (frame, Vec::new()));
        }
    }
}
