//! The command line of a service: what `main` of its binary calls.
//!
//! ```text
//! service [serve]                 takes requests until it is told to stop
//! service introspect [ACTION]     what this program offers
//! service call ACTION [BODY]      calls one action, of a server that runs or in this process
//! service status                  asks a server that runs how it fares
//! service settings                shows the settings that result, their schema, or all keys
//! service completions SHELL
//! ```
//!
//! Settings come from `--settings FILE`, variables `SOA__…` and flags, in this order; see [`settings`](crate::settings).
//! Results go to the standard output, everything else to the standard error. How a program ends:
//!
//! | exit code | |
//! |---|---|
//! | 0 | all is well: what was asked for is done, or a server was told to stop and has answered everything |
//! | 1 | it failed: no connection, the service could not be made, a startup hook failed, an action answered with errors, `status` has errors, a process of `--fork` ended and stayed so |
//! | 2 | the command line is wrong |
//! | 3 | the settings are wrong |
//! | 4 | a server stopped, and jobs have no answer or were not ended: their handlers did not let go, blocking actions still run, Redis was gone, or a second signal came |
//! | 70 | a handler blocked its thread for too long: `server.watchdog` |

mod arguments;
mod call;
mod child;
mod daemon;
mod describe;
mod failure;
mod fork;
mod heartbeat;
mod outside;
mod pid_file;
mod serve;
mod serving;
mod shown;
mod signals;
mod watch;

use std::io::Write as _;
use std::marker::PhantomData;
use std::path::PathBuf;
use std::process::ExitCode;
use std::sync::Arc;

use clap::{Args as _, CommandFactory as _, FromArgMatches as _};

use arguments::{Arguments, Command, Role, ServeArguments, Sources, What, Work};
use failure::Failure;
use outside::Outside;
use pid_file::PidFile;
use serve::Serving;
pub use serving::{Customized, Serve, with_server};
use signals::Signals;

use crate::settings::{Connections, KnownMiddleware, Loader, NoSection, Section, Settings};
use crate::telemetry::{Identity, Observing, Wanted};
use soa_runtime::Service;
use soa_runtime::ServiceDescriptor;
use soa_runtime::transport::RedisSettings;
use soa_runtime::{BuildError, ServerBuilder};

/// What makes a service can fail with: anything.
pub type BoxError = Box<dyn std::error::Error + Send + Sync>;

/// Runs a service as a program: reads the command line and the settings, and does what they say. See
/// [`cli`](crate::cli).
///
/// The function makes the service from its settings. It is called for `serve` and `introspect`, and for calls in this
/// process.
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
///     /// What to greet with.
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

/// A service as a program, with more to say than [`main`](fn@main) lets.
#[must_use = "a program does nothing until it is run"]
pub struct Program<M, S = NoSection> {
    make: M,
    defaults: Option<&'static str>,
    help: Option<&'static str>,
    middleware: KnownMiddleware,
    section: PhantomData<fn() -> S>,
}

