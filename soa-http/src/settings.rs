//! The settings of HTTP: the address, the doors, and their limits.

use std::collections::BTreeMap;
use std::path::PathBuf;

use schemars::JsonSchema;
use serde::de::Error as _;
use serde::{Deserialize, Deserializer};
use soa_runtime::period::Period;
use soa_wire::Name;

use crate::advertised::is_advertised_address;

/// HTTP in front of the service: the address, the doors, and their limits.
///
/// ```
/// use soa_http::HttpSettings;
///
/// let settings = HttpSettings::default();
/// assert_eq!((settings.address.as_deref(), &*settings.calls), (None, "/call"));
/// assert!(settings.rest && settings.json && settings.msgpack);
/// ```
#[derive(Clone, Debug, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
#[non_exhaustive]
pub struct HttpSettings {
    /// Address and port to listen on, such as `127.0.0.1:8000`; none by default. Port 0 is any free port, which the log
    /// tells.
    #[serde(deserialize_with = "address")]
    pub address: Option<String>,
    /// Host, or host and port, by which others reach the address, as for registries; by default the address itself. Where
    /// that is every one of the machine, as `0.0.0.0` and `[::]` are, it is the one of the interface to the outside.
    #[schemars(length(min = 1))]
    #[serde(deserialize_with = "advertised_address")]
    pub advertised_address: Option<String>,
    /// Components with an address of their own, by their names; by default all are served at `address`. The other settings
    /// hold for them, too.
    pub components: BTreeMap<String, ComponentAddress>,
    /// TLS; plain HTTP by default.
    pub tls: Option<HttpTlsSettings>,
    /// Prefix of calls by name, as `POST /call/<service>/<action>`. Empty for none.
    pub calls: String,
    /// True if actions can be called by `POST /invoke` with JSON.
    pub json: bool,
    /// True if actions can be called by `POST /invoke` with MessagePack.
    pub msgpack: bool,
    /// True if actions can be called by `POST /invoke` with protobuf; by default the component decides, where it declares
    /// the channel.
    pub protobuf: Option<bool>,
    /// True if the routes that actions declare are served.
    pub rest: bool,
    /// True if descriptions are served: `/openapi.json`, `/docs` and `/report`.
    pub docs: bool,
    /// Path of the probe for a process that lives. Empty for none.
    pub live: String,
    /// Path of the probe for a process that takes requests. Empty for none.
    pub ready: String,
    /// Path of the metrics, if the program has any. Empty for none.
    pub metrics: String,
    /// Status of the health of a component with a warning. 200 is for registries that take no other one for a process that
    /// works, such as Consul for clients of Aspyx.
    #[schemars(range(min = 200, max = 599))]
    pub health_warning_status: u16,
    /// Largest body of a request, in bytes. A larger one is answered with 413.
    #[schemars(range(min = 1))]
    pub max_body: usize,
    /// Largest head of a request, in bytes: its line and its headers. A larger one is answered with 431.
    #[schemars(range(min = 8192, max = 16_777_216))]
    pub max_header_size: usize,
    /// Largest number of headers of a request of HTTP/1.1. One with more is answered with 431.
    #[schemars(range(min = 1, max = 10_000))]
    pub max_headers: usize,
    /// Time in which the head of a request has to come, from its first byte, and the handshake of TLS. A slower one is
    /// answered with 408.
    #[schemars(extend("x-minimum" = "1ms"))]
    pub header_timeout: Period,
    /// Time in which the body of a request has to come. A slower one is answered with 408.
    #[schemars(extend("x-minimum" = "1ms"))]
    pub body_timeout: Period,
    /// Time after which a connection is closed whose peer takes nothing of a response.
    #[schemars(extend("x-minimum" = "1ms"))]
    pub write_timeout: Period,
    /// Time after which a connection without a request is closed.
    #[schemars(extend("x-minimum" = "1ms"))]
    pub idle_timeout: Period,
    /// Largest number of open connections. Further ones wait until one is closed.
    #[schemars(range(min = 1))]
    pub max_connections: usize,
    /// Largest number of requests that run at once. Further ones are answered with 503.
    #[schemars(range(min = 1, max = 268_435_456))]
    pub concurrency: usize,
    /// Time for which requests are still taken after the process was told to stop, for a load balancer to notice; by default
    /// 2 s with a registry, and none without. `/readyz` says meanwhile that the process stops, and each answer that its
    /// connection ends.
    pub drain_delay: Option<Period>,
    /// Key of the context that gets the token of a request.
    #[schemars(with = "String", length(min = 1), extend("default" = "token"))]
    #[serde(deserialize_with = "token_key")]
    pub token_key: Name,
    /// Cookie that has the token of a request without the header `Authorization`; none by default.
    #[schemars(length(min = 1))]
    pub token_cookie: Option<String>,
    /// CORS: pages of other origins that may call the service from browsers; none by default.
    #[serde(deserialize_with = "cors")]
    pub cors: Option<CorsSettings>,
}

