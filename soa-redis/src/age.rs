//! The age of a service's queue, told by its servers and read by clients.
//!
//! While a queue is old, each server process writes its age, in milliseconds, into the key `{pysoa:service.NAME}.age`, once
//! a second, and the key expires soon after the last time. A client that is set to reads it twice a second while it calls,
//! and fails calls that would only wait. In ordinary times there is no such key, and nobody asks for it.
//!
//! A login that may not write the key serves as before. This is logged once.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::Duration;

use soa_runtime::{Name, TransportError, TransportErrorKind};
use tokio::runtime::Handle;
use tokio::time::Instant;

use super::connection::RedisConnection;
use super::keys::{RedisKeys, lacks_keys, service_key};

/// Time between two reports of one process.
const REPORT_INTERVAL: Duration = Duration::from_secs(1);

/// Time after which a report is forgotten.
const REPORT_LIFETIME: Duration = Duration::from_secs(3);

/// Time between two questions of a client.
const QUESTION_INTERVAL: Duration = Duration::from_millis(500);

/// Time after which a refused report or question is tried again: the login may have other rights.
const REFUSED_INTERVAL: Duration = Duration::from_secs(600);

/// The key of a service's age, and the time of the next command on it.
struct AgeKey {
    keys: RedisKeys,
    service: Name,
    key: String,
    begun: Instant,
    /// Time of the next command, in milliseconds from `begun`.
    next: AtomicU64,
    is_logged: AtomicBool,
}

impl AgeKey {
    fn new(connection: &RedisConnection, service: &Name) -> Arc<Self> {
        Arc::new(Self {
            keys: connection.keys(),
            key: service_key(service, "age"),
            service: service.clone(),
            begun: Instant::now(),
            next: AtomicU64::new(0),
            is_logged: AtomicBool::new(false),
        })
    }

    fn millis(&self) -> u64 {
        as_millis(self.begun.elapsed())
    }

    /// The time since which a command is due.
    fn overdue(&self) -> Duration {
        let next = self.next.load(Ordering::Relaxed);
        Duration::from_millis(self.millis().saturating_sub(next))
    }

    /// True for one of several that ask while a command is due. The next one is due after this time.
    fn is_due(&self, interval: Duration) -> bool {
        let (now, next) = (self.millis(), self.next.load(Ordering::Relaxed));
        let later = now.saturating_add(as_millis(interval));
        let order = Ordering::Relaxed;
        let swap = || self.next.compare_exchange(next, later, order, order);
        now >= next && swap().is_ok()
    }

    /// Gives up for a while, if the login lacks the rights.
    fn failed(&self, error: &TransportError, doing: &str) {
        if error.kind() != TransportErrorKind::Misconfigured {
            return; // The log has it already.
        }
        let later = self.millis().saturating_add(as_millis(REFUSED_INTERVAL));
        self.next.store(later, Ordering::Relaxed);
        if !self.is_logged.swap(true, Ordering::Relaxed) && !lacks_keys(error) {
            let service = &self.service;
            tracing::warn!(%service, %error, doing, "the age of the queue is not known to clients");
        }
    }
}

/// The reports of a server.
pub(super) struct AgeReport(Arc<AgeKey>);

impl AgeReport {
    pub(super) fn new(connection: &RedisConnection, service: &Name) -> Self {
        Self(AgeKey::new(connection, service))
    }

    /// Tells the age of the queue, unless that was done just before.
    pub(super) fn report(&self, age: Duration) {
        if !self.0.is_due(REPORT_INTERVAL) {
            return;
        }
        let report = Arc::clone(&self.0);
        tokio::spawn(async move {
            let text = as_millis(age).to_string();
            let told = report.keys.set(&report.key, text, Some(REPORT_LIFETIME));
            if let Err(error) = told.await {
                report.failed(&error, "telling the age of the queue");
            }
        });
    }
}

/// The age as a client knows it.
pub(super) struct KnownAge {
    key: Arc<AgeKey>,
    /// The age, in milliseconds.
    age: Arc<AtomicU64>,
}

impl KnownAge {
    pub(super) fn new(connection: &RedisConnection, service: &Name) -> Self {
        Self {
            key: AgeKey::new(connection, service),
            age: Arc::default(),
        }
    }

    /// Returns an error if the queue is older than this, as far as is known. The answer to a question comes too late for
    /// the call that has caused it, but in time for those that follow.
    ///
    /// # Errors
    /// The queue is too old: the request was not sent.
    pub(super) fn check(&self, max: Duration) -> Result<(), TransportError> {
        let overdue = self.key.overdue();
        // Without a runtime, the call fails for that reason.
        if let Ok(runtime) = Handle::try_current()
            && self.key.is_due(QUESTION_INTERVAL)
        {
            if overdue > QUESTION_INTERVAL {
                // Nobody has called for a while, so nothing is known.
                self.age.store(0, Ordering::Relaxed);
            }
            let (key, known) = (Arc::clone(&self.key), Arc::clone(&self.age));
            runtime.spawn(async move {
                let told = key.keys.get(&key.key).await;
                let age = match told {
                    Ok(Some(text)) => std::str::from_utf8(&text)
                        .ok()
                        .and_then(|text| text.parse().ok()),
                    Ok(None) => None,
                    Err(error) => {
                        key.failed(&error, "reading the age of the queue");
                        None
                    }
                };
                known.store(age.unwrap_or(0), Ordering::Relaxed);
            });
        }
        let age = Duration::from_millis(self.age.load(Ordering::Relaxed));
        if age <= max {
            return Ok(());
        }
        let service = &self.key.service;
        let message = format!(
            "overloaded: the queue of the service `{service}` is {:.1} s old, so the request was not sent",
            age.as_secs_f64()
        );
        Err(TransportError::new(TransportErrorKind::QueueFull, message))
    }
}

fn as_millis(time: Duration) -> u64 {
    u64::try_from(time.as_millis()).unwrap_or(u64::MAX)
}
