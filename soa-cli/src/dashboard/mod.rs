//! `soa dashboard`: a page of the fleet, served by this program.
//!
//! ```text
//! number       numbers with few digits             answer       JSON, and refusals
//! asset        the files of the page               login        tokens, passwords, sessions
//! history      the numbers of the past             kept         the same in Redis
//! flow         rates of calls between services     line         a service and its parts, summed up
//! picture      what one look has seen              form         types as JSON Schema
//! description  what services tell of themselves    shared       what all requests share
//! introspect   asks services for it                asked        a call, as it is asked for
//! command      the same as a line of a shell       call         calls, checked and made
//! letter       dead letters                        event        the fleet after each look, as events
//! collector    looks at Redis again and again      guard        who may send what
//! route        which request is answered by what
//! ```
//!
//! One task looks at Redis, and the answers about the fleet come from its last look, however many browsers there are. Only what
//! somebody opens asks Redis or a service by itself, a few at once and each within a time limit. A Redis that is away is an
//! answer that says so.
//!
//! Text that peers choose, such as the names of services, goes out as JSON alone, and the page shows it as text.

mod answer;
mod asked;
mod asset;
mod call;
mod collector;
mod command;
mod description;
mod event;
mod flow;
mod form;
mod guard;
mod history;
mod introspect;
mod kept;
mod letter;
mod line;
mod login;
mod number;
mod picture;
mod ring;
mod route;
mod shared;

use std::net::{IpAddr, SocketAddr};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use serde_json::json;
use soa_http::{Doors, HttpListener, HttpServer, HttpSettings};
use soa_redis::RedisConnection;
use soa_runtime::Server;
use tokio::sync::{Semaphore, watch};
use tokio::task::JoinSet;

use crate::arguments::DashboardArguments;
use crate::connect::{Target, variable};
use crate::failure::{Failure, Reason};
use crate::output::{Output, print};

use description::Descriptions;
use history::History;
use login::Login;
use picture::{Health, Looked, Picture};
use shared::{Dashboard, MAX_ASKING};

/// Shortest and longest time between two looks.
const INTERVALS: (Duration, Duration) = (Duration::from_secs(1), Duration::from_secs(10));

/// Longest time until Redis is connected to, and until it answers: a page does not wait for longer.
const REDIS_TIMEOUT: Duration = Duration::from_secs(2);

/// Largest number of wrong passwords that wait for their answer.
const MAX_GUESSES: usize = 4;

/// Largest head of a request: a name of 10 KB takes 30 KB in a path, and a call that is checked stands in the query.
const MAX_HEAD: usize = 128 << 10;

/// Largest number of connections.
const MAX_CONNECTIONS: usize = 256;

pub(crate) async fn run(
    target: &Target,
    output: Output,
    arguments: DashboardArguments,
) -> Result<(), Failure> {
    if target.http.is_some() {
        return Err(Failure::usage(
            "`dashboard` needs Redis, and `--http` leads to a single service",
        )
        .advise("add `--redis HOST:PORT` in its place"));
    }
    let settings = target.redis_settings()?;
    let (connecting, commanding) = (settings.connect_timeout, settings.command_timeout);
    let settings = settings
        .connect_timeout(connecting.min(REDIS_TIMEOUT))
        .command_timeout(commanding.min(REDIS_TIMEOUT));
    let interval = arguments.interval.get();
    if interval < INTERVALS.0 || interval > INTERVALS.1 {
        return Err(Failure::usage("`--interval` must be from 1s to 10s"));
    }
    let token = arguments.token.or_else(|| variable("SOA_DASHBOARD_TOKEN"));
    let login = Login::new(token.as_deref(), arguments.basic_auth.as_deref())?;
    let listener = listen(&arguments.listen, &login)?;
    let address = settings.arrangement();
    let health = Health {
        address,
        is_up: true,
        down_since: None,
        problem: None,
    };
    let (pictures, _) = watch::channel(Arc::new(Picture::new(
        health,
        Arc::new(Looked::default()),
        interval,
    )));
    let dashboard = Arc::new(Dashboard {
        connection: RedisConnection::new(settings)?,
        interval,
        login,
        allow_changes: arguments.allow_changes,
        keeps_in_redis: arguments.keep_in_redis,
        services: arguments.service,
        hosts: arguments.host,
        target_flags: target.flags(),
        pictures,
        is_stopping: watch::Sender::new(false),
        history: Mutex::new(History::new(interval)),
        descriptions: Descriptions::default(),
        findings: tokio::sync::Mutex::default(),
        listeners: Arc::new(Semaphore::new(event::MAX_LISTENERS)),
        asking: Semaphore::new(MAX_ASKING),
        guesses: Semaphore::new(MAX_GUESSES),
    });
    let server = server(&dashboard, listener)?;
    tell(output, &dashboard, server.url())?;
    // A task of its own, on another thread: requests are answered while this one sums up.
    let mut serving = JoinSet::new();
    serving.spawn({
        let dashboard = Arc::clone(&dashboard);
        let stop = async move {
            stopped().await;
            // Events have no end of their own.
            dashboard.is_stopping.send_replace(true);
        };
        server.run_until(stop, Duration::ZERO)
    });
    tokio::select! {
        ended = serving.join_next() => match ended {
            Some(Ok(_)) => Ok(()),
            _ => Err(Failure::new(Reason::Bad, "the server has ended by a panic")),
        },
        never = collector::run(dashboard) => match never {},
    }
}

