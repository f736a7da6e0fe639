//! The file of `--pid-file`: contains the process id. It is locked while the process runs, so that no second one starts.

use std::fs::{self, File, OpenOptions, TryLockError};
use std::io::{self, Read as _, Seek as _, Write as _};
use std::os::unix::fs::MetadataExt as _;
use std::path::{Path, PathBuf};

use super::failure::Failure;

/// Number of bytes that are read of an existing file. A process id is shorter.
const CONTENT_SIZE_LIMIT: u64 = 64;

/// A pid file, which is removed when this is dropped.
pub(super) struct PidFile {
    path: PathBuf,
    /// The locked file.
    _file: File,
}

impl PidFile {
    /// Locks and writes the file.
    pub(super) fn create(path: &Path) -> Result<Self, Failure> {
        let name = path.display();
        loop {
            let refused = |error| Failure::other(format!("`{name}` cannot be written: {error}"));
            let mut options = OpenOptions::new();
            options.read(true).write(true).create(true).truncate(false);
            let mut file = options.open(path).map_err(refused)?;
            match file.try_lock() {
                Ok(()) => {}
                Err(TryLockError::WouldBlock) => {
                    let mut pid = String::new();
                    let _ = file.read_to_string(&mut pid);
                    let pid = pid.trim();
                    return Err(Failure::other(format!(
                        "already running as process {pid}: `{name}` is locked"
                    )));
                }
                Err(TryLockError::Error(error)) => return Err(refused(error)),
            }
            // The process that held the lock may have removed the file before it was locked here.
            if !is_at(&file, path).map_err(refused)? {
                continue;
            }
            if !is_pid_file(&mut file).map_err(refused)? {
                return Err(Failure::other(format!(
                    "`{name}` is not a pid file: it contains something other than a process id; it was not changed"
                )));
            }
            let written = file
                .set_len(0)
                .and_then(|()| writeln!(file, "{}", std::process::id()));
            written.map_err(refused)?;
            return Ok(Self {
                path: path.to_owned(),
                _file: file,
            });
        }
    }
}

impl Drop for PidFile {
    fn drop(&mut self) {
        if let Err(error) = fs::remove_file(&self.path) {
            let path = self.path.display();
            tracing::warn!(%path, %error, "the pid file cannot be removed");
        }
    }
}

/// Returns true if a file may be overwritten and removed: a regular file that is empty or contains a process id.
fn is_pid_file(file: &mut File) -> io::Result<bool> {
    if !file.metadata()?.is_file() {
        return Ok(false);
    }
    let mut content = Vec::new();
    file.take(CONTENT_SIZE_LIMIT).read_to_end(&mut content)?;
    file.rewind()?;
    let content = content.trim_ascii();
    Ok(content.len() < 11 && content.iter().all(u8::is_ascii_digit))
}

/// Returns true if the file is still at this path.
fn is_at(file: &File, path: &Path) -> io::Result<bool> {
    let there = match fs::metadata(path) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(false),
        there => there?,
    };
    let here = file.metadata()?;
    Ok((here.dev(), here.ino()) == (there.dev(), there.ino()))
}
