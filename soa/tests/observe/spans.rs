//! Spans, and the place in a trace that travels, without OpenTelemetry: through a subscriber that keeps them.

use std::collections::BTreeMap;
use std::fmt::Debug;
use std::sync::{Arc, Mutex};

use garde::Validate;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use soa::client::{Expansion, ExpansionRoute, Expansions};
use soa::message::TraceParent;
use soa::{ActionError, Client, Context, Expand, LocalTransport, Server, Value, service, value};
use tracing::field::{Field, Visit};
use tracing::span::{Attributes, Id, Record};
use tracing_subscriber::layer::{Context as Around, Layer, SubscriberExt as _};
use tracing_subscriber::registry::LookupSpan;

/// A span that was closed: its name, target and fields; the correlation ids that records were made under.
type Kept = (&'static str, BTreeMap<&'static str, String>);

#[derive(Clone, Default)]
struct Keeper {
    spans: Arc<Mutex<Vec<Kept>>>,
    records: Arc<Mutex<Vec<Vec<Kept>>>>,
}

#[derive(Default)]
struct Fields(BTreeMap<&'static str, String>);

impl Visit for Fields {
    fn record_debug(&mut self, field: &Field, value: &dyn Debug) {
        self.0.insert(
            field.name(),
            format!("{value:?}").trim_matches('"').to_owned(),
        );
    }
}

impl<S: tracing::Subscriber + for<'a> LookupSpan<'a>> Layer<S> for Keeper {
    fn on_new_span(&self, attributes: &Attributes<'_>, id: &Id, around: Around<'_, S>) {
        let mut fields = Fields::default();
        attributes.record(&mut fields);
        fields
            .0
            .insert("target", attributes.metadata().target().to_owned());
        around.span(id).unwrap().extensions_mut().insert(fields);
    }

    fn on_record(&self, id: &Id, record: &Record<'_>, around: Around<'_, S>) {
        let span = around.span(id).unwrap();
        record.record(span.extensions_mut().get_mut::<Fields>().unwrap());
    }

    fn on_event(&self, event: &tracing::Event<'_>, around: Around<'_, S>) {
        let spans = around.event_scope(event).into_iter().flatten();
        let spans = spans.map(|span| {
            let extensions = span.extensions();
            (span.name(), extensions.get::<Fields>().unwrap().0.clone())
        });
        self.records.lock().unwrap().push(spans.collect());
    }

    fn on_close(&self, id: Id, around: Around<'_, S>) {
        let span = around.span(&id).unwrap();
        let fields = span.extensions_mut().remove::<Fields>().unwrap().0;
        self.spans.lock().unwrap().push((span.name(), fields));
    }
}

impl Keeper {
    /// The one span of this name and service.
    fn span(&self, name: &str, service: &str) -> BTreeMap<&'static str, String> {
        let spans = self.spans.lock().unwrap();
        let is_of = |fields: &BTreeMap<_, String>| {
            ["service", "rpc.service"]
                .iter()
                .any(|key| fields.get(key).is_some_and(|of| of == service))
        };
        let mut found = spans
            .iter()
            .filter(|(of, fields)| *of == name && is_of(fields));
        let span = found
            .next()
            .unwrap_or_else(|| panic!("no {name} of {service} in {spans:?}"));
        assert!(found.next().is_none(), "{spans:?}");
        span.1.clone()
    }

    fn names(&self) -> Vec<&'static str> {
        self.spans
            .lock()
            .unwrap()
            .iter()
            .map(|(name, _)| *name)
            .collect()
    }
}

/// Runs it with a subscriber on this thread.
fn kept(future: impl Future<Output = ()>) -> Keeper {
    let keeper = Keeper::default();
    let subscriber = tracing_subscriber::registry().with(keeper.clone());
    let runtime = tokio::runtime::Builder::new_current_thread();
    let runtime = { runtime }.enable_time().build().unwrap();
    tracing::subscriber::with_default(subscriber, || runtime.block_on(future));
    keeper
}

