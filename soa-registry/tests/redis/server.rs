//! A Redis on a free port, which ends with its test.

use std::io::{Read as _, Write as _};
use std::net::{TcpListener, TcpStream};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

pub(crate) struct Redis {
    pub(crate) port: u16,
    process: Option<Child>,
}

impl Redis {
    pub(crate) fn start() -> Self {
        loop {
            let listener = TcpListener::bind("127.0.0.1:0").unwrap();
            let port = listener.local_addr().unwrap().port();
            drop(listener);
            let process = None;
            let mut redis = Self { port, process };
            // Another test may have been given the port in the meantime.
            if redis.try_start() {
                return redis;
            }
        }
    }

    /// Starts it on the same port, empty.
    pub(crate) fn start_again(&mut self) {
        assert!(self.try_start(), "somebody else has the port");
    }

    /// Returns true if it has the port.
    fn try_start(&mut self) -> bool {
        let mut command = Command::new("redis-server");
        command.args(["--bind", "127.0.0.1", "--save", "", "--appendonly", "no"]);
        command.args(["--port", &self.port.to_string()]);
        command.current_dir(env!("CARGO_TARGET_TMPDIR"));
        let started = command.stdout(Stdio::null()).stderr(Stdio::null()).spawn();
        let started = started.expect("`redis-server` can be started");
        let pid = format!("process_id:{}", started.id());
        self.process = Some(started);
        let limit = Instant::now() + Duration::from_secs(20);
        while TcpStream::connect(("127.0.0.1", self.port)).is_err() {
            assert!(Instant::now() < limit, "Redis does not start");
            std::thread::sleep(Duration::from_millis(5));
        }
        self.command("INFO server").contains(&pid)
    }

    pub(crate) fn kill(&mut self) {
        if let Some(mut process) = self.process.take() {
            process.kill().unwrap();
            process.wait().unwrap();
        }
    }

    /// Runs a command, and returns the lines of its answer.
    pub(crate) fn command(&self, command: &str) -> Vec<String> {
        let mut stream = TcpStream::connect(("127.0.0.1", self.port)).unwrap();
        let words: Vec<&str> = command.split(' ').collect();
        let mut out = format!("*{}\r\n", words.len());
        for word in words {
            out += &format!("${}\r\n{word}\r\n", word.len());
        }
        // After this, Redis closes the connection.
        out += "*1\r\n$4\r\nQUIT\r\n";
        stream.write_all(out.as_bytes()).unwrap();
        let mut answer = Vec::new();
        // Redis may reset the connection behind the last byte, which is no failure if the answer is whole.
        let _ = stream.read_to_end(&mut answer);
        let answer = String::from_utf8(answer).unwrap();
        let answer = answer.strip_suffix("+OK\r\n").unwrap();
        answer.lines().map(str::to_owned).collect()
    }
}

impl Drop for Redis {
    fn drop(&mut self) {
        self.kill();
    }
}
