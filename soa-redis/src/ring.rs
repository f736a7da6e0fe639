//! The masters of a connection, and the master of each list.
//!
//! Standard mode and sentinels have a *ring*: requests go to its masters in turn, whichever they are for, and servers take
//! from all of them; a response goes to the master that follows from the name of its list, as the reference has it. In a
//! cluster a list is where its slot is, so a service's requests are all on one node; the reply lists of one connection
//! share a slot by the tag in their names, and one pop takes from all of them.
//!
//! All tasks and connections of a ring are on one runtime, that of its first use. When this ends, as the runtime of a test
//! does, nothing of the ring works any more: a task that ends with the runtime fails the calls that wait, and whoever uses
//! the connection next gets another ring, on a runtime of its own.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, OnceLock, PoisonError, Weak};

use rustc_hash::FxHashMap;
use soa_runtime::{TransportError, TransportErrorKind};
use tokio::runtime::Handle;
use tokio::task::AbortHandle;
use uuid::Uuid;

use super::backend::{Access, Node, key_slot};
use super::condition::Purpose;
use super::directory::{Directory, Wanted};
use super::master::{MasterConnection, Network, Place};
use super::naming::{PREFIX, request_key};
use super::patrol::{Dependent, Dependents, patrol};
use super::reader::Reader;
use super::settings::{RedisMode, RedisSettings};
use super::watch;

/// The masters of a connection.
#[derive(Debug)]
pub(super) struct Ring {
    network: Arc<Network>,
    masters: Masters,
    has_ended: AtomicBool,
    /// The task that ends with the runtime.
    watch: OnceLock<AbortHandle>,
    /// The tasks that look after the masters.
    tasks: Vec<AbortHandle>,
    dependents: Arc<Dependents>,
}

/// Ends a ring when it is dropped with the runtime.
struct RuntimeGuard(Weak<Ring>);

impl Drop for RuntimeGuard {
    fn drop(&mut self) {
        if let Some(ring) = self.0.upgrade() {
            ring.end();
        }
    }
}

#[derive(Debug)]
enum Masters {
    /// At least one.
    Ring(Vec<RingMaster>),
    Cluster {
        directory: Arc<Directory>,
        tag: String,
        reader: Arc<Reader>,
        /// Connections to the masters of plain keys by slot. They keep the links that they share open.
        slots: Mutex<FxHashMap<u16, Arc<MasterConnection>>>,
    },
}

/// A master of a ring.
#[derive(Debug)]
struct RingMaster {
    place: Place,
    commands: Arc<MasterConnection>,
    reader: Arc<Reader>,
}

/// Settings of the connections to masters and sentinels, which are known to be valid.
#[derive(Clone, Debug)]
pub(super) struct Accesses {
    pub(super) redis: Access,
    pub(super) sentinels: Option<Access>,
}

impl Ring {
    /// Finds the masters of these settings, for use on the current runtime. Sentinels may have to be asked for them.
    pub(super) async fn find(
        settings: &RedisSettings,
        accesses: &Accesses,
    ) -> Result<Arc<Self>, TransportError> {
        let ring = Arc::new(Self::find_masters(settings, accesses).await?);
        let guard = RuntimeGuard(Arc::downgrade(&ring));
        let watch = ring.runtime().spawn(async move {
            let _guard = guard;
            std::future::pending::<()>().await;
        });
        // It is a new ring, so there is none yet.
        let _ = ring.watch.set(watch.abort_handle());
        Ok(ring)
    }

