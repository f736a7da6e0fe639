//! Faults of Redis and its sentinels, and with what this login may do.

use std::collections::BTreeMap;
use std::time::{SystemTime, UNIX_EPOCH};

use soa_redis::{RedisMaster, RedisSentinel, RedisValue, service_key};
use soa_runtime::{TransportError, TransportErrorKind};

use super::finding::Findings;
use crate::connect::Redis;
use crate::services::count;

/// Difference of clocks from which deadlines are wrong.
const CLOCKS_APART: f64 = 1.0;

/// Part of `maxmemory` that may be used.
const FULL: f64 = 0.8;

/// Reads the lines `key:value` of INFO.
fn info(answer: RedisValue) -> BTreeMap<String, String> {
    let bytes = answer.into_bytes().unwrap_or_default();
    let text = String::from_utf8_lossy(&bytes).into_owned();
    let lines = text.lines().filter_map(|line| line.split_once(':'));
    lines
        .map(|(key, value)| (key.to_owned(), value.trim().to_owned()))
        .collect()
}

/// Checks one master. False if it cannot be reached.
pub(super) async fn check_master(
    redis: &Redis,
    master: &RedisMaster,
    findings: &mut Findings,
) -> bool {
    let name = &master.name();
    let told = match master.ask("INFO", &["everything"]).await {
        Ok(told) => info(told),
        Err(error) if error.kind() == TransportErrorKind::Misconfigured => {
            findings.warning(
                "NO_INFO",
                name,
                format!("memory, eviction and persistence cannot be checked: {error}"),
                format!(
                    "allow this login the command with {}, or check as another user",
                    redis.grant("+info")
                ),
            );
            BTreeMap::new()
        }
        Err(error) => {
            unreachable(name, &error.to_string(), findings);
            return false;
        }
    };
    check_memory(name, &told, findings);
    check_persistence(name, &told, findings);
    check_clock(redis, master, findings).await;
    true
}

pub(super) fn unreachable(name: &str, why: &str, findings: &mut Findings) {
    findings.error(
        "UNREACHABLE",
        name,
        format!("this master cannot be reached: {why}"),
        "start it, or remove it from the settings of all services: requests for it fail meanwhile",
    );
}

pub(super) fn check_sentinel(sentinel: &RedisSentinel, findings: &mut Findings) {
    let name = &sentinel.name;
    let masters = match &sentinel.told {
        Ok(masters) => masters,
        Err(why) => {
            findings.error(
                "SENTINEL",
                name,
                format!("this sentinel does not answer: {why}"),
                "start it, or remove it from the settings of all services: with too few of them no master is replaced",
            );
            return;
        }
    };
    if masters.is_empty() {
        findings.error(
            "SENTINEL",
            name,
            "this sentinel watches no master",
            "have it watch them with SENTINEL MONITOR, as the others do",
        );
    }
    for (master, _) in masters.iter().filter(|(_, is_up)| !is_up) {
        findings.error(
            "MASTER_DOWN",
            name,
            format!("this sentinel holds the master `{master}` for down"),
            format!(
                "`redis-cli SENTINEL MASTER {master}` at the sentinel says why; if it is wrong, look at the network between"
            ),
        );
    }
}

fn check_memory(name: &str, told: &BTreeMap<String, String>, findings: &mut Findings) {
    let number = |key: &str| told.get(key).and_then(|text| text.parse::<u64>().ok());
    if let Some(policy) = told.get("maxmemory_policy")
        && policy != "noeviction"
    {
        findings.error(
            "EVICTION",
            name,
            format!("the eviction policy is {policy}: when memory is short, Redis deletes queues with all their requests"),
            "set it with CONFIG SET maxmemory-policy noeviction, and in redis.conf",
        );
    }
    match (number("maxmemory"), number("used_memory")) {
        (Some(0), _) => findings.warning(
            "NO_MAXMEMORY",
            name,
            "maxmemory is not set: queues that grow can take all memory of the machine",
            "set it with CONFIG SET maxmemory 2gb or what the machine can spare, and in redis.conf",
        ),
        (Some(most), Some(used)) if count(used) > count(most) * FULL => findings.error(
            "MEMORY",
            name,
            format!(
                "{:.0} % of maxmemory are used: at 100 %, requests are refused",
                count(used) / count(most) * 100.0
            ),
            "see `soa queue list` for queues that have grown, or raise maxmemory",
        ),
        _ => {}
    }
}

