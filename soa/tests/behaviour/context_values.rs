//! Values of declared types in the context: from a client to the last service of a chain.

use serde::{Deserialize, Serialize};
use soa::client::ClientRequest;
use soa::middleware::{ClientStage, JobStage, Middleware, Next, from_fn};
use soa::{
    ActionCall, ActionError, Body, Client, ClientError, Context, ContextHeader, ContextValue,
    Control, Encoding, ErrorKind, JobRequest, JobResponse, LocalTransport, Server, Value, value,
};

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
struct Locale(String);

impl ContextValue for Locale {
    const KEY: &'static str = "locale";
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
struct Tenant {
    id: u32,
    name: Option<String>,
}

impl ContextValue for Tenant {
    const KEY: &'static str = "tenant";
}

/// It can be read, and never be written.
#[derive(Debug, Deserialize)]
struct Unwritable;

impl Serialize for Unwritable {
    fn serialize<S: serde::Serializer>(&self, _: S) -> Result<S::Ok, S::Error> {
        Err(serde::ser::Error::custom("it is a secret"))
    }
}

impl ContextValue for Unwritable {
    const KEY: &'static str = "unwritable";
}

fn locale(name: &str) -> Locale {
    Locale(name.to_owned())
}

/// `last` says what it sees of the context, `first` calls it.
fn client() -> Client {
    let last = Server::untyped("last", "1.0.0").action("see", |_: Value, cx: Context| async move {
        let locale = cx.get::<Locale>()?.map(|Locale(name)| name);
        let tenant = cx.get::<Tenant>()?.map(|tenant| tenant.id);
        Ok::<_, ActionError>(value!({ "locale": locale, "tenant": tenant }))
    });
    let last = LocalTransport::new(last.build().unwrap());
    let chained = Client::builder()
        .service("last", last.clone())
        .build()
        .unwrap();
    let first = Server::untyped("first", "1.0.0").client(chained).action(
        "see",
        |body: Value, cx: Context| async move {
            let client = cx.soa_client();
            Ok::<_, ActionError>(client.call_action("last", "see", &body).await?)
        },
    );
    Client::builder()
        .service("first", LocalTransport::new(first.build().unwrap()))
        .service("last", last)
        .context_value(locale("en_GB"))
        .build()
        .unwrap()
}

#[tokio::test]
async fn a_typed_value_flows_down_the_chain_and_is_overridden_by_a_call() {
    let client = client();
    let see = || client.call_action("first", "see", &());
    let seen = see().await.unwrap();
    assert_eq!(seen, value!({ "locale": "en_GB", "tenant": nil }));
    let tenant = Tenant { id: 7, name: None };
    let call = see().context_value(locale("fr_FR")).context_value(tenant);
    assert_eq!(
        call.await.unwrap(),
        value!({ "locale": "fr_FR", "tenant": 7 })
    );
    let job = client.job((see(), see())).context_value(locale("de_DE"));
    let (seen, _) = job.await.unwrap();
    assert_eq!(seen.get("locale"), Some(&"de_DE".into()));
}

#[tokio::test]
async fn it_is_an_entry_of_the_context_like_any_other() {
    let call = client().call_action("last", "see", &());
    let call = call.context("tenant", value!({ "id": 8, "name": "Ada" }));
    assert_eq!(call.await.unwrap().get("tenant"), Some(&8.into()));
    let mut header = ContextHeader::fresh();
    header.put(&Tenant { id: 9, name: None }).unwrap();
    assert_eq!(header.extra.get("tenant"), Some(&value!({ "id": 9 })));
    assert_eq!(header.get::<Tenant>().unwrap().unwrap().id, 9);
}

#[tokio::test]
async fn a_value_of_another_type_is_the_callers_error_at_its_key() {
    let call = client().call_action("last", "see", &());
    let error = call.context("locale", 5).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Action);
    let [error] = error.errors() else {
        panic!("{error}")
    };
    assert_eq!(error.field.as_deref(), Some("context.locale"));
    assert_eq!((&*error.code, error.is_caller_error), ("INVALID", true));
    assert!(
        error
            .message
            .starts_with("The context's `locale` cannot be read: "),
        "{error}"
    );
}

