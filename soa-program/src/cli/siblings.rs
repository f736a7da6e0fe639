//! The other processes of `--fork`, as far as one of them is told by their parent.

use std::sync::{Arc, Mutex, PoisonError};

use soa_redis::give_up_holders;
use soa_runtime::Context;
use soa_runtime::health::{Health, HealthCheck};
use soa_runtime::server::ServerBuilder;

use super::child::News;

/// The last news of the parent. Clones are the same.
#[derive(Clone, Debug, Default)]
pub(super) struct Siblings {
    news: Arc<Mutex<News>>,
}

impl Siblings {
    pub(super) fn set(&self, news: News) {
        // What they held is run by those that are left, at once.
        give_up_holders(&news.dead);
        *self.news.lock().unwrap_or_else(PoisonError::into_inner) = news;
    }

    fn news(&self) -> News {
        let news = self.news.lock().unwrap_or_else(PoisonError::into_inner);
        news.clone()
    }

    /// Returns the reason why the registry, at which the parent registers, may not know a component.
    pub(super) fn trouble(&self) -> Option<String> {
        self.news().registry
    }

    /// Adds them to what `status` reports: the service answers, with fewer processes than it should have.
    pub(super) fn with_check(&self, server: ServerBuilder) -> ServerBuilder {
        let siblings = self.clone();
        server.health_check(HealthCheck::new("processes", move |_: Context| {
            let count = siblings.news().given_up;
            let health = match count {
                0 => Health::ok(),
                _ => Health::warning(
                    "PROCESSES_GIVEN_UP",
                    format!(
                        "{count} of the processes of `--fork` exited too often, and do not serve; the log has their exits"
                    ),
                ),
            };
            std::future::ready(health)
        }))
    }
}
