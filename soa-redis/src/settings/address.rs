//! Settings in one line of text.
//!
//! ```text
//! [scheme://[[user:]password@]]host[:port][,host[:port]…][/database][?services=name,name…]
//! ```
//!
//! The scheme says how the hosts belong together: `redis` and `rediss` (with TLS) for one host or a ring,
//! `redis-sentinel` and `rediss-sentinel`, `redis-cluster` and `rediss-cluster`. With sentinels the login is that of
//! the masters, and TLS is used towards both. It needs the feature `tls`.

use std::str::FromStr;

use serde_json::{Value as Json, json};
use soa_runtime::BuildError;

use super::host::{self, shown};
use super::tls::HAS_TLS;
use super::{RedisMode, RedisSettings, SentinelSettings, TlsSettings, without_tls};

/// Reads `host`, `host:port`, or `redis://[[user:]password@]host[:port][/database]`. Several hosts are separated by
/// commas; the schemes `redis-sentinel` and `redis-cluster` say what they are, and an `s` after `redis` asks for TLS.
impl FromStr for RedisSettings {
    type Err = BuildError;

    fn from_str(text: &str) -> Result<Self, BuildError> {
        Self::read(text, HAS_TLS)
    }
}

impl RedisSettings {
    /// Reads an address, for a program that has TLS, or has not.
    fn read(text: &str, has_tls: bool) -> Result<Self, BuildError> {
        let (scheme, rest) = text.split_once("://").unwrap_or(("redis", text));
        // The text may hold a password: no message repeats it.
        let bad = |what: &str| {
            let advice = unescaped(rest).unwrap_or_else(|| {
                let forms = "`host:port` or `redis://user:password@host:port/database`";
                format!("{what}; write {forms}")
            });
            BuildError::new(format!("bad address of Redis: {advice}"))
        };
        let (scheme, mode) = scheme.split_once('-').unwrap_or((scheme, ""));
        let tls = match scheme {
            "redis" => None,
            "rediss" if has_tls => Some(TlsSettings::default()),
            "rediss" => return Err(without_tls("the scheme `rediss` in the address of Redis")),
            _ => return Err(bad("the scheme is not `redis` or `rediss`")),
        };
        let (rest, query) = rest.split_once('?').unwrap_or((rest, ""));
        let mut settings = Self {
            mode: read_mode(mode, query, tls.clone()).map_err(bad)?,
            tls,
            ..Self::default()
        };
        let (rest, database) = rest.split_once('/').unwrap_or((rest, ""));
        if !database.is_empty() {
            let number = database.parse();
            settings.database =
                number.map_err(|_| bad("the database is not a number from 0 to 255"))?;
        }
        let hosts = match rest.rsplit_once('@') {
            None => rest,
            Some((login, hosts)) => {
                let (user, password) = login.split_once(':').unwrap_or((login, ""));
                let decode =
                    |text: &str| decoded(text).ok_or_else(|| bad("the login has a bad escape"));
                settings.username = Some(decode(user)?).filter(|user| !user.is_empty());
                settings.password = Some(decode(password)?).filter(|word| !word.is_empty());
                hosts
            }
        };
        let hosts = hosts.split(',').map(host::read);
        settings.hosts = hosts.collect::<Result<_, _>>().map_err(bad)?;
        settings.set_default_ports();
        settings.check_for(has_tls)?;
        Ok(settings)
    }

    /// All that an address says, as keys of the settings: for a flag that replaces what files say. A key that the address
    /// does not have is null.
    #[doc(hidden)]
    pub fn address_keys(&self) -> Json {
        let hosts = self.hosts.iter().map(|(host, port)| shown(host, *port));
        let tls = |tls: &Option<TlsSettings>| tls.as_ref().map(|_| json!({}));
        let sentinel = match &self.mode {
            RedisMode::Standard | RedisMode::Cluster => Json::Null,
            RedisMode::Sentinel(sentinel) => {
                json!({ "services": sentinel.services, "tls": tls(&sentinel.tls) })
            }
        };
        json!({
            "mode": self.mode.name(),
            "hosts": hosts.collect::<Vec<_>>(),
            "sentinel": sentinel,
            "database": self.database,
            "username": self.username,
            "password": self.password,
            "password_file": self.password_file,
            "tls": tls(&self.tls),
        })
    }
}

