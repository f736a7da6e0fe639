//! The fleet, as Redis has it: names of services, their queues, and the records of their workers.
//!
//! Nothing here calls a service. What Redis does not have cannot be seen: an idle queue has no key, and a worker of PySOA
//! tells no record.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use bytes::Bytes;
use futures_util::StreamExt as _;
use soa_redis::{RedisMaster, RedisScript, RedisValue, service_key};
use soa_runtime::observe::record::{PAUSED_KEY, WORKER_KEY, WorkerRecord};
use soa_runtime::{Serializers, TransportError, TransportErrorKind, wire};

use crate::connect::Redis;
use crate::failure::{Failure, Reason};

/// The beginning of the names of all keys of the protocol.
const QUEUE: &str = "pysoa:service.";

/// The beginning of the keys that belong to a service.
const TAGGED: &str = "{pysoa:service.";

/// Number of keys that Redis looks at for one answer of SCAN.
const SCAN_COUNT: &str = "1000";

/// Number of questions that wait for their answers at once.
const AT_ONCE: usize = 32;

/// Number of records in one question.
const RECORDS_AT_ONCE: usize = 50;

/// Largest record of a worker, in bytes: a thousand times as large as usual.
const MAX_RECORD: usize = 4 << 20;

/// Largest number of services that are known by the records of others alone. Workers name at most some dozens each.
const MAX_NAMED: usize = 1_000;

/// Largest number of notes about keys that hold something foreign.
const MAX_NO_LISTS: usize = 5;

/// The fleet at one moment.
#[derive(Debug, Default)]
pub(crate) struct Fleet {
    pub(crate) services: BTreeMap<String, Service>,
    /// Lines for people about what could not be seen.
    pub(crate) notes: Vec<String>,
    /// The reason why the keys of services and workers could not be looked up.
    pub(crate) blind: Option<String>,
}

/// A service.
#[derive(Debug, Default)]
pub(crate) struct Service {
    pub(crate) queue: Queue,
    pub(crate) workers: Vec<Worker>,
    pub(crate) is_paused: bool,
    /// Number of lists of replies that hold something: callers that have not taken their answers.
    pub(crate) reply_lists: usize,
}

/// The requests that wait for a service.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Queue {
    /// Number of messages, at all masters.
    pub(crate) depth: u64,
    /// Time since the oldest message was sent, by the clocks of two machines. `None` if nothing waits, or if it does not tell.
    pub(crate) oldest: Option<Duration>,
    /// True if the key holds something else than a list, so that nobody can send or take requests.
    pub(crate) is_no_list: bool,
}

/// A worker that has told about itself.
#[derive(Clone, Debug)]
pub(crate) struct Worker {
    pub(crate) id: String,
    pub(crate) record: WorkerRecord,
}

/// The key of a service in which its dead letters are.
pub(crate) const DEAD_KEY: &str = "dead";

/// The names that keys tell.
#[derive(Debug, Default)]
pub(crate) struct Found {
    /// Services with something that waits, or with a key of their own.
    pub(crate) services: BTreeSet<String>,
    /// Keys of records, by service.
    records: BTreeMap<String, BTreeSet<String>>,
    paused: BTreeSet<String>,
    /// Services with dead letters.
    pub(crate) dead: BTreeSet<String>,
    reply_lists: BTreeMap<String, usize>,
    /// The reason why keys could not be looked up.
    blind: Option<String>,
}

impl Found {
    fn add(&mut self, key: &str) {
        if let Some(rest) = key.strip_prefix(QUEUE) {
            match rest.split_once('!') {
                None => drop(self.services.insert(rest.to_owned())),
                // `service.NAME.<id of the client>!<number>`
                Some((caller, _)) => {
                    let service = caller
                        .rsplit_once('.')
                        .map_or(caller, |(service, _)| service);
                    *self.reply_lists.entry(service.to_owned()).or_default() += 1;
                }
            }
        } else if let Some((service, rest)) = key
            .strip_prefix(TAGGED)
            .and_then(|rest| rest.split_once("}."))
        {
            self.services.insert(service.to_owned());
            if rest.starts_with(WORKER_KEY) {
                let keys = self.records.entry(service.to_owned()).or_default();
                keys.insert(key.to_owned());
            } else if rest == PAUSED_KEY {
                self.paused.insert(service.to_owned());
            } else if rest == DEAD_KEY {
                self.dead.insert(service.to_owned());
            }
        }
    }
}

impl Redis {
    /// The masters that can be reached.
    pub(crate) async fn masters(&self) -> Result<Vec<RedisMaster>, Failure> {
        let masters = self.connection.masters().await;
        let mut masters = masters.map_err(|error| self.failed(&error))?;
        masters.retain(|master| !self.lost.contains_key(&master.name()));
        Ok(masters)
    }

