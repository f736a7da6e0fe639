//! No HTTP: without the feature `http`, the settings have refused it.

use std::os::fd::{BorrowedFd, OwnedFd};
use std::time::Duration;

use soa_runtime::Component;

use super::failure::Failure;
use super::offering::Offering;
use super::registration::Offer;
use crate::settings::HttpSettings;

/// The outcome of doors.
#[derive(Default)]
pub(super) struct HttpStopped {
    pub(super) given_up: usize,
    pub(super) aborted: usize,
    pub(super) has_unsent: bool,
}

/// Starts no metrics.
#[expect(clippy::unnecessary_wraps, reason = "as with HTTP")]
pub(super) fn start_metrics() -> Result<(), Failure> {
    Ok(())
}

/// A change of a router that there is not.
pub(super) enum ChangeRouter {}

/// Sockets that cannot be.
pub(super) enum Listeners {}

impl Listeners {
    #[expect(clippy::unnecessary_wraps, reason = "as with HTTP")]
    pub(super) fn bind(_: &HttpSettings) -> Result<Option<Self>, Failure> {
        Ok(None)
    }

    pub(super) fn passed(
        _: &HttpSettings,
        _: impl FnMut() -> Result<OwnedFd, Failure>,
    ) -> Result<Option<Self>, Failure> {
        Err(Failure::usage("this program is built without HTTP"))
    }

    pub(super) fn descriptors(&self) -> Vec<BorrowedFd<'_>> {
        match *self {}
    }
}

/// Doors that cannot be.
pub(super) enum Doors {}

impl Doors {
    pub(super) fn new(
        _: &[Component],
        _: &HttpSettings,
        listeners: Listeners,
        _: Vec<ChangeRouter>,
        _: &Offering,
    ) -> Result<Self, Failure> {
        match listeners {}
    }

    pub(super) fn urls(&self) -> String {
        match *self {}
    }

    pub(super) fn concurrency(&self) -> usize {
        match *self {}
    }

    pub(super) fn max_stop_time(&self, _: Duration) -> Duration {
        match *self {}
    }

    #[expect(clippy::unused_async, reason = "as with HTTP")]
    pub(super) async fn offers(&self) -> Result<Vec<Offer>, Failure> {
        match *self {}
    }

    #[expect(clippy::unused_async, reason = "as with HTTP")]
    pub(super) async fn run_until(
        self,
        _: impl Future<Output = ()>,
        _: Offering,
        _: Duration,
    ) -> HttpStopped {
        match self {}
    }
}
