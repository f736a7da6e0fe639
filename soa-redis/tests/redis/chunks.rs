//! Responses that are cut into pieces, ours and others'.

use std::time::{Duration, Instant};

use soa_redis::{RedisClientTransport, RedisSettings};
use soa_runtime::codec::Encoding;
use soa_runtime::wire::{FrameHead, ProtocolVersion, read_response};
use soa_runtime::{ActionError, Client, Context, ErrorKind, Server, Value, value};

use crate::support::{Redis, Reply, Running, client, next_request, request_in, service, until};

const PIECE: usize = 102_400;

/// A server with an action that answers with so many bytes.
fn repeating() -> Server {
    let repeat = |body: Value, _: Context| async move {
        let length = body
            .as_map()
            .unwrap()
            .get("length")
            .unwrap()
            .as_i64()
            .unwrap();
        let text = "x".repeat(usize::try_from(length).unwrap());
        Ok::<_, ActionError>(value!({ "text": (text) }))
    };
    service().action("repeat", repeat).build().unwrap()
}

fn chunked(redis: &Redis) -> RedisSettings {
    let settings = redis.settings().maximum_message_size(2_000_000);
    settings.chunk_messages_larger_than(PIECE)
}

#[tokio::test]
async fn a_large_response_comes_in_pieces_and_arrives_whole() {
    let redis = Redis::start();
    let running = Running::start(repeating(), chunked(&redis));
    let client = client(redis.settings());
    for length in [1, 100_000, 102_400, 300_000, 1_900_000, 5] {
        let call = client.call_action("test", "repeat", &value!({ "length": (length) }));
        let answer = call.await.unwrap();
        let text = answer
            .as_map()
            .unwrap()
            .get("text")
            .unwrap()
            .as_str()
            .unwrap();
        assert_eq!(text.len(), usize::try_from(length).unwrap());
    }
    let call = client.call_action("test", "repeat", &value!({ "length": 2_000_000 }));
    let error = call.await.unwrap_err();
    assert_eq!(error.errors()[0].code, "RESPONSE_TOO_LARGE");
    running.stop().await;
}

#[tokio::test]
async fn pieces_have_the_size_that_is_set_and_only_clients_of_version_three_get_them() {
    let redis = Redis::start();
    let settings = chunked(&redis).log_messages_larger_than(0);
    let running = Running::start(service().build().unwrap(), settings);
    let body = value!({ "text": ("x".repeat(250_000)) });
    for version in [ProtocolVersion::V2, ProtocolVersion::V3] {
        let reply_to = format!("service.test.client!{version:?}");
        let frame = request_in(version, Encoding::MessagePack, 1, &reply_to, &body);
        redis.command(&[b"RPUSH", b"pysoa:service.test", &frame]);
        let key = format!("pysoa:{reply_to}");
        if version == ProtocolVersion::V2 {
            let answer = redis.wait_for(&key).await;
            let response = read_response(&answer.into(), &Default::default()).unwrap();
            assert_eq!(response.job.errors[0].code, "RESPONSE_TOO_LARGE");
            continue;
        }
        for id in 1..=3 {
            let piece = redis.wait_for(&key).await;
            let head = FrameHead::read(&piece).unwrap();
            assert_eq!((head.chunk_id(), head.chunk_count()), (Some(id), Some(3)));
            assert_eq!(head.content_type(), Some("application/msgpack"));
            let length = piece.len() - head.payload_start();
            assert!(if id < 3 {
                length == PIECE
            } else {
                length < PIECE
            });
        }
    }
    running.stop().await;
}

#[tokio::test]
async fn all_pieces_are_pushed_at_once_or_none() {
    let redis = Redis::start();
    // The list has room for two messages, and somebody else's is there.
    let settings = chunked(&redis).queue_capacity(3);
    let running = Running::start(service().build().unwrap(), settings);
    redis.text("RPUSH pysoa:service.test.client!full x");
    let body = value!({ "text": ("x".repeat(250_000)) });
    let (version, encoding) = (ProtocolVersion::V3, Encoding::MessagePack);
    let frame = request_in(version, encoding, 1, "service.test.client!full", &body);
    redis.command(&[b"RPUSH", b"pysoa:service.test", &frame]);
    until("the job ran", || running.server.stats().jobs() == 1).await;
    tokio::time::sleep(Duration::from_millis(300)).await;
    assert_eq!(redis.integer("LLEN pysoa:service.test.client!full"), 1);
    redis.text("LPOP pysoa:service.test.client!full");
    until("they are there", || {
        redis.integer("LLEN pysoa:service.test.client!full") == 3
    })
    .await;
    running.stop().await;
}