    /// The names of the services that keys tell. This looks at all keys of Redis.
    pub(crate) async fn find(&self, masters: &[RedisMaster]) -> Result<Found, Failure> {
        let mut found = Found::default();
        for master in masters {
            let mut cursor = "0".to_owned();
            loop {
                let arguments = [&*cursor, "MATCH", "*pysoa:service.*", "COUNT", SCAN_COUNT];
                let answer = match master.ask("SCAN", &arguments).await {
                    Ok(answer) => answer,
                    Err(error) if error.kind() == TransportErrorKind::Misconfigured => {
                        found.blind = Some(error.to_string());
                        return Ok(found);
                    }
                    Err(error) => return Err(self.failed(&error)),
                };
                let mut parts = answer.into_list().into_iter();
                let next = parts.next().and_then(text).unwrap_or_default();
                let keys = parts.next().map(RedisValue::into_list).unwrap_or_default();
                for key in keys.into_iter().filter_map(text) {
                    found.add(&key);
                }
                if next == "0" || next.is_empty() {
                    break;
                }
                cursor = next;
            }
        }
        Ok(found)
    }

    /// The names of all services that can be seen, for completions and advice.
    pub(crate) async fn names(&self) -> Result<BTreeSet<String>, Failure> {
        let masters = self.masters().await?;
        let found = self.find(&masters).await?;
        let mut names = found.services.clone();
        for service in found.records.keys() {
            let workers = self.workers(service, found.records.get(service)).await?;
            names.extend(related(&workers));
        }
        Ok(names)
    }

    /// The fleet: these services, or all that can be seen.
    ///
    /// # Errors
    /// Redis fails, or the login may not look up names, and none is given.
    pub(crate) async fn fleet(&self, only: &[String]) -> Result<Fleet, Failure> {
        let fleet = self.look(only).await?;
        match &fleet.blind {
            Some(why) if only.is_empty() => Err(self
                .blind("the names of services", why)
                .advise("or name them: `services`, `check` and `top` take `--service NAME`")),
            _ => Ok(fleet),
        }
    }

    /// The fleet with the records of its workers.
    ///
    /// # Errors
    /// Redis fails, or the login may not look up records.
    pub(crate) async fn workers_of(&self, only: &[String]) -> Result<Fleet, Failure> {
        let fleet = self.look(only).await?;
        match &fleet.blind {
            Some(why) => Err(self.blind("the records of workers", why)),
            None => Ok(fleet),
        }
    }

    fn blind(&self, what: &str, why: &str) -> Failure {
        let message = format!("{what} cannot be looked up: {why}");
        Failure::new(Reason::Connection, message)
            .advise(format!("allow it with {}", self.grant("+scan")))
    }

    /// The same as far as this login may look: without names there may be no service.
    pub(crate) async fn look(&self, only: &[String]) -> Result<Fleet, Failure> {
        let masters = self.masters().await?;
        let found = self.find(&masters).await?;
        let mut fleet = self.fleet_of(&masters, &found, only).await?;
        let mut notes = self.notes(&found);
        notes.append(&mut fleet.notes);
        Ok(Fleet { notes, ..fleet })
    }

    /// Notes about what cannot be seen: masters that cannot be reached, and what this login may not look up.
    pub(crate) fn notes(&self, found: &Found) -> Vec<String> {
        let lost = self.lost.iter().map(|(name, why)| {
            format!("{name} cannot be reached, and what it holds is not shown: {why}")
        });
        let blind = found.blind.iter().map(|why| {
            format!(
                "workers that tell records are not shown, as the login may not look up their keys ({why}); allow it with {}",
                self.grant("+scan")
            )
        });
        lost.chain(blind).collect()
    }

