//! How jobs are run: order, errors, panics, what the caller gets to see.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use garde::Validate;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use soa::middleware::{ActionStage, JobStage, Next, from_fn};
use soa::{
    ActionCall, ActionError, ActionRequest, Body, Context, ContextHeader, Control, Encoding,
    JobError, JobRequest, JobResponse, Server, Service as _, Value, WireError, code, service,
    value,
};

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, Validate, JsonSchema)]
#[serde(deny_unknown_fields)]
#[garde(allow_unvalidated)]
struct Number {
    /// Any but 13
    #[garde(custom(not_thirteen))]
    n: i64,
}

fn not_thirteen(n: &i64, _: &()) -> garde::Result {
    match n {
        13 => Err(garde::Error::new("unlucky")),
        _ => Ok(()),
    }
}

/// Counts what it does.
#[derive(Clone, Default)]
struct Counter {
    runs: Arc<AtomicUsize>,
}

/// Fails in every way.
#[service(name = "failing", version = "0.3.0")]
impl Counter {
    /// Adds one.
    #[action]
    async fn next(&self, request: Number) -> Result<Number, ActionError> {
        self.runs.fetch_add(1, Ordering::Relaxed);
        Ok(Number { n: request.n + 1 })
    }

    #[action]
    async fn refuse(&self) -> Result<(), ActionError> {
        Err(ActionError::caller("NOPE", "No")
            .field("a.b")
            .variable("limit", 3)
            .denied_permissions(["admin"])
            .and(WireError::server("ALSO", "And no")))
    }

    #[action]
    async fn panic(&self, request: Value) -> Result<(), ActionError> {
        panic!(
            "it is {}",
            request.get("what").and_then(Value::as_str).unwrap_or("bad")
        )
    }

    #[action]
    async fn end_job(&self) -> Result<(), ActionError> {
        Err(ActionError::job("OVER", "It is over"))
    }

    #[action]
    async fn bad_response(&self, _request: Value) -> Result<Number, ActionError> {
        Ok(Number { n: 13 })
    }

    #[action]
    async fn break_down(&self) -> Result<(), ActionError> {
        Err(ActionError::internal(std::io::Error::other("no disk")))
    }
}

