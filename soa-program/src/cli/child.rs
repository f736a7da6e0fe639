//! Child processes: this program, started again in another role.
//!
//! Parent and child are connected by a pair of sockets. The child reports its state ([`notifier`]), and
//! the parent sends commands, one a line ([`Command`]). The parent sends no signals itself: a supervisor such as
//! systemd signals all processes of a service, and the child would count a signal of its parent as a second one.

use std::ffi::OsStr;
use std::os::fd::{BorrowedFd, OwnedFd};
use std::os::unix::net::UnixStream as StdUnixStream;
use std::path::{Path, PathBuf};
use std::process::{ExitStatus, Stdio};

use rustix::process::{Pid, Signal, kill_process};
use serde::{Deserialize, Serialize};
use soa_redis::HOLDER_VARIABLE;
use tokio::io::{AsyncBufReadExt as _, BufReader, Lines};
use tokio::net::UnixStream;
use tokio::net::unix::{OwnedReadHalf, OwnedWriteHalf};

use super::failure::Failure;
use super::registration::Offer;
use super::{notifier, passing};

/// A child process.
pub(super) struct Child {
    process: tokio::process::Child,
    /// Notifications of the child, until it closes its socket.
    notifications: Option<Lines<BufReader<OwnedReadHalf>>>,
    /// The other direction, which closes when this is dropped.
    commands: OwnedWriteHalf,
    /// True if the child outlives this process. It does not read commands.
    is_left_behind: bool,
}

/// A command to the child.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(super) enum Command {
    /// Stop; a second one is to stop at once.
    Stop,
    /// Report this by `status`.
    Report(News),
}

/// News of the parent that its children report.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct News {
    /// The number of processes that are given up.
    pub(super) given_up: usize,
    /// The reason why the registry may not know a component.
    pub(super) registry: Option<String>,
    /// The names, as holders of requests, of processes that have ended lately.
    pub(super) dead: Vec<String>,
}

/// A notification of the child, or its end.
pub(super) enum Event {
    /// It will offer this to a registry.
    Offers(Vec<Offer>),
    /// It accepts requests.
    Ready,
    /// A sign of life.
    Alive,
    Exited(ExitStatus),
}

/// The path of this program. It must be determined before the file is replaced by another version.
pub(super) fn own_path() -> Result<PathBuf, Failure> {
    std::env::current_exe().map_err(Failure::other)
}

impl Child {
    /// Starts the program with the arguments of this process and further ones. The child is killed when this is dropped, and
    /// receives no signals from the terminal.
    pub(super) fn start(program: &Path, arguments: &[&str]) -> std::io::Result<Self> {
        Self::start_with(program, arguments, &[], "")
    }

    /// The same for a child that takes sockets, which are in the pair of sockets before the child is, and has this name as a
    /// holder of requests.
    pub(super) fn start_with(
        program: &Path,
        arguments: &[&str],
        passed: &[BorrowedFd<'_>],
        holder: &str,
    ) -> std::io::Result<Self> {
        let mut command = tokio::process::Command::new(program);
        command.process_group(0).kill_on_drop(true);
        command.env(HOLDER_VARIABLE, holder);
        Self::spawn(command, arguments, false, passed)
    }

    /// Starts a child that outlives this process.
    pub(super) fn leave_behind(program: &Path, arguments: &[&str]) -> std::io::Result<Self> {
        Self::spawn(tokio::process::Command::new(program), arguments, true, &[])
    }

    fn spawn(
        mut command: tokio::process::Command,
        arguments: &[&str],
        is_left_behind: bool,
        passed: &[BorrowedFd<'_>],
    ) -> std::io::Result<Self> {
        let (ours, theirs) = StdUnixStream::pair()?;
        for descriptor in passed {
            passing::send(&ours, *descriptor)?;
        }
        ours.set_nonblocking(true)?;
        let (notifications, commands) = UnixStream::from_std(ours)?.into_split();
        command.args(std::env::args_os().skip(1));
        command.args(arguments.iter().map(OsStr::new));
        command.stdin(Stdio::from(OwnedFd::from(theirs)));
        command.env_remove(notifier::NOTIFY_SOCKET);
        command.env_remove(notifier::WATCHDOG_PID);
        Ok(Self {
            process: command.spawn()?,
            notifications: Some(BufReader::new(notifications).lines()),
            commands,
            is_left_behind,
        })
    }

    /// The process id, until the child has exited.
    pub(super) fn id(&self) -> Option<u32> {
        self.process.id()
    }

    /// Waits for the next event. Cancel-safe: no event is lost if the future is dropped.
    pub(super) async fn next(&mut self) -> Result<Event, Failure> {
        loop {
            let Some(lines) = &mut self.notifications else {
                let status = self.process.wait().await.map_err(Failure::other)?;
                return Ok(Event::Exited(status));
            };
            tokio::select! {
                biased;
                line = lines.next_line() => match line.as_ref().map(Option::as_deref) {
                    Ok(Some("READY=1")) => return Ok(Event::Ready),
                    Ok(Some("WATCHDOG=1")) => return Ok(Event::Alive),
                    Ok(Some(line)) => {
                        let offers = line.strip_prefix(notifier::OFFERS);
                        if let Some(Ok(offers)) = offers.map(serde_json::from_str) {
                            return Ok(Event::Offers(offers));
                        }
                    }
                    Ok(None) | Err(_) => self.notifications = None,
                },
                status = self.process.wait() => {
                    return Ok(Event::Exited(status.map_err(Failure::other)?));
                }
            }
        }
    }

    /// Sends a command. An error is only logged, because the child may have exited.
    pub(super) fn send(&self, command: &Command) {
        let sent = serde_json::to_string(command).map_err(Into::into);
        let sent = sent.and_then(|line| self.commands.try_write(format!("{line}\n").as_bytes()));
        if let Err(error) = sent {
            tracing::debug!(%error, ?command, "sending a command to a child process failed");
        }
    }

    /// Tells the child to stop. An error is only logged, because the child may have exited.
    pub(super) fn terminate(&self) {
        if !self.is_left_behind {
            self.send(&Command::Stop);
            return;
        }
        let id = self.id().and_then(|id| i32::try_from(id).ok());
        if let Some(pid) = id.and_then(Pid::from_raw)
            && let Err(error) = kill_process(pid, Signal::TERM)
        {
            tracing::warn!(%error, "sending SIGTERM to a child process failed");
        }
    }
}
