//! A program of a service that is started for a replay, and stopped after it.
//!
//! It serves, as any program of `soa::main` can, and is called as others call it: over HTTP on an address of this machine, or,
//! with `--redis`, over that Redis under a name of its own. So it neither takes requests of the fleet, nor do workers of the
//! fleet take those of the replay. Its command `call --local` needs neither, and starts a process for each call: what the
//! service keeps in memory would be gone, and a thousand calls would take minutes.
//!
//! Variables of the environment that are settings of services are not passed on, as they may lead to the fleet. What a program
//! needs is said on the command line, after `--`.

use std::collections::{BTreeSet, VecDeque};
use std::io::{BufRead as _, BufReader};
use std::net::TcpListener;
use std::process::{Child, Command, ExitStatus, Stdio};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use rustix::process::{Pid, Signal, kill_process};
use soa_runtime::ErrorKind;

use crate::connect::Target;
use crate::failure::{Failure, Reason};
use crate::output::harmless_lines;
use crate::progress::while_running;

/// The longest time until the program answers.
const START_TIME: Duration = Duration::from_secs(30);

/// The time between two looks at a program that starts or stops.
const LOOK_PAUSE: Duration = Duration::from_millis(50);

/// The time limit of the question whether the program answers.
const QUESTION_TIMEOUT: Duration = Duration::from_millis(500);

/// The longest time that the program has to stop.
const STOP_TIME: Duration = Duration::from_secs(5);

/// The number of lines of its log that are shown if it fails.
const MAX_LINES: usize = 20;

/// A running program.
pub(crate) struct Started {
    child: Child,
    /// The address of its HTTP; `None` if it is called over Redis.
    url: Option<String>,
    /// The name under which it serves, if that is not its own.
    name: Option<String>,
    log: Log,
}

/// The last lines that the program has written.
struct Log {
    lines: Arc<Mutex<VecDeque<String>>>,
    reader: Option<JoinHandle<()>>,
}

impl Started {
    /// Starts a program, and waits until it answers.
    pub(crate) async fn start(
        program: &str,
        arguments: &[String],
        target: &Target,
        services: &BTreeSet<&str>,
    ) -> Result<Self, Failure> {
        let mut command = Command::new(program);
        command.arg("serve").args(arguments).stdin(Stdio::null());
        let (mut url, mut name) = (None, None);
        match (&target.redis, services.first()) {
            (Some(redis), Some(service)) if services.len() == 1 => {
                let own = format!("replay.{service}.{}", std::process::id());
                command.args(["--redis", redis, "--name", &own]);
                name = Some(own);
            }
            (Some(_), _) => {
                return Err(Failure::usage(
                    "the recording has several services, and over Redis one of them is started: leave `--redis` out, \
                     so that the program is called over HTTP",
                ));
            }
            (None, _) => {
                let address = free_address()?;
                command.args(["--http", &address]);
                url = Some(format!("http://{address}"));
            }
        }
        for (variable, _) in std::env::vars_os() {
            if variable.to_string_lossy().starts_with("SOA_") {
                command.env_remove(variable);
            }
        }
        let child = command.stdout(Stdio::null()).stderr(Stdio::piped()).spawn();
        let mut child = child.map_err(|error| {
            Failure::usage(format!("the program `{program}` cannot be started: {error}"))
                .advise("`--against` takes redis://HOST:PORT, http://HOST:PORT, or the path of a program, as in ./target/debug/shop")
        })?;
        let log = Log::of(&mut child);
        let mut started = Self {
            child,
            url,
            name,
            log,
        };
        let called = started
            .name
            .clone()
            .or_else(|| services.first().map(|name| (*name).to_owned()));
        let called = called.unwrap_or_default();
        let ready = started.ready(target, &called);
        while_running("starting the program", ready).await?;
        Ok(started)
    }

    /// The address of its HTTP, if it is called over HTTP.
    pub(crate) fn url(&self) -> Option<String> {
        self.url.clone()
    }