fn job(actions: &[(&'static str, Value)]) -> JobRequest {
    let actions = actions
        .iter()
        .map(|(name, body)| ActionRequest::new(*name, Body::encode(Encoding::MessagePack, body)));
    JobRequest::new(
        ContextHeader::fresh(),
        Control::default(),
        actions.collect(),
    )
}

fn server() -> (Server, Counter) {
    let counter = Counter::default();
    (Server::builder(counter.clone()).build().unwrap(), counter)
}

fn errors(response: &JobResponse) -> Vec<Vec<String>> {
    let texts = |errors: &[WireError]| errors.iter().map(ToString::to_string).collect();
    response
        .actions
        .iter()
        .map(|action| texts(&action.errors))
        .collect()
}

#[tokio::test]
async fn actions_run_in_order_and_the_first_error_ends_the_job() {
    let (server, counter) = server();
    let job = job(&[
        ("next", value!({ "n": 1 })),
        ("refuse", value!({})),
        ("next", value!({ "n": 2 })),
    ]);
    let response = server.execute(job).await;
    assert_eq!(response.actions.len(), 2);
    assert_eq!(
        response.actions[0].body.to_value().unwrap(),
        value!({ "n": 2 })
    );
    assert_eq!(errors(&response)[1], ["NOPE at `a.b`: No", "ALSO: And no"]);
    assert_eq!(counter.runs.load(Ordering::Relaxed), 1);
}

#[tokio::test]
async fn with_continue_on_error_every_action_runs() {
    let counter = Counter::default();
    let server = Server::builder(counter.clone()).tell_internal_errors(true);
    let server = server.build().unwrap();
    let mut job = job(&[
        ("nothing_of_the_kind", value!({})),
        ("panic", value!({ "what": "worse" })),
        ("next", value!({ "n": "1", "m": 2 })),
        ("next", value!({ "n": 13 })),
        ("break_down", value!({})),
        ("next", value!({ "n": 2 })),
    ]);
    job.control.continue_on_error = true;
    let correlation_id = job.context.correlation_id.clone();
    let response = server.execute(job).await;
    let expected: [&[&str]; 6] = [
        &["UNKNOWN at `action`: The action \"nothing_of_the_kind\" was not found on this server."],
        &["SERVER_ERROR: Internal server error: it is worse"],
        &[
            "INVALID at `n`: Not an integer",
            "UNKNOWN: Extra keys present: m",
        ],
        &["INVALID at `n`: unlucky"],
        &["SERVER_ERROR: Internal server error: no disk"],
        &[],
    ];
    assert_eq!(errors(&response), expected);
    assert_eq!(response.context.correlation_id, Some(correlation_id));
    assert_eq!(counter.runs.load(Ordering::Relaxed), 1);
}

#[tokio::test]
async fn who_is_at_fault_is_told() {
    let (server, _) = server();
    for (action, caller_is) in [
        ("refuse", true),
        ("panic", false),
        ("break_down", false),
        ("unheard_of", true),
        ("next", true),
    ] {
        let response = server.execute(job(&[(action, value!({}))])).await;
        assert_eq!(
            response.actions[0].errors[0].is_caller_error, caller_is,
            "{action}"
        );
    }
}

#[tokio::test]
async fn an_error_of_the_job_drops_the_actions_before_it() {
    let (server, _) = server();
    let job = job(&[("next", value!({ "n": 1 })), ("end_job", value!({}))]);
    let response = server.execute(job).await;
    assert!(response.actions.is_empty());
    assert_eq!(response.errors[0].to_string(), "OVER: It is over");
    assert_eq!(response.context, Default::default());
}

#[tokio::test]
async fn a_job_without_actions_is_an_error() {
    let (server, _) = server();
    let response = server.execute(job(&[])).await;
    assert_eq!(response.errors[0].code, code::INVALID);
    assert_eq!(response.errors[0].field.as_deref(), Some("actions"));
}

/// Fails with an error whose text is not meant for callers, in each way that there is.
fn leaking() -> soa::ServerBuilder {
    Server::builder(Counter::default())
        .action("chained", |_: Value, cx: Context| async move {
            let answer = cx
                .soa_client()
                .call_action("elsewhere", "find", &())
                .await?;
            Ok::<_, ActionError>(answer)
        })
        .action("local", |_: Value, cx: Context| async move {
            cx.call_local_action("panic", value!({ "what": "secret" }))
                .await
        })
}

#[tokio::test]
async fn the_texts_of_panics_and_internal_errors_do_not_reach_callers() {
    let server = leaking().build().unwrap();
    for action in ["panic", "break_down", "bad_response", "chained", "local"] {
        let response = server.execute(job(&[(action, value!({}))])).await;
        let [error] = &response.actions[0].errors[..] else {
            panic!("{action}: {response:?}")
        };
        assert_eq!(error.code, code::SERVER_ERROR, "{action}");
        let id = error.variables.as_ref().and_then(|map| map.get("error_id"));
        let id = id.and_then(Value::as_str).unwrap();
        let text = format!(
            "Internal server error: the details are in the log of the service, error id {id}"
        );
        assert_eq!((&*error.message, id.len()), (&*text, 32), "{action}");
    }
}

#[tokio::test]
async fn a_server_that_is_set_to_do_so_tells_internal_errors() {
    let server = leaking().tell_internal_errors(true).build().unwrap();
    for (action, text) in [
        ("panic", "it is bad"),
        ("break_down", "no disk"),
        (
            "bad_response",
            "bad_response had an invalid response:\n\tn INVALID: unlucky",
        ),
        (
            "chained",
            "no route to service `elsewhere`: this client has no routes; add one with the setting `client_routing.elsewhere` or with `ClientBuilder::service`",
        ),
        ("local", "it is secret"),
    ] {
        let response = server.execute(job(&[(action, value!({}))])).await;
        let text = format!("SERVER_ERROR: Internal server error: {text}");
        assert_eq!(errors(&response)[0], [text]);
        assert_eq!(response.actions[0].errors[0].variables, None);
    }
}

#[tokio::test]
async fn internal_errors_of_middleware_do_not_reach_callers() {
    let of_job = from_fn(|job: JobRequest, next: Next<JobStage>| async move {
        match job.context.extra.get("break") {
            Some(_) => Err(JobError::internal("no disk")),
            None => next.run(job).await,
        }
    });
    let of_action = from_fn(|call: ActionCall, next: Next<ActionStage>| async move {
        next.run(call).await?;
        Err(ActionError::internal("no disk").and(WireError::caller("ALSO", "And this")))
    });
    for tells in [false, true] {
        let server = Server::builder(Counter::default())
            .job_middleware(of_job)
            .action_middleware(of_action)
            .tell_internal_errors(tells)
            .build()
            .unwrap();
        let mut broken = job(&[("next", value!({ "n": 1 }))]);
        broken.context.extra.insert("break", true);
        let response = server.execute(broken).await;
        assert_eq!(response.errors[0].message.contains("no disk"), tells);
        let response = server.execute(job(&[("next", value!({ "n": 1 }))])).await;
        let errors = &response.actions[0].errors;
        assert_eq!(errors[0].message.contains("no disk"), tells);
        assert_eq!(errors[1].to_string(), "ALSO: And this");
    }
}

#[tokio::test]
async fn a_job_with_more_actions_than_the_server_accepts_is_refused_whole() {
    let counter = Counter::default();
    let server = Server::builder(counter.clone()).max_actions(3);
    let server = server.build().unwrap();
    let next = ("next", value!({ "n": 1 }));
    let response = server.execute(job(&vec![next.clone(); 4])).await;
    assert_eq!(
        response.errors[0].to_string(),
        "REQUEST_TOO_LARGE at `actions`: The job has 4 actions; this service accepts up to 3"
    );
    assert!(response.errors[0].is_caller_error);
    assert!(response.actions.is_empty());
    let response = server.execute(job(&vec![next.clone(); 3])).await;
    assert_eq!(response.actions.len(), 3);
    // The first of the accepted ones is the first that has run.
    let first = response.actions[0].body.to_value().unwrap();
    assert_eq!(first, value!({ "n": 2 }));

    let server = Server::builder(counter).build().unwrap();
    let response = server.execute(job(&vec![next; 10_001])).await;
    assert_eq!(response.errors[0].code, code::REQUEST_TOO_LARGE);
}

#[tokio::test]
async fn tracebacks_travel_only_where_the_server_is_set_to_tell_them() {
    for tells in [false, true] {
        let server = Server::builder(Counter::default())
            .tracebacks(tells)
            .build()
            .unwrap();
        for action in ["panic", "break_down"] {
            let response = server.execute(job(&[(action, value!({}))])).await;
            assert_eq!(
                response.actions[0].errors[0].traceback.is_some(),
                tells,
                "{action}"
            );
        }
    }
}

#[tokio::test]
async fn an_action_of_unit_takes_and_gives_the_empty_map() {
    let server = Server::untyped("empty", "1.0.0")
        .action("nothing", |_: Value, _: Context| async {
            Ok::<_, ActionError>(value!({}))
        })
        .build()
        .unwrap();
    let response = server.execute(job(&[("nothing", value!({}))])).await;
    assert_eq!(response.actions[0].body.bytes().unwrap().as_ref(), [0x80]);
    let (server, _) = self::server();
    let response = server
        .execute(job(&[("refuse", value!({ "extra": 1 }))]))
        .await;
    assert_eq!(errors(&response)[0], ["UNKNOWN: Extra keys present: extra"]);
}

#[tokio::test]
async fn a_response_that_cannot_be_encoded_replaces_all_of_the_job() {
    let huge = |_: Value, _: Context| async { Ok::<_, ActionError>(value!({ "n": (i128::MAX) })) };
    let later = Arc::new(AtomicUsize::new(0));
    let count = Arc::clone(&later);
    let server = Server::untyped("huge", "1.0.0")
        .action("huge", huge)
        .action("later", move |_: Value, _: Context| {
            count.fetch_add(1, Ordering::Relaxed);
            async { Ok::<_, ActionError>(value!({})) }
        })
        .build()
        .unwrap();
    let response = server
        .execute(job(&[("huge", value!({})), ("later", value!({}))]))
        .await;
    assert_eq!(response.errors[0].code, code::RESPONSE_NOT_SERIALIZABLE);
    assert!(response.actions.is_empty());
    assert_eq!(
        later.load(Ordering::Relaxed),
        1,
        "the reference encodes last, too"
    );
    // JSON carries integers of any size.
    let request = ActionRequest::new("huge", Body::empty(Encoding::Json));
    let job = JobRequest::new(ContextHeader::fresh(), Control::default(), vec![request]);
    let response = server.execute(job).await;
    assert_eq!(
        response.actions[0].body.to_value().unwrap(),
        value!({ "n": (i128::MAX) })
    );
}

#[test]
fn the_descriptor_has_what_the_macros_saw() {
    let descriptor = Counter::DESCRIPTOR;
    assert_eq!(
        (descriptor.name(), descriptor.version()),
        ("failing", "0.3.0")
    );
    assert_eq!(descriptor.documentation(), Some("Fails in every way."));
    let action = descriptor.actions()[0];
    assert_eq!(
        (action.name(), action.documentation()),
        ("next", Some("Adds one."))
    );
    assert!(action.request_schema().describes_a_map());
    let server = Server::builder(Counter::default())
        .name("other")
        .build()
        .unwrap();
    assert_eq!((server.name(), server.version()), ("other", "0.3.0"));
    assert_eq!(
        server.action_names(),
        [
            "bad_response",
            "break_down",
            "end_job",
            "introspect",
            "next",
            "panic",
            "refuse",
            "status"
        ]
    );
}

#[test]
fn what_cannot_be_served_is_told_when_the_server_is_built() {
    struct Lists;

    #[service(name = "lists", version = "1.0.0")]
    impl Lists {
        #[action]
        async fn all(&self) -> Result<Vec<Value>, ActionError> {
            Ok(Vec::new())
        }
    }

    let error = Server::builder(Lists).build().unwrap_err();
    assert_eq!(
        error.to_string(),
        "the response type of action `all` is not a map; bodies are structs, maps, `Value`, or `()`"
    );
    let twice = Server::builder(Counter::default())
        .action("next", |body: Value, _: Context| async {
            Ok::<_, ActionError>(body)
        })
        .build();
    assert_eq!(
        twice.unwrap_err().to_string(),
        "action `next` is registered twice"
    );
    let nameless = Server::untyped("", "1.0.0").build();
    assert_eq!(nameless.unwrap_err().to_string(), "a service needs a name");
    let odd = Server::untyped("a service", "1.0.0").build();
    assert_eq!(
        odd.unwrap_err().to_string(),
        "invalid name `a service`: a name is a letter followed by letters, digits, `_`, `-` and `.`"
    );
}

#[tokio::test]
async fn a_handler_is_an_ordinary_method_that_a_test_can_call() {
    let counter = Counter::default();
    assert_eq!(
        counter.next(Number { n: 1 }).await.unwrap(),
        Number { n: 2 }
    );
}
