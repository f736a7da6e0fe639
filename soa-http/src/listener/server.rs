//! New connections, and the stop of all.

use std::fmt;
use std::io;
use std::pin::pin;
use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use soa_runtime::period::Period;
use soa_runtime::server::DoorStop;
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::watch;
use tokio::task::JoinSet;
use tokio::time::Instant;
use tokio_rustls::TlsAcceptor;

use super::address::HttpListener;
use super::connection::{Phase, Shared};
use super::tls;
use crate::advertised::advertised;
use crate::doors::Doors;
use crate::router::{Shortcuts, with_shortcuts};
use crate::settings::HttpSettings;

/// The pause after an error of the listener, such as too many open files.
const RETRY_PAUSE: Duration = Duration::from_millis(100);

/// The time without such an error after which it is over.
const RECOVERY_TIME: Duration = Duration::from_secs(10);

/// The time for the responses of jobs that were given up.
const ANSWER_GRACE: Duration = Duration::from_secs(1);

/// The time in which connections end that are told to.
const ENDING_TIME: Duration = Duration::from_millis(500);

/// The doors of a component on an address.
///
/// ```
/// use std::time::Duration;
///
/// use soa_http::{Doors, HttpListener, HttpServer, HttpSettings};
/// use soa_runtime::Server;
///
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
/// let server = Server::untyped("tools", "1.0.0").build()?;
/// let doors = Doors::new(server.into(), HttpSettings::default())?;
/// let server = HttpServer::new(doors, HttpListener::bind("127.0.0.1:0")?)?;
/// // In a program: the future of a signal.
/// let stop = tokio::time::sleep(Duration::from_millis(10));
/// let stopped = server.run_until(stop, Duration::from_secs(5)).await;
/// assert_eq!((stopped.given_up, stopped.aborted), (0, 0));
/// # Ok(()) }
/// ```
pub struct HttpServer {
    listener: TcpListener,
    url: String,
    advertised_url: String,
    router: Router,
    shortcuts: Shortcuts,
    settings: HttpSettings,
    tls: Option<TlsAcceptor>,
    doors: Arc<Doors>,
}

/// The outcome of [`HttpServer::run_until`].
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct HttpStopped {
    /// The number of jobs that were given up after the grace; they were answered with `ACTION_TIMEOUT`.
    pub given_up: usize,
    /// The number of jobs that had not ended; they have no response.
    pub aborted: usize,
    /// True if there are responses that could not be sent: their callers did not read.
    pub has_unsent: bool,
}

impl HttpServer {
    /// Returns a server of these doors on an address.
    ///
    /// # Errors
    /// A file of TLS cannot be used, or there is no runtime of tokio with network.
    pub fn new(mut doors: Doors, listener: HttpListener) -> io::Result<Self> {
        let settings = doors.settings().clone();
        let tls = settings.tls.as_ref().map(tls::acceptor).transpose()?;
        let scheme = if tls.is_some() { "https" } else { "http" };
        let url = format!("{scheme}://{}", listener.address());
        let given = settings.advertised_address.as_deref();
        let advertised = advertised(given, listener.address());
        let advertised_url = format!("{scheme}://{advertised}");
        doors.set_url(advertised_url.clone());
        let doors = Arc::new(doors);
        let (router, shortcuts) = with_shortcuts(&doors);
        Ok(Self {
            listener: TcpListener::from_std(listener.socket)?,
            url,
            advertised_url,
            settings,
            tls,
            router,
            shortcuts,
            doors,
        })
    }

    /// Changes the router: adds pages beside the doors, or layers around all.
    #[must_use]
    pub fn with_router(mut self, change: impl FnOnce(Router) -> Router) -> Self {
        self.router = change(self.router);
        // Layers are around every request.
        self.shortcuts = Shortcuts::default();
        self
    }

    /// Returns the address as a URL: `http://127.0.0.1:8000`.
    pub fn url(&self) -> &str {
        &self.url
    }

    /// Returns the URL by which others reach the server: that of the setting `advertised_address`, or [`url`](Self::url). An
    /// address for all interfaces is told as that of the interface to the outside.
    pub fn advertised_url(&self) -> &str {
        &self.advertised_url
    }

    /// Returns the doors.
    pub fn doors(&self) -> &Arc<Doors> {
        &self.doors
    }

    /// Returns the longest time that [`run_until`](Self::run_until) takes after it is told to stop, if no handler blocks.
    pub fn max_stop_time(&self, grace: Duration) -> Duration {
        let delay = self.drain_delay();
        let times = [grace, ANSWER_GRACE, ENDING_TIME];
        times.into_iter().fold(delay, Duration::saturating_add)
    }

    fn drain_delay(&self) -> Duration {
        let delay = self.settings.drain_delay;
        delay.map(Period::get).unwrap_or_default()
    }

