//! The limits of records, and the reasons why actions are not recorded.

use std::path::PathBuf;

/// The reason why an action is not recorded.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Dropped {
    /// More actions in this second than the rate allows.
    Rate,
    /// Bodies that are larger than a record may be.
    TooLarge,
    /// The writer has no place in its queue.
    Busy,
    /// The file is full.
    Full,
    /// The record cannot be written.
    Failed,
}

impl Dropped {
    pub(super) const ALL: [Self; 5] = [
        Self::Rate,
        Self::TooLarge,
        Self::Busy,
        Self::Full,
        Self::Failed,
    ];

    pub(super) fn as_str(self) -> &'static str {
        match self {
            Self::Rate => "rate",
            Self::TooLarge => "too_large",
            Self::Busy => "busy",
            Self::Full => "full",
            Self::Failed => "failed",
        }
    }
}

/// The action to take when the file of records is full.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub enum WhenFull {
    /// The file gets the suffix `.1`, in place of the last one of that name, and a new one is begun. So the file and what
    /// stands beside it have at most twice the size of a file.
    #[default]
    Rotate,
    /// Nothing is recorded any more, until the file is taken away.
    Stop,
}

/// The limits of records.
#[derive(Clone, Debug, PartialEq)]
#[doc(hidden)]
#[non_exhaustive]
pub struct Rules {
    pub file: PathBuf,
    pub share: f64,
    pub max_rate: u32,
    pub max_record_bytes: usize,
    pub max_file_bytes: u64,
    pub when_full: WhenFull,
}

impl Rules {
    /// Returns the limits of records in a file by default.
    pub(super) fn of_file(file: PathBuf) -> Self {
        Self {
            file,
            share: 1.0,
            max_rate: 100,
            max_record_bytes: 64 << 10,
            max_file_bytes: 64 << 20,
            when_full: WhenFull::Rotate,
        }
    }
}
