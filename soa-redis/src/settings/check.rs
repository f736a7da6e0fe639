//! The rules of the settings.

use std::path::PathBuf;
use std::time::Duration;

use soa_runtime::BuildError;
use soa_wire::period::Period;

use super::credentials::CredentialSource;
use super::tls::without_tls;
use super::{RESPONSE_SIZE, RedisMode, RedisSettings};

/// Least time of a lease.
const LEAST_LEASE: Duration = Duration::from_secs(1);

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
        self.check_lease()?;
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

    /// Checks the times after which a process is given up for dead.
    fn check_lease(&self) -> Result<(), BuildError> {
        let bad = |field: &str, rule: &str, given: Duration| {
            let given = Period::new(given);
            let message = format!("the setting `{field}` must be {rule}, and is {given}");
            Err(BuildError::new(message))
        };
        let (lease, gone_after) = (self.lease, self.gone_after);
        if lease < LEAST_LEASE {
            return bad("lease", "at least 1s", lease);
        }
        let least = self.lease_time().least_gone_time();
        let of_lease = Period::new(lease);
        if gone_after < least {
            let least = Period::new(least);
            let rule = format!(
                "at least {least}, the time of three signs of life with a `lease` of {of_lease}"
            );
            return bad("gone_after", &rule, gone_after);
        }
        if gone_after >= lease {
            let rule = format!("less than `lease`, which is {of_lease}");
            return bad("gone_after", &rule, gone_after);
        }
        Ok(())
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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::settings::SentinelSettings;

    #[test]
    fn settings_that_cannot_work_are_told_with_their_names() {
        let none: [(&str, u16); 0] = [];
        let double = SentinelSettings::default().services(vec!["a".to_owned(), "a".to_owned()]);
        for (settings, name) in [
            (RedisSettings::ring(none), "`hosts`"),
            (RedisSettings::new("", 1), "`hosts`"),
            (
                RedisSettings::default().queue_capacity(0),
                "`queue_capacity`",
            ),
            (
                RedisSettings::cluster([("host", 1)]).database(1),
                "`database`",
            ),
            (RedisSettings::sentinel([("host", 1)], double), "`services`"),
        ] {
            let text = settings.check().unwrap_err().to_string();
            assert!(text.contains(name), "{text}");
        }
    }

    #[test]
    fn times_of_a_lease_have_to_fit_each_other() {
        let settings = RedisSettings::default;
        let millis = Duration::from_millis;
        for (lease, gone_after) in [
            (1_000, 300),
            (1_000, 999),
            (10_000, 3_000),
            (600_000, 3_000),
        ] {
            let fits = settings()
                .lease(millis(lease))
                .gone_after(millis(gone_after));
            assert_eq!(fits.check(), Ok(()), "{lease} {gone_after}");
        }
        for (lease, gone_after, message) in [
            (
                999,
                500,
                "the setting `lease` must be at least 1s, and is 999ms",
            ),
            (0, 0, "the setting `lease` must be at least 1s, and is 0s"),
            (
                2_000,
                3_000,
                "the setting `gone_after` must be less than `lease`, which is 2s, and is 3s",
            ),
            (
                2_000,
                2_000,
                "the setting `gone_after` must be less than `lease`, which is 2s, and is 2s",
            ),
            (
                5_000,
                1_499,
                "the setting `gone_after` must be at least 1s 500ms, the time of three signs of life with a `lease` of 5s, and is \
                 1s 499ms",
            ),
            (
                60_000,
                2_999,
                "the setting `gone_after` must be at least 3s, the time of three signs of life with a `lease` of 1m, and is \
                 2s 999ms",
            ),
        ] {
            let bad = settings()
                .lease(millis(lease))
                .gone_after(millis(gone_after));
            assert_eq!(bad.check().unwrap_err().to_string(), message);
        }
    }
}
