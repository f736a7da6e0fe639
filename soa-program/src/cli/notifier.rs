//! Notifications of the state of this process, for its supervisor: systemd, or the process of this program that started it.
//!
//! Both receive the lines of `sd_notify`: `READY=1` when the server accepts requests, `WATCHDOG=1` as a sign of life, and
//! `STOPPING=1` when the server begins to stop. The socket of systemd is in the variable `NOTIFY_SOCKET`. A process that
//! starts another one keeps one end of a pair of sockets, and gives the other end to its child as the standard input
//! ([`child`](super::child)). If that socket closes, the parent is gone. With `--fork`, systemd is notified only by the
//! process that it has started, as `NotifyAccess=main` requires.
//!
//! The process of `--daemon` redirects its output when it is ready. Until then it writes to the terminal.

use std::fs::{File, OpenOptions};
use std::io::{self, Write as _};
use std::os::fd::{AsFd as _, OwnedFd};
use std::os::unix::net::{SocketAddr, UnixDatagram, UnixStream};
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use super::argument::ServeArguments;
use super::failure::Failure;
use super::passing;
use super::registration::Offer;
use crate::telemetry;

/// Variable with the address of systemd's socket.
pub(super) const NOTIFY_SOCKET: &str = "NOTIFY_SOCKET";

/// Begin of the line that tells the parent process what this one offers.
pub(super) const OFFERS: &str = "X_SOA_OFFERS=";

/// Variable with the id of the process that has to send signs of life to systemd.
pub(super) const WATCHDOG_PID: &str = "WATCHDOG_PID";

/// Variable with the longest interval between signs of life, in microseconds.
const WATCHDOG_USEC: &str = "WATCHDOG_USEC";

/// Notifies the supervisor of this process.
pub(super) struct Notifier {
    supervisor: Supervisor,
    follows_parent: bool,
    /// The file for the output once this process is ready.
    output: Option<File>,
    is_ready: AtomicBool,
}

enum Supervisor {
    None,
    Systemd(UnixDatagram, SocketAddr),
    Parent(UnixStream),
}

impl Notifier {
    /// Finds the supervisor, opens the file for the output, and starts a session of its own for a background process.
    pub(super) fn new(serve: &ServeArguments) -> Result<Self, Failure> {
        if serve.leaves_terminal() {
            // The leader of a session gets a terminal again only by opening one, which nothing here does.
            rustix::process::setsid().map_err(Failure::other)?;
        }
        let supervisor = if serve.has_parent() {
            Supervisor::Parent(take_standard_input().map_err(Failure::other)?)
        } else {
            systemd()
        };
        let output = match serve.output() {
            Some(path) => {
                let opened = OpenOptions::new().append(true).create(true).open(path);
                let name = path.display();
                Some(opened.map_err(|error| {
                    Failure::other(format!("`{name}` cannot be written: {error}"))
                })?)
            }
            None => None,
        };
        Ok(Self {
            supervisor,
            follows_parent: serve.follows_parent(),
            output,
            is_ready: AtomicBool::new(false),
        })
    }

    /// The socket on which the parent process sends commands, and which closes when the parent is gone.
    pub(super) fn parent(&self) -> io::Result<Option<UnixStream>> {
        match &self.supervisor {
            Supervisor::Parent(socket) if self.follows_parent => socket.try_clone().map(Some),
            _ => Ok(None),
        }
    }

    /// Takes the next socket that the parent process has passed to this one. Nothing else may have been read from the parent
    /// yet.
    pub(super) fn passed_socket(&self) -> Result<OwnedFd, Failure> {
        match &self.supervisor {
            Supervisor::Parent(socket) => passing::receive(socket).map_err(Failure::other),
            _ => Err(Failure::usage("a flag is for processes of `--fork` alone")),
        }
    }

