//! Questions about a Redis that are for people: its clock, whether it evicts keys, and whether it has cut a connection.
//!
//! They are asked on a new connection, beside the trial of commands. No answer, such as that the login may not ask, is as good
//! as any: then there is nothing to say.

use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use soa_wire::log_limit::LogLimit;
use soa_wire::wire;

use super::limit::DOUBT_AFTER;
use super::link::Link;
use super::words::{Value, word};
use crate::condition::Purpose;

impl Link {
    /// Asks what is of interest about this Redis.
    pub(super) async fn inspect(&self) {
        // The clock matters to callers, which push.
        let clock = async {
            if self.purpose() == Purpose::Pushing {
                self.condition().clock().begin();
                self.compare_clocks().await;
            }
        };
        let memory = async {
            let answer = self.command("INFO", vec![word("memory")]).await;
            let answer = answer.ok();
            let text = answer.as_ref().and_then(Value::text);
            self.set_eviction(text.and_then(eviction));
        };
        futures_util::future::join(clock, memory).await;
    }

    /// Asks whether this Redis is a master; `None` if it does not say, such as to a login that may not ask.
    pub(in super::super) async fn is_master(&self) -> Option<bool> {
        let Ok(Value::List(role)) = self.command("ROLE", Vec::new()).await else {
            return None;
        };
        Some(role.first()?.text()? == "master")
    }

    /// Finds out whether this Redis answers; doubts it if not.
    pub(in super::super) async fn feel_pulse(&self) {
        if self.purpose() != Purpose::Pushing || !self.is_ready() {
            return; // Behind a pop that waits nothing is answered.
        }
        let ping = self.command("PING", Vec::new());
        if tokio::time::timeout(DOUBT_AFTER, ping).await.is_err() {
            self.doubt();
        }
    }

    /// Compares the clock of this Redis with that of this machine.
    pub(in super::super) async fn compare_clocks(&self) {
        let Ok(Value::List(time)) = self.command("TIME", Vec::new()).await else {
            return;
        };
        let arrived = wire::now();
        let number = |value: &Value| value.text()?.parse::<f64>().ok();
        if let [seconds, micros] = time.as_slice()
            && let (Some(seconds), Some(micros)) = (number(seconds), number(micros))
        {
            let clock = self.condition().clock();
            clock.record(seconds + micros / 1e6, arrived);
        }
    }
}

/// Time between two log lines about connections that Redis has cut.
const CUT_LOG_INTERVAL: Duration = Duration::from_secs(60);

/// Time after which a Redis was not just started, which ends connections as well.
const STARTED_TIME: Duration = Duration::from_secs(5);

/// The connections that a Redis has cut, as more was to be sent on them than it keeps.
///
/// It does not tell so on the connection, which just ends. So it is asked after a pop that failed, on the next connection.
#[derive(Debug)]
pub(in super::super) struct OutputCuts {
    log: LogLimit,
    /// Number of connections that were cut, as this Redis told last.
    seen: AtomicU64,
}

impl Default for OutputCuts {
    fn default() -> Self {
        Self {
            log: LogLimit::every(CUT_LOG_INTERVAL),
            seen: AtomicU64::new(0),
        }
    }
}

impl OutputCuts {
    /// Logs that Redis has probably cut the connection before this one, if so.
    pub(in super::super) async fn look(&self, link: &Link, doing: &str) {
        let told = link.command("INFO", Vec::new()).await;
        let told = told.ok();
        let told = told.as_ref().and_then(Value::text);
        let number = |name| value(told?, name)?.parse::<u64>().ok();
        if number("uptime_in_seconds").is_some_and(|time| time < STARTED_TIME.as_secs()) {
            return;
        }
        // From Redis 7.2 on.
        let cuts = number("client_output_buffer_limit_disconnections");
        let is_counted = cuts.map(|cuts| cuts > self.seen.swap(cuts, Ordering::Relaxed));
        if is_counted == Some(false) {
            return;
        }
        let words = vec![word("GET"), word("client-output-buffer-limit")];
        let limits = link.command("CONFIG", words).await;
        let limit = limits.ok().and_then(|limits| normal_limit(&limits));
        let is_limited = limit.as_ref().map(|limit| !limit.starts_with("0 0 "));
        if is_limited == Some(false) || is_limited.or(is_counted).is_none() {
            return;
        }
        if let Some(kept_back) = self.log.count() {
            let (redis, limit) = (link.node(), limit.as_deref().unwrap_or("unknown"));
            tracing::warn!(
                %redis,
                doing,
                limit,
                kept_back,
                "Redis closed a connection while it took messages, and has a limit beyond which it does: \
                 `client-output-buffer-limit normal` is too small for what is in a pop, which is lost then; raise it, or make \
                 the messages smaller"
            );
        }
    }
}

/// The limit for connections like this one, in the words of Redis: `hard soft seconds`.
fn normal_limit(answer: &Value) -> Option<String> {
    let Value::List(values) = answer else {
        return None;
    };
    let words: Vec<_> = values.get(1)?.text()?.split(' ').collect();
    let place = words.iter().position(|word| *word == "normal")?;
    Some(words.get(place + 1..place + 4)?.join(" "))
}

/// A value of INFO.
fn value<'a>(info: &'a str, name: &str) -> Option<&'a str> {
    let mut values = info
        .lines()
        .filter_map(|line| line.strip_prefix(name)?.strip_prefix(':'));
    values.next().map(str::trim)
}

/// The policy by which a Redis evicts keys when its memory is full; `None` if it does not.
fn eviction(memory: &str) -> Option<String> {
    let policy = value(memory, "maxmemory_policy")?;
    // Queues and reply lists have a time to live, so the policies for volatile keys are for them, too.
    let evicts = policy != "noeviction" && value(memory, "maxmemory")? != "0";
    evicts.then(|| policy.to_owned())
}

#[cfg(test)]
mod tests {
    use super::eviction;

    #[test]
    fn a_redis_evicts_by_a_policy_and_with_a_limit() {
        let told = |maxmemory, policy| {
            eviction(&format!(
                "# Memory\r\nused_memory:1\r\nmaxmemory:{maxmemory}\r\nmaxmemory_human:1M\r\nmaxmemory_policy:{policy}\r\n"
            ))
        };
        assert_eq!(
            told("1048576", "allkeys-lru").as_deref(),
            Some("allkeys-lru")
        );
        assert_eq!(
            told("1048576", "volatile-ttl").as_deref(),
            Some("volatile-ttl")
        );
        assert_eq!(told("1048576", "noeviction"), None);
        assert_eq!(told("0", "allkeys-lru"), None);
        assert_eq!(eviction(""), None);
    }
}
