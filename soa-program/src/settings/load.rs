//! From the sources to the types: what is read, laid over each other, checked and decoded.

use std::marker::PhantomData;
use std::path::PathBuf;

use serde::de::DeserializeOwned;
use serde_json::{Value as Json, json};
use serde_path_to_error::Segment;

use super::error::{Problem, SettingsError};
use super::path::Path;
use super::shape::Shape;
use super::tree::{Node, Origin};
use super::variables::{self, Variable};
use super::{KnownMiddleware, Section, Settings, check, file, print, reference, suggest};
use soa_runtime::client::Expansions;
use soa_runtime::transport::RedisSettings;

/// Reads [`Settings`] from what it is told, and from nothing else. What is weaker comes first: the program's defaults,
/// files in their order, variables of the environment, and keys that are set one by one.
#[derive(Debug)]
#[must_use = "it reads when `load` is called"]
pub struct Loader<S> {
    defaults: Option<String>,
    files: Vec<PathBuf>,
    variables: Vec<Variable>,
    /// The flag, and the assignment behind it.
    assignments: Vec<(String, String)>,
    nodes: Vec<(Vec<String>, Node)>,
    known: KnownMiddleware,
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
        Some(super::shape::Kind::Table(table)) => {
            !table.fields.iter().any(|(name, _)| table.requires(name))
        }
        _ => true,
    };
    if let Json::Object(object) = &mut schema {
        object.insert("title".to_owned(), "Settings".into());
        // A section is there, empty, when nobody writes it.
        let required = if needs_nothing {
            json!([])
        } else {
            json!(["service"])
        };
        object.insert("required".to_owned(), required);
    }
    schema
}

impl<S: Section> Loader<S> {
    pub(super) fn new() -> Self {
        Self {
            defaults: None,
            files: Vec::new(),
            variables: Vec::new(),
            assignments: Vec::new(),
            nodes: Vec::new(),
            known: KnownMiddleware::shipped(),
            section: PhantomData,
        }
    }

    /// What this program has in place of the defaults, as TOML. Everything else is stronger.
    pub fn defaults(mut self, toml: impl Into<String>) -> Self {
        self.defaults = Some(toml.into());
        self
    }

    /// What middleware settings can name, in place of what is shipped alone.
    pub fn middleware(mut self, known: KnownMiddleware) -> Self {
        self.known = known;
        self
    }

    /// Reads a file: TOML, YAML (`.yaml`, `.yml`) or JSON, by its extension. Later files are stronger.
    pub fn file(mut self, path: impl Into<PathBuf>) -> Self {
        self.files.push(path.into());
        self
    }

    /// Reads the variables of the environment whose names begin with `SOA__`: `SOA__SERVER__CONCURRENCY` sets
    /// `server.concurrency`.
    pub fn environment(self) -> Self {
        self.variables(std::env::vars_os())
    }

    /// Reads variables, as [`environment`](Self::environment) does with those of the process.
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

    /// Sets one key: `server.concurrency=8`. Keys with dots in them stand in double quotes.
    pub fn set(self, assignment: impl Into<String>) -> Self {
        self.flag("--set", assignment)
    }

    /// Sets one key, as a flag of the command line does.
    pub(crate) fn flag(mut self, flag: &str, assignment: impl Into<String>) -> Self {
        self.assignments.push((flag.to_owned(), assignment.into()));
        self
    }

    /// Takes the server's Redis from an address, and leaves the times and sizes of its settings as they are.
    pub(crate) fn redis(mut self, flag: &str, address: &RedisSettings) -> Self {
        let keys = ["server", "transport", "redis"].map(str::to_owned);
        let origin = Origin::Flag(flag.into());
        let data = variables::data_of(address.address_keys(), &origin);
        self.nodes.push((keys.to_vec(), Node { origin, data }));
        self
    }

