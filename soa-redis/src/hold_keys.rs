//! Keys and scripts of what a service's processes hold: requests that were taken and are not answered.
//!
//! | key | type | what |
//! |---|---|---|
//! | `T.held.<process>.<slot>` | list | the jobs of one pull; `r<slot>` for jobs with headers |
//! | `T.done.<process>` | hash | slot → bits of its jobs that are answered |
//! | `T.leases` | sorted set | process → time of its last sign of life |
//! | `T.burnt` | sorted set | processes that were given up for dead |
//! | `T.holders` | hash | process → its connection, the number of its slots, and its times for peers |
//! | `T.again`, `T.suspect` | lists | jobs that are to run again; those that may have ended a process |
//! | `T.dead` | sorted set | dead letters, by time |
//! | `T.cancelled` | sorted set | ids of jobs whose callers are gone, by time |
//!
//! `T` is `{pysoa:service.<name>}`, so all of them are on the master, and in the slot of a cluster, of the service's requests.
//! Jobs in lists other than that of the requests have a header before their frame. Which lists these are follows from their
//! names, so a message in the list of requests cannot pretend to have one.

use std::sync::LazyLock;

use bytes::Bytes;

use super::backend::Script;
use super::keys::service_key;
use super::naming::request_key;

/// The names of a service's keys.
#[derive(Debug)]
pub(super) struct HoldKeys {
    pub(super) service: String,
    pub(super) requests: Bytes,
    pub(super) leases: Bytes,
    pub(super) burnt: Bytes,
    pub(super) holders: Bytes,
    pub(super) again: Bytes,
    pub(super) suspect: Bytes,
    pub(super) dead: Bytes,
    pub(super) cancelled: Bytes,
}

impl HoldKeys {
    pub(super) fn new(service: &str) -> Self {
        let key = |name: &str| Bytes::from(service_key(service, name));
        Self {
            requests: request_key(service).into(),
            leases: key("leases"),
            burnt: key("burnt"),
            holders: key("holders"),
            again: key("again"),
            suspect: key("suspect"),
            dead: key("dead"),
            cancelled: key("cancelled"),
            service: service.to_owned(),
        }
    }

    /// The list of a slot of a process.
    pub(super) fn slot(&self, process: &str, number: u32, is_old: bool) -> Bytes {
        let name = slot_name(number, is_old);
        service_key(&self.service, &format!("held.{process}.{name}")).into()
    }

    /// The answered jobs of a process.
    pub(super) fn done(&self, process: &str) -> Bytes {
        service_key(&self.service, &format!("done.{process}")).into()
    }

    /// A key that nobody uses.
    pub(super) fn probe(&self) -> Bytes {
        service_key(&self.service, "held.probe").into()
    }
}

/// The name of a slot among those of its process.
pub(super) fn slot_name(number: u32, is_old: bool) -> String {
    match is_old {
        true => format!("r{number}"),
        false => number.to_string(),
    }
}

/// The scripts.
pub(super) struct HoldScripts {
    pub(super) reply: Script,
    pub(super) ack: Script,
    pub(super) acked: Script,
    pub(super) release: Script,
    pub(super) settle: Script,
    pub(super) renew: Script,
    pub(super) burn: Script,
    pub(super) leave: Script,
    pub(super) find: Script,
    pub(super) read: Script,
    pub(super) pull: Script,
    pub(super) pull_old: Script,
    pub(super) sweep: Script,
    pub(super) pull_full: Script,
    pub(super) probe: Script,
}

/// The scripts, which all services share.
pub(super) static SCRIPTS: LazyLock<HoldScripts> = LazyLock::new(|| {
    let answered = include_str!("lua/answered.lua");
    let put = include_str!("lua/put.lua");
    let script = |parts: &[&str]| {
        let text = without_comments(&parts.concat());
        Script::new(text.clone(), text)
    };
    HoldScripts {
        reply: script(&[answered, include_str!("lua/reply.lua")]),
        ack: script(&[answered, include_str!("lua/ack.lua")]),
        acked: script(&[include_str!("lua/acked.lua")]),
        release: script(&[answered, put, include_str!("lua/release.lua")]),
        settle: script(&[put, include_str!("lua/settle.lua")]),
        renew: script(&[include_str!("lua/renew.lua")]),
        burn: script(&[include_str!("lua/burn.lua")]),
        leave: script(&[include_str!("lua/leave.lua")]),
        find: script(&[include_str!("lua/find.lua")]),
        read: script(&[include_str!("lua/read.lua")]),
        pull: script(&[include_str!("lua/pull.lua")]),
        pull_old: script(&[include_str!("lua/pull_old.lua")]),
        sweep: script(&[answered, include_str!("lua/sweep.lua")]),
        pull_full: script(&[include_str!("lua/pull_full.lua")]),
        probe: script(&[include_str!("lua/probe.lua")]),
    }
});

/// The text of a script as Redis gets it.
fn without_comments(text: &str) -> String {
    let lines = text.lines().map(str::trim);
    let lines = lines.filter(|line| !line.is_empty() && !line.starts_with("--"));
    lines.flat_map(|line| [line, "\n"]).collect()
}

/// A number as an argument.
pub(super) fn number(number: impl ToString) -> Bytes {
    number.to_string().into()
}