/// A service that calls another, which tells its context.
fn chain() -> Client {
    let back = Server::untyped("back", "1")
        .action("tell", |_: Value, cx: Context| async move {
            tracing::info!("a record of the handler");
            let place = cx.trace_parent().map(|place| place.to_string());
            Ok::<_, ActionError>(value!({ "place": (place.unwrap_or_default()) }))
        })
        .action("fail", |_: Value, _: Context| async {
            Err::<Value, _>(ActionError::caller("ODD", "it is odd"))
        })
        .build()
        .unwrap();
    let client = Client::builder()
        .service("back", LocalTransport::new(back))
        .build()
        .unwrap();
    let front = Server::untyped("front", "1")
        .client(client)
        .action("relay", |body: Value, cx: Context| async move {
            let action = body
                .get("action")
                .and_then(Value::as_str)
                .unwrap_or("tell")
                .to_owned();
            let call = cx.soa_client().call_action("back", action, &body);
            call.await.map_err(ActionError::from)
        })
        .build()
        .unwrap();
    Client::builder()
        .service("front", LocalTransport::new(front))
        .build()
        .unwrap()
}

const SAMPLED: &str = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01";
const NOT_SAMPLED: &str = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-00";

#[test]
fn calls_jobs_and_actions_of_a_chain_are_spans_of_one_trace() {
    let keeper = kept(async {
        chain()
            .call_action("front", "relay", &value!({}))
            .await
            .unwrap();
    });
    let [call, job, action, inner, last] = [
        keeper.span("call", "front"),
        keeper.span("job", "front"),
        keeper.span("action", "front"),
        keeper.span("call", "back"),
        keeper.span("job", "back"),
    ];
    assert_eq!(call["rpc.system"], "soa");
    assert_eq!(call["rpc.method"], "relay");
    assert_eq!(call["otel.name"], "front/relay");
    for (parent, child) in [
        (&call, &job),
        (&job, &action),
        (&action, &inner),
        (&inner, &last),
    ] {
        assert_eq!(parent["trace_id"], child["trace_id"]);
        assert_eq!(
            parent["span_id"], child["parent_id"],
            "{parent:?} {child:?}"
        );
        assert_ne!(parent["span_id"], child["span_id"]);
    }
    assert_eq!(call["correlation_id"], last["correlation_id"]);
    assert!(keeper.names().contains(&"send"));
}

#[test]
fn a_trace_parent_that_came_in_is_the_parent_of_the_call() {
    let keeper = kept(async {
        let call = chain().call_action("front", "relay", &value!({}));
        call.context("traceparent", SAMPLED).await.unwrap();
    });
    let call = keeper.span("call", "front");
    assert_eq!(call["trace_id"], "4bf92f3577b34da6a3ce929d0e0e4736");
    assert_eq!(call["parent_id"], "00f067aa0ba902b7");
}

#[test]
fn a_trace_that_is_not_recorded_has_the_spans_of_jobs_only_and_goes_on_as_it_is() {
    let keeper = kept(async {
        let call = chain().call_action("front", "relay", &value!({}));
        let told = call.context("traceparent", NOT_SAMPLED).await.unwrap();
        assert_eq!(told.get("place").and_then(Value::as_str), Some(NOT_SAMPLED));
    });
    assert!(
        keeper.names().iter().all(|name| *name == "job"),
        "{:?}",
        keeper.names()
    );
    assert!(!keeper.span("job", "back").contains_key("trace_id"));
}

#[test]
fn without_a_subscriber_a_trace_parent_is_passed_on_and_none_is_made() {
    let runtime = tokio::runtime::Builder::new_current_thread();
    let runtime = { runtime }.enable_time().build().unwrap();
    let nobody = tracing::subscriber::NoSubscriber::new();
    let places = tracing::subscriber::with_default(nobody, || {
        runtime.block_on(async {
            let call = chain().call_action("front", "relay", &value!({}));
            let with = call.context("traceparent", SAMPLED).await.unwrap();
            let without = chain()
                .call_action("front", "relay", &value!({}))
                .await
                .unwrap();
            [with, without].map(|told| told.get("place").unwrap().clone())
        })
    });
    assert_eq!(places[0].as_str(), Some(SAMPLED));
    assert_eq!(places[1].as_str(), Some(""));
}

#[test]
fn each_record_of_a_handler_has_the_correlation_id_of_its_job() {
    let keeper = kept(async {
        let call = chain().call_action("front", "relay", &value!({}));
        let call = call.context("traceparent", NOT_SAMPLED);
        call.correlation_id("abc").await.unwrap();
    });
    let records = keeper.records.lock().unwrap();
    let spans = &records[0];
    assert!(
        spans.iter().any(|(name, fields)| {
            *name == "job" && fields["correlation_id"] == "abc" && fields["service"] == "back"
        }),
        "{records:?}"
    );
}

