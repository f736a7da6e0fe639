//! Middleware by its name, in the order in which it is listed.
//!
//! ```toml
//! [server]
//! middleware = [{ name = "logging", error_level = "warn" }, { name = "audit", file = "audit.log" }]
//! ```
//!
//! A [`KnownMiddleware`] says which names there are, and what type the settings beside the name have: those that are
//! shipped, and those that a program adds. When settings are read, each entry is checked against its type, so that mistakes
//! are told with their place, as all others. What it makes of a server or client is kept in the entry.

use std::collections::BTreeMap;
use std::fmt;
use std::sync::Arc;

use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::Deserialize;
use serde_json::{Map, Value as Json, json};

use super::error::Problem;
use super::path::Path;
use super::tree::Node;
use super::{RouteSettings, Section, load, shipped};
use soa_runtime::BuildError;
use soa_runtime::client::ClientBuilder;
use soa_runtime::server::ServerBuilder;

/// What a program's own middleware can fail with while it is made: anything.
type BoxError = Box<dyn std::error::Error + Send + Sync>;

/// One middleware: its name, and its own settings beside that.
#[derive(Clone, Deserialize)]
#[non_exhaustive]
pub struct MiddlewareSettings {
    /// Which one it is: `logging`, or one that the program has added.
    pub name: String,
    #[serde(flatten)]
    values: Map<String, Json>,
    /// What it makes of a server or a client, once it is known.
    #[serde(skip)]
    made: Option<Made>,
}

#[derive(Clone)]
enum Made {
    OfServer(Make<ServerBuilder>),
    OfClient(Make<ClientBuilder>),
}

type Make<B> = Arc<dyn Fn(&Map<String, Json>, B) -> Result<B, BuildError> + Send + Sync>;

impl MiddlewareSettings {
    /// The server with this middleware around what it has.
    pub(super) fn around_server(&self, server: ServerBuilder) -> Result<ServerBuilder, BuildError> {
        match &self.made {
            Some(Made::OfServer(make)) => make(&self.values, server),
            _ => Err(self.unknown()),
        }
    }

    /// The client with this middleware further in than what it has.
    pub(super) fn in_client(&self, client: ClientBuilder) -> Result<ClientBuilder, BuildError> {
        match &self.made {
            Some(Made::OfClient(make)) => make(&self.values, client),
            _ => Err(self.unknown()),
        }
    }

    /// It did not come through a loader.
    fn unknown(&self) -> BuildError {
        BuildError::new(format!(
            "nothing is known of the middleware `{}`",
            self.name
        ))
    }
}

impl fmt::Debug for MiddlewareSettings {
    /// Only the name: the rest may be secret.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("MiddlewareSettings")
            .field("name", &self.name)
            .finish_non_exhaustive()
    }
}

/// What stands for [`MiddlewareSettings`] of a server in a schema, until it is known which there are.
pub(super) enum OfServer {}

impl JsonSchema for OfServer {
    fn schema_name() -> std::borrow::Cow<'static, str> {
        "ServerMiddleware".into()
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        json_schema!({ "type": "object", "required": ["name"], "additionalProperties": true })
    }
}

/// The same of a client.
pub(super) enum OfClient {}

impl JsonSchema for OfClient {
    fn schema_name() -> std::borrow::Cow<'static, str> {
        "ClientMiddleware".into()
    }

    fn json_schema(generator: &mut SchemaGenerator) -> Schema {
        OfServer::json_schema(generator)
    }
}

/// The middleware that settings can name: what is shipped, and what a program adds.
///
/// ```
/// use garde::Validate;
/// use schemars::JsonSchema;
/// use serde::Deserialize;
/// use soa::middleware::{ActionStage, Next, from_fn};
/// use soa::settings::{KnownMiddleware, NoSection, Settings};
/// use soa::{ActionCall, Server};
///
/// #[derive(Clone, Deserialize, JsonSchema, Validate)]
/// #[serde(deny_unknown_fields)]
/// struct Audit {
///     /// What each line begins with.
///     #[garde(length(min = 1))]
///     prefix: String,
/// }
///
/// let known = KnownMiddleware::shipped().server("audit", |audit: Audit, server| {
///     Ok(server.action_middleware(from_fn(move |call: ActionCall, next: Next<ActionStage>| {
///         println!("{}{}", audit.prefix, call.action);
///         next.run(call)
///     })))
/// });
/// let settings = Settings::<NoSection>::loader()
///     .middleware(known)
///     .set(r#"server.middleware=[{"name": "audit", "prefix": "> "}, {"name": "logging"}]"#)
///     .load()?;
/// let server = settings.server.apply(Server::untyped("tools", "1.0.0"))?.build()?;
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone)]
pub struct KnownMiddleware {
    server: BTreeMap<String, Kind<ServerBuilder>>,
    client: BTreeMap<String, Kind<ClientBuilder>>,
}

/// A middleware that can be named.
struct Kind<B> {
    schema: fn(&mut SchemaGenerator) -> Schema,
    /// Tells what is wrong with settings that the schema lets through.
    check: fn(Json, &Node, &Path, &mut Vec<Problem>),
    make: Make<B>,
}

impl<B> Clone for Kind<B> {
    fn clone(&self) -> Self {
        Self {
            schema: self.schema,
            check: self.check,
            make: Arc::clone(&self.make),
        }
    }
}

