//! What one call takes, from the typed client to its answer: allocations, system calls and copies, in one process, and over a
//! Redis, with client and server on one thread. The commands that Redis runs for it are counted by a test of `soa-redis`.
//!
//! The numbers are what was counted: a change that needs more of them says so here. Those of small copies are of a build without
//! optimization, and only tell that they grow. How often the contents of a large body are copied is the same in every build.

use std::net::{Ipv4Addr, TcpListener, TcpStream};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use soa::transport::{Delivery, ServerTransport as _};
use soa::{
    ActionError, Client, RedisClientTransport, RedisServerTransport, RedisSettings, Server, service,
};
use tokio::runtime::Runtime;

use crate::allocator::allocations_of;
use crate::system::work_of;

/// Calls before those that are counted, in which connections and maps are made.
const WARMING: usize = 50;

/// Calls that are counted.
const CALLS: usize = 100;

/// The size of a large body. It is less than that of the largest request.
const LARGE: usize = 80_000;

struct Squares;

#[derive(Debug, Serialize, Deserialize, garde::Validate, JsonSchema)]
#[garde(allow_unvalidated)]
struct Number {
    number: i64,
}

#[derive(Debug, Serialize, Deserialize, garde::Validate, JsonSchema)]
#[garde(allow_unvalidated)]
struct Text {
    text: String,
}

#[service(name = "squares", version = "1.0.0")]
impl Squares {
    #[action(idempotent)]
    async fn square(&self, request: Number) -> Result<Number, ActionError> {
        Ok(Number {
            number: request.number * request.number,
        })
    }

    #[action(idempotent)]
    async fn echo(&self, request: Text) -> Result<Text, ActionError> {
        Ok(request)
    }
}

/// A Redis of the test's own.
struct Redis {
    process: Child,
    port: u16,
}

impl Redis {
    fn start() -> Self {
        let free = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
        let port = free.local_addr().unwrap().port();
        drop(free);
        let process = Command::new("redis-server")
            .args(["--bind", "127.0.0.1", "--save", "", "--appendonly", "no"])
            .args(["--port", &port.to_string()])
            .stdout(Stdio::null())
            .spawn()
            .expect("`redis-server` can be started");
        let limit = Instant::now() + Duration::from_secs(20);
        while TcpStream::connect((Ipv4Addr::LOCALHOST, port)).is_err() {
            assert!(Instant::now() < limit, "Redis does not start");
            std::thread::sleep(Duration::from_millis(5));
        }
        Self { process, port }
    }
}

