//! `soa top` in a real terminal, which tmux keeps: what the screen shows, keys, another size.

use std::process::Command;
use std::time::{Duration, Instant};

use crate::processes::Redis;
use crate::services::{Worker, redis_cli};
use crate::support::{soa, soa_at, until};

/// Time limit for what the screen shows.
const WAIT_LIMIT: Duration = Duration::from_secs(60);

/// A terminal of its own, with a server of tmux of its own.
pub(crate) struct Terminal {
    socket: String,
}

impl Terminal {
    pub(crate) fn start(name: &str, program: &str) -> Self {
        let terminal = Self {
            socket: format!("soa-{name}-{}", std::process::id()),
        };
        let size = ["new-session", "-d", "-x", "80", "-y", "24"];
        let mut arguments = size.to_vec();
        arguments.push(program);
        terminal.tmux(&arguments);
        terminal
    }

    fn tmux(&self, arguments: &[&str]) -> String {
        let mut command = Command::new("tmux");
        command
            .args(["-L", &self.socket, "-f", "/dev/null"])
            .args(arguments);
        command.env("TERM", "xterm-256color").env_remove("TMUX");
        let output = command.output().expect("tmux is installed");
        String::from_utf8_lossy(&output.stdout).into_owned()
    }

    pub(crate) fn press(&self, keys: &str) {
        self.tmux(&["send-keys", keys]);
    }

    fn screen(&self) -> String {
        self.tmux(&["capture-pane", "-p"])
    }

    /// Waits until the screen shows something.
    pub(crate) fn await_screen(&self, what: &str, is_so: impl Fn(&str) -> bool) -> String {
        let end = Instant::now() + WAIT_LIMIT;
        loop {
            let screen = self.screen();
            if is_so(&screen) {
                return screen;
            }
            assert!(Instant::now() < end, "waited in vain: {what}\n{screen}");
            std::thread::sleep(Duration::from_millis(50));
        }
    }
}

impl Drop for Terminal {
    fn drop(&mut self) {
        self.tmux(&["kill-server"]);
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_screen_shows_the_fleet_obeys_keys_and_takes_another_size() {
    let redis = Redis::start();
    let _worker = Worker::example(&redis, "example");
    until("it tells", || {
        let workers = soa_at(&redis, &["workers", "--json"]).ok().json();
        workers["workers"].as_array().unwrap().len() == 1
    });
    soa_at(&redis, &["call", "example.square", "number: 2"]).ok();
    let program = format!(
        "{} top --interval 500ms --redis {}",
        env!("CARGO_BIN_EXE_soa"),
        redis.addresses()
    );
    let terminal = Terminal::start("top", &program);
    let screen = terminal.await_screen("the service", |screen| screen.contains("example"));
    for part in ["SERVICE", "RATE", "P99", "1 service, 1 worker", "q quit"] {
        assert!(screen.contains(part), "{part} in\n{screen}");
    }
    terminal.press("2");
    terminal.await_screen("the actions", |screen| screen.contains("example.square"));
    terminal.press("/");
    terminal.press("introspect");
    terminal.await_screen("the filter", |screen| {
        screen.contains("filter: introspect") && !screen.contains("example.square")
    });
    terminal.press("Escape");
    terminal.await_screen("all again", |screen| screen.contains("example.square"));
    terminal.press("3");
    terminal.await_screen("the callers", |screen| {
        screen.contains("CALLER") && screen.contains("program")
    });
    terminal.press("?");
    terminal.await_screen("the help", |screen| {
        screen.contains("Any key closes this help")
    });
    terminal.press("x");
    terminal.press("1");
    terminal.tmux(&["resize-window", "-x", "120", "-y", "40"]);
    terminal.await_screen("the new size", |screen| {
        screen.lines().count() == 40 && screen.contains("q quit") && screen.contains("example")
    });
    // A key that comes together with another size waits for the next one, as crossterm reads one or the other.
    let end = Instant::now() + WAIT_LIMIT;
    while !terminal.tmux(&["list-sessions"]).is_empty() {
        let screen = terminal.screen();
        assert!(Instant::now() < end, "it does not end:\n{screen}");
        terminal.press("q");
        std::thread::sleep(Duration::from_millis(50));
    }
}

#[test]
fn an_address_that_is_wrong_is_told_on_the_terminal() {
    let program = format!(
        "{} top --redis 127.0.0.1:1; echo it ended with $?; sleep 60",
        env!("CARGO_BIN_EXE_soa")
    );
    let terminal = Terminal::start("wrong", &program);
    let screen = terminal.await_screen("the end", |screen| screen.contains("it ended with 4"));
    assert!(screen.contains("is Redis running"), "{screen}");
}

#[test]
fn a_login_that_may_not_look_up_names_is_told_on_the_screen_what_it_needs() {
    let redis = Redis::start();
    let user = ["ACL", "SETUSER", "nobody", "on", ">hunter2", "-@all"];
    assert_eq!(redis_cli(&redis, &user), "OK");
    let program = format!(
        "{} top --redis redis://nobody:hunter2@{}",
        env!("CARGO_BIN_EXE_soa"),
        redis.addresses()
    );
    let terminal = Terminal::start("nobody", &program);
    let screen = terminal.await_screen("the reason", |screen| {
        screen.contains("the names of services cannot be looked up")
    });
    assert!(!screen.contains("hunter2"), "{screen}");
}

#[test]
fn without_a_terminal_it_says_what_there_is_for_programs() {
    let run = soa(&["top", "--redis", "127.0.0.1:1"]);
    assert_eq!(run.code, Some(2), "{}", run.errors);
    assert!(run.errors.contains("soa services --json"), "{}", run.errors);
}
