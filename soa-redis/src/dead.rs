//! Dead letters: jobs that are not run any more, and are kept for people.
//!
//! They are in a sorted set beside the requests of their service, at the master that had these. At most 10,000 are kept there,
//! and none for longer than 30 days.

use std::sync::{Arc, LazyLock};
use std::time::Duration;

use bytes::Bytes;
use soa_runtime::TransportError;
use soa_runtime::internal::Redelivery;
use soa_runtime::transport::DeadLetter;
use tokio::time::Instant;

use super::backend::{Link, Script};
use super::connection::RedisConnection;
use super::hold_keys::HoldKeys;
use super::master::MasterConnection;
use super::settings::bounded;
use super::value::RedisValue;

/// Number of dead letters that are read at once.
const PAGE: usize = 100;

/// Keys: dead letters, jobs to run again. Arguments: a dead letter, and the job that it becomes; an empty text for none.
const CHANGE: &str = "\
if redis.call('ZREM', KEYS[1], ARGV[1]) == 0 then return 0 end
if ARGV[2] ~= '' then redis.call('RPUSH', KEYS[2], ARGV[2]) end
return 1";

static CHANGES: LazyLock<Script> = LazyLock::new(|| Script::new(CHANGE, CHANGE));

/// The dead letters of a service.
///
/// ```no_run
/// use soa::transport::{DeadFilter, RedisConnection, RedisDeadLetters};
///
/// # async fn example() -> Result<(), soa::TransportError> {
/// let connection = RedisConnection::connect("127.0.0.1:6379".parse().unwrap()).await?;
/// let dead = RedisDeadLetters::on(&connection, "images");
/// for letter in dead.list(&DeadFilter::default()).await? {
///     println!("{} {:?}: {}", letter.id, letter.actions, letter.error);
/// }
/// let mut one = DeadFilter::default();
/// one.action = Some("shrink".to_owned());
/// println!("{} run again", dead.retry(&one).await?);
/// # Ok(()) }
/// ```
#[derive(Clone, Debug)]
pub struct RedisDeadLetters {
    connection: RedisConnection,
    keys: Arc<HoldKeys>,
}

/// A choice of dead letters. What is `None` does not matter.
///
/// ```
/// use std::time::Duration;
/// use soa::transport::DeadFilter;
///
/// let mut of_today = DeadFilter::default();
/// of_today.since = Some(Duration::from_secs(24 * 3600));
/// of_today.reason = Some("poison".to_owned());
/// ```
#[derive(Clone, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct DeadFilter {
    /// The id, or the beginning of it.
    pub id: Option<String>,
    /// The reason.
    pub reason: Option<String>,
    /// An action of the job.
    pub action: Option<String>,
    /// The greatest age.
    pub since: Option<Duration>,
}

impl DeadFilter {
    fn takes(&self, letter: &DeadLetter) -> bool {
        let now = Duration::try_from_secs_f64(soa_wire::wire::now()).unwrap_or_default();
        let age = now.saturating_sub(Duration::from_millis(letter.died));
        let id = self.id.as_ref();
        let action = self.action.as_ref();
        id.is_none_or(|id| letter.id.starts_with(id.as_str()))
            && self
                .reason
                .as_ref()
                .is_none_or(|reason| letter.reason == *reason)
            && action.is_none_or(|action| letter.actions.contains(action))
            && self.since.is_none_or(|since| age <= since)
    }
}

impl RedisDeadLetters {
    /// The dead letters of a service, over this connection.
    pub fn on(connection: &RedisConnection, service: &str) -> Self {
        Self {
            connection: connection.clone(),
            keys: Arc::new(HoldKeys::new(service)),
        }
    }

    /// Returns the dead letters of a choice, the oldest first.
    ///
    /// # Errors
    /// A master of Redis cannot be reached, or the login may not read them.
    pub async fn list(&self, filter: &DeadFilter) -> Result<Vec<DeadLetter>, TransportError> {
        let mut letters = Vec::new();
        for master in self.masters().await? {
            let link = self.link(&master).await?;
            let found = self.find(&link, filter).await?;
            letters.extend(found.into_iter().map(|(_, letter)| letter));
        }
        letters.sort_by_key(|letter| letter.died);
        Ok(letters)
    }

    /// Has the jobs of a choice run again, as if they had never run: their attempts and strikes begin anew. They run however
    /// long their callers have been gone. Returns their number.
    ///
    /// # Errors
    /// A master of Redis cannot be reached, or the login may not change them. Some may run again then.
    pub async fn retry(&self, filter: &DeadFilter) -> Result<usize, TransportError> {
        self.change(filter, |letter| {
            let again = Redelivery {
                id: letter.id.clone(),
                attempt: 1,
                strikes: 0,
                is_suspect: false,
                is_late: true,
                born: letter.born,
                reason: "retry",
            };
            again.write(&letter.frame)
        })
        .await
    }

    /// Forgets the dead letters of a choice. Returns their number.
    ///
    /// # Errors
    /// A master of Redis cannot be reached, or the login may not change them. Some may be forgotten then.
    pub async fn forget(&self, filter: &DeadFilter) -> Result<usize, TransportError> {
        self.change(filter, |_| Bytes::new()).await
    }

    async fn change(
        &self,
        filter: &DeadFilter,
        to: impl Fn(&DeadLetter) -> Bytes,
    ) -> Result<usize, TransportError> {
        let mut count = 0;
        for master in self.masters().await? {
            let link = self.link(&master).await?;
            for (member, letter) in self.find(&link, filter).await? {
                let keys = [&self.keys.dead, &self.keys.again];
                let keys = keys.map(|key| String::from_utf8_lossy(key));
                let keys: Vec<&str> = keys.iter().map(AsRef::as_ref).collect();
                let changed = link
                    .ask_script(&CHANGES, &keys, &[member, to(&letter)])
                    .await;
                let changed = changed.map_err(|failed| failed.error)?;
                count += usize::from(changed == RedisValue::Integer(1));
            }
        }
        Ok(count)
    }

    /// Finds the dead letters of a choice at one master.
    async fn find(
        &self,
        link: &Link,
        filter: &DeadFilter,
    ) -> Result<Vec<(Bytes, DeadLetter)>, TransportError> {
        let key = String::from_utf8_lossy(&self.keys.dead);
        let mut found = Vec::new();
        for first in (0..).step_by(PAGE) {
            let range = [first, first + PAGE - 1].map(|place| Bytes::from(place.to_string()));
            let page = link.ask("ZRANGE", &key, &range).await;
            let page = page.map_err(|failed| failed.error)?.into_list();
            let length = page.len();
            let members = page.into_iter().filter_map(RedisValue::into_bytes);
            let letters = members.map(|member| (member.clone(), DeadLetter::read(&member)));
            found.extend(letters.filter(|(_, letter)| filter.takes(letter)));
            if length < PAGE {
                break;
            }
        }
        Ok(found)
    }

    async fn masters(&self) -> Result<Vec<Arc<MasterConnection>>, TransportError> {
        let ring = self.connection.ring_until(self.deadline()).await?;
        Ok(ring.request_masters(&self.keys.service))
    }

    async fn link(&self, master: &MasterConnection) -> Result<Link, TransportError> {
        let ready = master
            .ready(self.deadline(), self.connection.retries())
            .await;
        ready.map_err(|unready| unready.error)
    }

    fn deadline(&self) -> Instant {
        Instant::now() + bounded(self.connection.settings().command_timeout)
    }
}
