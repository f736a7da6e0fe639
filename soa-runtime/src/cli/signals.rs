//! What ends a server from outside.

use std::io;
use std::os::unix::net::UnixStream as Line;

use tokio::net::UnixStream;
use tokio::signal::unix::{Signal, SignalKind, signal};

use super::failure::Failure;

/// SIGTERM, and SIGINT as Ctrl-C sends it; while this lives they do not end the process by themselves. And the end of the
/// process that looks after this one, once.
pub(super) struct Signals {
    interrupt: Signal,
    terminate: Signal,
    parent: Option<UnixStream>,
}

impl Signals {
    /// `parent` closes when the process that looks after this one is gone.
    pub(super) fn new(parent: Option<Line>) -> Result<Self, Failure> {
        let listen = |kind| signal(kind).map_err(Failure::other);
        let parent = parent.map(UnixStream::from_std).transpose();
        Ok(Self {
            interrupt: listen(SignalKind::interrupt())?,
            terminate: listen(SignalKind::terminate())?,
            parent: parent.map_err(Failure::other)?,
        })
    }

    /// Waits for one.
    pub(super) async fn next(&mut self) {
        tokio::select! {
            _ = self.interrupt.recv() => {}
            _ = self.terminate.recv() => {}
            () = closed(self.parent.as_mut()) => self.parent = None,
        }
    }
}

/// Waits until the other end of a line is closed.
async fn closed(line: Option<&mut UnixStream>) {
    let Some(line) = line else {
        return std::future::pending().await;
    };
    // Nothing is said on it, so it would be thrown away.
    let outcome: io::Result<u64> = tokio::io::copy(line, &mut tokio::io::sink()).await;
    if let Err(error) = outcome {
        tracing::debug!(%error, "the line to the process that looks after this one is cut");
    }
}
