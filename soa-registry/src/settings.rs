//! The settings of a registry.

use std::net::SocketAddr;
use std::path::PathBuf;
use std::str::FromStr;
use std::sync::Arc;

use schemars::JsonSchema;
use serde::de::Error as _;
use serde::{Deserialize, Deserializer};
use soa_http::HttpClient;
#[cfg(feature = "redis")]
use soa_redis::RedisConnection;
use soa_runtime::BuildError;
use soa_runtime::period::Period;
use soa_runtime::secret::Secret;
use soa_wire::{Name, redact};

use crate::address::Address;
use crate::consul::{ConsulRegistry, check_address};
#[cfg(feature = "dns")]
use crate::dns::DnsRegistry;
use crate::instance::{HealthEndpoint, Instance, Registration};
#[cfg(feature = "redis")]
use crate::redis::RedisRegistry;
use crate::registry::Registry;

/// The URL of a registry in the Redis of the transport.
const REDIS: &str = "redis://";

/// Registry of components: who offers them, and where.
///
/// A URL can be parsed, and the rest is the default:
///
/// ```
/// use soa_http::{HttpClient, HttpClientSettings};
/// use soa_registry::RegistrySettings;
///
/// let mut settings: RegistrySettings = "consul://127.0.0.1:8500".parse()?;
/// settings.tags = vec!["blue".to_owned()];
/// let client = HttpClient::new(&HttpClientSettings::default())?;
/// let registry = settings.open(&client)?;
/// assert_eq!(registry.shown_address(), "consul://127.0.0.1:8500");
/// # Ok::<(), soa_runtime::BuildError>(())
/// ```
#[derive(Clone, Debug, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(remote = "Self", deny_unknown_fields)]
#[non_exhaustive]
pub struct RegistrySettings {
    /// URL of the registry: `consul://HOST:PORT` or `consul+https://HOST:PORT` for an agent of Consul, `redis://` for the Redis
    /// of the transport. For callers also DNS: `dns://NAME:PORT` for hosts, `dns+srv://NAME` or `dns+srv+https://NAME` for
    /// services, with `{component}` in the name; it needs the feature `dns` of the crate `soa`.
    #[schemars(length(min = 1))]
    pub url: String,
    /// Token for the ACL of Consul; none by default.
    pub token: Option<Secret>,
    /// File with the token, in the place of `token`; none by default. It is read again for each question.
    #[schemars(length(min = 1))]
    pub token_file: Option<PathBuf>,
    /// Datacenter of Consul in which components are looked up; by default that of the agent.
    #[schemars(length(min = 1))]
    pub datacenter: Option<String>,
    /// Channels by which components are called that are found in DNS, which does not tell them.
    #[serde(default = "channels")]
    #[schemars(length(min = 1))]
    pub channels: Vec<String>,
    /// Address and port of the name server that is asked; by default those of the system.
    #[schemars(length(min = 1))]
    pub name_server: Option<String>,
    /// Further tags of this server in Consul. Callers do not need them, nor the keys that follow.
    #[serde(default)]
    pub tags: Vec<String>,
    /// Share of the calls that this server gets, in relation to other instances. 0 gets calls only if nobody else can be
    /// called.
    #[serde(default = "weight")]
    #[schemars(range(max = 65_535))]
    pub weight: u32,
    /// Time between two checks of the health of this server by Consul.
    #[serde(default = "check_interval")]
    #[schemars(extend("x-minimum" = "1s"))]
    pub check_interval: Period,
    /// Time limit of a check.
    #[serde(default = "check_timeout")]
    #[schemars(extend("x-minimum" = "1ms"))]
    pub check_timeout: Period,
    /// Time after which Consul removes this server if its checks fail.
    #[serde(default = "removed_after")]
    #[schemars(extend("x-minimum" = "1m"))]
    pub removed_after: Period,
}

fn channels() -> Vec<String> {
    vec!["dispatch-json".to_owned()]
}

fn weight() -> u32 {
    1
}

