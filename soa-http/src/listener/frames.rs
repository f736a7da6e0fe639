//! The frames of HTTP/2 that are written: answers, or what keeps a connection.

/// The size of the head of a frame: length, type, flags, and the number of the stream.
const HEAD_SIZE: usize = 9;

const DATA: u8 = 0;
const HEADERS: u8 = 1;
const CONTINUATION: u8 = 9;

/// The frame that is being written.
#[derive(Debug, Default)]
pub(super) struct Frames {
    head: [u8; HEAD_SIZE],
    /// The number of bytes of the head that were written.
    written: usize,
    /// The number of bytes of the content that are left.
    left: usize,
}

impl Frames {
    /// Follows bytes that were written. Returns true if some of them are of an answer.
    pub(super) fn follow(&mut self, mut bytes: &[u8]) -> bool {
        let mut is_answer = false;
        while let Some((first, rest)) = bytes.split_first() {
            if self.left > 0 {
                is_answer |= self.is_answer();
                let count = self.left.min(bytes.len());
                self.left -= count;
                bytes = bytes.get(count..).unwrap_or_default();
                continue;
            }
            if self.written == HEAD_SIZE {
                self.written = 0;
            }
            if let Some(place) = self.head.get_mut(self.written) {
                *place = *first;
            }
            self.written += 1;
            bytes = rest;
            if self.written == HEAD_SIZE {
                let [high, middle, low, ..] = self.head;
                self.left = u32::from_be_bytes([0, high, middle, low]) as usize;
                is_answer |= self.is_answer();
            }
        }
        is_answer
    }

    fn is_answer(&self) -> bool {
        matches!(self.head, [_, _, _, DATA | HEADERS | CONTINUATION, ..])
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn frame(kind: u8, content: &[u8]) -> Vec<u8> {
        let length = u32::try_from(content.len()).unwrap().to_be_bytes();
        let mut frame = vec![length[1], length[2], length[3], kind, 0, 0, 0, 0, 1];
        frame.extend_from_slice(content);
        frame
    }

    #[test]
    fn answers_are_told_from_pings_and_settings_in_pieces_of_any_size() {
        let kept = [frame(4, &[]), frame(6, &[0; 8]), frame(8, &[0; 4])].concat();
        let answer = [frame(1, &[0; 20]), frame(0, &[1; 300])].concat();
        for size in [1, 2, 7, 9, 1000] {
            let mut frames = Frames::default();
            let mut follow = |bytes: &[u8]| -> Vec<bool> {
                bytes
                    .chunks(size)
                    .map(|piece| frames.follow(piece))
                    .collect()
            };
            for _ in 0..2 {
                assert!(!follow(&kept).contains(&true), "{size}");
                let told = follow(&answer);
                assert!(told.contains(&true), "{size}");
                assert!(told.last().is_some_and(|last| *last), "{size}");
            }
        }
    }
}
