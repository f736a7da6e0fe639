//! What the property tests of the wire share: a server with a typed and an untyped action, and strategies for jobs,
//! for frames, and for what a hostile peer makes of them.

use std::collections::BTreeMap;
use std::time::Duration;

use bytes::Bytes;
use garde::Validate;
use proptest::prelude::*;
use proptest::sample::Index;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use soa_runtime::private::run;
use soa_runtime::transport::Reply;
use soa_runtime::wire::{ProtocolVersion, write_request};
use soa_runtime::{
    Action, ActionError, ActionRequest, Amount, Body, Context, ContextHeader, Control, Date,
    Decimal, Encoding, JobRequest, Map, Nullable, Server, Service, ServiceAction,
    ServiceDescriptor, UtcDateTime, Value,
};
use tokio::runtime::{Builder, Runtime};

pub(crate) const REPLY_TO: &str = "service.hostile.0123456789abcdef!7f9a929cfb80";

/// A request type with a rule, types of the wire, a type within itself, and one of serde's buffers.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, Validate, JsonSchema)]
#[garde(allow_unvalidated)]
pub(crate) struct Order {
    #[garde(range(min = 1, max = 1000))]
    pub(crate) count: i64,
    pub(crate) tags: Option<Vec<String>>,
    pub(crate) price: Option<Decimal>,
    pub(crate) total: Option<Amount>,
    pub(crate) day: Option<Date>,
    pub(crate) at: Option<Nullable<UtcDateTime>>,
    pub(crate) parts: Option<Vec<Order>>,
    pub(crate) choice: Option<Choice>,
    #[serde(flatten)]
    pub(crate) rest: BTreeMap<String, Value>,
}

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(untagged)]
pub(crate) enum Choice {
    Number(i64),
    Texts(Vec<String>),
}

pub(crate) const ORDER: Action<Order, Order> = Action::new("order");

struct Shop;

impl Service for Shop {
    const DESCRIPTOR: &'static ServiceDescriptor =
        &ServiceDescriptor::new("shop", "1.0.0", "", &[ORDER.describe("")]);
    const ACTIONS: &'static [ServiceAction<Self>] = &[ServiceAction::new(ORDER, |_, call| {
        run(ORDER, call, |order, _: Context| async {
            Ok::<_, ActionError>(order)
        })
    })];
}

/// A server with the typed action `order` and the untyped action `echo`: both answer what they are given.
pub(crate) fn server() -> Server {
    let builder = Server::builder(Shop);
    builder
        .action("echo", |body: Value, _: Context| async {
            Ok::<_, ActionError>(body)
        })
        .build()
        .unwrap()
}

/// So many cases, and no file beside the tests about the one that failed: it is printed, and becomes a test.
pub(crate) fn cases(cases: u32) -> ProptestConfig {
    ProptestConfig {
        cases,
        failure_persistence: None,
        ..ProptestConfig::default()
    }
}

/// Answers one frame, by the one server that a thread has.
pub(crate) fn answer(frame: Bytes) -> Option<Reply> {
    thread_local!(static SERVER: Server = server());
    SERVER.with(|server| block_on(server.answer(frame)))
}

/// Waits for a future, on the one runtime that a thread has.
pub(crate) fn block_on<F: Future>(future: F) -> F::Output {
    thread_local!(static RUNTIME: Runtime = Builder::new_current_thread().enable_time().build().unwrap());
    RUNTIME.with(|runtime| runtime.block_on(future))
}

pub(crate) fn encoding() -> impl Strategy<Value = Encoding> {
    prop_oneof![Just(Encoding::MessagePack), Just(Encoding::Json)]
}

/// A version, and an encoding that it can tell: version 1 means MessagePack.
pub(crate) fn format() -> impl Strategy<Value = (ProtocolVersion, Encoding)> {
    prop_oneof![
        Just((ProtocolVersion::V1, Encoding::MessagePack)),
        encoding().prop_map(|encoding| (ProtocolVersion::V2, encoding)),
        encoding().prop_map(|encoding| (ProtocolVersion::V3, encoding)),
    ]
}

