//! Services for the tests, what is sent to them, and the program that looks at them.

use std::process::{Command, Stdio};
use std::sync::Arc;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use example_service::ExampleService;
use soa::transport::Delivery;
use soa::{
    ActionError, Client, Context, RedisClientTransport, RedisServerTransport, RedisSettings,
    Server, Value, value,
};
use tokio::sync::Notify;
use tokio::task::JoinHandle;

use crate::processes::Redis;

/// The program with these arguments, without the variables of the environment that would change what it does.
pub(crate) fn command(arguments: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_soa"));
    for (name, _) in std::env::vars_os() {
        if name.to_string_lossy().starts_with("SOA_") {
            command.env_remove(name);
        }
    }
    command.args(arguments).stdin(Stdio::null());
    command
}

pub(crate) fn settings(redis: &Redis) -> RedisSettings {
    redis.addresses().parse().expect("an address")
}

/// A server in this process. It stops when this is dropped, as a killed process does: without taking its record away.
pub(crate) struct Worker {
    stop: Arc<Notify>,
    task: JoinHandle<()>,
}

impl Worker {
    /// Serves the example service under a name.
    pub(crate) fn example(redis: &Redis, name: &'static str) -> Self {
        let server = Server::builder(ExampleService::new())
            .name(name)
            .records(true);
        Self::start(redis, server.build().expect("a server"))
    }

    pub(crate) fn start(redis: &Redis, server: Server) -> Self {
        let name = server.name().to_owned();
        let transport = RedisServerTransport::new(name, settings(redis)).expect("settings");
        let stop = Arc::new(Notify::new());
        let told = Arc::clone(&stop);
        let task = tokio::spawn(async move {
            let stop = async move { told.notified().await };
            let served = server.run_until(transport, stop, Duration::from_secs(5));
            served.await.expect("it starts");
        });
        Self { stop, task }
    }

    /// Stops it as SIGTERM does.
    pub(crate) async fn stop(mut self) {
        self.stop.notify_one();
        let task = std::mem::replace(&mut self.task, tokio::spawn(async {}));
        task.await.expect("it ends");
    }
}

impl Drop for Worker {
    fn drop(&mut self) {
        self.task.abort();
    }
}

/// A worker of `images`, whose jobs are not lost.
pub(crate) fn images(redis: &Redis) -> Worker {
    let server = Server::untyped("images", "1.0.0")
        .action("shrink", |_: Value, _: Context| async {
            Ok::<_, ActionError>(value!({}))
        })
        .idempotent("shrink")
        .delivery(Delivery::AtLeastOnce)
        .records(true)
        .build();
    Worker::start(redis, server.expect("a server"))
}

/// Sends a command to a Redis, and returns what redis-cli would say.
pub(crate) fn redis_cli(redis: &Redis, arguments: &[&str]) -> String {
    let addresses = redis.addresses();
    let (host, port) = addresses.split_once(':').expect("one address");
    let mut command = Command::new("redis-cli");
    let output = command
        .args(["-h", host, "-p", port])
        .args(arguments)
        .output();
    String::from_utf8_lossy(&output.expect("redis-cli").stdout)
        .trim()
        .to_owned()
}

/// Sends a job with the action `shrink`, and waits for no answer.
pub(crate) async fn send(redis: &Redis, service: &'static str, body: &Value) {
    let transport = RedisClientTransport::new(service, settings(redis)).expect("settings");
    let client = Client::builder().service(service, transport);
    let client = client.build().expect("a client");
    let call = client.call_action(service, "shrink", body);
    call.send_and_forget().await.expect("it is sent");
}

/// Sends a job, and makes it a dead letter as the servers of a service do.
pub(crate) async fn dead_letter(redis: &Redis, service: &'static str, id: &str, body: &Value) {
    send(redis, service, body).await;
    let now = SystemTime::now()
        .duration_since(UNIX_EPOCH)
        .expect("a clock");
    let now = now.as_millis();
    let header = format!(
        "soa-job/1 id={id};attempt=3;strikes=3;born={now};reason=poison;died={now};actions=shrink;error=three processes \
         ended\\n"
    );
    let script = format!(
        "local frame = redis.call('LPOP', KEYS[1]) return redis.call('ZADD', KEYS[2], {now}, '{header}' .. frame)"
    );
    let keys = [
        format!("pysoa:service.{service}"),
        format!("{{pysoa:service.{service}}}.dead"),
    ];
    let moved = ["EVAL", &script, "2", &keys[0], &keys[1]];
    assert_eq!(redis_cli(redis, &moved), "1");
}
