//! The arguments of the command line.

use std::path::{Path, PathBuf};

use clap::builder::RangedU64ValueParser;
use clap::builder::styling::{AnsiColor, Styles};
use clap::{Args, Parser, Subcommand};
use clap_complete::Shell;

use crate::settings::Period;

const STYLES: Styles = Styles::styled()
    .header(AnsiColor::Yellow.on_default().bold())
    .usage(AnsiColor::Yellow.on_default().bold())
    .literal(AnsiColor::Green.on_default())
    .placeholder(AnsiColor::Cyan.on_default())
    .error(AnsiColor::Red.on_default().bold());

const EXIT_CODES: &str = "\
Settings: --settings FILE, then variables (SOA__SERVER__CONCURRENCY=8 sets server.concurrency), then flags; the \
later is the stronger.

Exit codes: 0 done; 1 failed; 2 wrong command line; 3 wrong settings; 4 stopped, and jobs have no answer; 70 a handler \
blocked its thread for too long.";

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

// Where settings come from. Each command has these, too: see `Sources::and`. Not documentation: that would become the one
// of the commands.
#[derive(Args)]
#[command(next_help_heading = "Settings")]
pub(super) struct Sources {
    /// Read settings from this .toml, .yaml or .json file; later files are stronger [env: SOA_SETTINGS]
    #[arg(long, value_name = "FILE")]
    pub(super) settings: Vec<PathBuf>,
    /// Set one key, as in `server.concurrency=8`
    #[arg(long, value_name = "KEY=VALUE")]
    pub(super) set: Vec<String>,
    /// Where Redis is: HOST:PORT or redis://USER:PASSWORD@HOST:PORT/DATABASE
    #[arg(long, value_name = "ADDRESS")]
    pub(super) redis: Option<String>,
}

impl Sources {
    /// These, and those that stand after the command. Flags that are clap's `global` would be one or the other.
    pub(super) fn and(mut self, of_command: Self) -> Self {
        self.settings.extend(of_command.settings);
        self.set.extend(of_command.set);
        self.redis = of_command.redis.or(self.redis);
        self
    }

    /// The file of the environment, where no other is named. A variable without content is as none.
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
    /// Show settings
    Settings(What),
    /// Print the completions of a shell
    Completions {
        /// The shell
        shell: Shell,
    },
}

/// The commands for which settings are read.
#[derive(Subcommand)]
pub(super) enum Work {
    /// Take requests until told to stop (the default)
    Serve(ServeArguments),
    /// Tell what this program offers: actions, and what their requests and responses look like
    Introspect {
        /// Only this action
        action: Option<String>,
        /// As JSON
        #[arg(long)]
        json: bool,
    },
    /// Ask a running server how it fares; fails when it has errors
    Status {
        /// The service to ask; this one by default
        #[arg(long, value_name = "NAME")]
        service: Option<String>,
        /// As JSON
        #[arg(long)]
        json: bool,
    },
    /// Call one action and print its response as JSON
    Call(CallArguments),
}

impl Work {
    /// Whether what is said goes, to the end, where it is read by people, if it goes to a terminal at all.
    pub(super) fn speaks_to_terminal(&self) -> bool {
        match self {
            Self::Serve(serve) => !serve.detached,
            _ => true,
        }
    }
}

#[derive(Args, Clone)]
pub(super) struct ServeArguments {
    /// The name to serve under
    #[arg(long, value_name = "NAME")]
    name: Option<String>,
    /// How many threads run handlers
    #[arg(long, value_name = "N")]
    workers: Option<String>,
    /// How many jobs run side by side
    #[arg(long, value_name = "N")]
    concurrency: Option<String>,
    /// How many processes serve; those that end by themselves are started again
    #[arg(long, value_name = "N", value_parser = RangedU64ValueParser::<usize>::new().range(1..))]
    fork: Option<usize>,
    /// With --fork: do not start processes again
    #[arg(long)]
    pub(super) no_respawn: bool,
    /// Go on in the background, and return when requests are taken
    #[arg(long)]
    daemon: bool,
    /// With --daemon: what is written once requests are taken goes to the end of this file
    #[arg(long, value_name = "FILE")]
    log_file: Option<PathBuf>,
    /// Keep the number of the process in this file
    #[arg(long, value_name = "FILE")]
    pid_file: Option<PathBuf>,
    /// For development: start again when the program or a file of settings changes
    #[arg(long)]
    watch: bool,
    /// This is the process that --daemon leaves behind
    #[arg(long, hide = true)]
    detached: bool,
    /// This is the process that --watch starts
    #[arg(long, hide = true)]
    watched: bool,
    /// Which of the processes of --fork this is
    #[arg(long, value_name = "NUMBER", hide = true)]
    pub(super) fork_number: Option<u16>,
}

/// What there is to do for a process of `serve`. Each starts the next one, as far as it is asked for.
pub(super) enum Role {
    /// Starts the one that goes on in the background.
    Launcher,
    /// Starts one again when files change.
    Watcher,
    /// Looks after so many.
    Supervisor(usize),
    Server,
}

