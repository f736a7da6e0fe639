//! The messages that the reference sends and answers are the ones that we read, write and answer.

#![allow(clippy::unwrap_used, clippy::expect_used)] // Helpers of tests may fail loudly, too.

mod support;

use std::time::Duration;

use example_service::ExampleService;
use soa::server::DropReason;
use soa::wire::{ProtocolVersion, read_response, write_request};
use soa::{
    ActionRequest, Body, Client, ContextHeader, Control, JobRequest, LocalTransport, Map, Server,
    Value, value,
};
use support::{Message, decode, vector};

/// Exchanges about the size of messages and about pieces of them, which transports limit and make.
const ABOUT_SIZE: [&str; 4] = [
    "44_chunking_on_small_response",
    "45_chunking_protocol_2_client",
    "47_response_200k_unchunked",
    "48_response_too_large_chunked",
];

fn serve() -> Server {
    let example2 = Server::builder(ExampleService::new())
        .tell_internal_errors(true)
        .name("example2")
        .build()
        .unwrap();
    let client = Client::builder()
        .service("example2", LocalTransport::new(example2))
        .build()
        .unwrap();
    Server::builder(ExampleService::new())
        .tell_internal_errors(true)
        .client(client)
        .build()
        .unwrap()
}

#[test]
fn every_captured_message_decodes_to_its_content() {
    let mut count = 0;
    for vector in support::all() {
        for message in vector.requests.iter().chain(&vector.responses) {
            let decoded = decode(message.encoding(), message.payload());
            if message.is_malformed {
                assert!(decoded.is_err(), "{}", message.file);
            } else if let Some(expected) = &message.decoded {
                assert_eq!(decoded.as_ref(), Ok(expected), "{}", message.file);
            } else {
                assert!(decoded.is_ok(), "{}", message.file);
            }
            count += 1;
        }
    }
    assert!(count > 140, "{count}");
}

#[test]
fn what_the_reference_writes_is_written_the_same_byte_for_byte() {
    for vector in support::all() {
        for message in vector.requests.iter().chain(&vector.responses) {
            let Ok(value) = decode(message.encoding(), message.payload()) else {
                continue;
            };
            let mut written = Vec::new();
            match message.encoding() {
                soa::Encoding::Json => {
                    soa::codec::json::encode_value(&value, &mut written).unwrap()
                }
                _ => soa::codec::msgpack::encode_value(&value, &mut written).unwrap(),
            }
            assert_eq!(written, message.payload(), "{}", message.file);
        }
    }
}

#[tokio::test]
async fn every_captured_request_gets_the_captured_answer() {
    let server = serve();
    let mut count = 0;
    for vector in support::all() {
        let name = vector.name.as_str();
        if ABOUT_SIZE.contains(&name) {
            continue;
        }
        // Of the two hops of a chain, the first is ours to answer.
        for (request, response) in vector.requests.iter().zip(&vector.responses) {
            let reply = server.answer(request.unexpired()).await;
            let reply = reply.unwrap_or_else(|| panic!("{name}: no answer"));
            compare(name, request, response, &reply.frame);
            count += 1;
        }
    }
    assert!(count >= 60, "{count}");
}

#[track_caller]
fn compare(name: &str, request: &Message, response: &Message, frame: &[u8]) {
    let ours = Message {
        file: String::new(),
        frame: frame.to_vec().into(),
        decoded: None,
        is_malformed: false,
    };
    let head =
        |message: &Message| message.frame[..message.frame.len() - message.payload().len()].to_vec();
    if name == "39_types_json_not_serializable" {
        // The reference's substitute error goes out in its default serializer; ours in the caller's.
        assert_eq!(head(&ours), head(request), "{name}");
    } else {
        assert_eq!(head(&ours), head(response), "{name}");
    }
    let mut expected = response.decoded.clone().unwrap();
    let mut answered = decode(ours.encoding(), ours.payload()).unwrap();
    for message in [&mut expected, &mut answered] {
        forget_times(message, name);
    }
    assert_eq!(answered, expected, "{name}");
}