    /// The fleet of these names: these services, or all. Its notes are about them alone.
    pub(crate) async fn fleet_of(
        &self,
        masters: &[RedisMaster],
        found: &Found,
        only: &[String],
    ) -> Result<Fleet, Failure> {
        let mut fleet = Fleet::default();
        let mut names: BTreeSet<String> = match only.is_empty() {
            true => found.services.clone(),
            false => only.iter().cloned().collect(),
        };
        // Names are owned, as the compiler does not see otherwise that the work may go to another thread.
        let owned = |names: &BTreeSet<String>| names.iter().cloned().collect::<Vec<_>>();
        let asked = owned(&names).into_iter().map(|service| async move {
            let workers = self.workers(&service, found.records.get(&service)).await;
            (service, workers)
        });
        let asked: Vec<_> = futures_util::stream::iter(asked)
            .buffer_unordered(AT_ONCE)
            .collect()
            .await;
        let mut workers = BTreeMap::new();
        for (service, told) in asked {
            workers.insert(service, told?);
        }
        if only.is_empty() {
            // Callers know services that have no key at present.
            let named = workers.values().flat_map(|workers| related(workers));
            let mut named: BTreeSet<String> = named.filter(|name| !names.contains(name)).collect();
            if named.len() > MAX_NAMED {
                let left_off = named.len() - MAX_NAMED;
                fleet.notes.push(format!(
                    "workers name {left_off} more services that have no key, which are not shown"
                ));
                named = named.into_iter().take(MAX_NAMED).collect();
            }
            names.extend(named);
        }
        let queues = owned(&names).into_iter().map(|service| async move {
            let queue = self.queue(masters, &service).await;
            (service, queue)
        });
        let queues: BTreeMap<_, _> = futures_util::stream::iter(queues)
            .buffer_unordered(AT_ONCE)
            .collect()
            .await;
        let mut no_lists = 0;
        for (name, queue) in queues {
            let queue = queue?;
            if queue.is_no_list {
                no_lists += 1;
                if no_lists <= MAX_NO_LISTS {
                    fleet.notes.push(no_list(
                        &queue_key(&name),
                        "list, so no request can wait there",
                    ));
                }
            }
            let service = Service {
                queue,
                workers: workers.remove(&name).unwrap_or_default(),
                is_paused: found.paused.contains(&name),
                reply_lists: found.reply_lists.get(&name).copied().unwrap_or(0),
            };
            fleet.services.insert(name, service);
        }
        fleet.blind.clone_from(&found.blind);
        if no_lists > MAX_NO_LISTS {
            let more = no_lists - MAX_NO_LISTS;
            fleet
                .notes
                .push(format!("so it is with the keys of {more} more services"));
        }
        Ok(fleet)
    }

    /// The records of a service, at these keys.
    async fn workers(
        &self,
        service: &str,
        keys: Option<&BTreeSet<String>>,
    ) -> Result<Vec<Worker>, Failure> {
        let keys: Vec<&str> = keys.into_iter().flatten().map(String::as_str).collect();
        let plain = self.connection.keys();
        let prefix = service_key(service, WORKER_KEY);
        let mut workers = Vec::with_capacity(keys.len());
        for some in keys.chunks(RECORDS_AT_ONCE) {
            let told = match plain.get_all(some).await {
                // They are at a master of which a note has told.
                Err(error)
                    if error.kind() == TransportErrorKind::Transient && !self.lost.is_empty() =>
                {
                    continue;
                }
                told => told.map_err(|error| self.failed(&error))?,
            };
            for (key, value) in some.iter().zip(told) {
                // One that has expired since has no value, and no worker writes one that is so large.
                let value = value.filter(|value| value.len() <= MAX_RECORD);
                let Some(record) = value.as_deref().and_then(WorkerRecord::read) else {
                    continue;
                };
                let id = key.strip_prefix(&prefix).unwrap_or(key).to_owned();
                workers.push(Worker { id, record });
            }
        }
        workers.sort_by(|a, b| {
            let key = |worker: &Worker| (worker.record.host.clone(), worker.record.pid);
            key(a).cmp(&key(b))
        });
        Ok(workers)
    }

    /// The queue of a service, at all masters.
    pub(crate) async fn queue(
        &self,
        masters: &[RedisMaster],
        service: &str,
    ) -> Result<Queue, Failure> {
        let mut queue = Queue::default();
        for master in self.masters_of(masters) {
            let (depth, first) = match master.queue(service).await {
                Ok(told) => told,
                // One key that somebody has written by mistake must not hide the fleet.
                Err(error) if is_wrong_type(&error) => {
                    queue.is_no_list = true;
                    continue;
                }
                Err(error) => return Err(self.failed(&error)),
            };
            queue.depth = queue.depth.saturating_add(depth);
            queue.oldest = queue.oldest.max(first.and_then(|frame| waited(&frame)));
        }
        Ok(queue)
    }

    /// The number of dead letters of a service.
    pub(crate) async fn dead_letters(
        &self,
        masters: &[RedisMaster],
        service: &str,
    ) -> Result<u64, TransportError> {
        let key = service_key(service, DEAD_KEY);
        let mut count = 0;
        for holder in self.masters_of(masters) {
            let told = holder.ask("ZCARD", &[&key]).await?.as_integer();
            count += told.and_then(|told| u64::try_from(told).ok()).unwrap_or(0);
        }
        Ok(count)
    }

