//! Telling a registry what this process offers: by itself, by its parent, or not at all.

use soa_runtime::Context;
use soa_runtime::health::{Health, HealthCheck};
use soa_runtime::server::ServerBuilder;

use super::failure::Failure;
use super::notifier::Notifier;
use super::registration::{Offer, Registrar};
use super::siblings::Siblings;

/// The way in which a registry learns of this process.
#[derive(Clone)]
pub(super) enum Offering {
    /// There is no registry.
    None,
    /// This process registers itself.
    Own(Box<Registrar>),
    /// The parent process registers what all its children offer, and tells them of the registry.
    ByParent(Box<Registrar>, Siblings),
}

impl Offering {
    /// Returns the way for a process, which may be one of `--fork`.
    pub(super) fn of(registrar: Option<Registrar>, siblings: Option<&Siblings>) -> Self {
        match (registrar.map(Box::new), siblings) {
            (None, _) => Self::None,
            (Some(registrar), Some(siblings)) => Self::ByParent(registrar, siblings.clone()),
            (Some(registrar), None) => Self::Own(registrar),
        }
    }

    pub(super) fn is_none(&self) -> bool {
        matches!(self, Self::None)
    }

    /// Makes known what this process offers.
    pub(super) fn begin(&self, notifier: &Notifier, offers: &[Offer]) -> Result<(), Failure> {
        match self {
            Self::None => {}
            Self::Own(registrar) => registrar.register(offers)?,
            Self::ByParent(..) => notifier.offers(offers),
        }
        Ok(())
    }

    /// Returns the reason why the registry may not know a component.
    pub(super) fn trouble(&self) -> Option<String> {
        match self {
            Self::None => None,
            Self::Own(registrar) => registrar.trouble(),
            Self::ByParent(_, siblings) => siblings.trouble(),
        }
    }

    /// Adds the registry to what `status` reports. Its absence is no error: calls go on.
    pub(super) fn with_check(&self, server: ServerBuilder) -> ServerBuilder {
        let (Self::Own(registrar) | Self::ByParent(registrar, _)) = self else {
            return server;
        };
        let (offering, address) = (self.clone(), registrar.shown_address());
        server.health_check(HealthCheck::new("registry", move |_: Context| {
            let told = offering.trouble();
            let health = match &told {
                Some(trouble) => Health::ok().details(trouble.clone()),
                None => Health::ok(),
            };
            let told = told.unwrap_or_else(|| address.clone());
            std::future::ready(health.diagnostic("registry", told))
        }))
    }

    /// Makes it unknown. The parent process does this before it tells its children to stop.
    #[cfg(feature = "http")]
    pub(super) async fn end(&self) {
        if let Self::Own(registrar) = self {
            registrar.stop().await;
        }
    }
}
