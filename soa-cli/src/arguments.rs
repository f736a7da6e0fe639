//! The arguments of the command line.

use std::path::PathBuf;

use clap::{Args, Parser, Subcommand, ValueEnum};
use clap_complete::Shell;
use clap_complete::engine::ArgValueCompleter;
use soa_program::cli::{LetterChoice, STYLES};
use soa_program::settings::Period;

use crate::complete;
use crate::connect::Target;

const EXIT_CODES: &str = "\
The address of Redis, from the strongest: --redis, --settings, SOA_REDIS, SOA_SETTINGS. Colours are off if NO_COLOR is set.

Exit codes: 0 success; 1 the command ran and its result is bad: an answer with errors, a finding of `check`, something that \
`--expect` does not get, a difference that `replay` finds; 2 bad command line, a body that does not fit, or a recording of which \
nothing may be sent: nothing was sent; 3 bad settings; 4 Redis or the \
service over HTTP cannot be reached, or refuses the login; 5 nobody answered in time; 6 `check` has warnings, and no errors.";

/// Shows, calls and operates a fleet of services: those of the framework soa, and those of PySOA.
#[derive(Parser)]
#[command(name = "soa", version, styles = STYLES, after_help = EXIT_CODES, disable_help_subcommand = true)]
pub(crate) struct Arguments {
    #[command(flatten)]
    pub(crate) target: Target,
    #[command(subcommand)]
    pub(crate) command: Command,
}

#[derive(Subcommand)]
pub(crate) enum Command {
    /// List services: their queues, workers, rates and versions
    Services(ServicesArguments),
    /// List the workers that tell about themselves
    Workers(WorkersArguments),
    /// Describe a service or an action, as the service tells it
    Describe(DescribeArguments),
    /// Ask a worker of a service for its status; fails if it has errors
    Status(StatusArguments),
    /// Call an action and print its response
    Call(CallArguments),
    /// Run the calls in a file, which may use the results of earlier ones
    Job(JobArguments),
    /// Send recorded requests again, and compare the answers with those that were recorded
    Replay(ReplayArguments),
    /// Look at queues, and change them
    #[command(subcommand)]
    Queue(QueueCommand),
    /// Look at dead letters: jobs that are not run any more, as they ended too many processes
    #[command(subcommand)]
    Dead(DeadCommand),
    /// Show who calls whom, from the records of workers
    Graph(GraphArguments),
    /// Find out what is wrong with Redis and the fleet
    Check(CheckArguments),
    /// Show the fleet live: services, actions, callers, workers, jobs in flight
    Top(TopArguments),
    /// Show requests and answers as they pass, sampled by the workers, with secrets removed
    Watch(WatchArguments),
    /// Serve a page that shows the fleet in a browser, live and with its history
    Dashboard(DashboardArguments),
    /// Print the line that turns completions on in a shell
    Completions {
        /// Name of the shell
        shell: Shell,
    },
    /// Write the man pages into a folder
    Man {
        /// Folder, which has to exist
        folder: PathBuf,
    },
}

/// Reads the name of a service.
fn service_name(text: &str) -> Result<String, &'static str> {
    match text.is_empty() {
        true => Err("the name is empty; `soa services` lists those that can be seen"),
        false => Ok(text.to_owned()),
    }
}

#[derive(Args)]
pub(crate) struct ServicesArguments {
    /// Only this service, also if nothing in Redis tells of it; may be repeated
    #[arg(long, value_name = "NAME", value_parser = service_name, add = ArgValueCompleter::new(complete::services))]
    pub(crate) service: Vec<String>,
    /// Time between the two looks at the queues from which the rates follow; `0s` for one look and no rates of arrivals
    #[arg(long, value_name = "TIME", default_value = "1s")]
    pub(crate) interval: Period,
    /// Do not ask services without records for their status
    #[arg(long)]
    pub(crate) no_status: bool,
}

#[derive(Args)]
pub(crate) struct WorkersArguments {
    /// Only workers of this service; may be repeated
    #[arg(long, value_name = "NAME", value_parser = service_name, add = ArgValueCompleter::new(complete::services))]
    pub(crate) service: Vec<String>,
    /// Show the jobs in flight, too
    #[arg(long)]
    pub(crate) jobs: bool,
}

#[derive(Args)]
pub(crate) struct DescribeArguments {
    /// Service, or action of it
    #[arg(value_name = "SERVICE[.ACTION]", add = ArgValueCompleter::new(complete::targets))]
    pub(crate) target: String,
    /// Print Markdown
    #[arg(long, conflicts_with = "json")]
    pub(crate) markdown: bool,
    /// Time limit of the answer
    #[arg(long, value_name = "TIME", default_value = "5s")]
    pub(crate) timeout: Period,
}

