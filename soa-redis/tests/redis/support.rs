//! What the tests of the Redis transport share: a Redis of their own, a service, and a raw connection.

#![allow(clippy::unwrap_used, clippy::expect_used)] // Helpers of tests may fail loudly.

use std::collections::HashMap;
use std::io::{BufRead, BufReader, Read, Write};
use std::net::{TcpListener, TcpStream};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, LazyLock, Mutex};
use std::time::{Duration, Instant};

use bytes::Bytes;
use soa_redis::{RedisClientTransport, RedisServerTransport, RedisSettings};
use soa_runtime::client::ClientRequest;
use soa_runtime::codec::Encoding;
use soa_runtime::middleware::{ClientStage, Next, from_fn};
use soa_runtime::transport::ServerTransport as _;
use soa_runtime::wire::{FrameHead, ProtocolVersion, write_request};
use soa_runtime::{
    ActionError, ActionRequest, Body, Client, ClientError, Context, ContextHeader, Control,
    ErrorKind, JobRequest, Server, StartupError, TransportError, TransportErrorKind, Value, value,
};
use tokio::task::JoinHandle;

use crate::kept::Log;

/// The log of all tests. They have one, since it is not certain which of several threads writes to which.
static LOG: LazyLock<Log> = LazyLock::new(|| {
    let log = Log::default();
    tracing::subscriber::set_global_default(log.clone()).expect("there is no other");
    log
});

/// A Redis on a free port, without persistence; it ends with this.
pub(crate) struct Redis {
    pub(crate) port: u16,
    arguments: Vec<String>,
    process: Option<Child>,
}

impl Redis {
    pub(crate) fn start() -> Self {
        Self::with(&[])
    }

    /// One with these further options.
    pub(crate) fn with(arguments: &[&str]) -> Self {
        LazyLock::force(&LOG);
        let mut redis = Self {
            port: free_port(),
            arguments: arguments.iter().map(ToString::to_string).collect(),
            process: None,
        };
        redis.start_again();
        redis
    }

    /// Starts it on the same port, empty.
    pub(crate) fn start_again(&mut self) {
        // Replication writes one, and another Redis would read it.
        let _ = std::fs::remove_file(self.dump());
        self.start_process(&[]);
    }

    /// Starts it on the same port with data that it has to load, which takes it about so long. Meanwhile it refuses nearly
    /// all commands with `LOADING`.
    pub(crate) fn start_again_loading(&mut self, time: Duration) {
        let count = time.as_millis().to_string();
        let fill = b"for i = 1, ARGV[1] do redis.call('SET', 'key:' .. i, i) end";
        self.command(&[b"EVAL", fill, b"0", count.as_bytes()]);
        assert_eq!(self.text("SAVE"), Reply::Text("+OK".to_owned()));
        self.kill();
        // A pause for each key, in microseconds, and a look at the connections after each few of them.
        let delay = ["--key-load-delay", "1000"];
        let interval = ["--loading-process-events-interval-bytes", "1024"];
        self.start_process(&[delay, interval].concat());
    }

    fn start_process(&mut self, further: &[&str]) {
        let mut command = Command::new("redis-server");
        command.args(["--bind", "127.0.0.1", "--save", "", "--appendonly", "no"]);
        command.args(["--port", &self.port.to_string()]);
        command.args(["--dbfilename", &format!("redis-{}.rdb", self.port)]);
        command.args(&self.arguments).args(further);
        command.current_dir(env!("CARGO_TARGET_TMPDIR"));
        let started = command.stdout(Stdio::null()).stderr(Stdio::null()).spawn();
        self.process = Some(started.expect("`redis-server` can be started"));
        let limit = Instant::now() + Duration::from_secs(20);
        while TcpStream::connect(("127.0.0.1", self.port)).is_err() {
            assert!(Instant::now() < limit, "Redis does not start");
            std::thread::sleep(Duration::from_millis(5));
        }
    }

    /// Starts it on the same port, empty, with these options in the place of those it had.
    pub(crate) fn start_again_with(&mut self, arguments: &[&str]) {
        self.arguments = arguments.iter().map(ToString::to_string).collect();
        self.start_again();
    }

    /// Sends a signal to it: `STOP` and `CONT` make it hang, and go on.
    pub(crate) fn signal(&self, signal: &str) {
        let pid = self.process.as_ref().unwrap().id().to_string();
        let sent = Command::new("kill").args(["-s", signal, &pid]).status();
        assert!(sent.unwrap().success());
    }

    fn dump(&self) -> PathBuf {
        let name = format!("redis-{}.rdb", self.port);
        Path::new(env!("CARGO_TARGET_TMPDIR")).join(name)
    }

