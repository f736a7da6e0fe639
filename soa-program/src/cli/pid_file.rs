//! The file of `--pid-file`: the number of the process, and a lock as long as it runs, so that a second one does not start.

use std::fs::{self, File, OpenOptions, TryLockError};
use std::io::{self, Read as _, Seek as _, Write as _};
use std::os::unix::fs::MetadataExt as _;
use std::path::{Path, PathBuf};

use super::failure::Failure;

/// Longer than the number of any process, with blanks around it.
const LONGEST: u64 = 64;

/// The file, which is removed when this is dropped.
pub(super) struct PidFile {
    path: PathBuf,
    /// Locked.
    _file: File,
}

impl PidFile {
    /// Writes it.
    pub(super) fn take(path: &Path) -> Result<Self, Failure> {
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
                        "it runs already, as process {pid}: `{name}` is locked"
                    )));
                }
                Err(TryLockError::Error(error)) => return Err(refused(error)),
            }
            // It may have been removed, by the process that had it, before it was locked here.
            if !is_at(&file, path).map_err(refused)? {
                continue;
            }
            if !is_ours(&mut file).map_err(refused)? {
                return Err(Failure::other(format!(
                    "`{name}` has something else in it than the number of a process, and is left as it is"
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
            tracing::warn!(%path, %error, "the file with the number of the process cannot be removed");
        }
    }
}

/// Whether a file may be emptied and removed: it is a file, and there is nothing in it but the number of a process that was.
fn is_ours(file: &mut File) -> io::Result<bool> {
    if !file.metadata()?.is_file() {
        return Ok(false);
    }
    let mut content = Vec::new();
    file.take(LONGEST).read_to_end(&mut content)?;
    file.rewind()?;
    let content = content.trim_ascii();
    Ok(content.len() < 11 && content.iter().all(u8::is_ascii_digit))
}

/// Whether a file is the one that is found by a path.
fn is_at(file: &File, path: &Path) -> io::Result<bool> {
    let there = match fs::metadata(path) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(false),
        there => there?,
    };
    let here = file.metadata()?;
    Ok((here.dev(), here.ino()) == (there.dev(), there.ino()))
}
