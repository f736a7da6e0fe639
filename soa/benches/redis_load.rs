//! Round trips over Redis: typed calls of the example service, with client, server and Redis on one machine.
//!
//! ```text
//! cargo bench -p soa --bench redis_load [-- CALLERS…]
//! ```
//!
//! Client and server share one process and one thread, as a service and its chained calls do; Redis is the
//! `redis-server` of the path, started for this and without persistence. For each number of callers it prints
//! round trips a second and how long half of them, and ninety-nine of a hundred, took at most.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::print_stdout)] // A tool for people at a terminal.

use std::net::{TcpListener, TcpStream};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use example_service::types::SquareRequest;
use example_service::{ExampleClient, ExampleService};
use soa::{Client, RedisClientTransport, RedisServerTransport, RedisSettings, Server};

/// How long each number of callers is measured, after a tenth of it to warm up.
const MEASURED: Duration = Duration::from_secs(3);

fn main() {
    let numbers = std::env::args().filter_map(|argument| argument.parse().ok());
    let mut numbers: Vec<u32> = numbers.collect();
    if numbers.is_empty() {
        numbers = vec![1, 16, 64, 256];
    }
    let redis = Redis::start();
    let mut builder = tokio::runtime::Builder::new_current_thread();
    let runtime = builder.enable_all().build().unwrap();
    runtime.block_on(async {
        let settings = RedisSettings::new("127.0.0.1", redis.port);
        let server = Server::builder(ExampleService::default()).build().unwrap();
        let transport = RedisServerTransport::new("example", settings.clone()).unwrap();
        let taken_from = transport.clone();
        let running = tokio::spawn(async move { server.run(taken_from).await });
        let client = Client::builder()
            .service(
                "example",
                RedisClientTransport::new("example", settings).unwrap(),
            )
            .build()
            .unwrap();
        for callers in numbers {
            measure(&client, callers, MEASURED / 10).await;
            let mut times = measure(&client, callers, MEASURED).await;
            times.sort_unstable();
            let rate = times.len() as f64 / MEASURED.as_secs_f64();
            let at = |percent| times[(times.len() - 1) * percent / 100];
            println!(
                "{callers:>5} callers  {rate:>9.0} round trips/s  p50 {:>9.1?}  p99 {:>9.1?}",
                at(50),
                at(99)
            );
        }
        transport.close();
        running.await.unwrap();
    });
}

/// How long each call took.
async fn measure(client: &Client, callers: u32, length: Duration) -> Vec<Duration> {
    let end = Instant::now() + length;
    let callers = (0..callers).map(|caller| {
        let example = ExampleClient::new(client);
        tokio::spawn(async move {
            let mut times = Vec::with_capacity(100_000);
            let number = i128::from(caller);
            loop {
                let start = Instant::now();
                if start >= end {
                    return times;
                }
                let answer = example.square(SquareRequest { number }).await.unwrap();
                assert_eq!(answer.square, number * number);
                times.push(start.elapsed());
            }
        })
    });
    let mut times = Vec::new();
    for caller in callers.collect::<Vec<_>>() {
        times.extend(caller.await.unwrap());
    }
    times
}

/// A Redis for this process.
struct Redis {
    port: u16,
    process: Child,
}

impl Redis {
    fn start() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let port = listener.local_addr().unwrap().port();
        drop(listener);
        let mut command = Command::new("redis-server");
        command.args([
            "--bind",
            "127.0.0.1",
            "--save",
            "",
            "--port",
            &port.to_string(),
        ]);
        let started = command.stdout(Stdio::null()).spawn();
        let process = started.expect("`redis-server` can be started");
        while TcpStream::connect(("127.0.0.1", port)).is_err() {
            std::thread::sleep(Duration::from_millis(5));
        }
        Self { port, process }
    }
}

impl Drop for Redis {
    fn drop(&mut self) {
        self.process.kill().unwrap();
        self.process.wait().unwrap();
    }
}