/// Drops what is allowed to differ.
fn forget_times(message: &mut Value, name: &str) {
    let Value::Map(message) = message else {
        panic!("{name}")
    };
    let Some(Value::Map(meta)) = message.get_mut("meta") else {
        panic!("{name}")
    };
    assert!(
        meta.remove("__expiry__").and_then(|expiry| expiry.as_f64()) > Some(1.7e9),
        "{name}"
    );
    let Some(Value::Map(body)) = message.get_mut("body") else {
        panic!("{name}")
    };
    if let Some(Value::List(actions)) = body.get_mut("actions") {
        for action in actions {
            let Value::Map(action) = action else {
                panic!("{name}")
            };
            if let Some(Value::Map(body)) = action.get_mut("body") {
                if let Some(Value::Map(canonical)) = body.get_mut("canonical") {
                    // The reference lost a microsecond of it in float arithmetic.
                    assert!(canonical.remove("dt_old").is_some());
                }
                if name == "76_context_chain" {
                    // Order of keys, and of the headers of the chained call, is free.
                    sort(body);
                }
                if name.contains("introspect") {
                    forget_further_keys(body);
                }
                if name == "74_context_extra" || name.contains("introspect") {
                    sort(body);
                }
                if name.contains("introspect_switched") {
                    forget_response_schemas(body);
                }
                for versions in ["conformity", "pysoa", "python"] {
                    // The versions of what answers.
                    if let Some(version) = body.get_mut(versions) {
                        assert!(version.as_str().is_some_and(|text| !text.is_empty()));
                        *version = "a version".into();
                    }
                }
                if body.contains_key("healthcheck") {
                    sort(body);
                }
            }
        }
    }
}

/// The reference states none for the variants of `switched`; ours are typed.
fn forget_response_schemas(introspection: &mut Map) {
    let Some(Value::Map(actions)) = introspection.get_mut("actions") else {
        panic!("{introspection:?}")
    };
    let names: Vec<String> = actions
        .iter()
        .filter_map(|(name, _)| Some(name.as_str()?.to_owned()))
        .collect();
    for name in names {
        let Some(Value::Map(action)) = actions.get_mut(name.as_str()) else {
            panic!("{name}")
        };
        assert!(action.remove("response_schema").is_some(), "{name}");
    }
}

/// The reference does not tell the names of types, nor what an action declares besides them.
fn forget_further_keys(map: &mut Map) {
    if map.contains_key("type") {
        for key in ["name", "definitions", "action"] {
            map.remove(key);
        }
    }
    let mut pairs = std::mem::take(map).into_pairs();
    for (_, value) in &mut pairs {
        match value {
            Value::Map(map) => forget_further_keys(map),
            Value::List(items) => {
                let maps = items.iter_mut().filter_map(|item| match item {
                    Value::Map(map) => Some(map),
                    _ => None,
                });
                maps.for_each(forget_further_keys);
            }
            _ => {}
        }
    }
    *map = pairs.into_iter().collect();
}

fn sort(map: &mut Map) {
    let mut pairs: Vec<(Value, Value)> = std::mem::take(map).into_pairs();
    pairs.sort_by_key(|(key, _)| key.as_str().map(str::to_owned));
    for (_, value) in &mut pairs {
        if let Value::Map(map) = value {
            sort(map);
        }
    }
    *map = pairs.into_iter().collect();
}

#[tokio::test]
async fn a_request_that_wants_no_answer_gets_none_and_is_executed() {
    let server = serve();
    let vector = vector("88_suppress_response");
    assert!(
        server
            .answer(vector.requests[0].unexpired())
            .await
            .is_none()
    );
    assert_eq!(server.stats().jobs(), 1);
}

#[tokio::test]
async fn what_kills_a_reference_server_is_answered_or_dropped() {
    let server = serve();
    // A date-time in the year 10000 and text with half a surrogate pair: faults of one action's body.
    for name in ["10_echo_datetime_max", "23_echo_surrogate"] {
        let reply = server
            .answer(vector(name).requests[0].unexpired())
            .await
            .unwrap();
        let response = read_response(&reply.frame, &Default::default()).unwrap();
        assert_eq!(response.job.actions[0].errors[0].code, "INVALID", "{name}");
    }
    // White space after the last header: the payload is not one message.
    let frame = vector("102_raw_header_whitespace").requests[0].unexpired();
    assert!(server.answer(frame).await.is_none());
    assert_eq!(server.stats().dropped(DropReason::Malformed), 1);
}

