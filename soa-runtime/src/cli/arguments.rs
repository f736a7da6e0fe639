//! The arguments of the command line.

use std::path::PathBuf;

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

/// Where settings come from.
#[derive(Args)]
#[command(next_help_heading = "Settings")]
pub(super) struct Sources {
    /// Read settings from this .toml, .yaml or .json file; later files are stronger
    #[arg(
        long,
        value_name = "FILE",
        global = true,
        env = "SOA_SETTINGS",
        hide_env_values = true
    )]
    pub(super) settings: Vec<PathBuf>,
    /// Set one key, as in `server.concurrency=8`
    #[arg(long, value_name = "KEY=VALUE", global = true)]
    pub(super) set: Vec<String>,
    /// Where Redis is: HOST:PORT or redis://USER:PASSWORD@HOST:PORT/DATABASE
    #[arg(long, value_name = "ADDRESS", global = true)]
    pub(super) redis: Option<String>,
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
    #[arg(long, value_name = "N")]
    fork: Option<usize>,
    /// With --fork: do not start processes again
    #[arg(long)]
    pub(super) no_respawn: bool,
    /// Which of the processes of --fork this is
    #[arg(long, value_name = "NUMBER", hide = true)]
    fork_number: Option<u16>,
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
            fork_number: self.fork_number.or(others.fork_number),
        }
    }

    /// How many processes to look after, if there is more than this one.
    pub(super) fn processes(&self) -> Option<usize> {
        self.fork
            .filter(|processes| *processes > 1 && !self.is_fork())
    }

    /// Whether this is one of the processes of `--fork`.
    pub(super) fn is_fork(&self) -> bool {
        self.fork_number.is_some()
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
