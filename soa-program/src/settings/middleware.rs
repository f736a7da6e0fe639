//! Middleware in settings: lists of entries with a name, and settings that depend on the name.
//!
//! ```toml
//! [server]
//! middleware = [{ name = "logging", error_level = "warn" }, { name = "audit", file = "audit.log" }]
//! ```
//!
//! [`KnownMiddleware`] has the names, each with the type of its settings and the function that adds the middleware to a
//! server or client. When settings are loaded, each entry is checked against the type of its name, and bound: the entry
//! keeps the function. Servers and clients call it when they are built.

use std::collections::BTreeMap;
use std::fmt;
use std::sync::Arc;

use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::Deserialize;
use serde_json::{Map, Value as Json, json};
use soa_runtime::BuildError;
use soa_runtime::client::ClientBuilder;
use soa_runtime::server::ServerBuilder;

use super::decode;
use super::error::Problem;
use super::path::Path;
use super::section::Section;
use super::tree::Node;

/// Any error of a function that adds middleware.
type BoxError = Box<dyn std::error::Error + Send + Sync>;

/// An entry of a list of middleware: a name, and the settings of the middleware beside it.
///
/// ```
/// use soa::settings::{NoSection, Settings};
///
/// let settings = Settings::<NoSection>::loader()
///     .defaults(r#"server.middleware = [{ name = "logging", bodies = false }]"#)
///     .load()?;
/// assert_eq!(settings.server.middleware[0].name, "logging");
/// # Ok::<(), soa::settings::SettingsError>(())
/// ```
#[derive(Clone, Deserialize)]
#[non_exhaustive]
pub struct MiddlewareSettings {
    /// Name of the middleware: `logging`, or one that the program has added.
    pub name: String,
    #[serde(flatten)]
    values: Map<String, Json>,
    /// The function that adds the middleware; `None` until the entry is bound.
    #[serde(skip)]
    bound: Option<Bound>,
}

#[derive(Clone)]
enum Bound {
    Server(Add<ServerBuilder>),
    Client(Add<ClientBuilder>),
}

/// Adds a middleware with these settings to a builder.
type Add<B> = Arc<dyn Fn(&Map<String, Json>, B) -> Result<B, BuildError> + Send + Sync>;

impl MiddlewareSettings {
    /// Adds this middleware to a server, around all that it has.
    pub(super) fn around_server(&self, server: ServerBuilder) -> Result<ServerBuilder, BuildError> {
        match &self.bound {
            Some(Bound::Server(add)) => add(&self.values, server),
            _ => Err(self.unknown()),
        }
    }

    /// Adds this middleware to a client, inside of all that it has.
    pub(super) fn in_client(&self, client: ClientBuilder) -> Result<ClientBuilder, BuildError> {
        match &self.bound {
            Some(Bound::Client(add)) => add(&self.values, client),
            _ => Err(self.unknown()),
        }
    }

    /// The error for settings that were not loaded by a [`Loader`](super::Loader).
    fn unknown(&self) -> BuildError {
        BuildError::new(format!("unknown middleware `{}`", self.name))
    }
}

impl fmt::Debug for MiddlewareSettings {
    /// Shows only the name, because the settings may contain secrets.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("MiddlewareSettings")
            .field("name", &self.name)
            .finish_non_exhaustive()
    }
}

/// Placeholder in the schema for entries of a server's list. [`KnownMiddleware::schemas`] replaces it.
pub(super) enum ServerMiddlewareSchema {}

impl JsonSchema for ServerMiddlewareSchema {
    fn schema_name() -> std::borrow::Cow<'static, str> {
        "ServerMiddleware".into()
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        json_schema!({ "type": "object", "required": ["name"], "additionalProperties": true })
    }
}

/// Placeholder in the schema for entries of a client's list. [`KnownMiddleware::schemas`] replaces it.
pub(super) enum ClientMiddlewareSchema {}

impl JsonSchema for ClientMiddlewareSchema {
    fn schema_name() -> std::borrow::Cow<'static, str> {
        "ClientMiddleware".into()
    }

    fn json_schema(generator: &mut SchemaGenerator) -> Schema {
        ServerMiddlewareSchema::json_schema(generator)
    }
}

/// The middleware that settings can name: the shipped one, and that of the program.
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
///     /// First characters of each line.
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
    server: BTreeMap<String, Definition<ServerBuilder>>,
    client: BTreeMap<String, Definition<ClientBuilder>>,
}

/// A middleware that can be named.
struct Definition<B> {
    schema: fn(&mut SchemaGenerator) -> Schema,
    /// Reports mistakes in settings that the schema accepts.
    check: fn(Json, &Node, &Path, &mut Vec<Problem>),
    add: Add<B>,
}

impl<B> Clone for Definition<B> {
    fn clone(&self) -> Self {
        Self {
            schema: self.schema,
            check: self.check,
            add: Arc::clone(&self.add),
        }
    }
}

