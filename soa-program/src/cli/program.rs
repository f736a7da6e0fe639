//! The program around a service: from the arguments to the exit code.

use std::io::Write as _;
use std::marker::PhantomData;
use std::path::PathBuf;
use std::process::ExitCode;
use std::sync::Arc;

use clap::{CommandFactory as _, FromArgMatches as _};
use soa_redis::RedisSettings;
use soa_runtime::{BuildError, Component, ComponentBuilder, Serve, Server, ServiceDescriptor};
use tracing_subscriber::{Layer, Registry};

use super::argument::{
    Arguments, Command, HealthArguments, Role, ServeArguments, SettingsArguments, Sources, Work,
    of_one, of_several, without_hidden,
};
use super::doors::{ChangeRouter, Listeners};
use super::failure::{BoxError, Failure};
use super::notifier::Notifier;
use super::offering::Offering;
use super::pid_file::PidFile;
use super::readiness::Readiness;
use super::registration::Registrar;
use super::serve::ServerProcess;
use super::signal::{self, Signals};
use super::target::Own;
use super::{call, daemon, dead, describe, fork, probe, watch};
use crate::settings::{Connections, KnownMiddleware, Loader, NoSection, Section, Settings};
use crate::telemetry::{BesideLayer, Identity, Observing, Selection};

/// Runs a service, a component of several ([`Component::builder`](soa_runtime::Component::builder)), or several components as
/// a program: parses the command line, loads the settings, and executes the command. See
/// [`cli`](crate::cli) for the commands and the exit codes.
///
/// The function makes the service from its settings. It is called by `serve`, by `introspect` and by calls in this
/// process. An error ends the program with exit code 1.
///
/// ```no_run
/// # use garde::Validate;
/// # use schemars::JsonSchema;
/// # use serde::Deserialize;
/// use std::process::ExitCode;
///
/// use soa::settings::Settings;
///
/// #[derive(Deserialize, JsonSchema, Validate)]
/// #[serde(deny_unknown_fields)]
/// struct Section {
///     /// First word of each greeting.
///     #[garde(length(chars, min = 1))]
///     word: String,
/// }
///
/// # struct Greeter { word: String }
/// # impl soa::Service for Greeter {
/// #     const DESCRIPTOR: &'static soa::ServiceDescriptor = &soa::ServiceDescriptor::new("a", "1", "", &[]);
/// #     const ACTIONS: &'static [soa::ServiceAction<Self>] = &[];
/// # }
/// fn main() -> ExitCode {
///     soa::main(async |settings: Settings<Section>| {
///         Ok(Greeter { word: settings.service.word })
///     })
/// }
/// ```
pub fn main<S, V, M>(make: M) -> ExitCode
where
    S: Section,
    V: Serve,
    M: AsyncFnOnce(Settings<S>) -> Result<V, BoxError>,
{
    Program::new(make).run()
}

/// Makes a layer of `tracing` from the settings.
type MakeLayer<S> = Box<dyn FnOnce(&Settings<S>) -> Result<BesideLayer, BoxError>>;

/// A service as a program, with more options than [`main`](fn@main).
///
/// ```no_run
/// # struct Greeter;
/// # impl soa::Service for Greeter {
/// #     const DESCRIPTOR: &'static soa::ServiceDescriptor = &soa::ServiceDescriptor::new("a", "1", "", &[]);
/// #     const ACTIONS: &'static [soa::ServiceAction<Self>] = &[];
/// # }
/// use std::process::ExitCode;
///
/// use soa::Program;
/// use soa::settings::Settings;
///
/// fn main() -> ExitCode {
///     Program::new(async |_: Settings| Ok(Greeter))
///         .defaults("server.concurrency = 64")
///         .help("Report problems to the operators of the greeter.")
///         .run()
/// }
/// ```
#[must_use = "a program does nothing until it is run"]
pub struct Program<M, S: Section = NoSection> {
    make: M,
    defaults: Option<&'static str>,
    help: Option<&'static str>,
    middleware: KnownMiddleware,
    layers: Vec<MakeLayer<S>>,
    routers: Vec<ChangeRouter>,
    section: PhantomData<fn() -> S>,
}

