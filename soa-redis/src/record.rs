//! The records of workers, in keys below `{pysoa:service.NAME}.worker.`, each with a time to live.
//!
//! One script writes the record, and looks whether the service is paused and whether somebody watches it. A login that may not
//! use the keys serves as before; this is logged once.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::Duration;

use bytes::Bytes;
use soa_runtime::internal::{RecordKeeper, Told};
use soa_runtime::observe::record::{LIFETIME, PAUSED_KEY, WATCH_KEY, WATCHED_KEY, WORKER_KEY};
use soa_runtime::{BoxFuture, Name, TransportError, TransportErrorKind};
use tokio::time::Instant;

use super::connection::RedisConnection;
use super::keys::{RedisKeys, RedisScript, lacks_keys, service_key};
use super::value::RedisValue;

/// Time after which a refused record is tried again: the login may have other rights.
const REFUSED_INTERVAL: Duration = Duration::from_secs(600);

const TELL: &str = "redis.call('SET', KEYS[1], ARGV[1], 'PX', ARGV[2])
return redis.call('MGET', KEYS[2], KEYS[3])";

/// Number of samples that wait for a watcher.
const MAX_SAMPLES: &str = "1000";

/// Time after which samples are forgotten that nobody takes.
const SAMPLES_LIFETIME: Duration = Duration::from_secs(10);

const SAMPLED: &str = "for index = 3, #ARGV do redis.call('RPUSH', KEYS[1], ARGV[index]) end
redis.call('LTRIM', KEYS[1], '-' .. ARGV[1], '-1')
redis.call('PEXPIRE', KEYS[1], ARGV[2])";

/// The records of the workers of one service. Clones share everything.
#[derive(Clone)]
pub(super) struct Records(Arc<Shared>);

struct Shared {
    service: Name,
    keys: RedisKeys,
    tell: RedisScript,
    sampled: RedisScript,
    paused_key: String,
    watch_key: String,
    pausing: Box<dyn Fn(bool) + Send + Sync>,
    /// Milliseconds from `begun` before which nothing is told.
    next: AtomicU64,
    begun: Instant,
    is_logged: AtomicBool,
}

impl Records {
    /// The records of a service. `pausing` is told whether the service is paused, after each record.
    pub(super) fn new(
        connection: &RedisConnection,
        service: &Name,
        pausing: impl Fn(bool) + Send + Sync + 'static,
    ) -> Self {
        Self(Arc::new(Shared {
            keys: connection.keys(),
            tell: RedisScript::new(TELL),
            sampled: RedisScript::new(SAMPLED),
            paused_key: service_key(service, PAUSED_KEY),
            watch_key: service_key(service, WATCH_KEY),
            service: service.clone(),
            pausing: Box::new(pausing),
            next: AtomicU64::new(0),
            begun: Instant::now(),
            is_logged: AtomicBool::new(false),
        }))
    }
}

impl Shared {
    fn key(&self, worker: &str) -> String {
        service_key(&self.service, &format!("{WORKER_KEY}{worker}"))
    }

    fn is_refused(&self) -> bool {
        millis(self.begun.elapsed()) < self.next.load(Ordering::Relaxed)
    }

    async fn tell(&self, worker: &str, record: Bytes) -> Told {
        if self.is_refused() {
            return Told::default();
        }
        let key = self.key(worker);
        let keys = [&*key, &*self.paused_key, &*self.watch_key];
        let arguments = [record, LIFETIME.as_millis().to_string().into()];
        match self.keys.run_script(&self.tell, &keys, &arguments).await {
            Ok(answer) => {
                let mut values = answer.into_list().into_iter().map(RedisValue::into_bytes);
                let is_paused = values.next().flatten().is_some();
                (self.pausing)(is_paused);
                Told {
                    is_paused,
                    watch: values.next().flatten(),
                }
            }
            Err(error) => {
                self.failed(&error);
                Told::default()
            }
        }
    }

    /// Gives up for a while, if the login lacks the rights. A pause that cannot be looked up ends with that.
    fn failed(&self, error: &TransportError) {
        if error.kind() != TransportErrorKind::Misconfigured {
            return; // The log has it already.
        }
        (self.pausing)(false);
        let later = millis(self.begun.elapsed() + REFUSED_INTERVAL);
        self.next.store(later, Ordering::Relaxed);
        if !self.is_logged.swap(true, Ordering::Relaxed) && !lacks_keys(error) {
            let service = &self.service;
            tracing::warn!(%service, %error, "this worker cannot tell about itself to the program `soa`; `server.records = false` turns it off");
        }
    }
}

impl RecordKeeper for Records {
    fn tell(&self, worker: &str, record: Bytes) -> BoxFuture<Told> {
        let (shared, worker) = (Arc::clone(&self.0), worker.to_owned());
        Box::pin(async move { shared.tell(&worker, record).await })
    }

    fn sampled(&self, watcher: &str, samples: Vec<Bytes>) -> BoxFuture<()> {
        let shared = Arc::clone(&self.0);
        let key = service_key(&shared.service, &format!("{WATCHED_KEY}{watcher}"));
        Box::pin(async move {
            let lifetime = SAMPLES_LIFETIME.as_millis().to_string();
            let arguments = [MAX_SAMPLES.into(), lifetime.into()];
            let arguments: Vec<Bytes> = arguments.into_iter().chain(samples).collect();
            let keys = [&*key];
            // Samples that cannot be told are no loss: the watcher sees fewer.
            let _ = shared
                .keys
                .run_script(&shared.sampled, &keys, &arguments)
                .await;
        })
    }

    fn forget(&self, worker: &str) -> BoxFuture<()> {
        let shared = Arc::clone(&self.0);
        let key = shared.key(worker);
        Box::pin(async move {
            if !shared.is_refused() {
                // If it fails, the record expires.
                let _ = shared.keys.delete(&key).await;
            }
        })
    }
}

fn millis(time: Duration) -> u64 {
    u64::try_from(time.as_millis()).unwrap_or(u64::MAX)
}