#[test]
fn errors_are_noted_with_their_code() {
    let keeper = kept(async {
        let call = chain().call_action("front", "relay", &value!({ "action": "fail" }));
        call.await.unwrap_err();
    });
    // What the one behind refused is the fault of the one in front.
    for (service, code) in [("front", "SERVER_ERROR"), ("back", "ODD")] {
        for name in ["call", "action"] {
            let span = keeper.span(name, service);
            assert_eq!(span["error.type"], code, "{name} {service}");
            assert_eq!(span["otel.status_code"], "ERROR", "{name} {service}");
        }
    }
}

#[test]
fn a_malformed_trace_parent_begins_a_new_trace() {
    let keeper = kept(async {
        let server = Server::untyped("front", "1").build().unwrap();
        let mut header = soa::ContextHeader::fresh();
        // As a peer sends it, who is not asked what it may send.
        header.extra.insert("traceparent", "00-nonsense");
        header.trace_parent = TraceParent::parse("00-nonsense");
        let body = soa::Body::encode(soa::Encoding::MessagePack, &value!({}));
        let action = soa::ActionRequest::new("status", body);
        let job = soa::JobRequest::new(header, soa::Control::default(), vec![action]);
        let answer = server.execute(job).await;
        assert!(answer.errors.is_empty());
    });
    assert_eq!(keeper.span("job", "front")["trace_id"].len(), 32);
}

#[derive(Debug, Serialize, Deserialize, Validate, JsonSchema)]
#[garde(allow_unvalidated)]
struct Find {
    ids: Vec<i64>,
}

#[derive(Debug, Serialize, Deserialize, Validate, JsonSchema)]
#[garde(allow_unvalidated)]
struct Found {
    found: BTreeMap<i64, Value>,
}

struct Store;

#[service(name = "store", version = "1")]
impl Store {
    #[action]
    async fn find(&self, request: Find) -> Result<Found, ActionError> {
        let found = request
            .ids
            .into_iter()
            .map(|id| (id, value!({ "id": (id) })));
        Ok(Found {
            found: found.collect(),
        })
    }
}

#[derive(Debug, Serialize, Deserialize, Validate, JsonSchema, Expand)]
#[garde(allow_unvalidated)]
struct Thing {
    #[serde(rename = "_type")]
    of_type: String,
    owner_id: i64,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[expand(from = owner_id, with = StoreClient::FIND, request = Find { ids }, found = found)]
    owner: Option<Value>,
}

struct Things;

#[service(name = "things", version = "1")]
impl Things {
    #[action]
    async fn get(&self) -> Result<Thing, ActionError> {
        Ok(Thing {
            of_type: "thing".to_owned(),
            owner_id: 1,
            owner: None,
        })
    }
}

fn things() -> Client {
    let route = ExpansionRoute::new("store", "find")
        .request_field("ids")
        .response_field("found");
    let owner = Expansion::new("owners")
        .source_field("owner_id")
        .destination_field("owner");
    let expansions = Expansions::new().route("owners", route);
    Client::builder()
        .expansions(expansions.expansion("thing", "owner", owner))
        .service(
            "things",
            LocalTransport::new(Server::builder(Things).build().unwrap()),
        )
        .service(
            "store",
            LocalTransport::new(Server::builder(Store).build().unwrap()),
        )
        .build()
        .unwrap()
}

fn assert_is_part_of_the_call(keeper: &Keeper) {
    let (call, inner) = (keeper.span("call", "things"), keeper.span("call", "store"));
    assert_eq!(inner["trace_id"], call["trace_id"]);
    assert_eq!(inner["parent_id"], call["span_id"]);
    assert_eq!(keeper.span("job", "store")["trace_id"], call["trace_id"]);
}

#[test]
fn configured_expansions_are_part_of_the_calls_trace() {
    let keeper = kept(async {
        let things = things();
        let call = things.call_action("things", "get", &value!({}));
        let thing = call.expansions("thing", ["owner"]).await.unwrap();
        assert_eq!(thing.get("owner"), Some(&value!({ "id": 1 })));
    });
    assert_is_part_of_the_call(&keeper);
}

#[test]
fn typed_expansions_are_part_of_the_calls_trace() {
    let keeper = kept(async {
        let thing = ThingsClient::new(&things()).get().expand().await.unwrap();
        assert_eq!(thing.owner, Some(value!({ "id": 1 })));
    });
    assert_is_part_of_the_call(&keeper);
}
