//! No registries: without the feature `http`, the settings have refused them.

use std::time::Duration;

use serde::{Deserialize, Serialize};
use soa_runtime::BuildError;

use super::failure::Failure;
use crate::settings::{Connections, Section, Settings};

/// An offer that cannot be.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(super) enum Offer {}

/// A registrar that cannot be.
#[derive(Clone)]
pub(super) enum Registrar {}

impl Registrar {
    #[expect(clippy::unnecessary_wraps, reason = "as with HTTP")]
    pub(super) fn open<S: Section>(
        _: &Settings<S>,
        _: &mut Connections,
    ) -> Result<Option<Self>, Failure> {
        Ok(None)
    }

    pub(super) fn register(&self, _: &[Offer]) -> Result<(), BuildError> {
        match *self {}
    }

    #[expect(clippy::unused_async, reason = "as with HTTP")]
    pub(super) async fn stop(&self) {
        match *self {}
    }

    pub(super) fn max_stop_time() -> Duration {
        Duration::ZERO
    }

    pub(super) fn trouble(&self) -> Option<String> {
        match *self {}
    }

    pub(super) fn shown_address(&self) -> String {
        match *self {}
    }
}
