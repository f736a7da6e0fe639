//! Faults of services: their queues, their workers, and the calls.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use soa_redis::{RedisMaster, RedisScript, RedisValue, service_key};
use soa_runtime::TransportErrorKind;
use soa_runtime::observe::record::{LIFETIME, OTHER, Sketch, WORKER_KEY, WorkerRecord};

use super::finding::Findings;
use crate::connect::Redis;
use crate::failure::Failure;
use crate::fleet::{Fleet, Service};
use crate::output::{counted, latency, requests_wait, time};
use crate::services::count;

/// Age of a queue from which callers with the usual time limit give up.
const OLD: Duration = Duration::from_secs(5);

/// Growth of a queue, in requests a second, from which it is told.
const GROWTH: f64 = 1.0;

/// Part of calls that may fail, and the number of calls from which that is known.
const FAILING: (f64, u64) = (0.1, 10);

/// Number of calls from which a p99 is known.
const KNOWN: u64 = 100;

pub(crate) fn check_queue(
    name: &str,
    service: &Service,
    growth: f64,
    answers: Option<bool>,
    findings: &mut Findings,
) {
    let queue = service.queue;
    let has_consumers = !service.workers.is_empty() || answers == Some(true);
    // A service that could not be asked may have some.
    let is_deserted = !has_consumers && answers == Some(false);
    if service.is_paused {
        findings.warning(
            "PAUSED",
            name,
            format!("it is paused, and {}", requests_wait(queue.depth)),
            format!("`soa queue resume {name}` has its workers take requests again"),
        );
    } else if queue.depth > 0 && is_deserted {
        findings.error(
            "NO_CONSUMER",
            name,
            format!("{}, and nobody takes them", requests_wait(queue.depth)),
            "start a worker; if the service is gone, find its callers with `soa queue peek` and `soa graph`",
        );
    } else if is_deserted {
        findings.warning(
            "SILENT",
            name,
            "callers or keys name it, and nobody answers its `status`",
            "start a worker, or remove its callers",
        );
    }
    if !is_deserted && !service.is_paused {
        if let Some(oldest) = queue.oldest.filter(|oldest| *oldest >= OLD) {
            findings.error(
                "OLD",
                name,
                format!("the oldest request has waited for {}: its caller has probably given up", time(oldest)),
                format!("see `soa workers --service {name} --jobs` for what keeps the workers, and start more of them"),
            );
        } else if growth >= GROWTH && queue.depth > 0 {
            findings.warning(
                "GROWING",
                name,
                format!("its queue grows by {growth:.1} requests a second, from {}", queue.depth),
                format!("start more workers, or see `soa workers --service {name} --jobs` for what is slow"),
            );
        }
    }
}

pub(crate) fn check_workers(name: &str, service: &Service, findings: &mut Findings) {
    let records = || service.workers.iter().map(|worker| &worker.record);
    let versions: BTreeSet<&str> = records().map(|record| record.version.as_str()).collect();
    let listed = |names: &BTreeSet<&str>| {
        let names: Vec<&str> = names.iter().copied().collect();
        names.join(" and ")
    };
    if versions.len() > 1 {
        findings.warning(
            "MIXED_VERSIONS",
            name,
            format!(
                "the workers that tell records run the versions {}",
                listed(&versions)
            ),
            "right while a deployment goes on; otherwise restart those of the old version",
        );
    }
    for version in &versions {
        let same = records().filter(|record| record.version == *version);
        let schemas: BTreeSet<&str> = same
            .filter_map(|record| record.schemas.as_deref())
            .collect();
        if schemas.len() > 1 {
            findings.error(
                "MIXED_SCHEMAS",
                name,
                format!("workers of version {version} tell different actions or schemas: a caller meets either"),
                "they are different builds under one version: restart the old ones, and count the version up",
            );
        }
    }
    let full: Vec<_> = records()
        .filter(|record| record.concurrency > 0 && record.running >= record.concurrency)
        .collect();
    if !full.is_empty() {
        findings.warning(
            "BUSY",
            name,
            format!(
                "{} of {} with all places in use",
                full.len(),
                counted(service.workers.len(), "worker")
            ),
            format!("`soa workers --service {name} --jobs` shows the oldest jobs; raise `server.concurrency` or start more"),
        );
    }
}

