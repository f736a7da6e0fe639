//! How large messages may be.

use soa_runtime::codec::Encoding;
use soa_runtime::wire::{FrameHead, ProtocolVersion, read_response};
use soa_runtime::{
    ActionError, Context, ErrorKind, TransportError, TransportErrorKind, Value, value,
};

use crate::support::{Redis, Running, client, logged, request, request_in, service};

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
