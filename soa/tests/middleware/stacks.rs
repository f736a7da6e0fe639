//! The three stacks of middleware, in their places.

use std::sync::{Arc, Mutex};

use soa::client::ClientRequest;
use soa::middleware::{ActionStage, ClientStage, JobStage, Middleware, Next, from_fn};
use soa::{
    ActionCall, ActionError, ActionResponse, Client, ClientError, Context, JobError, JobRequest,
    JobResponse, LocalTransport, Server, ServerBuilder, Value, value,
};

type Log = Arc<Mutex<Vec<String>>>;

/// Writes down when it is entered and left.
#[derive(Clone)]
struct Noting(&'static str, Log);

impl Noting {
    fn note(&self, what: impl std::fmt::Display) {
        self.1.lock().unwrap().push(format!("{} {what}", self.0));
    }
}

impl Middleware<JobStage> for Noting {
    async fn call(
        &self,
        request: JobRequest,
        next: Next<JobStage>,
    ) -> Result<JobResponse, JobError> {
        self.note(format_args!("> {}", request.actions.len()));
        let response = next.run(request).await;
        self.note(format_args!(
            "< {}",
            response.as_ref().map_or(0, |job| job.actions.len())
        ));
        response
    }
}

impl Middleware<ActionStage> for Noting {
    async fn call(
        &self,
        request: ActionCall,
        next: Next<ActionStage>,
    ) -> Result<ActionResponse, ActionError> {
        self.note(format_args!("> {}", request.action));
        let response = next.run(request).await?;
        self.note(format_args!("< {}", response.errors.len()));
        Ok(response)
    }
}

impl Middleware<ClientStage> for Noting {
    async fn call(
        &self,
        request: ClientRequest,
        next: Next<ClientStage>,
    ) -> Result<JobResponse, ClientError> {
        self.note(format_args!("> {}", request.service));
        let response = next.run(request).await;
        self.note(if response.is_ok() { "< ok" } else { "< error" });
        response
    }
}

fn server() -> ServerBuilder {
    Server::untyped("test", "1.0.0")
        .action("echo", |body: Value, _: Context| async {
            Ok::<_, ActionError>(body)
        })
        .action("fail", |_: Value, _: Context| async {
            Err::<Value, _>(ActionError::caller("NO", "No"))
        })
        .action("panic", |_: Value, _: Context| async {
            if true {
                panic!("as told");
            }
            Ok::<_, ActionError>(value!({}))
        })
        .action("greet", |_: Value, cx: Context| async move {
            let name = cx.extension::<String>().cloned().unwrap_or_default();
            Ok::<_, ActionError>(value!({ "name": (name) }))
        })
}

fn client(server: ServerBuilder) -> Client {
    let server = server.build().unwrap();
    Client::builder()
        .service("test", LocalTransport::new(server))
        .build()
        .unwrap()
}

#[tokio::test]
async fn each_stack_stands_in_its_place_and_the_first_added_is_the_outermost() {
    let log = Log::default();
    let noting = |name| Noting(name, Arc::clone(&log));
    let server = server()
        .job_middleware(noting("job 1"))
        .job_middleware(noting("job 2"))
        .action_middleware(noting("action 1"))
        .action_middleware(noting("action 2"));
    let client = Client::builder()
        .service("test", LocalTransport::new(server.build().unwrap()))
        .middleware(noting("client"))
        .build()
        .unwrap();
    client
        .job((
            client.call_action("test", "echo", &value!({})),
            client.call_action("test", "panic", &value!({})),
        ))
        .await
        .unwrap_err();
    let log = log.lock().unwrap();
    let expected = [
        "client > test",
        "job 1 > 2",
        "job 2 > 2",
        "action 1 > echo",
        "action 2 > echo",
        "action 2 < 0",
        "action 1 < 0",
        "action 1 > panic",
        "action 2 > panic",
        "action 2 < 1",
        "action 1 < 1",
        "job 2 < 2",
        "job 1 < 2",
        "client < ok",
    ];
    assert_eq!(*log, expected);
}

#[tokio::test]
async fn a_job_of_many_actions_runs_action_middleware_once_an_action() {
    let log = Log::default();
    let client = client(server().action_middleware(Noting("action", Arc::clone(&log))));
    let calls = (0..7).map(|_| client.call_action("test", "echo", &value!({})));
    client.job(calls.collect::<Vec<_>>()).await.unwrap();
    assert_eq!(log.lock().unwrap().len(), 14);
}

#[tokio::test]
async fn middleware_can_refuse_a_job_or_an_action() {
    let jobs = client(
        server().job_middleware(from_fn(|_: JobRequest, _: Next<JobStage>| async {
            Err(JobError::new("CLOSED", "Not today").field("context.day"))
        })),
    );
    let error = jobs
        .call_action("test", "echo", &value!({}))
        .await
        .unwrap_err();
    assert_eq!(
        error.errors()[0].to_string(),
        "CLOSED at `context.day`: Not today"
    );
    assert!(!error.errors()[0].is_caller_error);
    let refuse = |ends_job: bool| {
        from_fn(
            move |call: ActionCall, next: Next<ActionStage>| async move {
                match &*call.action {
                    "fail" if ends_job => Err(ActionError::job("OVER", "Over")),
                    "fail" => Err(ActionError::caller("VETO", "Veto")),
                    _ => next.run(call).await,
                }
            },
        )
    };
    for (ends_job, kind) in [(false, soa::ErrorKind::Action), (true, soa::ErrorKind::Job)] {
        let client = client(server().action_middleware(refuse(ends_job)));
        assert!(
            client
                .call_action("test", "echo", &value!({}))
                .await
                .is_ok()
        );
        let error = client
            .call_action("test", "fail", &value!({}))
            .await
            .unwrap_err();
        assert_eq!(error.kind(), kind);
    }
}

#[tokio::test]
async fn a_panic_in_middleware_is_a_server_error_and_the_server_lives() {
    let panic_at = |name: &'static str| {
        from_fn(move |call: ActionCall, next: Next<ActionStage>| {
            assert_ne!(call.action, name, "as told");
            next.run(call)
        })
    };
    let actions = client(server().action_middleware(panic_at("fail")));
    let error = actions
        .call_action("test", "fail", &value!({}))
        .await
        .unwrap_err();
    assert_eq!(
        (error.kind(), &*error.errors()[0].code),
        (soa::ErrorKind::Action, "SERVER_ERROR")
    );
    assert!(
        actions
            .call_action("test", "echo", &value!({}))
            .await
            .is_ok()
    );
    let jobs = client(
        server().job_middleware(from_fn(|job: JobRequest, next: Next<JobStage>| {
            assert_ne!(job.actions[0].action, "fail", "as told");
            next.run(job)
        })),
    );
    let error = jobs
        .call_action("test", "fail", &value!({}))
        .await
        .unwrap_err();
    assert_eq!(
        (error.kind(), &*error.errors()[0].code),
        (soa::ErrorKind::Job, "SERVER_ERROR")
    );
    assert!(jobs.call_action("test", "echo", &value!({})).await.is_ok());
}

