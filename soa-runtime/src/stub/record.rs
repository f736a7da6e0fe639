//! The record of calls: requests and their answers.

use std::sync::atomic::{AtomicU64, Ordering};

use crate::message::{ActionRequest, ActionResponse, Body, Name, SwitchSet, Variant};

pub use soa_wire::introspection::Exchange;

/// One call of an action.
pub(super) struct Record {
    /// The position among the calls of all stubs.
    pub(super) number: u64,
    pub(super) service: Name,
    pub(super) action: Name,
    /// The switches, which select the variant.
    pub(super) switches: SwitchSet,
    pub(super) body: Body,
    /// The name in `introspect`.
    pub(super) shown: String,
    pub(super) answer: Option<ActionResponse>,
}

impl Record {
    pub(super) fn new(
        service: &Name,
        request: &ActionRequest,
        switches: &SwitchSet,
        shown: String,
    ) -> Self {
        static CALLS: AtomicU64 = AtomicU64::new(0);
        Self {
            number: CALLS.fetch_add(1, Ordering::Relaxed),
            service: service.clone(),
            action: request.action.clone(),
            switches: switches.clone(),
            body: request.body.clone(),
            shown,
            answer: None,
        }
    }

    pub(super) fn is_of(&self, action: &str, variant: Option<&Variant>) -> bool {
        self.action == action && is_selected(variant, &self.switches)
    }

    pub(super) fn exchange(&self) -> Option<Exchange> {
        let answer = self.answer.as_ref()?;
        let errors = answer.errors.clone();
        let response = match errors.is_empty() {
            true => Ok(answer.body.to_value().ok()?),
            false => Err(errors),
        };
        Some(Exchange::new(
            self.service.to_string(),
            self.shown.clone(),
            self.switches.clone(),
            self.body.to_value().ok()?,
            response,
        ))
    }
}

/// Returns true if these switches select a variant; also for an action without variants.
pub(super) fn is_selected(variant: Option<&Variant>, switches: &SwitchSet) -> bool {
    variant.is_none_or(|variant| variant.select(switches) == variant.switch)
}