fn read_mode(mode: &str, query: &str, tls: Option<TlsSettings>) -> Result<RedisMode, &'static str> {
    let mode = match mode {
        "" => RedisMode::Standard,
        "cluster" => RedisMode::Cluster,
        "sentinel" => {
            let mut sentinel = SentinelSettings {
                tls,
                ..SentinelSettings::default()
            };
            if let Some(names) = query.strip_prefix("services=") {
                let names = names.split(',').map(decoded).collect::<Option<_>>();
                sentinel.services = names
                    .ok_or("the name of a master has a bad escape: `%` itself is written `%25`")?;
                return Ok(RedisMode::Sentinel(sentinel));
            }
            RedisMode::Sentinel(sentinel)
        }
        _ => return Err("the scheme does not end in `-sentinel` or `-cluster`"),
    };
    if query.is_empty() {
        return Ok(mode);
    }
    Err("expected nothing after `?` but `services`, which is for sentinels")
}

/// Advice for a login with characters that have a meaning in an address; `None` if it has none.
///
/// A `/` or a `?` ends the part of the login, which then seems to be a host. Only a text that could not be read is looked at:
/// the name of a master may well contain an `@`.
fn unescaped(rest: &str) -> Option<String> {
    let (login, _) = rest.rsplit_once('@')?;
    let has_bad_escape = decoded(login).is_none();
    let characters = [
        ("`/` as `%2F`", login.contains('/')),
        ("`?` as `%3F`", login.contains('?')),
        ("`%` as `%25`", has_bad_escape),
    ];
    let escapes = characters.into_iter().filter(|(_, is_there)| *is_there);
    let escapes: Vec<_> = escapes.map(|(escape, _)| escape).collect();
    (!escapes.is_empty()).then(|| {
        let escapes = escapes.join(", ");
        format!(
            "the user name or the password has a character of the address itself; write {escapes}"
        )
    })
}

