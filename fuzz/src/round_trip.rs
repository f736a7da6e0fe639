//! The number of allocations that one call takes, from the typed client to its answer: in one process, and over a Redis, with
//! client and server on one thread. The commands that Redis runs for it are counted by a test of `soa-redis`.
//!
//! The numbers are what was counted: a change that needs more of them says so here.

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

/// Counts the allocations of a call over Redis, those of the client and of the server.
fn over_redis(delivery: Delivery) -> usize {
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
    let count = allocations(&runtime, &client);
    taking.close();
    runtime.block_on(running).unwrap().unwrap();
    count
}

#[test]
fn a_call_in_one_process_takes_ten_allocations() {
    let (runtime, client) = (runtime(), SquaresClient::local(Squares));
    assert_eq!(allocations(&runtime, &client), 10);
}

#[test]
fn a_call_over_redis_takes_a_hundred_allocations_on_both_sides_together() {
    let count = over_redis(Delivery::AtMostOnce);
    assert!(count <= 100, "{count}");
}

#[test]
fn a_call_that_is_held_takes_a_third_more() {
    let count = over_redis(Delivery::Auto);
    assert!(count <= 134, "{count}");
}