    /// The name under which it serves, if that is not its own.
    pub(crate) fn own_name(&self) -> Option<&str> {
        self.name.as_deref()
    }

    /// The name by which a service of it is called.
    pub(crate) fn name_of(&self, service: &str) -> String {
        self.name.clone().unwrap_or_else(|| service.to_owned())
    }

    /// Waits until the program answers, with an error or without.
    async fn ready(&mut self, target: &Target, service: &str) -> Result<(), Failure> {
        let mut target = target.clone();
        if let Some(url) = self.url() {
            (target.http, target.redis, target.settings) = (Some(url), None, None);
        }
        let reached = target.reach(service).await?;
        let end = Instant::now() + START_TIME;
        loop {
            if let Ok(Some(status)) = self.child.try_wait() {
                return Err(self.ended(status));
            }
            let question = reached
                .client
                .call_action(service.to_owned(), "status", &())
                .timeout(QUESTION_TIMEOUT);
            match question.await {
                Err(error) if matches!(error.kind(), ErrorKind::Timeout | ErrorKind::Transport) => {
                    if Instant::now() > end {
                        let failure = Failure::new(
                            Reason::Unanswered,
                            format!("the program does not answer: {error}{}", self.log.shown()),
                        );
                        return Err(failure);
                    }
                }
                _ => return Ok(()),
            }
            tokio::time::sleep(LOOK_PAUSE).await;
        }
    }

    fn ended(&mut self, status: ExitStatus) -> Failure {
        self.log.finish();
        let message = format!("the program has ended with {status}{}", self.log.shown());
        let failure = Failure::new(Reason::Settings, message);
        match self.url {
            Some(_) => failure.advise(
                "it is started with `serve --http`, which needs the feature `http`; with `--redis HOST:PORT`, it is called over \
                 Redis under a name of its own. What it needs besides is said after `--`, as in `-- --settings test.toml`",
            ),
            None => failure.advise("what it needs besides is said after `--`, as in `-- --settings test.toml`"),
        }
    }
}

impl Drop for Started {
    fn drop(&mut self) {
        let id = i32::try_from(self.child.id()).ok().and_then(Pid::from_raw);
        let asked = id.map(|id| kill_process(id, Signal::TERM));
        let end = Instant::now() + STOP_TIME;
        while asked == Some(Ok(())) && Instant::now() < end {
            match self.child.try_wait() {
                Ok(None) => std::thread::sleep(LOOK_PAUSE),
                _ => return,
            }
        }
        // It is gone already, or does not stop.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

impl Log {
    fn of(child: &mut Child) -> Self {
        let lines = Arc::new(Mutex::new(VecDeque::new()));
        let kept = Arc::clone(&lines);
        let reader = child.stderr.take().map(|errors| {
            std::thread::spawn(move || {
                for line in BufReader::new(errors).lines().map_while(Result::ok) {
                    let mut kept = kept.lock().unwrap_or_else(PoisonError::into_inner);
                    if kept.len() == MAX_LINES {
                        kept.pop_front();
                    }
                    kept.push_back(line);
                }
            })
        });
        Self { lines, reader }
    }

    /// Waits for the last lines of a program that has ended.
    fn finish(&mut self) {
        if let Some(reader) = self.reader.take() {
            let _ = reader.join();
        }
    }

    /// The last lines, to be added to a message.
    fn shown(&self) -> String {
        let lines = self.lines.lock().unwrap_or_else(PoisonError::into_inner);
        let lines = lines
            .iter()
            .map(|line| format!("\n  {}", harmless_lines(line)));
        lines.collect()
    }
}

/// An address of this machine on which nobody listens.
fn free_address() -> Result<String, Failure> {
    let bound = TcpListener::bind("127.0.0.1:0").and_then(|socket| socket.local_addr());
    let address = bound.map_err(|error| {
        Failure::new(
            Reason::Bad,
            format!("no port of 127.0.0.1 is free: {error}"),
        )
    })?;
    Ok(address.to_string())
}