    /// The longest interval between signs of life, which are sent twice as often.
    pub(super) fn watchdog_period(&self) -> Option<Duration> {
        let is_expected = match &self.supervisor {
            Supervisor::None => false,
            Supervisor::Parent(_) => true,
            Supervisor::Systemd(..) => {
                variable(WATCHDOG_PID).is_none_or(|pid| pid == std::process::id().to_string())
            }
        };
        let micros = variable(WATCHDOG_USEC).filter(|_| is_expected);
        let micros = micros.and_then(|micros| micros.parse().ok());
        micros
            .filter(|micros| *micros > 0)
            .map(Duration::from_micros)
    }

    /// Reports that the server accepts requests.
    pub(super) fn ready(&self, status: &str) {
        if let Some(output) = &self.output {
            // The lines so far belong to the terminal.
            telemetry::flush();
            let moved = rustix::stdio::dup2_stdout(output)
                .and_then(|()| rustix::stdio::dup2_stderr(output));
            if let Err(error) = moved {
                tracing::error!(%error, "redirecting the output failed");
            }
        }
        self.send(&format!("READY=1\nSTATUS={status}\n"));
        self.is_ready.store(true, Ordering::Release);
    }

    /// Tells the parent process what this one offers to a registry, before it is ready.
    pub(super) fn offers(&self, offers: &[Offer]) {
        // Texts and numbers can be written.
        if let Ok(json) = serde_json::to_string(offers) {
            self.send(&format!("{OFFERS}{json}\n"));
        }
    }

    /// Sends a sign of life, once this process is ready: the loop of one service may run before that of another.
    pub(super) fn alive_if_ready(&self) {
        if self.is_ready.load(Ordering::Acquire) {
            self.alive();
        }
    }

    /// Sends a sign of life.
    pub(super) fn alive(&self) {
        self.send("WATCHDOG=1\n");
    }

    /// Reports that the server begins to stop.
    pub(super) fn stopping(&self) {
        self.send("STOPPING=1\nSTATUS=stopping: no longer accepting requests\n");
    }

    fn send(&self, lines: &str) {
        let sent = match &self.supervisor {
            Supervisor::None => Ok(()),
            // The socket is not connected, because systemd may create its socket again.
            Supervisor::Systemd(socket, address) => {
                socket.send_to_addr(lines.as_bytes(), address).map(drop)
            }
            Supervisor::Parent(socket) => (&*socket).write_all(lines.as_bytes()),
        };
        // Both sockets are non-blocking: a supervisor that does not read must not block the service.
        if let Err(error) = sent {
            tracing::debug!(%error, "notifying the supervisor failed");
        }
    }
}

/// The value of a variable; an empty one counts as unset.
fn variable(name: &str) -> Option<String> {
    std::env::var(name).ok().filter(|value| !value.is_empty())
}

/// The socket of systemd, if there is one.
fn systemd() -> Supervisor {
    let Some(name) = variable(NOTIFY_SOCKET) else {
        return Supervisor::None;
    };
    let supervisor = address(&name).and_then(|address| {
        let socket = UnixDatagram::unbound()?;
        socket.set_nonblocking(true)?;
        Ok(Supervisor::Systemd(socket, address))
    });
    supervisor.unwrap_or_else(|error| {
        tracing::warn!(%error, %name, "systemd cannot be notified: bad address in NOTIFY_SOCKET");
        Supervisor::None
    })
}

/// Parses the address of systemd's socket: a path, or an abstract name after `@`.
fn address(name: &str) -> io::Result<SocketAddr> {
    #[cfg(target_os = "linux")]
    if let Some(name) = name.strip_prefix('@') {
        return <SocketAddr as std::os::linux::net::SocketAddrExt>::from_abstract_name(name);
    }
    SocketAddr::from_pathname(name)
}

/// Takes the socket of the parent process, which is the standard input, and replaces it by an empty input. Processes that
/// the service starts must not inherit the socket.
fn take_standard_input() -> io::Result<UnixStream> {
    let socket = UnixStream::from(io::stdin().as_fd().try_clone_to_owned()?);
    rustix::stdio::dup2_stdin(File::open("/dev/null")?)?;
    socket.set_nonblocking(true)?;
    Ok(socket)
}
