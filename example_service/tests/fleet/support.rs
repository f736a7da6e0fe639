//! Instances and callers as processes, and conditions to wait for.

use std::io::{BufRead, BufReader, Lines};
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdin, ChildStdout, Command, Stdio};
use std::sync::mpsc::{Receiver, channel};
use std::time::{Duration, Instant};

use crate::agent::{Agent, free_port};

/// Time limit for whatever a test waits for. It is long, because the machine may be busy.
const WAIT_LIMIT: Duration = Duration::from_secs(60);

/// Waits for a condition.
pub(crate) async fn until(what: &str, mut is_so: impl FnMut() -> bool) {
    let begin = Instant::now();
    while !is_so() {
        assert!(begin.elapsed() < WAIT_LIMIT, "waited in vain: {what}");
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
}

/// The ports of the instances that Consul lists as passing.
pub(crate) fn passing(agent: &Agent) -> Vec<u16> {
    let listed = agent.ask("GET", "/v1/health/service/example-component?passing=1", "");
    let listed: serde_json::Value = serde_json::from_str(&listed).unwrap();
    let ports = listed.as_array().unwrap().iter();
    let ports =
        ports.map(|entry| u16::try_from(entry["Service"]["Port"].as_u64().unwrap()).unwrap());
    ports.collect()
}

/// Waits until Consul lists exactly the instances at these ports.
pub(crate) async fn until_passing(agent: &Agent, ports: &[u16]) {
    let mut wanted = ports.to_vec();
    wanted.sort_unstable();
    until(&format!("{wanted:?} are passing"), || {
        let mut listed = passing(agent);
        listed.sort_unstable();
        listed == wanted
    })
    .await;
}

/// An instance of the component in Rust.
#[derive(Debug)]
pub(crate) struct Instance {
    child: Child,
    pub(crate) port: u16,
}

impl Instance {
    /// Starts it at a free port, or at this one.
    pub(crate) fn start(agent: &Agent, port: u16) -> Self {
        let mut child = Command::new(env!("CARGO_BIN_EXE_example_component"))
            .args(["serve", "--http", &format!("127.0.0.1:{port}")])
            .args(["--registry", &agent.url()])
            .args(["--set", "server.registry.check_interval=1s"])
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        let mut lines = BufReader::new(child.stderr.take().unwrap()).lines();
        let url = lines.by_ref().map_while(Result::ok).find_map(|line| {
            let (_, url) = line.split_once("http=")?;
            let url = url.split([' ', '"']).find(|part| !part.is_empty())?;
            Some(url.to_owned())
        });
        let url = url.expect("the log tells the address");
        // Whoever writes to a closed pipe fails.
        std::thread::spawn(move || lines.for_each(drop));
        let port = url.rsplit(':').next().unwrap().parse().unwrap();
        Self { child, port }
    }

    /// Ends it as an operator would. Returns when it has ended, and fails if it has lost jobs.
    pub(crate) async fn stop(mut self) {
        signal(&self.child, "TERM");
        let mut ended = None;
        until("the instance ends", || {
            ended = self.child.try_wait().unwrap();
            ended.is_some()
        })
        .await;
        assert!(ended.unwrap().success(), "{ended:?}");
    }

    /// Ends it at once, with all that it does.
    pub(crate) fn kill(mut self) {
        self.child.kill().unwrap();
        self.child.wait().unwrap();
    }
}

impl Drop for Instance {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

fn signal(child: &Child, signal: &str) {
    let sent = Command::new("kill")
        .args(["-s", signal, &child.id().to_string()])
        .status();
    assert!(sent.unwrap().success());
}

fn python(script: &str) -> Command {
    let python = std::env::var("ASPYX_PYTHON").expect(
        "ASPYX_PYTHON names a Python with aspyx-service 0.11.4: `./run-tests` installs one",
    );
    let mut command = Command::new(python);
    let folder: PathBuf = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/aspyx/python");
    command
        .arg(script)
        .current_dir(folder)
        .env("PYTHONDONTWRITEBYTECODE", "1");
    command
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::null());
    command
}

/// An instance of the component by the unmodified server of the reference.
#[derive(Debug)]
pub(crate) struct PythonInstance {
    child: Child,
    pub(crate) port: u16,
}

impl PythonInstance {
    pub(crate) fn start(agent: &Agent) -> Self {
        let port = free_port();
        let mut command = python("server.py");
        let command = command.args([port.to_string(), agent.port.to_string()]);
        let child = command.stdout(Stdio::null()).spawn().unwrap();
        Self { child, port }
    }
}

impl Drop for PythonInstance {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// The unmodified client of the reference, which calls again and again.
pub(crate) struct PythonCaller {
    child: Child,
    _input: ChildStdin,
    outcomes: Receiver<String>,
}

impl PythonCaller {
    pub(crate) fn start(agent: &Agent, channel_name: &str) -> Self {
        let mut command = python("fleet_caller.py");
        let mut child = command
            .args([&agent.port.to_string(), channel_name])
            .spawn()
            .unwrap();
        let lines: Lines<BufReader<ChildStdout>> =
            BufReader::new(child.stdout.take().unwrap()).lines();
        let (sender, outcomes) = channel();
        std::thread::spawn(move || {
            for line in lines.map_while(Result::ok) {
                if sender.send(line).is_err() {
                    break;
                }
            }
        });
        Self {
            _input: child.stdin.take().unwrap(),
            child,
            outcomes,
        }
    }

    /// Waits for an outcome that begins so.
    pub(crate) async fn until(&self, outcome: &str) {
        until(&format!("the reference's call is {outcome}"), || {
            self.outcomes
                .try_iter()
                .any(|line| line.starts_with(outcome))
        })
        .await;
    }

    /// The outcomes of the calls since the last look.
    pub(crate) fn outcomes(&self) -> Vec<String> {
        self.outcomes.try_iter().collect()
    }
}

impl Drop for PythonCaller {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