    /// Serves until it is told to stop, and then for the drain delay, in which each answer ends its connection. Then it takes
    /// no more requests, and waits for those
    /// that run, at most for `grace`. Jobs that are not done by then are given up and answered with `ACTION_TIMEOUT`.
    pub async fn run_until(self, stop: impl Future<Output = ()>, grace: Duration) -> HttpStopped {
        let delay = self.drain_delay();
        let doors = Arc::clone(&self.doors);
        let shared = Arc::new(Shared::new(self.router, self.shortcuts, doors, self.tls));
        let (phase, told) = watch::channel(Phase::Serving);
        let mut connections = Connections::default();
        let until = async {
            stop.await;
            self.doors.set_draining(true);
            phase.send_replace(Phase::Leaving);
            if !delay.is_zero() {
                tokio::time::sleep(delay).await;
            }
        };
        let mut until = pin!(until);
        let mut failing = Failing::default();
        loop {
            let has_room = connections.running.len() < self.settings.max_connections;
            tokio::select! {
                biased;
                () = &mut until => break,
                () = connections.reap() => {}
                accepted = self.listener.accept(), if has_room => match accepted {
                    Ok((socket, _)) => {
                        failing.works();
                        let serving = Arc::clone(&shared).serve(prepared(socket), told.clone());
                        connections.running.spawn(serving);
                    }
                    Err(error) if is_of_one_connection(&error) => {}
                    Err(error) => {
                        failing.note(&error);
                        tokio::select! {
                            () = &mut until => break,
                            () = tokio::time::sleep(RETRY_PAUSE) => {}
                        }
                    }
                }
            }
        }
        let jobs = self.doors.stop();
        drop(self.listener);
        phase.send_replace(Phase::Draining);
        let end = Instant::now() + grace;
        if !connections.drained(jobs, end).await {
            jobs.give_up();
            let answered = Instant::now() + ANSWER_GRACE;
            connections.drained(jobs, answered).await;
        }
        phase.send_replace(Phase::Ending);
        connections.closed(Instant::now() + ENDING_TIME).await;
        let aborted = jobs.running();
        if aborted > 0 {
            tracing::error!(aborted, "stopped with jobs of HTTP that did not end");
        }
        let has_unsent = connections.has_unsent || !connections.running.is_empty();
        if has_unsent {
            tracing::error!("stopped with responses over HTTP that could not be sent");
        }
        HttpStopped {
            given_up: jobs.given_up(),
            aborted,
            has_unsent,
        }
    }
}

impl fmt::Debug for HttpServer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("HttpServer")
            .field("url", &self.url)
            .finish_non_exhaustive()
    }
}

/// The connections that are open. They end when this is dropped.
#[derive(Default)]
struct Connections {
    running: JoinSet<bool>,
    /// True if an answer could not be sent after the stop.
    has_unsent: bool,
}

impl Connections {
    /// Waits for the end of a connection. Without one it waits for ever.
    async fn reap(&mut self) {
        match self.running.join_next().await {
            Some(_) => {}
            None => std::future::pending().await,
        }
    }

    /// Waits until all connections are closed and all jobs are done. Returns false if that takes longer.
    async fn drained(&mut self, jobs: &DoorStop, until: Instant) -> bool {
        self.closed(until).await && tokio::time::timeout_at(until, jobs.done()).await.is_ok()
    }

    /// Waits until all connections are closed. Returns false if that takes longer.
    async fn closed(&mut self, until: Instant) -> bool {
        let all = async {
            while let Some(ended) = self.running.join_next().await {
                self.has_unsent |= ended.unwrap_or(true);
            }
        };
        tokio::time::timeout_at(until, all).await.is_ok()
    }
}

/// An error of the listener that lasts, such as too many open files. It is logged when it begins, and when it is over.
#[derive(Default)]
struct Failing {
    since: Option<Instant>,
    last: Option<Instant>,
}

impl Failing {
    fn note(&mut self, error: &io::Error) {
        let now = Instant::now();
        self.last = Some(now);
        if self.since.is_none() {
            tracing::error!(%error, "accepting connections of HTTP failed; trying again");
            self.since = Some(now);
        }
    }

    /// Notes that a connection was accepted. That alone is not the end: one connection may have been closed, and its place
    /// taken.
    fn works(&mut self) {
        if let (Some(since), Some(last)) = (self.since, self.last)
            && last.elapsed() > RECOVERY_TIME
        {
            let after = since.elapsed();
            tracing::info!(?after, "accepting connections of HTTP again");
            *self = Self::default();
        }
    }
}

/// True for an error of a connection that was gone before it was accepted.
fn is_of_one_connection(error: &io::Error) -> bool {
    matches!(
        error.kind(),
        io::ErrorKind::ConnectionAborted
            | io::ErrorKind::ConnectionReset
            | io::ErrorKind::ConnectionRefused
            | io::ErrorKind::Interrupted
    )
}

/// Small answers are sent at once, and not kept for further ones.
fn prepared(socket: TcpStream) -> TcpStream {
    if let Err(error) = socket.set_nodelay(true) {
        tracing::debug!(%error, "setting up a connection of HTTP failed");
    }
    socket
}