impl<M, S: Section> Program<M, S> {
    /// Makes a program from the function that makes its service.
    pub fn new<V>(make: M) -> Self
    where
        S: Section,
        V: Serve,
        M: AsyncFnOnce(Settings<S>) -> Result<V, BoxError>,
    {
        Self {
            make,
            defaults: None,
            help: None,
            middleware: KnownMiddleware::shipped(),
            layers: Vec::new(),
            routers: Vec::new(),
            section: PhantomData,
        }
    }

    /// Sets defaults of this program for its settings, in TOML. Files, variables and flags are stronger.
    ///
    /// Mistakes in them are reported when the program runs, with exit code 3.
    pub fn defaults(mut self, toml: &'static str) -> Self {
        self.defaults = Some(toml);
        self
    }

    /// Sets the middleware that settings can name; by default [`KnownMiddleware::shipped`].
    pub fn middleware(mut self, known: KnownMiddleware) -> Self {
        self.middleware = known;
        self
    }

    /// Sets a text for `--help`, after the documentation of the service.
    pub fn help(mut self, text: &'static str) -> Self {
        self.help = Some(text);
        self
    }

    /// Adds a layer of `tracing` beside the log and the traces, made from the settings: for an error tracker, or for logs in
    /// another form. The guide on observing has a recipe. A layer without a filter gets every span and
    /// event, and is asked for each: give it one.
    ///
    /// An error ends the program with exit code 1.
    ///
    /// ```no_run
    /// # struct Greeter;
    /// # impl soa::Service for Greeter {
    /// #     const DESCRIPTOR: &'static soa::ServiceDescriptor = &soa::ServiceDescriptor::new("a", "1", "", &[]);
    /// #     const ACTIONS: &'static [soa::ServiceAction<Self>] = &[];
    /// # }
    /// use std::fs::File;
    /// use std::process::ExitCode;
    ///
    /// use soa::Program;
    /// use soa::settings::Settings;
    /// use tracing_subscriber::Layer as _;
    /// use tracing_subscriber::filter::LevelFilter;
    ///
    /// fn main() -> ExitCode {
    ///     Program::new(async |_: Settings| Ok(Greeter))
    ///         .layer(|_| {
    ///             let file = File::create("errors.log")?;
    ///             let lines = tracing_subscriber::fmt::layer().with_writer(file).with_ansi(false);
    ///             Ok(lines.with_filter(LevelFilter::ERROR))
    ///         })
    ///         .run()
    /// }
    /// ```
    pub fn layer<L>(
        mut self,
        make: impl FnOnce(&Settings<S>) -> Result<L, BoxError> + 'static,
    ) -> Self
    where
        L: Layer<Registry> + Send + Sync + 'static,
    {
        let boxed = |settings: &Settings<S>| -> Result<BesideLayer, BoxError> {
            Ok(Box::new(make(settings)?))
        };
        self.layers.push(Box::new(boxed));
        self
    }

    /// Changes the router of HTTP: adds pages beside the doors, or layers of tower around all. The doors of the service come
    /// first, so a page cannot have a path of theirs.
    ///
    /// ```no_run
    /// # struct Greeter;
    /// # impl soa::Service for Greeter {
    /// #     const DESCRIPTOR: &'static soa::ServiceDescriptor = &soa::ServiceDescriptor::new("a", "1", "", &[]);
    /// #     const ACTIONS: &'static [soa::ServiceAction<Self>] = &[];
    /// # }
    /// use std::process::ExitCode;
    ///
    /// use axum::routing::get;
    /// use soa::Program;
    /// use soa::settings::Settings;
    ///
    /// fn main() -> ExitCode {
    ///     Program::new(async |_: Settings| Ok(Greeter))
    ///         .with_router(|router| router.route("/", get(async || "Greetings.")))
    ///         .run()
    /// }
    /// ```
    #[cfg(feature = "http")]
    #[cfg_attr(docsrs, doc(cfg(feature = "http")))]
    pub fn with_router(
        mut self,
        change: impl FnOnce(axum::Router) -> axum::Router + 'static,
    ) -> Self {
        self.routers.push(Box::new(change));
        self
    }

