//! The section `client_routing`.

use schemars::JsonSchema;
use serde::Deserialize;
use soa_runtime::period::Period;

use super::middleware::{ClientMiddlewareSchema, MiddlewareSettings};
use super::transport::{ClientTransportSettings, TransportSettings};

/// The route to one service.
///
/// ```
/// use soa::settings::{ClientTransportSettings, NoSection, Settings};
///
/// let settings = Settings::<NoSection>::loader()
///     .set("client_routing.users.timeout=2s")
///     .set("client_routing.billing.transport.redis.hosts=redis.billing.internal")
///     .load()?;
/// let users = &settings.client_routing["users"];
/// assert_eq!(users.timeout, Some("2s".parse()?));
/// assert_eq!(users.transport, None);
/// let billing = &settings.client_routing["billing"];
/// assert!(matches!(billing.transport, Some(ClientTransportSettings::Redis(_))));
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone, Debug, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
#[non_exhaustive]
pub struct RouteSettings {
    /// Transport of its requests; by default that of this program's own server.
    pub transport: Option<ClientTransportSettings>,
    /// Time limit of calls without a timeout of their own; by default that of the transport.
    #[schemars(extend("x-minimum" = "1ms"))]
    pub timeout: Option<Period>,
    /// Middleware around calls of this service only, by name, outermost first. It is inside of the middleware around all
    /// calls.
    #[schemars(with = "Vec<ClientMiddlewareSchema>")]
    pub middleware: Vec<MiddlewareSettings>,
    /// True if the name of the service is known from variables only, which cannot have its case, dashes and dots.
    #[serde(skip)]
    pub(crate) is_spelled_by_variable: bool,
}

impl RouteSettings {
    /// The transport to the service, for a program whose own server has this transport.
    pub(crate) fn transport_beside(&self, server: &TransportSettings) -> ClientTransportSettings {
        let own = self.transport.clone();
        own.unwrap_or_else(|| server.clone().into())
    }
}
