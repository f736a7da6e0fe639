//! A connection to Redis that goes wrong on demand.
//!
//! A proxy passes bytes on, both ways. It can be told to do so late, to freeze the connections that there are (nothing
//! passes any more, and nothing tells), to cut them, or to cut them once so many more bytes of answers have passed. It can
//! make the clock of Redis seem to be ahead.

use std::net::SocketAddr;
use std::sync::atomic::{AtomicBool, AtomicI64, AtomicU64, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use soa_redis::RedisSettings;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::tcp::{OwnedReadHalf, OwnedWriteHalf};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::watch;
use tokio::task::JoinHandle;

use crate::support::Redis;

pub(crate) struct Proxy {
    port: u16,
    state: Arc<State>,
    task: JoinHandle<()>,
}

struct State {
    target: SocketAddr,
    delay_ms: AtomicU64,
    /// How many bytes of answers pass before everything is cut; negative for any number.
    budget: AtomicI64,
    /// Changes when the connections that there are are cut.
    generation: watch::Sender<u64>,
    /// The connections that there are freeze when this is set.
    freeze: Mutex<Arc<AtomicBool>>,
    accepts: AtomicBool,
    /// Number of seconds that are added to what Redis says of its time.
    seconds_ahead: AtomicU64,
}

impl Proxy {
    pub(crate) async fn before(redis: &Redis) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let port = listener.local_addr().unwrap().port();
        let state = Arc::new(State {
            target: SocketAddr::from(([127, 0, 0, 1], redis.port)),
            delay_ms: AtomicU64::new(0),
            budget: AtomicI64::new(-1),
            generation: watch::channel(0).0,
            freeze: Mutex::default(),
            accepts: AtomicBool::new(true),
            seconds_ahead: AtomicU64::new(0),
        });
        let shared = Arc::clone(&state);
        let task = tokio::spawn(async move {
            loop {
                let (client, _) = listener.accept().await.unwrap();
                tokio::spawn(serve(client, Arc::clone(&shared)));
            }
        });
        Self { port, state, task }
    }

    pub(crate) fn settings(&self) -> RedisSettings {
        RedisSettings::new("127.0.0.1", self.port)
    }

    /// The port at which it takes connections.
    pub(crate) fn port(&self) -> u16 {
        self.port
    }

    /// Whatever passes from now on is late.
    pub(crate) fn delay(&self, delay: Duration) {
        let delay = u64::try_from(delay.as_millis()).unwrap();
        self.state.delay_ms.store(delay, Ordering::Relaxed);
    }

    /// Cuts the connections that there are.
    pub(crate) fn cut(&self) {
        self.state.cut();
    }

    /// Cuts the connections after so many more bytes of answers.
    pub(crate) fn cut_after(&self, bytes: i64) {
        self.state.budget.store(bytes, Ordering::Relaxed);
    }

    /// Nothing passes any more on the connections that there are; new ones are fine.
    pub(crate) fn freeze(&self) {
        let frozen = std::mem::take(&mut *self.state.freeze.lock().unwrap());
        frozen.store(true, Ordering::Relaxed);
    }

    /// The clock of Redis is so many seconds ahead, as far as one can see from here.
    pub(crate) fn clock_ahead(&self, seconds: u64) {
        self.state.seconds_ahead.store(seconds, Ordering::Relaxed);
    }

    /// Whether new connections are served, or accepted and left alone.
    pub(crate) fn accepts(&self, accepts: bool) {
        self.state.accepts.store(accepts, Ordering::Relaxed);
    }
}

impl Drop for Proxy {
    fn drop(&mut self) {
        self.task.abort();
        self.state.cut();
    }
}

impl State {
    fn cut(&self) {
        self.generation.send_modify(|generation| *generation += 1);
    }
}

async fn serve(client: TcpStream, state: Arc<State>) {
    let mut generation = state.generation.subscribe();
    generation.mark_unchanged();
    let is_frozen = Arc::clone(&state.freeze.lock().unwrap());
    if !state.accepts.load(Ordering::Relaxed) {
        let _ = generation.changed().await;
        return;
    }
    let Ok(server) = TcpStream::connect(state.target).await else {
        return;
    };
    let (from_client, to_client) = client.into_split();
    let (from_server, to_server) = server.into_split();
    tokio::select! {
        _ = generation.changed() => {}
        () = pass(from_client, to_server, &state, &is_frozen, false) => {}
        () = pass(from_server, to_client, &state, &is_frozen, true) => {}
    }
}

async fn pass(
    mut from: OwnedReadHalf,
    mut to: OwnedWriteHalf,
    state: &State,
    is_frozen: &AtomicBool,
    is_answer: bool,
) {
    let mut buffer = vec![0; 16 * 1024];
    while let Ok(length @ 1..) = from.read(&mut buffer).await {
        let delay = state.delay_ms.load(Ordering::Relaxed);
        if delay > 0 {
            tokio::time::sleep(Duration::from_millis(delay)).await;
        }
        if is_frozen.load(Ordering::Relaxed) {
            std::future::pending::<()>().await;
        }
        if is_answer {
            shift_time(
                &mut buffer[..length],
                state.seconds_ahead.load(Ordering::Relaxed),
            );
        }
        let mut passes = length;
        let budget = state.budget.load(Ordering::Relaxed);
        if is_answer && budget >= 0 {
            let left = budget - i64::try_from(length).unwrap();
            state.budget.store(left.max(-1), Ordering::Relaxed);
            if left < 0 {
                passes = usize::try_from(budget).unwrap();
            }
        }
        if to.write_all(&buffer[..passes]).await.is_err() {
            return;
        }
        if passes < length {
            state.cut();
        }
    }
}

/// Adds to the seconds in an answer to TIME, if there is one.
fn shift_time(answers: &mut [u8], ahead: u64) {
    const BEGIN: &[u8] = b"*2\r\n$10\r\n";
    let place = answers.windows(BEGIN.len()).position(|part| part == BEGIN);
    let Some(seconds) = place.and_then(|place| answers[place + BEGIN.len()..].get_mut(..10)) else {
        return;
    };
    if let Some(time) = std::str::from_utf8(seconds)
        .ok()
        .and_then(|text| text.parse::<u64>().ok())
    {
        seconds.copy_from_slice(format!("{:010}", time + ahead).as_bytes());
    }
}
