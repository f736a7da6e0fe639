//! The loader: reads all sources, merges them, checks the result and deserializes it.

use std::marker::PhantomData;
use std::path::PathBuf;

use serde_json::{Value as Json, json};
use soa_redis::RedisSettings;
use soa_runtime::client::Expansions;

use super::error::{Problem, SettingsError};
use super::middleware::KnownMiddleware;
use super::path::Path;
use super::root::Settings;
use super::section::Section;
use super::shape::{Shape, ShapeKind};
use super::suggestion::advice_for_name;
use super::tree::{Data, Node, Origin};
use super::variable::{self, Variable};
use super::{check, decode, file, print, reference};

/// Loads [`Settings`] from the sources that it is given, and from no others.
///
/// From the weakest to the strongest: the defaults of the program, files in their order, variables of the environment,
/// and single keys.
///
/// ```
/// use soa::settings::{NoSection, Settings};
///
/// let loader = Settings::<NoSection>::loader()
///     .defaults("[server]\nconcurrency = 64\nworkers = 2")
///     .variables([("SOA__SERVER__CONCURRENCY", "16")])
///     .set("server.shutdown_grace=1m");
/// let settings = loader.load()?;
/// assert_eq!(settings.server.concurrency, Some(16));
/// assert_eq!(settings.server.workers, 2);
/// assert_eq!(settings.server.shutdown_grace.to_string(), "1m");
/// # Ok::<(), soa::settings::SettingsError>(())
/// ```
#[derive(Debug)]
#[must_use = "a loader does nothing until `load` is called"]
pub struct Loader<S> {
    defaults: Option<String>,
    files: Vec<PathBuf>,
    variables: Vec<Variable>,
    /// Flags, each with its assignment.
    assignments: Vec<(String, String)>,
    nodes: Vec<(Vec<String>, Node)>,
    known: KnownMiddleware,
    /// True if only the connections to other programs count.
    is_of_connections: bool,
    section: PhantomData<fn() -> S>,
}

/// The schema of the settings of a program that knows this middleware.
fn schema<S: Section>(known: &KnownMiddleware) -> Json {
    let mut generator = schemars::generate::SchemaSettings::draft2020_12().into_generator();
    let lists = known.schemas(&mut generator);
    let mut schema = generator.into_root_schema_for::<Settings<S>>().to_value();
    for (place, options) in lists {
        if let Some(place) = schema.pointer_mut(&place) {
            *place = options;
        }
    }
    let needs_nothing = match Shape::root(&schema)
        .get("service")
        .map(|shape| shape.kind())
    {
        Some(ShapeKind::Table(table)) => !table.fields.iter().any(|(name, _)| table.requires(name)),
        _ => true,
    };
    remove_examples(&mut schema);
    if let Json::Object(object) = &mut schema {
        object.insert("title".to_owned(), "Settings".into());
        // A section without required keys may be absent.
        let required = if needs_nothing {
            json!([])
        } else {
            json!(["service"])
        };
        object.insert("required".to_owned(), required);
    }
    schema
}

/// Cuts descriptions at their first code block: examples of the Rust types are of no use to operators.
fn remove_examples(schema: &mut Json) {
    match schema {
        Json::Object(object) => {
            if let Some(Json::String(description)) = object.get_mut("description")
                && let Some(start) = description.find("```")
            {
                description.truncate(start);
                description.truncate(description.trim_end().len());
            }
            object.values_mut().for_each(remove_examples);
        }
        Json::Array(items) => items.iter_mut().for_each(remove_examples),
        _ => {}
    }
}

impl<S: Section> Settings<S> {
    /// Makes a loader without sources.
    pub fn loader() -> Loader<S> {
        Loader {
            defaults: None,
            files: Vec::new(),
            variables: Vec::new(),
            assignments: Vec::new(),
            nodes: Vec::new(),
            known: KnownMiddleware::shipped(),
            is_of_connections: false,
            section: PhantomData,
        }
    }

    /// Returns the JSON Schema of the settings as text, for editors. A program with middleware of its own calls
    /// [`Loader::schema`] instead.
    pub fn schema() -> String {
        Self::loader().schema()
    }

    /// Returns a page in Markdown with every key, its type, unit and default. A program with middleware of its own calls
    /// [`Loader::reference`] instead.
    pub fn reference() -> String {
        Self::loader().reference()
    }
}

impl<S: Section> Loader<S> {
    /// Sets the defaults of the program, in TOML. Every other source is stronger.
    pub fn defaults(mut self, toml: impl Into<String>) -> Self {
        self.defaults = Some(toml.into());
        self
    }

