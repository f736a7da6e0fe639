//! The limit of all expansions.

/// The maximum of rounds, and of fetched objects that are nested in each other; what is deeper is left out. Without a
/// limit, a service that answers each identifier with another one would keep its caller busy for ever.
pub(super) const MAX_ROUNDS: usize = 64;
