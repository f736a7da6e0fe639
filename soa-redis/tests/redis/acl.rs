//! Logins that may use the commands of the reference, and no others.

use std::time::{Duration, Instant};

use soa_redis::RedisSettings;
use soa_runtime::value;

use crate::support::{Redis, Reply, Running, client, service, until};

/// What a client and a server of the reference send, their scripts among it.
const REFERENCE: &str = "+evalsha +script|load +llen +rpush +expire +blpop";

fn limited(redis: &Redis, commands: &str) -> RedisSettings {
    let user = format!("ACL SETUSER limited on >secret ~pysoa:* -@all {commands}");
    assert_eq!(redis.text(&user), Reply::Text("+OK".to_owned()));
    redis.settings().user("limited", "secret")
}

#[tokio::test]
async fn a_login_with_the_commands_of_the_reference_serves_and_calls() {
    let redis = Redis::start();
    let settings = limited(&redis, REFERENCE).block_timeout(Duration::from_secs(60));
    let running = Running::start(service().build().unwrap(), settings.clone());
    let client = client(settings);
    let calls = (0..200_i64).map(|number| {
        let body = value!({ "number": (number) });
        let call = client.call_action("test", "echo", &body);
        tokio::spawn(async move { assert_eq!(call.await.unwrap(), body) })
    });
    for call in calls.collect::<Vec<_>>() {
        call.await.unwrap();
    }
    // Nobody can end its pops: they are short.
    let start = Instant::now();
    running.stop().await;
    assert!(start.elapsed() < Duration::from_secs(20), "it stops soon");
    // What is not allowed was tried when the connections were made, and not with each call.
    let refused = redis.text("ACL LOG");
    let Reply::List(refused) = refused else {
        panic!()
    };
    assert!(refused.len() < 60, "{}", refused.len());
}

#[tokio::test]
async fn such_a_login_has_the_times_to_live_of_the_protocol_too() {
    let redis = Redis::start();
    let client = client(limited(&redis, REFERENCE));
    let call = || client.call_action("test", "echo", &value!({}));
    let first = call().timeout(Duration::from_secs(100)).send().await;
    let second = call().timeout(Duration::from_secs(1)).send().await;
    drop((first.unwrap(), second.unwrap()));
    assert_eq!(redis.integer("LLEN pysoa:service.test"), 2);
    let lifetime = redis.integer("PTTL pysoa:service.test");
    assert!((108_000..=110_000).contains(&lifetime), "{lifetime}");
}

#[tokio::test]
async fn requests_that_such_a_login_has_taken_for_nobody_are_not_lost() {
    let redis = Redis::start();
    let settings = limited(&redis, REFERENCE);
    let client = client(settings.clone().receive_timeout(Duration::from_secs(30)));
    let calls = (0..40_i64).map(|number| {
        let call = client.call_action("test", "echo", &value!({ "number": (number) }));
        tokio::spawn(call.into_future())
    });
    let calls: Vec<_> = calls.collect();
    until("all are there", || {
        redis.integer("LLEN pysoa:service.test") == 40
    })
    .await;
    let server = service().concurrency(8).build().unwrap();
    for wait in 0..10 {
        let transport = soa_redis::RedisServerTransport::new("test", settings.clone()).unwrap();
        let _ = tokio::time::timeout(Duration::from_millis(wait * 3), server.run(transport)).await;
    }
    let running = Running::start(server, settings);
    for call in calls {
        call.await.unwrap().unwrap();
    }
    running.stop().await;
}

#[tokio::test]
async fn a_login_that_lacks_one_command_is_served_without_it() {
    for command in [
        "blmpop",
        "lpop",
        "client|unblock",
        "client|id",
        "pttl",
        "pexpire",
        "lpos",
        "info",
    ] {
        let redis = Redis::start();
        let settings = limited(&redis, &format!("+@all -{command}"));
        let running = Running::start(service().build().unwrap(), settings.clone());
        let client = client(settings);
        let body = value!({ "number": 1 });
        let answer = client.call_action("test", "echo", &body).await;
        assert_eq!(answer.unwrap(), body, "{command}");
        running.stop().await;
    }
}

