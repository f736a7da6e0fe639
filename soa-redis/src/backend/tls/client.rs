//! A connection that is encrypted: a client of the library, with settings that undo its habits.

use std::fmt;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use fred::error::{Error as LibraryError, ErrorKind as LibraryErrorKind};
use fred::interfaces::{ClientInterface, ClientLike, EventInterface};
use fred::socket2::TcpKeepalive;
use fred::types::config::{
    Config, ConnectionConfig, CredentialProvider, PerformanceConfig, ReconnectPolicy, Server,
    ServerConfig, TcpConfig,
};
use fred::types::{ClusterHash, ConnectHandle, CustomCommand, Message, Value as LibraryValue};
use tokio::sync::broadcast::Receiver;
use tokio::sync::broadcast::error::RecvError;
use tokio::task::AbortHandle;

use super::super::error::{Error, ErrorKind};
use super::super::failure;
use super::super::login::{Login, Pair, Reader};
use super::super::node::Node;
use super::super::terms::Terms;
use super::super::words::Value;
use super::certificates::Tls;
use super::convert::{error_of_library, to_library, value_of_library};

/// Pause before the library would connect again by itself, in milliseconds: weeks.
const NEVER: u32 = u32::MAX;

/// The library's words for a command that it did not take, since its task has ended.
const NOT_TAKEN: &str = "Failed to send command to router.";

/// The time that a client of the library lives.
#[derive(Clone, Copy, Debug)]
pub(in super::super) enum Lifetime {
    /// It is asked one thing. When the connection is cut, its task ends, and keeps the queue of commands.
    OneQuestion,
    /// Its owner ends its task when the connection is cut, and the queue of commands with it. Until then the task waits.
    UntilCut,
}

/// One encrypted connection. It is made when it is told to, in a single attempt.
#[derive(Clone, Debug)]
pub(in super::super) struct Client(fred::clients::Client);

impl Client {
    /// A client that is not connected yet.
    pub(in super::super) fn new(tls: &Tls, terms: &Terms, node: &Node, lifetime: Lifetime) -> Self {
        let server = Server::new(node.host.as_str(), node.port);
        let mut config = Config {
            fail_fast: true,
            database: terms.database,
            server: ServerConfig::Centralized { server },
            ..Config::default()
        };
        tls.apply(&mut config);
        log_in(&terms.login, &mut config);
        let connection = ConnectionConfig {
            connection_timeout: terms.connect_timeout,
            internal_command_timeout: terms.connect_timeout,
            max_command_attempts: 1,
            reconnect_on_auth_error: true,
            tcp: TcpConfig {
                nodelay: Some(true),
                keepalive: terms.keep_alive.then(TcpKeepalive::new),
                ..TcpConfig::default()
            },
            ..ConnectionConfig::default()
        };
        let performance = PerformanceConfig::default();
        let policy = match lifetime {
            Lifetime::OneQuestion => None,
            Lifetime::UntilCut => Some(ReconnectPolicy::new_constant(0, NEVER)),
        };
        let client =
            fred::clients::Client::new(config, Some(performance), Some(connection), policy);
        Self(client)
    }

    /// Tells of the end of a connection, or that there was none, and of its beginning.
    pub(in super::super) fn watch(
        &self,
        ended: impl Fn(&Error, bool) + Send + Sync + 'static,
        connected: impl Fn() + Send + Sync + 'static,
    ) {
        self.0.on_error(move |(error, of)| {
            ended(&error_of_library(&error), of.is_some());
            std::future::ready(Ok(()))
        });
        self.0.on_reconnect(move |_| {
            connected();
            std::future::ready(Ok(()))
        });
    }

    /// Starts to connect, in a task that has the connection and the commands that wait. It ends early by the handle.
    pub(in super::super) fn connect(
        &self,
    ) -> (AbortHandle, impl Future<Output = ()> + Send + use<>) {
        let task = self.0.connect();
        (task.abort_handle(), async move {
            // What went wrong was told.
            let _ = task.await;
        })
    }

    /// Waits for a connection, or for something to happen to it.
    pub(in super::super) async fn wait_for_connect(&self) {
        let _ = self.0.wait_for_connect().await;
    }

    /// True if there is a connection.
    pub(in super::super) fn is_connected(&self) -> bool {
        self.0.is_connected()
    }

    /// The number of the connection at Redis, if it is known.
    pub(in super::super) fn id(&self) -> Option<i64> {
        self.0.connection_ids().into_values().next()
    }

    /// Sends a command, and waits for its answer as long as it takes. After the end of the connection the library calls that by
    /// many names, and its owner knows.
    pub(in super::super) async fn send(
        &self,
        name: &'static str,
        words: Vec<Value>,
        is_closed: &AtomicBool,
    ) -> Result<Value, Error> {
        let words: Vec<_> = words.into_iter().map(to_library).collect();
        let answer: Result<LibraryValue, _> = self.0.custom(command(name), words).await;
        match answer {
            Ok(answer) => Ok(value_of_library(answer)),
            Err(error) => {
                let error = error_of_library(&error);
                Err(match is_closed.load(Ordering::Relaxed) {
                    true => cut(error),
                    false => error,
                })
            }
        }
    }

