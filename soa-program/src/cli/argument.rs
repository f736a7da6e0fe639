//! The arguments of the command line.

use std::path::{Path, PathBuf};

use clap::builder::RangedU64ValueParser;
use clap::builder::styling::{AnsiColor, Styles};
use clap::{Args, Parser, Subcommand};
use clap_complete::Shell;

use super::letters::LetterChoice;
use crate::settings::Period;

/// Colours of the texts of help, which services and the program `soa` share.
#[doc(hidden)] // Its type is of clap, which is not for those who use the library.
pub const STYLES: Styles = Styles::styled()
    .header(AnsiColor::Yellow.on_default().bold())
    .usage(AnsiColor::Yellow.on_default().bold())
    .literal(AnsiColor::Green.on_default())
    .placeholder(AnsiColor::Cyan.on_default())
    .error(AnsiColor::Red.on_default().bold());

const EXIT_CODES: &str = "\
Settings, from the weakest to the strongest: --settings FILE, variables (SOA__SERVER__CONCURRENCY=8 sets \
server.concurrency), flags.

Exit codes: 0 success; 1 failure; 2 bad command line; 3 bad settings; 4 stopped with jobs that have no answer; 70 a \
handler blocked its thread for too long.";

/// A service of the framework soa.
#[derive(Parser)]
#[command(styles = STYLES, after_help = EXIT_CODES, disable_help_subcommand = true)]
pub(super) struct Arguments {
    #[command(subcommand)]
    pub(super) command: Option<Command>,
    #[command(flatten)]
    pub(super) serve: ServeArguments,
    #[command(flatten)]
    pub(super) sources: Sources,
}

// The sources of the settings. Each command has these flags, too: see `Sources::and`. A doc comment would become the
// documentation of the commands.
#[derive(Args)]
#[command(next_help_heading = "Settings")]
pub(super) struct Sources {
    /// Read settings from this .toml, .yaml or .json file; later files are stronger [env: SOA_SETTINGS]
    #[arg(long, value_name = "FILE")]
    pub(super) settings: Vec<PathBuf>,
    /// Set one key, as in `server.concurrency=8`
    #[arg(long, value_name = "KEY=VALUE")]
    pub(super) set: Vec<String>,
    /// Address of Redis: HOST:PORT or redis://USER:PASSWORD@HOST:PORT/DATABASE
    #[arg(long, value_name = "ADDRESS")]
    pub(super) redis: Option<String>,
}

impl Sources {
    /// Adds the flags to a command, and to those below it.
    pub(super) fn of_command(command: clap::Command) -> clap::Command {
        Self::augment_args(command).mut_subcommands(Self::of_command)
    }

    /// Adds the sources after the command. With `global` flags, clap would return only those before or only those after it.
    pub(super) fn and(mut self, of_command: Self) -> Self {
        self.settings.extend(of_command.settings);
        self.set.extend(of_command.set);
        self.redis = of_command.redis.or(self.redis);
        self
    }

    /// Adds the file in `SOA_SETTINGS` if no other is given. An empty variable counts as unset.
    pub(super) fn or_environment(mut self) -> Self {
        if self.settings.is_empty() {
            let file = std::env::var_os("SOA_SETTINGS").filter(|file| !file.is_empty());
            self.settings.extend(file.map(PathBuf::from));
        }
        self
    }
}

#[derive(Subcommand)]
pub(super) enum Command {
    #[command(flatten)]
    Work(Work),
    /// Check that a process on this machine is alive, by its heartbeat file: a probe of containers
    Health(HealthArguments),
    /// Show the effective settings, their schema, or all keys
    Settings(SettingsArguments),
    /// Print completions for a shell
    Completions {
        /// Name of the shell
        shell: Shell,
    },
}

