//! Requests and answers as Redis itself tells them with MONITOR: for workers of PySOA, which know nothing of watchers.
//!
//! Redis writes every command of everybody to whoever asks for that. Requests are what is pushed to the list of a service, and
//! answers what is pushed to lists of replies; an answer has the id of its request.

use std::collections::VecDeque;
use std::time::Instant;

use bytes::Bytes;
use soa_redis::RedisMonitor;
use soa_runtime::codec::Value;
use soa_runtime::message::{Body, WireError};
use soa_runtime::observe::record::Sample;
use soa_runtime::redact::Redaction;
use soa_runtime::{Serializers, wire};
use tokio::sync::mpsc;

use super::shown::Shown;
use crate::called::Named;
use crate::connect::Redis;
use crate::failure::{Failure, Reason};
use crate::fleet::queue_key;
use crate::output::{complain, time};

/// The beginning of all keys, which the name of a list of replies lacks.
const PREFIX: &str = "pysoa:";

/// Number of requests whose answers are waited for.
const MAX_WAITING: usize = 1_000;

/// Length of a body that is shown, in bytes.
const SHOWN: usize = 2_000;

/// Number of lines that wait to be read.
const LINES: usize = 1_000;

pub(super) async fn watch(redis: &Redis, named: &Named, shown: &mut Shown) -> Result<(), Failure> {
    let (send, mut lines) = mpsc::channel(LINES);
    for master in redis.masters().await? {
        let monitor = master.monitor().await;
        let monitor = monitor.map_err(|error| {
            redis
                .failed(&error)
                .advise("a login for `--monitor` needs +monitor, and no TLS")
        })?;
        tokio::spawn(forward(monitor, send.clone()));
    }
    drop(send);
    complain(&format!(
        "Redis at {} tells all of its commands to this program, which can halve what it does in a second; up to {} requests a \
         second of `{}` are shown, for {}; Ctrl+C ends it\n",
        redis.address(),
        shown.rate,
        named.service,
        time(shown.time)
    ));
    let mut pairs = Pairs::new(named, shown.rate);
    let stop = tokio::signal::ctrl_c();
    tokio::pin!(stop);
    while !shown.is_over() {
        let line = tokio::select! {
            biased;
            _ = &mut stop => break,
            () = tokio::time::sleep_until(shown.end.into()) => break,
            line = lines.recv() => line,
        };
        let Some(line) = line else {
            return Err(Failure::new(
                Reason::Connection,
                "Redis has closed the connection on which it told its commands",
            )
            .advise("it does so with a reader that is too slow: watch one action, or for a shorter time"));
        };
        for sample in pairs.take(&line) {
            shown.show(&sample)?;
        }
    }
    for sample in pairs.unanswered() {
        shown.show(&sample)?;
    }
    Ok(())
}

/// Brings lines for as long as somebody takes them. The end of this ends the connection.
async fn forward(mut monitor: RedisMonitor, send: mpsc::Sender<Bytes>) {
    while let Some(line) = monitor.next().await {
        if send.send(line).await.is_err() {
            return;
        }
    }
}

/// A request whose answer has not passed yet.
struct Waiting {
    /// The list of its answer.
    reply_to: String,
    request_id: Value,
    samples: Vec<Sample>,
}

/// Requests, and the answers to them.
struct Pairs {
    queue: String,
    replies: String,
    action: Option<String>,
    serializers: Serializers,
    waiting: VecDeque<Waiting>,
    rate: u32,
    /// The beginning of this second, and what may still be shown of it.
    second: Instant,
    left: u32,
}

impl Pairs {
    fn new(named: &Named, rate: u32) -> Self {
        let queue = queue_key(&named.service);
        Self {
            replies: format!("{queue}."),
            queue,
            action: named.action.clone(),
            serializers: Serializers::default(),
            waiting: VecDeque::new(),
            rate,
            second: Instant::now(),
            left: rate,
        }
    }