#[tokio::test]
async fn an_expired_request_is_dropped_unread() {
    let server = serve();
    let frame = vector("108_raw_float_expiry_int").requests[0].frame.clone();
    assert!(server.answer(frame).await.is_none());
    assert_eq!(server.stats().dropped(DropReason::Expired), 1);
    assert_eq!(server.stats().jobs(), 0);
}

#[test]
fn requests_are_written_as_the_reference_writes_them() {
    for (name, version) in [
        ("01_square", ProtocolVersion::V3),
        ("34_square_protocol_2", ProtocolVersion::V2),
        ("32_square_protocol_1", ProtocolVersion::V1),
        ("36_square_json", ProtocolVersion::V3),
        ("90_send_request_expiry", ProtocolVersion::V3),
    ] {
        let captured = &vector(name).requests[0];
        let expected = captured.decoded.as_ref().unwrap();
        let get = |path: [&str; 3]| expected.get(path[0])?.get(path[1])?.get(path[2]);
        let encoding = captured.encoding();
        let action = &expected
            .get("body")
            .and_then(|body| body.get("actions"))
            .unwrap();
        let action = &action.as_list().unwrap()[0];
        let body = Body::encode(encoding, action.get("body").unwrap());
        let correlation_id = get(["body", "context", "correlation_id"]).and_then(Value::as_str);
        let mut control = Control::default();
        control.suppress_response = Some(false);
        let timeout = get(["body", "control", "timeout"]);
        if let Some(timeout) = timeout {
            control.extra.insert("timeout", timeout.clone());
        }
        let lifetime = timeout.and_then(Value::as_f64).unwrap_or(60.0);
        let job = JobRequest::new(
            ContextHeader::new(correlation_id.unwrap()),
            control,
            vec![ActionRequest::new("square", body)],
        );
        let id = expected.get("request_id").and_then(Value::as_i64).unwrap();
        let reply_to = expected.get("meta").and_then(|meta| meta.get("reply_to"));
        let reply_to = reply_to.and_then(Value::as_str).unwrap();
        let frame = write_request(
            version,
            encoding,
            id,
            reply_to,
            Duration::from_secs_f64(lifetime),
            &job,
        )
        .unwrap();
        let written = Message {
            file: String::new(),
            frame,
            decoded: None,
            is_malformed: false,
        };
        let mut expected = expected.clone();
        let mut ours = decode(encoding, written.payload()).unwrap();
        forget_times(&mut expected, name);
        forget_times(&mut ours, name);
        assert_eq!(ours, expected, "{name}");
        let lengths = [&written, captured].map(|message| message.frame.len());
        if encoding == soa::Encoding::MessagePack {
            assert_eq!(lengths[0], lengths[1], "{name}");
        }
    }
}

#[test]
fn captured_responses_are_read_as_typed_messages() {
    let read =
        |name: &str| read_response(&vector(name).responses[0].frame, &Default::default()).unwrap();
    let square = read("01_square");
    assert_eq!(square.request_id, value!(940_817));
    assert_eq!(square.job.actions[0].action, "square");
    assert_eq!(
        square.job.actions[0].body.to_value().unwrap(),
        value!({ "square": 144 })
    );
    assert_eq!(
        square.job.context.correlation_id.as_deref(),
        Some("c0ffee00c0ffee00c0ffee00c0ffee00")
    );
    let failed = read("55_fail");
    let error = &failed.job.actions[0].errors[0];
    assert_eq!(
        error.to_string(),
        "EXAMPLE_FAILURE at `some.field`: This action always fails"
    );
    assert!(error.is_caller_error);
    let job = read("60_job_error");
    assert_eq!(job.job.errors[0].code, "CUSTOM_JOB_ERROR");
    assert!(job.job.actions.is_empty());
}
