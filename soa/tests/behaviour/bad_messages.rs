//! What becomes of messages that are not what they should be: the table of the protocol, row by row. After
//! each of them the same server answers a good request.

use soa::server::{DropReason, Stats};
use soa::wire::{FrameHead, ProtocolVersion, read_response};
use soa::{ActionError, Context, Encoding, JobResponse, Map, Server, Value, code, value};

const V3: &[u8] = b"pysoa-redis/3//content-type:application/msgpack;";

fn server() -> Server {
    Server::untyped("echo", "1.0.0")
        .action("echo", |body: Value, _cx: Context| async {
            Ok::<_, ActionError>(body)
        })
        .build()
        .unwrap()
}

/// A good request as a value, to be spoilt.
fn good() -> Value {
    value!({
        "request_id": 7,
        "meta": { "client_version": [1, 4, 9], "reply_to": "service.echo.client!1" },
        "body": {
            "control": { "continue_on_error": false },
            "context": { "correlation_id": "abc", "switches": [] },
            "actions": [{ "action": "echo", "body": { "n": 1 } }]
        }
    })
}

/// The good request with one change.
fn with(path: &[&str], change: impl FnOnce(&mut Map)) -> Value {
    let mut request = good();
    let mut place = request.as_map_mut().unwrap();
    for key in path {
        place = place.get_mut(key).unwrap().as_map_mut().unwrap();
    }
    change(place);
    request
}

fn frame(request: &Value) -> Vec<u8> {
    let mut frame = V3.to_vec();
    soa::codec::msgpack::encode_value(request, &mut frame).unwrap();
    frame
}

/// The whole server is still there.
async fn assert_alive(server: &Server) {
    let answer = server
        .answer(frame(&good()).into())
        .await
        .expect("a good request is answered");
    let response = read_response(&answer.frame, &Default::default()).unwrap();
    assert_eq!(
        response.job.actions[0].body.to_value().unwrap(),
        value!({ "n": 1 })
    );
}

#[track_caller]
fn dropped(stats: &Stats, reason: DropReason, what: &str) {
    let all = [
        DropReason::ProtocolVersion,
        DropReason::ChunkedRequest,
        DropReason::Malformed,
        DropReason::RequestId,
        DropReason::ReplyTo,
        DropReason::Expired,
    ];
    let counted: Vec<_> = all
        .into_iter()
        .filter(|reason| stats.dropped(*reason) > 0)
        .collect();
    assert_eq!(counted, [reason], "{what}");
    assert_eq!(stats.dropped(reason), 1, "{what}");
    assert_eq!(stats.jobs(), 0, "{what}");
}

async fn assert_dropped(what: &str, frame: Vec<u8>, reason: DropReason) {
    let server = server();
    assert!(server.answer(frame.into()).await.is_none(), "{what}");
    dropped(server.stats(), reason, what);
    assert_alive(&server).await;
}

async fn answer(frame: Vec<u8>) -> JobResponse {
    let server = server();
    let answer = server.answer(frame.into()).await.expect("an answer");
    assert_eq!(answer.reply_to, "service.echo.client!1");
    assert_alive(&server).await;
    read_response(&answer.frame, &Default::default())
        .unwrap()
        .job
}

/// Code, field and message of an error.
type Told<'a> = (&'a str, Option<&'a str>, &'a str);

fn told(response: &JobResponse) -> Vec<Told<'_>> {
    response
        .errors
        .iter()
        .map(|error| (&*error.code, error.field.as_deref(), &*error.message))
        .collect()
}