/// The commands that load the settings.
#[derive(Subcommand)]
pub(super) enum Work {
    /// Receive requests until stopped (the default)
    Serve(ServeArguments),
    /// Describe the actions of this program, with their requests and responses
    Introspect {
        /// Only this action
        action: Option<String>,
        /// Print JSON
        #[arg(long)]
        json: bool,
    },
    /// Print the description of the service over HTTP, as a document of OpenAPI
    #[cfg(feature = "http")]
    Openapi,
    /// Ask any running server of the service for its status; fails if the status has errors
    Status {
        /// Name of the service, in a program of several
        #[arg(value_name = "SERVICE", conflicts_with = "service")]
        named: Option<String>,
        /// Name of the service; this one by default
        #[arg(long, value_name = "NAME")]
        service: Option<String>,
        /// Print JSON
        #[arg(long)]
        json: bool,
    },
    /// Call one action and print its response as JSON
    Call(CallArguments),
    /// Look at the jobs that are not run any more, as they ended too many processes; run them again, or drop them
    Dead {
        #[command(subcommand)]
        what: Dead,
    },
}

/// An action on dead letters.
#[derive(Subcommand)]
pub(super) enum Dead {
    /// List dead letters, the oldest first
    List {
        #[command(flatten)]
        choice: DeadChoice,
        /// Print JSON
        #[arg(long)]
        json: bool,
    },
    /// Show a dead letter with its message
    Show {
        /// Id, or the beginning of it
        id: String,
        /// Name of the service; this one by default
        #[arg(long, value_name = "NAME")]
        service: Option<String>,
    },
    /// Run dead letters again, as if they had never run
    Retry(DeadChoice),
    /// Forget dead letters
    Drop(DeadChoice),
    /// Print dead letters with their whole messages, secrets among them: a line of JSON each
    Export(DeadChoice),
}

/// A choice of dead letters, of this service or another.
#[derive(Args)]
pub(super) struct DeadChoice {
    #[command(flatten)]
    pub(super) which: LetterChoice,
    /// Name of the service; this one by default
    #[arg(long, value_name = "NAME")]
    pub(super) service: Option<String>,
}

impl Work {
    /// Returns true if the output is not redirected before the process ends.
    pub(super) fn keeps_terminal(&self) -> bool {
        match self {
            Self::Serve(serve) => !serve.detached,
            _ => true,
        }
    }
}

#[derive(Args, Clone)]
pub(super) struct ServeArguments {
    /// Name of the service on the wire
    #[arg(long, value_name = "NAME")]
    name: Option<String>,
    /// Number of threads that run handlers
    #[arg(long, value_name = "N")]
    workers: Option<String>,
    /// Largest number of jobs in flight; over HTTP, of requests that run
    #[arg(long, value_name = "N")]
    concurrency: Option<String>,
    /// Serve HTTP on this address: HOST:PORT; without --redis, HTTP alone
    #[arg(long, value_name = "ADDRESS")]
    http: Option<String>,
    /// Register here what is served by --http: consul://HOST:PORT, or redis:// for the Redis of the transport
    #[arg(long, value_name = "URL")]
    registry: Option<String>,
    /// Number of processes; those that exit by themselves are restarted
    #[arg(long, value_name = "N", value_parser = RangedU64ValueParser::<usize>::new().range(1..))]
    fork: Option<usize>,
    /// With --fork: do not restart processes
    #[arg(long)]
    pub(super) no_respawn: bool,
    /// Run in the background, and return when the server accepts requests
    #[arg(long)]
    daemon: bool,
    /// With --daemon: append the output to this file once the server accepts requests
    #[arg(long, value_name = "FILE")]
    log_file: Option<PathBuf>,
    /// Write the process id to this file, and lock it
    #[arg(long, value_name = "FILE")]
    pid_file: Option<PathBuf>,
    /// For development: restart when the program or a settings file changes
    #[arg(long)]
    watch: bool,
    /// This is the background process of --daemon
    #[arg(long, hide = true)]
    detached: bool,
    /// This is the process that --watch starts
    #[arg(long, hide = true)]
    watched: bool,
    /// Number of this process of --fork
    #[arg(long, value_name = "NUMBER", hide = true)]
    pub(super) fork_number: Option<u16>,
    /// The parent process passes the socket of HTTP
    #[arg(long, hide = true)]
    pub(super) takes_http: bool,
}

/// The role of a process of `serve`. A process in one role starts processes in a later one.
pub(super) enum Role {
    /// Starts a process in the background, and ends.
    Launcher,
    /// Restarts a process when files change.
    Watcher,
    /// Supervises this number of processes.
    Supervisor(usize),
    /// Runs the server.
    Server,
}

