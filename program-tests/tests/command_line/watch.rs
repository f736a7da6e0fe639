//! `serve --watch`: a service that restarts when files change.

use std::fs;
use std::path::{Path, PathBuf};

use crate::processes::{Process, Redis, fresh_file, outcome, program};

/// A directory with a copy of the program and a file of settings.
struct Place {
    directory: PathBuf,
    redis: Redis,
}

impl Place {
    fn new(binary: &str) -> Self {
        let directory = fresh_file("watched");
        fs::create_dir(&directory).expect("the directory is made");
        let place = Self {
            directory,
            redis: Redis::start(),
        };
        place.build(binary);
        place.settings("");
        place
    }

    fn path(&self, name: &str) -> PathBuf {
        self.directory.join(name)
    }

    /// Puts the program there, as a linker does: it writes for a while, to a file that cannot be run yet.
    fn build(&self, binary: &str) {
        let new = self.path("new");
        fs::copy(binary, &new).expect("the program is copied");
        fs::rename(new, self.path("program")).expect("it is moved");
    }

    fn settings(&self, text: &str) {
        let address = self.redis.address();
        let text = format!("[server]\ntransport.redis.hosts = ['{address}']\n{text}\n");
        fs::write(self.path("settings.toml"), text).expect("they are written");
    }

    fn serve(&self, more: &[&str]) -> Process {
        let process = self.start(more);
        process.says(": accepting requests");
        process
    }

    fn start(&self, more: &[&str]) -> Process {
        let settings = self.path("settings.toml");
        let settings = settings.to_str().expect("it is text");
        let arguments = ["serve", "--watch", "--settings", settings];
        let mut command = program(self.path("program"), &arguments);
        Process::start(command.args(more))
    }

    fn call(&self, arguments: &[&str]) -> (Option<i32>, String, String) {
        let mut command = program(self.path("program"), &["call"]);
        command.args(arguments).arg("--settings");
        command.arg(self.path("settings.toml"));
        outcome(&command.output().expect("the program starts"))
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        let _ = fs::remove_dir_all(&self.directory);
    }
}

const EXAMPLE: &str = env!("CARGO_BIN_EXE_example");
const UNRULY: &str = env!("CARGO_BIN_EXE_unruly");

#[test]
fn a_change_of_the_settings_starts_the_service_again_with_the_new_ones() {
    let place = Place::new(EXAMPLE);
    let mut server = place.serve(&[]);
    place.settings("concurrency = 7");
    server.says("settings.toml");
    server.says("concurrency=7");
    server.says_times(2, ": accepting requests");
    // The old one has ended as it should.
    assert_eq!(server.count("stopped service"), 1);
    server.signal("INT");
    assert_eq!(server.end().code(), Some(0));
    assert_eq!(server.count("stopped service"), 2);
}

#[test]
fn mistakes_in_the_settings_are_told_and_the_service_starts_when_they_are_mended() {
    let place = Place::new(EXAMPLE);
    let mut server = place.serve(&[]);
    place.settings("concurency = 7");
    server.says("did you mean `server.concurrency`?");
    server.says("the service exited by itself");
    place.settings("concurrency = 7");
    server.says_times(2, ": accepting requests");
    server.signal("TERM");
    assert_eq!(server.end().code(), Some(0));
}

#[test]
fn mistakes_that_are_there_at_the_start_are_told_and_waited_for_too() {
    let place = Place::new(EXAMPLE);
    place.settings("concurency = 7");
    let mut server = place.start(&[]);
    server.says("did you mean `server.concurrency`?");
    server.says("the service exited by itself");
    assert_eq!(server.count("did you mean"), 1);
    place.settings("concurrency = 7");
    server.says(": accepting requests");
    server.signal("TERM");
    assert_eq!(server.end().code(), Some(0));
}

#[test]
fn files_on_both_sides_of_the_command_are_watched() {
    let place = Place::new(EXAMPLE);
    let (first, second) = (place.path("settings.toml"), place.path("more.toml"));
    fs::write(&second, "[server]\nconcurrency = 7\n").expect("it is written");
    let mut command = program(place.path("program"), &["--settings"]);
    command.arg(first).args(["serve", "--watch", "--settings"]);
    let mut server = Process::start(command.arg(&second));
    server.says("concurrency=7");
    server.says_times(1, ": accepting requests");
    place.settings("shutdown_grace = '7s'");
    server.says_times(2, ": accepting requests");
    fs::write(&second, "[server]\nconcurrency = 8\n").expect("it is written");
    server.says("concurrency=8");
    server.says_times(3, ": accepting requests");
    server.signal("TERM");
    assert_eq!(server.end().code(), Some(0));
}

#[test]
fn another_program_in_its_place_is_run_when_it_is_there_as_a_whole() {
    let place = Place::new(EXAMPLE);
    let mut server = place.serve(&[]);
    let whole = fs::read(UNRULY).expect("it is there");
    let (first, second) = whole.split_at(whole.len() / 2);
    fs::remove_file(place.path("program")).expect("it is there");
    fs::write(place.path("program"), first).expect("it is written");
    // Longer than the interval of polling.
    std::thread::sleep(std::time::Duration::from_secs(1));
    assert_eq!(server.count(": accepting requests"), 1);
    append(&place.path("program"), second);
    assert_eq!(server.count(": accepting requests"), 1);
    make_executable(&place.path("program"));
    server.says("twice to stop at once service=\"unruly\"");
    server.signal("TERM");
    assert_eq!(server.end().code(), Some(0));
}

#[test]
fn a_service_that_crashes_is_told_and_started_again_at_the_next_change() {
    let place = Place::new(UNRULY);
    let mut server = place.serve(&[]);
    let (code, ..) = place.call(&["exit", r#"{"code": 9}"#, "--timeout", "500ms"]);
    assert_eq!(code, Some(1));
    server.says(
        "the service exited by itself; it is restarted when a file changes status=exit status: 9",
    );
    place.build(UNRULY);
    server.says_times(2, ": accepting requests");
    let (code, _, error) = place.call(&["behave"]);
    assert_eq!(code, Some(0), "{error}");
    server.signal("TERM");
    assert_eq!(server.end().code(), Some(0));
}

#[test]
fn several_processes_are_started_again_together() {
    let place = Place::new(EXAMPLE);
    let mut server = place.serve(&["--fork", "2"]);
    server.says_times(2, ": accepting requests");
    place.settings("concurrency = 7");
    server.says_times(4, ": accepting requests");
    assert_eq!(server.count("stopped service"), 2);
    server.signal("TERM");
    assert_eq!(server.end().code(), Some(0));
    assert_eq!(server.count("stopped service"), 4);
}

#[test]
fn the_service_ends_with_the_one_that_watches() {
    let place = Place::new(EXAMPLE);
    let mut server = place.serve(&[]);
    server.signal("KILL");
    server.end();
    server.says("stopped service");
}

fn append(path: &Path, bytes: &[u8]) {
    use std::io::Write as _;
    let file = fs::OpenOptions::new().append(true).open(path);
    let mut file = file.expect("it is there");
    file.write_all(bytes).expect("it is written");
}

fn make_executable(path: &Path) {
    use std::os::unix::fs::PermissionsExt as _;
    let permissions = fs::Permissions::from_mode(0o755);
    fs::set_permissions(path, permissions).expect("they are set");
}
