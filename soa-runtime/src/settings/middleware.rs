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
use serde_json::{Map, Value as Json};

use super::error::Problem;
use super::load::undecodable;
use super::path::Path;
use super::shape::Shape;
use super::tree::{Data, Node};
use super::{RouteSettings, Section, check, shipped, suggest};
use crate::client::ClientBuilder;
use crate::error::BuildError;
use crate::server::ServerBuilder;

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

impl JsonSchema for MiddlewareSettings {
    fn schema_name() -> std::borrow::Cow<'static, str> {
        "MiddlewareSettings".into()
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        json_schema!({
            "type": "object",
            "properties": {
                "name": { "type": "string", "description": "Which middleware it is. Its own settings stand beside." }
            },
            "required": ["name"],
            "additionalProperties": true,
        })
    }
}

/// The middleware that settings can name: what is shipped, and what a program adds.
///
/// ```
/// # use soa_runtime as soa;
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
    schema: Arc<Json>,
    /// What is wrong with settings that the schema lets through.
    check: fn(&Json, &Node) -> Vec<Problem>,
    make: Make<B>,
}

impl<B> Clone for Kind<B> {
    fn clone(&self) -> Self {
        Self {
            schema: Arc::clone(&self.schema),
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
        let generator = schemars::generate::SchemaSettings::draft2020_12().into_generator();
        Self {
            schema: Arc::new(generator.into_root_schema_for::<T>().to_value()),
            check: |values, node| match serde_path_to_error::deserialize::<_, T>(values.clone()) {
                Ok(settings) => super::load::broken_rules(&settings, node),
                Err(error) => vec![undecodable(node, &error)],
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

    /// Finds what the entries of all lists name, and gives all that is wrong with their settings, and names that nobody
    /// knows.
    pub(super) fn bind(
        &self,
        server: &mut [MiddlewareSettings],
        client: &mut [MiddlewareSettings],
        routes: &mut BTreeMap<String, RouteSettings>,
        tree: &Node,
    ) -> Vec<Problem> {
        let mut problems = Vec::new();
        let path = Path::root().key("server").key("middleware");
        let node = tree.nearest(["server", "middleware"]);
        bind(
            &self.server,
            server,
            node,
            &path,
            Made::OfServer,
            &mut problems,
        );
        let path = Path::root().key("client_middleware");
        let node = tree.nearest(["client_middleware"]);
        bind(
            &self.client,
            client,
            node,
            &path,
            Made::OfClient,
            &mut problems,
        );
        for (service, route) in routes {
            let keys = ["client_routing", service, "middleware"];
            let path = keys.iter().fold(Path::root(), |path, key| path.key(key));
            let node = tree.nearest(keys);
            let made = Made::OfClient;
            let entries = &mut route.middleware;
            bind(&self.client, entries, node, &path, made, &mut problems);
        }
        problems
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

fn bind<B>(
    kinds: &BTreeMap<String, Kind<B>>,
    entries: &mut [MiddlewareSettings],
    list: &Node,
    path: &Path,
    made: fn(Make<B>) -> Made,
    problems: &mut Vec<Problem>,
) {
    for (index, entry) in entries.iter_mut().enumerate() {
        let path = path.index(index);
        let node = list.nearest([&*index.to_string()]);
        let Some(kind) = kinds.get(&entry.name) else {
            let names = || kinds.keys().map(String::as_str);
            let advice = suggest::name(&entry.name, names());
            let message = format!("there is no middleware `{}` here{advice}", entry.name);
            let name = node.nearest(["name"]);
            problems.push(Problem::at(
                &name.origin,
                path.key("name").to_string(),
                message,
            ));
            continue;
        };
        let mut own = node.clone();
        if let Data::Table(values) = &mut own.data {
            values.remove("name");
        }
        match check::check_at(&own, Shape::root(&kind.schema), &path) {
            Ok(values) => {
                let wrong = (kind.check)(&values, &own);
                problems.extend(wrong.into_iter().map(|problem| problem.within(&path)));
                if let Json::Object(values) = values {
                    entry.values = values;
                }
            }
            Err(wrong) => problems.extend(wrong),
        }
        entry.made = Some(made(Arc::clone(&kind.make)));
    }
}
