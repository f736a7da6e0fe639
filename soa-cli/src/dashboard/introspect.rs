//! Asks services for their descriptions.
//!
//! A worker is asked only for a service that the last look has seen, and the answer is kept for half a minute: a request leaves
//! something in a queue, and a page must not fill the queues of services that are none, nor of those that nobody serves: one
//! request at a time asks a service, and a refusal is kept for some seconds.

use std::sync::Arc;
use std::time::Duration;

use super::answer::Refusal;
use super::description::{LIFETIME, Told};
use super::shared::Dashboard;
use crate::called::{self, Named};
use crate::connect::Reached;

/// Age below which a description is fresh enough for whoever wants a fresh one.
const FRESH_AGE: Duration = Duration::from_secs(2);

/// Time that a worker has to answer.
const TIMEOUT: Duration = Duration::from_secs(5);

/// Asks a service for its description, or takes the one that is kept.
pub(super) async fn of_service(
    dashboard: &Dashboard,
    service: &str,
    is_fresh: bool,
) -> Result<Told, Refusal> {
    let age = if is_fresh { FRESH_AGE } else { LIFETIME };
    if let Some(told) = dashboard.descriptions.get(service, age) {
        return Ok(told);
    }
    let turn = dashboard.descriptions.turn(service);
    let _turn = turn.lock().await;
    // Whoever had the turn before may have been told.
    if let Some(told) = dashboard.descriptions.get(service, age) {
        return Ok(told);
    }
    if let Some(refusal) = dashboard.descriptions.refused(service) {
        return Err(refusal);
    }
    let redis = dashboard.redis();
    let told = dashboard
        .within(TIMEOUT * 2, async {
            let named = Named {
                service: service.to_owned(),
                action: None,
            };
            let reached = Reached {
                client: redis.client(&[service])?,
                redis: Some(redis),
            };
            match called::introspect(&reached.client, &named, TIMEOUT).await {
                Ok(told) => Ok(told),
                Err(error) => {
                    let failure = called::failed(&error, &reached, &named, TIMEOUT).await;
                    let refusal = Refusal::of_service(failure);
                    dashboard.descriptions.refuse(service, &refusal);
                    Err(refusal)
                }
            }
        })
        .await?;
    let told = Arc::new(told);
    dashboard.descriptions.put(service, &told);
    Ok(told)
}