#[tokio::test]
async fn what_a_login_lacks_is_told_once() {
    let redis = Redis::start();
    let settings = limited(&redis, REFERENCE);
    let client = client(settings);
    for _ in 0..3 {
        let call = client.call_action("test", "echo", &value!({}));
        drop(call.send().await.unwrap());
        redis.text("CLIENT KILL USER limited");
        until("it is connected again", || {
            let list = String::from_utf8(redis.text("CLIENT LIST").bytes()).unwrap();
            list.contains("user=limited")
        })
        .await;
    }
    let lines = redis.logged();
    let told: Vec<_> = lines
        .iter()
        .filter(|line| line.contains("missing="))
        .collect();
    assert_eq!(told.len(), 1, "{lines:?}");
    assert!(
        told[0].contains("BLMPOP") && told[0].contains("CLIENT UNBLOCK"),
        "{told:?}"
    );
    assert!(
        !lines.iter().any(|line| line.contains("secret")),
        "{lines:?}"
    );
}

/// Calls until one is answered; what the others failed with.
async fn until_answered(client: &soa_runtime::Client) -> Vec<String> {
    let limit = Instant::now() + Duration::from_secs(20);
    let mut failures = Vec::new();
    loop {
        let call = client.call_action("test", "echo", &value!({}));
        let start = Instant::now();
        match call.timeout(Duration::from_secs(2)).await {
            Ok(_) => return failures,
            Err(error) => {
                let source = error.reason().map(ToString::to_string);
                failures.push(format!("{error}: {source:?}"));
            }
        }
        assert!(start.elapsed() < Duration::from_secs(10), "a call hung");
        assert!(Instant::now() < limit, "it does not recover: {failures:?}");
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
}

#[tokio::test]
async fn what_is_taken_from_a_login_while_it_is_used_is_done_without_and_told_once() {
    let redis = Redis::start();
    let settings = limited(&redis, "+@all");
    let running = Running::start(service().build().unwrap(), settings.clone());
    let client = client(settings);
    until_answered(&client).await;
    for commands in [
        "-blmpop -lpop -client|unblock -lpos",
        "-pttl",
        "-pexpire",
        "+@all",
        "-blmpop",
    ] {
        redis.text(&format!("ACL SETUSER limited {commands}"));
        for _ in 0..3 {
            until_answered(&client).await;
        }
    }
    // Without this one there is nothing to be done.
    redis.text("ACL SETUSER limited -evalsha");
    let call = client.call_action("test", "echo", &value!({}));
    let error = call.timeout(Duration::from_secs(5)).await.unwrap_err();
    let source = error.reason().unwrap();
    let source =
        std::error::Error::source(source).map_or(source.to_string(), |source| source.to_string());
    assert!(
        source.contains("NOPERM") && source.contains("evalsha"),
        "{error}: {source}"
    );
    redis.text("ACL SETUSER limited +@all");
    until_answered(&client).await;
    running.stop().await;
    let mut lines = redis.logged();
    lines.retain(|line| line.starts_with("WARN") || line.starts_with("ERROR"));
    assert!(
        lines.iter().any(|line| line.contains("missing=\"BLMPOP")),
        "{lines:#?}"
    );
    assert!(lines.len() <= 20, "{lines:#?}");
}

#[tokio::test]
async fn a_redis_that_comes_back_as_an_older_one_is_served_and_a_newer_one_fully_used() {
    let mut redis = Redis::start();
    let running = Running::start(service().build().unwrap(), redis.settings());
    let client = client(redis.settings());
    until_answered(&client).await;
    redis.kill();
    redis.start_again_with(&[
        "--rename-command",
        "BLMPOP",
        "",
        "--rename-command",
        "PEXPIRE",
        "",
    ]);
    for _ in 0..5 {
        until_answered(&client).await;
    }
    redis.kill();
    redis.start_again_with(&[]);
    until_answered(&client).await;
    until("the newer command is used", || redis.calls("blmpop") > 0).await;
    running.stop().await;
}