#[tokio::test]
async fn an_unreadable_frame_or_envelope_is_counted_and_dropped() {
    let mut trailing = frame(&good());
    trailing.push(0xc0);
    let whole = frame(&good());
    let truncated = whole[..whole.len() - 1].to_vec();
    let cases: Vec<(&str, Vec<u8>)> = vec![
        ("an empty element", Vec::new()),
        ("a head and nothing else", V3.to_vec()),
        ("no MessagePack", [V3, b"\xc1"].concat()),
        ("a list where a map belongs", [V3, b"\x90"].concat()),
        ("text", b"hello".to_vec()),
        ("trailing bytes", trailing),
        ("missing bytes", truncated),
        (
            "a length that is a lie",
            [V3, b"\xdf\xff\xff\xff\xff"].concat(),
        ),
        (
            "a text longer than the message",
            [V3, b"\x81\xdb\xff\xff\xff\xff"].concat(),
        ),
        (
            "half a header",
            b"pysoa-redis/3//content-type:application/msgpack".to_vec(),
        ),
        (
            "JSON with a trailing comma",
            b"content-type:application/json;{\"a\": 1,}".to_vec(),
        ),
        (
            "JSON with the wrong bracket",
            b"content-type:application/json;{\"a\": [1}}".to_vec(),
        ),
        (
            "unfinished JSON",
            b"content-type:application/json;{\"a\": [1".to_vec(),
        ),
        (
            "two JSON values",
            b"content-type:application/json;{} {}".to_vec(),
        ),
    ];
    for (what, frame) in cases {
        assert_dropped(what, frame, DropReason::Malformed).await;
    }
}

#[tokio::test]
async fn an_unknown_protocol_version_is_dropped() {
    for version in ["0", "4", "77777777777777777777777777"] {
        let head = format!("pysoa-redis/{version}//content-type:application/msgpack;");
        let frame = [head.as_bytes(), &frame(&good())[V3.len()..]].concat();
        assert_dropped(version, frame, DropReason::ProtocolVersion).await;
    }
}

#[tokio::test]
async fn a_chunked_request_is_dropped() {
    for headers in [
        "chunk-count:2;chunk-id:1;",
        "chunk-count:0;",
        "chunk-count:nonsense;",
    ] {
        let payload = &frame(&good())[V3.len()..];
        let frame = [V3, headers.as_bytes(), payload].concat();
        assert_dropped(headers, frame, DropReason::ChunkedRequest).await;
    }
}

#[tokio::test]
async fn a_request_without_a_readable_id_is_dropped() {
    let nil = with(&[], |request| {
        drop(request.insert("request_id", Value::Nil))
    });
    assert_dropped("nil", frame(&nil), DropReason::RequestId).await;
    let none = with(&[], |request| drop(request.remove("request_id")));
    assert_dropped("none", frame(&none), DropReason::RequestId).await;
    // An id that is not text although it says so.
    let spoilt = with(&[], |request| drop(request.insert("request_id", "XYZ")));
    let mut spoilt = frame(&spoilt);
    let at = spoilt
        .windows(3)
        .position(|window| window == b"XYZ")
        .unwrap();
    spoilt[at] = 0xff;
    assert_dropped("bad UTF-8", spoilt, DropReason::RequestId).await;
}

#[tokio::test]
async fn a_request_that_cannot_be_answered_is_dropped() {
    let reply_to = |value: Value| with(&["meta"], |meta| drop(meta.insert("reply_to", value)));
    let cases: Vec<(&str, Value)> = vec![
        ("no meta", with(&[], |request| drop(request.remove("meta")))),
        (
            "nil meta",
            with(&[], |request| drop(request.insert("meta", Value::Nil))),
        ),
        (
            "meta as a list",
            with(&[], |request| drop(request.insert("meta", value!([])))),
        ),
        (
            "none",
            with(&["meta"], |meta| drop(meta.remove("reply_to"))),
        ),
        ("nil", reply_to(Value::Nil)),
        ("a number", reply_to(7.into())),
        ("the service's own queue", reply_to("service.echo".into())),
        ("a control character", reply_to("service.echo!\n".into())),
        ("not ASCII", reply_to("service.echo!é".into())),
        (
            "too long",
            reply_to(format!("service.echo!{}", "x".repeat(512)).into()),
        ),
    ];
    for (what, request) in cases {
        assert_dropped(what, frame(&request), DropReason::ReplyTo).await;
    }
}

#[tokio::test]
async fn an_expired_request_is_dropped_even_when_it_is_malformed() {
    let mut expired = with(&["meta"], |meta| drop(meta.insert("__expiry__", 1.0)));
    assert_dropped("a float", frame(&expired), DropReason::Expired).await;
    expired.as_map_mut().unwrap().insert("body", Value::Nil);
    assert_dropped("malformed", frame(&expired), DropReason::Expired).await;
    let expired = with(&["meta"], |meta| drop(meta.insert("__expiry__", 1)));
    assert_dropped("an integer", frame(&expired), DropReason::Expired).await;
    let expired = with(&["meta"], |meta| {
        drop(meta.insert("__expiry__", f64::NEG_INFINITY))
    });
    assert_dropped("long ago", frame(&expired), DropReason::Expired).await;
    for never in [
        Value::Nil,
        0.into(),
        0.0.into(),
        f64::NAN.into(),
        f64::INFINITY.into(),
    ] {
        let request = with(&["meta"], |meta| drop(meta.insert("__expiry__", never)));
        assert!(answer(frame(&request)).await.errors.is_empty());
    }
}

