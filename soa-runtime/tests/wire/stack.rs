//! However deeply a message is nested, reading it fits into a small stack, also in a debug build.

use std::thread;

use crate::support::{REPLY_TO, answer};
use bytes::Bytes;
use soa_runtime::wire::{read_request, read_response};

/// Half of what a thread of tokio has. A debug build needs 512 KiB for the deepest body that is allowed; an optimized
/// one a fraction of that.
const STACK: usize = 1024 * 1024;

const PLACE: &str = "PLACE";

/// A request in JSON with something of the peer's at one place.
fn json(path: &str, content: &str) -> Vec<u8> {
    let at = |name: &str| if name == path { content } else { "1" };
    let frame = format!(
        "pysoa-redis/3//content-type:application/json;{{\"request_id\": {}, \"meta\": {{\"reply_to\": \"{REPLY_TO}\", \
         \"x\": {}}}, \"x\": {}, \"body\": {{\"control\": {{\"continue_on_error\": true, \"x\": {}}}, \"context\": \
         {{\"correlation_id\": \"c\", \"switches\": [], \"x\": {}}}, \"actions\": [{{\"action\": \"echo\", \"body\": \
         {{\"x\": {}}}}}, {{\"action\": \"order\", \"body\": {{\"count\": 1, \"x\": {}}}}}, {{\"action\": \"order\", \
         \"body\": {{\"count\": 1, \"choice\": {}}}}}]}}}}",
        at("request_id"),
        at("meta"),
        at("envelope"),
        at("control"),
        at("context"),
        at("echo"),
        at("order"),
        at("choice"),
    );
    frame.into_bytes()
}

/// The same in MessagePack.
fn msgpack(path: &str, content: &[u8]) -> Vec<u8> {
    let frame = json(path, &format!("\"{PLACE}\""));
    let start = frame.iter().position(|byte| *byte == b';').unwrap() + 1;
    let value = soa_runtime::codec::json::decode_value(&frame[start..]).unwrap();
    let mut frame = b"pysoa-redis/3//content-type:application/msgpack;".to_vec();
    soa_runtime::codec::msgpack::encode_value(&value, &mut frame).unwrap();
    let place = [&[0xa0 | 5], PLACE.as_bytes()].concat();
    let at = frame
        .windows(place.len())
        .position(|window| window == place)
        .unwrap();
    frame.splice(at..at + place.len(), content.iter().copied());
    frame
}

const PLACES: [&str; 8] = [
    "request_id",
    "meta",
    "envelope",
    "control",
    "context",
    "echo",
    "order",
    "choice",
];

/// Nests of lists and of maps, closed and left open, in both encodings, at every place.
fn nests(depth: usize) -> Vec<(String, Vec<u8>)> {
    let lists = (
        format!("{}{}", "[".repeat(depth), "]".repeat(depth)),
        "[".repeat(depth),
    );
    let maps = (
        format!("{}1{}", "{\"x\": ".repeat(depth), "}".repeat(depth)),
        "{\"x\": ".repeat(depth),
    );
    let packed_lists = [vec![0x91; depth], vec![0xc0]].concat();
    let packed_maps = [b"\x81\xa1x".repeat(depth), vec![0xc0]].concat();
    let keys = [vec![0x81; depth], vec![0xc0; depth + 1]].concat();
    let mut nests = Vec::new();
    for place in PLACES {
        for (what, content) in [("lists", &lists), ("maps", &maps)] {
            nests.push((format!("JSON {what} in {place}"), json(place, &content.0)));
            nests.push((
                format!("open JSON {what} in {place}"),
                json(place, &content.1),
            ));
        }
        for (what, content) in [
            ("lists", &packed_lists),
            ("maps", &packed_maps),
            ("keys", &keys),
        ] {
            nests.push((
                format!("MessagePack {what} in {place}"),
                msgpack(place, content),
            ));
            let mut open = msgpack(place, content);
            open.truncate(open.len() - content.len() / 2);
            nests.push((format!("open MessagePack {what} in {place}"), open));
        }
    }
    nests
}

fn in_small_stack(work: impl FnOnce() + Send + 'static) {
    thread::Builder::new()
        .stack_size(STACK)
        .spawn(work)
        .unwrap()
        .join()
        .unwrap();
}

fn read(what: &str, frame: &Bytes) {
    drop(read_response(frame, &Default::default()));
    let is_readable = read_request(frame, &Default::default()).is_ok();
    let answer = answer(frame.clone());
    assert_eq!(answer.is_some(), is_readable, "{what}");
    if let Some(answer) = answer {
        read_response(&answer.frame, &Default::default()).unwrap();
    }
}

#[test]
fn a_nest_within_the_limit_is_read_in_a_small_stack() {
    for depth in [10, 100, 120, 124, 125, 126, 127, 128] {
        in_small_stack(move || {
            for (what, frame) in nests(depth) {
                read(&what, &frame.into());
            }
        });
    }
}

#[test]
fn a_nest_beyond_the_limit_is_refused_in_a_small_stack() {
    for depth in [129, 200, 1_000, 10_000, 100_000] {
        in_small_stack(move || {
            for (what, frame) in nests(depth) {
                read(&what, &frame.into());
            }
        });
    }
}

#[test]
fn a_million_brackets_are_refused_in_a_small_stack() {
    in_small_stack(|| {
        for place in ["request_id", "context", "echo"] {
            read("JSON", &json(place, &"[".repeat(1_000_000)).into());
            read("MessagePack", &msgpack(place, &[0x91; 1_000_000]).into());
        }
    });
}
