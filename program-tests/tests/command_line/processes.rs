//! Processes of the tests. They listen on free ports of 127.0.0.1, and are killed when their guards are dropped. Tests wait
//! for conditions, not for times.

use std::ffi::OsStr;
use std::fs::{self, File};
use std::io::{Read as _, Write as _};
use std::net::{Ipv4Addr, TcpListener, TcpStream};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus, Output, Stdio};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread::sleep;
use std::time::{Duration, Instant};

/// Time limit for a condition. It is long, because the machine may be busy.
const WAIT_LIMIT: Duration = Duration::from_secs(60);

/// Waits until a value is found.
pub(crate) fn wait_for<T>(what: &str, mut find: impl FnMut() -> Option<T>) -> T {
    let end = Instant::now() + WAIT_LIMIT;
    loop {
        if let Some(found) = find() {
            return found;
        }
        assert!(Instant::now() < end, "waited in vain: {what}");
        sleep(Duration::from_millis(10));
    }
}

/// The binary of the example service.
pub(crate) fn example_service(arguments: &[&str]) -> Command {
    program(env!("CARGO_BIN_EXE_example"), arguments)
}

/// The binary of the service that behaves badly.
pub(crate) fn unruly(arguments: &[&str]) -> Command {
    program(env!("CARGO_BIN_EXE_unruly"), arguments)
}

/// A binary, without the variables of the environment that would change its behaviour, and with the usual signals: under
/// `nohup` this process ignores SIGHUP, which its children would inherit.
pub(crate) fn program(path: impl AsRef<OsStr>, arguments: &[&str]) -> Command {
    let mut command = Command::new("env");
    command.arg("--default-signal=HUP,INT,TERM").arg(path);
    for (name, _) in std::env::vars_os() {
        let of_systemd = ["NOTIFY_SOCKET", "WATCHDOG_USEC", "WATCHDOG_PID"];
        let name_text = name.to_string_lossy();
        if name_text.starts_with("SOA_") || of_systemd.contains(&&*name_text) {
            command.env_remove(name);
        }
    }
    command.args(arguments).stdin(Stdio::null());
    command
}

/// Runs the example service to its end. Returns exit code, standard output and standard error.
pub(crate) fn run(arguments: &[&str]) -> (Option<i32>, String, String) {
    let output = example_service(arguments).output();
    outcome(&output.expect("the binary starts"))
}

/// The same for the service that behaves badly.
pub(crate) fn run_unruly(arguments: &[&str]) -> (Option<i32>, String, String) {
    let output = unruly(arguments).output();
    outcome(&output.expect("the binary starts"))
}

/// Exit code, standard output and standard error of a process that has ended.
pub(crate) fn outcome(output: &Output) -> (Option<i32>, String, String) {
    let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
    (
        output.status.code(),
        text(&output.stdout),
        text(&output.stderr),
    )
}

/// The path of a file that does not exist yet.
pub(crate) fn fresh_file(name: &str) -> PathBuf {
    static NUMBER: AtomicUsize = AtomicUsize::new(0);
    let number = NUMBER.fetch_add(1, Ordering::Relaxed);
    let name = format!("command-line-{}-{number}-{name}", std::process::id());
    Path::new(env!("CARGO_TARGET_TMPDIR")).join(name)
}

/// A process that calls an action of the service that behaves badly, with a timeout that no test reaches. It does not ask for
/// the types first, so this is the only job.
pub(crate) fn caller(action: &str, body: &str, address: &str) -> Process {
    let limits = ["--timeout", "10m", "--raw", "--redis", address];
    let call = [&["call", action, body][..], &limits].concat();
    Process::start(&mut unruly(&call))
}

