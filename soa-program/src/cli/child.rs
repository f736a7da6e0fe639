//! A process of this program that another one starts, and hears from: see [`outside`](super::outside).
//!
//! On the same line it is told to stop, a byte for each time. Whoever stops a service may send a signal to all of its
//! processes, as systemd does: one that was passed on as a signal, too, would be a second one.

use std::ffi::OsStr;
use std::os::fd::OwnedFd;
use std::os::unix::net::UnixStream as Pair;
use std::path::{Path, PathBuf};
use std::process::{ExitStatus, Stdio};

use rustix::process::{Pid, Signal, kill_process};
use tokio::io::{AsyncBufReadExt as _, BufReader, Lines};
use tokio::net::UnixStream;
use tokio::net::unix::{OwnedReadHalf, OwnedWriteHalf};
use tokio::process::Command;

use super::failure::Failure;
use super::outside;

/// A process that was started.
pub(super) struct Child {
    process: tokio::process::Child,
    /// What it says of itself, until it closes the line.
    line: Option<Lines<BufReader<OwnedReadHalf>>>,
    /// Closes when this is dropped.
    tell: OwnedWriteHalf,
    /// Whether it outlives this process, and so does not listen to it.
    is_left_behind: bool,
}

/// What becomes of it.
pub(super) enum Event {
    /// It takes requests.
    Ready,
    /// It lives.
    Alive,
    Ended(ExitStatus),
}

/// The file of this program. It has to be found before it is replaced by another version.
pub(super) fn program() -> Result<PathBuf, Failure> {
    std::env::current_exe().map_err(Failure::other)
}

impl Child {
    /// Starts the program with the arguments of this process and more. It ends when this is dropped, and gets no signals
    /// from the terminal.
    pub(super) fn start(program: &Path, more: &[&str]) -> std::io::Result<Self> {
        let mut command = Command::new(program);
        command.process_group(0).kill_on_drop(true);
        Self::spawn(command, more, false)
    }

    /// The same for one that outlives this process.
    pub(super) fn leave_behind(program: &Path, more: &[&str]) -> std::io::Result<Self> {
        Self::spawn(Command::new(program), more, true)
    }

    fn spawn(mut command: Command, more: &[&str], is_left_behind: bool) -> std::io::Result<Self> {
        let (ours, theirs) = Pair::pair()?;
        ours.set_nonblocking(true)?;
        let (line, tell) = UnixStream::from_std(ours)?.into_split();
        command.args(std::env::args_os().skip(1));
        command.args(more.iter().map(OsStr::new));
        command.stdin(Stdio::from(OwnedFd::from(theirs)));
        command.env_remove(outside::SOCKET);
        command.env_remove(outside::WATCHDOG_PID);
        Ok(Self {
            process: command.spawn()?,
            line: Some(BufReader::new(line).lines()),
            tell,
            is_left_behind,
        })
    }

    pub(super) fn id(&self) -> Option<u32> {
        self.process.id()
    }

    /// Waits for what comes next. Nothing is lost when this is dropped while it waits.
    pub(super) async fn next(&mut self) -> Result<Event, Failure> {
        loop {
            let Some(lines) = &mut self.line else {
                let status = self.process.wait().await.map_err(Failure::other)?;
                return Ok(Event::Ended(status));
            };
            tokio::select! {
                biased;
                line = lines.next_line() => match line.as_ref().map(Option::as_deref) {
                    Ok(Some("READY=1")) => return Ok(Event::Ready),
                    Ok(Some("WATCHDOG=1")) => return Ok(Event::Alive),
                    Ok(Some(_)) => {}
                    Ok(None) | Err(_) => self.line = None,
                },
                status = self.process.wait() => {
                    return Ok(Event::Ended(status.map_err(Failure::other)?));
                }
            }
        }
    }

    /// Tells it to stop. One that has ended meanwhile needs no telling.
    pub(super) fn terminate(&self) {
        if !self.is_left_behind {
            if let Err(error) = self.tell.try_write(b"\n") {
                tracing::debug!(%error, "a process cannot be told to stop");
            }
            return;
        }
        let id = self.id().and_then(|id| i32::try_from(id).ok());
        if let Some(pid) = id.and_then(Pid::from_raw)
            && let Err(error) = kill_process(pid, Signal::TERM)
        {
            tracing::warn!(%error, "a process cannot be told to stop");
        }
    }
}