    /// Sets the middleware that settings can name; by default [`KnownMiddleware::shipped`].
    pub fn middleware(mut self, known: KnownMiddleware) -> Self {
        self.known = known;
        self
    }

    /// Adds a file: TOML, YAML (`.yaml`, `.yml`) or JSON, by its extension. Later files are stronger.
    pub fn file(mut self, path: impl Into<PathBuf>) -> Self {
        self.files.push(path.into());
        self
    }

    /// Adds the variables of the environment whose names begin with `SOA__`: `SOA__SERVER__CONCURRENCY` sets
    /// `server.concurrency`.
    pub fn environment(self) -> Self {
        self.variables(std::env::vars_os())
    }

    /// Adds variables, in place of those of the process that [`environment`](Self::environment) adds.
    pub fn variables<N, V>(mut self, variables: impl IntoIterator<Item = (N, V)>) -> Self
    where
        N: Into<std::ffi::OsString>,
        V: Into<std::ffi::OsString>,
    {
        let variables = variables.into_iter();
        self.variables
            .extend(variables.map(|(name, value)| (name.into(), value.into())));
        self
    }

    /// Sets one key: `server.concurrency=8`. A key that contains a dot is in double quotes.
    pub fn set(self, assignment: impl Into<String>) -> Self {
        self.flag("--set", assignment)
    }

    /// Sets one key for a flag of the command line, which is named in errors.
    pub(crate) fn flag(mut self, flag: &str, assignment: impl Into<String>) -> Self {
        self.assignments.push((flag.to_owned(), assignment.into()));
        self
    }

    /// Sets the server's Redis to an address. The timeouts and sizes of its settings stay as they are.
    #[doc(hidden)]
    pub fn redis(mut self, flag: &str, address: &RedisSettings) -> Self {
        let keys = ["server", "transport", "redis"].map(str::to_owned);
        let origin = Origin::Flag(flag.into());
        let data = Data::from_json(address.address_keys(), &origin);
        self.nodes.push((keys.to_vec(), Node { origin, data }));
        self
    }

    /// Takes `server.transport` alone from all sources: for programs that read the settings of a service which they do not
    /// know.
    #[doc(hidden)]
    pub fn only_connections(mut self) -> Self {
        self.is_of_connections = true;
        self
    }

    /// Loads the settings.
    ///
    /// # Errors
    /// All mistakes of all sources at once.
    pub fn load(self) -> Result<Settings<S>, SettingsError> {
        self.read().map(|(settings, _)| settings)
    }

    /// Loads the settings, and returns them as text: one key a line in TOML, each with its origin. Secrets are redacted.
    ///
    /// ```
    /// use soa::settings::{NoSection, Settings};
    ///
    /// let text = Settings::<NoSection>::loader().set("server.workers=2").print()?;
    /// let line = text.lines().find(|line| line.starts_with("server.workers")).ok_or("no line")?;
    /// assert!(line.starts_with("server.workers = 2 ") && line.ends_with("# --set"));
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    ///
    /// # Errors
    /// Those of [`load`](Self::load).
    pub fn print(self) -> Result<String, SettingsError> {
        let schema = schema::<S>(&self.known);
        let (_, tree) = self.read()?;
        Ok(print::effective(&tree, Shape::root(&schema)))
    }

    /// Returns the JSON Schema of the settings as text, for editors.
    pub fn schema(&self) -> String {
        format!("{:#}", schema::<S>(&self.known))
    }

    /// Returns a page in Markdown with every key, its type, unit and default.
    pub fn reference(&self) -> String {
        reference::page(&schema::<S>(&self.known))
    }

    fn read(self) -> Result<(Settings<S>, Node), SettingsError> {
        let schema = schema::<S>(&self.known);
        let root = Shape::root(&schema);
        let known = self.known.clone();
        let (tree, mut problems) = self.tree(root)?;
        let (mut plain, differences) = check::check(&tree, root);
        problems.extend(differences);
        let section_values = plain.get_mut("service").map(Json::take);
        let mut frame = decode::deserialize(plain, &tree, &Path::root(), &mut problems);
        if let Some(frame) = &mut frame {
            check_expansions(frame, &tree, &mut problems);
            bind_middleware(&known, frame, &tree, &mut problems);
            let server = tree.get("server");
            let transport = server.and_then(|server| server.get("transport"));
            frame.server.has_transport = transport.is_some();
            for (service, route) in &mut frame.client_routing {
                let node = tree
                    .get("client_routing")
                    .and_then(|node| node.get(service));
                route.is_spelled_by_variable = node.is_some_and(variable::is_only_of_variables);
            }
        }
        let path = Path::root().key("service");
        let node = tree.nearest(["service"]);
        let section_values = section_values.unwrap_or_default();
        let service = decode::section(section_values, node, &path, &mut problems);
        match (frame, service) {
            (Some(frame), Some(service)) if problems.is_empty() => {
                Ok((frame.with_section(service), tree))
            }
            _ => Err(SettingsError::new(problems)),
        }
    }

