//! Messages that nobody can answer, and frames of every version: the service goes on (protocol, section 10).

use soa_runtime::codec::Encoding;
use soa_runtime::wire::{DropReason, FrameHead, ProtocolVersion, read_response};
use soa_runtime::{Value, value};

use crate::support::{Redis, Running, request, request_in, service, until};

const HEAD: &[u8] = b"pysoa-redis/3//content-type:application/msgpack;";

/// A frame of JSON.
fn json(envelope: &str) -> Vec<u8> {
    let mut frame = b"pysoa-redis/3//content-type:application/json;".to_vec();
    frame.extend_from_slice(envelope.as_bytes());
    frame
}

fn push(redis: &Redis, frame: &[u8]) {
    redis.command(&[b"RPUSH", b"pysoa:service.test", frame]);
}

/// A good request is answered after whatever came before.
async fn still_answers(redis: &Redis, id: i64) {
    let reply_to = format!("service.test.good!{id}");
    let body = value!({ "number": (id) });
    push(redis, &request(id, &reply_to, &body));
    let answer = redis.wait_for(&format!("pysoa:{reply_to}")).await;
    let response = read_response(&answer.into(), &Default::default()).unwrap();
    assert_eq!(response.request_id, Value::from(id));
    assert_eq!(response.job.actions[0].body.to_value().unwrap(), body);
}

#[tokio::test]
async fn what_cannot_be_answered_is_counted_and_dropped() {
    let redis = Redis::start();
    let running = Running::start(service().build().unwrap(), redis.settings());
    let good = request(1, "service.test.bad!1", &value!({}));
    let mut trailing = good.to_vec();
    trailing.push(0xc0);
    let mut version_4 = b"pysoa-redis/4//".to_vec();
    version_4.extend_from_slice(&good[15..]);
    let chunk = b"pysoa-redis/3//content-type:application/msgpack;chunk-count:2;chunk-id:1;x";
    let with_body = r#""body": {"control": {"continue_on_error": false}, "context": {"switches": [], "correlation_id": "x"}, "actions": [{"action": "echo"}]}"#;
    let no_id = json(&format!(
        r#"{{"meta": {{"reply_to": "service.test.bad!1"}}, {with_body}}}"#
    ));
    let nil_id = json(&format!(
        r#"{{"request_id": null, "meta": {{"reply_to": "service.test.bad!1"}}, {with_body}}}"#
    ));
    let no_mark = json(&format!(
        r#"{{"request_id": 1, "meta": {{"reply_to": "service.test"}}, {with_body}}}"#
    ));
    let no_reply_to = json(&format!(
        r#"{{"request_id": 1, "meta": {{}}, {with_body}}}"#
    ));
    let expired = json(&format!(
        r#"{{"request_id": 1, "meta": {{"reply_to": "service.test.bad!1", "__expiry__": 1.5}}, {with_body}}}"#
    ));
    let mut deep = HEAD.to_vec();
    deep.extend([0x91; 2_000]);
    let rows: [(&[u8], DropReason); 13] = [
        (b"", DropReason::Malformed),
        (b"not a message", DropReason::Malformed),
        (HEAD, DropReason::Malformed),
        (&good[..good.len() - 1], DropReason::Malformed),
        (&trailing, DropReason::Malformed),
        (&deep, DropReason::Malformed),
        (&version_4, DropReason::ProtocolVersion),
        (chunk, DropReason::ChunkedRequest),
        (&no_id, DropReason::RequestId),
        (&nil_id, DropReason::RequestId),
        (&no_mark, DropReason::ReplyTo),
        (&no_reply_to, DropReason::ReplyTo),
        (&expired, DropReason::Expired),
    ];
    for (index, (frame, reason)) in rows.into_iter().enumerate() {
        let before = running.server.stats().dropped(reason);
        push(&redis, frame);
        until("it is counted", || {
            running.server.stats().dropped(reason) == before + 1
        })
        .await;
        still_answers(&redis, i64::try_from(index).unwrap()).await;
    }
    assert_eq!(redis.integer("LLEN pysoa:service.test.bad!1"), 0);
    running.stop().await;
}

