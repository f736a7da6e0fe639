//! A server on a free port, and callers that write bytes.

use std::net::SocketAddr;
use std::time::Duration;

use soa_http::{Doors, HttpListener, HttpServer, HttpSettings, HttpStopped};
use soa_runtime::{ActionError, Context, Server, Value, value};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;
use tokio::sync::oneshot;
use tokio::task::JoinHandle;

/// Time limit for whatever a test waits for. It is long, because the machine may be busy.
pub(crate) const WAIT_LIMIT: Duration = Duration::from_secs(60);

/// Waits for the end of a future.
pub(crate) async fn within<T>(what: &str, future: impl Future<Output = T>) -> T {
    let ended = tokio::time::timeout(WAIT_LIMIT, future).await;
    ended.unwrap_or_else(|_| panic!("waited in vain: {what}"))
}

/// A service of few actions.
pub(crate) fn tools() -> Server {
    let echo = |body: Value, _: Context| async { Ok::<_, ActionError>(body) };
    let sleep = |body: Value, _: Context| async move {
        let millis = body.get("millis").and_then(Value::as_i64).unwrap_or(0);
        let time = Duration::from_millis(u64::try_from(millis).unwrap_or(0));
        tokio::time::sleep(time).await;
        Ok::<_, ActionError>(value!({ "slept": millis }))
    };
    let large = |body: Value, _: Context| async move {
        let size = body.get("size").and_then(Value::as_i64).unwrap_or(0);
        let text = "x".repeat(usize::try_from(size).unwrap_or(0));
        Ok::<_, ActionError>(value!({ "text": text }))
    };
    let server = Server::untyped("tools", "1.0.0");
    let server = server.action("echo", echo).action("sleep", sleep);
    server.action("large", large).build().unwrap()
}

/// A server that runs.
pub(crate) struct Running {
    pub(crate) address: SocketAddr,
    pub(crate) server: Server,
    stop: Option<oneshot::Sender<()>>,
    task: JoinHandle<HttpStopped>,
}

impl Running {
    pub(crate) fn start(settings: HttpSettings) -> Self {
        Self::with_grace(settings, Duration::from_secs(30))
    }

    pub(crate) fn with_grace(settings: HttpSettings, grace: Duration) -> Self {
        let server = tools();
        let doors = Doors::new(server.clone().into(), settings).unwrap();
        let listener = HttpListener::bind("127.0.0.1:0").unwrap();
        let address = listener.address();
        let http = HttpServer::new(doors, listener).unwrap();
        let (stop, stopped) = oneshot::channel();
        let task = tokio::spawn(http.run_until(async { drop(stopped.await) }, grace));
        Self {
            address,
            server,
            stop: Some(stop),
            task,
        }
    }

    pub(crate) async fn connect(&self) -> Peer {
        Peer(TcpStream::connect(self.address).await.unwrap())
    }

    /// Calls an action on a connection of its own, and requires that it is answered.
    pub(crate) async fn is_serving(&self) {
        let answer = self.connect().await.call("echo", r#"{"n":1}"#).await;
        assert!(answer.starts_with("HTTP/1.1 200 OK"), "{answer}");
        assert!(answer.ends_with(r#"{"n":1}"#), "{answer}");
    }

    /// Waits until this number of jobs were started.
    pub(crate) async fn has_started(&self, jobs: u64) {
        let started = async {
            while self.server.stats().jobs() < jobs {
                tokio::time::sleep(Duration::from_millis(1)).await;
            }
        };
        within("jobs", started).await;
    }

    /// Tells it to stop.
    pub(crate) fn stop(&mut self) {
        let stop = self.stop.take().expect("it is stopped once");
        stop.send(()).expect("it runs");
    }

    /// Waits for its end.
    pub(crate) async fn end(self) -> HttpStopped {
        within("the end of the server", self.task).await.unwrap()
    }
}

/// A connection.
pub(crate) struct Peer(pub(crate) TcpStream);

impl Peer {
    pub(crate) async fn send(&mut self, bytes: impl AsRef<[u8]>) {
        self.0.write_all(bytes.as_ref()).await.unwrap();
    }

    /// Sends, as far as the other side takes it.
    pub(crate) async fn try_send(&mut self, bytes: impl AsRef<[u8]>) -> bool {
        self.0.write_all(bytes.as_ref()).await.is_ok()
    }

    /// Reads one answer, by its length.
    pub(crate) async fn answer(&mut self) -> String {
        let mut read = Vec::new();
        let whole = async {
            loop {
                if let Some(end) = end_of_answer(&read) {
                    assert_eq!(end, read.len(), "more than one answer");
                    return;
                }
                let count = self.0.read_buf(&mut read).await.unwrap_or(0);
                if count == 0 {
                    return;
                }
            }
        };
        within("an answer", whole).await;
        String::from_utf8(read).unwrap()
    }

    /// Reads until the server closes the connection.
    pub(crate) async fn rest(&mut self) -> String {
        let mut read = Vec::new();
        let _ = within("the end of the connection", self.0.read_to_end(&mut read)).await;
        String::from_utf8(read).unwrap()
    }

    /// Calls an action, and closes the connection.
    pub(crate) async fn call(mut self, action: &str, body: &str) -> String {
        self.send(request(action, body)).await;
        self.answer().await
    }
}

fn end_of_answer(read: &[u8]) -> Option<usize> {
    let text = String::from_utf8_lossy(read);
    let (head, _) = text.split_once("\r\n\r\n")?;
    let lower = head.to_lowercase();
    let length = lower.split("content-length: ").nth(1);
    let length = length.and_then(|rest| rest.split("\r\n").next()?.parse::<usize>().ok());
    let end = head.len() + 4 + length.unwrap_or(0);
    (read.len() >= end).then_some(end)
}

/// The request of a call by name.
pub(crate) fn request(action: &str, body: &str) -> String {
    let length = body.len();
    format!(
        "POST /call/tools/{action} HTTP/1.1\r\nhost: test\r\ncontent-type: application/json\r\n\
         content-length: {length}\r\n\r\n{body}"
    )
}

/// The settings that a function changes.
pub(crate) fn settings(change: impl FnOnce(&mut HttpSettings)) -> HttpSettings {
    let mut settings = HttpSettings::default();
    change(&mut settings);
    settings
}
