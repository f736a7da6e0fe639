//! All commands that a Redis runs, as it tells them itself: for people who look at services that tell nothing.

use bytes::{Bytes, BytesMut};
use soa_runtime::{TransportError, TransportErrorKind};
use tokio::io::AsyncReadExt as _;
use tokio::net::TcpStream;

use super::ability::is_lacking;
use super::access::Access;
use super::error::Error;
use super::failure::{closed, explained, kind};
use super::node::Node;

/// Largest size of a line that is kept, in bytes. Four bytes of a line are one of a message, at worst.
const MAX_LINE: usize = 4 << 20;

/// Number of bytes for which there is room at least before something is read.
const READ_SIZE: usize = 64 * 1024;

/// A connection on which a Redis tells all commands, one in a line.
#[derive(Debug)]
pub(in super::super) struct Monitor {
    stream: TcpStream,
    lines: Lines,
}

/// Bytes that come in portions, as lines.
#[derive(Debug, Default)]
struct Lines {
    input: BytesMut,
    /// Number of bytes in which there is no end of a line.
    searched: usize,
    /// True while the rest of a line passes that is too long.
    is_skipping: bool,
}

impl Monitor {
    /// Has a Redis tell all commands from now on.
    ///
    /// # Errors
    /// Redis cannot be reached, the login may not ask for it, or the connection would be encrypted.
    pub(in super::super) async fn of(access: &Access, node: &Node) -> Result<Self, TransportError> {
        if access.is_encrypted() {
            return Err(TransportError::new(
                TransportErrorKind::Misconfigured,
                format!("Redis at {node}: MONITOR is not supported over TLS"),
            ));
        }
        let asking = async {
            let mut dialogue = access.dialogue(node).await?;
            dialogue.ask("MONITOR", &[]).await?;
            Ok(dialogue.into_parts())
        };
        let asked = tokio::time::timeout(access.time_limit(), asking).await;
        match asked.unwrap_or_else(|_| Err(closed())) {
            Ok((stream, input)) => Ok(Self {
                stream,
                lines: Lines {
                    input,
                    ..Lines::default()
                },
            }),
            Err(error) => Err(refused(&error, node)),
        }
    }

    /// Waits for the next command; `None` when the connection has ended. Giving up loses nothing.
    pub(in super::super) async fn next(&mut self) -> Option<Bytes> {
        loop {
            if let Some(line) = self.lines.next() {
                return Some(line);
            }
            self.lines.input.reserve(READ_SIZE);
            match self.stream.read_buf(&mut self.lines.input).await {
                Ok(0) | Err(_) => return None,
                Ok(_) => {}
            }
        }
    }
}

fn refused(error: &Error, node: &Node) -> TransportError {
    let (kind, what) = match is_lacking(error) {
        true => (
            TransportErrorKind::Misconfigured,
            "permission denied: the login may not run MONITOR, or this Redis does not have it",
        ),
        false => (kind(error), "MONITOR failed"),
    };
    TransportError::new(kind, format!("Redis at {node}: {what}")).with_source(explained(error))
}

impl Lines {
    /// The next whole line that is not too long, without its end.
    fn next(&mut self) -> Option<Bytes> {
        loop {
            let fresh = self.input.get(self.searched..).unwrap_or_default();
            let Some(end) = fresh.iter().position(|byte| *byte == b'\n') else {
                self.searched = self.input.len();
                if self.searched > MAX_LINE {
                    self.is_skipping = true;
                }
                if self.is_skipping {
                    self.input.clear();
                    self.searched = 0;
                }
                return None;
            };
            let line = self.input.split_to(self.searched + end + 1).freeze();
            self.searched = 0;
            if !std::mem::take(&mut self.is_skipping) {
                let text = line.strip_suffix(b"\n").unwrap_or(&line);
                let length = text.strip_suffix(b"\r").unwrap_or(text).len();
                return Some(line.slice(..length));
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_come_whole_and_one_that_is_too_long_is_left_out() {
        let mut lines = Lines::default();
        lines.input.extend_from_slice(b"+one\r\n+tw");
        assert_eq!(lines.next().as_deref(), Some(&b"+one"[..]));
        assert_eq!(lines.next(), None);
        lines.input.extend_from_slice(b"o\r\n");
        assert_eq!(lines.next().as_deref(), Some(&b"+two"[..]));
        for _ in 0..3 {
            lines.input.extend_from_slice(&vec![b'x'; MAX_LINE / 2]);
            assert_eq!(lines.next(), None);
        }
        assert!(lines.input.len() <= MAX_LINE, "{}", lines.input.len());
        lines.input.extend_from_slice(b"x\r\n+three\r\n");
        assert_eq!(lines.next().as_deref(), Some(&b"+three"[..]));
    }
}