impl<B: 'static> Kind<B> {
    fn new<T, F>(make: F) -> Self
    where
        T: Section,
        F: Fn(T, B) -> Result<B, BoxError> + Send + Sync + 'static,
    {
        Self {
            schema: T::json_schema,
            check: |values, node, path, problems| {
                load::section::<T>(values, node, path, problems);
            },
            make: Arc::new(move |values, builder| {
                let settings = T::deserialize(Json::Object(values.clone()));
                let made = settings
                    .map_err(BoxError::from)
                    .and_then(|settings| make(settings, builder));
                made.map_err(|error| BuildError::new(error.to_string()))
            }),
        }
    }
}

impl KnownMiddleware {
    /// What is shipped: `logging` for servers; `logging`, `result_cache`, `retry` and `circuit_breaker` for clients.
    pub fn shipped() -> Self {
        let nothing = Self {
            server: BTreeMap::new(),
            client: BTreeMap::new(),
        };
        shipped::add(nothing)
    }

    /// Lets settings name this middleware in `server.middleware`. The function gets the settings that stand beside the name,
    /// and adds middleware of any stage, which becomes the outermost.
    #[must_use]
    pub fn server<T, F>(mut self, name: impl Into<String>, add: F) -> Self
    where
        T: Section,
        F: Fn(T, ServerBuilder) -> Result<ServerBuilder, BoxError> + Send + Sync + 'static,
    {
        self.server.insert(name.into(), Kind::new(add));
        self
    }

    /// Lets settings name this middleware in `client_middleware`, and in the `middleware` of a route, in the same way.
    #[must_use]
    pub fn client<T, F>(mut self, name: impl Into<String>, add: F) -> Self
    where
        T: Section,
        F: Fn(T, ClientBuilder) -> Result<ClientBuilder, BoxError> + Send + Sync + 'static,
    {
        self.client.insert(name.into(), Kind::new(add));
        self
    }

    /// What entries of the lists of servers and of clients can be: each with its place in a document of this generator.
    pub(super) fn schemas(&self, generator: &mut SchemaGenerator) -> [(String, Json); 2] {
        let place = |reference: Schema| {
            let reference = reference.get("$ref").and_then(Json::as_str);
            reference
                .unwrap_or_default()
                .trim_start_matches('#')
                .to_owned()
        };
        [
            (
                place(generator.subschema_for::<OfServer>()),
                one_of(&self.server, generator),
            ),
            (
                place(generator.subschema_for::<OfClient>()),
                one_of(&self.client, generator),
            ),
        ]
    }

    /// Finds what the entries of all lists name, and tells what is wrong with their settings that their schemas let
    /// through.
    pub(super) fn bind(
        &self,
        server: &mut [MiddlewareSettings],
        client: &mut [MiddlewareSettings],
        routes: &mut BTreeMap<String, RouteSettings>,
        tree: &Node,
        problems: &mut Vec<Problem>,
    ) {
        let path = Path::root().key("server").key("middleware");
        let node = tree.nearest(["server", "middleware"]);
        bind(&self.server, server, node, &path, Made::OfServer, problems);
        let path = Path::root().key("client_middleware");
        let node = tree.nearest(["client_middleware"]);
        bind(&self.client, client, node, &path, Made::OfClient, problems);
        for (service, route) in routes {
            let keys = ["client_routing", service, "middleware"];
            let path = keys.iter().fold(Path::root(), |path, key| path.key(key));
            let node = tree.nearest(keys);
            let made = Made::OfClient;
            let entries = &mut route.middleware;
            bind(&self.client, entries, node, &path, made, problems);
        }
    }
}

impl fmt::Debug for KnownMiddleware {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("KnownMiddleware")
            .field("server", &self.server.keys())
            .field("client", &self.client.keys())
            .finish()
    }
}

/// Any of these, told apart by its name.
fn one_of<B>(kinds: &BTreeMap<String, Kind<B>>, generator: &mut SchemaGenerator) -> Json {
    let options = kinds.iter().map(|(name, kind)| {
        let mut schema = (kind.schema)(generator).to_value();
        let name = json!({ "const": name, "description": "Which middleware it is." });
        let own = schema.get_mut("properties").and_then(Json::as_object_mut);
        let own = own.map(std::mem::take).unwrap_or_default();
        let fields = std::iter::once(("name".to_owned(), name));
        let fields = fields.chain(own.into_iter().filter(|(key, _)| key != "name"));
        let required = schema.get("required").and_then(Json::as_array);
        let own = required.into_iter().flatten().filter_map(Json::as_str);
        let required = std::iter::once("name").chain(own.filter(|key| *key != "name"));
        let required: Json = required.collect();
        let fields: Map<String, Json> = fields.collect();
        if let Json::Object(schema) = &mut schema {
            schema.insert("properties".to_owned(), fields.into());
            schema.insert("required".to_owned(), required);
        }
        schema
    });
    json!({ "oneOf": options.collect::<Vec<_>>() })
}

fn bind<B>(
    kinds: &BTreeMap<String, Kind<B>>,
    entries: &mut [MiddlewareSettings],
    list: &Node,
    path: &Path,
    made: fn(Make<B>) -> Made,
    problems: &mut Vec<Problem>,
) {
    for (index, entry) in entries.iter_mut().enumerate() {
        // That nothing is known by a name was told before.
        let Some(kind) = kinds.get(&entry.name) else {
            continue;
        };
        let node = list.nearest([&*index.to_string()]);
        let values = Json::Object(entry.values.clone());
        (kind.check)(values, node, &path.index(index), problems);
        entry.made = Some(made(Arc::clone(&kind.make)));
    }
}
