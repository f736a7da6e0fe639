//! An agent of Consul, which ends with its test.

use std::io::{Read as _, Write as _};
use std::net::{TcpListener, TcpStream};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

/// The token that may do all, where the agent has an ACL.
pub(crate) const MANAGER: &str = "2f6b4a55-9a7c-4c1e-8f0d-0d4b2a6c9e11";

/// Settings of an agent that lets nobody in without a token.
const WITH_ACL: &str = "acl { enabled = true, default_policy = \"deny\", tokens { master = \
                        \"2f6b4a55-9a7c-4c1e-8f0d-0d4b2a6c9e11\", agent = \"2f6b4a55-9a7c-4c1e-8f0d-0d4b2a6c9e11\" } }";

/// Attempts to start an agent on free ports.
const ATTEMPTS: usize = 5;

/// An agent on a free port, with its data in memory alone.
pub(crate) struct Agent {
    pub(crate) port: u16,
    /// Further settings.
    settings: String,
    process: Option<Child>,
}

impl Agent {
    pub(crate) fn start() -> Self {
        Self::with("")
    }

    pub(crate) fn with_acl() -> Self {
        Self::with(WITH_ACL)
    }

    /// An agent with further settings.
    pub(crate) fn with(settings: &str) -> Self {
        // Another test may be given one of the ports in the meantime.
        for _ in 0..ATTEMPTS {
            let mut agent = Self {
                port: free_port(),
                settings: settings.to_owned(),
                process: None,
            };
            if agent.try_start() {
                return agent;
            }
        }
        panic!("Consul ends when it has been started");
    }

    /// An agent on this port, which nobody uses.
    #[allow(dead_code, reason = "the tests of the command line use this file, too")]
    pub(crate) fn start_at(port: u16) -> Self {
        let mut agent = Self {
            port,
            settings: String::new(),
            process: None,
        };
        agent.start_again();
        agent
    }

    /// Starts it on the same port, empty.
    pub(crate) fn start_again(&mut self) {
        let is_started = (0..ATTEMPTS).any(|_| self.try_start());
        assert!(is_started, "Consul ends when it has been started");
    }

    /// Returns true if it has its ports.
    fn try_start(&mut self) -> bool {
        let in_project = concat!(env!("CARGO_MANIFEST_DIR"), "/../.consul/consul");
        let program = std::env::var("CONSUL").unwrap_or_else(|_| in_project.to_owned());
        let mut command = Command::new(&program);
        command.args([
            "agent",
            "-dev",
            "-bind",
            "127.0.0.1",
            "-client",
            "127.0.0.1",
        ]);
        command.args([
            "-dns-port",
            "-1",
            "-grpc-port",
            "-1",
            "-serf-wan-port",
            "-1",
        ]);
        command.args(["-http-port", &self.port.to_string(), "-log-level", "err"]);
        let internal = [
            ("-serf-lan-port", free_port()),
            ("-server-port", free_port()),
        ];
        for (flag, port) in internal {
            command.args([flag, &port.to_string()]);
        }
        if !self.settings.contains("dns") {
            command.args(["-dns-port", "-1"]);
        }
        if !self.settings.is_empty() {
            command.args(["-hcl", &self.settings]);
        }
        let started = command.stdout(Stdio::null()).stderr(Stdio::null()).spawn();
        self.process = Some(started.unwrap_or_else(|error| {
            panic!(
                "`{program}` cannot be started: {error}. This test needs Consul: `scripts/get-consul .consul` unpacks it \
                 on Debian, or set CONSUL"
            )
        }));
        let limit = Instant::now() + Duration::from_secs(30);
        while !self.is_ready() {
            if self.process.as_mut().unwrap().try_wait().unwrap().is_some() {
                return false;
            }
            assert!(Instant::now() < limit, "`{program}` does not start");
            std::thread::sleep(Duration::from_millis(20));
        }
        true
    }

    fn is_ready(&self) -> bool {
        let (status, body) = self
            .try_ask("GET", "/v1/catalog/nodes", "")
            .unwrap_or_default();
        // The agent is its own node, once it has chosen itself as the leader.
        status == 200 && body.contains("\"Node\"")
    }

    pub(crate) fn kill(&mut self) {
        if let Some(mut process) = self.process.take() {
            process.kill().unwrap();
            process.wait().unwrap();
        }
    }

    /// Sends a signal to it: `STOP` and `CONT` make it hang, and go on.
    pub(crate) fn signal(&self, signal: &str) {
        let pid = self.process.as_ref().unwrap().id().to_string();
        let sent = Command::new("kill").args(["-s", signal, &pid]).status();
        assert!(sent.unwrap().success());
    }

    pub(crate) fn url(&self) -> String {
        format!("consul://127.0.0.1:{}", self.port)
    }

    /// Asks it as any other program would.
    pub(crate) fn ask(&self, method: &str, target: &str, body: &str) -> String {
        let (status, answer) = self.try_ask(method, target, body).unwrap();
        assert_eq!(status, 200, "{method} {target}: {answer}");
        answer
    }

    fn try_ask(&self, method: &str, target: &str, body: &str) -> Option<(u16, String)> {
        let mut stream = TcpStream::connect(("127.0.0.1", self.port)).ok()?;
        let length = body.len();
        // By HTTP/1.0, answers end with their connections.
        let request = format!(
            "{method} {target} HTTP/1.0\r\nHost: consul\r\nX-Consul-Token: {MANAGER}\r\nContent-Length: {length}\r\n\r\n{body}"
        );
        stream.write_all(request.as_bytes()).ok()?;
        let mut answer = String::new();
        stream.read_to_string(&mut answer).ok()?;
        let (head, body) = answer.split_once("\r\n\r\n")?;
        let status = head.split(' ').nth(1)?.parse().ok()?;
        Some((status, body.to_owned()))
    }

    /// Registers a service as another program would, with a check that passes.
    pub(crate) fn register(&self, id: &str, rest: &str) {
        let check = "\"check\":{\"ttl\":\"600s\",\"status\":\"passing\"}";
        let body = format!("{{\"name\":\"shop\",\"id\":\"{id}\",{check}{rest}}}");
        self.ask("PUT", "/v1/agent/service/register", &body);
    }
}

impl Drop for Agent {
    fn drop(&mut self) {
        self.kill();
    }
}

/// A port that nobody listens on.
pub(crate) fn free_port() -> u16 {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    listener.local_addr().unwrap().port()
}