    /// Takes a line. Returns what is complete with it.
    fn take(&mut self, line: &[u8]) -> Vec<Sample> {
        let Some(pushed) = Pushed::read(line, &self.queue) else {
            return Vec::new();
        };
        let mut done = Vec::new();
        for frame in &pushed.frames {
            if pushed.key == self.queue.as_bytes() {
                self.asked(pushed.at, frame);
            } else if pushed.key.starts_with(self.replies.as_bytes()) {
                let key = String::from_utf8_lossy(&pushed.key);
                done.extend(self.answered(pushed.at, &key, frame));
            }
        }
        while self.waiting.len() > MAX_WAITING {
            done.extend(self.waiting.pop_front().map(unanswered).unwrap_or_default());
        }
        done
    }

    fn asked(&mut self, at: f64, frame: &Bytes) {
        let Ok(request) = wire::read_request(frame, &self.serializers) else {
            return;
        };
        let Ok(job) = request.job else {
            return;
        };
        let is_wanted = self.action.as_ref().is_none_or(|wanted| {
            let mut actions = job.actions.iter();
            actions.any(|action| *action.action == **wanted)
        });
        if !is_wanted || !self.may_show() {
            return;
        }
        let context = &job.context;
        let caller = context.calling_service.as_ref().or(context.caller.as_ref());
        let samples = job.actions.iter().map(|action| Sample {
            at,
            action: action.action.to_string(),
            caller: caller.map(ToString::to_string),
            correlation_id: context.correlation_id.to_string(),
            request: told(&action.body),
            ..Sample::default()
        });
        self.waiting.push_back(Waiting {
            samples: samples.collect(),
            request_id: request.head.request_id(),
            reply_to: request.head.into_reply_to().unwrap_or_default(),
        });
    }

    /// True if one more may be shown in this second.
    fn may_show(&mut self) -> bool {
        if self.second.elapsed().as_secs() >= 1 {
            (self.second, self.left) = (Instant::now(), self.rate);
        }
        let may = self.left > 0;
        self.left = self.left.saturating_sub(1);
        may
    }

    /// Pairs an answer with its request.
    fn answered(&mut self, at: f64, key: &str, frame: &Bytes) -> Vec<Sample> {
        // A list of replies belongs to one client, and pieces of an answer have no id that can be read.
        let Ok(response) = wire::read_response(frame, &self.serializers) else {
            return Vec::new();
        };
        let key = key.strip_prefix(PREFIX).unwrap_or(key);
        let place = self.waiting.iter().position(|waiting| {
            waiting.reply_to == key && waiting.request_id == response.request_id
        });
        let Some(waiting) = place.and_then(|place| self.waiting.remove(place)) else {
            return Vec::new();
        };
        let mut actions = response.job.actions.iter();
        let samples = waiting.samples.into_iter().map(|sample| {
            let action = actions.next();
            let errors = action.map_or(&response.job.errors, |action| &action.errors);
            let answer = action.filter(|action| action.errors.is_empty());
            Sample {
                at,
                took_seconds: (at - sample.at).max(0.0),
                response: match answer {
                    Some(action) => told(&action.body),
                    None if errors.is_empty() => "(was not run)".to_owned(),
                    None => String::new(),
                },
                errors: errors.iter().map(told_error).collect(),
                ..sample
            }
        });
        samples.collect()
    }

    /// The requests that were not answered.
    fn unanswered(&mut self) -> Vec<Sample> {
        self.waiting.drain(..).flat_map(unanswered).collect()
    }
}

fn unanswered(waiting: Waiting) -> Vec<Sample> {
    let samples = waiting.samples.into_iter().map(|sample| Sample {
        response: "(no answer has passed)".to_owned(),
        ..sample
    });
    samples.collect()
}

/// A body as text, with secrets removed.
fn told(body: &Body) -> String {
    match body.decode::<Value>() {
        Ok(value) => Redaction::standard().text(&value, SHOWN),
        Err(_) => "(unreadable)".to_owned(),
    }
}

