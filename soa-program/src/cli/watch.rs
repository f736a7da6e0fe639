//! `serve --watch`: starts the service again when its program or a file of its settings changes, for development.
//!
//! The files are looked at a few times a second, which needs no more than their metadata; events of the system would be
//! quicker by less than anybody notices, and are different on each. A linker writes for a while: the service is started
//! again when nothing has changed between two looks, and the program can be run. The old process ends as it does after
//! SIGTERM before the new one starts. One that ends by itself is not started again before something changes.

use std::fs::{self, Metadata};
use std::os::unix::fs::{MetadataExt as _, PermissionsExt as _};
use std::path::PathBuf;
use std::process::ExitStatus;
use std::time::{Duration, SystemTime};

use super::child::{Child, Event, program};
use super::failure::Failure;
use super::outside::Outside;
use super::signals::Signals;

/// How long it is between two looks.
const PAUSE: Duration = Duration::from_millis(300);

/// Runs the service until it is told to stop.
pub(super) async fn watch(settings: Vec<PathBuf>, outside: &Outside) -> Result<(), Failure> {
    let mut signals = Signals::new(outside.parent().map_err(Failure::other)?)?;
    let program = program()?;
    let mut files = Files::new(program.clone(), settings);
    loop {
        let mut child = match Child::start(&program, &["--watched"]) {
            Ok(child) => child,
            Err(error) => {
                tracing::error!(%error, "the service cannot be started; that is tried again");
                tokio::select! {
                    () = tokio::time::sleep(PAUSE) => continue,
                    () = signals.next() => return Ok(()),
                }
            }
        };
        let ended = tokio::select! {
            status = ended(&mut child, outside) => Some(status?),
            changed = files.change() => {
                tracing::info!(file = %changed.display(), "changed: the service is started again");
                None
            }
            () = signals.next() => {
                outside.stopping();
                return Failure::of(stop(&mut child, &mut signals, outside).await?.0);
            }
        };
        let Some(status) = ended else {
            let (status, was_told) = stop(&mut child, &mut signals, outside).await?;
            if was_told {
                return Failure::of(status);
            }
            continue;
        };
        tracing::error!(%status, "the service has ended by itself; it is started again when a file changes");
        tokio::select! {
            changed = files.change() => {
                tracing::info!(file = %changed.display(), "changed: the service is started again");
            }
            () = signals.next() => return Ok(()),
        }
    }
}

/// Waits for its end, and passes on what it says.
async fn ended(child: &mut Child, outside: &Outside) -> Result<ExitStatus, Failure> {
    loop {
        match child.next().await? {
            Event::Ready => outside.ready("serving, watched"),
            Event::Alive => outside.alive(),
            Event::Ended(status) => return Ok(status),
        }
    }
}

/// Tells it to stop, again for each signal that comes meanwhile, and whether one came.
async fn stop(
    child: &mut Child,
    signals: &mut Signals,
    outside: &Outside,
) -> Result<(ExitStatus, bool), Failure> {
    let mut was_told = false;
    loop {
        child.terminate();
        tokio::select! {
            status = ended(child, outside) => return Ok((status?, was_told)),
            () = signals.next() => was_told = true,
        }
    }
}

/// The files that are watched.
struct Files {
    program: PathBuf,
    settings: Vec<PathBuf>,
    /// What they were like when the service was started.
    known: Vec<Option<Stamp>>,
}

/// What changes with a file; `None` where there is none.
type Stamp = (Option<SystemTime>, u64, u64);

impl Files {
    fn new(program: PathBuf, settings: Vec<PathBuf>) -> Self {
        let mut files = Self {
            program,
            settings,
            known: Vec::new(),
        };
        files.known = files.look();
        files
    }

    fn paths(&self) -> impl Iterator<Item = &PathBuf> {
        std::iter::once(&self.program).chain(&self.settings)
    }

    fn look(&self) -> Vec<Option<Stamp>> {
        let stamp = |data: Metadata| (data.modified().ok(), data.len(), data.ino());
        self.paths()
            .map(|path| fs::metadata(path).ok().map(stamp))
            .collect()
    }

    /// Whether all are there, and the program can be run.
    fn are_whole(&self) -> bool {
        let is_program = |data: Metadata| {
            data.is_file() && data.len() > 0 && data.permissions().mode() & 0o111 != 0
        };
        fs::metadata(&self.program).is_ok_and(is_program)
            && self.settings.iter().all(|path| path.exists())
    }

    /// Waits until one has changed and all are at rest, and tells which one.
    async fn change(&mut self) -> PathBuf {
        let mut last = self.known.clone();
        loop {
            tokio::time::sleep(PAUSE).await;
            let now = self.look();
            if std::mem::replace(&mut last, now.clone()) != now || !self.are_whole() {
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
