//! `serve --daemon`: a process in the background.

use std::fs;
use std::path::{Path, PathBuf};

use crate::processes::{Redis, example_service, fresh_file, outcome, run, signal, wait_for};

/// A process in the background, which is killed when this is dropped.
struct Daemon {
    pid_file: PathBuf,
    log_file: PathBuf,
    pid: u32,
}

impl Daemon {
    fn start(redis: &Redis, arguments: &[&str]) -> Self {
        let pid_file = fresh_file("pid");
        let log_file = fresh_file("log");
        let (code, out, error) = launch(&redis.address(), &pid_file, &log_file, arguments);
        assert_eq!((code, out.as_str()), (Some(0), ""), "{error}");
        let pid = fs::read_to_string(&pid_file).expect("it is written by now");
        let pid = pid.trim().parse().expect("it is a number");
        Self {
            pid_file,
            log_file,
            pid,
        }
    }

    fn log(&self) -> String {
        fs::read_to_string(&self.log_file).unwrap_or_default()
    }

    fn runs(&self) -> bool {
        fs::read_to_string(self.pid_file.as_path()).is_ok()
    }

    fn stop(&self) {
        signal(self.pid, "TERM");
        wait_for("its end", || (!self.runs()).then_some(()));
    }
}

impl Drop for Daemon {
    fn drop(&mut self) {
        if self.runs() {
            signal(self.pid, "KILL");
            let _ = fs::remove_file(&self.pid_file);
        }
        let _ = fs::remove_file(&self.log_file);
    }
}

/// Starts a daemon, and waits until the process that was started has ended.
fn launch(
    address: &str,
    pid_file: &Path,
    log_file: &Path,
    arguments: &[&str],
) -> (Option<i32>, String, String) {
    let mut command = example_service(&["serve", "--daemon", "--redis", address]);
    command.arg("--pid-file").arg(pid_file);
    command.arg("--log-file").arg(log_file);
    // The output is read to its end, so the daemon must not keep it open.
    outcome(&command.args(arguments).output().expect("the binary starts"))
}

#[test]
fn it_returns_when_requests_are_taken_and_the_daemon_goes_on_until_it_is_told_to_stop() {
    let redis = Redis::start();
    let daemon = Daemon::start(&redis, &[]);
    let (code, _, error) = run(&["call", "none", "--redis", &redis.address()]);
    assert_eq!(code, Some(0), "{error}");
    daemon.stop();
    wait_for("what it says in the end", || {
        daemon.log().contains("jobs=1").then_some(())
    });
    assert!(daemon.log().contains("no longer accepting requests"));
}

#[cfg(target_os = "linux")]
#[test]
fn the_daemon_is_the_first_process_of_a_session_of_its_own() {
    let redis = Redis::start();
    let daemon = Daemon::start(&redis, &[]);
    let stat = fs::read_to_string(format!("/proc/{}/stat", daemon.pid)).expect("it runs");
    let (_, fields) = stat.rsplit_once(") ").expect("it has a name");
    // State, parent, group, session, terminal.
    let fields: Vec<_> = fields.split(' ').collect();
    let pid = daemon.pid.to_string();
    assert_eq!((fields[2], fields[3], fields[4]), (&*pid, &*pid, "0"));
    daemon.stop();
}

#[test]
fn several_processes_can_be_in_the_background() {
    let redis = Redis::start();
    let daemon = Daemon::start(&redis, &["--fork", "2"]);
    let (code, _, error) = run(&["call", "none", "--redis", &redis.address()]);
    assert_eq!(code, Some(0), "{error}");
    daemon.stop();
    wait_for("what they say in the end", || {
        (daemon.log().matches("no longer accepting requests").count() == 2).then_some(())
    });
}

#[test]
fn a_second_one_with_the_same_pid_file_does_not_start() {
    let redis = Redis::start();
    let daemon = Daemon::start(&redis, &[]);
    let (code, _, error) = launch(&redis.address(), &daemon.pid_file, &daemon.log_file, &[]);
    assert_eq!(code, Some(1));
    let told = format!("error: already running as process {}: ", daemon.pid);
    assert!(error.contains(&told), "{error}");
    daemon.stop();
    // A file that was left behind does not prevent the start.
    fs::write(&daemon.pid_file, "1\n").expect("it is written");
    let (code, _, error) = launch(
        "127.0.0.1:1",
        &daemon.pid_file,
        &daemon.log_file,
        &SHORT_CONNECT_TIMEOUT,
    );
    assert_eq!(code, Some(1));
    assert!(error.contains("cannot be reached"), "{error}");
    assert!(!daemon.pid_file.exists());
}

#[test]
fn a_file_with_something_else_in_it_does_not_become_a_pid_file() {
    let log_file = fresh_file("log");
    for content in [
        "[server]\n",
        "17 Main Street",
        "99999999999999999999",
        "\u{fc}",
    ] {
        let file = fresh_file("notes");
        fs::write(&file, content).expect("it is written");
        let (code, _, error) = launch("127.0.0.1:1", &file, &log_file, &SHORT_CONNECT_TIMEOUT);
        assert_eq!(code, Some(1));
        assert!(error.contains("it was not changed"), "{error}");
        assert_eq!(fs::read_to_string(&file).expect("it is there"), content);
        fs::remove_file(file).expect("it is removed");
    }
    let (code, _, error) = launch(
        "127.0.0.1:1",
        Path::new("/dev/null"),
        &log_file,
        &SHORT_CONNECT_TIMEOUT,
    );
    assert_eq!(code, Some(1));
    assert!(error.contains("it was not changed"), "{error}");
    let _ = fs::remove_file(log_file);
}

#[test]
fn flags_may_stand_on_both_sides_of_the_command() {
    let redis = Redis::start();
    let (pid_file, log_file) = (fresh_file("pid"), fresh_file("log"));
    let address = redis.address();
    let mut command = example_service(&["--daemon", "--redis", &address, "serve"]);
    command.arg("--log-file").arg(&log_file);
    command.arg("--pid-file").arg(&pid_file);
    let (code, _, error) = outcome(&command.output().expect("the binary starts"));
    assert_eq!(code, Some(0), "{error}");
    let pid = fs::read_to_string(&pid_file).expect("it is written");
    let pid = pid.trim().parse().expect("it is a number");
    let daemon = Daemon {
        pid_file,
        log_file,
        pid,
    };
    daemon.stop();
}

const SHORT_CONNECT_TIMEOUT: [&str; 2] = ["--set", "server.transport.redis.connect_timeout=200ms"];

#[test]
fn a_start_that_fails_is_told_where_it_was_asked_for_with_its_exit_code() {
    let (pid_file, log_file) = (fresh_file("pid"), fresh_file("log"));
    let launch = |arguments: &[&str]| launch("127.0.0.1:1", &pid_file, &log_file, arguments);
    let (code, _, error) = launch(&SHORT_CONNECT_TIMEOUT);
    assert_eq!(code, Some(1));
    let told = "error: Redis at 127.0.0.1:1 cannot be reached";
    assert!(error.contains(told), "{error}");
    let (code, _, error) = launch(&["--set", "server.workers=many"]);
    assert_eq!(code, Some(3));
    assert!(error.contains("`server.workers`"), "{error}");
    let (code, _, error) =
        launch(&[&SHORT_CONNECT_TIMEOUT[..], &["--fork", "2", "--no-respawn"]].concat());
    assert_eq!(code, Some(1));
    assert!(error.contains(told), "{error}");
    assert!(!pid_file.exists());
    let _ = fs::remove_file(log_file);
}