#[tokio::test]
async fn what_middleware_leaves_reaches_later_middleware_and_handlers() {
    let server = server()
        .job_middleware(from_fn(|mut job: JobRequest, next: Next<JobStage>| {
            job.extensions.insert(String::from("Ada"));
            next.run(job)
        }))
        .action_middleware(from_fn(|mut call: ActionCall, next: Next<ActionStage>| {
            let name = call
                .context
                .extension::<String>()
                .cloned()
                .unwrap_or_default();
            call.context.extensions_mut().insert(name + " Lovelace");
            next.run(call)
        }));
    let client = client(server);
    let answer = client
        .call_action("test", "greet", &value!({}))
        .await
        .unwrap();
    assert_eq!(answer, value!({ "name": "Ada Lovelace" }));
}

#[tokio::test]
async fn next_can_be_run_again() {
    let twice = from_fn(|call: ActionCall, next: Next<ActionStage>| async move {
        let first = next.clone().run(call.clone()).await?;
        match first.errors.is_empty() {
            true => Ok(first),
            false => next.run(call).await,
        }
    });
    let log = Log::default();
    let server = server()
        .action_middleware(twice)
        .action_middleware(Noting("inner", Arc::clone(&log)));
    client(server)
        .call_action("test", "fail", &value!({}))
        .await
        .unwrap_err();
    assert_eq!(
        *log.lock().unwrap(),
        ["inner > fail", "inner < 1", "inner > fail", "inner < 1"]
    );
}

