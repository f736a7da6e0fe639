//! The service whose calls are counted, in this process and behind a Redis of its own, with client and server on one thread.

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

/// Calls before those that are counted, in which connections and maps are made.
const WARMING: usize = 50;

pub(crate) struct Squares;

#[derive(Debug, Serialize, Deserialize, garde::Validate, JsonSchema)]
#[garde(allow_unvalidated)]
pub(crate) struct Number {
    pub(crate) number: i64,
}

#[derive(Debug, Serialize, Deserialize, garde::Validate, JsonSchema)]
#[garde(allow_unvalidated)]
pub(crate) struct Text {
    pub(crate) text: String,
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
pub(crate) fn runtime() -> Runtime {
    let mut runtime = tokio::runtime::Builder::new_current_thread();
    runtime.enable_all().build().unwrap()
}

/// Calls the service so often, one call after another.
pub(crate) async fn calls(client: &SquaresClient, count: usize) {
    for number in 0..count {
        let number = i64::try_from(number).unwrap();
        let squared = client.square(Number { number }).await.unwrap();
        assert_eq!(squared.number, number * number);
    }
}

/// Runs a function with a client whose service is behind a Redis, on the same thread.
pub(crate) fn over_redis<T>(
    delivery: Delivery,
    run: impl FnOnce(&Runtime, &SquaresClient) -> T,
) -> T {
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
