//! Runs of the program, and the waiting for what it shows.

use std::process::Output;
use std::time::{Duration, Instant};

use soa::{ActionError, Client, Context, RedisClientTransport, Server, Value, value};

use crate::processes::Redis;
use crate::services::{command, settings};

/// Time limit for a condition. It is long, because the machine may be busy.
const WAIT_LIMIT: Duration = Duration::from_secs(60);

/// A run of the program: its exit code and its output.
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

/// A service `shop` that calls `example` and `python`, where they are.
pub(crate) fn shop(redis: &Redis) -> Server {
    let mut client = Client::builder();
    for name in ["example", "python"] {
        let transport = RedisClientTransport::new(name, settings(redis)).expect("settings");
        client = client.service(name, transport);
    }
    let call = |name: &'static str| {
        move |_: Value, cx: Context| async move {
            let body = value!({ "number": 3 });
            let call = cx.soa_client().call_action(name, "square", &body);
            call.await.map_err(ActionError::from)
        }
    };
    let server = Server::untyped("shop", "2.0.0")
        .build_id("b7")
        .action("buy", call("example"))
        .action("read", call("python"))
        .action("wait", |_: Value, _: Context| async move {
            tokio::time::sleep(Duration::from_secs(30)).await;
            Ok::<_, ActionError>(value!({}))
        })
        .client(client.build().expect("a client"))
        .records(true);
    server.build().expect("a server")
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
