//! Wall clocks that jump, by libfaketime: that of the machine of a server and of Redis, not that of callers.

use std::path::PathBuf;
use std::process::Command;
use std::time::Duration;

use soa::value;

use crate::delivery::{call, client, mill, runs, until};
use crate::processes::{Process, Redis, fresh_file};

const HOUR: i64 = 3_600;

/// The clock of a machine, which jumps when it is told to.
struct WallClock {
    /// File with the offset from the true time, in seconds.
    file: PathBuf,
}

impl WallClock {
    fn new() -> Self {
        let file = fresh_file("clock");
        let clock = Self { file };
        clock.set(0);
        clock
    }

    /// Sets the offset from the true time.
    fn set(&self, seconds: i64) {
        // Nobody reads half of it.
        let next = self.file.with_extension("next");
        std::fs::write(&next, format!("{seconds:+}\n")).expect("the file is written");
        std::fs::rename(&next, &self.file).expect("the file is replaced");
    }

    /// Has a program live by this clock. `first` names libraries that are loaded before.
    fn around(&self, mut command: Command, first: &str) -> Command {
        let library = faketime();
        command.env("LD_PRELOAD", format!("{first}{}", library.display()));
        command.env("FAKETIME_TIMESTAMP_FILE", &self.file);
        command.env("FAKETIME_NO_CACHE", "1");
        command.env("DONT_FAKE_MONOTONIC", "1");
        command
    }

    fn redis(&self) -> Redis {
        // jemalloc, which Redis uses, asks for the time before libfaketime is ready, so another allocator goes before it. It
        // is part of the C library.
        let command = self.around(Command::new("redis-server"), "libc_malloc_debug.so.0:");
        Redis::start_by(command)
    }
}

impl Drop for WallClock {
    fn drop(&mut self) {
        let _ = std::fs::remove_file(&self.file);
    }
}

/// The library, where Debian and others have it.
fn faketime() -> PathBuf {
    let folders = std::fs::read_dir("/usr/lib")
        .into_iter()
        .flatten()
        .flatten();
    let folders = folders.map(|folder| folder.path());
    let mut folders = folders.chain([PathBuf::from("/usr/lib"), PathBuf::from("/usr/lib64")]);
    let library = folders.find_map(|folder| {
        let library = folder.join("faketime/libfaketime.so.1");
        library.exists().then_some(library)
    });
    library.expect("libfaketime is there; `./run-tests` installs what the tests need")
}

/// A server that gives a sign of life every 400 ms.
fn server(redis: &Redis) -> Command {
    let mut command = mill(&["serve", "--redis", &redis.address()]);
    for time in ["lease=4s", "gone_after=1200ms"] {
        command.arg("--set");
        command.arg(format!("server.transport.redis.{time}"));
    }
    command
}

fn start(mut command: Command) -> Process {
    let process = Process::start(&mut command);
    process.says("accepting requests; interrupt to stop");
    process
}

/// Waits for further signs of life, so many that a process could have been given up between them.
async fn signs_of_life(redis: &Redis) {
    for _ in 0..5 {
        let leases = || redis.ask("ZRANGE {pysoa:service.mill}.leases 0 -1 WITHSCORES");
        let before = leases();
        until("there is a further sign of life", || leases() != before).await;
    }
}

#[tokio::test]
async fn a_wall_clock_that_jumps_gives_nobody_up_and_loses_no_job() {
    let clock = WallClock::new();
    let redis = clock.redis();
    let (client, file) = (client(&redis), fresh_file("runs"));
    let first = start(clock.around(server(&redis), ""));
    let jobs = (0..20).map(|number| {
        let action = if number % 2 == 0 { "grind" } else { "sell" };
        call(&client, action, &file, &format!("{number}"), 6_000)
    });
    let jobs: Vec<_> = jobs.collect();
    until("all run", || runs(&file).len() == 20).await;
    // These observe it, by its clock and by the true one.
    let others = [
        start(clock.around(server(&redis), "")),
        start(server(&redis)),
    ];
    for offset in [HOUR, -HOUR, 0] {
        clock.set(offset);
        signs_of_life(&redis).await;
        assert_eq!(redis.ask("ZCARD {pysoa:service.mill}.burnt"), ":0\r\n");
    }
    for job in jobs {
        job.await.expect("no panic").expect("it is answered");
    }
    let counts = runs(&file);
    assert!(counts.values().all(|count| *count == 1), "{counts:?}");
    assert_eq!(redis.ask("ZCARD {pysoa:service.mill}.leases"), ":3\r\n");
    for process in others.iter().chain([&first]) {
        assert_eq!(process.count("given up"), 0, "{}", process.log());
    }
    // A server whose clock is behind serves like any other.
    clock.set(-HOUR);
    for number in 0..20 {
        let called = call(&client, "sell", &file, &format!("later-{number}"), 0);
        called.await.expect("no panic").expect("it is answered");
    }
    let _ = std::fs::remove_file(file);
}

#[tokio::test]
async fn a_clock_that_jumps_past_the_time_of_a_caller_does_not_end_the_hold_on_its_job() {
    let clock = WallClock::new();
    let redis = clock.redis();
    let (client, file) = (client(&redis), fresh_file("runs"));
    let first = start(clock.around(server(&redis), ""));
    let path = file.to_str().expect("it is text");
    let body = value!({ "file": (path), "id": "long", "milliseconds": 600000 });
    let call = client.call_action("mill", "grind", &body);
    let job = tokio::spawn(call.into_future());
    until("it runs", || runs(&file).len() == 1).await;
    clock.set(HOUR);
    // Slots are swept when they are five seconds old.
    tokio::time::sleep(Duration::from_secs(6)).await;
    first.signal("KILL");
    clock.set(0);
    let _second = start(clock.around(server(&redis), ""));
    until("it runs again", || runs(&file).get("long") == Some(&2)).await;
    job.abort();
    let _ = std::fs::remove_file(file);
}
