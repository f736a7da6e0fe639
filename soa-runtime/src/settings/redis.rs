//! How [`RedisSettings`] are written: hosts as texts, times with units, passwords as secrets.

use std::fmt;
use std::path::PathBuf;
use std::str::FromStr;

use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::de::Error as _;
use serde::{Deserialize, Deserializer, Serialize};
use serde_json::{Value as Json, json};

use crate::period::Period;
use crate::secret::Secret;
use crate::transport::{RedisMode, RedisSettings, SentinelSettings, TlsSettings};

/// Over Redis. Clients and servers must agree on mode, hosts and database.
#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
#[schemars(rename = "Redis")]
pub(super) struct RedisForm {
    /// How the hosts belong together: masters that know nothing of each other and form a ring, sentinels, or nodes of one
    /// Redis Cluster.
    mode: Mode,
    /// Where Redis is, each as `HOST:PORT`, in the order of the ring. Without a port it is 6379, of sentinels 26379.
    #[schemars(length(min = 1))]
    hosts: Vec<Host>,
    /// How masters are found with `mode = "sentinel"`.
    sentinel: Option<SentinelForm>,
    /// The number of the database; always 0 in a cluster.
    database: u8,
    /// The ACL user; the default user unless it is set.
    username: Option<String>,
    /// The password; none unless it is set.
    password: Option<Secret>,
    /// TLS towards Redis; none unless it is there, if only as `{}`.
    tls: Option<TlsForm>,
    /// How long one attempt to connect may take.
    #[schemars(extend("x-minimum" = "1ms"))]
    connect_timeout: Period,
    /// Whether the system looks after connections that are silent (`SO_KEEPALIVE`).
    keep_alive: bool,
    /// How long a command may take before its outcome counts as unknown.
    #[schemars(extend("x-minimum" = "1ms"))]
    command_timeout: Period,
    /// How many messages a queue may hold.
    #[schemars(range(min = 1))]
    queue_capacity: usize,
    /// How often a message is offered to a full queue again.
    queue_full_retries: u32,
    /// How long a call waits that has no timeout of its own.
    #[schemars(extend("x-minimum" = "1ms"))]
    receive_timeout: Period,
    /// How long a message is worth reading, in whole seconds. A call with a timeout has that instead.
    #[schemars(extend("x-minimum" = "1s"))]
    message_expiry: Period,
    /// The largest request or response, in bytes; 0 for any size. Unless it is set, 102400 for requests and 256000 for
    /// responses.
    maximum_message_size: Option<usize>,
    /// Messages of more bytes are told in the log; 0 for none.
    log_messages_larger_than: usize,
    /// Responses of more bytes are cut into pieces of so many; never unless it is set. `maximum_message_size` must be at
    /// least five times as much.
    #[schemars(range(min = 102_400))]
    chunk_messages_larger_than: Option<usize>,
    /// Whether each call has a reply list of its own from the beginning, for services of PySOA that cut their responses.
    expects_chunked_replies: bool,
    /// How long the server waits inside of Redis for requests, again and again. Nothing is missed in between.
    block_timeout: Period,
}

/// How the hosts belong together.
#[derive(Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
#[schemars(rename = "RedisMode")]
enum Mode {
    Standard,
    Sentinel,
    Cluster,
}

/// How masters are found by sentinels.
#[derive(Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
#[schemars(rename = "RedisSentinel")]
struct SentinelForm {
    /// The names of the masters, in the order of the ring; all that the first sentinel knows unless there are some here.
    services: Vec<String>,
    /// How often a message asks for its master again while the sentinels know of none that works.
    failover_retries: u32,
    /// The ACL user at the sentinels; the default user unless it is set.
    username: Option<String>,
    /// The password at the sentinels; none unless it is set.
    password: Option<Secret>,
    /// TLS towards the sentinels; none unless it is there, if only as `{}`.
    tls: Option<TlsForm>,
}

