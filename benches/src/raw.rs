//! The bound: what Redis, the sockets and the runtime allow when nothing is encoded, decoded or validated.
//!
//! Both sides do what the framework's do on the wire: a queue in front of a list, from which all that is there
//! goes out by one call of the same script; blocking pops of many; frames of the same sizes; an answer finds its
//! caller by its id. The commands are written to a socket by hand, with one connection for pushes and one for
//! pops, in one thread.

use std::collections::VecDeque;
use std::error::Error;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use bytes::Bytes;
use soa::RedisSettings;
use std::collections::HashMap;
use tokio::sync::{Notify, oneshot};

use crate::resp::{Connection, Reply};

/// The script by which the framework pushes.
const PUSH: &str = include_str!("../../soa-runtime/src/transport/redis/push.lua");

/// The lists.
const REQUESTS: &str = "load.raw.requests";
const ANSWERS: &str = "load.raw.answers";

/// How large the frames of the example service's `square` are.
const REQUEST: usize = 341;
const ANSWER: usize = 301;

/// At most so many frames in one push, as in the framework.
const BATCH: usize = 128;

/// At most so many frames in one pop, as in the framework.
const REQUESTS_A_POP: &str = "32";
const ANSWERS_A_POP: &str = "64";

/// The side that calls.
#[derive(Debug)]
pub(crate) struct Caller {
    next: AtomicU64,
    outbox: Arc<Outbox>,
    waiting: Arc<Mutex<HashMap<u64, oneshot::Sender<()>>>>,
}

impl Caller {
    pub(crate) async fn connect(settings: &RedisSettings) -> Result<Self, Box<dyn Error>> {
        let outbox = Outbox::start(settings, REQUESTS).await?;
        let waiting = Arc::<Mutex<HashMap<u64, oneshot::Sender<()>>>>::default();
        let mut connection = Connection::open(settings).await?;
        let callers = Arc::clone(&waiting);
        tokio::spawn(async move {
            // Without answers the calls end by their timeout, and the run with an error.
            while let Ok(frames) = pop(&mut connection, ANSWERS, ANSWERS_A_POP).await {
                for frame in frames {
                    if let Some(caller) = lock(&callers).remove(&id_of(&frame)) {
                        let _ = caller.send(()); // It may have given up.
                    }
                }
            }
        });
        Ok(Self {
            next: AtomicU64::new(0),
            outbox,
            waiting,
        })
    }

    pub(crate) async fn call(&self) -> Result<(), String> {
        let id = self.next.fetch_add(1, Ordering::Relaxed);
        let (caller, answer) = oneshot::channel();
        lock(&self.waiting).insert(id, caller);
        self.outbox.send(frame(id, REQUEST));
        answer.await.map_err(|error| error.to_string())
    }
}

/// The side that answers, for as long as there is a Redis.
pub(crate) async fn serve(settings: &RedisSettings) -> Result<(), Box<dyn Error>> {
    let outbox = Outbox::start(settings, ANSWERS).await?;
    let mut connection = Connection::open(settings).await?;
    loop {
        for request in pop(&mut connection, REQUESTS, REQUESTS_A_POP).await? {
            outbox.send(frame(id_of(&request), ANSWER));
        }
    }
}

fn frame(id: u64, size: usize) -> Bytes {
    let mut frame = vec![b'.'; size];
    let id = id.to_be_bytes();
    frame.splice(..id.len(), id);
    frame.into()
}

fn id_of(frame: &[u8]) -> u64 {
    frame.first_chunk().map_or(0, |id| u64::from_be_bytes(*id))
}

async fn pop(
    connection: &mut Connection,
    list: &str,
    count: &str,
) -> Result<Vec<Bytes>, Box<dyn Error>> {
    let command = ["BLMPOP", "5", "1", list, "LEFT", "COUNT", count];
    connection.send(&command).await?;
    let frames = match connection.receive().await? {
        Reply::List(mut answer) => answer.pop(),
        Reply::Nothing => return Ok(Vec::new()),
        other => return Err(format!("Redis answered a pop with {other:?}").into()),
    };
    let Some(Reply::List(frames)) = frames else {
        return Err("Redis answered a pop without frames".into());
    };
    let bytes = frames.into_iter().filter_map(|frame| match frame {
        Reply::Text(bytes) => Some(bytes),
        _ => None,
    });
    Ok(bytes.collect())
}

/// What waits to be pushed to a list.
#[derive(Debug, Default)]
struct Outbox {
    queue: Mutex<VecDeque<Bytes>>,
    filled: Notify,
}

impl Outbox {
    async fn start(settings: &RedisSettings, list: &str) -> Result<Arc<Self>, Box<dyn Error>> {
        let mut connection = Connection::open(settings).await?;
        connection.send(&["SCRIPT", "LOAD", PUSH]).await?;
        let Reply::Text(script) = connection.receive().await? else {
            return Err("Redis takes no scripts".into());
        };
        let outbox = Arc::new(Self::default());
        let sending = Arc::clone(&outbox);
        let arguments = ["EVALSHA", "", "1", list, "60000", "10000"];
        let mut head = arguments.map(|argument| Bytes::copy_from_slice(argument.as_bytes()));
        if let Some(place) = head.get_mut(1) {
            *place = script;
        }
        tokio::spawn(async move {
            if let Err(error) = sending.run(connection, head.to_vec()).await {
                eprintln!("error: pushing failed: {error}");
            }
        });
        Ok(outbox)
    }

    fn send(&self, frame: Bytes) {
        lock(&self.queue).push_back(frame);
        self.filled.notify_one();
    }

    async fn run(
        &self,
        mut connection: Connection,
        head: Vec<Bytes>,
    ) -> Result<(), Box<dyn Error>> {
        loop {
            self.filled.notified().await;
            loop {
                // Whoever is about to send gets to do so first.
                tokio::task::yield_now().await;
                let mut command = head.clone();
                {
                    let mut queue = lock(&self.queue);
                    let count = queue.len().min(BATCH);
                    command.extend(queue.drain(..count));
                }
                if command.len() == head.len() {
                    break;
                }
                connection.send(&command).await?;
                if let Reply::Error(problem) = connection.receive().await? {
                    return Err(problem.into());
                }
            }
        }
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    // Nothing panics while one of these is held.
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
