//! How large messages may be.

use std::collections::BTreeMap;
use std::time::Duration;

use soa_runtime::codec::Encoding;
use soa_runtime::wire::{FrameHead, ProtocolVersion, read_response};
use soa_runtime::{
    ActionError, Context, ErrorKind, TransportError, TransportErrorKind, Value, value,
};

use crate::support::{Redis, Running, client, logged, request, request_in, service, until};

#[tokio::test]
async fn a_request_that_is_too_large_is_not_sent() {
    let redis = Redis::start();
    let client = client(redis.settings());
    let body = value!({ "text": ("x".repeat(102_400)) });
    let error = client.call_action("test", "echo", &body).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Transport);
    let source = error.reason().unwrap();
    let source = source.downcast_ref::<TransportError>().unwrap();
    assert_eq!(source.kind(), TransportErrorKind::MessageTooLarge);
    let text = source.to_string();
    assert!(
        text.starts_with("Message exceeds maximum message size"),
        "{text}"
    );
    assert!(text.contains("102400"), "{text}");
    assert!(redis.keys().is_empty());
}

#[tokio::test]
async fn a_response_that_is_too_large_becomes_an_error_and_a_smaller_one_arrives() {
    let redis = Redis::start();
    let server = service().action("repeat", |body: Value, _: Context| async move {
        let length = body
            .as_map()
            .unwrap()
            .get("length")
            .unwrap()
            .as_i64()
            .unwrap();
        let text = "x".repeat(usize::try_from(length).unwrap());
        Ok::<_, ActionError>(value!({ "text": (text) }))
    });
    let running = Running::start(server.build().unwrap(), redis.settings());
    let client = client(redis.settings());
    let repeat =
        |length: i64| client.call_action("test", "repeat", &value!({ "length": (length) }));
    repeat(255_000).await.unwrap();
    let error = repeat(256_000).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Job);
    assert_eq!(error.errors()[0].code, "RESPONSE_TOO_LARGE");
    let expected = "Could not send the response because it was too large";
    assert_eq!(error.errors()[0].message, expected);
    running.stop().await;
}

#[tokio::test]
async fn a_response_that_is_too_large_is_told_in_the_callers_version_and_encoding() {
    let redis = Redis::start();
    let settings = redis.settings().maximum_message_size(400);
    let running = Running::start(service().build().unwrap(), settings);
    for (id, version, encoding) in [
        (1, ProtocolVersion::V1, Encoding::MessagePack),
        (2, ProtocolVersion::V2, Encoding::MessagePack),
        (3, ProtocolVersion::V2, Encoding::Json),
        (4, ProtocolVersion::V3, Encoding::Json),
    ] {
        let reply_to = format!("service.test.client!{id}");
        let body = value!({ "text": ("x".repeat(500)) });
        let frame = request_in(version, encoding, id, &reply_to, &body);
        redis.command(&[b"RPUSH", b"pysoa:service.test", &frame]);
        let answer = redis.wait_for(&format!("pysoa:{reply_to}")).await;
        let head = FrameHead::read(&answer).unwrap();
        assert_eq!(head.version(), version);
        let content_type = (version > ProtocolVersion::V1).then(|| encoding.content_type());
        assert_eq!(head.content_type(), content_type);
        let response = read_response(&answer.into(), &Default::default()).unwrap();
        assert_eq!(response.request_id, Value::from(id));
        assert_eq!(response.job.errors[0].code, "RESPONSE_TOO_LARGE");
        assert!(response.job.actions.is_empty());
    }
    running.stop().await;
}

#[tokio::test]
async fn a_response_over_the_logged_size_is_logged_once() {
    let redis = Redis::start();
    let settings = redis.settings().log_messages_larger_than(1_000);
    let running = Running::start(service().build().unwrap(), settings);
    // No other test has responses of this size.
    let (reply_to, text) = ("service.test.client!1", "x".repeat(31_337));
    let frame = request(1, reply_to, &value!({ "text": (text) }));
    redis.command(&[b"RPUSH", b"pysoa:service.test", &frame]);
    let answer = redis.wait_for(&format!("pysoa:{reply_to}")).await;
    running.stop().await;
    let head = FrameHead::read(&answer).unwrap();
    let size = answer.len() - head.payload_start();
    let logged = logged(&format!("size={size}"));
    assert_eq!(logged.len(), 1, "{logged:#?}");
    assert!(logged[0].starts_with("WARN") && logged[0].contains("the response is large"));
}

#[tokio::test]
async fn a_client_has_answers_for_half_of_a_reply_list_on_their_way_at_most() {
    let redis = Redis::start();
    let settings = redis.settings().queue_capacity(20);
    let client = client(settings.clone());
    let calls = (0..18_i64).map(|number| {
        let call = client.call_action("test", "echo", &value!({ "number": (number) }));
        tokio::spawn(call.timeout(Duration::from_secs(30)).into_future())
    });
    let calls: Vec<_> = calls.collect();
    until("all are there", || {
        redis.integer("LLEN pysoa:service.test") == 18
    })
    .await;
    let mut lists = BTreeMap::new();
    let mut requests = Vec::new();
    for _ in 0..18 {
        let frame = redis.text("LPOP pysoa:service.test").bytes();
        let text = String::from_utf8_lossy(&frame);
        let start = text.find("service.test.").unwrap();
        let (list, _) = text[start..].split_at("service.test.".len() + 32 + 1 + 12);
        *lists.entry(list.to_owned()).or_insert(0) += 1;
        requests.push(frame.clone());
    }
    assert_eq!(lists.into_values().max(), Some(10));
    for frame in &requests {
        redis.command(&[b"RPUSH", b"pysoa:service.test", frame]);
    }
    let running = Running::start(service().build().unwrap(), settings);
    for call in calls {
        call.await.unwrap().unwrap();
    }
    running.stop().await;
}

#[tokio::test]
async fn a_job_whose_reply_list_is_full_is_not_started_and_its_caller_is_told_later() {
    const LIST: &str = "service.test.slow!reader";
    let redis = Redis::start();
    let settings = redis.settings().queue_capacity(3).queue_full_retries(20);
    let running = Running::start(service().build().unwrap(), settings);
    let send = |id| {
        let frame = request(id, LIST, &value!({}));
        redis.command(&[b"RPUSH", b"pysoa:service.test", &frame]);
    };
    let length = || redis.integer(&format!("LLEN pysoa:{LIST}"));
    (0..3).for_each(&send);
    until("the list is full", || length() == 3).await;
    let mut id = 3;
    while running.server.stats().refused() == 0 {
        send(id);
        id += 1;
        assert!(id < 100, "jobs are started for nothing");
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    let (jobs, refused) = (
        running.server.stats().jobs(),
        running.server.stats().refused(),
    );
    (0..20).for_each(|more| send(100 + more));
    until("all are refused", || {
        running.server.stats().refused() == refused + 20
    })
    .await;
    assert_eq!(running.server.stats().jobs(), jobs);
    let told = logged("the caller does not read its reply list, so");
    assert!(told.iter().any(|line| line.contains(LIST)), "{told:?}");
    // When it reads again, it hears of all of them.
    let mut answers = Vec::new();
    let all = usize::try_from(id + 20).unwrap();
    while answers.len() < all {
        answers.push(redis.wait_for(&format!("pysoa:{LIST}")).await);
    }
    let refusals = answers.iter().filter(|answer| {
        let text = String::from_utf8_lossy(answer);
        text.contains("OVERLOADED") && text.contains("was not started")
    });
    assert_eq!(
        u64::try_from(refusals.count()).unwrap(),
        running.server.stats().refused()
    );
    running.stop().await;
}