#[tokio::test]
async fn client_middleware_may_change_where_a_request_goes() {
    let first = server().build().unwrap();
    let second = Server::untyped("other", "1.0.0")
        .action("echo", |_: Value, _: Context| async {
            Ok::<_, ActionError>(value!({ "who": "other" }))
        })
        .build()
        .unwrap();
    let client = Client::builder()
        .service("test", LocalTransport::new(first))
        .service("other", LocalTransport::new(second))
        .middleware(from_fn(
            |mut request: ClientRequest, next: Next<ClientStage>| {
                request.service = "other".into();
                next.run(request)
            },
        ))
        .build()
        .unwrap();
    let answer = client
        .call_action("test", "echo", &value!({}))
        .await
        .unwrap();
    assert_eq!(answer, value!({ "who": "other" }));
    // Also for a call that is collected later, and to a service that this client does not know.
    let pending = client.call_action("test", "echo", &value!({})).send();
    let later = pending.await.unwrap().await.unwrap();
    assert_eq!(later, value!({ "who": "other" }));
    let nowhere = client
        .call_action("nowhere", "echo", &value!({}))
        .await
        .unwrap();
    assert_eq!(nowhere, value!({ "who": "other" }));
}

#[tokio::test]
async fn client_middleware_can_try_again() {
    let flaky = std::sync::atomic::AtomicUsize::new(0);
    let server = server().job_middleware(from_fn(move |job: JobRequest, next: Next<JobStage>| {
        let attempt = flaky.fetch_add(1, std::sync::atomic::Ordering::Relaxed);
        async move {
            match attempt {
                0 => Err(JobError::new("TRY_AGAIN", "Not yet")),
                _ => next.run(job).await,
            }
        }
    }));
    let client = Client::builder()
        .service("test", LocalTransport::new(server.build().unwrap()))
        .middleware(from_fn(
            |request: ClientRequest, next: Next<ClientStage>| async move {
                let first = next.clone().run(request.clone()).await?;
                match first.errors.is_empty() {
                    true => Ok(first),
                    false => next.run(request).await,
                }
            },
        ))
        .build()
        .unwrap();
    assert!(
        client
            .call_action("test", "echo", &value!({}))
            .await
            .is_ok()
    );
}

#[tokio::test]
async fn a_call_that_middleware_answers_is_sent_even_when_the_request_is_kept() {
    let kept: Arc<Mutex<Vec<ClientRequest>>> = Arc::default();
    let keep = Arc::clone(&kept);
    let client = Client::builder()
        .service("test", LocalTransport::new(server().build().unwrap()))
        .middleware(from_fn(
            move |request: ClientRequest, _: Next<ClientStage>| {
                keep.lock().unwrap().push(request);
                async {
                    Ok(JobResponse::failed(vec![soa::WireError::server(
                        "CACHED", "No",
                    )]))
                }
            },
        ))
        .build()
        .unwrap();
    let call = client.call_action("test", "echo", &value!({}));
    assert_eq!(call.send().await.unwrap_err().errors()[0].code, "CACHED");
    assert_eq!(kept.lock().unwrap().len(), 1);
}

#[tokio::test(start_paused = true)]
async fn the_timeout_of_a_call_covers_its_middleware() {
    let client = Client::builder()
        .service("test", LocalTransport::new(server().build().unwrap()))
        .middleware(from_fn(
            |request: ClientRequest, next: Next<ClientStage>| async move {
                tokio::time::sleep(std::time::Duration::from_secs(5)).await;
                next.run(request).await
            },
        ))
        .build()
        .unwrap();
    let call = client.call_action("test", "echo", &value!({}));
    let error = call
        .timeout(std::time::Duration::from_secs(1))
        .await
        .unwrap_err();
    assert_eq!(error.kind(), soa::ErrorKind::Timeout);
}

#[tokio::test]
async fn what_middleware_changes_does_not_change_what_the_caller_asked_for() {
    let server =
        server().action_middleware(from_fn(|mut call: ActionCall, next: Next<ActionStage>| {
            call.action = "renamed".into();
            call.body = soa::Body::encode(soa::Encoding::Json, &value!({ "n": 1 }));
            next.run(call)
        }));
    let client = client(server);
    let response = client
        .call_job("test", [("echo".into(), value!({}))])
        .await
        .unwrap();
    assert_eq!(response.actions[0].action, "echo");
    assert_eq!(
        response.actions[0].body.encoding(),
        soa::Encoding::MessagePack
    );
    assert_eq!(
        response.actions[0].body.to_value().unwrap(),
        value!({ "n": 1 })
    );
}