fn told_error(error: &WireError) -> String {
    format!("{}: {}", error.code, error.message)
}

/// A push to a list, as MONITOR tells it: `1700000000.123456 [0 127.0.0.1:50000] "rpush" "key" "value"`.
#[derive(Debug, PartialEq)]
struct Pushed {
    at: f64,
    key: Vec<u8>,
    frames: Vec<Bytes>,
}

impl Pushed {
    /// Reads a line. `None` for other commands, and for keys that do not begin with this.
    fn read(line: &[u8], begin: &str) -> Option<Self> {
        let line = line.strip_prefix(b"+").unwrap_or(line);
        let space = line.iter().position(|byte| *byte == b' ')?;
        let at = std::str::from_utf8(line.get(..space)?).ok()?.parse().ok()?;
        let quote = line.iter().position(|byte| *byte == b'"')?;
        let mut words = Words(line.get(quote..)?);
        let command = words.next()?;
        if !command.eq_ignore_ascii_case(b"rpush") && !command.eq_ignore_ascii_case(b"lpush") {
            return None;
        }
        let key = words.next()?;
        if !key.starts_with(begin.as_bytes()) {
            return None;
        }
        Some(Self {
            at,
            key,
            frames: words.map(Bytes::from).collect(),
        })
    }
}

/// The words of a command, each in quotes.
struct Words<'a>(&'a [u8]);

impl Iterator for Words<'_> {
    type Item = Vec<u8>;

    fn next(&mut self) -> Option<Vec<u8>> {
        let start = self.0.iter().position(|byte| *byte == b'"')?;
        let mut bytes = self.0.get(start + 1..)?.iter();
        let mut word = Vec::new();
        loop {
            let byte = match *bytes.next()? {
                b'"' => break,
                b'\\' => match *bytes.next()? {
                    b'n' => b'\n',
                    b'r' => b'\r',
                    b't' => b'\t',
                    b'a' => 0x07,
                    b'b' => 0x08,
                    b'x' => {
                        let digits = bytes.as_slice().get(..2)?;
                        bytes = bytes.as_slice().get(2..)?.iter();
                        u8::from_str_radix(std::str::from_utf8(digits).ok()?, 16).ok()?
                    }
                    other => other,
                },
                byte => byte,
            };
            word.push(byte);
        }
        self.0 = bytes.as_slice();
        Some(word)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_are_read_as_redis_writes_them() {
        let line = br#"+1700000000.250000 [0 lua] "RPUSH" "pysoa:service.a" "x\"\\\n\x00\xff" """#;
        let pushed = Pushed::read(line, "pysoa:service.a").unwrap();
        assert_eq!(pushed.key, b"pysoa:service.a");
        let frames = [&b"x\"\\\n\x00\xff"[..], b""];
        assert_eq!(pushed.frames, frames);
        assert!((pushed.at - 1_700_000_000.25).abs() < 1e-6);
    }

    #[test]
    fn what_is_no_push_to_the_service_is_left_out() {
        for line in [
            &br#"+1.5 [0 127.0.0.1:1] "get" "pysoa:service.a""#[..],
            br#"+1.5 [0 127.0.0.1:1] "rpush" "pysoa:service.b" "x""#,
            br#"+1.5 [0 127.0.0.1:1] "rpush" "pysoa:service.a"#,
            br#"+1.5 [0 127.0.0.1:1] "rpush" "pysoa:service.a\x"#,
            b"+OK",
            b"",
            b"\"",
        ] {
            assert_eq!(Pushed::read(line, "pysoa:service.a"), None);
        }
    }

    #[test]
    fn no_more_is_shown_than_the_rate_allows() {
        let named = Named {
            service: "a".to_owned(),
            action: None,
        };
        let mut pairs = Pairs::new(&named, 2);
        assert_eq!(
            [(); 4].map(|()| pairs.may_show()),
            [true, true, false, false]
        );
    }
}