#[derive(Args)]
pub(crate) struct StatusArguments {
    /// Service
    #[arg(value_parser = service_name, add = ArgValueCompleter::new(complete::services))]
    pub(crate) service: String,
    /// Time limit of the answer
    #[arg(long, value_name = "TIME", default_value = "5s")]
    pub(crate) timeout: Period,
}

#[derive(Args)]
pub(crate) struct CallArguments {
    /// Action of a service
    #[arg(value_name = "SERVICE.ACTION", add = ArgValueCompleter::new(complete::targets))]
    pub(crate) target: String,
    /// Body: an object as JSON or YAML; `-` reads it from the standard input, `@FILE` from a file
    ///
    /// Dates, times, decimals, amounts and bytes are written as text: "2026-11-21", "08:30:00",
    /// "2026-11-21T08:30:00+00:00", "12.30", "USD 1250", base64. Decimals may also be numbers. The response is printed in the
    /// same form.
    pub(crate) body: Option<String>,
    /// Set a field of the body, as in `a.b=1` or `tags.0=new`: JSON, or text; may be repeated
    #[arg(long = "field", value_name = "PATH=VALUE", add = ArgValueCompleter::new(complete::fields))]
    pub(crate) fields: Vec<String>,
    /// Turn a switch on; may be repeated
    #[arg(long = "switch", value_name = "NUMBER")]
    pub(crate) switches: Vec<i64>,
    /// Add a value, JSON or text, to the context; may be repeated
    #[arg(long, value_name = "KEY=VALUE")]
    pub(crate) context: Vec<String>,
    /// Add a text to the context, also if it looks like JSON; may be repeated
    #[arg(long, value_name = "KEY=TEXT")]
    pub(crate) context_text: Vec<String>,
    /// Time limit of each call, such as 500ms or 2s
    #[arg(long, value_name = "TIME", default_value = "5s")]
    pub(crate) timeout: Period,
    /// Number of calls; of more than one, a summary is printed
    #[arg(long, value_name = "N", default_value_t = 1, value_parser = clap::value_parser!(u64).range(1..))]
    pub(crate) repeat: u64,
    /// Number of calls at once
    #[arg(long, value_name = "N", default_value_t = 1, value_parser = clap::value_parser!(u64).range(1..=10_000))]
    pub(crate) parallel: u64,
    /// Fail unless the response has this field with this value, as in `total=3`, or these fields, as JSON; may be repeated
    #[arg(long, value_name = "PATH=VALUE")]
    pub(crate) expect: Vec<String>,
    /// Send the body as it is, without asking the service for the types of the action
    #[arg(long = "raw")]
    pub(crate) is_raw: bool,
}

const JOB_FILE: &str = "\
The file:

steps:
  - call: users.find
    body: { id: \"${id}\" }          # a value of --set
    as: user                        # a name for the response; by default the number of the step
    switches: [5]
    context: { locale: fr_FR }
  - call: mail.send
    body: { to: \"${user.email}\" }   # a field of an earlier response
    expect: { sent: true }          # fail unless the response has these fields

A step that fails ends the job.";

#[derive(Args)]
#[command(after_help = JOB_FILE)]
pub(crate) struct JobArguments {
    /// File with the calls, as YAML or JSON; `-` for the standard input
    pub(crate) file: String,
    /// Set a value that the file uses as `${NAME}`; may be repeated
    #[arg(long = "set", value_name = "NAME=VALUE")]
    pub(crate) values: Vec<String>,
    /// Time limit of each call
    #[arg(long, value_name = "TIME", default_value = "5s")]
    pub(crate) timeout: Period,
}

#[derive(Args)]
pub(crate) struct ReplayArguments {
    /// File of recorded actions, as the middleware `record` writes it; `-` for the standard input
    #[arg(required_unless_present = "stream", conflicts_with = "stream")]
    pub(crate) file: Option<String>,
    /// Read the recorded actions of this service from the stream in Redis, in place of a file
    #[arg(long = "from-stream", value_name = "SERVICE", add = ArgValueCompleter::new(complete::services))]
    pub(crate) stream: Option<String>,
    /// Place of the service: redis://HOST:PORT, http://HOST:PORT, or the path of a program that is started for the replay; by
    /// default that of `--redis` or `--http`
    ///
    /// A program is started with `serve --http` on a free port of this machine; with `--redis`, it is called over that Redis,
    /// under a name of its own. Arguments of its own stand after `--`, as in `-- --settings test.toml`. Variables with settings
    /// of services are not passed to it.
    #[arg(long, value_name = "PLACE")]
    pub(crate) against: Option<String>,
    /// Call the service under this name, in place of the recorded one
    #[arg(long, value_name = "NAME", add = ArgValueCompleter::new(complete::services))]
    pub(crate) service: Option<String>,
    /// Send actions that are not idempotent, too: they change again what they have changed
    #[arg(long)]
    pub(crate) force: bool,
    /// Leave this field out of the comparison, as in `updated` or `items.*.id`, with what is below it; may be repeated
    #[arg(long, value_name = "PATH")]
    pub(crate) ignore: Vec<String>,
    /// Largest number of calls that begin in a second
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u32).range(1..))]
    pub(crate) rate: Option<u32>,
    /// Number of calls at once; with more than one, answers need not come in the order of the recording
    #[arg(long, value_name = "N", default_value_t = 1, value_parser = clap::value_parser!(u64).range(1..=10_000))]
    pub(crate) parallel: u64,
    /// Set a field of each request, as for a secret, which is not in the recording; may be repeated
    #[arg(long = "field", value_name = "PATH=VALUE")]
    pub(crate) fields: Vec<String>,
    /// Set a key of each context; may be repeated
    #[arg(long, value_name = "KEY=VALUE")]
    pub(crate) context: Vec<String>,
    /// Time limit of each call
    #[arg(long, value_name = "TIME", default_value = "5s")]
    pub(crate) timeout: Period,
    /// Arguments of the program
    #[arg(last = true)]
    pub(crate) program: Vec<String>,
}