    /// Reads and merges all sources.
    ///
    /// # Errors
    /// A file cannot be read or parsed.
    fn tree(self, root: Shape<'_>) -> Result<(Node, Vec<Problem>), SettingsError> {
        let mut problems = Vec::new();
        let mut tree = Node::table(Origin::Nowhere);
        let defaults = self.defaults.iter();
        let sources = defaults
            .map(|text| file::read_toml("the program's defaults", text))
            .chain(self.files.iter().map(|path| file::read(path)));
        for source in sources {
            match source {
                Ok(source) if self.is_of_connections => {
                    if let Some(transport) = source.get("server").and_then(|it| it.get("transport"))
                    {
                        let keys = ["server", "transport"].map(str::to_owned);
                        tree.insert(&keys, transport.clone(), Some(root));
                    }
                }
                Ok(source) => tree.merge(source, Some(root)),
                Err(problem) => problems.push(problem),
            }
        }
        // The check would report keys as missing that are in the unreadable file.
        if !problems.is_empty() {
            return Err(SettingsError::new(problems));
        }
        let mut flags = self.nodes;
        let mut mistakes = Vec::new();
        for (flag, assignment) in &self.assignments {
            match variable::read_flag(flag, assignment, root) {
                Ok(assigned) => flags.push(assigned),
                Err(problem) => mistakes.push(problem),
            }
        }
        // A variable can spell the name of a service only roughly, so the names in all other sources are looked at.
        let mut others = tree.clone();
        for (keys, node) in &flags {
            others.insert(keys, node.clone(), Some(root));
        }
        let variables = variable::read(self.variables, root, &others, &mut problems);
        problems.append(&mut mistakes);
        tree.merge(variables, Some(root));
        for (keys, node) in flags {
            tree.insert(&keys, node, Some(root));
        }
        tree.remove_nulls(Some(root));
        if tree.get("service").is_none() {
            let path = ["service".to_owned()];
            tree.insert(&path, Node::table(Origin::Nowhere), Some(root));
        }
        Ok((tree, problems))
    }
}

/// Reports mistakes of expansions, whose keys refer to each other.
fn check_expansions(settings: &Settings<Json>, tree: &Node, problems: &mut Vec<Problem>) {
    // A route with a mistake was removed, so that references to it would be reported as well.
    let is_about_expansions = |problem: &Problem| {
        let key = problem.key().unwrap_or_default();
        key.starts_with("expansions")
    };
    if !problems.iter().any(is_about_expansions) {
        problems.extend(mistakes_of(&settings.expansions, tree));
    }
}

fn mistakes_of(expansions: &Expansions, tree: &Node) -> Vec<Problem> {
    let mistakes = expansions.mistakes().into_iter();
    let problems = mistakes.map(|mistake| {
        let keys = || std::iter::once("expansions").chain(mistake.path.iter().copied());
        let path = keys().fold(Path::root(), |path, key| path.key(key));
        let advice = match mistake.meant {
            Some((given, known)) => advice_for_name(given, known.into_iter().map(String::as_str)),
            None => String::new(),
        };
        let node = tree.nearest(keys());
        let message = format!("{}{advice}", mistake.message);
        Problem::at(&node.origin, path.to_string(), message)
    });
    problems.collect()
}

/// Binds the entries of all lists of middleware to the middleware that they name.
fn bind_middleware(
    known: &KnownMiddleware,
    settings: &mut Settings<Json>,
    tree: &Node,
    problems: &mut Vec<Problem>,
) {
    known.bind_server(&mut settings.server.middleware, tree, problems);
    let keys = ["client_middleware"];
    known.bind_client(&keys, &mut settings.client_middleware, tree, problems);
    for (service, route) in &mut settings.client_routing {
        let keys = ["client_routing", service, "middleware"];
        known.bind_client(&keys, &mut route.middleware, tree, problems);
    }
}