/// Takes two requests and answers them as two servers of the reference might, piece by piece.
fn answer_interleaved(redis: &Redis, keys: &[(String, i64)]) {
    for id in 1..=2 {
        for (key, request) in keys {
            let mut piece = format!(
                "pysoa-redis/3//content-type:application/json;chunk-count:2;chunk-id:{id};"
            );
            piece += &match id {
                1 => format!("{{\"request_id\": {request}, \"meta\": {{}}, \"body\": "),
                _ => "{\"errors\": [], \"context\": {}, \"actions\": [{\"action\": \"echo\", \
                      \"errors\": [], \"body\": {}}]}}"
                    .to_owned(),
            };
            redis.command(&[b"RPUSH", key.as_bytes(), piece.as_bytes()]);
        }
    }
}

#[tokio::test]
async fn pieces_that_cannot_be_told_apart_fail_their_calls_at_once_and_the_next_have_lists_of_their_own()
 {
    let redis = Redis::start();
    let transport = RedisClientTransport::new("test", redis.settings()).unwrap();
    let client = Client::builder().service("test", transport.clone());
    let client = client.build().unwrap();
    let call = || {
        let call = client.call_action("test", "echo", &value!({}));
        tokio::spawn(call.timeout(Duration::from_secs(60)).into_future())
    };
    let calls = [call(), call()];
    let unaffected = call();
    let requests = [next_request(&redis).await, next_request(&redis).await];
    let third = next_request(&redis).await;
    assert_eq!(requests[0].0, requests[1].0, "they share a list");
    let start = Instant::now();
    answer_interleaved(&redis, &requests);
    for call in calls {
        let error = call.await.unwrap().unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Transport, "{error}");
        let source = error.reason().unwrap().to_string();
        assert!(source.contains("pieces"), "{source}");
    }
    assert!(start.elapsed() < Duration::from_secs(20), "not a timeout");
    // A call that had nothing to do with it, and does not know yet, is answered on the shared list.
    answer_interleaved(&redis, &[third]);
    unaffected.await.unwrap().unwrap();
    // From now on they are apart.
    let calls = [call(), call(), call()];
    let requests = [
        next_request(&redis).await,
        next_request(&redis).await,
        next_request(&redis).await,
    ];
    assert_ne!(requests[0].0, requests[1].0);
    answer_interleaved(&redis, &requests);
    for call in calls {
        call.await.unwrap().unwrap();
    }
}

#[tokio::test]
async fn calls_with_lists_of_their_own_use_few_and_leave_none() {
    let redis = Redis::start();
    let settings = redis.settings().expects_chunked_replies(true);
    let running = Running::start(repeating(), chunked(&redis));
    let client = client(settings);
    for _ in 0..20 {
        let calls = (0..8).map(|_| {
            let call = client.call_action("test", "repeat", &value!({ "length": 300_000 }));
            tokio::spawn(call.timeout(Duration::from_secs(30)).into_future())
        });
        for call in calls.collect::<Vec<_>>() {
            call.await.unwrap().unwrap();
        }
    }
    // One for each call that ran at the same time: the server has sent to no others.
    let Reply::List(_) = redis.text("KEYS *") else {
        panic!()
    };
    running.stop().await;
    drop(client);
    until("all keys are gone", || redis.keys().is_empty()).await;
}

#[tokio::test]
async fn an_answer_that_never_becomes_whole_fails_its_call_before_the_timeout() {
    let redis = Redis::start();
    let client = client(redis.settings());
    let call = client.call_action("test", "echo", &value!({}));
    let call = tokio::spawn(call.timeout(Duration::from_secs(60)).into_future());
    let (key, id) = next_request(&redis).await;
    let head = "pysoa-redis/3//content-type:application/json;chunk-count:2;chunk-id:1;";
    let piece = format!("{head}{{\"request_id\": {id}, ");
    redis.command(&[b"RPUSH", key.as_bytes(), piece.as_bytes()]);
    let start = Instant::now();
    let error = call.await.unwrap().unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Transport, "{error}");
    let source = error.reason().unwrap().to_string();
    assert!(source.contains("no more pieces"), "{source}");
    assert!(
        start.elapsed() < Duration::from_secs(30),
        "{:?}",
        start.elapsed()
    );
}

#[tokio::test]
async fn many_calls_with_lists_of_their_own_share_few_commands() {
    const CALLERS: i64 = 500;
    let redis = Redis::start();
    let running = Running::start(
        service().concurrency(1_000).build().unwrap(),
        redis.settings(),
    );
    let client = client(redis.settings().expects_chunked_replies(true));
    let callers = (0..CALLERS).map(|caller| {
        let client = client.clone();
        tokio::spawn(async move {
            for number in 0..10_i64 {
                let body = value!({ "caller": (caller), "number": (number) });
                let call = client.call_action("test", "echo", &body);
                let answer = call.timeout(Duration::from_secs(30)).await.unwrap();
                assert_eq!(answer, body);
            }
        })
    });
    for caller in callers.collect::<Vec<_>>() {
        caller.await.unwrap();
    }
    let nudges = redis.calls("client|unblock");
    assert!(nudges < 200, "{nudges}");
    running.stop().await;
}
