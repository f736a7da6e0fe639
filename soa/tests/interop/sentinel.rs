//! A sentinel that watches the masters of a test.

use std::fs;
use std::path::Path;
use std::process::Command;
use std::thread::sleep;
use std::time::{Duration, Instant};

use super::processes::{NAMES, PAUSE, Process, Redis, answers_ping, free_port};

impl Redis {
    /// Has a sentinel watch them; from then on they are found by it, under the names `one`, `two` and so on.
    pub(crate) fn watched(mut self) -> Self {
        let port = free_port();
        let configuration = format!("sentinel-{port}.conf");
        let path = Path::new(env!("CARGO_TARGET_TMPDIR")).join(&configuration);
        let mut lines = format!("port {port}\nbind 127.0.0.1\n");
        for (name, master) in NAMES.iter().zip(&self.ports) {
            lines += &format!("sentinel monitor {name} 127.0.0.1 {master} 1\n");
        }
        fs::write(path, lines).expect("the configuration is written");
        let mut command = Command::new("redis-server");
        command.args([&configuration, "--sentinel"]);
        command.current_dir(env!("CARGO_TARGET_TMPDIR"));
        self._processes
            .push(Process::start("sentinel", &mut command));
        let end = Instant::now() + Duration::from_secs(10);
        while !answers_ping(port) {
            assert!(Instant::now() < end, "the sentinel does not answer");
            sleep(PAUSE);
        }
        self.sentinel = Some(port);
        self
    }
}