    pub(crate) fn kill(&mut self) {
        if let Some(mut process) = self.process.take() {
            process.kill().unwrap();
            process.wait().unwrap();
        }
    }

    pub(crate) fn settings(&self) -> RedisSettings {
        RedisSettings::new("127.0.0.1", self.port)
    }

    /// Runs one command; see [`Reply`].
    pub(crate) fn command(&self, arguments: &[&[u8]]) -> Reply {
        Self::ask(self.port, arguments)
    }

    /// Runs one command at whatever listens on a port.
    pub(crate) fn command_at(port: u16, command: &str) -> Reply {
        let words: Vec<&[u8]> = command.split(' ').map(str::as_bytes).collect();
        Self::ask(port, &words)
    }

    fn ask(port: u16, arguments: &[&[u8]]) -> Reply {
        let mut stream = TcpStream::connect(("127.0.0.1", port)).unwrap();
        let mut out = format!("*{}\r\n", arguments.len()).into_bytes();
        for argument in arguments {
            out.extend_from_slice(format!("${}\r\n", argument.len()).as_bytes());
            out.extend_from_slice(argument);
            out.extend_from_slice(b"\r\n");
        }
        stream.write_all(&out).unwrap();
        read_reply(&mut BufReader::new(stream))
    }

    pub(crate) fn text(&self, command: &str) -> Reply {
        Self::command_at(self.port, command)
    }

    pub(crate) fn keys(&self) -> Vec<String> {
        let Reply::List(keys) = self.text("KEYS *") else {
            panic!()
        };
        keys.into_iter()
            .map(|key| String::from_utf8(key.bytes()).unwrap())
            .collect()
    }

    pub(crate) fn integer(&self, command: &str) -> i64 {
        let Reply::Integer(number) = self.text(command) else {
            panic!("{command}")
        };
        number
    }
}

impl Drop for Redis {
    fn drop(&mut self) {
        self.kill();
        let _ = std::fs::remove_file(self.dump());
    }
}

/// A port that nobody listens on.
pub(crate) fn free_port() -> u16 {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    listener.local_addr().unwrap().port()
}

/// An answer of Redis.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Reply {
    Nil,
    Text(String),
    Integer(i64),
    Bytes(Vec<u8>),
    List(Vec<Reply>),
}

impl Reply {
    pub(crate) fn bytes(self) -> Vec<u8> {
        let Self::Bytes(bytes) = self else {
            panic!("{self:?}")
        };
        bytes
    }
}

fn read_reply(stream: &mut BufReader<TcpStream>) -> Reply {
    let mut line = String::new();
    stream.read_line(&mut line).unwrap();
    let line = line.trim_end();
    let number = || line[1..].parse::<i64>().unwrap();
    match line.as_bytes()[0] {
        b'$' | b'*' if number() < 0 => Reply::Nil,
        b':' => Reply::Integer(number()),
        b'$' => {
            let mut bytes = vec![0; usize::try_from(number()).unwrap() + 2];
            stream.read_exact(&mut bytes).unwrap();
            bytes.truncate(bytes.len() - 2);
            Reply::Bytes(bytes)
        }
        b'*' => Reply::List((0..number()).map(|_| read_reply(stream)).collect()),
        _ => Reply::Text(line.to_owned()),
    }
}

/// Waits until something is so.
pub(crate) async fn until(what: &str, mut is_so: impl FnMut() -> bool) {
    let limit = Instant::now() + Duration::from_secs(30);
    while !is_so() {
        assert!(Instant::now() < limit, "never came true: {what}");
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
}

/// A server of `test` with `echo`, and whatever else the test adds.
pub(crate) fn service() -> soa_runtime::ServerBuilder {
    Server::untyped("test", "1.0.0").action("echo", |body: Value, _: Context| async {
        Ok::<_, ActionError>(body)
    })
}

/// A server that runs, and how it is stopped.
pub(crate) struct Running {
    pub(crate) server: Server,
    pub(crate) transport: RedisServerTransport,
    task: JoinHandle<Result<(), StartupError>>,
}

impl Running {
    pub(crate) fn start(server: Server, settings: RedisSettings) -> Self {
        Self::start_with(server, RedisServerTransport::new("test", settings).unwrap())
    }

    pub(crate) fn start_with(server: Server, transport: RedisServerTransport) -> Self {
        let (running, taken_from) = (server.clone(), transport.clone());
        let task = tokio::spawn(async move { running.run(taken_from).await });
        Self {
            server,
            transport,
            task,
        }
    }

    pub(crate) async fn stop(self) {
        self.transport.close();
        let ended = tokio::time::timeout(Duration::from_secs(20), self.task).await;
        ended.expect("the server stops").unwrap().unwrap();
    }
}

/// A ring of so many masters, and settings for it.
pub(crate) fn ring(count: usize) -> (Vec<Redis>, RedisSettings) {
    let masters: Vec<_> = (0..count).map(|_| Redis::start()).collect();
    let settings = RedisSettings::ring(masters.iter().map(|redis| ("127.0.0.1", redis.port)));
    (masters, settings)
}

pub(crate) fn client(settings: RedisSettings) -> Client {
    let transport = RedisClientTransport::new("test", settings).unwrap();
    Client::builder()
        .service("test", transport)
        .build()
        .unwrap()
}

/// Callers that call `count` with ids of their own, one call after another, until they are told to stop, and then until
/// one call was answered. Every call has to end soon after its timeout.
pub(crate) struct Load {
    is_over: Arc<AtomicBool>,
    answered: Arc<AtomicU64>,
    callers: Vec<JoinHandle<Tally>>,
    runs: Arc<Mutex<HashMap<String, u32>>>,
}

/// What became of calls.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Tally {
    pub(crate) made: u64,
    pub(crate) answered: u64,
    pub(crate) failed: u64,
}

