//! The processes that a run starts. Each ends when its guard is dropped.

use std::error::Error;
use std::net::{Ipv4Addr, TcpListener, TcpStream};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::str::FromStr;
use std::thread::sleep;
use std::time::{Duration, Instant};

use soa::{BuildError, RedisSettings};

/// The directory of the example service in Python.
const REFERENCE_DIRECTORY: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../soa/tests/interop");

/// The directory of the example component in Python.
const ASPYX_DIRECTORY: &str = concat!(
    env!("CARGO_MANIFEST_DIR"),
    "/../example_service/tests/aspyx/python"
);

/// The time within which Redis must accept connections.
const REDIS_START_TIMEOUT: Duration = Duration::from_secs(10);

/// An address of Redis: the text, for processes that are started, and the settings.
#[derive(Clone, Debug)]
pub(crate) struct Address {
    pub(crate) text: String,
    pub(crate) settings: Box<RedisSettings>,
}

impl FromStr for Address {
    type Err = BuildError;

    fn from_str(text: &str) -> Result<Self, BuildError> {
        Ok(Self {
            text: text.to_owned(),
            settings: Box::new(text.parse()?),
        })
    }
}

/// A process that is killed when this is dropped.
#[derive(Debug)]
pub(crate) struct Process(Child);

impl Process {
    fn start(mut command: Command) -> Result<Self, Box<dyn Error>> {
        command.stdin(Stdio::null()).stdout(Stdio::null());
        let child = command.spawn().map_err(|error| {
            let program = command.get_program().to_string_lossy();
            format!("`{program}` cannot be started: {error}")
        })?;
        Ok(Self(child))
    }

    pub(crate) fn id(&self) -> u32 {
        self.0.id()
    }

    /// Starts the example service from the binary beside this one.
    pub(crate) fn example_server(
        redis: &Address,
        service: &str,
        assignments: &[String],
    ) -> Result<Self, Box<dyn Error>> {
        let program = std::env::current_exe()?.with_file_name("example_service");
        if !program.exists() {
            let hint = "run `cargo build --release -p soa-bench -p example_service` first";
            return Err(format!("{} does not exist; {hint}", program.display()).into());
        }
        let mut command = Command::new(program);
        command.args(["serve", "--redis", &redis.text, "--name", service]);
        for assignment in assignments {
            command.args(["--set", assignment]);
        }
        Self::start(command)
    }

    /// Starts the server side of `--raw`.
    pub(crate) fn raw_server(redis: &Address) -> Result<Self, Box<dyn Error>> {
        let mut command = Command::new(std::env::current_exe()?);
        command.args(["raw-server", &redis.text]);
        Self::start(command)
    }

    /// Starts the example component, which serves HTTP, from the binary beside this one.
    pub(crate) fn component_server(port: u16) -> Result<Self, Box<dyn Error>> {
        let program = std::env::current_exe()?.with_file_name("example_component");
        if !program.exists() {
            let hint = "run `cargo build --release -p soa-bench -p example_service` first";
            return Err(format!("{} does not exist; {hint}", program.display()).into());
        }
        let mut command = Command::new(program);
        command.args(["serve", "--http", &format!("127.0.0.1:{port}")]);
        command.stderr(Stdio::null());
        Self::start(command)
    }

    /// Starts the bare handler of axum.
    pub(crate) fn bare_server(port: u16) -> Result<Self, Box<dyn Error>> {
        let mut command = Command::new(std::env::current_exe()?);
        command.args(["bare-server", &port.to_string()]);
        Self::start(command)
    }

    /// Starts the example component of Aspyx.
    pub(crate) fn aspyx_server(python: &Path, port: u16) -> Result<Self, Box<dyn Error>> {
        let mut command = Command::new(std::path::absolute(python)?);
        command.current_dir(ASPYX_DIRECTORY);
        command.args(["server.py", &port.to_string()]);
        command.env("PYTHONDONTWRITEBYTECODE", "1");
        command.stderr(Stdio::null());
        Self::start(command)
    }

    /// Starts the example service of PySOA.
    pub(crate) fn reference_server(
        python: &Path,
        redis: &Redis,
        service: &str,
    ) -> Result<Self, Box<dyn Error>> {
        // A relative path is relative to our current directory, not to the one in which the process starts.
        let mut command = Command::new(std::path::absolute(python)?);
        command.current_dir(REFERENCE_DIRECTORY);
        command.args(["-m", "reference_service.standalone"]);
        command.args(["-s", "reference_service.settings"]);
        command.env("PYTHONDONTWRITEBYTECODE", "1");
        command.env("SOA_REDIS_PORTS", redis.port.to_string());
        command.env("SOA_SERVICE_NAME", service);
        Self::start(command)
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        // Fails only if it has already ended.
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

/// Returns a port that nobody listens on.
pub(crate) fn free_port() -> Result<u16, Box<dyn Error>> {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0))?;
    Ok(listener.local_addr()?.port())
}

/// A Redis that this program has started, without persistence.
#[derive(Debug)]
pub(crate) struct Redis {
    port: u16,
    _process: Process,
}

impl Redis {
    pub(crate) fn start() -> Result<Self, Box<dyn Error>> {
        let port = free_port()?;
        let mut command = Command::new("redis-server");
        command.args(["--bind", "127.0.0.1", "--save", "", "--appendonly", "no"]);
        command.args(["--port", &port.to_string()]);
        let process = Process::start(command)?;
        let end = Instant::now() + REDIS_START_TIMEOUT;
        while TcpStream::connect((Ipv4Addr::LOCALHOST, port)).is_err() {
            if Instant::now() >= end {
                return Err("redis-server does not accept connections".into());
            }
            sleep(Duration::from_millis(5));
        }
        Ok(Self {
            port,
            _process: process,
        })
    }

    pub(crate) fn address(&self) -> Result<Address, Box<dyn Error>> {
        Ok(format!("127.0.0.1:{}", self.port).parse()?)
    }
}