    /// Runs the command in the arguments of the process, and returns the exit code.
    pub fn run<V>(self) -> ExitCode
    where
        S: Section,
        V: Serve,
        M: AsyncFnOnce(Settings<S>) -> Result<V, BoxError>,
    {
        let outcome = self.run_with(std::env::args_os());
        match outcome {
            Ok(()) => ExitCode::SUCCESS,
            Err(failure) => failure.report(),
        }
    }

    fn run_with<V>(self, arguments: impl Iterator<Item = std::ffi::OsString>) -> Result<(), Failure>
    where
        S: Section,
        V: Serve,
        M: AsyncFnOnce(Settings<S>) -> Result<V, BoxError>,
    {
        let own = Own::new(V::SERVICE);
        let command_line = Arguments::command()
            .mut_subcommands(Sources::of_command)
            .name(own.name());
        let mut command_line = match own.service() {
            Some(service) => of_one(command_line.version(service.version())),
            None => of_several(command_line),
        };
        let documentation = own.service().and_then(ServiceDescriptor::documentation);
        let about: Vec<_> = documentation.into_iter().chain(self.help).collect();
        if !about.is_empty() {
            command_line = command_line.about(about.join("\n\n"));
        }
        let matches = command_line.try_get_matches_from_mut(arguments)?;
        let Arguments {
            command,
            mut serve,
            mut sources,
        } = Arguments::from_arg_matches(&matches)?;
        let mut inner = matches.subcommand();
        while let Some((_, of_command)) = inner {
            sources = sources.and(Sources::from_arg_matches(of_command)?);
            inner = of_command.subcommand();
        }
        let sources = sources.or_environment();
        let command = match command {
            Some(Command::Work(Work::Serve(of_command))) => {
                serve = of_command.or(serve);
                None
            }
            command => command,
        };
        if command.is_some()
            && let Some(flag) = serve.serve_only_flag()
        {
            let message = format!("`{flag}` is a flag of `serve`; other commands do not accept it");
            return Err(Failure::usage(message));
        }
        if let Some(mistake) = serve.mistake() {
            return Err(Failure::usage(mistake));
        }
        let loader = self.loader(&sources, &serve)?;
        match command.unwrap_or(Command::Work(Work::Serve(serve))) {
            Command::Work(Work::Serve(serve)) if matches!(serve.role(), Role::Watcher) => {
                run_watcher(serve, loader, sources.settings, own)
            }
            Command::Work(work) => self.run_in(work, loader.load()?),
            Command::Health(health) => check_heartbeat(loader, health),
            Command::Settings(what) => show_settings(loader, &what),
            Command::Completions { shell } => {
                // The binary may have another name than the service.
                let program = command_line.get_bin_name().map(str::to_owned);
                let program = program.unwrap_or_else(|| own.name());
                let mut out = Vec::new();
                let mut shown = without_hidden(&command_line);
                clap_complete::generate(shell, &mut shown, program, &mut out);
                print(&String::from_utf8_lossy(&out))
            }
        }
    }

