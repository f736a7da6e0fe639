//! The login of connections: fixed, or read anew for each connection.
//!
//! A password in a file, or one that a callback gives, may change while the process runs. It is asked for before each attempt
//! to log in, so a new connection has the new one, and a login that was refused is tried with what there is then.

use std::fmt;
use std::panic::AssertUnwindSafe;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use futures_util::FutureExt;
use soa_runtime::BuildError;

use super::error::Error;
use super::failure::unread_credentials;
use crate::settings::CredentialSource;

/// A login.
#[derive(Clone)]
pub(super) enum Login {
    /// By what the settings say, or none.
    Fixed {
        username: Option<String>,
        password: Option<String>,
    },
    /// By what is read for each attempt.
    Read(Arc<Reader>),
}

/// The place that a login is read from.
pub(super) struct Reader {
    place: Place,
    time_limit: Duration,
}

enum Place {
    File {
        username: Option<String>,
        file: PathBuf,
    },
    Callback(CredentialSource),
}

pub(super) type Pair = (Option<String>, Option<String>);

impl Login {
    /// A login by these settings. Reads the file, if there is one, to find out that it can be read.
    pub(super) fn new(
        username: Option<&String>,
        password: Option<&String>,
        file: Option<&PathBuf>,
        callback: Option<&CredentialSource>,
        time_limit: Duration,
    ) -> Result<Self, BuildError> {
        let place = match (callback, file) {
            (Some(callback), _) => Place::Callback(callback.clone()),
            (None, Some(file)) => {
                read_password(file).map_err(|why| {
                    BuildError::new(format!("the setting `password_file` cannot be used: {why}"))
                })?;
                Place::File {
                    username: username.cloned(),
                    file: file.clone(),
                }
            }
            (None, None) => {
                return Ok(Self::Fixed {
                    username: username.cloned(),
                    password: password.cloned(),
                });
            }
        };
        Ok(Self::Read(Arc::new(Reader { place, time_limit })))
    }

    /// Returns the user name and the password.
    ///
    /// # Errors
    /// They cannot be read at present.
    pub(super) async fn pair(&self) -> Result<Pair, Error> {
        match self {
            Self::Fixed { username, password } => Ok((username.clone(), password.clone())),
            Self::Read(reader) => reader.read().await,
        }
    }
}

impl Reader {
    /// Returns the user name and the password, as they are now.
    pub(super) async fn read(&self) -> Result<Pair, Error> {
        match &self.place {
            // The file may be on a disk that does not answer, and the thread has other connections.
            Place::File { username, file } => {
                let file = file.clone();
                let read = tokio::task::spawn_blocking(move || read_password(&file));
                match tokio::time::timeout(self.time_limit, read).await {
                    Ok(Ok(Ok(password))) => Ok((username.clone(), Some(password))),
                    Ok(Ok(Err(why))) => Err(unread_credentials(&why)),
                    Ok(Err(_)) => Err(unread_credentials("the runtime ends")),
                    Err(_) => Err(unread_credentials("reading the file timed out")),
                }
            }
            Place::Callback(callback) => {
                let read = AssertUnwindSafe(async { callback.read().await }).catch_unwind();
                match tokio::time::timeout(self.time_limit, read).await {
                    Ok(Ok(Ok(read))) => Ok((read.username, Some(read.password))),
                    Ok(Ok(Err(why))) => Err(unread_credentials(&why.to_string())),
                    Ok(Err(_)) => Err(unread_credentials("the callback panicked")),
                    Err(_) => Err(unread_credentials("the callback timed out")),
                }
            }
        }
    }
}

impl fmt::Debug for Reader {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let place = match &self.place {
            Place::File { file, .. } => file.display().to_string(),
            Place::Callback(_) => "a callback".to_owned(),
        };
        f.debug_tuple("Reader").field(&place).finish()
    }
}

/// Reads the password in a file, which ends with the file or its last line break.
fn read_password(file: &Path) -> Result<String, String> {
    let bad = |why: &dyn fmt::Display| format!("{}: {why}", file.display());
    let text = std::fs::read_to_string(file).map_err(|why| bad(&why))?;
    let password = text.trim_end_matches(['\r', '\n']);
    if password.is_empty() {
        return Err(bad(&"the file is empty"));
    }
    Ok(password.to_owned())
}
