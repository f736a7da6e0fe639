//! TLS of a program that is built without the feature `tls`: there is none.

use fred::types::config::Config;

use crate::error::BuildError;
use crate::transport::redis::settings::{TlsSettings, without_tls};

/// TLS that cannot be configured.
#[derive(Clone)]
pub(super) enum Tls {}

impl Tls {
    /// Refuses the settings. `field` is their name in the error.
    pub(super) fn new(_: &TlsSettings, field: &str) -> Result<Self, BuildError> {
        Err(without_tls(&format!("the setting `{field}`")))
    }

    /// Never runs.
    pub(super) fn apply(&self, _: &mut Config) {
        match *self {}
    }
}