/// A value that both encodings carry.
pub(crate) fn value() -> impl Strategy<Value = Value> {
    let leaf = prop_oneof![
        Just(Value::Nil),
        any::<bool>().prop_map(Value::from),
        any::<i64>().prop_map(Value::from),
        any::<u64>().prop_map(Value::from),
        any::<f64>()
            .prop_filter("JSON knows one NaN", |float| !float.is_nan())
            .prop_map(Value::from),
        "\\PC{0,12}".prop_map(Value::from),
    ];
    leaf.prop_recursive(3, 24, 6, |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..6).prop_map(Value::List),
            entries(inner).prop_map(Value::Map),
        ]
    })
}

/// A map with keys of its own.
pub(crate) fn entries(values: impl Strategy<Value = Value>) -> impl Strategy<Value = Map> {
    prop::collection::btree_map("[a-z_]{1,8}|\\PC{0,4}", values, 0..5)
        .prop_map(|entries| entries.into_iter().collect())
}

/// Users' keys of a header: none of the framework's own.
fn extra(known: &'static [&'static str]) -> impl Strategy<Value = Map> {
    entries(value()).prop_map(move |entries| {
        let is_extra = |key: &Value| !known.iter().any(|known| key.as_str() == Some(known));
        entries
            .into_iter()
            .filter(|(key, _)| is_extra(key))
            .collect()
    })
}

pub(crate) fn job(encoding: Encoding) -> impl Strategy<Value = JobRequest> {
    let context = (
        "\\PC{0,32}",
        prop::collection::vec(any::<i64>(), 0..40),
        prop::option::of("\\PC{0,8}"),
        prop::option::of("\\PC{0,8}"),
        extra(&["correlation_id", "switches", "caller", "calling_service"]),
    );
    let context = context.prop_map(|(id, switches, caller, calling_service, extra)| {
        let mut context = ContextHeader::new(id);
        context.switches = switches.into_iter().collect();
        context.caller = caller.map(Into::into);
        context.calling_service = calling_service.map(Into::into);
        context.extra = extra;
        context
    });
    let extra = extra(&["continue_on_error", "suppress_response"]);
    let control = (any::<bool>(), prop::option::of(Just(false)), extra);
    let control = control.prop_map(|(continue_on_error, suppress_response, extra)| {
        let mut control = Control::default();
        control.continue_on_error = continue_on_error;
        control.suppress_response = suppress_response;
        control.extra = extra;
        control
    });
    let name = prop_oneof![
        Just("echo".to_owned()),
        Just("order".to_owned()),
        "\\PC{0,8}"
    ];
    let body = prop_oneof![
        entries(value()).prop_map(Value::Map),
        order().prop_map(|order| soa_runtime::codec::to_value(&order).unwrap()),
    ];
    let action = (name, body)
        .prop_map(move |(name, body)| ActionRequest::new(name, Body::encode(encoding, &body)));
    let actions = prop::collection::vec(action, 1..4);
    (context, control, actions)
        .prop_map(|(context, control, actions)| JobRequest::new(context, control, actions))
}

/// An order that JSON can carry, too.
pub(crate) fn order() -> impl Strategy<Value = Order> {
    let choice = prop_oneof![
        any::<i64>().prop_map(Choice::Number),
        prop::collection::vec("\\PC{0,4}", 0..3).prop_map(Choice::Texts),
    ];
    let tags = prop::option::of(prop::collection::vec("\\PC{0,6}", 0..4));
    let at = prop::option::of(Just(Nullable::Null));
    let rest = prop::collection::btree_map("x_[a-z]{1,4}", value(), 0..3);
    let leaf = (1..=1000_i64, tags, at, prop::option::of(choice), rest);
    let leaf = leaf.prop_map(|(count, tags, at, choice, rest)| Order {
        count,
        tags,
        price: None,
        total: None,
        day: None,
        at,
        parts: None,
        choice,
        rest,
    });
    leaf.prop_recursive(2, 4, 2, |inner| {
        (inner.clone(), prop::collection::vec(inner, 0..3)).prop_map(|(mut order, parts)| {
            order.parts = Some(parts);
            order
        })
    })
}

/// A request frame that any server of the protocol accepts.
pub(crate) fn frame() -> impl Strategy<Value = Vec<u8>> {
    let job = format()
        .prop_flat_map(|(version, encoding)| (Just(version), Just(encoding), job(encoding)));
    (job, any::<i64>()).prop_map(|((version, encoding, job), id)| {
        let lifetime = Duration::from_secs(600);
        write_request(version, encoding, id, REPLY_TO, lifetime, &job)
            .unwrap()
            .to_vec()
    })
}

