//! The Python side of the tests: the reference, PySOA, as a service and as a client.

use std::path::PathBuf;
use std::process::Command;

use super::processes::{Process, Redis};

/// The folder of the Python side: the suite and the reference service.
const DIRECTORY: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../soa/tests/interop");

/// The Python that has PySOA.
fn python() -> PathBuf {
    let Some(python) = std::env::var_os("PYSOA_PYTHON") else {
        panic!(
            "PYSOA_PYTHON is not set: it names a Python that has pysoa 1.4.9 installed. `./run-tests` makes \
             one in `.venv-pysoa` and runs this test with it"
        );
    };
    PathBuf::from(python)
}

/// A Python program in the directory of the Python side.
fn python_program() -> Command {
    let mut command = Command::new(python());
    command.current_dir(DIRECTORY);
    command.env("PYTHONDONTWRITEBYTECODE", "1");
    command
}

/// A Python program that knows where this Redis is.
pub(crate) fn python_command(redis: &Redis) -> Command {
    let mut command = python_program();
    let ports = redis.ports.iter().map(ToString::to_string);
    command.env("SOA_REDIS_PORTS", ports.collect::<Vec<_>>().join(","));
    if let Some(port) = redis.sentinel {
        command.env("SOA_SENTINEL_PORT", port.to_string());
    }
    command
}

/// The example service as the reference serves it, under this name.
pub(crate) fn reference_service(redis: &Redis, name: &str) -> Process {
    chunking_reference_service(redis, name, 0)
}

/// The same, cutting responses of more than so many bytes into pieces; 0 for never.
pub(crate) fn chunking_reference_service(redis: &Redis, name: &str, bytes: usize) -> Process {
    let mut command = python_command(redis);
    command.env("SOA_CHUNK_BYTES", bytes.to_string());
    command.args(["-m", "reference_service.standalone"]);
    command.args(["-s", "reference_service.settings"]);
    command.env("SOA_SERVICE_NAME", name);
    Process::start(&format!("reference-{name}"), &mut command)
}