fn check_interval() -> Period {
    HealthEndpoint::new("").interval.into()
}

fn check_timeout() -> Period {
    HealthEndpoint::new("").timeout.into()
}

fn removed_after() -> Period {
    HealthEndpoint::new("").removed_after.into()
}

impl RegistrySettings {
    /// Returns the reason why the settings cannot be used, as an error.
    fn check(&self) -> Result<(), BuildError> {
        if self.token.is_some() && self.token_file.is_some() {
            let rule = "`token` and `token_file` are given; expected one of them";
            return Err(BuildError::new(rule));
        }
        if self.needs_redis() {
            return self.check_redis();
        }
        if self.url.starts_with("consul") {
            return check_address(&self.url);
        }
        if self.url.starts_with("dns") {
            return self.dns().map(|_| ());
        }
        let url = redact::url(&self.url);
        Err(BuildError::new(format!(
            "invalid URL of a registry `{url}`: expected `consul://HOST:PORT`, `consul+https://HOST:PORT`, `redis://`, \
             `dns://NAME:PORT` or `dns+srv://NAME`"
        )))
    }

    #[cfg(feature = "dns")]
    fn dns(&self) -> Result<Arc<dyn Registry>, BuildError> {
        let registry = DnsRegistry::new(&self.url, self.channels.iter().cloned())?;
        let Some(server) = &self.name_server else {
            return Ok(Arc::new(registry));
        };
        let server = server.parse().map_err(|_| {
            BuildError::new(format!(
                "invalid name server `{server}`: expected an address with a port, such as `127.0.0.1:53`"
            ))
        })?;
        Ok(Arc::new(registry.name_server(server)?))
    }

    #[cfg(not(feature = "dns"))]
    fn dns(&self) -> Result<Arc<dyn Registry>, BuildError> {
        let missing = "a registry in DNS needs the feature `dns` of the crate `soa`";
        Err(BuildError::new(missing))
    }

    fn check_redis(&self) -> Result<(), BuildError> {
        if cfg!(not(feature = "redis")) {
            let missing = "a registry in Redis needs the feature `redis` of the crate `soa`";
            return Err(BuildError::new(missing));
        }
        if self.url != REDIS {
            let rule = "a registry in Redis is in that of the transport: expected `redis://` without a host, and the hosts in \
                        the settings of the transport";
            return Err(BuildError::new(rule));
        }
        Ok(())
    }

    /// Returns true if the registry is in the Redis of the transport.
    pub fn needs_redis(&self) -> bool {
        self.url.starts_with("redis")
    }

    /// Opens a registry that needs no Redis. Nothing is connected yet.
    ///
    /// # Errors
    /// The settings contradict each other, or the registry is in Redis.
    pub fn open(&self, client: &HttpClient) -> Result<Arc<dyn Registry>, BuildError> {
        self.check()?;
        if self.needs_redis() {
            let missing = "the registry is in the Redis of the transport, and there is none";
            return Err(BuildError::new(missing));
        }
        if self.url.starts_with("dns") {
            return self.dns();
        }
        let mut consul = ConsulRegistry::new(client, &self.url)?;
        if let Some(token) = &self.token {
            consul = consul.token(token.expose());
        }
        if let Some(file) = &self.token_file {
            consul = consul.token_file(file);
        }
        if let Some(datacenter) = &self.datacenter {
            consul = consul.datacenter(datacenter);
        }
        Ok(Arc::new(consul))
    }

    /// Opens a registry, which uses this connection if it is in Redis. Nothing is connected yet.
    ///
    /// # Errors
    /// The settings contradict each other.
    #[cfg(feature = "redis")]
    #[cfg_attr(docsrs, doc(cfg(feature = "redis")))]
    pub fn open_with_redis(
        &self,
        client: &HttpClient,
        redis: &RedisConnection,
    ) -> Result<Arc<dyn Registry>, BuildError> {
        if !self.needs_redis() {
            return self.open(client);
        }
        self.check()?;
        Ok(Arc::new(RedisRegistry::new(redis)))
    }