impl Load {
    /// A server for a load, which notes what was run, and the notes.
    pub(crate) fn service() -> (soa_runtime::ServerBuilder, Arc<Mutex<HashMap<String, u32>>>) {
        let runs = Arc::new(Mutex::new(HashMap::<String, u32>::new()));
        let counted = Arc::clone(&runs);
        let server = service().action("count", move |body: Value, _: Context| {
            let id = body.as_map().unwrap().get("id").unwrap();
            let id = id.as_str().unwrap().to_owned();
            *counted.lock().unwrap().entry(id).or_default() += 1;
            async { Ok::<_, ActionError>(body) }
        });
        (server, runs)
    }

    pub(crate) fn start(client: &Client, runs: Arc<Mutex<HashMap<String, u32>>>) -> Self {
        let is_over = Arc::new(AtomicBool::new(false));
        let answered = Arc::new(AtomicU64::new(0));
        let callers = (0..16).map(|caller| {
            let (client, is_over) = (client.clone(), Arc::clone(&is_over));
            let answered = Arc::clone(&answered);
            tokio::spawn(async move {
                let mut tally = Tally::default();
                loop {
                    let is_last = is_over.load(Ordering::Relaxed);
                    let body = value!({ "id": (format!("{caller}/{}", tally.made)) });
                    let call = client.call_action("test", "count", &body);
                    tally.made += 1;
                    let start = Instant::now();
                    let outcome = call.timeout(Duration::from_secs(2)).await;
                    let took = start.elapsed();
                    assert!(took < Duration::from_secs(20), "a call hung for {took:?}");
                    match outcome {
                        Ok(answer) => {
                            assert_eq!(answer, body);
                            tally.answered += 1;
                            answered.fetch_add(1, Ordering::Relaxed);
                            if is_last {
                                return tally;
                            }
                        }
                        Err(error) => {
                            let kinds = [ErrorKind::Timeout, ErrorKind::Transport];
                            // On a busy machine, more comes together in an outage than is served in time afterwards.
                            let is_refused = error.to_string().contains("OVERLOADED");
                            assert!(is_refused || kinds.contains(&error.kind()), "{error}");
                            assert_transient(&error);
                            tally.failed += 1;
                            assert!(tally.failed < 10_000, "it does not recover");
                            tokio::time::sleep(Duration::from_millis(5)).await;
                        }
                    }
                }
            })
        });
        Self {
            callers: callers.collect(),
            is_over,
            answered,
            runs,
        }
    }

    /// How many calls were answered so far.
    pub(crate) fn answered(&self) -> u64 {
        self.answered.load(Ordering::Relaxed)
    }

    /// Waits until so many more calls were answered.
    pub(crate) async fn goes_on(&self, more: u64) {
        let enough = self.answered() + more;
        until("calls are answered", || self.answered() >= enough).await;
    }

    /// Ends the load, and checks that no call was lost and none was run twice.
    pub(crate) async fn finish(self) -> Tally {
        self.is_over.store(true, Ordering::Relaxed);
        let mut sum = Tally::default();
        for caller in self.callers {
            let tally = tokio::time::timeout(Duration::from_secs(60), caller).await;
            let tally = tally.expect("no caller hangs").unwrap();
            assert_eq!(tally.answered + tally.failed, tally.made);
            sum.made += tally.made;
            sum.answered += tally.answered;
            sum.failed += tally.failed;
        }
        for (id, runs) in self.runs.lock().unwrap().iter() {
            assert_eq!(*runs, 1, "{id}");
        }
        sum
    }
}