#[derive(Subcommand)]
pub(crate) enum QueueCommand {
    /// List the queues that hold requests, and those that are paused
    List,
    /// Show the requests that wait, the oldest first, with secrets removed; they stay in the queue
    Peek {
        /// Service
        #[arg(value_parser = service_name, add = ArgValueCompleter::new(complete::services))]
        service: String,
        /// Largest number of requests
        #[arg(long, value_name = "N", default_value_t = 10, value_parser = clap::value_parser!(u64).range(1..=10_000))]
        count: u64,
    },
    /// Move requests to the queue of another service, the oldest first
    Move {
        /// Service
        #[arg(value_parser = service_name, add = ArgValueCompleter::new(complete::services))]
        service: String,
        /// The other service
        #[arg(value_name = "TO", value_parser = service_name, add = ArgValueCompleter::new(complete::services))]
        to: String,
        #[command(flatten)]
        change: Change,
    },
    /// Delete requests, the oldest first: their callers time out
    Drop {
        /// Service
        #[arg(value_parser = service_name, add = ArgValueCompleter::new(complete::services))]
        service: String,
        #[command(flatten)]
        change: Change,
    },
    /// Have the workers of a service take no more requests
    Pause {
        /// Service
        #[arg(value_parser = service_name, add = ArgValueCompleter::new(complete::services))]
        service: String,
        /// Resume by itself after this time
        #[arg(long = "for", value_name = "TIME")]
        time: Option<Period>,
        /// Do not ask
        #[arg(long)]
        yes: bool,
    },
    /// Have the workers of a service take requests again
    Resume {
        /// Service
        #[arg(value_parser = service_name, add = ArgValueCompleter::new(complete::services))]
        service: String,
        /// Do not ask
        #[arg(long)]
        yes: bool,
    },
}

#[derive(Subcommand)]
pub(crate) enum DeadCommand {
    /// List dead letters, the oldest first
    List {
        /// Service; all by default
        #[arg(value_parser = service_name, add = ArgValueCompleter::new(complete::services))]
        service: Option<String>,
        #[command(flatten)]
        which: LetterChoice,
    },
    /// Show a dead letter with all that is known of it
    Show {
        /// Service
        #[arg(value_parser = service_name, add = ArgValueCompleter::new(complete::services))]
        service: String,
        /// Id, or the beginning of it
        id: String,
    },
    /// Run dead letters again, as if they had never run
    Retry {
        /// Service
        #[arg(value_parser = service_name, add = ArgValueCompleter::new(complete::services))]
        service: String,
        #[command(flatten)]
        which: LetterChoice,
        /// Do not ask
        #[arg(long)]
        yes: bool,
    },
    /// Forget dead letters
    Drop {
        /// Service
        #[arg(value_parser = service_name, add = ArgValueCompleter::new(complete::services))]
        service: String,
        #[command(flatten)]
        which: LetterChoice,
        /// Do not ask
        #[arg(long)]
        yes: bool,
    },
    /// Print dead letters with their whole messages, secrets among them: a line of JSON each
    Export {
        /// Service
        #[arg(value_parser = service_name, add = ArgValueCompleter::new(complete::services))]
        service: String,
        #[command(flatten)]
        which: LetterChoice,
    },
}