impl ServeArguments {
    /// These, and those of `others` that are not among them: `serve` is the default, so its flags may stand before it.
    pub(super) fn or(self, others: Self) -> Self {
        Self {
            name: self.name.or(others.name),
            workers: self.workers.or(others.workers),
            concurrency: self.concurrency.or(others.concurrency),
            fork: self.fork.or(others.fork),
            no_respawn: self.no_respawn || others.no_respawn,
            daemon: self.daemon || others.daemon,
            log_file: self.log_file.or(others.log_file),
            pid_file: self.pid_file.or(others.pid_file),
            watch: self.watch || others.watch,
            detached: self.detached || others.detached,
            watched: self.watched || others.watched,
            fork_number: self.fork_number.or(others.fork_number),
        }
    }

    /// What is wrong with these flags together.
    pub(super) fn mistake(&self) -> Option<&'static str> {
        if self.no_respawn && self.fork.is_none() {
            return Some("`--no-respawn` needs `--fork`: no process is started again without it");
        }
        if self.log_file.is_some() && !self.daemon {
            return Some(
                "`--log-file` needs `--daemon`: without it the log is on the standard error",
            );
        }
        None
    }

    /// A flag that means something to `serve` only. Those that stand for settings do to all commands.
    pub(super) fn flag_of_serving(&self) -> Option<&'static str> {
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

    /// What this process is for.
    pub(super) fn role(&self) -> Role {
        let is_fork = self.fork_number.is_some();
        match self.fork {
            _ if self.daemon && !self.detached => Role::Launcher,
            _ if self.watch && !self.watched => Role::Watcher,
            Some(processes) if processes > 1 && !is_fork => Role::Supervisor(processes),
            _ => Role::Server,
        }
    }

    /// Whether another process of this program has started this one, and is told how it fares.
    pub(super) fn has_parent(&self) -> bool {
        self.detached || self.follows_parent()
    }

    /// Whether it ends with that process.
    pub(super) fn follows_parent(&self) -> bool {
        self.watched || self.fork_number.is_some()
    }

    /// Whether this process has to leave the terminal that it was started from.
    pub(super) fn leaves_terminal(&self) -> bool {
        self.detached && !self.follows_parent()
    }

    /// Where to write what is said once requests are taken; `None` for where it is said before.
    pub(super) fn output(&self) -> Option<&Path> {
        let nowhere = Path::new("/dev/null");
        self.detached
            .then(|| self.log_file.as_deref().unwrap_or(nowhere))
    }

    /// Where the number of this process belongs: it is the one that was asked for, or stands for it.
    pub(super) fn pid_file(&self) -> Option<&Path> {
        let path = self.pid_file.as_deref();
        path.filter(|_| !self.follows_parent() && !matches!(self.role(), Role::Launcher))
    }

    /// Which of the processes of `--fork` this is, from 1; 0 for none of them.
    pub(super) fn number(&self) -> u16 {
        self.fork_number.unwrap_or(0)
    }

    /// The settings that the flags stand for.
    pub(super) fn assignments(&self) -> impl Iterator<Item = (&'static str, String)> {
        let flags = [
            ("--name", "server.name", &self.name),
            ("--workers", "server.workers", &self.workers),
            ("--concurrency", "server.concurrency", &self.concurrency),
        ];
        flags
            .into_iter()
            .filter_map(|(flag, key, value)| Some((flag, format!("{key}={}", value.as_ref()?))))
    }
}

#[derive(Args)]
pub(super) struct CallArguments {
    /// The action
    pub(super) action: String,
    /// The body: a JSON object; `-` reads it from the standard input
    #[arg(default_value = "{}")]
    pub(super) body: String,
    /// The service to call; this one by default
    #[arg(long, value_name = "NAME")]
    pub(super) service: Option<String>,
    /// How long to wait, such as 500ms or 2s
    #[arg(long, value_name = "TIME")]
    pub(super) timeout: Option<Period>,
    /// Turn a switch on; as often as needed
    #[arg(long = "switch", value_name = "NUMBER")]
    pub(super) switches: Vec<i64>,
    /// Put a value, JSON or text, into the context; as often as needed
    #[arg(long, value_name = "KEY=VALUE")]
    pub(super) context: Vec<String>,
    /// Run the action in this process, without a server
    #[arg(long = "local", conflicts_with = "service")]
    pub(super) is_local: bool,
}

/// What to show of the settings.
#[derive(Args)]
#[group(multiple = false)]
pub(super) struct What {
    /// The settings that result, with where each comes from (the default)
    #[arg(long)]
    print: bool,
    /// Their JSON Schema, for editors
    #[arg(long)]
    pub(super) schema: bool,
    /// A page in Markdown with every key
    #[arg(long)]
    pub(super) reference: bool,
}

/// The same command line without the flags that are for processes of this program only: shells would offer them.
pub(super) fn without_hidden(command: &clap::Command) -> clap::Command {
    // clap adds its own again.
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
