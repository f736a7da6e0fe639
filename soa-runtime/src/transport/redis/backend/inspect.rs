//! Questions about a Redis that are for people: its clock, and whether it evicts keys.
//!
//! They are asked on a new connection, beside the trial of commands. No answer, such as that the login may not ask, is as good
//! as any: then there is nothing to say.

use fred::types::Value;

use super::link::Link;
use crate::transport::redis::condition::Purpose;
use crate::wire;

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
            let answer = self.command("INFO", vec![Value::from("memory")]).await;
            let text = answer.ok().and_then(|answer| answer.as_string());
            self.set_eviction(text.as_deref().and_then(eviction));
        };
        futures_util::future::join(clock, memory).await;
    }

    /// Compares the clock of this Redis with that of this machine.
    pub(in super::super) async fn compare_clocks(&self) {
        let Ok(Value::Array(time)) = self.command("TIME", Vec::new()).await else {
            return;
        };
        let arrived = wire::now();
        if let [seconds, micros] = time.as_slice()
            && let (Some(seconds), Some(micros)) = (seconds.as_f64(), micros.as_f64())
        {
            let clock = self.condition().clock();
            clock.record(seconds + micros / 1e6, arrived);
        }
    }
}

/// The policy by which a Redis evicts keys when its memory is full; `None` if it does not.
fn eviction(memory: &str) -> Option<String> {
    let value = |name: &str| {
        let lines = memory.lines();
        let mut values = lines.filter_map(|line| line.strip_prefix(name)?.strip_prefix(':'));
        values.next().map(str::trim)
    };
    let policy = value("maxmemory_policy")?;
    // Queues and reply lists have a time to live, so the policies for volatile keys are for them, too.
    let evicts = policy != "noeviction" && value("maxmemory")? != "0";
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