/// Calls an action that blocks its thread for longer than any test runs.
pub(crate) fn hold(action: &str, address: &str) -> Process {
    caller(action, r#"{"milliseconds": 600000}"#, address)
}

/// Sends a signal, such as `TERM`, to a process that a test has started.
pub(crate) fn signal(pid: u32, name: &str) {
    let mut kill = Command::new("kill");
    let sent = kill.args([format!("-{name}"), pid.to_string()]).status();
    assert!(sent.expect("`kill` runs").success());
}

/// A process that runs, and is killed when this is dropped.
pub(crate) struct Process {
    child: Child,
    log: PathBuf,
}

impl Process {
    /// Starts it, with its output in a file.
    pub(crate) fn start(command: &mut Command) -> Self {
        let log = fresh_file("log");
        let output = File::create(&log).expect("the log is created");
        let copy = output.try_clone().expect("the log has a second handle");
        let started = command
            .stdin(Stdio::null())
            .stdout(output)
            .stderr(copy)
            .spawn();
        let child =
            started.expect("the process starts; `./run-tests` installs what the tests need");
        Self { child, log }
    }

    /// The output so far.
    pub(crate) fn log(&self) -> String {
        fs::read_to_string(&self.log).unwrap_or_default()
    }

    /// Waits for a text in the output.
    pub(crate) fn says(&self, text: &str) {
        wait_for(text, || self.log().contains(text).then_some(()));
    }

    /// Number of occurrences of a text in the output.
    pub(crate) fn count(&self, text: &str) -> usize {
        self.log().matches(text).count()
    }

    /// Waits for a number of occurrences of a text in the output.
    pub(crate) fn says_times(&self, count: usize, text: &str) {
        wait_for(text, || (self.count(text) >= count).then_some(()));
    }

    pub(crate) fn pid(&self) -> u32 {
        self.child.id()
    }

    /// Sends a signal, such as `TERM`.
    pub(crate) fn signal(&self, name: &str) {
        signal(self.child.id(), name);
    }

    /// Waits for the exit.
    pub(crate) fn end(&mut self) -> ExitStatus {
        wait_for("the end of the process", || {
            self.child.try_wait().expect("it can be waited for")
        })
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
        if std::thread::panicking() {
            println!("--- output of a process ---\n{}", self.log());
        }
        let _ = fs::remove_file(&self.log);
    }
}

/// A Redis for one test, without persistence.
pub(crate) struct Redis {
    pub(crate) port: u16,
    process: Process,
}

impl Redis {
    pub(crate) fn start() -> Self {
        Self::start_by(Command::new("redis-server"))
    }

    /// The same by a command that may have variables.
    pub(crate) fn start_by(mut command: Command) -> Self {
        command.args(["--bind", "127.0.0.1", "--save", "", "--appendonly", "no"]);
        Self::run(command)
    }

    /// A sentinel that watches a master under this name. It writes to its file of settings.
    pub(crate) fn sentinel(name: &str, master: &Self, file: &Path) -> Self {
        let watched = format!("sentinel monitor {name} 127.0.0.1 {} 1\n", master.port);
        fs::write(file, format!("bind 127.0.0.1\n{watched}")).expect("the file can be written");
        let mut command = Command::new("redis-server");
        command.arg(file).arg("--sentinel");
        Self::run(command)
    }

    fn run(mut command: Command) -> Self {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).expect("there is a free port");
        let port = listener.local_addr().expect("it has an address").port();
        drop(listener);
        command.args(["--port", &port.to_string()]);
        let process = Process::start(&mut command);
        wait_for("Redis", || {
            TcpStream::connect((Ipv4Addr::LOCALHOST, port)).ok()
        });
        Self { port, process }
    }

    /// Kills it, as if its machine went down.
    pub(crate) fn kill(&mut self) {
        self.process.signal("KILL");
        self.process.end();
    }

    pub(crate) fn address(&self) -> String {
        format!("127.0.0.1:{}", self.port)
    }

    /// Runs one command. Returns the answer as it was sent.
    pub(crate) fn ask(&self, command: &str) -> String {
        ask_at(self.port, command)
    }

    /// Sets one of its options.
    pub(crate) fn set(&self, option: &str, value: &str) {
        let mut stream = TcpStream::connect((Ipv4Addr::LOCALHOST, self.port)).expect("it is there");
        let sent = writeln!(stream, "CONFIG SET {option} {value}\r");
        sent.expect("it takes a command");
        let mut answer = [0; 5];
        stream.read_exact(&mut answer).expect("it answers");
        assert_eq!(&answer, b"+OK\r\n");
    }
}

/// Runs one command at the Redis with this port. Returns the answer as it was sent, as far as it is text.
pub(crate) fn ask_at(port: u16, command: &str) -> String {
    let mut stream = TcpStream::connect((Ipv4Addr::LOCALHOST, port)).expect("it is there");
    let sent = write!(stream, "{command}\r\nQUIT\r\n");
    sent.expect("it takes a command");
    let mut answer = Vec::new();
    let read = stream.read_to_end(&mut answer);
    read.expect("it answers and closes");
    let answer = String::from_utf8_lossy(&answer);
    answer.trim_end_matches("+OK\r\n").to_owned()
}
