//! Samples of requests and answers, while somebody watches.
//!
//! A watcher leaves an order with a time to live, which workers read with each record. While there is one, requests that fit it
//! are kept with their answers, at most so many a second. They are told by the task of the record, with secrets removed. While
//! nobody watches, this costs a call one load.

use std::sync::atomic::{AtomicBool, AtomicU32, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use crate::message::{Body, ContextHeader, Name, WireError};
use crate::observe::record::{Sample, WatchOrder};
use crate::redact::Redaction;

/// The maximum number of samples that wait to be told.
const MAX_WAITING: usize = 200;

/// The maximum size of a body that is kept, in bytes.
const MAX_BODY: usize = 16 << 10;

/// The maximum length of a body that is told, in bytes.
const MAX_TOLD: usize = 2_000;

/// The maximum number of samples a second, whatever the order says.
const MAX_RATE: u32 = 100;

/// Takes samples while there is an order.
#[derive(Debug, Default)]
pub(super) struct Sampler {
    is_on: AtomicBool,
    /// The number of samples that may still be taken before the next tick.
    left: AtomicU32,
    state: Mutex<State>,
}

#[derive(Debug, Default)]
struct State {
    order: WatchOrder,
    /// Number of orders so far.
    number: u64,
    waiting: Vec<Taken>,
}

/// A request that is sampled, until its answer is there.
#[derive(Debug)]
pub(super) struct Begun {
    /// Number of the order for which it is.
    order: u64,
    action: Name,
    caller: Option<String>,
    correlation_id: String,
    request: Option<Body>,
}

#[derive(Debug)]
struct Taken {
    at: f64,
    begun: Box<Begun>,
    took: Duration,
    response: Option<Body>,
    errors: Vec<WireError>,
}

impl Sampler {
    /// Takes an order, or ends.
    pub(super) fn set(&self, order: Option<WatchOrder>) {
        let mut state = self.state();
        self.is_on.store(order.is_some(), Ordering::Relaxed);
        let order = order.unwrap_or_default();
        if state.order != order {
            // What was taken for one watcher is not for the next.
            state.waiting.clear();
            state.number += 1;
            state.order = order;
        }
    }

    pub(super) fn is_on(&self) -> bool {
        self.is_on.load(Ordering::Relaxed)
    }

    /// Allows the samples of a part of a second.
    pub(super) fn refill(&self, part: Duration) {
        let rate = self.state().order.per_second.min(MAX_RATE);
        let millis = u32::try_from(part.as_millis()).unwrap_or(u32::MAX);
        let share = rate.saturating_mul(millis).div_ceil(1_000);
        self.left.store(share, Ordering::Relaxed);
    }

    /// Begins a sample of a request, if it is wanted. It is in a box, as the future of every action would grow by it.
    pub(super) fn begin(
        &self,
        action: &Name,
        context: &ContextHeader,
        body: &Body,
    ) -> Option<Box<Begun>> {
        if !self.is_on() {
            return None;
        }
        let number = {
            let state = self.state();
            let wanted = state.order.action.as_deref();
            let is_wanted = wanted.is_none_or(|wanted| wanted == &**action);
            is_wanted.then_some(state.number)?
        };
        let order = Ordering::Relaxed;
        let taken = self
            .left
            .fetch_update(order, order, |left| left.checked_sub(1));
        taken.ok()?;
        let caller = context.calling_service.as_ref().or(context.caller.as_ref());
        Some(Box::new(Begun {
            order: number,
            action: action.clone(),
            caller: caller.map(ToString::to_string),
            correlation_id: context.correlation_id.to_string(),
            request: small(body),
        }))
    }

    /// Ends a sample.
    pub(super) fn end(
        &self,
        begun: Box<Begun>,
        took: Duration,
        response: Option<&Body>,
        errors: &[WireError],
    ) {
        let since = SystemTime::now().duration_since(UNIX_EPOCH);
        let mut state = self.state();
        if begun.order == state.number && state.waiting.len() < MAX_WAITING {
            state.waiting.push(Taken {
                at: since.unwrap_or_default().as_secs_f64(),
                begun,
                took,
                response: response.and_then(small),
                errors: errors.to_vec(),
            });
        }
    }

    /// The samples that wait, with secrets removed, and the watcher for whom they are.
    pub(super) fn take(&self) -> (String, Vec<Sample>) {
        let (watcher, waiting) = {
            let mut state = self.state();
            let waiting = std::mem::take(&mut state.waiting);
            (state.order.watcher.clone(), waiting)
        };
        (watcher, waiting.into_iter().map(Taken::told).collect())
    }

    fn state(&self) -> MutexGuard<'_, State> {
        // Nothing panics while this is held.
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// A body that is small enough to be kept.
fn small(body: &Body) -> Option<Body> {
    let size = body.bytes().map_or(0, |bytes| bytes.len());
    (size <= MAX_BODY).then(|| body.clone())
}

/// A body as text, with secrets removed.
fn told(body: Option<&Body>) -> String {
    let Some(body) = body else {
        return "(too large to be shown)".to_owned();
    };
    match body.decode::<crate::codec::Value>() {
        Ok(value) => Redaction::standard().text(&value, MAX_TOLD),
        Err(_) => "(unreadable)".to_owned(),
    }
}

impl Taken {
    fn told(self) -> Sample {
        let errors = self.errors.iter();
        Sample {
            at: self.at,
            action: self.begun.action.to_string(),
            caller: self.begun.caller,
            correlation_id: self.begun.correlation_id,
            took_seconds: self.took.as_secs_f64(),
            request: told(self.begun.request.as_ref()),
            response: match self.errors.is_empty() {
                true => told(self.response.as_ref()),
                false => String::new(),
            },
            errors: errors
                .map(|error| format!("{}: {}", error.code, error.message))
                .collect(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::codec::Encoding;
    use crate::value;

    #[test]
    fn nothing_is_sampled_without_an_order_beyond_its_rate_or_with_its_secrets() {
        let sampler = Sampler::default();
        let context = ContextHeader::fresh();
        let [find, add] = ["find", "add"].map(Name::from);
        let body = Body::encode(
            Encoding::MessagePack,
            &value!({ "title": "Nemesis", "password": "secret" }),
        );
        assert!(sampler.begin(&find, &context, &body).is_none());
        sampler.set(Some(WatchOrder {
            action: Some("find".to_owned()),
            per_second: 10,
            ..WatchOrder::default()
        }));
        sampler.refill(Duration::from_millis(200));
        assert!(sampler.begin(&add, &context, &body).is_none());
        let begun: Vec<_> = (0..5)
            .filter_map(|_| sampler.begin(&find, &context, &body))
            .collect();
        assert_eq!(begun.len(), 2, "a fifth of ten");
        for begun in begun {
            sampler.end(begun, Duration::from_millis(3), Some(&body), &[]);
        }
        let (_, samples) = sampler.take();
        assert_eq!(samples.len(), 2);
        let told = format!("{:?}", samples[0]);
        assert!(
            told.contains("Nemesis") && !told.contains("secret"),
            "{told}"
        );
        // What was begun for one watcher is not shown to the next.
        let begun = sampler.begin(&find, &context, &body);
        assert!(begun.is_none(), "the rate is used up");
        sampler.refill(Duration::from_millis(200));
        let begun = sampler.begin(&find, &context, &body).unwrap();
        sampler.set(Some(WatchOrder {
            watcher: "another".to_owned(),
            per_second: 10,
            ..WatchOrder::default()
        }));
        sampler.end(begun, Duration::from_millis(3), Some(&body), &[]);
        assert_eq!(sampler.take(), ("another".to_owned(), Vec::new()));
        sampler.set(None);
        assert!(sampler.begin(&find, &context, &body).is_none());
    }
}
