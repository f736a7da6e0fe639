//! The settings of the doors.

use soa_wire::Name;

/// The settings of the doors: which are open, and what they take.
///
/// ```
/// use soa_http::HttpSettings;
///
/// let settings = HttpSettings::default();
/// assert_eq!(settings.calls, "/call");
/// assert!(settings.rest && settings.json && settings.msgpack);
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct HttpSettings {
    /// The prefix of calls by name, as `POST /call/<service>/<action>`. Empty for none.
    pub calls: String,
    /// True if actions can be called by `POST /invoke` with JSON.
    pub json: bool,
    /// True if actions can be called by `POST /invoke` with MessagePack.
    pub msgpack: bool,
    /// True if actions can be called by `POST /invoke` with protobuf. `None` if the component decides: it does, where it
    /// declares the channel.
    pub protobuf: Option<bool>,
    /// True if the routes that actions declare are served.
    pub rest: bool,
    /// The path of the probe for a process that lives. Empty for none.
    pub live: String,
    /// The path of the probe for a process that takes requests. Empty for none.
    pub ready: String,
    /// The path of the metrics, if the program has any. Empty for none.
    pub metrics: String,
    /// The status of the health of a component with a warning. 200 is for registries that take no other one for a process that
    /// works, such as Consul for clients of Aspyx.
    pub health_warning_status: u16,
    /// The maximum size of the body of a request, in bytes.
    pub max_body: usize,
    /// The maximum number of requests that run at once. Further ones are answered with 503.
    pub concurrency: usize,
    /// The key of the context that gets the token of a request.
    pub token_key: Name,
    /// The cookie that has the token of a request without the header `Authorization`; `None` for none.
    pub token_cookie: Option<String>,
}

impl Default for HttpSettings {
    fn default() -> Self {
        Self {
            calls: "/call".to_owned(),
            json: true,
            msgpack: true,
            protobuf: None,
            rest: true,
            live: "/livez".to_owned(),
            ready: "/readyz".to_owned(),
            metrics: "/metrics".to_owned(),
            health_warning_status: 429,
            max_body: 4 << 20,
            concurrency: 1024,
            token_key: Name::from_static("token"),
            token_cookie: None,
        }
    }
}
