//! Samples that workers take on request.
//!
//! The order is a key that expires, and is renewed while this program runs: when it is gone, the workers stop within seconds.
//! It has the id of its watcher, and samples go to a key of this id: nobody sees those that were taken for another.

use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use bytes::Bytes;
use soa_redis::{RedisScript, RedisValue, service_key};
use soa_runtime::observe::record::{Sample, WATCH_KEY, WATCHED_KEY, WatchOrder};

use super::shown::Shown;
use crate::called::Named;
use crate::connect::Redis;
use crate::failure::{Failure, Reason};
use crate::output::{complain, counted, time};
use crate::progress::while_running;

/// Time that an order lives without its watcher.
const LIFETIME: Duration = Duration::from_secs(6);

/// Time between two renewals.
const RENEWAL: Duration = Duration::from_secs(2);

/// Time between two looks at the samples.
const LOOK: Duration = Duration::from_millis(250);

/// Leaves the order, or renews it. 0 if there is the order of somebody else.
const ORDER: &str = "local order = redis.call('GET', KEYS[1])
if order and order ~= ARGV[1] then return 0 end
redis.call('SET', KEYS[1], ARGV[1], 'PX', ARGV[2])
return 1";

/// Takes all samples.
const TAKE: &str = "local all = redis.call('LRANGE', KEYS[1], 0, -1)
redis.call('DEL', KEYS[1])
return all";

/// Takes the order back.
const END: &str =
    "if redis.call('GET', KEYS[1]) == ARGV[1] then redis.call('DEL', KEYS[1], KEYS[2]) end
return 1";

pub(super) async fn watch(redis: &Redis, named: &Named, shown: &mut Shown) -> Result<(), Failure> {
    let service = named.service.as_str();
    let names = [service.to_owned()];
    let fleet = while_running("looking for its workers", redis.workers_of(&names)).await?;
    let seen = fleet.services.get(service);
    let workers = seen.map_or(0, |seen| seen.workers.len());
    if workers == 0 {
        return Err(untold(service));
    }
    let id = watcher();
    let watched = service_key(service, &format!("{WATCHED_KEY}{id}"));
    let order = WatchOrder {
        watcher: id,
        action: named.action.clone(),
        per_second: shown.rate,
    };
    let order = Order {
        redis,
        service,
        text: Bytes::from(serde_json::to_vec(&order).unwrap_or_default()),
        watch: service_key(service, WATCH_KEY),
        watched,
    };
    order.renew().await?;
    complain(&format!(
        "{} of `{service}`, up to {} requests a second of each, for {}; Ctrl+C ends it\n",
        counted(workers, "worker"),
        shown.rate,
        time(shown.time)
    ));
    let watched = tokio::select! {
        biased;
        _ = tokio::signal::ctrl_c() => Ok(()),
        watched = order.watch(shown) => watched,
    };
    order.end().await;
    watched
}

fn untold(service: &str) -> Failure {
    let message =
        format!("no worker of `{service}` tells a record, so none would show its requests");
    Failure::new(Reason::Bad, message).advise(
        "workers of PySOA cannot, nor can those with `server.records = false`: `--monitor` has Redis itself show requests and \
         answers, at a price",
    )
}

/// An id that no other watcher has.
fn watcher() -> String {
    let now = SystemTime::now().duration_since(UNIX_EPOCH);
    let nanos = now.unwrap_or_default().as_nanos();
    format!("{nanos:x}-{:x}", std::process::id())
}

/// The order of this program.
struct Order<'a> {
    redis: &'a Redis,
    service: &'a str,
    text: Bytes,
    /// The keys of the order and of the samples.
    watch: String,
    watched: String,
}

impl Order<'_> {
    async fn renew(&self) -> Result<(), Failure> {
        let script = RedisScript::new(ORDER);
        let arguments = [self.text.clone(), LIFETIME.as_millis().to_string().into()];
        let keys = self.redis.connection.keys();
        let renewed = keys.run_script(&script, &[&self.watch], &arguments).await;
        let renewed = renewed.map_err(|error| self.redis.failed(&error))?;
        match renewed.as_integer() {
            Some(1) => Ok(()),
            _ => Err(Failure::new(
                Reason::Bad,
                format!("somebody else watches `{}`", self.service),
            )
            .advise("one at a time can: try again when they are done, or seconds after their terminal was closed")),
        }
    }

    /// Shows what the workers bring.
    async fn watch(&self, shown: &mut Shown) -> Result<(), Failure> {
        let take = RedisScript::new(TAKE);
        let keys = self.redis.connection.keys();
        let mut renewed = Instant::now();
        loop {
            let samples = keys.run_script(&take, &[&self.watched], &[]).await;
            let samples = samples.map_err(|error| self.redis.failed(&error))?;
            let samples = samples.into_list().into_iter();
            let samples = samples.filter_map(RedisValue::into_bytes);
            // Whoever may write the key may write anything.
            let samples = samples.filter_map(|bytes| serde_json::from_slice::<Sample>(&bytes).ok());
            for sample in samples {
                shown.show(&sample)?;
            }
            if shown.is_over() {
                return Ok(());
            }
            tokio::time::sleep(LOOK).await;
            if renewed.elapsed() >= RENEWAL {
                self.renew().await?;
                renewed = Instant::now();
            }
        }
    }

    /// Takes the order back. If that fails, it expires.
    async fn end(&self) {
        let script = RedisScript::new(END);
        let keys = [self.watch.as_str(), self.watched.as_str()];
        let of_redis = self.redis.connection.keys();
        let arguments = [self.text.clone()];
        let _ = of_redis.run_script(&script, &keys, &arguments).await;
    }
}