    async fn find_masters(
        settings: &RedisSettings,
        accesses: &Accesses,
    ) -> Result<Self, TransportError> {
        let Ok(runtime) = Handle::try_current() else {
            let message = "the Redis transport needs a tokio runtime";
            return Err(TransportError::new(
                TransportErrorKind::Misconfigured,
                message,
            ));
        };
        let network = Arc::new(Network::new(accesses.redis.clone(), runtime));
        let hosts = settings.hosts.iter().map(|(host, port)| Node {
            host: host.clone(),
            port: *port,
        });
        let places: Vec<Place> = match (&settings.mode, &accesses.sentinels) {
            (RedisMode::Sentinel(sentinel), Some(access)) => {
                let directory = Arc::new(Directory::new(
                    access.clone(),
                    hosts.collect(),
                    false,
                    &network.links,
                ));
                let mut names = sentinel.services.clone();
                if names.is_empty() {
                    names = directory.names().await.map_err(|problem| {
                        let message = format!("no sentinel reports a master: {problem}");
                        TransportError::new(TransportErrorKind::Transient, message)
                    })?;
                    tracing::info!(?names, "the sentinels report these masters");
                }
                let place = |name| Place::Reported(Arc::clone(&directory), Wanted::Master(name));
                names.into_iter().map(place).collect()
            }
            (RedisMode::Cluster, _) => {
                let access = accesses.redis.clone();
                let directory = Arc::new(Directory::new(
                    access,
                    hosts.collect(),
                    true,
                    &network.links,
                ));
                return Ok(Self::cluster(settings, network, directory));
            }
            _ => hosts.map(Place::Fixed).collect(),
        };
        if places.len() > 1 {
            network.have_several();
        }
        let mut tasks = Vec::new();
        if let Some(Place::Reported(directory, _)) = places.first() {
            let follow = watch::follow(Arc::clone(directory), accesses.redis.clone());
            tasks.push(network.runtime.spawn(follow).abort_handle());
        }
        let masters = places.into_iter().map(|place| {
            let commands = Arc::new(MasterConnection::with_own_links(
                &network,
                place.clone(),
                Purpose::Pushing,
            ));
            let pops =
                MasterConnection::with_own_links(&network, place.clone(), Purpose::ReadingAnswers);
            RingMaster {
                reader: Arc::new(Reader::new(pops, Arc::clone(&commands), settings)),
                commands,
                place,
            }
        });
        let masters: Vec<RingMaster> = masters.collect();
        let dependents: Arc<Dependents> = Arc::default();
        if masters.len() > 1 {
            let both =
                |master: &RingMaster| (Arc::clone(&master.commands), Arc::clone(&master.reader));
            let patrol = patrol(masters.iter().map(both).collect(), Arc::clone(&dependents));
            tasks.push(network.runtime.spawn(patrol).abort_handle());
        }
        let mut ring = Self::new(Masters::Ring(masters), network);
        (ring.tasks, ring.dependents) = (tasks, dependents);
        Ok(ring)
    }

    fn new(masters: Masters, network: Arc<Network>) -> Self {
        Self {
            network,
            masters,
            has_ended: AtomicBool::new(false),
            watch: OnceLock::new(),
            tasks: Vec::new(),
            dependents: Arc::default(),
        }
    }

    fn cluster(settings: &RedisSettings, network: Arc<Network>, directory: Arc<Directory>) -> Self {
        let tag = Uuid::new_v4().simple().to_string();
        let slot = key_slot(format!("{PREFIX}{{{tag}}}").as_bytes());
        let place = Place::Reported(Arc::clone(&directory), Wanted::Slot(slot));
        let pops =
            MasterConnection::with_own_links(&network, place.clone(), Purpose::ReadingAnswers);
        let commands = Arc::new(MasterConnection::with_pooled_links(&network, place));
        let masters = Masters::Cluster {
            directory,
            tag,
            reader: Arc::new(Reader::new(pops, commands, settings)),
            slots: Mutex::default(),
        };
        Self::new(masters, network)
    }

    /// Adds a part of a client that has to go on when a master is given up.
    pub(super) fn add_dependent(&self, dependent: Weak<dyn Dependent>) {
        self.dependents.add(dependent);
    }

    /// True if its runtime has ended, so that it is of no use any more.
    pub(super) fn has_ended(&self) -> bool {
        self.has_ended.load(Ordering::SeqCst)
    }

    /// The error of calls that waited when the runtime ended.
    pub(super) fn ended_error() -> TransportError {
        let message = "the tokio runtime of the connection to Redis has ended; \
                       the next call connects again, on its own runtime";
        TransportError::new(TransportErrorKind::Transient, message)
    }

    /// Fails all calls that wait, since the runtime has ended.
    fn end(&self) {
        // A call that is registered from now on sees this.
        self.has_ended.store(true, Ordering::SeqCst);
        let error = Self::ended_error();
        match &self.masters {
            Masters::Ring(masters) => {
                let readers = masters.iter().map(|master| &master.reader);
                readers.for_each(|reader| reader.fail_all(&error));
            }
            Masters::Cluster { reader, .. } => reader.fail_all(&error),
        }
    }

