//! Who calls, and what they may do.

use soa::middleware::{Authentication, Credentials, Denied, Identity, JobStage, Next, from_fn};
use soa::{
    ActionError, Client, ClientError, Context, ErrorKind, JobRequest, LocalTransport, Server,
    ServerBuilder, Value, code, value,
};

use crate::support::{Numbered, Shop, ShopClient};

struct Tenant(&'static str);

/// Knows Ada, who may do all, and Bob, who may read.
fn authentication()
-> Authentication<impl Fn(Credentials) -> std::future::Ready<Result<Identity, Denied>>> {
    Authentication::new(|credentials: Credentials| {
        std::future::ready(match credentials.token() {
            "ada" => Ok(Identity::new("Ada")
                .with_permissions(["shop.read", "shop.write"])
                .with(Tenant("north"))),
            "bob" => Ok(Identity::new("Bob").with_permissions(["shop.read"])),
            "down" => Err(Denied::unavailable("the directory is down: secret")),
            _ => Err(Denied::new("Nobody knows this token")),
        })
    })
}

fn client(server: ServerBuilder) -> Client {
    Client::builder()
        .service("shop", LocalTransport::new(server.build().unwrap()))
        .build()
        .unwrap()
}

async fn change(client: &Client, token: &str, number: i64) -> Result<Value, ClientError> {
    let shop = ShopClient::new(client);
    shop.change(Numbered { number })
        .context("token", token)
        .await
}

#[tokio::test]
async fn handlers_know_who_calls() {
    let client = client(Server::builder(Shop::default()).job_middleware(authentication()));
    let answer = change(&client, "ada", 3).await.unwrap();
    assert_eq!(answer, value!({ "by": "Ada", "number": 3 }));
}

#[tokio::test]
async fn a_caller_without_a_permission_is_told_which_before_anything_is_validated() {
    let client = client(Server::builder(Shop::default()).job_middleware(authentication()));
    let error = change(&client, "bob", -1).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Action);
    let [error] = error.errors() else {
        panic!("one error: {error}");
    };
    assert_eq!(error.code, code::NOT_AUTHORIZED);
    assert_eq!(error.denied_permissions.as_deref().unwrap(), ["shop.write"]);
    assert!(error.is_caller_error);
}

#[tokio::test]
async fn a_token_that_is_wrong_missing_or_no_text_ends_the_job() {
    let client = client(Server::builder(Shop::default()).job_middleware(authentication()));
    let call = || client.call_action("shop", "pay", &value!({}));
    for (outcome, message) in [
        (call().await, "There is no token"),
        (call().context("token", 7).await, "The token is not text"),
        (
            call().context("token", "eve").await,
            "Nobody knows this token",
        ),
    ] {
        let error = outcome.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Job);
        let error = &error.errors()[0];
        assert_eq!(
            (&*error.code, &*error.message, error.field.as_deref()),
            (code::ACCESS_DENIED, message, Some("context.token"))
        );
    }
}

#[tokio::test]
async fn why_nobody_could_be_asked_is_not_told() {
    let client = client(Server::builder(Shop::default()).job_middleware(authentication()));
    let error = change(&client, "down", 1).await.unwrap_err();
    let error = &error.errors()[0];
    assert_eq!(error.code, code::SERVER_ERROR);
    assert!(!error.message.contains("secret"), "{error}");
}

#[tokio::test]
async fn strangers_may_be_let_in_and_can_do_what_requires_nothing() {
    let authentication = authentication().admit_anonymous();
    let client = client(Server::builder(Shop::default()).job_middleware(authentication));
    client
        .call_action("shop", "pay", &value!({}))
        .await
        .unwrap();
    let shop = ShopClient::new(&client);
    let error = shop.change(Numbered { number: 1 }).await.unwrap_err();
    assert_eq!(
        error.errors()[0].denied_permissions.as_deref().unwrap(),
        ["shop.read", "shop.write"]
    );
    assert!(change(&client, "eve", 1).await.is_err());
}

