//! Responses that end whole slots: they leave by transactions, which Redis refuses once a process was given up.

use std::time::Duration;

use soa_runtime::{Client, Server, value};
use tokio::io::{AsyncBufReadExt, AsyncWriteExt, BufReader};
use tokio::net::TcpStream;

use crate::holding::{QUEUE, Runs, calls, key, leftovers, process};
use crate::support::{Redis, Running, client, request, service, until};

fn held() -> Server {
    service().idempotent("echo").build().unwrap()
}

/// Grows with each response that a script has pushed: otherwise, only a new connection asks for a time to live.
fn scripts(redis: &Redis) -> u64 {
    redis.calls("pttl")
}

async fn call(client: &Client) {
    let body = value!({ "number": 7 });
    let call = client.call_action("test", "echo", &body);
    assert_eq!(call.await.unwrap(), body);
}

/// Calls until responses leave by transactions.
async fn until_watched(redis: &Redis, client: &Client) {
    for _ in 0..20 {
        let before = scripts(redis);
        call(client).await;
        if scripts(redis) == before {
            return;
        }
    }
    panic!("no response leaves by a transaction");
}

#[tokio::test]
async fn responses_leave_without_a_script_from_the_second_one_on() {
    let redis = Redis::start();
    let running = Running::start(held(), redis.settings());
    let client = client(redis.settings());
    // It finds the length of the list.
    call(&client).await;
    let before = scripts(&redis);
    for _ in 0..20 {
        call(&client).await;
    }
    // The next one sets the watch.
    assert_eq!(scripts(&redis), before + 1);
    until("no slot is left", || leftovers(&redis).is_empty()).await;
    running.stop().await;
}

/// The commands that Redis runs, each as `who command`, as long as something goes on.
async fn monitored(redis: &Redis, during: impl Future<Output = ()>) -> Vec<(String, String)> {
    let mut stream = TcpStream::connect(("127.0.0.1", redis.port)).await.unwrap();
    stream.write_all(b"MONITOR\r\n").await.unwrap();
    let mut lines = BufReader::new(stream).lines();
    assert_eq!(lines.next_line().await.unwrap().unwrap(), "+OK");
    during.await;
    redis.text("ECHO the-end");
    let mut all = Vec::new();
    loop {
        let line = lines.next_line().await.unwrap().unwrap();
        if line.contains("the-end") {
            return all;
        }
        let (_, line) = line.split_once('[').unwrap();
        let (who, command) = line.split_once("] ").unwrap();
        all.push((who.to_owned(), command.to_owned()));
    }
}

/// A crash of the process falls before both or behind both.
#[tokio::test]
async fn a_response_and_the_end_of_its_hold_are_one_step_of_redis() {
    let redis = Redis::start();
    let running = Running::start(held(), redis.settings());
    let client = client(redis.settings());
    // The first ones are pushed by scripts. Another caller, whose commands might come between.
    let calls = async {
        for _ in 0..20 {
            tokio::join!(call(&client), call(&client));
        }
    };
    let lines = monitored(&redis, calls).await;
    // The names of reply lists begin as that of the requests.
    let begin = format!("\"RPUSH\" \"{QUEUE}.");
    let is_response = |line: &(String, String)| line.1.starts_with(&begin);
    let (mut scripts, mut transactions) = (0, 0);
    for begin in (0..lines.len()).filter(|index| is_response(&lines[*index])) {
        let who = lines[begin].0.clone();
        let step = lines[begin..].iter().take_while(|line| line.0 == who);
        let end = step
            .clone()
            .position(|line| line.1.starts_with("\"HDEL\"") || line.1.starts_with("\"HSET\""));
        assert!(
            end.is_some(),
            "{:#?}",
            &lines[begin..(begin + 8).min(lines.len())]
        );
        match who.ends_with("lua") {
            true => scripts += 1,
            false => transactions += 1,
        }
    }
    assert!(scripts > 0 && transactions > 0, "{scripts} {transactions}");
    running.stop().await;
}

#[tokio::test]
async fn a_transaction_is_refused_once_the_process_was_given_up_and_another_run_answers() {
    let redis = Redis::start();
    let runs = Runs::default();
    let running = Running::start(runs.service().build().unwrap(), redis.settings());
    let client = client(redis.settings());
    let mut refused = 0;
    // The process may hear first that it was given up. Then it begins no transaction.
    for round in 0..10_i64 {
        let safe = |number: i64| {
            let call = client.call_action("test", "safe", &value!({ "number": (number) }));
            tokio::spawn(call.timeout(Duration::from_secs(30)).into_future())
        };
        for number in 1..5 {
            safe(100 * round + number).await.unwrap().unwrap();
        }
        let (number, before) = (100 * round, process(&redis));
        runs.block(true);
        let waiting = safe(number);
        until("it runs", || runs.of(number) == 1).await;
        let transactions = redis.calls("exec");
        redis.text(&format!("ZREM {} {before}", key("leases")));
        redis.text(&format!("ZADD {} 1 {before}", key("burnt")));
        runs.block(false);
        waiting.await.unwrap().unwrap();
        assert_eq!(runs.of(number), 2, "the first run has answered nothing");
        refused += redis.calls("exec") - transactions;
        if refused > 0 {
            break;
        }
    }
    assert!(refused > 0);
    until("no slot is left", || leftovers(&redis).is_empty()).await;
    let replies = redis.keys().into_iter().filter(|key| key.contains('!'));
    assert_eq!(replies.count(), 0, "nobody is answered twice");
    running.stop().await;
}