/// Counts the dead letters of a service.
pub(super) async fn check_dead(
    redis: &Redis,
    masters: &[RedisMaster],
    name: &str,
    findings: &mut Findings,
) -> Result<(), Failure> {
    match redis.dead_letters(masters, name).await {
        Ok(count) => check_letters(name, count, findings),
        // The check of the login has told it.
        Err(error) if error.kind() == TransportErrorKind::Misconfigured => {}
        Err(error) => return Err(redis.failed(&error)),
    }
    Ok(())
}

/// Tells of dead letters, if there are some.
pub(crate) fn check_letters(name: &str, count: u64, findings: &mut Findings) {
    if count > 0 {
        findings.warning(
            "DEAD_LETTERS",
            name,
            format!("{}: they are not run any more, as they ended too many processes", counted(count, "job")),
            format!(
                "`soa dead list {name}` shows them; `soa dead retry {name} --all` runs them again once the cause is mended"
            ),
        );
    }
}

/// Difference of the clocks of a worker and of Redis from which it is told. A record reaches Redis some time after it was
/// written, on a busy machine.
const CLOCKS_APART: f64 = 2.0;

/// The time of Redis, and each record with the time that it still lives.
const AGES: &str = "local now = redis.call('TIME')
local out = {now[1] .. '.' .. string.format('%06d', now[2])}
for _, key in ipairs(KEYS) do
  out[#out + 1] = redis.call('GET', key) or ''
  out[#out + 1] = redis.call('PTTL', key)
end
return out";

/// Number of records that are looked at in one script.
const AGES_AT_ONCE: usize = 50;

/// Compares the clocks of workers with that of Redis: a record has the time at which it was written, and its time to live says
/// when that was.
pub(super) async fn check_clocks(
    redis: &Redis,
    name: &str,
    service: &Service,
    findings: &mut Findings,
) -> Result<(), Failure> {
    let script = RedisScript::new(AGES);
    let keys_of = redis.connection.keys();
    let prefix = service_key(name, WORKER_KEY);
    for workers in service.workers.chunks(AGES_AT_ONCE) {
        let keys = workers
            .iter()
            .map(|worker| format!("{prefix}{}", worker.id));
        let keys: Vec<String> = keys.collect();
        let keys: Vec<&str> = keys.iter().map(String::as_str).collect();
        let told = match keys_of.run_script(&script, &keys, &[]).await {
            // The check of the masters has told it.
            Err(error) if error.kind() == TransportErrorKind::Misconfigured => return Ok(()),
            told => told,
        };
        let mut told = told
            .map_err(|error| redis.failed(&error))?
            .into_list()
            .into_iter();
        let now = told.next().and_then(RedisValue::into_bytes);
        let now = now.and_then(|now| std::str::from_utf8(&now).ok()?.parse::<f64>().ok());
        let Some(now) = now else { continue };
        while let (Some(record), Some(left)) = (told.next(), told.next()) {
            let record = record
                .into_bytes()
                .and_then(|bytes| WorkerRecord::read(&bytes));
            let left = left.as_integer().and_then(|left| u64::try_from(left).ok());
            if let (Some(record), Some(left)) = (record, left) {
                check_clock(name, &record, now, Duration::from_millis(left), findings);
            }
        }
    }
    Ok(())
}

fn check_clock(
    name: &str,
    record: &WorkerRecord,
    now: f64,
    left: Duration,
    findings: &mut Findings,
) {
    let written = now - LIFETIME.saturating_sub(left).as_secs_f64();
    let apart = record.at - written;
    // A record of another version may not have it.
    if record.at > 0.0 && apart.abs() > CLOCKS_APART {
        findings.error(
            "WORKER_CLOCK",
            name,
            format!(
                "the clock of its worker {} on {} is {apart:+.1} s from that of Redis: requests seem expired, or wait for too \
                 long",
                record.pid, record.host
            ),
            "let NTP set the clocks of all machines",
        );
    }
}

/// Checks the actions of all services.
pub(super) fn check_callers(fleet: &Fleet, findings: &mut Findings) {
    for (name, service) in &fleet.services {
        check_actions(name, service, findings);
    }
}

/// Checks the actions of a service: errors, and time limits of callers.
pub(crate) fn check_actions(name: &str, service: &Service, findings: &mut Findings) {
    let mut actions: BTreeMap<&str, (Sketch, u64, Option<u64>)> = BTreeMap::new();
    for worker in &service.workers {
        for (action, told) in &worker.record.actions {
            let (times, errors, patience) = actions.entry(action).or_default();
            times.merge(&told.lately);
            *errors = errors.saturating_add(told.lately_errors);
            let shortest = told.shortest_patience;
            *patience = match (*patience, shortest) {
                (Some(known), Some(other)) => Some(known.min(other)),
                (known, other) => known.or(other),
            };
        }
    }
    for (action, (times, errors, patience)) in actions {
        if action == OTHER {
            continue;
        }
        let subject = format!("{name}.{action}");
        let calls = times.count();
        if calls >= FAILING.1 && count(errors) >= count(calls) * FAILING.0 {
            findings.warning(
                    "ERRORS",
                    &subject,
                    format!("{} in the last {}", counted(errors, "error"), counted(calls, "call")),
                    format!("`soa workers --service {name} --json` has their codes, and the log of the workers their causes"),
                );
        }
        if let (Some(p99), Some(patience)) = (times.quantile(0.99), patience)
            && calls >= KNOWN
            && count(patience) / 1_000.0 < p99
        {
            findings.warning(
                    "SHORT_TIMEOUT",
                    &subject,
                    format!(
                        "a caller waits {} for it, and one call of a hundred takes {} or longer",
                        latency(count(patience) / 1_000.0),
                        latency(p99)
                    ),
                    "raise the time limit of that caller (`soa graph` shows who calls), or make the action quicker",
                );
        }
    }
}

#[cfg(test)]
mod tests {
    use soa_runtime::observe::record::{ActionRecord, WorkerRecord};

    use super::*;
    use crate::fleet::{Queue, Worker};

    fn worker(version: &str, schemas: &str) -> Worker {
        Worker {
            id: version.to_owned(),
            record: WorkerRecord {
                version: version.to_owned(),
                schemas: Some(schemas.to_owned()),
                concurrency: 4,
                ..WorkerRecord::default()
            },
        }
    }

    #[test]
    fn queues_without_consumers_and_old_ones_are_told() {
        let waiting = |oldest| Service {
            queue: Queue {
                depth: 7,
                oldest: Some(Duration::from_secs(oldest)),
                ..Queue::default()
            },
            ..Service::default()
        };
        let mut findings = Findings::default();
        check_queue("a", &waiting(1), 0.0, Some(false), &mut findings);
        check_queue("b", &waiting(60), 0.0, Some(true), &mut findings);
        check_queue("c", &waiting(1), 5.0, Some(true), &mut findings);
        assert_eq!(findings.codes(), ["NO_CONSUMER", "OLD", "GROWING"]);
    }

    #[test]
    fn workers_that_differ_are_told() {
        let of = |workers| Service {
            workers,
            ..Service::default()
        };
        let mut findings = Findings::default();
        check_workers(
            "a",
            &of(vec![worker("1", "x"), worker("2", "y")]),
            &mut findings,
        );
        check_workers(
            "b",
            &of(vec![worker("1", "x"), worker("1", "y")]),
            &mut findings,
        );
        assert_eq!(findings.codes(), ["MIXED_VERSIONS", "MIXED_SCHEMAS"]);
    }

    #[test]
    fn a_worker_whose_clock_is_apart_is_told() {
        let mut findings = Findings::default();
        let record = |at| WorkerRecord {
            at,
            ..WorkerRecord::default()
        };
        let left = Duration::from_secs(9);
        check_clock("a", &record(99.5), 100.0, left, &mut findings);
        check_clock("a", &record(0.0), 100.0, left, &mut findings);
        assert!(findings.0.is_empty(), "{findings:?}");
        check_clock("a", &record(102.5), 100.0, left, &mut findings);
        check_clock("a", &record(90.0), 100.0, left, &mut findings);
        assert_eq!(findings.codes(), ["WORKER_CLOCK", "WORKER_CLOCK"]);
        assert!(findings.0[0].what.contains("+3.5 s"), "{findings:?}");
    }

    #[test]
    fn a_time_limit_below_the_p99_is_told_with_its_action() {
        let mut worker = worker("1", "x");
        let mut action = ActionRecord {
            shortest_patience: Some(100),
            ..ActionRecord::default()
        };
        action.lately.add(Sketch::bucket(500_000), 200);
        worker.record.actions.insert("find".to_owned(), action);
        let service = Service {
            workers: vec![worker],
            ..Service::default()
        };
        let fleet = Fleet {
            services: BTreeMap::from([("books".to_owned(), service)]),
            ..Fleet::default()
        };
        let mut findings = Findings::default();
        check_callers(&fleet, &mut findings);
        assert_eq!(findings.codes(), ["SHORT_TIMEOUT"]);
        assert_eq!(findings.0[0].subject, "books.find");
    }
}