#[tokio::test]
async fn only_jobs_of_excepted_actions_alone_need_no_token() {
    let authentication = authentication().except(["status"]);
    let client = client(Server::builder(Shop::default()).job_middleware(authentication));
    let status = || client.call_action("shop", "status", &value!({}));
    status().await.unwrap();
    let pay = client.call_action("shop", "pay", &value!({}));
    let error = client.job((status(), pay)).await.unwrap_err();
    assert_eq!(error.errors()[0].code, code::ACCESS_DENIED);
}

#[tokio::test]
async fn the_token_may_be_under_another_key_and_stays_in_the_context() {
    let server = Server::untyped("shop", "1.0.0")
        .job_middleware(authentication().key("bearer"))
        .action("who", |_: Value, cx: Context| async move {
            let tenant = cx.identity().and_then(|who| who.get::<Tenant>());
            let token = cx.value("bearer").cloned();
            Ok::<_, ActionError>(
                value!({ "tenant": (tenant.map(|tenant| tenant.0)), "token": (token) }),
            )
        });
    let client = client(server);
    let call = client.call_action("shop", "who", &value!({}));
    let answer = call.context("bearer", "ada").await.unwrap();
    assert_eq!(answer, value!({ "tenant": "north", "token": "ada" }));
}

#[test]
fn a_server_whose_actions_require_permissions_that_nobody_gives_is_not_made() {
    let error = Server::builder(Shop::default()).build().unwrap_err();
    assert_eq!(
        error.to_string(),
        "action `change` requires `shop.read`, but no middleware authenticates callers: add \
         `.job_middleware(Authentication::new(…))`"
    );
    let untyped = || Server::untyped("shop", "1.0.0");
    let guarded = untyped().require("introspect", ["ops"]).build();
    assert!(guarded.unwrap_err().to_string().contains("`introspect`"));
    let unknown = untyped()
        .job_middleware(Identity::new("anybody"))
        .require("introspct", ["ops"])
        .build();
    assert_eq!(
        unknown.unwrap_err().to_string(),
        "permissions are required for `introspct`, but the service has no such action"
    );
}

#[tokio::test]
async fn actions_registered_by_name_and_those_of_every_service_can_require_permissions() {
    let server = Server::builder(Shop::default())
        .job_middleware(authentication())
        .require("introspect", ["ops"])
        .require("change", ["shop.admin"]);
    let client = client(server);
    let call = client.call_action("shop", "introspect", &value!({}));
    let error = call.context("token", "ada").await.unwrap_err();
    assert_eq!(
        error.errors()[0].denied_permissions.as_deref().unwrap(),
        ["ops"]
    );
    let error = change(&client, "bob", 1).await.unwrap_err();
    assert_eq!(
        error.errors()[0].denied_permissions.as_deref().unwrap(),
        ["shop.write", "shop.admin"]
    );
}

#[tokio::test]
async fn middleware_of_ones_own_can_say_who_calls() {
    let own = from_fn(|mut job: JobRequest, next: Next<JobStage>| {
        let name = job.context.caller.clone().unwrap_or_default();
        let everything = ["shop.read", "shop.write"];
        let identity = Identity::new(name).with_permissions(everything);
        job.extensions.insert(identity);
        next.run(job)
    });
    let server = Server::builder(Shop::default()).job_middleware(own.authenticating());
    let shop = ShopClient::local(server);
    let answer = shop
        .change(Numbered { number: 1 })
        .context("caller", "nightly");
    assert_eq!(answer.await.unwrap().get("by"), Some(&"nightly".into()));
}

#[tokio::test]
async fn a_handler_is_tested_with_whoever_is_needed() {
    let cx = Context::for_test().with_extension(Identity::new("Ada"));
    assert_eq!(cx.identity().map(Identity::name), Some("Ada"));
}
