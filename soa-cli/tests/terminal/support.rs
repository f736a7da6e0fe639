//! A fleet of services for the tests, and the program that looks at it.

use std::process::{Command, Output, Stdio};
use std::sync::Arc;
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use example_service::ExampleService;
use soa::{Client, RedisClientTransport, RedisServerTransport, RedisSettings, Server, value};
use tokio::sync::Notify;
use tokio::task::JoinHandle;

use crate::processes::Redis;

/// Time limit for a condition. It is long, because the machine may be busy.
const WAIT_LIMIT: Duration = Duration::from_secs(60);

/// What a run of the program has left.
pub(crate) struct Run {
    pub(crate) code: Option<i32>,
    pub(crate) out: String,
    pub(crate) errors: String,
}

impl Run {
    /// The output, as JSON.
    #[track_caller]
    pub(crate) fn json(&self) -> serde_json::Value {
        serde_json::from_str(&self.out)
            .unwrap_or_else(|error| panic!("{error}: {} {}", self.out, self.errors))
    }

    /// The output of a run that has succeeded.
    #[track_caller]
    pub(crate) fn ok(self) -> Self {
        assert_eq!(self.code, Some(0), "{}{}", self.out, self.errors);
        self
    }
}

/// The program with these arguments, without the variables of the environment that would change what it does.
pub(crate) fn command(arguments: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_soa"));
    for (name, _) in std::env::vars_os() {
        if name.to_string_lossy().starts_with("SOA_") {
            command.env_remove(name);
        }
    }
    command.args(arguments).stdin(Stdio::null());
    command
}

pub(crate) fn outcome(output: &Output) -> Run {
    let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
    Run {
        code: output.status.code(),
        out: text(&output.stdout),
        errors: text(&output.stderr),
    }
}

/// Runs the program to its end.
pub(crate) fn soa(arguments: &[&str]) -> Run {
    outcome(&command(arguments).output().expect("the binary starts"))
}

/// Runs the program against a Redis.
pub(crate) fn soa_at(redis: &Redis, arguments: &[&str]) -> Run {
    let address = redis.addresses();
    let mut all = arguments.to_vec();
    all.extend(["--redis", &address]);
    soa(&all)
}

/// Runs the program until its result is as wanted.
pub(crate) fn until(what: &str, mut look: impl FnMut() -> bool) {
    let end = Instant::now() + WAIT_LIMIT;
    while !look() {
        assert!(Instant::now() < end, "waited in vain: {what}");
        std::thread::sleep(Duration::from_millis(50));
    }
}

pub(crate) fn settings(redis: &Redis) -> RedisSettings {
    redis.addresses().parse().expect("an address")
}

/// A server in this process. It stops when this is dropped, as a killed process does: without taking its record away.
pub(crate) struct Worker {
    stop: Arc<Notify>,
    task: JoinHandle<()>,
}

impl Worker {
    /// Serves the example service under a name.
    pub(crate) fn example(redis: &Redis, name: &'static str) -> Self {
        let server = Server::builder(ExampleService::new())
            .name(name)
            .records(true);
        Self::start(redis, server.build().expect("a server"))
    }

    pub(crate) fn start(redis: &Redis, server: Server) -> Self {
        let name = server.name().to_owned();
        let transport = RedisServerTransport::new(name, settings(redis)).expect("settings");
        let stop = Arc::new(Notify::new());
        let told = Arc::clone(&stop);
        let task = tokio::spawn(async move {
            let stop = async move { told.notified().await };
            let served = server.run_until(transport, stop, Duration::from_secs(5));
            served.await.expect("it starts");
        });
        Self { stop, task }
    }

    /// Stops it as SIGTERM does.
    pub(crate) async fn stop(mut self) {
        self.stop.notify_one();
        let task = std::mem::replace(&mut self.task, tokio::spawn(async {}));
        task.await.expect("it ends");
    }
}

impl Drop for Worker {
    fn drop(&mut self) {
        self.task.abort();
    }
}

/// Sends a command to a Redis, and returns what redis-cli would say.
pub(crate) fn redis_cli(redis: &Redis, arguments: &[&str]) -> String {
    let addresses = redis.addresses();
    let (host, port) = addresses.split_once(':').expect("one address");
    let mut command = Command::new("redis-cli");
    let output = command
        .args(["-h", host, "-p", port])
        .args(arguments)
        .output();
    String::from_utf8_lossy(&output.expect("redis-cli").stdout)
        .trim()
        .to_owned()
}

/// Sends a job, and makes it a dead letter as the servers of a service do.
pub(crate) async fn dead_letter(redis: &Redis, service: &'static str, id: &str) {
    let transport = RedisClientTransport::new(service, settings(redis)).expect("settings");
    let client = Client::builder().service(service, transport);
    let client = client.build().expect("a client");
    let call = client.call_action(service, "shrink", &value!({ "password": "secret" }));
    call.send_and_forget().await.expect("it is sent");
    let now = SystemTime::now()
        .duration_since(UNIX_EPOCH)
        .expect("a clock");
    let now = now.as_millis();
    let header = format!(
        "soa-job/1 id={id};attempt=3;strikes=3;born={now};reason=poison;died={now};actions=shrink;error=three processes \
         ended\\n"
    );
    let script = format!(
        "local frame = redis.call('LPOP', KEYS[1]) return redis.call('ZADD', KEYS[2], {now}, '{header}' .. frame)"
    );
    let keys = [
        format!("pysoa:service.{service}"),
        format!("{{pysoa:service.{service}}}.dead"),
    ];
    let moved = ["EVAL", &script, "2", &keys[0], &keys[1]];
    assert_eq!(redis_cli(redis, &moved), "1");
}

/// Replaces what differs from run to run: numbers, and the name of the machine. Columns are as wide as without.
pub(crate) fn steady(text: &str) -> String {
    let host = std::fs::read_to_string("/proc/sys/kernel/hostname").unwrap_or_default();
    let text = match host.trim() {
        "" => text.to_owned(),
        host => text.replace(host, "HOST"),
    };
    let mut out = String::new();
    for line in text.lines() {
        let mut plain = String::new();
        let mut last = ' ';
        for character in line.chars() {
            let digit = character.is_ascii_digit();
            let is_more = last == '#' && (digit || character == '.');
            if is_more {
                continue;
            }
            let shown = if digit { '#' } else { character };
            if shown == ' ' && plain.ends_with("  ") {
                continue;
            }
            plain.push(shown);
            last = shown;
        }
        // A time is longer on a busy machine, and has another unit.
        let plain = plain.replace("#ms", "#s").replace("#m #s", "#s");
        out += plain.trim();
        out.push('\n');
    }
    out
}