impl Default for HttpSettings {
    fn default() -> Self {
        Self {
            address: None,
            advertised_address: None,
            components: BTreeMap::new(),
            tls: None,
            calls: "/call".to_owned(),
            json: true,
            msgpack: true,
            protobuf: None,
            rest: true,
            docs: true,
            live: "/livez".to_owned(),
            ready: "/readyz".to_owned(),
            metrics: "/metrics".to_owned(),
            health_warning_status: 429,
            max_body: 4 << 20,
            max_header_size: 64 << 10,
            max_headers: 100,
            header_timeout: Period::from_secs(10),
            body_timeout: Period::from_secs(60),
            write_timeout: Period::from_secs(30),
            idle_timeout: Period::from_secs(75),
            max_connections: 65_536,
            concurrency: 1024,
            drain_delay: None,
            token_key: Name::from_static("token"),
            token_cookie: None,
            cors: None,
        }
    }
}

impl HttpSettings {
    /// Returns the settings for a component that has an address of its own.
    ///
    /// ```
    /// use soa_http::{ComponentAddress, HttpSettings};
    ///
    /// let mut settings = HttpSettings::default();
    /// settings.components.insert("shop".to_owned(), ComponentAddress::new("127.0.0.1:8001"));
    /// let of_shop = settings.of_component("shop").ok_or("no address")?;
    /// assert_eq!(of_shop.address.as_deref(), Some("127.0.0.1:8001"));
    /// assert!(settings.of_component("library").is_none());
    /// # Ok::<(), &str>(())
    /// ```
    pub fn of_component(&self, name: &str) -> Option<Self> {
        let own = self.components.get(name)?;
        Some(Self {
            address: Some(own.address.clone()),
            advertised_address: own.advertised_address.clone(),
            components: BTreeMap::new(),
            ..self.clone()
        })
    }
}

/// Address of a component that is served apart from the others.
///
/// ```
/// use soa_http::ComponentAddress;
///
/// let address = ComponentAddress::new("0.0.0.0:8001");
/// assert_eq!(address.advertised_address, None);
/// ```
#[derive(Clone, Debug, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
#[non_exhaustive]
pub struct ComponentAddress {
    /// Address and port to listen on, as `server.http.address`.
    #[schemars(with = "String")]
    #[serde(deserialize_with = "own_address")]
    pub address: String,
    /// Host, or host and port, by which others reach it, as `server.http.advertised_address`.
    #[schemars(length(min = 1))]
    #[serde(default, deserialize_with = "advertised_address")]
    pub advertised_address: Option<String>,
}

impl ComponentAddress {
    /// Returns the address, which others reach as it is.
    pub fn new(address: impl Into<String>) -> Self {
        Self {
            address: address.into(),
            advertised_address: None,
        }
    }
}

/// TLS of HTTP. Clients choose HTTP/2 or HTTP/1.1. Files that have changed are read again within a second.
///
/// ```
/// use soa_http::{HttpSettings, HttpTlsSettings};
///
/// let mut settings = HttpSettings::default();
/// settings.tls = Some(HttpTlsSettings::new("/etc/soa/http.pem", "/etc/soa/http.key"));
/// ```
#[derive(Clone, Debug, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
#[non_exhaustive]
pub struct HttpTlsSettings {
    /// File with the certificate and those between it and its authority, as PEM.
    pub certificate: PathBuf,
    /// File with the key, as PEM.
    pub key: PathBuf,
}