    /// Reads everything.
    ///
    /// # Errors
    /// All that is wrong, of all sources at once.
    pub fn load(self) -> Result<Settings<S>, SettingsError> {
        self.read().map(|(settings, _)| settings)
    }

    /// The settings that result, one key a line in TOML, each with where it comes from. Secrets are not shown.
    ///
    /// # Errors
    /// As [`load`](Self::load).
    pub fn print(self) -> Result<String, SettingsError> {
        let schema = schema::<S>(&self.known);
        let (_, tree) = self.read()?;
        Ok(print::effective(&tree, Shape::root(&schema)))
    }

    /// The JSON Schema of what can be read, as text: for editors.
    pub fn schema(&self) -> String {
        format!("{:#}", schema::<S>(&self.known))
    }

    /// A page in Markdown with every key, its type, unit and default.
    pub fn reference(&self) -> String {
        reference::page(&schema::<S>(&self.known))
    }

    fn read(self) -> Result<(Settings<S>, Node), SettingsError> {
        let schema = schema::<S>(&self.known);
        let root = Shape::root(&schema);
        let known = self.known.clone();
        let (tree, mut problems) = self.tree(root)?;
        let (mut plain, unlike) = check::check(&tree, root);
        problems.extend(unlike);
        let of_service = plain.get_mut("service").map(Json::take);
        let mut frame = read_into(plain, &tree, &Path::root(), &mut problems);
        if let Some(Settings::<Json> {
            server,
            client_routing,
            client_middleware,
            expansions,
            ..
        }) = &mut frame
        {
            let is_about_them = |problem: &Problem| {
                let key = problem.key().unwrap_or_default();
                key.starts_with("expansions")
            };
            // A route with a mistake is not there.
            if !problems.iter().any(is_about_them) {
                problems.extend(mistaken(expansions, &tree));
            }
            let (server, client) = (&mut server.middleware, client_middleware);
            known.bind(server, client, client_routing, &tree, &mut problems);
        }
        let path = Path::root().key("service");
        let node = tree.nearest(["service"]);
        let of_service = of_service.unwrap_or_default();
        let service = section(of_service, node, &path, &mut problems);
        match (frame, service) {
            (Some(frame), Some(service)) if problems.is_empty() => {
                Ok((frame.with_section(service), tree))
            }
            _ => Err(SettingsError::new(problems)),
        }
    }

    /// All sources, laid over each other.
    ///
    /// # Errors
    /// Files that cannot be read: nobody knows what they say.
    fn tree(self, root: Shape<'_>) -> Result<(Node, Vec<Problem>), SettingsError> {
        let mut problems = Vec::new();
        let mut tree = Node::table(Origin::Nowhere);
        let defaults = self.defaults.iter();
        let sources = defaults
            .map(|text| file::read_toml("the program's defaults", text))
            .chain(self.files.iter().map(|path| file::read(path)));
        for source in sources {
            match source {
                Ok(source) => tree.lay(source, Some(root)),
                Err(problem) => problems.push(problem),
            }
        }
        if !problems.is_empty() {
            return Err(SettingsError::new(problems));
        }
        let variables = variables::read(self.variables, root, &tree, &mut problems);
        tree.lay(variables, Some(root));
        for (keys, node) in self.nodes {
            tree.insert(&keys, node, Some(root));
        }
        for (flag, assignment) in &self.assignments {
            match variables::read_flag(flag, assignment, root) {
                Ok((keys, node)) => tree.insert(&keys, node, Some(root)),
                Err(problem) => problems.push(problem),
            }
        }
        tree.without_nulls(Some(root));
        if tree.get("service").is_none() {
            let path = ["service".to_owned()];
            tree.insert(&path, Node::table(Origin::Nowhere), Some(root));
        }
        Ok((tree, problems))
    }
}

