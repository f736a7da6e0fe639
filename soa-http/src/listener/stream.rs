//! The bytes of a connection, which tell its activity.

use std::io;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, ready};

use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};

use super::activity::Activity;
use super::frames::Frames;
use super::messages::Messages;

/// The first bytes of HTTP/2, which no request of HTTP/1.1 has.
const HTTP2_START: &[u8] = b"PRI ";

/// The most that is read of a peer that sends on although its connection is being closed.
const MAX_DISCARDED: usize = 1 << 20;

/// The answer to a request whose head does not come.
const TOO_SLOW: &[u8] = b"HTTP/1.1 408 Request Timeout\r\ncontent-type: application/json\r\n\
    content-length: 57\r\nconnection: close\r\n\r\n\
    {\"detail\":\"The head of the request did not come in time\"}";

/// A connection that tells its activity.
#[derive(Debug)]
pub(super) struct Stream<T> {
    inner: T,
    activity: Arc<Activity>,
    /// The number of bytes of the start of HTTP/2 that have come; `None` once the version is known.
    seen: Option<usize>,
    /// The requests that are read, if this is HTTP/1.1.
    messages: Messages,
    /// The frames that are written, if this is HTTP/2.
    frames: Option<Frames>,
    /// The number of bytes of the answer to a late head that were written.
    answered: usize,
    discarded: usize,
}

impl<T: AsyncRead + AsyncWrite + Unpin> Stream<T> {
    pub(super) fn new(inner: T, activity: Arc<Activity>) -> Self {
        Self {
            inner,
            activity,
            seen: Some(0),
            messages: Messages::new(),
            frames: None,
            answered: 0,
            discarded: 0,
        }
    }

    /// Finds out the version of HTTP from the first bytes.
    fn look(&mut self, read: &[u8]) {
        let Some(seen) = self.seen else { return };
        let rest = HTTP2_START.get(seen..).unwrap_or_default();
        let count = rest.len().min(read.len());
        if rest.get(..count) != read.get(..count) {
            self.seen = None;
        } else if count == rest.len() {
            self.seen = None;
            self.frames = Some(Frames::default());
            self.activity.is_http2();
        } else {
            self.seen = Some(seen + count);
        }
    }

    /// Answers a head that did not come in time.
    fn poll_answer(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        while let Some(rest) = TOO_SLOW
            .get(self.answered..)
            .filter(|rest| !rest.is_empty())
        {
            let written = ready!(Pin::new(&mut self.inner).poll_write(cx, rest))?;
            if written == 0 {
                break;
            }
            self.answered += written;
        }
        Pin::new(&mut self.inner).poll_flush(cx)
    }

    /// Notes what was written of these parts.
    fn note<'a>(
        &mut self,
        parts: impl IntoIterator<Item = &'a [u8]>,
        written: Poll<io::Result<usize>>,
    ) -> Poll<io::Result<usize>> {
        let Poll::Ready(written) = written else {
            self.activity.stalls();
            return Poll::Pending;
        };
        let mut left = *written.as_ref().unwrap_or(&0);
        let is_answer = match &mut self.frames {
            None => true,
            Some(frames) => {
                let mut is_answer = false;
                for part in parts {
                    let count = left.min(part.len());
                    is_answer |= frames.follow(part.get(..count).unwrap_or_default());
                    left -= count;
                }
                is_answer
            }
        };
        self.activity.writes(is_answer);
        Poll::Ready(written)
    }
}

impl<T: AsyncRead + AsyncWrite + Unpin> AsyncRead for Stream<T> {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let this = &mut *self;
        if this.activity.is_late() {
            // An end of the stream in the middle of a head: nothing more is written.
            return this.poll_answer(cx);
        }
        let before = buffer.filled().len();
        ready!(Pin::new(&mut this.inner).poll_read(cx, buffer))?;
        let read = buffer.filled().get(before..).unwrap_or_default();
        if !read.is_empty() {
            this.look(read);
            if this.frames.is_none() {
                this.messages.follow(read);
                let is_in_head = this.messages.is_in_head();
                this.activity.has_read(this.messages.heads(), is_in_head);
            }
        }
        Poll::Ready(Ok(()))
    }
}

impl<T: AsyncRead + AsyncWrite + Unpin> AsyncWrite for Stream<T> {
    fn poll_write(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        let written = Pin::new(&mut self.inner).poll_write(cx, bytes);
        self.note([bytes], written)
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        parts: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        let written = Pin::new(&mut self.inner).poll_write_vectored(cx, parts);
        self.note(parts.iter().map(|part| &**part), written)
    }

    fn is_write_vectored(&self) -> bool {
        self.inner.is_write_vectored()
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        let flushed = Pin::new(&mut self.inner).poll_flush(cx);
        // Of TCP nothing is flushed, so that the end of it says nothing about what waits to be written.
        if flushed.is_pending() {
            self.activity.stalls();
        }
        flushed
    }

    /// Closes the direction to the peer, and then reads until it closes the other: a system that throws away what it has
    /// received tells the peer to throw away the answer, too.
    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        let this = &mut *self;
        this.activity.closes();
        ready!(Pin::new(&mut this.inner).poll_shutdown(cx))?;
        let mut room = [0; 4096];
        while this.discarded < MAX_DISCARDED {
            let mut buffer = ReadBuf::new(&mut room);
            match ready!(Pin::new(&mut this.inner).poll_read(cx, &mut buffer)) {
                Ok(()) if !buffer.filled().is_empty() => this.discarded += buffer.filled().len(),
                _ => break,
            }
        }
        Poll::Ready(Ok(()))
    }
}