    /// Makes the loader with all sources: the defaults of the program, files, variables, flags.
    fn loader(&self, sources: &Sources, serve: &ServeArguments) -> Result<Loader<S>, Failure>
    where
        S: Section,
    {
        let mut loader = Settings::<S>::loader()
            .environment()
            .middleware(self.middleware.clone());
        if let Some(defaults) = self.defaults {
            loader = loader.defaults(defaults);
        }
        for file in &sources.settings {
            loader = loader.file(file);
        }
        if let Some(address) = &sources.redis {
            let address: RedisSettings = address.parse().map_err(Failure::usage)?;
            loader = loader.redis("--redis", &address);
        }
        for assignment in &sources.set {
            loader = loader.set(assignment);
        }
        for (flag, assignment) in serve.assignments() {
            loader = loader.flag(flag, assignment);
        }
        Ok(loader)
    }

    /// Starts a runtime, the log, traces and metrics, and executes a command on them.
    fn run_in<V>(mut self, work: Work, settings: Settings<S>) -> Result<(), Failure>
    where
        S: Section,
        V: Serve,
        M: AsyncFnOnce(Settings<S>) -> Result<V, BoxError>,
    {
        // A process that only supervises others needs a single thread.
        let runs_handlers = match &work {
            Work::Serve(serve) => matches!(serve.role(), Role::Server),
            _ => true,
        };
        let mut builder = if settings.server.workers > 1 && runs_handlers {
            let mut builder = tokio::runtime::Builder::new_multi_thread();
            builder.worker_threads(settings.server.workers);
            builder
        } else {
            tokio::runtime::Builder::new_current_thread()
        };
        let runtime = builder.enable_all().build().map_err(Failure::other)?;
        let layers = std::mem::take(&mut self.layers).into_iter();
        let layers = layers.map(|make| make(&settings).map_err(Failure::of_layer));
        let layers = layers.collect::<Result<_, _>>()?;
        let observing = {
            let _runtime = runtime.enter();
            observe(&work, &settings, Own::new(V::SERVICE), layers)?
        };
        let outcome = runtime.block_on(self.dispatch(work, settings));
        // Blocking handlers do not delay the exit.
        runtime.shutdown_background();
        observing.finish();
        outcome
    }

    async fn dispatch<V>(self, work: Work, settings: Settings<S>) -> Result<(), Failure>
    where
        S: Section,
        V: Serve,
        M: AsyncFnOnce(Settings<S>) -> Result<V, BoxError>,
    {
        let own = Own::new(V::SERVICE);
        match work {
            Work::Introspect { action, json } => {
                let connections = &mut Connections::default();
                let components = self.components(settings, connections).await?;
                let services = services(&ComponentBuilder::build_all(components)?);
                print(&describe::introspect(&services, action.as_deref(), json).await?)
            }
            #[cfg(feature = "http")]
            Work::Openapi => {
                let http = settings.server.http.clone();
                let connections = &mut Connections::default();
                let components = self.components(settings, connections).await?;
                let components = ComponentBuilder::build_all(components)?;
                print(&soa_http::Doors::of_all(components, http)?.openapi())
            }
            Work::Call(call) if call.is_local => {
                let client = settings.without_routes()?;
                let connections = &mut Connections::default();
                let components = self.components(settings, connections).await?;
                let components = ComponentBuilder::build_all(components)?;
                print(&call::in_process(&services(&components), client, &call).await?)
            }
            Work::Call(call) => print(&call::over_transport(own, &settings, &call).await?),
            Work::Dead { what } => print(&dead::dead(own, &settings, what).await?),
            Work::Status {
                named,
                service,
                json,
            } => {
                let service = service.or(named);
                let (text, is_healthy) = call::status(own, &settings, service, json).await?;
                print(&text)?;
                if is_healthy {
                    Ok(())
                } else {
                    Err(Failure::Unhealthy)
                }
            }
            Work::Serve(serve) => self.serve(serve, settings).await,
        }
    }