/// One thing that happens to a frame on its way.
#[derive(Debug, Clone)]
pub(crate) enum Mutation {
    Flip(Index, u8),
    Set(Index, u8),
    Cut(Index),
    Remove(Index, usize),
    Insert(Index, Vec<u8>),
    Repeat(Index, usize, usize),
    Copy(Index, usize, Index),
}

pub(crate) fn mutation() -> impl Strategy<Value = Mutation> {
    // Markers with lengths, brackets, and what separates: bytes that mean something.
    let telling = prop::sample::select(
        &b"\x80\x90\xa0\xc0\xc1\xc4\xc7\xcf\xd4\xd9\xdb\xdc\xdd\xdf\xff{}[]\",:;/\\0-N"[..],
    );
    let byte = prop_oneof![telling, any::<u8>()].boxed();
    let inserted = prop_oneof![
        prop::collection::vec(byte.clone(), 1..6),
        prop::sample::select(vec![
            b"\xdd\xff\xff\xff\xff".to_vec(),
            b"\xdf\xff\xff\xff\xff".to_vec(),
            b"\xdb\xff\xff\xff\xff".to_vec(),
            b"\\ud800".to_vec(),
            b"chunk-count:2;".to_vec(),
            b"Infinity".to_vec(),
        ]),
    ];
    prop_oneof![
        (any::<Index>(), 0..8_u8).prop_map(|(at, bit)| Mutation::Flip(at, 1 << bit)),
        (any::<Index>(), byte).prop_map(|(at, byte)| Mutation::Set(at, byte)),
        any::<Index>().prop_map(Mutation::Cut),
        (any::<Index>(), 1..20_usize).prop_map(|(at, length)| Mutation::Remove(at, length)),
        (any::<Index>(), inserted).prop_map(|(at, bytes)| Mutation::Insert(at, bytes)),
        (any::<Index>(), 1..30_usize, 1..20_usize)
            .prop_map(|(at, length, times)| Mutation::Repeat(at, length, times)),
        (any::<Index>(), 1..60_usize, any::<Index>())
            .prop_map(|(from, length, to)| Mutation::Copy(from, length, to)),
    ]
}

impl Mutation {
    pub(crate) fn apply(self, frame: &mut Vec<u8>) {
        // One place more than there are bytes: the end is a place, too.
        let place = |index: Index, frame: &Vec<u8>| index.index(frame.len() + 1);
        match self {
            Self::Flip(at, mask) => {
                let at = place(at, frame);
                frame.get_mut(at).into_iter().for_each(|byte| *byte ^= mask);
            }
            Self::Set(at, new) => {
                let at = place(at, frame);
                frame.get_mut(at).into_iter().for_each(|byte| *byte = new);
            }
            Self::Cut(at) => frame.truncate(place(at, frame)),
            Self::Remove(at, length) => {
                let at = place(at, frame);
                drop(frame.drain(at..frame.len().min(at + length)));
            }
            Self::Insert(at, bytes) => {
                let at = place(at, frame);
                drop(frame.splice(at..at, bytes));
            }
            Self::Repeat(at, length, times) => {
                let at = place(at, frame);
                let bytes = frame[at..frame.len().min(at + length)].repeat(times);
                drop(frame.splice(at..at, bytes));
            }
            Self::Copy(from, length, to) => {
                let from = place(from, frame);
                let bytes = frame[from..frame.len().min(from + length)].to_vec();
                let to = place(to, frame);
                drop(frame.splice(to..to, bytes));
            }
        }
    }
}

/// Bytes that are nearly a request: good ones to which a few things happened.
pub(crate) fn spoilt_frame() -> impl Strategy<Value = Bytes> {
    (frame(), prop::collection::vec(mutation(), 0..6)).prop_map(|(mut frame, mutations)| {
        for mutation in mutations {
            mutation.apply(&mut frame);
        }
        frame.into()
    })
}

/// Bytes of any kind, some of them behind a head.
pub(crate) fn any_bytes() -> impl Strategy<Value = Bytes> {
    let head = prop::sample::select(vec![
        &b""[..],
        b"pysoa-redis/3//content-type:application/msgpack;",
        b"pysoa-redis/3//content-type:application/json;",
        b"content-type:application/json;",
        b"pysoa-redis/",
    ]);
    (head, prop::collection::vec(any::<u8>(), 0..600))
        .prop_map(|(head, bytes)| [head, &bytes].concat().into())
}