    /// Says goodbye to Redis, and closes the connection.
    pub(in super::super) async fn quit(&self) {
        let _ = self.0.quit().await;
    }

    /// Connects, asks one thing, and closes the connection.
    pub(in super::super) async fn ask(
        self,
        name: &'static str,
        argument: &'static str,
    ) -> Result<Value, Error> {
        let asked = async {
            let _task = connect(&self.0).await?;
            let answer = one(&self.0, name, argument).await;
            let _ = self.0.quit().await;
            answer
        };
        let answer: Result<LibraryValue, LibraryError> = asked.await;
        answer
            .map(value_of_library)
            .map_err(|error| error_of_library(&error))
    }

    /// Connects, and subscribes to a channel.
    pub(in super::super) async fn listen(self, channel: &'static str) -> Result<Listening, Error> {
        let client = self.0;
        let messages = client.message_rx();
        let subscribed = async {
            let task = connect(&client).await?;
            // The library keeps the confirmation of a subscription to itself, and gives the first command the answer to the
            // second. A refusal is the answer to the first.
            let subscribe = one(&client, "SUBSCRIBE", channel);
            let confirm = one(&client, "PING", "x");
            tokio::pin!(subscribe, confirm);
            let answer = tokio::select! {
                biased; // They are sent in this order, too.
                answer = &mut subscribe => answer,
                answer = &mut confirm => answer,
            };
            match answer {
                Err(error) if !error.details().contains("'ping'") => Err(error),
                _ => Ok(task),
            }
        };
        let task = subscribed.await.map_err(|error| error_of_library(&error))?;
        Ok(Listening {
            client,
            task,
            messages,
        })
    }
}

/// A subscription.
pub(in super::super) struct Listening {
    client: fred::clients::Client,
    task: Task,
    messages: Receiver<Message>,
}

impl Listening {
    /// Waits for the next message; `None` when the connection has ended.
    pub(in super::super) async fn next(&mut self) -> Option<Value> {
        loop {
            let message = tokio::select! {
                biased;
                message = self.messages.recv() => message,
                _ = &mut self.task.0 => return None,
            };
            match message {
                Ok(message) => return Some(value_of_library(message.value)),
                Err(RecvError::Lagged(_)) => {}
                Err(RecvError::Closed) => return None,
            }
        }
    }
}

impl fmt::Debug for Listening {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let client = &self.client;
        f.debug_struct("Listening")
            .field("client", client)
            .finish_non_exhaustive()
    }
}

/// The task of a connection; it ends with this, also when the answer did not come in time.
struct Task(ConnectHandle);

impl Drop for Task {
    fn drop(&mut self) {
        self.0.abort();
    }
}

/// Connects, once. Whoever gives up meanwhile leaves no task behind.
async fn connect(client: &fred::clients::Client) -> Result<Task, LibraryError> {
    let mut connected = client.reconnect_rx();
    let mut task = Task(client.connect());
    tokio::select! {
        _ = connected.recv() => Ok(task),
        ended = &mut task.0 => Err(match ended {
            Ok(Err(error)) => error,
            _ => LibraryError::new(LibraryErrorKind::Canceled, "the runtime ends"),
        }),
    }
}

async fn one(
    client: &fred::clients::Client,
    name: &'static str,
    argument: &'static str,
) -> Result<LibraryValue, LibraryError> {
    let words = vec![LibraryValue::from_static_str(argument)];
    client.custom(command(name), words).await
}

/// A command for the library, which sends nothing behind one that blocks.
fn command(name: &'static str) -> CustomCommand {
    let is_blocking = matches!(name, "BLPOP" | "BLMPOP" | "BLMOVE");
    // The place of the keys is for its mode for clusters.
    CustomCommand::new_static(name, ClusterHash::FirstKey, is_blocking)
}

/// The error of a command whose connection has ended, in the place of the library's.
fn cut(error: Error) -> Error {
    if failure::is_answer(&error) || error.kind() == ErrorKind::Timeout {
        return error;
    }
    match error.details() {
        NOT_TAKEN => failure::not_sent(),
        _ => failure::not_answered(),
    }
}

/// Sets a login in the library's configuration.
fn log_in(login: &Login, config: &mut Config) {
    match login {
        Login::Fixed { username, password } => {
            config.username.clone_from(username);
            config.password.clone_from(password);
        }
        Login::Read(reader) => {
            let reader: Arc<dyn CredentialProvider> = Arc::clone(reader) as _;
            config.credential_provider = Some(reader);
        }
    }
}

impl CredentialProvider for Reader {
    // As the library's macro writes it.
    fn fetch<'reader, 'server, 'fetch>(
        &'reader self,
        _: Option<&'server Server>,
    ) -> Pin<Box<dyn Future<Output = Result<Pair, LibraryError>> + Send + 'fetch>>
    where
        'reader: 'fetch,
        'server: 'fetch,
        Self: 'fetch,
    {
        Box::pin(async {
            let read = self.read().await;
            // Its text is what it is known by.
            let of_library = |error: Error| {
                let details = error.details().to_owned();
                LibraryError::new(LibraryErrorKind::Unknown, details)
            };
            read.map_err(of_library)
        })
    }
}