#[tokio::test]
async fn a_malformed_job_is_answered_with_every_error_and_field() {
    let set =
        |path: &[&str], key: &str, value: Value| with(path, |map| drop(map.insert(key, value)));
    let remove = |path: &[&str], key: &str| with(path, |map| drop(map.remove(key)));
    let action = |action: Value| set(&["body"], "actions", value!([(action)]));
    let dict = |field| vec![(code::INVALID, field, "Not a dict")];
    let cases: Vec<(Value, Vec<Told<'_>>)> = vec![
        (remove(&[], "body"), dict(None)),
        (set(&[], "body", Value::Nil), dict(None)),
        (set(&[], "body", value!([1])), dict(None)),
        (set(&["body"], "control", Value::Nil), dict(Some("control"))),
        (set(&["body"], "context", value!([])), dict(Some("context"))),
        (
            remove(&["body"], "control"),
            vec![(code::MISSING, Some("control"), "Missing key: control")],
        ),
        (
            set(&[], "body", value!({})),
            vec![
                (code::MISSING, Some("control"), "Missing key: control"),
                (code::MISSING, Some("context"), "Missing key: context"),
                (code::MISSING, Some("actions"), "Missing key: actions"),
            ],
        ),
        (
            set(&["body"], "actions", value!([])),
            vec![(code::INVALID, Some("actions"), "List is shorter than 1")],
        ),
        (
            set(&["body"], "actions", value!({})),
            vec![(code::INVALID, Some("actions"), "Not a list")],
        ),
        (action(Value::Nil), dict(Some("actions.0"))),
        (
            action(value!({ "body": {} })),
            vec![(
                code::MISSING,
                Some("actions.0.action"),
                "Missing key: action",
            )],
        ),
        (
            action(value!({ "action": 7 })),
            vec![(
                code::INVALID,
                Some("actions.0.action"),
                "Not a unicode string",
            )],
        ),
        (
            action(value!({ "action": "echo", "body": nil })),
            dict(Some("actions.0.body")),
        ),
        (
            action(value!({ "action": "echo", "switches": [], "colour": 1 })),
            vec![(
                code::UNKNOWN,
                Some("actions.0"),
                "Extra keys present: colour, switches",
            )],
        ),
        (
            set(&["body"], "priority", 1.into()),
            vec![(code::UNKNOWN, None, "Extra keys present: priority")],
        ),
        (
            set(&["body", "control"], "continue_on_error", 1.into()),
            vec![(
                code::INVALID,
                Some("control.continue_on_error"),
                "Not a boolean",
            )],
        ),
        (
            set(&["body", "control"], "suppress_response", Value::Nil),
            vec![(
                code::INVALID,
                Some("control.suppress_response"),
                "Not a boolean",
            )],
        ),
        (
            set(&["body", "context"], "switches", value!([1, "2", true])),
            vec![
                (code::INVALID, Some("context.switches.1"), "Not an integer"),
                (code::INVALID, Some("context.switches.2"), "Not an integer"),
            ],
        ),
        (
            set(&["body", "context"], "correlation_id", Value::Nil),
            vec![(
                code::INVALID,
                Some("context.correlation_id"),
                "Not a unicode string",
            )],
        ),
        (
            set(&["body", "context"], "caller", 1.into()),
            vec![(
                code::INVALID,
                Some("context.caller"),
                "Not a unicode string",
            )],
        ),
        (
            set(&["meta"], "client_version", "1.4.9".into()),
            vec![(
                code::INVALID,
                Some("meta.client_version"),
                "Not a list of integers",
            )],
        ),
        (
            set(&["meta"], "__expiry__", "soon".into()),
            vec![(code::INVALID, Some("meta.__expiry__"), "Not a float")],
        ),
    ];
    for (request, errors) in cases {
        let response = answer(frame(&request)).await;
        assert_eq!(told(&response), errors, "{request:?}");
        assert!(response.actions.is_empty());
        assert_eq!(
            response.context,
            Default::default(),
            "job errors carry no context"
        );
        assert!(response.errors.iter().all(|error| !error.is_caller_error));
    }
}