    /// Executes `serve`, in the role that this process has.
    async fn serve<V>(mut self, serve: ServeArguments, settings: Settings<S>) -> Result<(), Failure>
    where
        S: Section,
        V: Serve,
        M: AsyncFnOnce(Settings<S>) -> Result<V, BoxError>,
    {
        let changes = std::mem::take(&mut self.routers);
        let role = serve.role();
        if let Role::Launcher = role {
            return daemon::launch().await;
        }
        let _pid_file = serve.pid_file().map(PidFile::create).transpose()?;
        let notifier = Arc::new(Notifier::new(&serve)?);
        if let Role::Supervisor(processes) = role {
            let listeners = Listeners::bind(&settings.server.http)?;
            let registrar = Registrar::open(&settings, &mut Connections::default())?;
            let respawns = fork::RespawnPolicy {
                is_enabled: !serve.no_respawn,
                limits: settings.server.respawn_limits,
                retry_after: settings.server.respawn_after.get(),
            };
            return fork::supervise(processes, respawns, &notifier, listeners, registrar).await;
        }
        let http = &settings.server.http;
        let listeners = match serve.takes_http {
            true => Listeners::passed(http, || notifier.passed_socket())?,
            false => Listeners::bind(http)?,
        };
        // From here on, the default action of the signals is off.
        let mut signals = Signals::new(notifier.parent().map_err(Failure::other)?)?;
        signals.force_after(signal::FORCED_EXIT_DELAY);
        let siblings = serve.fork_number.map(|_| signals.siblings().clone());
        let prepare = async {
            settings.warn_of_missing_routes();
            let mut connections = Connections::default();
            let mut server_settings = settings.server.clone();
            server_settings.complete();
            let registrar = Registrar::open(&settings, &mut connections)?;
            let offering = Offering::of(registrar, siblings.as_ref());
            let (connections, fork) = (&mut connections, serve.fork_number);
            let process = ServerProcess::connect(
                server_settings,
                connections,
                notifier,
                fork,
                listeners,
                offering,
            )
            .await?;
            let components = self.components(settings, connections).await?;
            let readiness = Readiness::of(components.iter().map(ComponentBuilder::count).sum());
            let mut is_first = true;
            let components = components.into_iter().map(|component| {
                component.change_servers(|server| {
                    let ready = readiness.clone();
                    let server = process
                        .with_redis(process.with_registry(server))
                        .on_ready(move |_| ready.one());
                    let server = match &siblings {
                        Some(siblings) => siblings.with_check(server),
                        None => server,
                    };
                    Ok(match std::mem::replace(&mut is_first, false) {
                        true => process.with_notifications(server),
                        false => server,
                    })
                })
            });
            let components: Vec<_> = components.collect::<Result<_, _>>()?;
            let components = ComponentBuilder::build_all(components)?;
            Ok::<_, Failure>((process, components, readiness))
        };
        tokio::select! {
            prepared = prepare => {
                let (process, components, readiness) = prepared?;
                process
                    .run(components, changes, readiness, signals)
                    .await
            }
            () = signals.next() => {
                tracing::info!("stopped before the first request");
                Ok(())
            }
        }
    }

    /// Makes the components, with the settings applied to each of their servers.
    async fn components<V>(
        self,
        settings: Settings<S>,
        connections: &mut Connections,
    ) -> Result<Vec<ComponentBuilder>, Failure>
    where
        S: Section,
        V: Serve,
        M: AsyncFnOnce(Settings<S>) -> Result<V, BoxError>,
    {
        let client = match settings.client_routing.is_empty() {
            true => None,
            false => Some(settings.client_on(connections)?.build()?),
        };
        let server_settings = settings.server.clone();
        let made = (self.make)(settings).await.map_err(Failure::of_service)?;
        let components = made.into_components();
        if components.is_empty() {
            return Err(Failure::other("the program has no component"));
        }
        let services: usize = components.iter().map(ComponentBuilder::count).sum();
        if services > 1 && server_settings.name.is_some() {
            let message = "`server.name` is for a program of one service, and this one has several";
            return Err(Failure::usage(message));
        }
        let changed = components.into_iter().map(|component| {
            component.change_servers(|server| {
                let server = server_settings.apply(server)?;
                Ok(match &client {
                    Some(client) => server.client(client.clone()),
                    None => server,
                })
            })
        });
        Ok(changed.collect::<Result<_, _>>()?)
    }
}

