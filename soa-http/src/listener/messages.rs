//! The requests of HTTP/1.1 in the bytes that are read: whether the last bytes are a head that is not complete.
//!
//! The server reads ahead, so the head of a request may begin while another one runs. Nothing but time limits follows from
//! this. Of bytes that are no requests, nothing is said.

use std::str;

/// The length up to which a line is kept: enough for the headers that state the length of a body.
const MAX_LINE: usize = 128;

/// The requests of a connection.
#[derive(Debug)]
pub(super) struct Messages {
    place: Place,
    /// The beginning of the current line.
    line: Vec<u8>,
    /// The number of heads that are complete.
    heads: u64,
    /// True if the current head has a line.
    has_line: bool,
    length: u64,
    is_chunked: bool,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Place {
    Head,
    /// A body, or a chunk with its line break, of which this many bytes are left.
    Body(u64),
    Chunk(u64),
    ChunkSize,
    Trailers,
    Unknown,
}

impl Messages {
    pub(super) fn new() -> Self {
        Self {
            place: Place::Head,
            line: Vec::new(),
            heads: 0,
            has_line: false,
            length: 0,
            is_chunked: false,
        }
    }

    /// The number of heads that are complete.
    pub(super) fn heads(&self) -> u64 {
        self.heads
    }

    /// True if the last byte is of a head that is not complete.
    pub(super) fn is_in_head(&self) -> bool {
        self.place == Place::Head && (self.has_line || !self.line.is_empty())
    }

    /// Follows bytes that were read.
    pub(super) fn follow(&mut self, mut bytes: &[u8]) {
        while let Some((first, rest)) = bytes.split_first() {
            match &mut self.place {
                Place::Unknown => return,
                Place::Body(left) | Place::Chunk(left) if *left > 0 => {
                    let here = u64::try_from(bytes.len()).unwrap_or(u64::MAX);
                    let count = here.min(*left);
                    *left -= count;
                    let count = usize::try_from(count).unwrap_or(usize::MAX);
                    bytes = bytes.get(count..).unwrap_or_default();
                    self.end_of_part();
                    continue;
                }
                _ => {}
            }
            bytes = rest;
            if *first == b'\n' {
                self.end_of_line();
            } else if self.line.len() < MAX_LINE {
                self.line.push(*first);
            }
        }
    }

    fn end_of_part(&mut self) {
        match self.place {
            Place::Body(0) => self.place = Place::Head,
            Place::Chunk(0) => self.place = Place::ChunkSize,
            _ => {}
        }
    }

    fn end_of_line(&mut self) {
        let line = str::from_utf8(self.line.trim_ascii()).unwrap_or("?");
        match self.place {
            Place::Head if line.is_empty() && !self.has_line => {}
            Place::Head if line.is_empty() => {
                self.heads += 1;
                self.has_line = false;
                self.place = match self.is_chunked {
                    true => Place::ChunkSize,
                    false => Place::Body(self.length),
                };
                (self.length, self.is_chunked) = (0, false);
                self.end_of_part();
            }
            Place::Head => {
                self.has_line = true;
                if let Some((name, value)) = line.split_once(':') {
                    let value = value.trim();
                    if name.eq_ignore_ascii_case("content-length") {
                        match value.parse() {
                            Ok(length) => self.length = length,
                            Err(_) => self.place = Place::Unknown,
                        }
                    } else if name.eq_ignore_ascii_case("transfer-encoding") {
                        self.is_chunked = value.to_ascii_lowercase().ends_with("chunked");
                    }
                }
            }
            Place::ChunkSize => {
                let size = line.split(';').next().unwrap_or_default();
                self.place = match u64::from_str_radix(size.trim(), 16) {
                    Ok(0) => Place::Trailers,
                    // With the line break behind it.
                    Ok(size) => Place::Chunk(size.saturating_add(2)),
                    Err(_) => Place::Unknown,
                };
            }
            Place::Trailers if line.is_empty() => self.place = Place::Head,
            Place::Trailers | Place::Body(_) | Place::Chunk(_) | Place::Unknown => {}
        }
        self.line.clear();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_head_that_is_not_complete_is_found_behind_every_kind_of_request() {
        for request in [
            "GET / HTTP/1.1\r\nhost: a\r\n\r\n",
            "\r\nGET / HTTP/1.1\r\n\r\n",
            "POST / HTTP/1.1\r\nContent-Length: 5\r\n\r\na\r\n\r\n",
            "POST / HTTP/1.1\r\nContent-Length: 0\r\n\r\n",
            "POST / HTTP/1.1\r\nTransfer-Encoding: gzip, chunked\r\n\r\n3;a=b\r\na\n\n\r\n0\r\nt: 1\r\n\r\n",
            "GET / HTTP/1.1\nhost: a\n\n",
        ] {
            let stream = format!("{request}{request}GET");
            let end = stream.len() - 3;
            for size in [1, 3, 1000] {
                let mut messages = Messages::new();
                for piece in stream.as_bytes()[..end].chunks(size) {
                    messages.follow(piece);
                }
                assert_eq!(
                    (messages.heads(), messages.is_in_head()),
                    (2, false),
                    "{request}"
                );
                messages.follow(&stream.as_bytes()[end..]);
                assert!(messages.is_in_head(), "{request}");
            }
        }
    }

    #[test]
    fn nothing_is_said_of_what_is_no_request() {
        let mut messages = Messages::new();
        messages.follow(b"POST / HTTP/1.1\r\ncontent-length: x\r\n\r\nGET");
        assert!(!messages.is_in_head());
    }
}
