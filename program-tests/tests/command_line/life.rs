//! Signs of life: the heartbeat file, and the notifications of systemd.

use std::collections::BTreeSet;
use std::fs;
use std::os::unix::net::UnixDatagram;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use crate::processes::{Process, Redis, example_service, fresh_file, hold, unruly, wait_for};

fn serve(redis: &Redis, heartbeat: &str, arguments: &[&str]) -> Process {
    let setting = format!("server.heartbeat_file={heartbeat}");
    let address = redis.address();
    let command = ["serve", "--redis", &address, "--set", &setting];
    Process::start(unruly(&command).args(arguments))
}

fn text(path: &Path) -> String {
    path.to_str().expect("it is text").to_owned()
}

/// The time in a heartbeat file.
fn time(path: &Path) -> Option<f64> {
    fs::read_to_string(path).ok()?.parse().ok()
}

#[test]
fn a_heartbeat_file_has_the_time_while_the_server_lives_and_is_removed_at_its_end() {
    let redis = Redis::start();
    let pattern = text(&fresh_file("heartbeat-{{pid}}-{{fid}}"));
    let mut server = serve(&redis, &pattern, &[]);
    let path: PathBuf = pattern
        .replace("{{pid}}", &server.pid().to_string())
        .replace("{{fid}}", "main")
        .into();
    let first = wait_for("the file", || time(&path));
    assert!(first > 1.7e9, "{first}");
    let second = wait_for("another beat", || time(&path).filter(|now| *now > first));
    // Somebody cleans up.
    fs::remove_file(&path).expect("it is there");
    wait_for("it is there again", || {
        time(&path).filter(|now| *now > second)
    });
    server.signal("TERM");
    assert_eq!(server.end().code(), Some(0));
    assert!(!path.exists());
}

#[test]
fn a_heartbeat_file_has_nothing_but_the_time_in_it_whatever_was_there_before() {
    let redis = Redis::start();
    let path = fresh_file("heartbeat");
    fs::write(&path, "12345678901234567890.1234567890 and more").expect("it is written");
    let mut server = serve(&redis, &text(&path), &[]);
    server.says(": accepting requests");
    let now = time(&path).expect("it is a time");
    assert!((1.7e9..1e10).contains(&now), "{now}");
    server.signal("TERM");
    assert_eq!(server.end().code(), Some(0));
}

#[test]
fn each_process_of_fork_has_a_heartbeat_file_of_its_own() {
    let redis = Redis::start();
    let pattern = text(&fresh_file("heartbeat-{{fid}}"));
    let mut server = serve(&redis, &pattern, &["--fork", "2"]);
    let paths = ["1", "2"].map(|number| PathBuf::from(pattern.replace("{{fid}}", number)));
    for path in &paths {
        wait_for("a file", || time(path));
    }
    server.signal("TERM");
    assert_eq!(server.end().code(), Some(0));
    assert!(paths.iter().all(|path| !path.exists()));
}

#[test]
fn a_heartbeat_file_that_cannot_be_written_fails_the_start() {
    let redis = Redis::start();
    let path = text(&fresh_file("directory").join("heartbeat"));
    let mut server = serve(&redis, &path, &[]);
    assert_eq!(server.end().code(), Some(1));
    let log = server.log();
    let told = format!("the heartbeat file `{path}` cannot be written: ");
    assert!(log.contains(&told), "{log}");
}

#[test]
fn a_handler_that_blocks_stops_the_heartbeat_and_is_found_by_the_watchdog() {
    let redis = Redis::start();
    let path = fresh_file("heartbeat");
    let limits = ["server.watchdog.exit_after=3s", "server.watchdog.grace=1s"];
    let limits = limits.map(|limit| ["--set", limit]);
    let mut server = serve(&redis, &text(&path), limits.as_flattened());
    server.says(": accepting requests");
    let address = redis.address();
    let _caller = hold("block", &address);
    server.says("a handler blocks its thread service=unruly action=block time=1s");
    let last = time(&path).expect("it was written");
    assert_eq!(server.end().code(), Some(70));
    // It is left behind, and has no later time.
    assert_eq!(time(&path), Some(last));
    fs::remove_file(path).expect("it is there");
    let log = server.log();
    assert!(
        log.contains("the process ends: a handler blocks its thread"),
        "{log}"
    );
}

#[test]
fn a_handler_that_lets_go_after_all_ends_the_process_with_the_same_code() {
    let redis = Redis::start();
    let path = fresh_file("heartbeat");
    let limits = [
        "server.watchdog.exit_after=500ms",
        "server.watchdog.grace=60s",
    ];
    let limits = limits.map(|limit| ["--set", limit]);
    let mut server = serve(&redis, &text(&path), limits.as_flattened());
    server.says(": accepting requests");
    let address = redis.address();
    let call = [
        "call",
        "block",
        r#"{"milliseconds": 1500}"#,
        "--redis",
        &address,
    ];
    let mut caller = Process::start(&mut unruly(&call));
    assert_eq!(caller.end().code(), Some(0), "{}", caller.log());
    assert_eq!(server.end().code(), Some(70));
    assert!(!path.exists());
}

/// A socket like that of systemd.
struct Systemd {
    socket: UnixDatagram,
    name: String,
    heard: Vec<String>,
}

impl Systemd {
    fn at_path() -> Self {
        // The names of sockets are short.
        let name = std::env::temp_dir().join(Self::fresh_name());
        let name = text(&name);
        let socket = UnixDatagram::bind(&name).expect("the socket is bound");
        Self::new(socket, name)
    }