/// Returns the services of all components.
fn services(components: &[Component]) -> Vec<Server> {
    let services = components.iter().flat_map(Component::services);
    services.cloned().collect()
}

/// Executes `serve --watch`. This process needs only the settings of the log. The process that it starts loads all of them
/// and reports mistakes; this one then waits for a change.
fn run_watcher<S: Section>(
    serve: ServeArguments,
    loader: Loader<S>,
    files: Vec<PathBuf>,
    own: Own,
) -> Result<(), Failure> {
    let logging = loader.load().map(|settings| settings.logging);
    let logging = logging.unwrap_or_default();
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .map_err(Failure::other)?;
    let selection = Selection {
        logging: &logging,
        may_be_coloured: !serve.has_parent(),
        tracing: None,
        metrics: None,
    };
    let identity = Identity {
        service: &own.name(),
        version: own.version(),
    };
    let observing = {
        let _runtime = runtime.enter();
        Observing::start(&selection, &identity, Vec::new())?
    };
    let _pid_file = serve.pid_file().map(PidFile::create).transpose()?;
    let notifier = Notifier::new(&serve)?;
    let outcome = runtime.block_on(async { watch::watch(files, &notifier).await });
    observing.finish();
    outcome
}

/// Starts the log, traces and metrics that a command uses.
fn observe<S: Section>(
    work: &Work,
    settings: &Settings<S>,
    own: Own,
    layers: Vec<BesideLayer>,
) -> Result<Observing, BuildError> {
    let name = own.name();
    let is_caller = matches!(work, Work::Call(_) | Work::Status { .. });
    let (serves, number) = match work {
        // Processes in other roles only start processes in these.
        Work::Serve(serve) => {
            let serves = matches!(serve.role(), Role::Supervisor(_) | Role::Server);
            (serves, serve.number())
        }
        _ => (false, 0),
    };
    let selection = Selection {
        logging: &settings.logging,
        may_be_coloured: work.keeps_terminal(),
        tracing: (serves || is_caller).then_some(&settings.tracing),
        // A call must not bind the address that a running server uses.
        metrics: serves.then_some((&settings.metrics, number)),
    };
    let identity = Identity {
        service: settings.server.name.as_deref().unwrap_or(&name),
        version: own.version(),
    };
    Observing::start(&selection, &identity, layers)
}

impl<M, S: Section> std::fmt::Debug for Program<M, S> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Program")
            .field("defaults", &self.defaults)
            .finish_non_exhaustive()
    }
}

/// Executes `health`. The settings are read only if they have to name the file.
fn check_heartbeat<S: Section>(loader: Loader<S>, health: HealthArguments) -> Result<(), Failure> {
    let file = match health.heartbeat {
        Some(file) => file,
        None => loader.load()?.server.heartbeat_file.ok_or_else(|| {
            let message = "`health` needs `--heartbeat FILE`, or the setting `server.heartbeat_file`, \
                           with which the server writes such a file";
            Failure::usage(message)
        })?,
    };
    print(&probe::probe(&file, health.max_age)?)
}

fn show_settings<S: Section>(loader: Loader<S>, what: &SettingsArguments) -> Result<(), Failure> {
    if what.schema {
        return print(&loader.schema());
    }
    if what.reference {
        return print(&loader.reference());
    }
    print(&loader.print()?)
}

/// Writes a result to the standard output.
fn print(text: &str) -> Result<(), Failure> {
    let mut out = std::io::stdout().lock();
    match writeln!(out, "{}", text.trim_end()).and_then(|()| out.flush()) {
        // The reader, such as `head`, has closed the pipe.
        Err(error) if error.kind() == std::io::ErrorKind::BrokenPipe => Ok(()),
        outcome => outcome.map_err(Failure::other),
    }
}
