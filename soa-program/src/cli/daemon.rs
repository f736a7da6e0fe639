//! `serve --daemon`: goes on in the background.
//!
//! The process that is started runs itself once more, and waits until that one takes requests. Up to then both speak to
//! the same terminal, so whatever fails is told there, and its exit code is this one's. Then the other has a session of its
//! own, and its output goes to `--log-file` or nowhere.
//!
//! It starts the program anew and does not fork: a process with threads cannot, safely.

use super::child::{Child, Event, program};
use super::failure::Failure;
use super::signals::Signals;

/// Starts it, and waits until it takes requests.
pub(super) async fn launch() -> Result<(), Failure> {
    let mut signals = Signals::new(None)?;
    let child = Child::leave_behind(&program()?, &["--detached"]);
    let mut child = child.map_err(Failure::other)?;
    loop {
        tokio::select! {
            event = child.next() => match event? {
                Event::Ready => return Ok(()),
                Event::Alive => {}
                Event::Ended(status) => return Failure::of(status),
            },
            () = signals.next() => child.terminate(),
        }
    }
}