#[tokio::test]
async fn a_value_that_cannot_be_encoded_is_told_before_anything_is_sent() {
    let call = client().call_action("last", "see", &());
    let error = call.context_value(Unwritable).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Usage);
    let expected = "the value for the context's `unwritable` cannot be encoded: it is a secret";
    assert!(error.to_string().ends_with(expected), "{error}");
    let error = Client::builder()
        .context_value(Unwritable)
        .build()
        .unwrap_err();
    assert_eq!(error.to_string(), expected);
}

#[test]
fn a_context_for_a_test_has_values_and_extensions_apart() {
    let cx = Context::for_test()
        .with_context_value(locale("fr_FR"))
        .with_extension(locale("x"));
    assert_eq!(cx.get().unwrap(), Some(locale("fr_FR")));
    assert_eq!(cx.extension(), Some(&locale("x")));
    assert_eq!(cx.get::<Tenant>().unwrap(), None);
}

/// Gives every job a locale that has none.
struct DefaultLocale;

impl Middleware<JobStage> for DefaultLocale {
    async fn call(
        &self,
        mut job: JobRequest,
        next: Next<JobStage>,
    ) -> Result<JobResponse, soa::JobError> {
        if matches!(job.context.get::<Locale>(), Ok(None)) {
            let put = job.context.put(&locale("C"));
            put.map_err(|problem| soa::JobError::new(soa::code::SERVER_ERROR, problem))?;
        }
        next.run(job).await
    }
}

#[tokio::test]
async fn job_middleware_can_be_tested_by_itself() {
    let job = JobRequest::new(ContextHeader::fresh(), Control::default(), Vec::new());
    let next = Next::new(|job: JobRequest| async move {
        assert_eq!(job.context.get::<Locale>().unwrap(), Some(locale("C")));
        Ok(JobResponse::default())
    });
    assert!(DefaultLocale.call(job, next).await.is_ok());
}

#[tokio::test]
async fn action_and_client_middleware_can_be_tested_by_themselves() {
    let shout = from_fn(
        |call: ActionCall, next: Next<soa::middleware::ActionStage>| async move {
            let response = next.run(call).await?;
            let text = response.body.to_value().map_err(ActionError::internal)?;
            let text = text
                .get("text")
                .and_then(Value::as_str)
                .unwrap_or_default()
                .to_uppercase();
            let body = Body::encode(Encoding::MessagePack, &value!({ "text": text }));
            Ok(soa::ActionResponse::new(response.action, body))
        },
    );
    let body = Body::encode(Encoding::MessagePack, &value!({ "text": "ada" }));
    let call = ActionCall::new("echo", body, Context::for_test());
    let echo = Next::new(|call: ActionCall| async {
        Ok(soa::ActionResponse::new(call.action, call.body))
    });
    let response = shout.call(call, echo).await.unwrap();
    assert_eq!(response.body.to_value().unwrap(), value!({ "text": "ADA" }));

    let impatient = from_fn(
        |request: ClientRequest, next: Next<ClientStage>| async move {
            let limit = std::time::Duration::from_secs(1);
            next.run(request.with_timeout(limit)).await
        },
    );
    let job = JobRequest::new(ContextHeader::fresh(), Control::default(), Vec::new());
    let next = Next::new(|request: ClientRequest| async move {
        assert_eq!(
            (&*request.service, request.timeout.is_some()),
            ("example", true)
        );
        request.sent.mark();
        Ok::<_, ClientError>(JobResponse::default())
    });
    let request = ClientRequest::new("example", job);
    assert!(impatient.call(request, next).await.is_ok());
}
