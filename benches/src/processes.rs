//! The processes that a run starts. They end with their guards.

use std::error::Error;
use std::net::{Ipv4Addr, TcpListener, TcpStream};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::thread::sleep;
use std::time::{Duration, Instant};

use crate::arguments::Address;

/// Where the Python side of the comparison is.
const REFERENCE: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../soa/tests/interop");

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

    /// The example service, as the program beside this one serves it.
    pub(crate) fn example_server(
        redis: &Address,
        service: &str,
        assignments: &[String],
    ) -> Result<Self, Box<dyn Error>> {
        let program = std::env::current_exe()?.with_file_name("example_service");
        if !program.exists() {
            let hint = "run `cargo build --release -p soa-bench -p example_service` first";
            return Err(format!("{} is not there; {hint}", program.display()).into());
        }
        let mut command = Command::new(program);
        command.args(["serve", "--redis", &redis.text, "--name", service]);
        for assignment in assignments {
            command.args(["--set", assignment]);
        }
        Self::start(command)
    }

    /// The other end of `--raw`.
    pub(crate) fn raw_server(redis: &Address) -> Result<Self, Box<dyn Error>> {
        let mut command = Command::new(std::env::current_exe()?);
        command.args(["raw-server", &redis.text]);
        Self::start(command)
    }

    /// The example service, as PySOA serves it.
    pub(crate) fn reference_server(
        python: &Path,
        redis: &Redis,
        service: &str,
    ) -> Result<Self, Box<dyn Error>> {
        // A relative path is one of the current directory, not of the one that it is started in.
        let mut command = Command::new(std::path::absolute(python)?);
        command.current_dir(REFERENCE);
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
        // It may have ended by itself.
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

/// A Redis of our own, without persistence.
#[derive(Debug)]
pub(crate) struct Redis {
    port: u16,
    _process: Process,
}

impl Redis {
    pub(crate) fn start() -> Result<Self, Box<dyn Error>> {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0))?;
        let port = listener.local_addr()?.port();
        drop(listener);
        let mut command = Command::new("redis-server");
        command.args(["--bind", "127.0.0.1", "--save", "", "--appendonly", "no"]);
        command.args(["--port", &port.to_string()]);
        let process = Process::start(command)?;
        let end = Instant::now() + Duration::from_secs(10);
        while TcpStream::connect((Ipv4Addr::LOCALHOST, port)).is_err() {
            if Instant::now() >= end {
                return Err("redis-server does not answer".into());
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
