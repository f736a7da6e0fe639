//! The masters of a connection, and which of them a list is on.
//!
//! Standard mode and sentinels have a *ring*: requests go to its masters in turn, whichever they are for, and servers take
//! from all of them; a response goes to the master that follows from the name of its list, as the reference has it. In a
//! cluster a list is where its slot is, so a service's requests are all on one node; the reply lists of one connection
//! share a slot by the tag in their names, and one pop takes from all of them.

use std::sync::Arc;

use tokio::runtime::Handle;
use uuid::Uuid;

use super::backend::{Access, Node, key_slot};
use super::condition::Doing;
use super::directory::{Directory, Wanted};
use super::line::{Line, Network, Place};
use super::reader::Reader;
use super::settings::{RedisMode, RedisSettings};
use super::{PREFIX, request_key};
use crate::error::{TransportError, TransportErrorKind};

/// The masters of a connection.
#[derive(Debug)]
pub(super) struct Ring {
    network: Arc<Network>,
    masters: Masters,
}

#[derive(Debug)]
enum Masters {
    /// At least one.
    Ring(Vec<Master>),
    Cluster {
        directory: Arc<Directory>,
        tag: String,
        reader: Arc<Reader>,
    },
}

#[derive(Debug)]
struct Master {
    place: Place,
    commands: Arc<Line>,
    reader: Arc<Reader>,
}

/// How masters are reached: settings that are known to work.
#[derive(Clone, Debug)]
pub(super) struct Accesses {
    pub(super) redis: Access,
    pub(super) sentinels: Option<Access>,
}

impl Ring {
    /// The ring that the settings tell of. Sentinels may have to be asked who is in it.
    pub(super) async fn find(
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
                let directory = Arc::new(Directory::new(access.clone(), hosts.collect(), false));
                let mut names = sentinel.services.clone();
                if names.is_empty() {
                    names = directory.names().await.map_err(|problem| {
                        let message = format!("no sentinel tells of a master: {problem}");
                        TransportError::new(TransportErrorKind::Transient, message)
                    })?;
                    tracing::info!(?names, "the sentinels tell of these masters");
                }
                let place = |name| Place::Known(Arc::clone(&directory), Wanted::Master(name));
                names.into_iter().map(place).collect()
            }
            (RedisMode::Cluster, _) => {
                let access = accesses.redis.clone();
                let directory = Arc::new(Directory::new(access, hosts.collect(), true));
                return Ok(Self::cluster(settings, network, directory));
            }
            _ => hosts.map(Place::Fixed).collect(),
        };
        let masters = places.into_iter().map(|place| {
            let commands = Arc::new(Line::own(&network, place.clone(), Doing::Pushing));
            let pops = Line::own(&network, place.clone(), Doing::ReadingAnswers);
            Master {
                reader: Arc::new(Reader::new(pops, Arc::clone(&commands), settings)),
                commands,
                place,
            }
        });
        Ok(Self {
            masters: Masters::Ring(masters.collect()),
            network,
        })
    }

    fn cluster(settings: &RedisSettings, network: Arc<Network>, directory: Arc<Directory>) -> Self {
        let tag = Uuid::new_v4().simple().to_string();
        let slot = key_slot(&format!("{PREFIX}{{{tag}}}"));
        let place = Place::Known(Arc::clone(&directory), Wanted::Slot(slot));
        let pops = Line::own(&network, place.clone(), Doing::ReadingAnswers);
        let commands = Arc::new(Line::shared(&network, place));
        Self {
            masters: Masters::Cluster {
                directory,
                tag,
                reader: Arc::new(Reader::new(pops, commands, settings)),
            },
            network,
        }
    }

    /// What a reply list's name ends in: the `number`th of those with this random number.
    pub(super) fn suffix(&self, number: u64) -> String {
        const TWELVE_DIGITS: u64 = (1 << 48) - 1;
        let number = number & TWELVE_DIGITS;
        match &self.masters {
            Masters::Ring(_) => format!("{number:012x}"),
            Masters::Cluster { tag, .. } => format!("{{{tag}}}{number:012x}"),
        }
    }

    /// The ways to the masters that requests for a service can be pushed to.
    pub(super) fn request_lines(&self, service: &str) -> Vec<Arc<Line>> {
        match &self.masters {
            Masters::Ring(masters) => {
                let lines = masters.iter().map(|master| Arc::clone(&master.commands));
                lines.collect()
            }
            Masters::Cluster { .. } => vec![self.reply_line(&request_key(service))],
        }
    }

    /// New ways to the masters that requests for a service are popped from, in the same order.
    pub(super) fn pop_lines(&self, service: &str) -> Vec<Line> {
        let place = |key: &str, directory: &Arc<Directory>| {
            Place::Known(Arc::clone(directory), Wanted::Slot(key_slot(key)))
        };
        let places = match &self.masters {
            Masters::Ring(masters) => masters.iter().map(|master| master.place.clone()).collect(),
            Masters::Cluster { directory, .. } => vec![place(&request_key(service), directory)],
        };
        let own = |place| Line::own(&self.network, place, Doing::TakingRequests);
        places.into_iter().map(own).collect()
    }

    /// The way to the master that a reply list is on.
    pub(super) fn reply_line(&self, key: &str) -> Arc<Line> {
        match &self.masters {
            Masters::Ring(masters) => Arc::clone(&master_of(masters, key).commands),
            Masters::Cluster { directory, .. } => {
                let wanted = Wanted::Slot(key_slot(key));
                let place = Place::Known(Arc::clone(directory), wanted);
                Arc::new(Line::shared(&self.network, place))
            }
        }
    }

    /// Who reads a reply list of this connection.
    pub(super) fn reader(&self, key: &str) -> &Arc<Reader> {
        match &self.masters {
            Masters::Ring(masters) => &master_of(masters, key).reader,
            Masters::Cluster { reader, .. } => reader,
        }
    }

    /// The runtime that everything lives on.
    pub(super) fn runtime(&self) -> &Handle {
        &self.network.runtime
    }

    /// Ends the readers, as nobody is left who could wait.
    pub(super) fn close(&self) {
        match &self.masters {
            Masters::Ring(masters) => masters.iter().for_each(|master| master.reader.close()),
            Masters::Cluster { reader, .. } => reader.close(),
        }
    }
}

/// The master that a reply list is on.
fn master_of<'a>(masters: &'a [Master], key: &str) -> &'a Master {
    match masters.get(ring_index(key, masters.len())) {
        Some(master) => master,
        // There is one: settings need a host, sentinels without a master are an error, and the index is below the size.
        None => unreachable!("a ring has no master for a list"),
    }
}

/// Which master of a ring a reply list is on: the same arithmetic as the reference's, also where it rounds.
fn ring_index(key: &str, size: usize) -> usize {
    let hash = f64::from(crc32(key.as_bytes()) & 0xfff);
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
    fn the_checksum_is_that_of_zlib() {
        assert_eq!(crc32(b"123456789"), 0xcbf4_3926);
        assert_eq!(crc32(b""), 0);
    }

    /// Computed by the reference, for rings of 1, 2, 3, 5, 6 and 7 masters; the hashes are those at the borders.
    #[test]
    fn a_list_is_on_the_master_where_the_reference_has_it() {
        for (key, expected) in REFERENCE {
            let indices = [1, 2, 3, 5, 6, 7].map(|size| ring_index(key, size));
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