    /// Returns the registration of an instance of a component at an address, with its health at a path: `/health`. The identity
    /// is that of Aspyx, `<ip>:<port>:<component>`, the rest is as these settings say.
    ///
    /// ```
    /// use soa_registry::{Address, RegistrySettings};
    ///
    /// let settings: RegistrySettings = "consul://127.0.0.1:8500".parse()?;
    /// let addresses = vec![Address::new("rest", "https://10.0.0.1:8000")?];
    /// let host = ([10, 0, 0, 1], 8000).into();
    /// let registration = settings.registration("shop", host, addresses, "https://10.0.0.1:8000/health");
    /// assert_eq!(registration.instance.id, "10.0.0.1:8000:shop");
    /// # Ok::<(), soa_runtime::BuildError>(())
    /// ```
    pub fn registration(
        &self,
        component: impl Into<Name>,
        host: SocketAddr,
        addresses: Vec<Address>,
        health_url: impl Into<String>,
    ) -> Registration {
        let component = component.into();
        Registration {
            instance: Instance {
                id: format!("{host}:{component}"),
                addresses,
                weight: self.weight,
            },
            component,
            host,
            health: HealthEndpoint {
                url: health_url.into(),
                interval: self.check_interval.get(),
                timeout: self.check_timeout.get(),
                removed_after: self.removed_after.get(),
            },
            tags: self.tags.clone(),
        }
    }
}

impl FromStr for RegistrySettings {
    type Err = BuildError;

    /// Reads a URL; the rest is the default.
    fn from_str(url: &str) -> Result<Self, BuildError> {
        let settings = Self {
            url: url.to_owned(),
            token: None,
            token_file: None,
            datacenter: None,
            channels: channels(),
            name_server: None,
            tags: Vec::new(),
            weight: weight(),
            check_interval: check_interval(),
            check_timeout: check_timeout(),
            removed_after: removed_after(),
        };
        settings.check()?;
        Ok(settings)
    }
}

impl<'de> Deserialize<'de> for RegistrySettings {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let settings = Self::deserialize(deserializer)?;
        settings.check().map_err(D::Error::custom)?;
        Ok(settings)
    }
}

#[cfg(test)]
mod tests {
    use serde_json::{Value as Json, json};

    use super::*;

    fn read(settings: Json) -> Result<RegistrySettings, String> {
        <RegistrySettings as Deserialize>::deserialize(settings).map_err(|error| error.to_string())
    }

    fn client() -> HttpClient {
        HttpClient::new(&soa_http::HttpClientSettings::default()).unwrap()
    }

    #[test]
    fn a_url_alone_is_enough() {
        let settings = read(json!({ "url": "consul+https://agent" })).unwrap();
        assert_eq!(settings, "consul+https://agent".parse().unwrap());
        assert_eq!(settings.check_interval, Period::from_secs(10));
        assert_eq!(settings.check_timeout, Period::from_secs(3));
        assert_eq!(settings.removed_after, Period::from_secs(300));
        let registry = settings.open(&client()).unwrap();
        assert_eq!(registry.shown_address(), "consul+https://agent:8501");
    }

    #[test]
    fn everything_can_be_set_and_the_token_is_not_shown() {
        let settings = read(json!({
            "url": "consul://agent:85", "token": "b1gs33cr3t", "datacenter": "west", "tags": ["blue"], "weight": 3,
            "check_interval": "2s", "check_timeout": 1, "removed_after": "10m",
        }));
        let settings = settings.unwrap();
        let registry = settings.open(&client()).unwrap();
        assert!(!format!("{settings:?} {registry:?}").contains("b1gs33cr3t"));
        let host = "[::1]:80".parse().unwrap();
        let one = settings.registration("shop", host, Vec::new(), "http://[::1]:80/health");
        assert_eq!(one.instance.id, "[::1]:80:shop");
        assert_eq!(
            (one.instance.weight, &one.tags[..]),
            (3, &["blue".to_owned()][..])
        );
        assert_eq!(one.health.interval.as_secs(), 2);
        assert_eq!(one.health.removed_after.as_secs(), 600);
    }