    /// The end of the name of the reply list with this number.
    pub(super) fn suffix(&self, number: u64) -> String {
        const TWELVE_DIGITS: u64 = (1 << 48) - 1;
        let number = number & TWELVE_DIGITS;
        match &self.masters {
            Masters::Ring(_) => format!("{number:012x}"),
            Masters::Cluster { tag, .. } => format!("{{{tag}}}{number:012x}"),
        }
    }

    /// Connections to the masters that requests for a service can be pushed to.
    pub(super) fn request_masters(&self, service: &str) -> Vec<Arc<MasterConnection>> {
        match &self.masters {
            Masters::Ring(masters) => {
                let masters = masters.iter();
                masters.map(|master| Arc::clone(&master.commands)).collect()
            }
            Masters::Cluster { .. } => vec![self.master(request_key(service).as_bytes())],
        }
    }

    /// New connections to the masters that requests for a service are popped from, in the same order.
    pub(super) fn pop_masters(&self, service: &str) -> Vec<MasterConnection> {
        let place = |key: &str, directory: &Arc<Directory>| {
            Place::Reported(
                Arc::clone(directory),
                Wanted::Slot(key_slot(key.as_bytes())),
            )
        };
        let places = match &self.masters {
            Masters::Ring(masters) => masters.iter().map(|master| master.place.clone()).collect(),
            Masters::Cluster { directory, .. } => vec![place(&request_key(service), directory)],
        };
        let own =
            |place| MasterConnection::with_own_links(&self.network, place, Purpose::TakingRequests);
        places.into_iter().map(own).collect()
    }

    /// The connection to the master of a key, for all but pops: that of a reply list, and in a cluster of any key.
    pub(super) fn master(&self, key: &[u8]) -> Arc<MasterConnection> {
        match &self.masters {
            Masters::Ring(masters) => Arc::clone(&master_of(masters, key).commands),
            Masters::Cluster { directory, .. } => {
                let wanted = Wanted::Slot(key_slot(key));
                let place = Place::Reported(Arc::clone(directory), wanted);
                Arc::new(MasterConnection::with_pooled_links(&self.network, place))
            }
        }
    }

    /// The connection to the master of a slot, in a cluster.
    pub(super) fn master_of_slot(&self, slot: u16) -> Option<Arc<MasterConnection>> {
        let Masters::Cluster {
            directory, slots, ..
        } = &self.masters
        else {
            return None;
        };
        let place = Place::Reported(Arc::clone(directory), Wanted::Slot(slot));
        // Nothing panics while this is held.
        let mut slots = slots.lock().unwrap_or_else(PoisonError::into_inner);
        let new = || Arc::new(MasterConnection::with_pooled_links(&self.network, place));
        Some(Arc::clone(slots.entry(slot).or_insert_with(new)))
    }

    /// The connection to the master of a plain key. A `{tag}` in its name decides alone.
    pub(super) fn master_of_key(&self, key: &str) -> Arc<MasterConnection> {
        let tag = Self::tag(key).as_bytes();
        match &self.masters {
            Masters::Ring(_) => self.master(tag),
            Masters::Cluster { slots, .. } => {
                // Nothing panics while this is held.
                let mut slots = slots.lock().unwrap_or_else(PoisonError::into_inner);
                let master = slots.entry(key_slot(tag));
                Arc::clone(master.or_insert_with(|| self.master(tag)))
            }
        }
    }

    /// The part of a key that decides on its master: the text in its first pair of braces, if there is some, or all of it.
    pub(super) fn tag(key: &str) -> &str {
        let tag = key
            .split_once('{')
            .and_then(|(_, rest)| rest.split_once('}'));
        match tag {
            Some((tag, _)) if !tag.is_empty() => tag,
            _ => key,
        }
    }

    /// The reader of a reply list of this connection.
    pub(super) fn reader(&self, key: &str) -> &Arc<Reader> {
        match &self.masters {
            Masters::Ring(masters) => &master_of(masters, key.as_bytes()).reader,
            Masters::Cluster { reader, .. } => reader,
        }
    }