/// Whether a failure of a transport is one that says that it may work when tried again.
fn assert_transient(error: &ClientError) {
    let source = error.reason();
    if let Some(error) = source.and_then(|source| source.downcast_ref::<TransportError>()) {
        let kinds = [TransportErrorKind::Transient, TransportErrorKind::QueueFull];
        assert!(kinds.contains(&error.kind()), "{error}");
    }
}

impl Redis {
    /// Waits for the next message of a list.
    pub(crate) async fn wait_for(&self, key: &str) -> Vec<u8> {
        let limit = Instant::now() + Duration::from_secs(30);
        loop {
            match self.text(&format!("LPOP {key}")) {
                Reply::Nil => {}
                reply => return reply.bytes(),
            }
            assert!(Instant::now() < limit, "no message on {key}");
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    }

    /// What was logged about it.
    pub(crate) fn logged(&self) -> Vec<String> {
        self.logged_about(self.port)
    }

    /// What was logged about a port.
    pub(crate) fn logged_about(&self, port: u16) -> Vec<String> {
        logged(&format!("127.0.0.1:{port}"))
    }

    /// How often a command was called.
    pub(crate) fn calls(&self, command: &str) -> u64 {
        self.statistic(command, "calls")
    }

    /// How often a login was refused a command.
    pub(crate) fn refused(&self, command: &str) -> u64 {
        self.statistic(command, "rejected_calls")
    }

    fn statistic(&self, command: &str, name: &str) -> u64 {
        let statistics = String::from_utf8(self.text("INFO commandstats").bytes()).unwrap();
        let (line, name) = (format!("cmdstat_{command}:"), format!("{name}="));
        let mut lines = statistics.lines();
        let found = lines.find_map(|found| found.strip_prefix(&line));
        let number =
            found.and_then(|found| found.split(',').find_map(|part| part.strip_prefix(&name)));
        number.map_or(0, |number| number.parse().unwrap())
    }

    /// How many connections there are, this one among them.
    pub(crate) fn connections(&self) -> usize {
        let list = String::from_utf8(self.text("CLIENT LIST").bytes()).unwrap();
        list.lines().count()
    }
}

/// Lines of the log with this text in them.
pub(crate) fn logged(text: &str) -> Vec<String> {
    let lines = LOG.0.lock().unwrap();
    let lines = lines.iter().filter(|line| line.contains(text));
    lines.cloned().collect()
}

/// A request for `echo`.
pub(crate) fn request(id: i64, reply_to: &str, body: &Value) -> Bytes {
    request_in(
        ProtocolVersion::V3,
        Encoding::MessagePack,
        id,
        reply_to,
        body,
    )
}

pub(crate) fn request_in(
    version: ProtocolVersion,
    encoding: Encoding,
    id: i64,
    reply_to: &str,
    body: &Value,
) -> Bytes {
    let actions = vec![ActionRequest::new("echo", Body::encode(encoding, body))];
    let job = JobRequest::new(ContextHeader::fresh(), Control::default(), actions);
    write_request(
        version,
        encoding,
        id,
        reply_to,
        Duration::from_secs(60),
        &job,
    )
    .unwrap()
}

/// Sends a job that wants no answer.
pub(crate) async fn suppressed(settings: RedisSettings) -> Result<(), ClientError> {
    let suppress = |mut request: ClientRequest, next: Next<ClientStage>| async move {
        request.job.control.suppress_response = Some(true);
        next.run(request).await
    };
    let client = Client::builder()
        .service("test", RedisClientTransport::new("test", settings).unwrap())
        .middleware(from_fn(suppress))
        .build()
        .unwrap();
    let job = client.call_job("test", [("echo".into(), value!({}))]);
    let response = job.await?;
    assert!(response.actions.is_empty());
    Ok(())
}

/// The reply list and the id of the next request.
pub(crate) async fn next_request(redis: &Redis) -> (String, i64) {
    let frame = redis.wait_for("pysoa:service.test").await;
    let start = FrameHead::read(&frame).unwrap().payload_start();
    let envelope = Encoding::MessagePack.decode_value(&frame[start..]).unwrap();
    let envelope = envelope.as_map().unwrap();
    let meta = envelope.get("meta").unwrap().as_map().unwrap();
    let reply_to = meta.get("reply_to").unwrap().as_str().unwrap();
    let id = envelope.get("request_id").unwrap().as_i64().unwrap();
    (format!("pysoa:{reply_to}"), id)
}
