//! The heartbeat file: the time, written about once a second by the run loop.
//!
//! The file, its content and its placeholders are the reference's. There, it is written after each request and each time
//! that none came; here also while requests are answered. It is made after the startup hooks, and removed when the server
//! has stopped. One whose time is not current, or that is left behind, tells of a process that does not go on.

use std::fs::{self, OpenOptions};
use std::io::{self, Write as _};
use std::path::PathBuf;
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, SystemTime};

/// How often it is written.
pub(super) const PERIOD: Duration = Duration::from_secs(1);

/// A heartbeat file.
pub(super) struct Heartbeat {
    path: PathBuf,
    state: Mutex<State>,
}

#[derive(Default)]
struct State {
    /// Whether it could not be written the last time.
    is_failing: bool,
    is_removed: bool,
}

impl Heartbeat {
    /// The file by its setting, for the process of `--fork` with this number.
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

    /// Writes it for the first time.
    pub(super) fn create(&self) -> Result<(), String> {
        let path = self.path.display();
        tracing::info!(%path, "a heartbeat file is written");
        self.write()
            .map_err(|error| format!("the heartbeat file `{path}` cannot be written: {error}"))
    }

    /// Writes it again. Failures are logged when they begin.
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

    /// Removes it, for good.
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

    /// In place and in one piece, so that whoever reads it finds a time. It is opened each time: somebody may have removed
    /// it.
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
        // What was there before may have been longer.
        u64::try_from(text.len()).map_or(Ok(()), |length| file.set_len(length))
    }
}
