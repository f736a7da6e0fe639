//! A serializer of the user's own carries requests and responses through a server.

use std::time::Duration;

use crate::support::{REPLY_TO, block_on, cases, entries};
use bytes::Bytes;
use proptest::prelude::*;
use soa_runtime::codec::{DecodeError, EncodeError, json, msgpack};
use soa_runtime::server::DropReason;
use soa_runtime::wire::{FrameHead, write_request};
use soa_runtime::{
    ActionError, ActionRequest, Body, Context, ContextHeader, Encoding, JobRequest, Map,
    Serializer, Server, Value, code, value,
};

/// JSON behind an exclamation mark, which JSON never begins with.
struct Shouted;

impl Serializer for Shouted {
    fn content_type(&self) -> &str {
        "application/x-shouted"
    }

    fn encode(&self, message: &Value) -> Result<Vec<u8>, EncodeError> {
        let mut out = vec![b'!'];
        json::encode_value(message, &mut out).map(|()| out)
    }

    fn decode(&self, bytes: &[u8]) -> Result<Value, DecodeError> {
        match bytes.strip_prefix(b"!") {
            Some(bytes) => json::decode_value(bytes),
            None => Err(serde::de::Error::custom("nobody shouts")),
        }
    }
}

fn server() -> Server {
    Server::untyped("echo", "1.0.0")
        .serializer(Shouted)
        .action("echo", |body: Value, _: Context| async {
            Ok::<_, ActionError>(body)
        })
        .action("now", |_: Value, _: Context| async {
            let date = soa_runtime::Date::new(2026, 11, 21).map_err(ActionError::internal)?;
            Ok::<_, ActionError>(value!({"date": date}))
        })
        .build()
        .unwrap()
}

const HEAD: &[u8] = b"pysoa-redis/3//content-type:application/x-shouted;!";

fn request(action: &str, body: &Map) -> Bytes {
    let action = ActionRequest::new(action.to_owned(), Body::encode(Encoding::Json, body));
    let job = JobRequest::new(ContextHeader::new("c"), Default::default(), vec![action]);
    let version = soa_runtime::wire::ProtocolVersion::V2;
    let frame = write_request(
        version,
        Encoding::Json,
        7,
        REPLY_TO,
        Duration::from_secs(60),
        &job,
    )
    .unwrap();
    let start = FrameHead::read(&frame).unwrap().payload_start();
    [HEAD, &frame[start..]].concat().into()
}

fn response(frame: &[u8]) -> Value {
    json::decode_value(
        frame
            .strip_prefix(HEAD)
            .expect("the answer is shouted, too"),
    )
    .unwrap()
}

proptest! {
    #![proptest_config(cases(100))]

    #[test]
    fn a_request_and_its_response_go_through_a_serializer_of_the_users_own(body in entries(crate::support::value())) {
        let answer = block_on(server().answer(request("echo", &body))).unwrap();
        let response = response(&answer.frame);
        prop_assert_eq!(response.get("request_id"), Some(&Value::from(7)));
        let actions = response.get("body").and_then(|job| job.get("actions")).and_then(Value::as_list).unwrap();
        prop_assert_eq!(actions[0].get("body"), Some(&Value::Map(body)));
    }
}

#[test]
fn what_the_users_serializer_cannot_carry_is_an_error_in_it() {
    let answer = block_on(server().answer(request("now", &Map::new()))).unwrap();
    let response = response(&answer.frame);
    let errors = response
        .get("body")
        .and_then(|job| job.get("errors"))
        .and_then(Value::as_list)
        .unwrap();
    assert_eq!(
        errors[0].get("code").and_then(Value::as_str),
        Some(code::RESPONSE_NOT_SERIALIZABLE)
    );
}

#[test]
fn what_the_users_serializer_cannot_read_is_dropped() {
    let server = server();
    let spoilt: Bytes = request("echo", &Map::new())
        .iter()
        .filter(|byte| **byte != b'!')
        .copied()
        .collect();
    assert!(block_on(server.answer(spoilt)).is_none());
    assert_eq!(server.stats().dropped(DropReason::Malformed), 1);
}

#[test]
fn the_frameworks_own_serializers_are_still_there() {
    let body = value!({"action": "echo", "body": {}});
    let request = value!({
        "request_id": 1,
        "meta": {"reply_to": REPLY_TO},
        "body": {
            "control": {"continue_on_error": false},
            "context": {"correlation_id": "c", "switches": []},
            "actions": [body],
        },
    });
    let mut frame = b"content-type:application/msgpack;".to_vec();
    msgpack::encode_value(&request, &mut frame).unwrap();
    let answer = block_on(server().answer(frame.into())).unwrap();
    assert_eq!(
        FrameHead::read(&answer.frame).unwrap().content_type(),
        Some("application/msgpack")
    );
}
