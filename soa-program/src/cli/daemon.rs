//! `serve --daemon`: a server in the background.
//!
//! This process starts the program again, and waits until that process accepts requests. Until then both write to the same
//! terminal, so a failed start is reported there, and this process ends with the same exit code. Then the background
//! process redirects its output to `--log-file`, or to nowhere. It has a session of its own.
//!
//! The program is started again rather than forked, because a process with threads cannot be forked safely.

use super::child::{Child, Event, own_path};
use super::failure::Failure;
use super::signal::Signals;

/// Starts the background process, and waits until it accepts requests.
pub(super) async fn launch() -> Result<(), Failure> {
    let mut signals = Signals::new(None)?;
    let child = Child::leave_behind(&own_path()?, &["--detached"]);
    let mut child = child.map_err(Failure::other)?;
    loop {
        tokio::select! {
            event = child.next() => match event? {
                Event::Ready => return Ok(()),
                Event::Alive | Event::Offers(_) => {}
                Event::Exited(status) => return Failure::of_child(status),
            },
            () = signals.next() => child.terminate(),
        }
    }
}
