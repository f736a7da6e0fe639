//! The forms of a call that are more than a request and its answer: forgotten, outstanding, many at once.

use std::time::Duration;

use soa_redis::{RedisClientTransport, RedisServerTransport, RedisSettings};
use soa_runtime::client::Outstanding;
use soa_runtime::{ActionError, Client, Context, ErrorKind, Server, Value, value};

use crate::support::{Redis, Running, client, service, until};

/// Servers of these names, and a client of them and of `nobody`.
struct Fleet {
    client: Client,
    transports: Vec<RedisClientTransport>,
    tasks: Vec<tokio::task::JoinHandle<()>>,
}

impl Fleet {
    fn start(names: &[&'static str], serving: &RedisSettings, calling: &RedisSettings) -> Self {
        let repeat = |body: Value, cx: Context| async move {
            let length = body.get("length").and_then(Value::as_u64).unwrap_or(1);
            let text = "x".repeat(usize::try_from(length).unwrap());
            Ok::<_, ActionError>(value!({ "service": (cx.service()), "text": text }))
        };
        let mut builder = Client::builder();
        let (mut transports, mut tasks) = (Vec::new(), Vec::new());
        for name in names {
            let server = Server::untyped(*name, "1.0.0").action("repeat", repeat);
            let server = server.build().unwrap();
            let taken_from = RedisServerTransport::new(*name, serving.clone()).unwrap();
            tasks.push(tokio::spawn(async move {
                server.run(taken_from).await.unwrap()
            }));
            let transport = RedisClientTransport::new(*name, calling.clone()).unwrap();
            transports.push(transport.clone());
            builder = builder.service(*name, transport);
        }
        let nobody = RedisClientTransport::new("nobody", calling.clone()).unwrap();
        Self {
            client: builder.service("nobody", nobody).build().unwrap(),
            transports,
            tasks,
        }
    }
}

impl Drop for Fleet {
    fn drop(&mut self) {
        self.tasks.iter().for_each(tokio::task::JoinHandle::abort);
    }
}

#[tokio::test]
async fn forgotten_calls_are_run_and_nobody_answers_them() {
    let redis = Redis::start();
    let running = Running::start(service().build().unwrap(), redis.settings());
    let transport = RedisClientTransport::new("test", redis.settings()).unwrap();
    let client = Client::builder().service("test", transport.clone());
    let client = client.build().unwrap();
    let echo = || client.call_action("test", "echo", &value!({ "a": 1 }));
    for _ in 0..10 {
        echo().send_and_forget().await.unwrap();
    }
    let job = client.call_job("test", [("echo".into(), value!({}))]);
    job.send_and_forget().await.unwrap();
    until("all have run", || running.server.stats().jobs() == 11).await;
    assert_eq!(
        echo().await.unwrap(),
        value!({ "a": 1 }),
        "and answers still come"
    );
    running.stop().await;
    assert_eq!(transport.unexpected_answers(), 0);
    assert_eq!(redis.keys(), Vec::<String>::new());
}

#[tokio::test]
async fn a_forgotten_call_waits_in_the_queue_for_a_server_as_long_as_it_is_told_to() {
    let redis = Redis::start();
    let client = client(redis.settings());
    let call = client.call_action("test", "echo", &());
    call.send_and_forget().await.unwrap();
    assert_eq!(redis.integer("LLEN pysoa:service.test"), 1);
    assert!(redis.integer("TTL pysoa:service.test") > 30);
    redis.text("DEL pysoa:service.test");
    let call = client.call_action("test", "echo", &());
    let call = call.timeout(Duration::from_secs(5)).send_and_forget();
    call.await.unwrap();
    assert!(redis.integer("TTL pysoa:service.test") <= 15);
    tokio::time::sleep(Duration::from_millis(100)).await;
    assert_eq!(
        redis.integer("LLEN pysoa:service.test"),
        1,
        "not taken back"
    );
}

#[tokio::test]
async fn responses_of_several_services_come_as_they_come() {
    let redis = Redis::start();
    let settings = redis.settings();
    let fleet = Fleet::start(&["one", "two"], &settings, &settings);
    let mut outstanding = Outstanding::new();
    let mut expected = Vec::new();
    for number in 0..60_u64 {
        let service = ["one", "two"][usize::from(number % 3 == 0)];
        let job = fleet
            .client
            .call_job(service, [("repeat".into(), value!({}))]);
        expected.push((outstanding.send(job).await.unwrap(), service));
    }
    let mut seen = Vec::new();
    while let Some((id, response)) = outstanding.next().await {
        let body = response.unwrap().actions.remove(0).body.to_value().unwrap();
        let service = body
            .get("service")
            .and_then(Value::as_str)
            .unwrap()
            .to_owned();
        seen.push((id, service));
    }
    seen.sort();
    assert!(
        seen.iter()
            .map(|(id, service)| (*id, service.as_str()))
            .eq(expected)
    );
}

#[tokio::test]
async fn an_error_of_a_transport_stands_in_the_place_of_its_call() {
    let redis = Redis::start();
    let settings = redis.settings();
    let fleet = Fleet::start(&["one"], &settings, &settings);
    let call = |service: &'static str| {
        let call = fleet.client.call_action(service, "repeat", &());
        call.timeout(Duration::from_millis(if service == "nobody" {
            300
        } else {
            20_000
        }))
    };
    let outcomes = fleet
        .client
        .parallel([call("one"), call("nobody"), call("one")]);
    let outcomes = outcomes.each().await;
    let kinds = outcomes
        .iter()
        .map(|outcome| outcome.as_ref().map_err(soa_runtime::ClientError::kind));
    let kinds: Vec<_> = kinds.map(|outcome| outcome.err()).collect();
    assert_eq!(kinds, [None, Some(ErrorKind::Timeout), None]);
}

#[tokio::test]
async fn of_two_hundred_parallel_chunked_answers_of_four_services_none_is_lost_and_order_is_kept() {
    let redis = Redis::start();
    let large = redis.settings().maximum_message_size(2_000_000);
    let serving = large.chunk_messages_larger_than(102_400);
    let calling = redis.settings().receive_timeout(Duration::from_secs(60));
    let names = ["one", "two", "three", "four"];
    let fleet = Fleet::start(&names, &serving, &calling);
    let calls = (0..200_usize).map(|number| {
        let body = value!({ "length": (210_000 + number) });
        fleet.client.call_action(names[number % 4], "repeat", &body)
    });
    let pending = fleet
        .client
        .parallel(calls.collect::<Vec<_>>())
        .each()
        .send();
    let outcomes = pending.await.unwrap().await.unwrap();
    for (number, outcome) in outcomes.into_iter().enumerate() {
        let answer = outcome.unwrap();
        assert_eq!(
            answer.get("service").and_then(Value::as_str),
            Some(names[number % 4])
        );
        let length = answer.get("text").and_then(Value::as_str).map(str::len);
        assert_eq!(length, Some(210_000 + number));
    }
    for transport in &fleet.transports {
        assert_eq!(transport.unexpected_answers(), 0);
    }
}
