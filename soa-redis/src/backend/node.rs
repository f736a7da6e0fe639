//! The address of a Redis or a sentinel.

use std::fmt;

use crate::settings::shown;

/// A host and a port.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(in super::super) struct Node {
    pub(in super::super) host: String,
    pub(in super::super) port: u16,
}

impl fmt::Display for Node {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&shown(&self.host, self.port))
    }
}