    /// Describes the outage of a master that lasts.
    pub(super) fn outage(&self) -> Option<String> {
        self.network.outage()
    }

    /// The runtime of all connections.
    pub(super) fn runtime(&self) -> &Handle {
        &self.network.runtime
    }

    /// Ends the readers, as no call can wait any more.
    pub(super) fn close(&self) {
        match &self.masters {
            Masters::Ring(masters) => masters.iter().for_each(|master| master.reader.close()),
            Masters::Cluster { reader, .. } => reader.close(),
        }
    }
}

impl Drop for Ring {
    fn drop(&mut self) {
        let tasks = self.watch.get().into_iter().chain(&self.tasks);
        tasks.for_each(AbortHandle::abort);
    }
}

/// The master of a reply list.
fn master_of<'a>(masters: &'a [RingMaster], key: &[u8]) -> &'a RingMaster {
    match masters.get(ring_index(key, masters.len())) {
        Some(master) => master,
        // There is one: settings need a host, sentinels without a master are an error, and the index is below the size.
        None => unreachable!("a ring has no master for a list"),
    }
}

/// Index of the master of a reply list: the same arithmetic as the reference's, also where it rounds.
fn ring_index(key: &[u8], size: usize) -> usize {
    let hash = f64::from(crc32(key) & 0xfff);
    let size = u32::try_from(size).unwrap_or(u32::MAX);
    let place = hash / (4096.0 / f64::from(size));
    let index = (0..size).rev().find(|index| f64::from(*index) <= place);
    index
        .and_then(|index| usize::try_from(index).ok())
        .unwrap_or(0)
}

/// The checksum of zlib and zip.
fn crc32(bytes: &[u8]) -> u32 {
    let crc = bytes.iter().fold(u32::MAX, |crc, byte| {
        (0..8).fold(crc ^ u32::from(*byte), |crc, _| {
            let carry = if crc & 1 == 1 { 0xedb8_8320 } else { 0 };
            (crc >> 1) ^ carry
        })
    });
    !crc
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_tag_decides_on_the_master_of_a_key() {
        for (key, tag) in [
            ("plain", "plain"),
            ("{a}.b", "a"),
            ("x{a}{b}", "a"),
            ("{}a", "{}a"),
            ("{a", "{a"),
            ("a}{b}", "b"),
        ] {
            assert_eq!(Ring::tag(key), tag);
            assert_eq!(key_slot(key.as_bytes()), key_slot(tag.as_bytes()), "{key}");
        }
    }

    #[test]
    fn the_checksum_is_that_of_zlib() {
        assert_eq!(crc32(b"123456789"), 0xcbf4_3926);
        assert_eq!(crc32(b""), 0);
    }

    /// Computed by the reference, for rings of 1, 2, 3, 5, 6 and 7 masters; the hashes are those at the borders.
    #[test]
    fn a_list_is_on_the_master_where_the_reference_has_it() {
        for (key, expected) in REFERENCE {
            let indices = [1, 2, 3, 5, 6, 7].map(|size| ring_index(key.as_bytes(), size));
            assert_eq!(indices, expected, "{key}");
        }
    }

    const REFERENCE: [(&str, [usize; 6]); 6] = [
        (
            "pysoa:service.example.ed84e91ef132bf2de040015ce064a114!ec3b4274a3eb",
            [0, 0, 0, 0, 0, 0],
        ),
        (
            "pysoa:service.example.ba9acea9729e6a4c125bdcfa77496681!95486077ed6c",
            [0, 0, 0, 1, 1, 2],
        ),
        (
            "pysoa:service.example.288788eff98f05645e5e49e65c770e1a!fa9f0923d2c8",
            [0, 0, 1, 1, 2, 2],
        ),
        (
            "pysoa:service.example.8fbf54ebd405f3ec4ac17b82b9ab0fee!139d1300ff36",
            [0, 1, 2, 4, 5, 6],
        ),
        (
            "pysoa:service.example.cf1bab00f13ffaa16928a0330f9426b5!380defa9f0e0",
            [0, 1, 1, 2, 3, 3],
        ),
        (
            "pysoa:service.example.bd0a1b50367e004e3a22d9407bbd07b6!1dcc48764511",
            [0, 1, 2, 3, 4, 5],
        ),
    ];
}