/// Reads the settings of a service or of a middleware, which stand at this path, and tells the rules that they break.
pub(super) fn section<S: Section>(
    values: Json,
    node: &Node,
    path: &Path,
    problems: &mut Vec<Problem>,
) -> Option<S> {
    let section: S = read_into(values, node, path, problems)?;
    for problem in broken_rules(&section, node) {
        tell(problem.within(path), problems);
    }
    Some(section)
}

/// Reads values into their types, and tells what these refuse that the schema lets through: texts with a form, keys that
/// must fit together. Such a value is taken away, so that it hides nothing that is wrong beside it.
fn read_into<T: DeserializeOwned>(
    mut values: Json,
    node: &Node,
    path: &Path,
    problems: &mut Vec<Problem>,
) -> Option<T> {
    loop {
        let error = match serde_path_to_error::deserialize(values.clone()) {
            Ok(read) => return Some(read),
            Err(error) => error,
        };
        let mut path = path.clone();
        let mut keys = Vec::new();
        for segment in error.path() {
            match segment {
                Segment::Seq { index } => {
                    path = path.index(*index);
                    keys.push(index.to_string());
                }
                Segment::Map { key } | Segment::Enum { variant: key } => {
                    path = path.key(key);
                    keys.push(key.clone());
                }
                Segment::Unknown => {}
            }
        }
        let origin = &node.nearest(keys.iter().map(String::as_str)).origin;
        let message = error.inner().to_string();
        tell(Problem::at(origin, path.to_string(), message), problems);
        if !take_away(&mut values, &keys) {
            return None;
        }
    }
}

/// Takes away what stands at these keys; the list that it stands in, as the others would change places; or the table that
/// cannot be without it, which is what an error is about the next time.
fn take_away(values: &mut Json, mut keys: &[String]) -> bool {
    while let [parents @ .., last] = keys {
        let mut parents_of = parents.iter();
        let parent = parents_of.try_fold(&mut *values, |value, key| value.get_mut(key));
        let table = parent.and_then(Json::as_object_mut);
        if table.is_some_and(|table| table.remove(last).is_some()) {
            return true;
        }
        keys = parents;
    }
    false
}

/// Notes a mistake, unless it follows from one further in that was noted before.
fn tell(problem: Problem, problems: &mut Vec<Problem>) {
    // Rules of garde know fields by the names that they have in Rust: `opens_at` for `opensAt`.
    let plain = |key: &str| key.to_lowercase().replace(['_', '-'], "");
    let key = plain(problem.key().unwrap_or_default());
    let mut earlier = problems.iter().filter_map(Problem::key).map(plain);
    let follows = earlier.any(|earlier| {
        let rest = earlier.strip_prefix(&*key);
        rest.is_some_and(|rest| key.is_empty() || rest.is_empty() || rest.starts_with(['.', '[']))
    });
    if !follows {
        problems.push(problem);
    }
}

/// What is wrong with expansions, whose keys name each other.
fn mistaken(expansions: &Expansions, tree: &Node) -> Vec<Problem> {
    let mistakes = expansions.mistakes().into_iter();
    let problems = mistakes.map(|mistake| {
        let keys = || std::iter::once("expansions").chain(mistake.path.iter().copied());
        let path = keys().fold(Path::root(), |path, key| path.key(key));
        let advice = match mistake.meant {
            Some((given, known)) => suggest::name(given, known.into_iter().map(String::as_str)),
            None => String::new(),
        };
        let node = tree.nearest(keys());
        let message = format!("{}{advice}", mistake.message);
        Problem::at(&node.origin, path.to_string(), message)
    });
    problems.collect()
}

/// The rules that a section breaks, with keys as seen from there.
fn broken_rules<S: Section>(section: &S, node: &Node) -> Vec<Problem> {
    let Err(report) = section.validate() else {
        return Vec::new();
    };
    let problems = report.iter().map(|(path, error)| {
        let path = path.to_string();
        let keys = path.split(['.', '[', ']']).filter(|key| !key.is_empty());
        Problem::at(&node.nearest(keys).origin, path.clone(), error.message())
    });
    problems.collect()
}
