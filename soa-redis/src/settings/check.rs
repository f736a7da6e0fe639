//! The rules of the settings.

use std::path::PathBuf;

use soa_runtime::BuildError;

use super::credentials::CredentialSource;
use super::tls::without_tls;
use super::{RESPONSE_SIZE, RedisMode, RedisSettings};

/// Least threshold for chunked responses.
const LEAST_CHUNK: usize = 102_400;

impl RedisSettings {
    /// Checks the settings for a program that has TLS, or has not.
    pub(super) fn check_for(&self, has_tls: bool) -> Result<(), BuildError> {
        let bad =
            |field: &str, rule: &str| Err(BuildError::new(format!("the setting `{field}` {rule}")));
        if self.hosts.is_empty() || self.hosts.iter().any(|(host, _)| host.is_empty()) {
            return bad(
                "hosts",
                "needs at least one host, and a name or address for each",
            );
        }
        let login = (&self.username, &self.password, &self.password_file);
        check_login(login, self.credentials.as_ref(), "")?;
        if let RedisMode::Sentinel(sentinel) = &self.mode {
            let login = (
                &sentinel.username,
                &sentinel.password,
                &sentinel.password_file,
            );
            check_login(login, sentinel.credentials.as_ref(), " of the sentinels")?;
        }
        self.check_tls(has_tls)?;
        if self.queue_capacity == 0 {
            return bad(
                "queue_capacity",
                "must be at least 1: a list of 0 takes nothing",
            );
        }
        if self.reply_memory == 0 {
            return bad("reply_memory", "must be at least 1");
        }
        if let Some(threshold) = self.chunk_messages_larger_than {
            if threshold < LEAST_CHUNK {
                let rule = format!("must be at least {LEAST_CHUNK}, and is {threshold}");
                return bad("chunk_messages_larger_than", &rule);
            }
            let maximum = self.maximum_message_size.unwrap_or(RESPONSE_SIZE);
            if maximum != 0 && maximum / 5 < threshold {
                let rule = format!(
                    "must be at least five times `chunk_messages_larger_than`, which is {threshold}; it is {maximum}"
                );
                return bad("maximum_message_size", &rule);
            }
        }
        match &self.mode {
            RedisMode::Standard => Ok(()),
            RedisMode::Cluster if self.database != 0 => {
                bad("database", "must be 0: a cluster has no other")
            }
            RedisMode::Cluster => Ok(()),
            RedisMode::Sentinel(sentinel) => {
                let names = &sentinel.services;
                let is_double = |(index, name)| names.iter().take(index).any(|other| other == name);
                if names.iter().any(String::is_empty) || names.iter().enumerate().any(is_double) {
                    return bad("services", "of the sentinels must name each master once");
                }
                Ok(())
            }
        }
    }

    /// Checks that a program without TLS is not told to use it.
    pub(super) fn check_tls(&self, has_tls: bool) -> Result<(), BuildError> {
        if has_tls {
            return Ok(());
        }
        match &self.mode {
            _ if self.tls.is_some() => Err(without_tls("the setting `tls`")),
            RedisMode::Sentinel(sentinel) if sentinel.tls.is_some() => {
                Err(without_tls("the setting `tls` of the sentinels"))
            }
            _ => Ok(()),
        }
    }
}

/// Checks that a login is in one place. `whose` follows the name of a field.
fn check_login(
    (username, password, file): (&Option<String>, &Option<String>, &Option<PathBuf>),
    callback: Option<&CredentialSource>,
    whose: &str,
) -> Result<(), BuildError> {
    let bad = |rule: &str| Err(BuildError::new(format!("the setting {rule}")));
    if password.is_some() && file.is_some() {
        return bad(&format!(
            "`password_file`{whose} cannot be beside `password`: remove one of them"
        ));
    }
    if callback.is_some() && (username.is_some() || password.is_some() || file.is_some()) {
        return bad(&format!(
            "`credentials`{whose} gives the whole login: remove `username`, `password` and `password_file`"
        ));
    }
    Ok(())
}