#[tokio::test]
async fn a_body_with_keys_that_are_not_text_is_an_error_of_the_job() {
    let body: Map = [(1, 2)].into_iter().collect();
    let request = with(&["body"], |job| {
        job.insert(
            "actions",
            value!([{ "action": "echo", "body": (Value::from(body)) }]),
        );
    });
    let response = answer(frame(&request)).await;
    let expected = (
        code::INVALID,
        Some("actions.0.body.1"),
        "Not a unicode string",
    );
    assert_eq!(told(&response), [expected]);
}

#[tokio::test]
async fn a_context_value_that_cannot_be_decoded_is_told_by_its_key() {
    let request = with(&["body", "context"], |context| {
        drop(context.insert("tenant", "XYZ"))
    });
    let mut spoilt = frame(&request);
    let at = spoilt
        .windows(3)
        .position(|window| window == b"XYZ")
        .unwrap();
    spoilt[at] = 0xff;
    let response = answer(spoilt).await;
    assert_eq!(response.errors.len(), 1);
    assert_eq!(response.errors[0].field.as_deref(), Some("context.tenant"));
}

#[tokio::test]
async fn a_malformed_job_is_answered_in_the_callers_version_and_serializer() {
    let request = with(&["body"], |job| drop(job.remove("control")));
    let mut json = Vec::new();
    soa::codec::json::encode_value(&request, &mut json).unwrap();
    for (head, version) in [
        (
            "pysoa-redis/3//content-type:application/json;",
            ProtocolVersion::V3,
        ),
        ("content-type:application/json;", ProtocolVersion::V2),
    ] {
        let frame = [head.as_bytes(), &json].concat();
        let answer = server().answer(frame.into()).await.unwrap();
        let answered = FrameHead::read(&answer.frame).unwrap();
        assert_eq!(answered.version(), version);
        assert_eq!(answered.content_type(), Some("application/json"));
    }
    let bare = frame(&request)[V3.len()..].to_vec();
    let answer = server().answer(bare.into()).await.unwrap();
    assert_eq!(
        FrameHead::read(&answer.frame).unwrap().version(),
        ProtocolVersion::V1
    );
    assert_eq!(FrameHead::read(&answer.frame).unwrap().payload_start(), 0);
}

/// A request for three actions, the second with this body.
fn with_second_body(body: &[u8]) -> Vec<u8> {
    let echo = |body: Value| value!({ "action": "echo", "body": (body) });
    let mut request = with(&["body", "control"], |control| {
        drop(control.insert("continue_on_error", true));
    });
    let actions = value!([
        (echo(value!({ "n": 1 }))),
        (echo(value!({ "x": "XYZ" }))),
        (echo(value!({ "n": 3 })))
    ]);
    let job = request.as_map_mut().unwrap().get_mut("body").unwrap();
    job.as_map_mut().unwrap().insert("actions", actions);
    let frame = frame(&request);
    let at = frame
        .windows(4)
        .position(|window| window == b"\xa3XYZ")
        .unwrap();
    [&frame[..at], body, &frame[at + 4..]].concat()
}

#[tokio::test]
async fn a_fault_inside_one_body_is_that_actions_error_and_the_job_goes_on() {
    let cases: Vec<(&str, Vec<u8>)> = vec![
        ("an unknown extension type", b"\xd4\x63\x00".to_vec()),
        ("bad UTF-8", b"\xa2\xed\xa0".to_vec()),
        ("a date in the year 0", b"\xd6\x03\x00\x00\x01\x01".to_vec()),
        ("a month 13", b"\xd6\x03\x07\xe2\x0d\x01".to_vec()),
        (
            "a date-time out of range",
            b"\xd7\x01\x7f\xff\xff\xff\xff\xff\xff\xff".to_vec(),
        ),
        (
            "an amount without a currency",
            [&b"\xc7\x0b\x02"[..], &[0; 11]].concat(),
        ),
        (
            "a decimal that is none",
            b"\xc7\x05\x05\x00\x03abc".to_vec(),
        ),
        (
            "a decimal with a wrong length",
            b"\xc7\x05\x05\x00\x09123".to_vec(),
        ),
        ("a nest too deep", [vec![0x91; 200], vec![0xc0]].concat()),
        (
            "a nest far too deep",
            [vec![0x91; 100_000], vec![0xc0]].concat(),
        ),
    ];
    for (what, body) in cases {
        let response = answer(with_second_body(&body)).await;
        assert!(response.errors.is_empty(), "{what}");
        let failed: Vec<usize> = response
            .actions
            .iter()
            .map(|action| action.errors.len())
            .collect();
        assert_eq!(failed, [0, 1, 0], "{what}");
        let error = &response.actions[1].errors[0];
        assert_eq!(error.code, code::INVALID, "{what}");
        assert!(error.is_caller_error, "{what}");
    }
}

