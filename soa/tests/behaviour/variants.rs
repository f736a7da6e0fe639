//! Variants: one action, several implementations, and the switches of the job select.

use soa::testing::Stub;
use soa::{ActionError, Context, ErrorKind, Server, Service, Switch, Value, service, value};

const NEW: Switch = Switch::new(5);
const NEWEST: Switch = Switch::new(7);

#[derive(Debug)]
struct Users;

#[service(name = "users", version = "1.0.0")]
impl Users {
    /// A user with a locale.
    #[action(name = "user", switch = NEWEST)]
    async fn user_v3(&self) -> Result<Value, ActionError> {
        Ok(value!({ "version": 3 }))
    }

    #[action(name = "user")]
    async fn user(&self) -> Result<Value, ActionError> {
        Ok(value!({ "version": 1 }))
    }

    #[action(name = "user", switch = NEW)]
    async fn user_v2(&self, cx: &Context) -> Result<Value, ActionError> {
        Ok(value!({ "version": 2, "is_on": (cx.is_active(NEW)) }))
    }

    #[action(name = "other", switch = 1)]
    async fn other_1(&self) -> Result<Value, ActionError> {
        Ok(value!({ "version": 1 }))
    }

    #[action(name = "other", switch = -2)]
    async fn other_2(&self) -> Result<Value, ActionError> {
        Ok(value!({ "version": 2 }))
    }
}

fn users() -> UsersClient {
    UsersClient::local(Users)
}

#[tokio::test]
async fn each_variant_is_a_method_that_turns_its_switch_on() {
    let users = users();
    assert_eq!(users.user().await.unwrap(), value!({ "version": 1 }));
    assert_eq!(
        users.user_v2().await.unwrap(),
        value!({ "version": 2, "is_on": true })
    );
    assert_eq!(users.user_v3().await.unwrap(), value!({ "version": 3 }));
    assert_eq!(
        users.user_v3().switch(NEW).await.unwrap(),
        value!({ "version": 3 })
    );
}

#[tokio::test]
async fn without_a_default_the_last_variant_answers() {
    let users = users();
    assert_eq!(users.other_2().await.unwrap(), value!({ "version": 2 }));
    assert_eq!(users.other_1().await.unwrap(), value!({ "version": 1 }));
    let client = soa::Client::builder()
        .service(
            "users",
            soa::LocalTransport::new(Server::builder(Users).build().unwrap()),
        )
        .build()
        .unwrap();
    let untyped = client.call_action("users", "other", &());
    assert_eq!(untyped.await.unwrap(), value!({ "version": 2 }));
    let untyped = client.call_action("users", "other", &()).switch(1);
    assert_eq!(untyped.await.unwrap(), value!({ "version": 1 }));
}

#[tokio::test]
async fn a_call_of_a_variant_that_would_not_answer_is_not_sent() {
    let server = Server::builder(Users).build().unwrap();
    let users = UsersClient::local(server.clone());
    let error = users.user().switch(NEW).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::VariantMismatch);
    insta::assert_snapshot!(error, @"`user[DEFAULT]` of service `users` was called, but with the switches of this job, {5}, `user[switch:5]` would answer");
    let error = users.user_v2().switch(NEWEST).await.unwrap_err();
    insta::assert_snapshot!(error, @"`user[switch:5]` of service `users` was called, but with the switches of this job, {7, 5}, `user[switch:7]` would answer");
    assert_eq!(server.stats().jobs(), 0);
}

#[tokio::test]
async fn the_switches_of_a_job_are_those_of_all_its_variants() {
    let client = soa::Client::builder()
        .service(
            "users",
            soa::LocalTransport::new(Server::builder(Users).build().unwrap()),
        )
        .build()
        .unwrap();
    let users = UsersClient::new(&client);
    let (user, other) = client
        .job((users.user_v2(), users.other_1()))
        .await
        .unwrap();
    assert_eq!(user, value!({ "version": 2, "is_on": true }));
    assert_eq!(other, value!({ "version": 1 }));
    let error = client
        .job((users.user_v2(), users.user()))
        .await
        .unwrap_err();
    assert_eq!(error.kind(), ErrorKind::VariantMismatch);
    let error = client
        .job(vec![users.user_v2(), users.user_v3()])
        .await
        .unwrap_err();
    insta::assert_snapshot!(error, @"`user[switch:5]` of service `users` was called, but with the switches of this job, {5, 7}, `user[switch:7]` would answer");
}

#[tokio::test]
async fn inherited_switches_count() {
    let mut context = soa::ContextHeader::fresh();
    context.switches = [NEW].into_iter().collect();
    let client = soa::Client::builder()
        .service(
            "users",
            soa::LocalTransport::new(Server::builder(Users).build().unwrap()),
        )
        .build()
        .unwrap()
        .inheriting(context);
    let users = UsersClient::new(&client);
    assert!(users.user_v2().await.is_ok());
    let error = users.user().await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::VariantMismatch);
}