/// What TLS needs.
#[derive(Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
#[schemars(rename = "Tls")]
struct TlsForm {
    /// A PEM file with the certificates of the authorities that are trusted; those of the system unless it is set.
    #[serde(deserialize_with = "readable")]
    ca_certificates: Option<PathBuf>,
    /// A PEM file with the certificates that are shown to the other side; none unless it is set.
    #[serde(deserialize_with = "readable")]
    client_certificate: Option<PathBuf>,
    /// A PEM file with the private key of `client_certificate`.
    #[serde(deserialize_with = "readable")]
    client_key: Option<PathBuf>,
    /// The name that the other side's certificates must be valid for; the host that is connected to unless it is set.
    server_name: Option<String>,
}

impl Default for RedisForm {
    fn default() -> Self {
        let settings = RedisSettings::default();
        let hosts = settings.hosts.into_iter();
        Self {
            mode: Mode::Standard,
            hosts: hosts.map(|(host, port)| Host(host, Some(port))).collect(),
            sentinel: None,
            database: settings.database,
            username: settings.username,
            password: settings.password.map(Secret::new),
            tls: None,
            connect_timeout: settings.connect_timeout.into(),
            keep_alive: settings.keep_alive,
            command_timeout: settings.command_timeout.into(),
            queue_capacity: settings.queue_capacity,
            queue_full_retries: settings.queue_full_retries,
            receive_timeout: settings.receive_timeout.into(),
            message_expiry: settings.message_expiry.into(),
            maximum_message_size: settings.maximum_message_size,
            log_messages_larger_than: settings.log_messages_larger_than,
            chunk_messages_larger_than: settings.chunk_messages_larger_than,
            expects_chunked_replies: settings.expects_chunked_replies,
            block_timeout: settings.block_timeout.into(),
        }
    }
}

impl RedisForm {
    fn into_settings(self) -> Result<RedisSettings, String> {
        let (mode, default_port) = match (self.mode, self.sentinel) {
            (Mode::Sentinel, sentinel) => {
                let sentinel = sentinel.unwrap_or_default().into_settings()?;
                (RedisMode::Sentinel(sentinel), 26379)
            }
            (_, Some(_)) => return Err("`sentinel` needs `mode = \"sentinel\"`".to_owned()),
            (Mode::Standard, None) => (RedisMode::Standard, 6379),
            (Mode::Cluster, None) => (RedisMode::Cluster, 6379),
        };
        let hosts = self.hosts.into_iter();
        let settings = RedisSettings {
            mode,
            hosts: hosts
                .map(|Host(host, port)| (host, port.unwrap_or(default_port)))
                .collect(),
            database: self.database,
            username: self.username,
            password: self.password.map(Secret::into_text),
            tls: self.tls.map(TlsForm::into_settings).transpose()?,
            connect_timeout: self.connect_timeout.get(),
            keep_alive: self.keep_alive,
            command_timeout: self.command_timeout.get(),
            queue_capacity: self.queue_capacity,
            queue_full_retries: self.queue_full_retries,
            receive_timeout: self.receive_timeout.get(),
            message_expiry: self.message_expiry.get(),
            maximum_message_size: self.maximum_message_size,
            log_messages_larger_than: self.log_messages_larger_than,
            chunk_messages_larger_than: self.chunk_messages_larger_than,
            expects_chunked_replies: self.expects_chunked_replies,
            block_timeout: self.block_timeout.get(),
        };
        settings.check().map_err(|error| error.to_string())?;
        Ok(settings)
    }
}

impl SentinelForm {
    fn into_settings(self) -> Result<SentinelSettings, String> {
        Ok(SentinelSettings {
            services: self.services,
            failover_retries: self.failover_retries,
            username: self.username,
            password: self.password.map(Secret::into_text),
            tls: self.tls.map(TlsForm::into_settings).transpose()?,
        })
    }
}

impl TlsForm {
    fn into_settings(self) -> Result<TlsSettings, String> {
        let client_certificate = match (self.client_certificate, self.client_key) {
            (None, None) => None,
            (Some(certificate), Some(key)) => Some((certificate, key)),
            _ => return Err("`client_certificate` and `client_key` need each other".to_owned()),
        };
        Ok(TlsSettings {
            ca_certificates: self.ca_certificates,
            client_certificate,
            server_name: self.server_name,
        })
    }
}

/// A file that is there, and may be read.
fn readable<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<PathBuf>, D::Error> {
    let path = Option::<PathBuf>::deserialize(deserializer)?;
    if let Some(path) = &path {
        let opened = std::fs::File::open(path);
        opened.map_err(|error| {
            D::Error::custom(format!("{} cannot be read: {error}", path.display()))
        })?;
    }
    Ok(path)
}

