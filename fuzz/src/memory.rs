//! The memory that a message can make a server allocate.

use bytes::Bytes;
use soa::{Encoding, Map, Server, Value, value};

use crate::allocator::peak_of;

const KIB: usize = 1024;

/// Returns the most bytes that an answer takes, without the frame itself, and the length of the answer.
fn peak(server: &Server, frame: Bytes) -> (usize, usize) {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_time()
        .build()
        .unwrap();
    // Schemas and scratch buffers are allocated once, and not counted.
    drop(runtime.block_on(server.answer(self::frame(Encoding::MessagePack, &call(value!({}))))));
    let (peak, answer) = peak_of(|| runtime.block_on(server.answer(frame)));
    (peak, answer.map_or(0, |answer| answer.frame.len()))
}

fn frame(encoding: Encoding, request: &Value) -> Bytes {
    let head = format!("pysoa-redis/3//content-type:{};", encoding.content_type());
    [head.into_bytes(), encoding.encode_value(request).unwrap()]
        .concat()
        .into()
}

fn request(context: Map, actions: Value) -> Value {
    let mut whole = Map::from([
        ("correlation_id", Value::from("c")),
        ("switches", value!([])),
    ]);
    whole.extend(context);
    value!({
        "request_id": 7,
        "meta": { "client_version": [1, 4, 9], "reply_to": "service.example.client!1" },
        "body": { "control": { "continue_on_error": true }, "context": whole, "actions": actions }
    })
}

fn call(body: Value) -> Value {
    request(Map::new(), value!([{ "action": "echo", "body": body }]))
}

/// The good request, with other bytes in the place of a text.
fn spliced(request: &Value, content: &[u8]) -> Bytes {
    let frame = frame(Encoding::MessagePack, request);
    let at = frame
        .windows(6)
        .position(|window| window == b"\xa5PLACE")
        .unwrap();
    [&frame[..at], content, &frame[at + 6..]].concat().into()
}

#[test]
fn a_length_that_is_a_lie_allocates_nothing() {
    let server = crate::server();
    let in_action = |action: &str| {
        request(
            Map::new(),
            value!([{ "action": action, "body": { "any": "PLACE" } }]),
        )
    };
    let mut in_id = call(value!({}));
    in_id.as_map_mut().unwrap().insert("request_id", "PLACE");
    let requests = [
        in_id,
        request(
            Map::from([("own", "PLACE")]),
            value!([{ "action": "echo" }]),
        ),
        request(
            Map::from([("switches", "PLACE")]),
            value!([{ "action": "echo" }]),
        ),
        request(Map::new(), "PLACE".into()),
        in_action("echo"),
        in_action("wire"),
        in_action("flat"),
        in_action("unheard of"),
    ];
    for marker in [0xdb_u8, 0xc6, 0xdd, 0xdf, 0xc9] {
        for length in [u32::MAX, 1 << 31, 1 << 24, 100_000] {
            for nests in [1, 100, 10_000] {
                let lie = [&[marker][..], &length.to_be_bytes()]
                    .concat()
                    .repeat(nests);
                for request in &requests {
                    let frame = spliced(request, &lie);
                    let length = frame.len();
                    let (peak, _) = peak(&server, frame);
                    assert!(
                        peak <= 4 * length + 64 * KIB,
                        "{marker:x}: {length} bytes took {peak}"
                    );
                }
            }
        }
    }
}

/// A nil is one byte on the wire and as large as any value in memory; this is the price of values that can be anything,
/// and it is paid once and not once a level.
#[test]
fn a_message_takes_no_more_than_its_own_size_times_what_its_values_are() {
    let server = crate::server();
    let times = 5 * size_of::<Value>();
    let nils = Value::List(vec![Value::Nil; 100_000]);
    let lists = Value::List(vec![value!([]); 100_000]);
    let maps = Value::List(vec![value!({ "": nil }); 40_000]);
    let actions = |action: &str| Value::List(vec![value!({ "action": action }); 8_000]);
    for (what, request) in [
        ("nils", call(value!({ "list": (nils.clone()) }))),
        ("lists", call(value!({ "list": lists }))),
        ("maps", call(value!({ "list": maps }))),
        (
            "nils in the context",
            request(
                Map::from([("own", nils.clone())]),
                value!([{ "action": "echo" }]),
            ),
        ),
        (
            "nils for switches",
            request(
                Map::from([("switches", nils.clone())]),
                value!([{ "action": "echo" }]),
            ),
        ),
        ("nils for actions", request(Map::new(), nils)),
        ("actions", request(Map::new(), actions("echo"))),
        ("unknown actions", request(Map::new(), actions("z"))),
        ("failing actions", request(Map::new(), actions("tree"))),
    ] {
        for encoding in [Encoding::MessagePack, Encoding::Json] {
            let frame = frame(encoding, &request);
            let length = frame.len();
            let (peak, answer) = peak(&server, frame);
            assert!(
                peak <= times * length + 64 * KIB,
                "{what}: {length} bytes took {peak}, answer {answer}"
            );
        }
    }
}

#[test]
fn errors_take_no_more_memory_than_a_message_does() {
    let server = crate::server();
    let long = Map::from([("k".repeat(50_000), "x")]);
    let many: Map = (0..20_000)
        .map(|index| (format!("{index:x}"), "x"))
        .collect();
    let words = |count| Value::List(vec![Value::from("x"); count]);
    for (what, body) in [
        ("a long key", value!({ "names": long })),
        ("many keys", value!({ "names": many })),
        ("untagged", value!({ "untagged": (words(50_000)) })),
        ("a pair", value!({ "pair": (words(50_000)) })),
    ] {
        for action in ["wire", "tagged"] {
            let frame = frame(
                Encoding::MessagePack,
                &request(
                    Map::new(),
                    value!([{ "action": action, "body": (body.clone()) }]),
                ),
            );
            let length = frame.len();
            let (peak, _) = peak(&server, frame);
            assert!(
                peak <= 5 * size_of::<Value>() * length + 64 * KIB,
                "{what}: {length} bytes took {peak}"
            );
        }
    }
}