impl<B: 'static> Definition<B> {
    fn new<T, F>(add: F) -> Self
    where
        T: Section,
        F: Fn(T, B) -> Result<B, BoxError> + Send + Sync + 'static,
    {
        Self {
            schema: T::json_schema,
            check: |values, node, path, problems| {
                decode::section::<T>(values, node, path, problems);
            },
            add: Arc::new(move |values, builder| {
                let settings = T::deserialize(Json::Object(values.clone()));
                let added = settings
                    .map_err(BoxError::from)
                    .and_then(|settings| add(settings, builder));
                added.map_err(|error| BuildError::new(error.to_string()))
            }),
        }
    }
}

impl KnownMiddleware {
    /// No middleware at all.
    pub(super) fn none() -> Self {
        Self {
            server: BTreeMap::new(),
            client: BTreeMap::new(),
        }
    }

    /// Adds a middleware for `server.middleware`. The function receives the settings beside the name, and adds middleware
    /// of any stage to the server. It becomes the outermost.
    #[must_use]
    pub fn server<T, F>(mut self, name: impl Into<String>, add: F) -> Self
    where
        T: Section,
        F: Fn(T, ServerBuilder) -> Result<ServerBuilder, BoxError> + Send + Sync + 'static,
    {
        self.server.insert(name.into(), Definition::new(add));
        self
    }

    /// Adds a middleware for `client_middleware` and for the `middleware` of a route. The function receives the settings
    /// beside the name, and adds middleware to the client.
    ///
    /// ```
    /// use garde::Validate;
    /// use schemars::JsonSchema;
    /// use serde::Deserialize;
    /// use soa::client::ClientRequest;
    /// use soa::middleware::{ClientStage, Next, from_fn};
    /// use soa::settings::{KnownMiddleware, NoSection, Settings};
    ///
    /// #[derive(Deserialize, JsonSchema, Validate)]
    /// #[serde(deny_unknown_fields)]
    /// struct Trace {
    ///     /// First word of each line.
    ///     #[garde(skip)]
    ///     word: String,
    /// }
    ///
    /// let known = KnownMiddleware::shipped().client("trace", |trace: Trace, client| {
    ///     Ok(client.middleware(from_fn(move |call: ClientRequest, next: Next<ClientStage>| {
    ///         println!("{} {}", trace.word, call.service);
    ///         next.run(call)
    ///     })))
    /// });
    /// let settings = Settings::<NoSection>::loader()
    ///     .middleware(known)
    ///     .defaults(r#"client_middleware = [{ name = "trace", word = "call" }]"#)
    ///     .load()?;
    /// let client = settings.client()?.build()?;
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    #[must_use]
    pub fn client<T, F>(mut self, name: impl Into<String>, add: F) -> Self
    where
        T: Section,
        F: Fn(T, ClientBuilder) -> Result<ClientBuilder, BoxError> + Send + Sync + 'static,
    {
        self.client.insert(name.into(), Definition::new(add));
        self
    }

    /// The schemas of entries for servers and for clients, each with its place in a document of this generator.
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
                place(generator.subschema_for::<ServerMiddlewareSchema>()),
                one_of(&self.server, generator),
            ),
            (
                place(generator.subschema_for::<ClientMiddlewareSchema>()),
                one_of(&self.client, generator),
            ),
        ]
    }

    /// Binds the entries of `server.middleware`, and reports mistakes that their schemas accept.
    pub(super) fn bind_server(
        &self,
        entries: &mut [MiddlewareSettings],
        tree: &Node,
        problems: &mut Vec<Problem>,
    ) {
        let keys = ["server", "middleware"];
        bind(&self.server, &keys, entries, tree, Bound::Server, problems);
    }

    /// Binds the entries of a client's list, which is at these keys, and reports mistakes that their schemas accept.
    pub(super) fn bind_client(
        &self,
        keys: &[&str],
        entries: &mut [MiddlewareSettings],
        tree: &Node,
        problems: &mut Vec<Problem>,
    ) {
        bind(&self.client, keys, entries, tree, Bound::Client, problems);
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

/// A schema that accepts each of these, tagged by `name`.
fn one_of<B>(
    definitions: &BTreeMap<String, Definition<B>>,
    generator: &mut SchemaGenerator,
) -> Json {
    let options = definitions.iter().map(|(name, definition)| {
        let mut schema = (definition.schema)(generator).to_value();
        let name = json!({ "const": name, "description": "Name of the middleware." });
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
    definitions: &BTreeMap<String, Definition<B>>,
    keys: &[&str],
    entries: &mut [MiddlewareSettings],
    tree: &Node,
    bound: fn(Add<B>) -> Bound,
    problems: &mut Vec<Problem>,
) {
    let path = keys.iter().fold(Path::root(), |path, key| path.key(key));
    let list = tree.nearest(keys.iter().copied());
    for (index, entry) in entries.iter_mut().enumerate() {
        // The check against the schema has reported unknown names.
        let Some(definition) = definitions.get(&entry.name) else {
            continue;
        };
        let node = list.nearest([&*index.to_string()]);
        let values = Json::Object(entry.values.clone());
        (definition.check)(values, node, &path.index(index), problems);
        entry.bound = Some(bound(Arc::clone(&definition.add)));
    }
}