    pub(crate) fn is_cluster(&self) -> bool {
        self.connection.settings().mode == soa_redis::RedisMode::Cluster
    }

    /// The masters that may have the queue of a service: in a cluster it is one of them, which finds itself.
    pub(crate) fn masters_of<'a>(&'a self, masters: &'a [RedisMaster]) -> Vec<Holder<'a>> {
        match self.is_cluster() {
            true => vec![Holder::OfKey(self)],
            false => masters.iter().map(Holder::Of).collect(),
        }
    }
}

/// A master that holds queues.
pub(crate) enum Holder<'a> {
    Of(&'a RedisMaster),
    /// The master of the key, in a cluster.
    OfKey(&'a Redis),
}

impl Holder<'_> {
    /// The number of messages in the queue of a service, and the first of them.
    async fn queue(&self, service: &str) -> Result<(u64, Option<Bytes>), TransportError> {
        let key = queue_key(service);
        let depth = self.ask("LLEN", &[&key]).await?.as_integer().unwrap_or(0);
        if depth <= 0 {
            return Ok((0, None));
        }
        let first = self.ask("LINDEX", &[&key, "0"]).await?.into_bytes();
        Ok((u64::try_from(depth).unwrap_or(0), first))
    }

    /// Runs a command whose first argument is the key.
    pub(crate) async fn ask(
        &self,
        command: &'static str,
        arguments: &[&str],
    ) -> Result<RedisValue, TransportError> {
        match self {
            Self::Of(master) => master.ask(command, arguments).await,
            Self::OfKey(redis) => redis.connection.keys().ask_key(command, arguments).await,
        }
    }

    /// Runs a script on keys of this master.
    pub(crate) async fn evaluate(
        &self,
        script: &'static str,
        keys: &[&str],
        argument: Bytes,
    ) -> Result<RedisValue, TransportError> {
        match self {
            Self::Of(master) => master.evaluate(script, keys, argument).await,
            Self::OfKey(redis) => {
                let script = RedisScript::new(script);
                let keys_of = redis.connection.keys();
                keys_of.run_script(&script, keys, &[argument]).await
            }
        }
    }
}

/// True if a key holds another type than it has in the protocol.
pub(crate) fn is_wrong_type(error: &TransportError) -> bool {
    error.kind() == TransportErrorKind::Misconfigured && error.to_string().contains("wrong type: ")
}

/// Says that a key holds something foreign.
pub(crate) fn no_list(key: &str, expected: &str) -> String {
    format!(
        "the key `{key}` holds something else than a {expected}: look at it with TYPE, and delete it"
    )
}

/// The list of the requests of a service.
pub(crate) fn queue_key(service: &str) -> String {
    format!("{QUEUE}{service}")
}

/// The services that workers have called, and those that have called them.
fn related(workers: &[Worker]) -> BTreeSet<String> {
    use soa_runtime::observe::record::{OTHER, PROGRAM};
    let mut names = BTreeSet::new();
    for worker in workers {
        names.extend(worker.record.called.keys().cloned());
        let actions = worker.record.actions.values();
        names.extend(actions.flat_map(|action| action.callers.keys().cloned()));
    }
    names.remove(OTHER);
    names.remove(PROGRAM);
    names
}

/// The time since a request was sent, if it tells.
pub(crate) fn waited(frame: &Bytes) -> Option<Duration> {
    match wire::read_request(frame, &Serializers::default()) {
        Ok(request) => request.waited,
        // It expired after it had waited for as long as its caller did, which it tells no more.
        Err(unreadable) => unreadable.late,
    }
}

fn text(value: RedisValue) -> Option<String> {
    let bytes = value.into_bytes()?;
    String::from_utf8(bytes.to_vec()).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keys_tell_services_workers_and_callers_that_wait() {
        let mut found = Found::default();
        for key in [
            "pysoa:service.books",
            "pysoa:service.v2.books",
            "pysoa:service.users.0123456789abcdef0123456789abcdef!0123456789ab",
            "{pysoa:service.shop}.worker.1",
            "{pysoa:service.shop}.worker.2",
            "{pysoa:service.mail}.paused",
            "{pysoa:service.mail}.dead",
            "{pysoa:component.books}.registered",
            "session",
        ] {
            found.add(key);
        }
        let services: Vec<_> = found.services.iter().map(String::as_str).collect();
        assert_eq!(services, ["books", "mail", "shop", "v2.books"]);
        assert_eq!(found.records["shop"].len(), 2);
        assert!(found.paused.contains("mail") && found.dead.contains("mail"));
        assert_eq!(found.reply_lists["users"], 1);
    }
}
