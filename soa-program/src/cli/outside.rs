//! Who is outside of this process and wants to know how it fares: systemd, or the process that started this one.
//!
//! Both are told the same, in the lines of `sd_notify`: `READY=1` when requests are taken, `WATCHDOG=1` as a sign of life,
//! `STOPPING=1` at the beginning of the end. systemd has a socket, named by the variable `NOTIFY_SOCKET`. A process of
//! this program that starts another one keeps one end of a pair of sockets, and gives it the other as its standard input
//! ([`child`](super::child)); when that closes, the one that looked after it is gone. So with `--fork` systemd hears from
//! the process that it has started and no other, as `NotifyAccess=main` wants it.
//!
//! A process of `--daemon` leaves the terminal at the moment when it is ready: what it says before is for whoever
//! started it.

use std::fs::{File, OpenOptions};
use std::io::{self, Write as _};
use std::os::fd::AsFd as _;
use std::os::unix::net::{SocketAddr, UnixDatagram, UnixStream};
use std::time::Duration;

use super::arguments::ServeArguments;
use super::failure::Failure;

/// Where systemd listens.
pub(super) const SOCKET: &str = "NOTIFY_SOCKET";

/// Which process has to send signs of life to systemd.
pub(super) const WATCHDOG_PID: &str = "WATCHDOG_PID";

/// How often, at least, in microseconds.
const WATCHDOG_PERIOD: &str = "WATCHDOG_USEC";

/// Who wants to know.
pub(super) struct Outside {
    listener: Listener,
    follows_parent: bool,
    /// Where output goes from when this process is ready.
    output: Option<File>,
}

enum Listener {
    Nobody,
    Systemd(UnixDatagram, SocketAddr),
    Parent(UnixStream),
}

impl Outside {
    /// Finds out who wants to know how this process fares, and takes the process off the terminal if it has to be.
    pub(super) fn find(serve: &ServeArguments) -> Result<Self, Failure> {
        if serve.leaves_terminal() {
            // The first process of a session can get a terminal again only by opening one, which nothing here does.
            rustix::process::setsid().map_err(Failure::other)?;
        }
        let listener = if serve.has_parent() {
            Listener::Parent(take_standard_input().map_err(Failure::other)?)
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
            listener,
            follows_parent: serve.follows_parent(),
            output,
        })
    }

    /// The line on which this process is told to stop, and which closes when the one that looks after it is gone.
    pub(super) fn parent(&self) -> io::Result<Option<UnixStream>> {
        match &self.listener {
            Listener::Parent(line) if self.follows_parent => line.try_clone().map(Some),
            _ => Ok(None),
        }
    }

    /// How often signs of life are wanted; they are sent twice as often.
    pub(super) fn watchdog_period(&self) -> Option<Duration> {
        let is_meant = match &self.listener {
            Listener::Nobody => false,
            Listener::Parent(_) => true,
            Listener::Systemd(..) => {
                variable(WATCHDOG_PID).is_none_or(|pid| pid == std::process::id().to_string())
            }
        };
        let micros = variable(WATCHDOG_PERIOD).filter(|_| is_meant);
        let micros = micros.and_then(|micros| micros.parse().ok());
        micros
            .filter(|micros| *micros > 0)
            .map(Duration::from_micros)
    }

    /// Requests are taken.
    pub(super) fn ready(&self, status: &str) {
        if let Some(output) = &self.output {
            let moved = rustix::stdio::dup2_stdout(output)
                .and_then(|()| rustix::stdio::dup2_stderr(output));
            if let Err(error) = moved {
                tracing::error!(%error, "the process cannot leave its terminal");
            }
        }
        self.tell(&format!("READY=1\nSTATUS={status}\n"));
    }

    /// A sign of life.
    pub(super) fn alive(&self) {
        self.tell("WATCHDOG=1\n");
    }

    /// The end has begun.
    pub(super) fn stopping(&self) {
        self.tell("STOPPING=1\nSTATUS=stopping: no more requests are taken\n");
    }

    fn tell(&self, lines: &str) {
        let told = match &self.listener {
            Listener::Nobody => Ok(()),
            // Not connected: systemd may make its socket anew.
            Listener::Systemd(socket, address) => {
                socket.send_to_addr(lines.as_bytes(), address).map(drop)
            }
            Listener::Parent(line) => (&*line).write_all(lines.as_bytes()),
        };
        // Neither waits: whoever does not listen must not hold up the service.
        if let Err(error) = told {
            tracing::debug!(%error, "nobody hears how this process fares");
        }
    }
}

fn variable(name: &str) -> Option<String> {
    std::env::var(name).ok().filter(|value| !value.is_empty())
}

fn systemd() -> Listener {
    let Some(name) = variable(SOCKET) else {
        return Listener::Nobody;
    };
    let listener = address(&name).and_then(|address| {
        let socket = UnixDatagram::unbound()?;
        socket.set_nonblocking(true)?;
        Ok(Listener::Systemd(socket, address))
    });
    listener.unwrap_or_else(|error| {
        tracing::warn!(%error, %name, "systemd cannot be told how this process fares");
        Listener::Nobody
    })
}

/// The address of systemd's socket: a path, or a name without a file, which begins with `@`.
fn address(name: &str) -> io::Result<SocketAddr> {
    #[cfg(target_os = "linux")]
    if let Some(name) = name.strip_prefix('@') {
        return <SocketAddr as std::os::linux::net::SocketAddrExt>::from_abstract_name(name);
    }
    SocketAddr::from_pathname(name)
}

/// The line to the process that started this one. In its place comes an input without anything in it: what the service
/// starts shall not have the line.
fn take_standard_input() -> io::Result<UnixStream> {
    let line = UnixStream::from(io::stdin().as_fd().try_clone_to_owned()?);
    rustix::stdio::dup2_stdin(File::open("/dev/null")?)?;
    line.set_nonblocking(true)?;
    Ok(line)
}
