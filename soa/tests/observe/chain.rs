//! A chain from this framework through PySOA back to this framework: what flows down arrives whole, and what a collector
//! gets is one trace.

use std::time::Duration;

use example_service::ExampleService;
use soa::settings::{NoSection, Settings};
use soa::{
    ActionError, Client, Context, RedisClientTransport, RedisServerTransport, RedisSettings,
    Server, Value, value,
};

use crate::processes::Redis;
use crate::python::reference_service;
use crate::receiver::{Collector, Received};

fn settings(redis: &Redis) -> RedisSettings {
    // The machine may be busy with other tests.
    let settings: RedisSettings = redis.addresses().parse().unwrap();
    settings.receive_timeout(Duration::from_secs(30))
}

fn client(redis: &Redis, service: &'static str) -> Client {
    let transport = RedisClientTransport::new(service, settings(redis)).unwrap();
    Client::builder()
        .service(service, transport)
        .build()
        .unwrap()
}

/// Lets the service of the reference call the last one.
fn front(redis: &Redis) -> Server {
    Server::untyped("front", "1")
        .client(client(redis, "example"))
        .action("relay", |body: Value, cx: Context| async move {
            let call = cx.soa_client().call_action("example", "call_square", &body);
            call.await.map_err(ActionError::from)
        })
        .build()
        .unwrap()
}

#[tokio::test]
async fn a_chain_through_pysoa_arrives_whole_and_is_one_trace() {
    let collector = Collector::start();
    let observed = Settings::<NoSection>::loader()
        .set(format!("tracing.endpoint={}", collector.endpoint()))
        .set("tracing.sample=1")
        .set("tracing.interval=50ms")
        .set("logging.level=off")
        .load()
        .unwrap();
    let observing = observed.observe("chain", "1").unwrap();
    let redis = Redis::start().watched();
    let _reference = reference_service(&redis, "example");
    for server in [
        front(&redis),
        Server::builder(ExampleService::new())
            .name("example2")
            .build()
            .unwrap(),
    ] {
        let transport = RedisServerTransport::new(server.name().to_owned(), settings(&redis));
        let transport = transport.unwrap();
        tokio::spawn(async move { server.run(transport).await });
    }
    let client = client(&redis, "front");
    let call = client
        .call_action("front", "relay", &value!({ "number": 12 }))
        .timeout(Duration::from_secs(60))
        .correlation_id("one event")
        .context("locale", "fr_FR")
        .context("tracestate", "vendor=1")
        .switch(7);
    let told = call.await.unwrap();

    assert_eq!(told.get("square").and_then(Value::as_i64), Some(144));
    let last = told.get("callee_context").unwrap();
    assert_eq!(
        last.get("correlation_id").and_then(Value::as_str),
        Some("one event")
    );
    assert_eq!(last.get("locale").and_then(Value::as_str), Some("fr_FR"));
    assert_eq!(
        last.get("tracestate").and_then(Value::as_str),
        Some("vendor=1")
    );
    assert_eq!(
        last.get("calling_service").and_then(Value::as_str),
        Some("example")
    );
    assert_eq!(last.get("switches").unwrap(), &value!([7]));
    let middle = told.get("received_context").unwrap();
    let passed = middle.get("traceparent").and_then(Value::as_str).unwrap();
    let arrived = last.get("traceparent").and_then(Value::as_str).unwrap();
    assert_eq!(passed[..36], arrived[..36], "the same trace");

    let trace_id = &passed[3..35];
    let spans = collector.wait_for(|spans| {
        let is_of = |received: &&Received| hex(&received.span.trace_id) == trace_id;
        let spans: Vec<Received> = spans.iter().filter(is_of).cloned().collect();
        (spans.len() >= 11).then_some(spans)
    });
    let find = |kind: i32, name: &str| {
        let mut found = spans
            .iter()
            .filter(|received| received.span.name == name && received.span.kind == kind);
        let span = found
            .next()
            .unwrap_or_else(|| panic!("no {name} in {spans:?}"));
        assert!(found.next().is_none(), "{name} is there twice");
        span
    };
    let call = find(CLIENT, "front/relay");
    let job = find(SERVER, "front/relay");
    let action = find(INTERNAL, "relay");
    let onward = find(CLIENT, "example/call_square");
    let last = find(SERVER, "example2/square");
    assert!(call.span.parent_span_id.is_empty());
    for (parent, child) in [
        (call, find(PRODUCER, "send front")),
        (call, find(CONSUMER, "queue front")),
        (call, job),
        (job, action),
        (action, onward),
        // The service of the reference makes no span: what it calls is a child of the call of it.
        (onward, find(CONSUMER, "queue example2")),
        (onward, last),
        (last, find(INTERNAL, "square")),
        (last, find(INTERNAL, "get_context")),
    ] {
        assert_eq!(
            parent.span.span_id, child.span.parent_span_id,
            "{} {}",
            parent.span.name, child.span.name
        );
    }
    let wait = find(CONSUMER, "queue example2");
    let waited: u64 = wait.attribute("soa.waited_us").unwrap().parse().unwrap();
    let length = wait.span.end_time_unix_nano - wait.span.start_time_unix_nano;
    assert_eq!(length / 1000, waited);
    assert_eq!(
        last.attribute("correlation_id").as_deref(),
        Some("one event")
    );
    assert_eq!(last.of_process("service.name").as_deref(), Some("chain"));
    assert_eq!(last.attribute("soa.actions").as_deref(), Some("2"));
    observing.finish();
}

/// Kinds of spans, as OTLP numbers them.
const INTERNAL: i32 = 1;
const SERVER: i32 = 2;
const CLIENT: i32 = 3;
const PRODUCER: i32 = 4;
const CONSUMER: i32 = 5;

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}