#[tokio::test]
async fn a_malformed_job_gets_a_job_error() {
    let redis = Redis::start();
    let running = Running::start(service().build().unwrap(), redis.settings());
    let control = r#""control": {"continue_on_error": false}"#;
    let context = r#""context": {"switches": [], "correlation_id": "x"}"#;
    let actions = r#""actions": [{"action": "echo"}]"#;
    let rows = [
        (
            format!(r#"{{{control}, {context}, "actions": []}}"#),
            "INVALID",
        ),
        (format!(r#"{{{control}, {context}}}"#), "MISSING"),
        (format!(r#"{{{control}, {actions}}}"#), "MISSING"),
        (
            format!(r#"{{"control": null, {context}, {actions}}}"#),
            "INVALID",
        ),
        (
            format!(r#"{{{control}, {context}, {actions}, "extra": 1}}"#),
            "UNKNOWN",
        ),
        (r#"[]"#.to_owned(), "INVALID"),
    ];
    for (id, (body, code)) in rows.into_iter().enumerate() {
        let reply_to = format!("service.test.bad!{id}");
        let frame = json(&format!(
            r#"{{"request_id": {id}, "meta": {{"reply_to": "{reply_to}"}}, "body": {body}}}"#
        ));
        push(&redis, &frame);
        let answer = redis.wait_for(&format!("pysoa:{reply_to}")).await;
        let response = read_response(&answer.into(), &Default::default()).unwrap();
        assert_eq!(response.job.errors[0].code, code, "{body}");
        assert!(response.job.actions.is_empty());
        still_answers(&redis, i64::try_from(id).unwrap()).await;
    }
    running.stop().await;
}

#[tokio::test]
async fn a_fault_inside_a_body_is_that_actions_error() {
    let redis = Redis::start();
    let running = Running::start(service().build().unwrap(), redis.settings());
    let mut frame = request(7, "service.test.bad!7", &value!({ "text": "xyz" })).to_vec();
    let at = frame
        .windows(3)
        .position(|window| window == b"xyz")
        .unwrap();
    frame[at] = 0xff;
    push(&redis, &frame);
    let answer = redis.wait_for("pysoa:service.test.bad!7").await;
    let response = read_response(&answer.into(), &Default::default()).unwrap();
    assert!(response.job.errors.is_empty());
    assert!(!response.job.actions[0].errors.is_empty());
    still_answers(&redis, 8).await;
    running.stop().await;
}

#[tokio::test]
async fn every_version_and_encoding_is_answered_in_kind_on_its_own_list() {
    let redis = Redis::start();
    let running = Running::start(service().build().unwrap(), redis.settings());
    let body = value!({ "text": "ü", "number": 1 });
    for (id, version, encoding) in [
        (1, ProtocolVersion::V1, Encoding::MessagePack),
        (2, ProtocolVersion::V2, Encoding::MessagePack),
        (3, ProtocolVersion::V3, Encoding::MessagePack),
        (4, ProtocolVersion::V2, Encoding::Json),
        (5, ProtocolVersion::V3, Encoding::Json),
    ] {
        let reply_to = format!("service.test.client!{id}");
        push(&redis, &request_in(version, encoding, id, &reply_to, &body));
        let key = format!("pysoa:{reply_to}");
        let answer = redis.wait_for(&key).await;
        let head = FrameHead::read(&answer).unwrap();
        assert_eq!(head.version(), version);
        let content_type = (version > ProtocolVersion::V1).then(|| encoding.content_type());
        assert_eq!(head.content_type(), content_type);
        let response = read_response(&answer.into(), &Default::default()).unwrap();
        assert_eq!(response.request_id, Value::from(id));
        assert_eq!(response.job.actions[0].body.to_value().unwrap(), body);
    }
    running.stop().await;
}