impl<M, S> Program<M, S> {
    /// A program that makes its service so.
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
            section: PhantomData,
        }
    }

    /// Settings, in TOML, that this program has in place of the defaults. Files, variables and flags are stronger.
    pub fn defaults(mut self, toml: &'static str) -> Self {
        self.defaults = Some(toml);
        self
    }

    /// What middleware settings can name, in place of what is shipped alone.
    pub fn middleware(mut self, known: KnownMiddleware) -> Self {
        self.middleware = known;
        self
    }

    /// What `--help` says besides the service's documentation.
    pub fn help(mut self, text: &'static str) -> Self {
        self.help = Some(text);
        self
    }

    /// Does what the arguments of the process say, and gives its exit code.
    pub fn run<V>(self) -> ExitCode
    where
        S: Section,
        V: Serve,
        M: AsyncFnOnce(Settings<S>) -> Result<V, BoxError>,
    {
        let outcome = self.run_with(std::env::args_os());
        match outcome {
            Ok(()) => ExitCode::SUCCESS,
            Err(failure) => failure.tell(),
        }
    }

    fn run_with<V>(self, arguments: impl Iterator<Item = std::ffi::OsString>) -> Result<(), Failure>
    where
        S: Section,
        V: Serve,
        M: AsyncFnOnce(Settings<S>) -> Result<V, BoxError>,
    {
        let descriptor = V::Service::DESCRIPTOR;
        let mut command_line = Arguments::command()
            .mut_subcommands(Sources::augment_args)
            .name(descriptor.name())
            .version(descriptor.version());
        let about: Vec<_> = descriptor
            .documentation()
            .into_iter()
            .chain(self.help)
            .collect();
        if !about.is_empty() {
            command_line = command_line.about(about.join("\n\n"));
        }
        let matches = command_line.try_get_matches_from_mut(arguments)?;
        let Arguments {
            command,
            mut serve,
            mut sources,
        } = Arguments::from_arg_matches(&matches)?;
        if let Some((_, of_command)) = matches.subcommand() {
            sources = sources.and(Sources::from_arg_matches(of_command)?);
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
            && let Some(flag) = serve.flag_of_serving()
        {
            let message = format!("`{flag}` is a flag of `serve`, and means nothing here");
            return Err(Failure::usage(message));
        }
        if let Some(mistake) = serve.mistake() {
            return Err(Failure::usage(mistake));
        }
        let loader = self.loader(&sources, &serve)?;
        match command.unwrap_or(Command::Work(Work::Serve(serve))) {
            Command::Work(Work::Serve(serve)) if matches!(serve.role(), Role::Watcher) => {
                run_watcher(serve, loader, sources.settings, descriptor)
            }
            Command::Work(work) => self.run_in(work, loader.load()?),
            Command::Settings(what) => show_settings(loader, what),
            Command::Completions { shell } => {
                // The file may have another name than the service.
                let program = command_line.get_bin_name().unwrap_or(descriptor.name());
                let program = program.to_owned();
                let mut out = Vec::new();
                let mut shown = arguments::without_hidden(&command_line);
                clap_complete::generate(shell, &mut shown, program, &mut out);
                print(&String::from_utf8_lossy(&out))
            }
        }
    }

    /// The sources of the settings: what the program says, files, variables, flags.
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

    fn run_in<V>(self, work: Work, settings: Settings<S>) -> Result<(), Failure>
    where
        S: Section,
        V: Serve,
        M: AsyncFnOnce(Settings<S>) -> Result<V, BoxError>,
    {
        // Who looks after other processes has nothing else to do.
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
        let observing = {
            let _runtime = runtime.enter();
            observe(&work, &settings, V::Service::DESCRIPTOR)?
        };
        let outcome = runtime.block_on(self.dispatch(work, settings));
        // Handlers that block, and what they wait for, do not keep the process.
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
        let name = V::Service::DESCRIPTOR.name();
        match work {
            Work::Introspect { action, json } => {
                let server = self
                    .server(settings, &mut Connections::default())
                    .await?
                    .build()?;
                let text = describe::introspect(server, action, json).await?;
                print(&text)
            }
            Work::Call(call) if call.is_local => {
                let server = self
                    .server(settings, &mut Connections::default())
                    .await?
                    .build()?;
                print(&call::in_process(server, &call).await?)
            }
            Work::Call(call) => print(&call::over_transport(name, &settings, &call).await?),
            Work::Status { service, json } => {
                let (text, is_healthy) = call::status(name, &settings, service, json).await?;
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

    /// What this process has to do so that the service is served.
    async fn serve<V>(self, serve: ServeArguments, settings: Settings<S>) -> Result<(), Failure>
    where
        S: Section,
        V: Serve,
        M: AsyncFnOnce(Settings<S>) -> Result<V, BoxError>,
    {
        let role = serve.role();
        if let Role::Launcher = role {
            return daemon::launch().await;
        }
        let _pid_file = serve.pid_file().map(PidFile::take).transpose()?;
        let outside = Arc::new(Outside::find(&serve)?);
        if let Role::Supervisor(processes) = role {
            let respawns = fork::Respawns {
                is_on: !serve.no_respawn,
                limits: settings.server.respawn_limits,
            };
            return fork::supervise(processes, respawns, &outside).await;
        }
        // From here on signals do not end the process by themselves.
        let mut signals = Signals::new(outside.parent().map_err(Failure::other)?)?;
        signals.force_after(signals::AT_ONCE);
        let prepare = async {
            let mut connections = Connections::default();
            let of_server = settings.server.clone();
            let (connections, fork) = (&mut connections, serve.fork_number);
            let serving = Serving::prepare(of_server, connections, outside, fork).await?;
            let server = self.server(settings, connections).await?;
            let server = serving.with_signs_of_life(server).build()?;
            Ok::<_, Failure>((serving, server))
        };
        tokio::select! {
            prepared = prepare => {
                let (serving, server) = prepared?;
                serving.run(server, signals).await
            }
            () = signals.next() => {
                tracing::info!("stopped before any request was taken");
                Ok(())
            }
        }
    }

    /// The service as the settings want it.
    async fn server<V>(
        self,
        settings: Settings<S>,
        connections: &mut Connections,
    ) -> Result<ServerBuilder, Failure>
    where
        S: Section,
        V: Serve,
        M: AsyncFnOnce(Settings<S>) -> Result<V, BoxError>,
    {
        let client = match settings.client_routing.is_empty() {
            true => None,
            false => Some(settings.client_on(connections)?.build()?),
        };
        let of_server = settings.server.clone();
        let service = (self.make)(settings).await.map_err(Failure::making)?;
        let mut builder = of_server.apply(service.into_builder())?;
        if let Some(client) = client {
            builder = builder.client(client);
        }
        Ok(builder)
    }
}

/// Starts the service again when files change. Its settings are the business of the process that this one starts, which
/// also tells what is wrong with them: this one takes no more of them than how to log, and waits for them to be mended.
fn run_watcher<S: Section>(
    serve: ServeArguments,
    loader: Loader<S>,
    files: Vec<PathBuf>,
    service: &ServiceDescriptor,
) -> Result<(), Failure> {
    let logging = loader.load().map(|settings| settings.logging);
    let logging = logging.unwrap_or_default();
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .map_err(Failure::other)?;
    let wanted = Wanted {
        logging: &logging,
        may_be_coloured: !serve.has_parent(),
        tracing: None,
        metrics: None,
    };
    let identity = Identity {
        service: service.name(),
        version: service.version(),
    };
    let observing = {
        let _runtime = runtime.enter();
        Observing::start(&wanted, &identity)?
    };
    let _pid_file = serve.pid_file().map(PidFile::take).transpose()?;
    let outside = Outside::find(&serve)?;
    let outcome = runtime.block_on(async { watch::watch(files, &outside).await });
    observing.finish();
    outcome
}

/// Starts log, traces and metrics, as far as this work has a use for them.
fn observe<S: Section>(
    work: &Work,
    settings: &Settings<S>,
    service: &ServiceDescriptor,
) -> Result<Observing, BuildError> {
    let is_caller = matches!(work, Work::Call(_) | Work::Status { .. });
    let (serves, number) = match work {
        // The others only start processes that do this.
        Work::Serve(serve) => {
            let serves = matches!(serve.role(), Role::Supervisor(_) | Role::Server);
            (serves, serve.number())
        }
        _ => (false, 0),
    };
    let wanted = Wanted {
        logging: &settings.logging,
        may_be_coloured: work.speaks_to_terminal(),
        tracing: (serves || is_caller).then_some(&settings.tracing),
        // The page of a server that runs is not to be taken from it by a call.
        metrics: serves.then_some((&settings.metrics, number)),
    };
    let identity = Identity {
        service: settings.server.name.as_deref().unwrap_or(service.name()),
        version: service.version(),
    };
    Observing::start(&wanted, &identity)
}

impl<M, S> std::fmt::Debug for Program<M, S> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Program")
            .field("defaults", &self.defaults)
            .finish_non_exhaustive()
    }
}

fn show_settings<S: Section>(loader: Loader<S>, what: What) -> Result<(), Failure> {
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
        // Whoever reads has seen enough.
        Err(error) if error.kind() == std::io::ErrorKind::BrokenPipe => Ok(()),
        outcome => outcome.map_err(Failure::other),
    }
}

impl From<BuildError> for Failure {
    fn from(error: BuildError) -> Self {
        Self::other(error)
    }
}
