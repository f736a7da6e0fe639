//! The requests of HTTP/1.1 in the bytes that are read: whether the last bytes are a head that is not complete.
//!
//! The server reads ahead, so the head of a request may begin while another one runs. Nothing but time limits follows from
//! this. Of bytes that are no requests, nothing is said.

use std::str;

use memchr::memchr;

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
        while !bytes.is_empty() {
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
            let Some((line, rest)) = memchr(b'\n', bytes).and_then(|at| bytes.split_at_checked(at))
            else {
                self.keep(bytes);
                return;
            };
            bytes = rest.get(1..).unwrap_or_default();
            // Mostly a line is whole, and need not be copied.
            if self.line.is_empty() {
                self.end_of_line(line.get(..MAX_LINE).unwrap_or(line));
            } else {
                self.keep(line);
                let mut line = std::mem::take(&mut self.line);
                self.end_of_line(&line);
                line.clear();
                self.line = line;
            }
        }
    }

    /// Keeps the beginning of a line.
    fn keep(&mut self, bytes: &[u8]) {
        let room = MAX_LINE.saturating_sub(self.line.len());
        let kept = bytes.get(..room).unwrap_or(bytes);
        self.line.extend_from_slice(kept);
    }

    fn end_of_part(&mut self) {
        match self.place {
            Place::Body(0) => self.place = Place::Head,
            Place::Chunk(0) => self.place = Place::ChunkSize,
            _ => {}
        }
    }

    fn end_of_line(&mut self, line: &[u8]) {
        let line = line.trim_ascii();
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
                if let Some(value) = value_of(line, b"content-length") {
                    match value.parse() {
                        Ok(length) => self.length = length,
                        Err(_) => self.place = Place::Unknown,
                    }
                } else if let Some(value) = value_of(line, b"transfer-encoding") {
                    self.is_chunked = value.to_ascii_lowercase().ends_with("chunked");
                }
            }
            Place::ChunkSize => {
                let size = line.split(|byte| *byte == b';').next().unwrap_or_default();
                self.place = match u64::from_str_radix(text(size), 16) {
                    Ok(0) => Place::Trailers,
                    // With the line break behind it.
                    Ok(size) => Place::Chunk(size.saturating_add(2)),
                    Err(_) => Place::Unknown,
                };
            }
            Place::Trailers if line.is_empty() => self.place = Place::Head,
            Place::Trailers | Place::Body(_) | Place::Chunk(_) | Place::Unknown => {}
        }
    }
}

/// Returns the value of a line of a head, if it is the header of this name.
fn value_of<'a>(line: &'a [u8], name: &[u8]) -> Option<&'a str> {
    let (start, rest) = line.split_at_checked(name.len())?;
    let value = rest.strip_prefix(b":")?;
    start.eq_ignore_ascii_case(name).then(|| text(value))
}

/// Returns bytes without blanks around them as text. What is no text is no number and no coding.
fn text(bytes: &[u8]) -> &str {
    str::from_utf8(bytes.trim_ascii()).unwrap_or("?")
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