#[tokio::test]
async fn the_end_of_another_process_costs_a_script_and_no_response() {
    let redis = Redis::start();
    let running = Running::start(held(), redis.settings());
    let client = client(redis.settings());
    until_watched(&redis, &client).await;
    for number in 0..5 {
        let before = scripts(&redis);
        redis.text(&format!("ZADD {} 1 another-{number}", key("burnt")));
        call(&client).await;
        assert_eq!(scripts(&redis), before + 1);
        call(&client).await;
        assert_eq!(scripts(&redis), before + 1);
    }
    until("no slot is left", || leftovers(&redis).is_empty()).await;
    running.stop().await;
}

#[tokio::test]
async fn a_login_without_a_command_of_transactions_holds_by_scripts() {
    for command in ["multi", "exec", "watch"] {
        let redis = Redis::start();
        let rights = format!("ACL SETUSER partly on >secret ~* &* +@all -{command}");
        redis.text(&rights);
        let running = Running::start(held(), redis.settings().user("partly", "secret"));
        let client = client(redis.settings());
        call(&client).await;
        let before = scripts(&redis);
        for _ in 0..20 {
            call(&client).await;
        }
        assert_eq!(scripts(&redis), before + 20, "{command}");
        let refused = redis.refused(command);
        assert_eq!(refused, 1, "{command} is tried once");
        until("no slot is left", || leftovers(&redis).is_empty()).await;
        running.stop().await;
    }
}

#[tokio::test]
async fn a_command_of_transactions_that_is_taken_from_a_login_costs_no_response() {
    let redis = Redis::start();
    redis.text("ACL SETUSER partly on >secret ~* &* +@all");
    let running = Running::start(held(), redis.settings().user("partly", "secret"));
    let client = client(redis.settings());
    for command in ["multi", "exec", "watch"] {
        redis.text("ACL SETUSER partly +@all");
        redis.text("CLIENT KILL USER partly");
        until_watched(&redis, &client).await;
        redis.text(&format!("ACL SETUSER partly -{command}"));
        for _ in 0..5 {
            call(&client).await;
        }
    }
    until("no slot is left", || leftovers(&redis).is_empty()).await;
    running.stop().await;
}

#[tokio::test]
async fn a_key_that_is_no_list_any_more_takes_no_response_and_others_are_answered() {
    let redis = Redis::start();
    let running = Running::start(held(), redis.settings());
    let client = client(redis.settings());
    until_watched(&redis, &client).await;
    let reply_to = "service.test.other!";
    let list = format!("pysoa:{reply_to}");
    let push = |number: i64| {
        let frame = request(number, reply_to, &value!({ "number": (number) }));
        redis.command(&[b"RPUSH", QUEUE.as_bytes(), &frame]);
    };
    for number in 0..3 {
        push(number);
        let length = || redis.integer(&format!("LLEN {list}"));
        until("it is answered", || length() == number + 1).await;
    }
    redis.text(&format!("DEL {list}"));
    redis.text(&format!("SET {list} text"));
    push(3);
    until("no slot is left", || leftovers(&redis).is_empty()).await;
    call(&client).await;
    let lines = redis.logged();
    let told = lines.iter().filter(|line| line.contains("WRONGTYPE"));
    assert_eq!(told.count(), 1, "{lines:#?}");
    running.stop().await;
}

/// Requests that are taken together and end at different times: those that end last delete the slot.
#[tokio::test]
async fn a_slot_whose_jobs_end_one_by_one_is_deleted_with_the_last() {
    let redis = Redis::start();
    let runs = Runs::default();
    let server = runs.service().idempotent("echo").build().unwrap();
    let client = client(redis.settings());
    runs.block(true);
    let slow = calls(&client, "safe", 3);
    let length = || redis.integer(&format!("LLEN {QUEUE}"));
    until("they are there", || length() == 3).await;
    let running = Running::start(server, redis.settings());
    until("they run", || (0..3).all(|number| runs.of(number) == 1)).await;
    // The others leave by transactions meanwhile.
    until_watched(&redis, &client).await;
    let before = scripts(&redis);
    for _ in 0..5 {
        call(&client).await;
    }
    assert_eq!(scripts(&redis), before);
    assert!(!leftovers(&redis).is_empty());
    runs.block(false);
    for call in slow {
        call.await.unwrap().unwrap();
    }
    until("no slot is left", || leftovers(&redis).is_empty()).await;
    running.stop().await;
}