/// Listens on the address, unless others than this machine could look without a password.
fn listen(address: &str, login: &Login) -> Result<HttpListener, Failure> {
    let listener = HttpListener::bind(address).map_err(|error| {
        Failure::new(Reason::Bad, error.to_string())
            .advise("name a free port of this machine, such as `--listen 127.0.0.1:8080`")
    })?;
    let place: SocketAddr = listener.address();
    match login.is_needed() || is_loopback(place.ip()) {
        true => Ok(listener),
        false => Err(Failure::usage(format!(
            "{place} can be reached from other machines, and whoever reaches it would see the fleet"
        ))
        .advise(
            "add `--token`, or SOA_DASHBOARD_TOKEN, or `--basic-auth FILE`; or listen on 127.0.0.1 and reach it through a tunnel",
        )),
    }
}

fn is_loopback(ip: IpAddr) -> bool {
    match ip {
        // ::ffff:127.0.0.1
        IpAddr::V6(ip) => {
            ip.is_loopback() || ip.to_ipv4_mapped().is_some_and(|ip| ip.is_loopback())
        }
        IpAddr::V4(ip) => ip.is_loopback(),
    }
}

/// The server: the listener of the framework, whose doors lead to the page in place of a component.
fn server(dashboard: &Arc<Dashboard>, listener: HttpListener) -> Result<HttpServer, Failure> {
    let mut settings = HttpSettings::default();
    settings.max_header_size = MAX_HEAD;
    settings.max_connections = MAX_CONNECTIONS;
    let none = Server::untyped("dashboard", env!("CARGO_PKG_VERSION")).build()?;
    let doors = Doors::new(none.into(), settings)?;
    let server = HttpServer::new(doors, listener)
        .map_err(|error| Failure::new(Reason::Bad, error.to_string()))?;
    Ok(server.with_router(|_| route::router(dashboard)))
}

fn tell(output: Output, dashboard: &Dashboard, url: &str) -> Result<(), Failure> {
    if output.as_json {
        return output.json(&json!({
            "url": format!("{url}/"),
            "login": dashboard.login.word(),
            "allow_changes": dashboard.allow_changes,
        }));
    }
    let changes = match dashboard.allow_changes {
        true => "calls and changes are allowed",
        false => "read-only: calls and changes need `--allow-changes`",
    };
    let login = match dashboard.login.word() {
        "none" => "no login: whoever has an account on this machine may look",
        "token" => "sign in with the token",
        _ => "sign in as a user of the file",
    };
    print(&format!("{url}/\n{changes}\n{login}"))
}

/// Waits for SIGINT or SIGTERM.
async fn stopped() {
    let terminated = async {
        use tokio::signal::unix::{SignalKind, signal};
        match signal(SignalKind::terminate()) {
            Ok(mut signals) => drop(signals.recv().await),
            Err(_) => std::future::pending().await,
        }
    };
    tokio::select! {
        _ = tokio::signal::ctrl_c() => {}
        () = terminated => {}
    }
}