    #[cfg(target_os = "linux")]
    fn abstract_one() -> Self {
        use std::os::linux::net::SocketAddrExt as _;
        let name = Self::fresh_name();
        let address = std::os::unix::net::SocketAddr::from_abstract_name(&name);
        let socket = UnixDatagram::bind_addr(&address.expect("the name is good"));
        Self::new(socket.expect("the socket is bound"), format!("@{name}"))
    }

    fn fresh_name() -> String {
        static NUMBER: AtomicUsize = AtomicUsize::new(0);
        let number = NUMBER.fetch_add(1, Ordering::Relaxed);
        format!("soa-notify-{}-{number}", std::process::id())
    }

    fn new(socket: UnixDatagram, name: String) -> Self {
        socket.set_nonblocking(true).expect("it can be set");
        Self {
            socket,
            name,
            heard: Vec::new(),
        }
    }

    /// Starts a service that notifies this socket.
    fn start(&self, arguments: &[&str]) -> Process {
        let mut command = example_service(arguments);
        command.env("NOTIFY_SOCKET", &self.name);
        Process::start(command.env("WATCHDOG_USEC", "400000"))
    }

    fn listen(&mut self) {
        let mut buffer = [0; 1024];
        while let Ok(size) = self.socket.recv(&mut buffer) {
            let text = String::from_utf8_lossy(&buffer[..size]);
            self.heard.extend(text.lines().map(str::to_owned));
        }
    }

    fn count(&self, line: &str) -> usize {
        self.heard.iter().filter(|heard| *heard == line).count()
    }

    fn hears(&mut self, count: usize, line: &str) {
        wait_for(line, || {
            self.listen();
            (self.count(line) >= count).then_some(())
        });
    }
}

impl Drop for Systemd {
    fn drop(&mut self) {
        let _ = fs::remove_file(&self.name);
    }
}

#[test]
fn systemd_is_told_when_requests_are_taken_that_the_service_lives_and_that_it_stops() {
    let redis = Redis::start();
    let address = redis.address();
    let mut systemd = Systemd::at_path();
    let mut server = systemd.start(&["serve", "--redis", &address]);
    systemd.hears(1, "READY=1");
    systemd.hears(1, "STATUS=serving example 1.2.3");
    systemd.hears(5, "WATCHDOG=1");
    assert_eq!(systemd.count("STOPPING=1"), 0);
    server.signal("TERM");
    systemd.hears(1, "STOPPING=1");
    assert_eq!(server.end().code(), Some(0));
    assert_eq!(systemd.heard.first().map(String::as_str), Some("READY=1"));
    assert_eq!(systemd.count("READY=1"), 1);
}

#[cfg(target_os = "linux")]
#[test]
fn the_socket_of_systemd_may_have_a_name_without_a_file() {
    let redis = Redis::start();
    let address = redis.address();
    let mut systemd = Systemd::abstract_one();
    let mut server = systemd.start(&["serve", "--redis", &address]);
    systemd.hears(1, "READY=1");
    server.signal("INT");
    systemd.hears(1, "STOPPING=1");
    assert_eq!(server.end().code(), Some(0));
}

#[test]
fn a_service_without_redis_does_not_say_that_it_is_ready() {
    let mut systemd = Systemd::at_path();
    let mut server = systemd.start(&[
        "serve",
        "--redis",
        "127.0.0.1:1",
        "--set",
        "server.transport.redis.connect_timeout=200ms",
    ]);
    assert_eq!(server.end().code(), Some(1));
    systemd.listen();
    assert!(systemd.heard.is_empty(), "{:?}", systemd.heard);
}

#[test]
fn of_several_processes_the_first_one_speaks_for_the_others() {
    let redis = Redis::start();
    let address = redis.address();
    let mut systemd = Systemd::at_path();
    let mut server = systemd.start(&["serve", "--fork", "2", "--redis", &address]);
    systemd.hears(1, "READY=1");
    server.says_times(2, ": accepting requests");
    systemd.hears(10, "WATCHDOG=1");
    server.signal("TERM");
    assert_eq!(server.end().code(), Some(0));
    systemd.listen();
    let others: BTreeSet<_> = systemd.heard.iter().map(String::as_str).collect();
    let expected = [
        "READY=1",
        "STATUS=serving in 2 processes",
        "STATUS=stopping: no longer accepting requests",
        "STOPPING=1",
        "WATCHDOG=1",
    ];
    assert_eq!(others, BTreeSet::from(expected));
    assert_eq!(systemd.count("READY=1"), 1);
    assert_eq!(systemd.count("STOPPING=1"), 1);
}

#[test]
fn a_process_that_is_stopped_gives_no_sign_of_life() {
    let redis = Redis::start();
    let address = redis.address();
    let mut systemd = Systemd::at_path();
    let server = systemd.start(&["serve", "--redis", &address]);
    systemd.hears(2, "WATCHDOG=1");
    server.signal("STOP");
    // Earlier notifications are read; then nothing comes for several intervals.
    let quiet = Duration::from_secs(1);
    wait_for("silence", || {
        systemd.listen();
        let before = systemd.heard.len();
        std::thread::sleep(quiet);
        systemd.listen();
        (systemd.heard.len() == before).then_some(())
    });
    server.signal("CONT");
    let before = systemd.count("WATCHDOG=1");
    systemd.hears(before + 1, "WATCHDOG=1");
}
