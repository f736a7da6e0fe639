//! `serve --watch`: restarts the service when its program or a settings file changes, for development.
//!
//! The metadata of the files is polled a few times a second. Events of the file system would be only slightly faster, and
//! differ between systems. A linker writes for a while, so the service is restarted only when nothing has changed between
//! two polls, and the program can be run. The old process ends as after SIGTERM before the new one starts. A process that
//! exits by itself is restarted at the next change.

use std::fs::{self, Metadata};
use std::os::unix::fs::{MetadataExt as _, PermissionsExt as _};
use std::path::PathBuf;
use std::process::ExitStatus;
use std::time::{Duration, SystemTime};

use super::child::{Child, Event, own_path};
use super::failure::Failure;
use super::notifier::Notifier;
use super::signal::Signals;

/// Interval at which the files are polled.
const POLL_INTERVAL: Duration = Duration::from_millis(300);

/// Runs the service until a signal to stop.
pub(super) async fn watch(settings: Vec<PathBuf>, notifier: &Notifier) -> Result<(), Failure> {
    let mut signals = Signals::new(notifier.parent().map_err(Failure::other)?)?;
    let program = own_path()?;
    let mut files = Files::new(program.clone(), settings);
    loop {
        let mut child = match Child::start(&program, &["--watched"]) {
            Ok(child) => child,
            Err(error) => {
                tracing::error!(%error, "starting the service failed; trying again");
                tokio::select! {
                    () = tokio::time::sleep(POLL_INTERVAL) => continue,
                    () = signals.next() => return Ok(()),
                }
            }
        };
        let exited = tokio::select! {
            status = exit_of(&mut child, notifier) => Some(status?),
            changed = files.change() => {
                tracing::info!(file = %changed.display(), "file changed; restarting the service");
                None
            }
            () = signals.next() => {
                notifier.stopping();
                return Failure::of_child(stop(&mut child, &mut signals, notifier).await?.0);
            }
        };
        let Some(status) = exited else {
            let (status, was_signalled) = stop(&mut child, &mut signals, notifier).await?;
            if was_signalled {
                return Failure::of_child(status);
            }
            continue;
        };
        tracing::error!(%status, "the service exited by itself; it is restarted when a file changes");
        tokio::select! {
            changed = files.change() => {
                tracing::info!(file = %changed.display(), "file changed; restarting the service");
            }
            () = signals.next() => return Ok(()),
        }
    }
}

/// Waits for the exit of the child, and passes its notifications on.
async fn exit_of(child: &mut Child, notifier: &Notifier) -> Result<ExitStatus, Failure> {
    loop {
        match child.next().await? {
            Event::Ready => notifier.ready("serving, watched"),
            Event::Alive => notifier.alive(),
            Event::Offers(_) => {}
            Event::Exited(status) => return Ok(status),
        }
    }
}

/// Tells the child to stop, again for each signal, and waits for its exit. The flag is true if there was a signal.
async fn stop(
    child: &mut Child,
    signals: &mut Signals,
    notifier: &Notifier,
) -> Result<(ExitStatus, bool), Failure> {
    let mut was_signalled = false;
    loop {
        child.terminate();
        tokio::select! {
            status = exit_of(child, notifier) => return Ok((status?, was_signalled)),
            () = signals.next() => was_signalled = true,
        }
    }
}

/// The files that are watched.
struct Files {
    program: PathBuf,
    settings: Vec<PathBuf>,
    /// Their stamps when the service was started.
    known: Vec<Option<Stamp>>,
}

/// Time of modification, size and inode of a file, which change with it.
type Stamp = (Option<SystemTime>, u64, u64);

impl Files {
    fn new(program: PathBuf, settings: Vec<PathBuf>) -> Self {
        let mut files = Self {
            program,
            settings,
            known: Vec::new(),
        };
        files.known = files.stamps();
        files
    }

    fn paths(&self) -> impl Iterator<Item = &PathBuf> {
        std::iter::once(&self.program).chain(&self.settings)
    }

    /// The current stamps; `None` for a missing file.
    fn stamps(&self) -> Vec<Option<Stamp>> {
        let stamp = |data: Metadata| (data.modified().ok(), data.len(), data.ino());
        self.paths()
            .map(|path| fs::metadata(path).ok().map(stamp))
            .collect()
    }

    /// Returns true if all files exist, and the program can be run.
    fn are_complete(&self) -> bool {
        let is_program = |data: Metadata| {
            data.is_file() && data.len() > 0 && data.permissions().mode() & 0o111 != 0
        };
        fs::metadata(&self.program).is_ok_and(is_program)
            && self.settings.iter().all(|path| path.exists())
    }

    /// Waits until a file has changed and none changes any more. Returns the first one that has changed.
    async fn change(&mut self) -> PathBuf {
        let mut last = self.known.clone();
        loop {
            tokio::time::sleep(POLL_INTERVAL).await;
            let now = self.stamps();
            if std::mem::replace(&mut last, now.clone()) != now || !self.are_complete() {
                continue;
            }
            let changed = self.paths().zip(now.iter().zip(&self.known));
            let changed = changed
                .filter(|(_, (now, known))| now != known)
                .map(|(path, _)| path.clone())
                .next();
            if let Some(changed) = changed {
                self.known = now;
                return changed;
            }
        }
    }
}