    #[test]
    fn what_is_no_registry_is_refused_with_the_forms_that_exist() {
        let cases = [
            (json!({}), "missing field `url`"),
            (
                json!({ "url": "" }),
                "invalid URL of a registry ``: expected `consul://HOST:PORT`",
            ),
            (
                json!({ "url": "etcd://me:secret@a" }),
                "invalid URL of a registry `etcd://a`: ",
            ),
            (
                json!({ "url": "consul://me:secret@a:1" }),
                "invalid address of Consul `consul://a:1`",
            ),
            (
                json!({ "url": "consul://a", "token": "a", "token_file": "b" }),
                "`token` and `token_file` are given",
            ),
            (
                json!({ "url": "consul://a", "tokens": "a" }),
                "unknown field `tokens`",
            ),
        ];
        for (settings, expected) in cases {
            let error = read(settings).unwrap_err();
            assert!(error.contains(expected), "{error}");
            assert!(!error.contains("secret"), "{error}");
        }
    }

    #[cfg(feature = "dns")]
    #[test]
    fn dns_has_a_name_with_the_component_and_channels() {
        let settings = json!({
            "url": "dns+srv://{component}.service.consul", "channels": ["rest"], "name_server": "127.0.0.1:8600",
        });
        let registry = read(settings).unwrap().open(&client()).unwrap();
        assert_eq!(
            registry.shown_address(),
            "dns+srv://{component}.service.consul"
        );
        let cases = [
            (
                json!({ "url": "dns://{component}" }),
                "expected `dns://NAME:PORT`",
            ),
            (
                json!({ "url": "dns://{component}:x" }),
                "expected `dns://NAME:PORT`",
            ),
            (
                json!({ "url": "dns+srv://shop.internal" }),
                "with `{component}` in the name",
            ),
            (
                json!({ "url": "dns+srv://{component}..internal" }),
                "invalid address of DNS",
            ),
            (
                json!({ "url": "dns+srv://{component}:80" }),
                "invalid address of DNS",
            ),
            (
                json!({ "url": "dns+https://{component}" }),
                "invalid address of DNS",
            ),
            (
                json!({ "url": "dns+srv://{component}", "channels": [] }),
                "needs the channels by which its components are called",
            ),
            (
                json!({ "url": "dns+srv://{component}", "channels": ["a b"] }),
                "invalid channel `a b`",
            ),
            (
                json!({ "url": "dns+srv://{component}", "name_server": "localhost" }),
                "invalid name server `localhost`",
            ),
        ];
        for (settings, expected) in cases {
            let error = read(settings).unwrap_err();
            assert!(error.contains(expected), "{error}");
        }
    }

    #[cfg(not(feature = "dns"))]
    #[test]
    fn dns_needs_its_feature() {
        let error = read(json!({ "url": "dns+srv://{component}" })).unwrap_err();
        assert!(
            error.contains("the feature `dns` of the crate `soa`"),
            "{error}"
        );
    }

    #[cfg(feature = "redis")]
    #[test]
    fn redis_is_that_of_the_transport() {
        let settings = read(json!({ "url": "redis://" })).unwrap();
        assert!(settings.needs_redis());
        let error = settings.open(&client()).unwrap_err().to_string();
        assert!(error.contains("and there is none"), "{error}");
        let redis = RedisConnection::new(soa_redis::RedisSettings::new("a", 1)).unwrap();
        let registry = settings.open_with_redis(&client(), &redis).unwrap();
        assert_eq!(registry.shown_address(), "redis://a:1");
        let error = read(json!({ "url": "redis://:secret@a:1" })).unwrap_err();
        assert!(
            error.contains("expected `redis://` without a host"),
            "{error}"
        );
        assert!(!error.contains("secret"), "{error}");
    }
}
