//! Processes for tests: Redis, and whatever else they start. They listen on free ports of
//! 127.0.0.1, are waited for by condition, and end with their guards, also when a test panics.

use std::fs::{self, File};
use std::io::{Read as _, Write as _};
use std::net::{Ipv4Addr, TcpListener, TcpStream};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::thread::sleep;
use std::time::{Duration, Instant};

/// The names of masters at sentinels.
pub(crate) const NAMES: [&str; 3] = ["one", "two", "three"];

/// Pause between two looks at a condition.
pub(crate) const PAUSE: Duration = Duration::from_millis(20);

/// A process that is killed when this is dropped. If the test fails, it shows what the process has said.
pub(crate) struct Process {
    name: String,
    pub(crate) child: Child,
    log: PathBuf,
}

impl Process {
    /// Starts it, with its output kept in a file.
    pub(crate) fn start(name: &str, command: &mut Command) -> Self {
        let number = free_port(); // Two tests may start processes of one name.
        let log = Path::new(env!("CARGO_TARGET_TMPDIR")).join(format!("{name}-{number}.log"));
        let output = File::create(&log).expect("the log is created");
        let copy = output.try_clone().expect("the log has a second handle");
        command.stdin(Stdio::null()).stdout(output).stderr(copy);
        let child = command.spawn().unwrap_or_else(|error| {
            panic!("{name} cannot be started: {error}; `./run-tests` installs what the tests need")
        });
        Self {
            name: name.to_owned(),
            child,
            log,
        }
    }

    /// True if it has ended by itself.
    fn has_ended(&mut self) -> bool {
        !matches!(self.child.try_wait(), Ok(None))
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
        if std::thread::panicking() {
            let said = fs::read_to_string(&self.log).unwrap_or_default();
            println!("--- what {} has said ---\n{said}", self.name);
        }
        let _ = fs::remove_file(&self.log);
    }
}

/// One Redis or several of the test's own, without persistence.
pub(crate) struct Redis {
    pub(crate) ports: Vec<u16>,
    /// The port of a sentinel that watches them, if there is one.
    pub(crate) sentinel: Option<u16>,
    /// They end with it.
    pub(crate) _processes: Vec<Process>,
}

impl Redis {
    /// Starts one and waits until it answers.
    pub(crate) fn start() -> Self {
        Self::ring(1)
    }

    /// Starts so many, which know nothing of each other.
    pub(crate) fn ring(count: usize) -> Self {
        let (ports, processes) = (0..count).map(|_| start_one()).unzip();
        Self {
            ports,
            sentinel: None,
            _processes: processes,
        }
    }

    /// Their addresses, as a setting.
    pub(crate) fn addresses(&self) -> String {
        if let Some(port) = self.sentinel {
            let names = NAMES
                .get(..self.ports.len())
                .expect("there are enough names");
            return format!(
                "redis-sentinel://127.0.0.1:{port}?services={}",
                names.join(",")
            );
        }
        let addresses = self.ports.iter().map(|port| format!("127.0.0.1:{port}"));
        addresses.collect::<Vec<_>>().join(",")
    }
}

fn start_one() -> (u16, Process) {
    // Between looking for a free port and taking it, another process may be quicker.
    for _ in 0..5 {
        let port = free_port();
        let mut command = Command::new("redis-server");
        command.args(["--bind", "127.0.0.1", "--save", "", "--appendonly", "no"]);
        command.args(["--port", &port.to_string()]);
        command.current_dir(env!("CARGO_TARGET_TMPDIR"));
        let mut process = Process::start("redis-server", &mut command);
        let end = Instant::now() + Duration::from_secs(10);
        while Instant::now() < end && !process.has_ended() {
            if answers_ping(port) {
                return (port, process);
            }
            sleep(PAUSE);
        }
    }
    panic!("redis-server does not answer")
}

pub(crate) fn free_port() -> u16 {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).expect("there is a free port");
    listener.local_addr().expect("it has an address").port()
}

pub(crate) fn answers_ping(port: u16) -> bool {
    let Ok(mut stream) = TcpStream::connect((Ipv4Addr::LOCALHOST, port)) else {
        return false;
    };
    let mut answer = [0; 7];
    stream
        .set_read_timeout(Some(Duration::from_secs(1)))
        .is_ok()
        && stream.write_all(b"PING\r\n").is_ok()
        && stream.read_exact(&mut answer).is_ok()
        && &answer == b"+PONG\r\n"
}