impl ServeArguments {
    /// Fills in the flags of `others`. As `serve` is the default command, its flags may be before and after it.
    pub(super) fn or(self, others: Self) -> Self {
        Self {
            name: self.name.or(others.name),
            workers: self.workers.or(others.workers),
            concurrency: self.concurrency.or(others.concurrency),
            http: self.http.or(others.http),
            registry: self.registry.or(others.registry),
            fork: self.fork.or(others.fork),
            no_respawn: self.no_respawn || others.no_respawn,
            daemon: self.daemon || others.daemon,
            log_file: self.log_file.or(others.log_file),
            pid_file: self.pid_file.or(others.pid_file),
            watch: self.watch || others.watch,
            detached: self.detached || others.detached,
            watched: self.watched || others.watched,
            fork_number: self.fork_number.or(others.fork_number),
            takes_http: self.takes_http || others.takes_http,
        }
    }

    /// Reports a combination of flags that makes no sense.
    pub(super) fn mistake(&self) -> Option<&'static str> {
        if self.no_respawn && self.fork.is_none() {
            return Some("`--no-respawn` needs `--fork`: without it, no process is restarted");
        }
        if self.log_file.is_some() && !self.daemon {
            return Some(
                "`--log-file` needs `--daemon`: without it, the log goes to the standard error",
            );
        }
        None
    }

    /// Returns a flag that only `serve` accepts. Flags that set settings are accepted by all commands.
    pub(super) fn serve_only_flag(&self) -> Option<&'static str> {
        let flags = [
            ("--fork", self.fork.is_some()),
            ("--no-respawn", self.no_respawn),
            ("--daemon", self.daemon),
            ("--log-file", self.log_file.is_some()),
            ("--pid-file", self.pid_file.is_some()),
            ("--watch", self.watch),
        ];
        flags
            .into_iter()
            .find(|(_, is_given)| *is_given)
            .map(|(flag, _)| flag)
    }

    /// The role of this process.
    pub(super) fn role(&self) -> Role {
        let is_fork = self.fork_number.is_some();
        match self.fork {
            _ if self.daemon && !self.detached => Role::Launcher,
            _ if self.watch && !self.watched => Role::Watcher,
            Some(processes) if processes > 1 && !is_fork => Role::Supervisor(processes),
            _ => Role::Server,
        }
    }

    /// Returns true if a process of this program has started this one, and receives its notifications.
    pub(super) fn has_parent(&self) -> bool {
        self.detached || self.follows_parent()
    }

    /// Returns true if this process stops when its parent does.
    pub(super) fn follows_parent(&self) -> bool {
        self.watched || self.fork_number.is_some()
    }

    /// Returns true if this process starts a session of its own, without the terminal.
    pub(super) fn leaves_terminal(&self) -> bool {
        self.detached && !self.follows_parent()
    }

    /// The file for the output once the server accepts requests; `None` if the output stays the same.
    pub(super) fn output(&self) -> Option<&Path> {
        let null = Path::new("/dev/null");
        self.detached
            .then(|| self.log_file.as_deref().unwrap_or(null))
    }

    /// The pid file that this process writes. Only the process that a signal should be sent to has one.
    pub(super) fn pid_file(&self) -> Option<&Path> {
        let path = self.pid_file.as_deref();
        path.filter(|_| !self.follows_parent() && !matches!(self.role(), Role::Launcher))
    }

    /// The number of this process of `--fork`, from 1; 0 if it is not one of them.
    pub(super) fn number(&self) -> u16 {
        self.fork_number.unwrap_or(0)
    }

    /// The settings that flags set, each with its flag.
    pub(super) fn assignments(&self) -> impl Iterator<Item = (&'static str, String)> {
        let flags = [
            ("--name", "server.name", &self.name),
            ("--workers", "server.workers", &self.workers),
            ("--concurrency", "server.concurrency", &self.concurrency),
            #[cfg(feature = "http")]
            (
                "--concurrency",
                "server.http.concurrency",
                &self.concurrency,
            ),
            ("--http", "server.http.address", &self.http),
            ("--registry", "server.registry.url", &self.registry),
        ];
        flags
            .into_iter()
            .filter_map(|(flag, key, value)| Some((flag, format!("{key}={}", value.as_ref()?))))
    }
}