impl Drop for Redis {
    fn drop(&mut self) {
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

/// The runtime of this thread alone.
fn runtime() -> Runtime {
    let mut runtime = tokio::runtime::Builder::new_current_thread();
    runtime.enable_all().build().unwrap()
}

/// Calls the service so often, one call after another.
async fn calls(client: &SquaresClient, count: usize) {
    for number in 0..count {
        let number = i64::try_from(number).unwrap();
        let squared = client.square(Number { number }).await.unwrap();
        assert_eq!(squared.number, number * number);
    }
}

/// Counts the allocations of a call. Those that only some calls make, as for a buffer that grows, are left out.
fn allocations(runtime: &Runtime, client: &SquaresClient) -> usize {
    runtime.block_on(calls(client, WARMING));
    let (count, ()) = allocations_of(|| runtime.block_on(calls(client, CALLS)));
    count / CALLS
}

/// Runs a function with a client whose service is behind a Redis, on the same thread.
fn over_redis<T>(delivery: Delivery, run: impl FnOnce(&Runtime, &SquaresClient) -> T) -> T {
    let (redis, runtime) = (Redis::start(), runtime());
    let settings = RedisSettings::new("127.0.0.1", redis.port);
    let _entered = runtime.enter();
    let server = Server::builder(Squares).delivery(delivery).build().unwrap();
    let taking = RedisServerTransport::new("squares", settings.clone()).unwrap();
    let serving = taking.clone();
    let running = runtime.spawn(async move { server.run(serving).await });
    let transport = RedisClientTransport::new("squares", settings).unwrap();
    let client = Client::builder().service("squares", transport);
    let client = SquaresClient::new(&client.build().unwrap());
    runtime.block_on(calls(&client, WARMING));
    let result = run(&runtime, &client);
    taking.close();
    runtime.block_on(running).unwrap().unwrap();
    result
}

/// The least system calls of a call. More of them only wait longer, as answers come one by one or together.
fn system_calls(delivery: Delivery) -> usize {
    over_redis(delivery, |runtime, client| {
        let counts = (0..CALLS).map(|_| work_of(|| runtime.block_on(calls(client, 1))).0.calls);
        counts.min().unwrap()
    })
}

/// How often the contents of a large body are copied on their way there and back.
fn copies(runtime: &Runtime, client: &SquaresClient) -> usize {
    let text = "x".repeat(LARGE);
    let counts = (0..20).map(|_| {
        let request = Text { text: text.clone() };
        let (work, answer) = work_of(|| runtime.block_on(async { client.echo(request).await }));
        assert_eq!(answer.unwrap().text, text);
        work.copied / LARGE
    });
    counts.min().unwrap()
}

/// What one of 64 calls at once takes on average: allocations, hundredths of system calls, and bytes copied. The best round
/// counts, as it depends on the moment how many calls travel together; there are no more of them than it takes.
fn among_many(limits: [usize; 3]) -> [usize; 3] {
    let is_within = |counts: &[usize; 3]| {
        counts
            .iter()
            .zip(limits)
            .all(|(count, limit)| *count <= limit)
    };
    over_redis(Delivery::AtMostOnce, |runtime, client| {
        let mut best = [usize::MAX; 3];
        for _ in 0..50 {
            let all = async {
                let callers = (0..64).map(|_| calls(client, 50));
                futures_util::future::join_all(callers).await;
            };
            let (allocations, (work, ())) = allocations_of(|| work_of(|| runtime.block_on(all)));
            let round = [allocations, work.calls * 100, work.copied];
            let round = round.map(|count| count / (64 * 50));
            best = std::array::from_fn(|at| best[at].min(round[at]));
            if is_within(&best) {
                break;
            }
        }
        best
    })
}

#[test]
fn a_call_in_one_process_takes_ten_allocations() {
    let (runtime, client) = (runtime(), SquaresClient::local(Squares));
    assert_eq!(allocations(&runtime, &client), 10);
}

#[test]
fn a_call_over_redis_takes_a_hundred_allocations_on_both_sides_together() {
    let count = over_redis(Delivery::AtMostOnce, allocations);
    assert!(count <= 100, "{count}");
}

#[test]
fn a_call_that_is_held_takes_a_third_more() {
    let count = over_redis(Delivery::Auto, allocations);
    assert!(count <= 134, "{count}");
}

#[test]
fn a_call_over_redis_takes_so_many_system_calls_of_both_sides_together() {
    // Fewer where Redis is quick enough for two answers to be read at once.
    for delivery in [Delivery::AtMostOnce, Delivery::Auto] {
        let count = system_calls(delivery);
        assert!(count <= 15, "{count}");
    }
}

#[test]
fn a_large_body_is_copied_so_often_on_its_way_there_and_back() {
    let (runtime, client) = (runtime(), SquaresClient::local(Squares));
    assert_eq!(copies(&runtime, &client), 6);
    // One less where an answer comes in one piece.
    for delivery in [Delivery::AtMostOnce, Delivery::Auto] {
        let count = over_redis(delivery, copies);
        assert!(count <= 13, "{count}");
    }
}

#[test]
fn among_64_callers_a_call_takes_no_more_than_this() {
    // What was counted, with a fifth of room.
    let limits = [34, 52, 131_000].map(|count| count + count / 5);
    let counted = among_many(limits);
    for (count, limit) in counted.into_iter().zip(limits) {
        assert!(count <= limit, "{counted:?}, {limits:?}");
    }
}
