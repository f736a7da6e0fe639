//! Who tells a registry what this process offers: itself, its parent, or nobody.

use super::failure::Failure;
use super::notifier::Notifier;
use super::registration::{Offer, Registrar};

/// The way in which a registry learns of this process.
#[derive(Clone)]
pub(super) enum Offering {
    /// There is no registry.
    None,
    /// This process registers itself.
    Own(Box<Registrar>),
    /// The parent process registers what all its children offer.
    ByParent,
}

impl Offering {
    /// Returns the way for a process, which may be one of `--fork`.
    pub(super) fn of(registrar: Option<Registrar>, has_parent: bool) -> Self {
        match registrar {
            None => Self::None,
            Some(_) if has_parent => Self::ByParent,
            Some(registrar) => Self::Own(Box::new(registrar)),
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
            Self::ByParent => notifier.offers(offers),
        }
        Ok(())
    }

    /// Makes it unknown. The parent process does this before it tells its children to stop.
    #[cfg(feature = "http")]
    pub(super) async fn end(&self) {
        if let Self::Own(registrar) = self {
            registrar.stop().await;
        }
    }
}