pub(super) fn deserialize<'de, D: Deserializer<'de>>(
    deserializer: D,
) -> Result<RedisSettings, D::Error> {
    let form = RedisForm::deserialize(deserializer)?;
    form.into_settings().map_err(D::Error::custom)
}

/// All that an address says, as keys of the section: for `--redis` on a command line. What it does not have is a null,
/// which takes away what a file has.
pub(super) fn of_address(address: &RedisSettings) -> Json {
    let hosts = address.hosts.iter();
    let hosts = hosts.map(|(host, port)| Host(host.clone(), Some(*port)).to_string());
    let tls = |tls: &Option<TlsSettings>| tls.as_ref().map(|_| json!({}));
    let (mode, sentinel) = match &address.mode {
        RedisMode::Standard => (Mode::Standard, Json::Null),
        RedisMode::Cluster => (Mode::Cluster, Json::Null),
        RedisMode::Sentinel(sentinel) => (
            Mode::Sentinel,
            json!({ "services": sentinel.services, "tls": tls(&sentinel.tls) }),
        ),
    };
    json!({
        "mode": mode,
        "hosts": hosts.collect::<Vec<_>>(),
        "sentinel": sentinel,
        "database": address.database,
        "username": address.username,
        "password": address.password,
        "tls": tls(&address.tls),
    })
}

/// A host and, unless it is the usual one, its port.
#[derive(Debug, PartialEq, Eq)]
struct Host(String, Option<u16>);

impl FromStr for Host {
    type Err = &'static str;

    fn from_str(text: &str) -> Result<Self, &'static str> {
        // The text is not repeated: an address may have a password in it.
        let rule = "expected HOST or HOST:PORT";
        let (host, port) = match text.strip_prefix('[') {
            Some(rest) => rest.split_once(']').ok_or(rule)?,
            None => text.split_at(text.find(':').unwrap_or(text.len())),
        };
        if host.is_empty() || text.contains(['/', '@', ',', ' ']) {
            return Err(rule);
        }
        let port = match port {
            "" => None,
            port => Some(
                port.strip_prefix(':')
                    .ok_or(rule)?
                    .parse()
                    .map_err(|_| rule)?,
            ),
        };
        Ok(Self(host.to_owned(), port))
    }
}

impl fmt::Display for Host {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self(host, port) = self;
        if host.contains(':') {
            write!(f, "[{host}]")?;
        } else {
            f.write_str(host)?;
        }
        match port {
            Some(port) => write!(f, ":{port}"),
            None => Ok(()),
        }
    }
}

impl Serialize for Host {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for Host {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = String::deserialize(deserializer)?;
        text.parse().map_err(D::Error::custom)
    }
}

impl JsonSchema for Host {
    fn inline_schema() -> bool {
        true
    }

    fn schema_name() -> std::borrow::Cow<'static, str> {
        "Host".into()
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        json_schema!({ "type": "string" })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_host_is_read_as_it_is_written() {
        for text in ["a", "a:1", "[::1]:7000", "[::1]", "127.0.0.1:6379"] {
            assert_eq!(text.parse::<Host>().unwrap().to_string(), text);
        }
        for text in [
            "",
            ":1",
            "a:x",
            "a:65536",
            "[::1",
            "[::1]x",
            "redis://a",
            "a@b",
            "a b",
        ] {
            assert!(text.parse::<Host>().is_err(), "{text}");
        }
    }

    #[test]
    fn an_address_says_what_its_keys_would_say() {
        for text in [
            "host:1",
            "redis://user:p%40ss@host:1/2",
            "rediss://a:1,b:2",
            "redis-sentinel://a,b:2?services=x,y",
            "rediss-sentinel://:secret@a",
            "rediss-cluster://a,b",
        ] {
            let address: RedisSettings = text.parse().unwrap();
            let mut keys = of_address(&address);
            if let Json::Object(keys) = &mut keys {
                keys.retain(|_, value| !value.is_null());
            }
            let form: RedisForm = serde_json::from_value(keys).unwrap();
            assert_eq!(form.into_settings().unwrap(), address, "{text}");
        }
    }
}