/// The requests that a change of a queue is about.
#[derive(Args)]
pub(crate) struct Change {
    /// Largest number of requests; all by default
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u64).range(1..))]
    pub(crate) count: Option<u64>,
    /// Only requests with this action
    #[arg(long, value_name = "NAME")]
    pub(crate) action: Option<String>,
    /// Do not ask
    #[arg(long)]
    pub(crate) yes: bool,
}

#[derive(Args)]
pub(crate) struct GraphArguments {
    /// Only calls of and by this service; may be repeated
    #[arg(long, value_name = "NAME", value_parser = service_name, add = ArgValueCompleter::new(complete::services))]
    pub(crate) service: Vec<String>,
    /// Form of the graph
    #[arg(long, value_enum, default_value_t = GraphFormat::Text)]
    pub(crate) format: GraphFormat,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum GraphFormat {
    /// Lines for people
    Text,
    /// The language of Graphviz
    Dot,
    /// A picture
    Svg,
}

#[derive(Args)]
pub(crate) struct CheckArguments {
    /// Only these services; may be repeated
    #[arg(long, value_name = "NAME", value_parser = service_name, add = ArgValueCompleter::new(complete::services))]
    pub(crate) service: Vec<String>,
    /// Time between the two looks at the queues that show which of them grow
    #[arg(long, value_name = "TIME", default_value = "2s")]
    pub(crate) interval: Period,
    /// Exit with 0 if there are warnings only
    #[arg(long)]
    pub(crate) errors_only: bool,
}

#[derive(Args)]
pub(crate) struct TopArguments {
    /// Only these services; may be repeated
    #[arg(long, value_name = "NAME", value_parser = service_name, add = ArgValueCompleter::new(complete::services))]
    pub(crate) service: Vec<String>,
    /// Time between two looks
    #[arg(long, value_name = "TIME", default_value = "2s")]
    pub(crate) interval: Period,
}

#[derive(Args)]
pub(crate) struct WatchArguments {
    /// Service, or action of it
    #[arg(value_name = "SERVICE[.ACTION]", add = ArgValueCompleter::new(complete::targets))]
    pub(crate) target: String,
    /// Largest number of requests a second that each worker shows; with `--monitor`, of all together
    #[arg(long, value_name = "N", default_value_t = 5, value_parser = clap::value_parser!(u32).range(1..=100))]
    pub(crate) rate: u32,
    /// Time after which it ends; 1m, or 10s with `--monitor`
    #[arg(long = "for", value_name = "TIME")]
    pub(crate) time: Option<Period>,
    /// Number of requests after which it ends
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u64).range(1..))]
    pub(crate) count: Option<u64>,
    /// Have Redis tell all of its commands, as workers of PySOA do not sample: this can halve what Redis does in a second
    #[arg(long)]
    pub(crate) monitor: bool,
}

#[derive(Args)]
pub(crate) struct DashboardArguments {
    /// Address and port to listen on; port 0 is any free port
    #[arg(long, value_name = "HOST:PORT", default_value = "127.0.0.1:8080")]
    pub(crate) listen: String,
    /// Show this service also if nothing in Redis tells of it, as of an idle one of PySOA; may be repeated
    #[arg(long, value_name = "NAME", add = ArgValueCompleter::new(complete::services))]
    pub(crate) service: Vec<String>,
    /// Name under which the page is opened, besides addresses and localhost; may be repeated
    #[arg(long, value_name = "NAME")]
    pub(crate) host: Vec<String>,
    /// Token that a browser has to give, needed on an address that other machines reach; rather set the variable, which others
    /// do not see [env: SOA_DASHBOARD_TOKEN]
    #[arg(long, value_name = "TOKEN")]
    pub(crate) token: Option<String>,
    /// File with a line USER:PASSWORD for each user, in place of a token
    #[arg(long, value_name = "FILE", conflicts_with = "token")]
    pub(crate) basic_auth: Option<PathBuf>,
    /// Allow calls of actions, and changes of dead letters; without it the page only shows
    #[arg(long)]
    pub(crate) allow_changes: bool,
    /// Time between two looks at Redis, from 1s to 10s
    #[arg(long, value_name = "TIME", default_value = "2s")]
    pub(crate) interval: Period,
    /// Keep the history of a day in Redis, too, so that it is there after a restart
    #[arg(long)]
    pub(crate) keep_in_redis: bool,
}
