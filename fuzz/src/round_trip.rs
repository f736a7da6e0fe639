//! The allocations and the commands of Redis that one call takes, from the typed client to its answer: in one process, and over
//! a Redis, with client and server on one thread.
//!
//! The numbers are what was counted: a change that needs more of them says so here.

use std::collections::BTreeMap;
use std::io::{Read as _, Write as _};
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

/// Calls before those that are counted, in which connections and maps are made.
const WARMING: usize = 50;

/// Calls that are counted.
const CALLS: usize = 100;

struct Squares;

#[derive(Debug, Serialize, Deserialize, garde::Validate, JsonSchema)]
#[garde(allow_unvalidated)]
struct Number {
    number: i64,
}

#[service(name = "squares", version = "1.0.0")]
impl Squares {
    #[action(idempotent)]
    async fn square(&self, request: Number) -> Result<Number, ActionError> {
        Ok(Number {
            number: request.number * request.number,
        })
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

    /// The number of calls of each command so far, those by scripts among them.
    fn commands(&self) -> BTreeMap<String, usize> {
        let mut stream = TcpStream::connect((Ipv4Addr::LOCALHOST, self.port)).unwrap();
        stream.write_all(b"INFO commandstats\r\nQUIT\r\n").unwrap();
        let mut text = String::new();
        stream.read_to_string(&mut text).unwrap();
        let lines = text.lines().filter_map(|line| {
            let (name, rest) = line.strip_prefix("cmdstat_")?.split_once(":calls=")?;
            let calls = rest.split(',').next()?.parse().ok()?;
            Some((name.to_owned(), calls))
        });
        lines.collect()
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

/// The allocations of a call over Redis, and its commands there but for those of every few seconds.
fn over_redis(delivery: Delivery) -> (usize, BTreeMap<String, usize>) {
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
    let before = redis.commands();
    let count = allocations(&runtime, &client);
    let mut commands = redis.commands();
    for (name, calls) in &mut commands {
        *calls -= before.get(name).copied().unwrap_or(0);
        *calls = (*calls + CALLS / 2) / (WARMING + CALLS);
    }
    commands.retain(|_, calls| *calls > 0);
    taking.close();
    runtime.block_on(running).unwrap().unwrap();
    (count, commands)
}

fn commands<const N: usize>(expected: [(&str, usize); N]) -> BTreeMap<String, usize> {
    let expected = expected.into_iter();
    expected
        .map(|(name, count)| (name.to_owned(), count))
        .collect()
}

#[test]
fn a_call_in_one_process_takes_ten_allocations() {
    let (runtime, client) = (runtime(), SquaresClient::local(Squares));
    assert_eq!(allocations(&runtime, &client), 10);
}

#[test]
fn a_call_over_redis_takes_eight_commands_and_no_script() {
    let (allocations, counted) = over_redis(Delivery::AtMostOnce);
    // A pop and a push of the request, and of its answer.
    let expected = commands([("blmpop", 2), ("pexpire", 4), ("rpush", 2)]);
    assert_eq!(counted, expected);
    assert!(allocations <= 100, "{allocations}");
}

#[test]
fn a_call_that_is_held_is_answered_and_acknowledged_by_one_script() {
    let (allocations, counted) = over_redis(Delivery::Auto);
    // One script, which counts what it calls, too.
    let expected = commands([
        ("blmove", 1),
        ("blmpop", 1),
        ("del", 1),
        ("evalsha", 1),
        ("exists", 1),
        ("hdel", 1),
        ("llen", 3),
        ("pexpire", 3),
        ("pttl", 1),
        ("rpush", 2),
        ("zscore", 1),
    ]);
    assert_eq!(counted, expected);
    assert!(allocations <= 134, "{allocations}");
}