fn check_persistence(name: &str, told: &BTreeMap<String, String>, findings: &mut Findings) {
    let is = |key: &str, value: &str| told.get(key).is_some_and(|found| found == value);
    if is("rdb_last_bgsave_status", "err") {
        findings.error(
            "SAVE_FAILS",
            name,
            "the last save to disk has failed: Redis may refuse all writes because of it",
            "look at the disk and at the log of Redis; BGSAVE tries again",
        );
    }
    if is("aof_last_write_status", "err") {
        findings.error(
            "SAVE_FAILS",
            name,
            "the last write to the append-only file has failed: Redis refuses writes",
            "look at the disk and at the log of Redis",
        );
    }
    if is("aof_enabled", "0") && is("rdb_saves", "0") {
        findings.note(
            "NO_PERSISTENCE",
            name,
            "nothing is saved to disk: a restart of Redis loses what waits in queues",
            "for durable jobs turn appendonly on; calls with a time limit need none",
        );
    }
}

async fn check_clock(redis: &Redis, master: &RedisMaster, findings: &mut Findings) {
    let now = || {
        let now = SystemTime::now().duration_since(UNIX_EPOCH);
        now.unwrap_or_default().as_secs_f64()
    };
    let before = now();
    let script = "local t = redis.call('TIME') return t[1] .. '.' .. string.format('%06d', t[2])";
    let told = match master.evaluate(script, &[], bytes::Bytes::new()).await {
        Ok(told) => told,
        Err(error) => {
            findings.warning(
                "NO_CLOCK",
                &master.name(),
                format!("the clocks of Redis and of workers cannot be compared: {error}"),
                format!(
                    "allow this login scripts with {}, or check as another user",
                    redis.grant("+@scripting")
                ),
            );
            return;
        }
    };
    let after = now();
    let told = told.into_bytes().unwrap_or_default();
    let Some(theirs) = std::str::from_utf8(&told)
        .ok()
        .and_then(|text| text.parse::<f64>().ok())
    else {
        return;
    };
    let apart = theirs - f64::midpoint(before, after);
    if apart.abs() > CLOCKS_APART {
        findings.error(
            "CLOCK",
            &master.name(),
            format!("its clock is {apart:+.1} s from the one here: requests seem expired, or wait for too long"),
            "let NTP set the clocks of all machines; here it is the difference to the machine that runs this command",
        );
    }
}

/// Checks what this login may do.
pub(super) async fn check_login(redis: &Redis, findings: &mut Findings) {
    let subject = redis.address();
    let keys = redis.connection.keys();
    let plain = keys.ask_key("LLEN", &["pysoa:service.soa-check"]).await;
    let tagged = keys
        .ask_key("EXISTS", &[&service_key("soa-check", "checked")])
        .await;
    let mut refused = |answer: Result<RedisValue, TransportError>, pattern: &str, what: &str| {
        if let Err(error) = answer
            && error.kind() == TransportErrorKind::Misconfigured
        {
            findings.error(
                "LOGIN",
                &subject,
                format!("this login may not use {what}: {error}"),
                format!(
                    "if the services have the same login: {}",
                    redis.grant(&format!("{pattern} +@read +@write +@scripting"))
                ),
            );
        }
    };
    refused(plain, "~pysoa:*", "the queues");
    refused(
        tagged,
        "~{pysoa:*",
        "the keys of services, in which workers tell records",
    );
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn memory_that_redis_may_take_from_queues_is_an_error() {
        let told = |pairs: &[(&str, &str)]| {
            let pairs = pairs.iter();
            pairs
                .map(|(key, value)| (key.to_string(), value.to_string()))
                .collect()
        };
        let mut findings = Findings::default();
        let bad = told(&[
            ("maxmemory_policy", "allkeys-lru"),
            ("maxmemory", "100"),
            ("used_memory", "90"),
        ]);
        check_memory("a", &bad, &mut findings);
        assert_eq!(findings.codes(), ["EVICTION", "MEMORY"]);
        let mut findings = Findings::default();
        let good = told(&[
            ("maxmemory_policy", "noeviction"),
            ("maxmemory", "100"),
            ("used_memory", "10"),
        ]);
        check_memory("a", &good, &mut findings);
        assert!(findings.0.is_empty());
    }
}