#[tokio::test]
async fn the_same_in_json() {
    let json = |body: &str| {
        let mut frame = b"pysoa-redis/3//content-type:application/json;".to_vec();
        soa::codec::json::encode_value(&good(), &mut frame).unwrap();
        let text = String::from_utf8(frame).unwrap();
        text.replace("{\"n\": 1}", body).into_bytes()
    };
    for body in [
        String::from(r#"{"x": "\ud800"}"#),
        format!("{{\"x\": {}1{}}}", "[".repeat(200), "]".repeat(200)),
        format!("{{\"x\": {}1{}}}", "[".repeat(100_000), "]".repeat(100_000)),
    ] {
        let response = answer(json(&body)).await;
        assert_eq!(response.actions[0].errors[0].code, code::INVALID);
    }
    let mut frame = json(r#"{"x": "XYZ"}"#);
    let at = frame
        .windows(3)
        .position(|window| window == b"XYZ")
        .unwrap();
    frame[at] = 0xff;
    assert_eq!(answer(frame).await.actions[0].errors[0].code, code::INVALID);
    // What JSON can say and MessagePack cannot goes through.
    let response = answer(json(
        r#"{"x": [NaN, -Infinity, 123456789012345678901234567890]}"#,
    ))
    .await;
    let text = soa::codec::json::to_vec(&response.actions[0].body.to_value().unwrap()).unwrap();
    assert_eq!(
        text,
        br#"{"x": [NaN, -Infinity, 123456789012345678901234567890]}"#
    );
}

#[tokio::test]
async fn a_request_that_wants_no_answer_is_executed_without_a_reply_list() {
    let server = server();
    let mut request = with(&["body", "control"], |control| {
        drop(control.insert("suppress_response", true));
    });
    request
        .as_map_mut()
        .unwrap()
        .get_mut("meta")
        .unwrap()
        .as_map_mut()
        .unwrap()
        .remove("reply_to");
    assert!(server.answer(frame(&request).into()).await.is_none());
    assert_eq!(server.stats().jobs(), 1);
    assert_alive(&server).await;
}

#[tokio::test]
async fn an_id_of_any_type_comes_back_as_it_was() {
    for id in [
        Value::from("req-1"),
        0.into(),
        (-5).into(),
        u64::MAX.into(),
        1.5.into(),
        value!([1, { "a": nil }]),
        false.into(),
    ] {
        let request = with(&[], |request| {
            drop(request.insert("request_id", id.clone()))
        });
        let answer = server().answer(frame(&request).into()).await.unwrap();
        let response = read_response(&answer.frame, &Default::default()).unwrap();
        assert_eq!(response.request_id, id);
    }
}

#[tokio::test]
async fn a_thousand_errors_are_enough() {
    let switches: Vec<Value> = vec!["x".into(); 50_000];
    let request = with(&["body", "context"], |context| {
        drop(context.insert("switches", Value::List(switches)));
    });
    assert_eq!(answer(frame(&request)).await.errors.len(), 1000);
}

#[tokio::test]
async fn an_unknown_content_type_is_taken_for_messagepack_and_the_answer_says_so() {
    let head = b"pysoa-redis/3//content-type:application/x-unheard-of;";
    let frame = [&head[..], &frame(&good())[V3.len()..]].concat();
    let answer = server().answer(frame.into()).await.unwrap();
    let head = FrameHead::read(&answer.frame).unwrap();
    assert_eq!(
        head.content_type(),
        Some(Encoding::MessagePack.content_type())
    );
}