#[tokio::test]
async fn a_stub_answers_by_variant() {
    let stub = Stub::new()
        .on(UsersClient::USER_V2, |()| Ok(value!({ "stubbed": 2 })))
        .on(UsersClient::USER, |()| Ok(value!({ "stubbed": 1 })));
    let users = UsersClient::stubbed(stub.clone());
    assert_eq!(users.user_v2().await.unwrap(), value!({ "stubbed": 2 }));
    assert_eq!(users.user().await.unwrap(), value!({ "stubbed": 1 }));
    assert_eq!(users.user().await.unwrap(), value!({ "stubbed": 1 }));
    assert_eq!(stub.calls(UsersClient::USER).len(), 2);
    assert_eq!(stub.calls(UsersClient::USER_V2).len(), 1);
    let error = users.user_v3().await.unwrap_err();
    insta::assert_snapshot!(error.reason().unwrap(), @"the stub of service `users` has no handler for action `user`, variant `user[switch:7]`; give it one with `.on(…)`");
    assert_eq!(stub.unexpected().len(), 1);
}

#[tokio::test]
async fn introspect_shows_each_variant_under_its_switch() {
    let client = soa::Client::builder()
        .service(
            "users",
            soa::LocalTransport::new(Server::builder(Users).build().unwrap()),
        )
        .build()
        .unwrap();
    let names = async |body: Value| {
        let shown = client.call_action("users", "introspect", &body).await;
        let shown = shown.unwrap();
        let names = shown.get("action_names").and_then(Value::as_list).unwrap();
        names
            .iter()
            .map(|name| name.as_str().unwrap().to_owned())
            .collect::<Vec<_>>()
    };
    assert_eq!(
        names(value!({})).await,
        [
            "introspect",
            "other[DEFAULT]",
            "other[switch:1]",
            "status",
            "user[DEFAULT]",
            "user[switch:5]",
            "user[switch:7]"
        ]
    );
    assert_eq!(
        names(value!({ "action_name": "user" })).await,
        ["user[DEFAULT]", "user[switch:5]", "user[switch:7]"]
    );
    assert_eq!(
        names(value!({ "action_name": "user[switch:7]" })).await,
        ["user[switch:7]"]
    );
    for unknown in [
        "user[switch:8]",
        "user[switch:x]",
        "user[",
        "nobody[DEFAULT]",
    ] {
        let body = value!({ "action_name": (unknown) });
        let error = client.call_action("users", "introspect", &body).await;
        assert_eq!(error.unwrap_err().errors()[0].code, "INVALID", "{unknown}");
    }
    assert_eq!(
        names(value!({ "action_name": "status[switch:8]" })).await,
        ["status[switch:8]"]
    );
    let shown: Vec<_> = Users::DESCRIPTOR
        .actions()
        .iter()
        .map(|action| (action.name(), action.switch()))
        .collect();
    assert_eq!(shown[..2], [("user", Some(NEWEST)), ("user", None)]);
}

#[tokio::test]
async fn a_variant_is_checked_in_every_form_of_a_call() {
    let server = Server::builder(Users).build().unwrap();
    let client = soa::Client::builder()
        .service("users", soa::LocalTransport::new(server.clone()))
        .build()
        .unwrap();
    let users = UsersClient::new(&client);
    let sent = users.user().switch(NEW).send().await;
    let errors = [
        sent.unwrap_err(),
        client
            .job((users.user(), users.user_v2()))
            .continue_on_error()
            .await
            .unwrap_err(),
        client
            .job((users.user(), users.user_v2()))
            .send()
            .await
            .unwrap_err(),
        client
            .parallel([users.user().switch(NEW)])
            .await
            .unwrap_err(),
        users
            .user()
            .context("switches", value!([5]))
            .await
            .unwrap_err(),
        UsersClient::stubbed(Stub::new().on(UsersClient::USER, |()| Ok(value!({}))))
            .user()
            .switch(NEW)
            .await
            .unwrap_err(),
        Context::for_test()
            .with_client(&client)
            .with_switch(NEW)
            .client::<UsersClient>()
            .user()
            .await
            .unwrap_err(),
    ];
    for error in errors {
        assert_eq!(error.kind(), ErrorKind::VariantMismatch, "{error}");
    }
    assert_eq!(server.stats().jobs(), 0);
}

#[tokio::test]
async fn switches_that_middleware_adds_count() {
    use soa::middleware::{ClientStage, Next, from_fn};

    let server = Server::builder(Users).build().unwrap();
    let client = soa::Client::builder()
        .service("users", soa::LocalTransport::new(server.clone()))
        .middleware(from_fn(
            |mut request: soa::client::ClientRequest, next: Next<ClientStage>| {
                request.job.context.switches = request.job.context.switches.with(NEW);
                next.run(request)
            },
        ))
        .build()
        .unwrap();
    let users = UsersClient::new(&client);
    assert_eq!(
        users.user().await.unwrap_err().kind(),
        ErrorKind::VariantMismatch
    );
    assert!(users.user_v2().await.is_ok());
}
