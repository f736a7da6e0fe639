//! The commands that Redis runs for a round trip, those of scripts among them.

use std::collections::BTreeMap;

use soa_runtime::{Client, Server, value};

use crate::support::{Redis, Running, client, service, until};

/// Number of calls that are counted, one after the other.
const CALLS: u64 = 50;

/// The number of times that each command was run, by the statistics of Redis.
fn commands(redis: &Redis) -> BTreeMap<String, u64> {
    let text = String::from_utf8(redis.text("INFO commandstats").bytes()).unwrap();
    let lines = text
        .lines()
        .filter_map(|line| line.strip_prefix("cmdstat_"));
    let counts = lines.map(|line| {
        let (name, numbers) = line.split_once(":calls=").unwrap();
        let calls = numbers.split(',').next().unwrap().parse().unwrap();
        (name.to_owned(), calls)
    });
    counts.collect()
}

async fn call(client: &Client) {
    let call = client.call_action("test", "echo", &value!({ "number": 1 }));
    call.await.unwrap();
}

/// Waits until the server waits for the next request.
async fn waits(redis: &Redis) {
    until("the server waits for requests", || {
        let text = String::from_utf8(redis.text("INFO clients").bytes()).unwrap();
        text.contains("blocked_clients:1")
    })
    .await;
}

/// The commands of a sign of life: the script, and what it runs.
const SIGN_OF_LIFE: [(&str, u64); 8] = [
    ("evalsha", 1),
    ("hset", 1),
    ("llen", 2),
    ("time", 1),
    ("zadd", 1),
    ("zrange", 3),
    ("zrem", 1),
    ("zscore", 1),
];

/// The commands of one call, for one caller.
async fn commands_of_a_call(server: Server) -> BTreeMap<String, u64> {
    let redis = Redis::start();
    let running = Running::start(server, redis.settings());
    let client = client(redis.settings());
    let counts = loop {
        for _ in 0..20 {
            call(&client).await;
        }
        waits(&redis).await;
        redis.text("CONFIG RESETSTAT");
        for _ in 0..CALLS {
            call(&client).await;
        }
        waits(&redis).await;
        let mut counts = commands(&redis);
        // A look for slots that nobody knows of, which comes twice a minute.
        if counts.contains_key("hget") {
            continue;
        }
        // These are of the test.
        counts.remove("config|resetstat");
        counts.remove("info");
        let signs = counts.get("zadd").copied().unwrap_or(0);
        for (command, calls) in SIGN_OF_LIFE {
            *counts.entry(command.to_owned()).or_default() -= signs * calls;
        }
        counts.retain(|_, calls| *calls > 0);
        break counts;
    };
    running.stop().await;
    let of_each = counts.into_iter().map(|(command, calls)| {
        assert_eq!(calls % CALLS, 0, "{command} was run {calls} times");
        (command, calls / CALLS)
    });
    of_each.collect()
}

fn expected(commands: &[(&str, u64)]) -> BTreeMap<String, u64> {
    let commands = commands.iter();
    commands
        .map(|(command, calls)| ((*command).to_owned(), *calls))
        .collect()
}

#[tokio::test]
async fn a_call_of_a_service_that_holds_nothing_is_two_pops_and_two_pushes_without_a_script() {
    let commands = commands_of_a_call(service().build().unwrap()).await;
    // Lists with much room are not looked at, but get their times to live.
    let known = [("blmpop", 2), ("pexpire", 4), ("rpush", 2)];
    assert_eq!(commands, expected(&known));
    assert_eq!(commands.values().sum::<u64>(), 8);
}

#[tokio::test]
async fn a_call_of_a_service_that_holds_its_requests_is_seven_commands_more_without_a_script() {
    let server = service().idempotent("echo").build().unwrap();
    let commands = commands_of_a_call(server).await;
    let pushes = [("pexpire", 4), ("rpush", 2)];
    // The pull moves the request into a slot, and asks how many are left. The transaction that pushes the response deletes the
    // slot with its bits. After it, the given-up processes are watched for the next one.
    let pull = [("blmove", 1), ("blmpop", 1), ("llen", 1)];
    let transaction = [("multi", 1), ("del", 1), ("hdel", 1), ("exec", 1)];
    let watch = [("watch", 1), ("zscore", 1)];
    let known = expected(&[&pull[..], &pushes, &transaction, &watch].concat());
    assert_eq!(commands, known);
    assert_eq!(commands.values().sum::<u64>(), 15);
}