#[derive(Args)]
pub(super) struct CallArguments {
    /// Name of the action
    #[arg(index = 1)]
    pub(super) action: String,
    /// Body: a JSON object, read by the action's types; `-` reads it from the standard input
    ///
    /// Dates, times, decimals, amounts and bytes are written as text: "2026-11-21", "08:30:00", "2026-11-21T08:30:00+00:00",
    /// "12.30", "USD 1250", base64. Decimals may also be numbers. Keys of maps may be numbers in quotes. The response is
    /// printed in the same form.
    #[arg(index = 2, default_value = "{}")]
    pub(super) body: String,
    /// Name of the service; this one by default
    #[arg(long, value_name = "NAME")]
    pub(super) service: Option<String>,
    /// Time limit of the call, such as 500ms or 2s
    #[arg(long, value_name = "TIME")]
    pub(super) timeout: Option<Period>,
    /// Turn a switch on; may be repeated
    #[arg(long = "switch", value_name = "NUMBER")]
    pub(super) switches: Vec<i64>,
    /// Send the body as JSON says, without asking the service for the types of the action
    #[arg(long = "raw")]
    pub(super) is_raw: bool,
    /// Add a value, JSON or text, to the context; may be repeated
    #[arg(long, value_name = "KEY=VALUE")]
    pub(super) context: Vec<String>,
    /// Add a text to the context, also if it looks like JSON, as in `version=1.10`; may be repeated
    #[arg(long, value_name = "KEY=TEXT")]
    pub(super) context_text: Vec<String>,
    /// Run the action in this process, without a server
    #[arg(long = "local", conflicts_with = "service")]
    pub(super) is_local: bool,
}

#[derive(Args)]
pub(super) struct HealthArguments {
    /// Heartbeat file of the process; by default the setting `server.heartbeat_file`
    #[arg(long, value_name = "FILE")]
    pub(super) heartbeat: Option<String>,
    /// Largest age of the time in the file
    #[arg(long, value_name = "TIME", default_value = "30s")]
    pub(super) max_age: Period,
}

/// The part of the settings to show.
#[derive(Args)]
#[group(multiple = false)]
pub(super) struct SettingsArguments {
    /// Print the effective settings with their origins (the default)
    #[arg(long)]
    print: bool,
    /// Print the JSON Schema, for editors
    #[arg(long)]
    pub(super) schema: bool,
    /// Print a page in Markdown with every key
    #[arg(long)]
    pub(super) reference: bool,
}

/// Returns the command line of a component: actions are told with their services.
pub(super) fn of_several(command: clap::Command) -> clap::Command {
    let action = |command: clap::Command, help: &'static str| {
        command.mut_arg("action", |action| {
            action.value_name("SERVICE.ACTION").help(help)
        })
    };
    command
        .mut_subcommand("introspect", |command| {
            action(command, "Only this service, or this action of it")
        })
        .mut_subcommand("call", |command| {
            action(command, "Service and name of the action")
        })
}

/// Returns the command line of a single service, which need not be named.
pub(super) fn of_one(command: clap::Command) -> clap::Command {
    command.mut_subcommand("status", |command| {
        command.mut_arg("named", |named| named.hide(true))
    })
}

/// Returns the command line without hidden flags, for completions, which would offer them.
pub(super) fn without_hidden(command: &clap::Command) -> clap::Command {
    // clap adds these again.
    let arguments = command
        .get_arguments()
        .filter(|argument| !matches!(argument.get_id().as_str(), "help" | "version"));
    let mut shown = clap::Command::new(command.get_name().to_owned())
        .disable_help_subcommand(command.is_disable_help_subcommand_set())
        .args(
            arguments
                .filter(|argument| !argument.is_hide_set())
                .cloned(),
        )
        .subcommands(command.get_subcommands().map(without_hidden));
    if let Some(about) = command.get_about() {
        shown = shown.about(about.clone());
    }
    if let Some(version) = command.get_version() {
        shown = shown.version(version.to_owned());
    }
    shown
}
