//! The upper bound: the round trips that Redis, sockets and runtime allow when nothing is encoded, decoded or validated.
//!
//! Client and server put the same load on the wire as the framework: a queue in front of each list, which the same script
//! pushes in one call; blocking pops of many frames; frames of the same sizes; replies that are matched by their ids. The
//! commands are written to sockets by hand, with one connection for pushes and one for pops, on one thread.

use std::collections::VecDeque;
use std::error::Error;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use bytes::Bytes;
use soa::RedisSettings;
use std::collections::HashMap;
use tokio::sync::{Notify, oneshot};

use crate::output;
use crate::resp::{Connection, Reply};

/// The script with which the framework pushed when the yardstick was made: it stays, whatever the framework does.
const PUSH_SCRIPT: &str = include_str!("push.lua");

const REQUEST_LIST: &str = "load.raw.requests";
const REPLY_LIST: &str = "load.raw.answers";

/// The sizes of the frames of the example service's `square`.
const REQUEST_SIZE: usize = 341;
const REPLY_SIZE: usize = 301;

/// The most frames of one push, as in the framework.
const MAX_PUSHED_FRAMES: usize = 128;

/// The most frames of one pop, as in the framework.
const MAX_POPPED_REQUESTS: &str = "32";
const MAX_POPPED_REPLIES: &str = "64";

/// The client side.
#[derive(Debug)]
pub(crate) struct Caller {
    next: AtomicU64,
    outbox: Arc<Outbox>,
    waiting: Arc<Mutex<Waiting>>,
}

/// The calls that wait for a reply, by their ids; `None` once no reply can come any more.
type Waiting = Option<HashMap<u64, oneshot::Sender<()>>>;

impl Caller {
    pub(crate) async fn connect(settings: &RedisSettings) -> Result<Self, Box<dyn Error>> {
        let outbox = Outbox::start(settings, REQUEST_LIST).await?;
        let waiting = Arc::new(Mutex::new(Waiting::Some(HashMap::new())));
        let mut connection = Connection::open(settings).await?;
        let callers = Arc::clone(&waiting);
        tokio::spawn(async move {
            // A pop that fails ends this task, and the calls that wait.
            while let Ok(frames) = pop(&mut connection, REPLY_LIST, MAX_POPPED_REPLIES).await {
                for frame in frames {
                    let mut callers = lock(&callers);
                    let caller = callers.as_mut().and_then(|map| map.remove(&id_of(&frame)));
                    if let Some(caller) = caller {
                        let _ = caller.send(()); // Fails only if the call was cancelled.
                    }
                }
            }
            *lock(&callers) = None;
        });
        Ok(Self {
            next: AtomicU64::new(0),
            outbox,
            waiting,
        })
    }

    pub(crate) async fn call(&self) -> Result<(), String> {
        let id = self.next.fetch_add(1, Ordering::Relaxed);
        let (caller, reply) = oneshot::channel();
        let lost = || "the connection to Redis was lost".to_owned();
        match &mut *lock(&self.waiting) {
            Some(waiting) => drop(waiting.insert(id, caller)),
            None => return Err(lost()),
        }
        self.outbox.send(frame(id, REQUEST_SIZE));
        reply.await.map_err(|_| lost())
    }
}

/// Runs the server side until Redis is gone.
pub(crate) async fn serve(settings: &RedisSettings) -> Result<(), Box<dyn Error>> {
    let outbox = Outbox::start(settings, REPLY_LIST).await?;
    let mut connection = Connection::open(settings).await?;
    loop {
        for request in pop(&mut connection, REQUEST_LIST, MAX_POPPED_REQUESTS).await? {
            outbox.send(frame(id_of(&request), REPLY_SIZE));
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
        Reply::List(mut reply) => reply.pop(),
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

/// The frames that wait to be pushed to a list.
#[derive(Debug, Default)]
struct Outbox {
    queue: Mutex<VecDeque<Bytes>>,
    filled: Notify,
}

impl Outbox {
    async fn start(settings: &RedisSettings, list: &str) -> Result<Arc<Self>, Box<dyn Error>> {
        let mut connection = Connection::open(settings).await?;
        connection.send(&["SCRIPT", "LOAD", PUSH_SCRIPT]).await?;
        let Reply::Text(script) = connection.receive().await? else {
            return Err("Redis did not load the script".into());
        };
        let outbox = Arc::new(Self::default());
        let sending = Arc::clone(&outbox);
        let arguments = ["EVALSHA", "", "1", list, "60000", "10000"];
        let mut head = arguments.map(|argument| Bytes::copy_from_slice(argument.as_bytes()));
        if let Some(argument) = head.get_mut(1) {
            *argument = script;
        }
        tokio::spawn(async move {
            if let Err(error) = sending.run(connection, head.to_vec()).await {
                output::tell(format_args!("error: pushing failed: {error}"));
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
                // Tasks that are ready to send do so first, so that their frames join this push.
                tokio::task::yield_now().await;
                let mut command = head.clone();
                {
                    let mut queue = lock(&self.queue);
                    let count = queue.len().min(MAX_PUSHED_FRAMES);
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