impl HttpTlsSettings {
    /// Returns the settings of these files.
    pub fn new(certificate: impl Into<PathBuf>, key: impl Into<PathBuf>) -> Self {
        Self {
            certificate: certificate.into(),
            key: key.into(),
        }
    }
}

/// CORS: pages of other origins that may call the service from browsers.
///
/// ```
/// use soa_http::CorsSettings;
///
/// let cors = CorsSettings::of(["https://shop.example"]);
/// assert!(!cors.credentials && cors.headers.is_empty());
/// ```
#[derive(Clone, Debug, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
#[non_exhaustive]
pub struct CorsSettings {
    /// Origins of the pages, such as `https://shop.example`; `*` for every one.
    pub origins: Vec<String>,
    /// Methods that the pages may use.
    pub methods: Vec<String>,
    /// Headers that the pages may send. Empty for those that they ask for.
    pub headers: Vec<String>,
    /// Headers of responses that the pages may read, besides the usual ones.
    pub exposed_headers: Vec<String>,
    /// True if browsers may send cookies and credentials. The origins have to be named then.
    pub credentials: bool,
    /// Time for which browsers need not ask again.
    pub max_age: Period,
}

impl Default for CorsSettings {
    fn default() -> Self {
        let methods = ["GET", "HEAD", "POST", "PUT", "PATCH", "DELETE"];
        Self {
            origins: Vec::new(),
            methods: methods.map(str::to_owned).to_vec(),
            headers: Vec::new(),
            exposed_headers: Vec::new(),
            credentials: false,
            max_age: Period::from_secs(600),
        }
    }
}

impl CorsSettings {
    /// Returns the settings for pages of these origins.
    pub fn of<O: Into<String>>(origins: impl IntoIterator<Item = O>) -> Self {
        Self {
            origins: origins.into_iter().map(Into::into).collect(),
            ..Self::default()
        }
    }

    /// Returns the reason why the settings cannot be used.
    pub(crate) fn mistake(&self) -> Option<String> {
        if self.credentials && self.origins.iter().any(|origin| origin == "*") {
            return Some("`credentials` needs the names of the `origins`, and not `*`".to_owned());
        }
        let is_origin = |origin: &str| {
            let host = origin.split_once("://").map(|(_, host)| host);
            origin == "*" || host.is_some_and(|host| !host.is_empty() && !host.contains('/'))
        };
        let wrong = self.origins.iter().find(|origin| !is_origin(origin))?;
        let rule = "an origin is a scheme and a host, such as `https://shop.example`, or `*`";
        Some(format!("`{wrong}` is no origin: {rule}"))
    }
}

fn cors<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<CorsSettings>, D::Error> {
    let cors = Option::<CorsSettings>::deserialize(deserializer)?;
    match cors.as_ref().and_then(CorsSettings::mistake) {
        Some(mistake) => Err(D::Error::custom(mistake)),
        None => Ok(cors),
    }
}

/// Deserializes an address with a port; the host may be a name.
fn address<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<String>, D::Error> {
    let address = Option::<String>::deserialize(deserializer)?;
    address.map(with_port).transpose()
}

/// The same for one that must be there.
fn own_address<'de, D: Deserializer<'de>>(deserializer: D) -> Result<String, D::Error> {
    with_port(String::deserialize(deserializer)?)
}

/// # Errors
/// The address has no port, or no host.
fn with_port<E: serde::de::Error>(address: String) -> Result<String, E> {
    let parts = address.rsplit_once(':');
    if parts.is_some_and(|(host, port)| !host.is_empty() && port.parse::<u16>().is_ok()) {
        return Ok(address);
    }
    let rule = "expected an address with a port, such as `127.0.0.1:8000`";
    Err(E::custom(rule))
}

/// Deserializes a host, or a host with a port.
fn advertised_address<'de, D: Deserializer<'de>>(
    deserializer: D,
) -> Result<Option<String>, D::Error> {
    let address = Option::<String>::deserialize(deserializer)?;
    if address.as_deref().is_none_or(is_advertised_address) {
        return Ok(address);
    }
    let rule = "expected a host, or a host with a port, such as `10.0.0.7` or `shop.internal:8000`";
    Err(D::Error::custom(rule))
}

fn token_key<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Name, D::Error> {
    String::deserialize(deserializer).map(Name::from)
}
