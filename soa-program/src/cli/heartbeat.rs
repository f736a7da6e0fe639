//! The heartbeat file: contains the current time, written about once a second by the run loop.
//!
//! The file, its content and its placeholders are those of PySOA, which writes it between requests only; here it is also
//! written while requests are answered. It is created by a startup hook, and removed when the server has stopped. A file
//! with an old time belongs to a process that hangs or was killed.

use std::fs::{self, OpenOptions};
use std::io::{self, Write as _};
use std::path::PathBuf;
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, SystemTime};

/// Interval at which the file is written.
pub(super) const BEAT_INTERVAL: Duration = Duration::from_secs(1);

/// A heartbeat file.
pub(super) struct Heartbeat {
    path: PathBuf,
    state: Mutex<FileState>,
}

#[derive(Default)]
struct FileState {
    /// True if the last attempt to write failed.
    is_failing: bool,
    is_removed: bool,
}

impl Heartbeat {
    /// The file for a pattern in the settings, and for the number of this process of `--fork`.
    pub(super) fn new(pattern: &str, fork: Option<u16>) -> Self {
        let fork = fork.map_or("main".to_owned(), |number| number.to_string());
        let path = pattern
            .replace("{{pid}}", &std::process::id().to_string())
            .replace("{{fid}}", &fork);
        Self {
            path: path.into(),
            state: Mutex::default(),
        }
    }

    /// Writes the file for the first time.
    pub(super) fn create(&self) -> Result<(), String> {
        let path = self.path.display();
        tracing::info!(%path, "writing a heartbeat file");
        self.write()
            .map_err(|error| format!("the heartbeat file `{path}` cannot be written: {error}"))
    }

    /// Writes the file again. Only the first of several failures in a row is logged.
    pub(super) fn beat(&self) {
        let mut state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        if state.is_removed {
            return;
        }
        let written = self.write();
        if let (Err(error), false) = (&written, state.is_failing) {
            let path = self.path.display();
            tracing::error!(%path, %error, "the heartbeat file cannot be written");
        }
        state.is_failing = written.is_err();
    }

    /// Removes the file, and never writes it again.
    pub(super) fn remove(&self) {
        let mut state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        state.is_removed = true;
        if let Err(error) = fs::remove_file(&self.path)
            && error.kind() != io::ErrorKind::NotFound
        {
            let path = self.path.display();
            tracing::warn!(%path, %error, "the heartbeat file cannot be removed");
        }
    }

    /// Writes in place and with one call, so that a reader always finds a time. The file is opened each time, because
    /// somebody may have removed it.
    fn write(&self) -> io::Result<()> {
        let now = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH);
        let now = now.unwrap_or_default();
        let text = format!("{}.{:06}", now.as_secs(), now.subsec_micros());
        let mut options = OpenOptions::new();
        let mut file = options
            .write(true)
            .create(true)
            .truncate(false)
            .open(&self.path)?;
        file.write_all(text.as_bytes())?;
        // The previous content may have been longer.
        u64::try_from(text.len()).map_or(Ok(()), |length| file.set_len(length))
    }
}