/// Percent-decodes; `None` for half an escape or for bytes that are not text.
fn decoded(text: &str) -> Option<String> {
    let mut bytes = text.bytes();
    let mut out = Vec::with_capacity(text.len());
    while let Some(byte) = bytes.next() {
        if byte != b'%' {
            out.push(byte);
            continue;
        }
        let mut digit = || char::from(bytes.next()?).to_digit(16);
        let code = digit()? * 16 + digit()?;
        out.push(u8::try_from(code).ok()?);
    }
    String::from_utf8(out).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parsed(text: &str) -> RedisSettings {
        RedisSettings::read(text, true).unwrap()
    }

    #[test]
    fn an_address_may_leave_out_what_has_a_default() {
        assert_eq!(parsed("127.0.0.1:6379"), RedisSettings::default());
        assert_eq!(parsed("redis://127.0.0.1"), RedisSettings::default());
        assert_eq!(parsed("cache"), RedisSettings::new("cache", 6379));
        assert_eq!(parsed("[::1]:7000"), RedisSettings::new("::1", 7000));
        assert_eq!(parsed("redis://[::1]/"), RedisSettings::new("::1", 6379));
    }

    #[test]
    fn a_url_has_login_and_database() {
        let settings = parsed("redis://us%65r:p%40ss@host:1/15");
        assert_eq!(
            settings,
            RedisSettings::new("host", 1)
                .user("user", "p@ss")
                .database(15)
        );
        let settings = parsed("redis://:secret@host");
        assert_eq!(
            settings,
            RedisSettings::new("host", 6379).password("secret")
        );
    }

    #[test]
    fn several_hosts_are_a_ring_sentinels_or_a_cluster() {
        let hosts = [("a", 1), ("b", 6379)];
        assert_eq!(parsed("a:1,b"), RedisSettings::ring(hosts));
        assert_eq!(
            parsed("redis-cluster://a:1,b"),
            RedisSettings::cluster(hosts)
        );
        let names = SentinelSettings::default().services(vec!["x".to_owned(), "y z".to_owned()]);
        assert_eq!(
            parsed("redis-sentinel://:secret@a:1,b/2?services=x,y%20z"),
            RedisSettings::sentinel([("a", 1), ("b", 26379)], names)
                .password("secret")
                .database(2)
        );
        assert_eq!(
            parsed("redis-sentinel://a"),
            RedisSettings::sentinel([("a", 26379)], SentinelSettings::default())
        );
    }

    #[test]
    fn an_s_needs_the_feature_tls() {
        for address in ["rediss://a", "rediss-cluster://a", "rediss-sentinel://a"] {
            let error = RedisSettings::read(address, false).unwrap_err().to_string();
            assert!(error.contains("enable the feature `tls`"), "{error}");
        }
    }

    #[test]
    fn an_s_asks_for_tls() {
        let tls = TlsSettings::default;
        assert_eq!(
            parsed("rediss://a"),
            RedisSettings::new("a", 6379).tls(tls())
        );
        let settings = parsed("rediss-sentinel://a");
        assert_eq!(settings.tls, Some(tls()));
        let both = SentinelSettings::default().tls(tls());
        assert_eq!(settings.mode, RedisMode::Sentinel(both));
    }

    #[test]
    #[cfg(feature = "tls")]
    fn an_address_says_what_its_keys_would_say() {
        for text in [
            "host:1",
            "redis://user:p%40ss@host:1/2",
            "rediss://a:1,b:2",
            "redis-sentinel://a,b:2?services=x,y",
            "rediss-sentinel://:secret@a",
            "rediss-cluster://a,b",
        ] {
            let address = parsed(text);
            let mut keys = address.address_keys();
            if let Json::Object(keys) = &mut keys {
                keys.retain(|_, value| !value.is_null());
            }
            let read: RedisSettings = serde_json::from_value(keys).unwrap();
            assert_eq!(read, address, "{text}");
        }
    }

    #[test]
    fn a_login_with_characters_of_an_address_is_told_to_escape_them() {
        for (text, advice) in [
            ("redis://:pa/ss@h", "`/` as `%2F`"),
            ("redis://:p?x@h", "`?` as `%3F`"),
            ("redis://:50%@h", "`%` as `%25`"),
            ("redis://us/er:secret@h:1/2", "`/` as `%2F`"),
            ("redis://user:6379/1@h", "`/` as `%2F`"),
            ("redis-sentinel://:p?x@h?services=a", "`?` as `%3F`"),
            (
                "redis://:1/2?3%4@h",
                "`/` as `%2F`, `?` as `%3F`, `%` as `%25`",
            ),
        ] {
            let error = text.parse::<RedisSettings>().unwrap_err().to_string();
            let expected = format!(
                "bad address of Redis: the user name or the password has a character of the address itself; write {advice}"
            );
            assert_eq!(error, expected, "{text}");
        }
        let escaped = parsed("redis://:pa%2Fss%3F50%25@h");
        assert_eq!(escaped, RedisSettings::new("h", 6379).password("pa/ss?50%"));
        // This is not a login.
        let named = parsed("redis-sentinel://a/2?services=x@y");
        let names = SentinelSettings::default().services(vec!["x@y".to_owned()]);
        assert_eq!(
            named,
            RedisSettings::sentinel([("a", 26379)], names).database(2)
        );
    }

    #[test]
    fn an_address_of_version_6_is_told_its_form() {
        for (text, what) in [
            ("[::1]7000", "`:` and the port must follow `]`"),
            ("redis://:secret@[::1", "`]` is missing"),
            ("::1", "an IPv6 address needs brackets, as in `[::1]:6379`"),
            (
                "fe80::1:7000",
                "an IPv6 address needs brackets, as in `[::1]:6379`",
            ),
        ] {
            let error = text.parse::<RedisSettings>().unwrap_err().to_string();
            assert!(
                error.contains(&format!("bad address of Redis: {what}; ")),
                "{error}"
            );
        }
    }

    #[test]
    fn a_bad_address_is_told_without_its_password() {
        for text in [
            "",
            "redis://",
            "http://host",
            "redis-x://host",
            "redis://:secret@host?services=x",
            "redis-sentinel://:secret@host?service=x",
            "redis://:secret@host:port",
            "redis://:secret@host/x",
            "redis://:secret%4@host",
            "redis://:secret@host/256",
            "host:65536",
            "host,",
            "[::1",
            "[::1]7000",
            "::1:7000",
            "redis://:secret/x@host",
            "redis://:secret?x@host",
            "redis://:secret%@host",
        ] {
            let error = text.parse::<RedisSettings>().unwrap_err().to_string();
            assert!(
                error.starts_with("bad address of Redis: "),
                "{text}: {error}"
            );
            assert!(!error.contains("secret"), "{error}");
        }
    }
}
