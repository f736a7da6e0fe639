//! The state that all requests share: the connection, the newest picture, the history, and the limits of what is asked at once.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use serde_json::Value as Json;
use soa_redis::RedisConnection;
use tokio::sync::{Semaphore, watch};

use super::answer::Refusal;
use super::description::Descriptions;
use super::history::History;
use super::login::Login;
use super::picture::Picture;
use crate::connect::Redis;

/// Longest time of a question to Redis for one request.
pub(super) const ASK_TIMEOUT: Duration = Duration::from_secs(5);

/// Largest number of requests that ask Redis or a service at once.
pub(super) const MAX_ASKING: usize = 16;

/// Everything that the requests share.
#[derive(Debug)]
pub(super) struct Dashboard {
    pub(super) connection: RedisConnection,
    pub(super) interval: Duration,
    pub(super) login: Login,
    pub(super) allow_changes: bool,
    pub(super) keeps_in_redis: bool,
    /// Services that are shown also if nothing in Redis tells of them.
    pub(super) services: Vec<String>,
    /// Names under which the page may be opened, besides addresses and localhost.
    pub(super) hosts: Vec<String>,
    /// The flags that lead `soa` to the same Redis.
    pub(super) target_flags: Vec<(&'static str, String)>,
    pub(super) pictures: watch::Sender<Arc<Picture>>,
    /// True once the program is told to stop.
    pub(super) is_stopping: watch::Sender<bool>,
    pub(super) history: Mutex<History>,
    pub(super) descriptions: Descriptions,
    /// The findings of the last check. Whoever asks for them meanwhile waits for it.
    pub(super) findings: tokio::sync::Mutex<Option<(Instant, Json)>>,
    pub(super) listeners: Arc<Semaphore>,
    pub(super) asking: Semaphore,
    pub(super) guesses: Semaphore,
}

impl Dashboard {
    /// The newest picture.
    pub(super) fn picture(&self) -> Arc<Picture> {
        Arc::clone(&self.pictures.borrow())
    }

    pub(super) fn history(&self) -> MutexGuard<'_, History> {
        // A panic in it is a bug, and the next numbers are as good as before.
        self.history.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Redis, without the masters that the last look could not reach.
    pub(super) fn redis(&self) -> Redis {
        Redis {
            connection: self.connection.clone(),
            lost: self.picture().looked.lost.clone(),
        }
    }

    /// Refuses the name of a service that the last look has not seen.
    pub(super) fn seen(&self, service: &str) -> Result<(), Refusal> {
        self.picture().seen(service).map(drop)
    }

    /// The services with dead letters.
    pub(super) fn with_dead_letters(&self) -> Vec<String> {
        let picture = self.picture();
        let services = picture.looked.services.iter();
        let services = services.filter(|(_, seen)| seen.line.dead_letters > 0);
        services.map(|(name, _)| name.to_string()).collect()
    }

    /// Runs what asks Redis or a service, if there is a place for it, and within a time.
    pub(super) async fn within<T>(
        &self,
        limit: Duration,
        work: impl Future<Output = Result<T, Refusal>>,
    ) -> Result<T, Refusal> {
        let picture = self.picture();
        if let Some(problem) = &picture.redis.problem {
            let message = format!("Redis does not answer: {problem}");
            return Err(Refusal::redis_away(message)
                .advise("the dashboard goes on by itself once Redis answers"));
        }
        let place = self.asking.try_acquire();
        let _place = place.map_err(|_| {
            Refusal::too_many(format!(
                "{MAX_ASKING} requests ask Redis or services already"
            ))
        })?;
        let outcome = tokio::time::timeout(limit, work).await;
        outcome.unwrap_or_else(|_| {
            let message = format!("no answer within {} s", limit.as_secs());
            Err(Refusal::timed_out(message)
                .advise("`soa check` finds out what is wrong with Redis"))
        })
    }
}
