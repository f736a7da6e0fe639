//! Trouble with a registry: what, and since when.

use std::fmt;

use tokio::time::Instant;

/// A registry that cannot be asked or told. Its text ends with the time that it has taken so far.
#[derive(Clone, Debug)]
pub(crate) struct Trouble {
    pub(crate) since: Instant,
    pub(crate) text: String,
}

impl Trouble {
    /// Returns the trouble with this text, which may have begun before.
    pub(crate) fn new(before: Option<&Self>, text: String) -> Self {
        Self {
            since: before.map_or_else(Instant::now, |before| before.since),
            text,
        }
    }
}

impl fmt::Display for Trouble {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "{} (for {} s)",
            self.text,
            self.since.elapsed().as_secs()
        )
    }
}
