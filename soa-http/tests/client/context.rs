//! Data that travels beside a call: correlation id, deadline, context, and the token of the caller only where it is allowed to.

use std::time::Duration;

use axum::body::Body;
use axum::http::{HeaderValue, Request, Response};
use soa_http::{
    Doors, HttpClient, HttpClientSettings, HttpListener, HttpServer, HttpSettings, HttpTransport,
};
use soa_runtime::{Channel, Client, Component, Server, SwitchSet, Value};

use crate::support::{client, header, result, serve};

#[tokio::test]
async fn the_head_of_a_job_is_in_headers() {
    let (url, heads) = serve(|_, _| result("1")).await;
    let client = client(HttpTransport::json(url).unwrap().carrying_context());
    let call = client.call_positional("tools", "one", [0; 0]);
    let call = call
        .correlation_id("abc")
        .timeout(Duration::from_millis(700))
        .switch(5);
    call.context("locale", "fr_FR")
        .context("city", "Zürich")
        .await
        .unwrap();
    let head = heads.lock().unwrap()[0].clone();
    assert_eq!(header(&head, "x-correlation-id"), Some("abc"));
    assert_eq!(header(&head, "x-soa-timeout"), Some("700ms"));
    assert_eq!(header(&head, "x-soa-switches"), Some("5"));
    let context = header(&head, "x-soa-context").unwrap();
    assert_eq!(context, r#"{"locale":"fr_FR","city":"Z\u00fcrich"}"#);
    assert_eq!(header(&head, "authorization"), None);
}

#[tokio::test]
async fn what_a_call_itself_sets_is_not_sent_to_a_server_that_may_ignore_it() {
    let (url, heads) = serve(|_, _| result("1")).await;
    let client = Client::builder()
        .service("tools", HttpTransport::json(&url).unwrap())
        .switches(SwitchSet::from_iter([7]))
        .build()
        .unwrap();
    let call = client.call_positional("tools", "one", [0; 0]);
    let error = call.switch(5).await.unwrap_err().to_string();
    assert!(
        error.contains("`tools.one` cannot be called by dispatch-json: the call sets switches or values of its context"),
        "{error}"
    );
    assert!(error.contains("`carrying_context()`"), "{error}");
    let call = client.call_positional("tools", "one", [0; 0]);
    call.context("tenant", "north").await.unwrap_err();
    assert!(heads.lock().unwrap().is_empty());
    // A token has a way of its own, and stays here unless it may travel.
    let call = client.call_positional("tools", "one", [0; 0]);
    call.context("token", "a-secret").await.unwrap();
    heads.lock().unwrap().clear();
    // Those of every call travel on.
    let call = client.call_positional("tools", "one", [0; 0]);
    call.await.unwrap();
    let head = heads.lock().unwrap()[0].clone();
    assert_eq!(header(&head, "x-soa-switches"), Some("7"));
}

#[tokio::test]
async fn the_token_of_a_caller_stays_here_unless_it_may_travel() {
    let (url, heads) = serve(|_, _| result("1")).await;
    for (forwards, expected) in [(false, None), (true, Some("Bearer a-secret"))] {
        let mut transport = HttpTransport::json(&url).unwrap();
        if forwards {
            transport = transport.forwarding_token();
        }
        let client = Client::builder()
            .service("tools", transport)
            .context("token", "a-secret");
        let client = client.build().unwrap();
        client
            .call_positional("tools", "one", [0; 0])
            .await
            .unwrap();
        let head = heads.lock().unwrap().pop().unwrap();
        assert_eq!(header(&head, "authorization"), expected);
        assert_eq!(header(&head, "x-soa-context"), None);
    }
}

/// A layer that signs requests.
#[derive(Clone)]
struct Signing<S>(S);

impl<S, B> tower::Service<Request<B>> for Signing<S>
where
    S: tower::Service<Request<B>, Response = Response<Body>>,
{
    type Response = Response<Body>;
    type Error = S::Error;
    type Future = S::Future;

    fn poll_ready(
        &mut self,
        cx: &mut std::task::Context<'_>,
    ) -> std::task::Poll<Result<(), S::Error>> {
        self.0.poll_ready(cx)
    }

    fn call(&mut self, mut request: Request<B>) -> S::Future {
        request
            .headers_mut()
            .insert("x-signature", HeaderValue::from_static("signed"));
        self.0.call(request)
    }
}

#[tokio::test]
async fn a_layer_of_tower_stands_around_every_request() {
    let (url, heads) = serve(|_, _| result("1")).await;
    let http = HttpClient::new(&HttpClientSettings::default()).unwrap();
    let http = http.layer(tower::layer::layer_fn(Signing));
    let transport = HttpTransport::new(&http, Channel::Json, &url).unwrap();
    client(transport)
        .call_positional("tools", "one", [0; 0])
        .await
        .unwrap();
    assert_eq!(
        header(&heads.lock().unwrap()[0], "x-signature"),
        Some("signed")
    );
}

#[tokio::test]
async fn an_overloaded_service_says_so_and_when_to_come_back() {
    let (url, _) = serve(|_, _| {
        let response = Response::builder().status(503).header("retry-after", "3");
        response.body(Body::from("too many requests")).unwrap()
    })
    .await;
    let client = client(HttpTransport::json(url).unwrap());
    let error = client
        .call_positional("tools", "one", [0; 0])
        .await
        .unwrap_err();
    let told = &error.errors()[0];
    assert_eq!(told.code, "OVERLOADED");
    let answer = told.http().unwrap();
    assert_eq!(answer.status, Some(503));
    assert_eq!(answer.headers, [("retry-after".to_owned(), "3".to_owned())]);
}

#[tokio::test]
async fn an_answer_that_is_none_is_told_and_not_taken_for_a_result() {
    for (body, problem) in [
        ("<html>", "cannot be read"),
        ("[1]", "not a map"),
        ("{}", "neither a result nor an exception"),
    ] {
        let (url, _) = serve(move |_, _| Response::new(Body::from(body))).await;
        let client = client(HttpTransport::json(url).unwrap());
        let error = client
            .call_positional("tools", "one", [0; 0])
            .await
            .unwrap_err();
        let told = soa_runtime::redact::chain(&error, 1000);
        assert!(told.contains(problem), "{told}");
    }
}

#[test]
fn an_address_that_cannot_be_one_is_refused_at_once() {
    for (url, problem) in [
        ("127.0.0.1:8000", "not one of HTTP"),
        ("redis://127.0.0.1", "not one of HTTP"),
        ("http://", "no URL"),
        ("http://user:secret@host", "a login in it"),
        ("http://host/?a=1", "a query"),
    ] {
        let error = HttpTransport::json(url).unwrap_err().to_string();
        assert!(error.contains(problem), "{url}: {error}");
        assert!(!error.contains("secret"), "{error}");
    }
}

#[soa::body]
#[derive(PartialEq)]
struct Note {
    text: Option<String>,
}

#[soa::body]
struct Written {
    note: Note,
}

struct Notes;

#[soa::service(name = "notes", version = "1.0.0")]
impl Notes {
    #[action]
    async fn empty(&self) -> Result<Written, soa::ActionError> {
        Ok(Written {
            note: Note { text: None },
        })
    }
}

#[tokio::test]
async fn a_message_in_which_nothing_is_set_is_read_by_protobuf() {
    let notes = Component::builder("notes")
        .service(Notes)
        .channels([Channel::Protobuf]);
    let doors = Doors::new(notes.build().unwrap(), HttpSettings::default()).unwrap();
    let server = HttpServer::new(doors, HttpListener::bind("127.0.0.1:0").unwrap()).unwrap();
    let transport = HttpTransport::protobuf(server.url()).unwrap();
    tokio::spawn(server.run_until(std::future::pending(), Duration::ZERO));
    let client = Client::builder()
        .service("notes", transport)
        .build()
        .unwrap();
    let written = NotesClient::new(&client).empty().await.unwrap();
    assert_eq!(written.note, Note { text: None });
}

#[tokio::test]
async fn a_call_that_nobody_waits_for_fails_if_it_cannot_be_sent() {
    let nobody = format!("http://{}", crate::support::free_address());
    let client = client(HttpTransport::call(nobody).unwrap());
    let call = client.call_action("tools", "one", &soa_runtime::value!({}));
    let error = call.send_and_forget().await.unwrap_err();
    assert!(error.to_string().contains("cannot be reached"), "{error}");
}

#[tokio::test]
async fn the_token_of_a_caller_stays_here_under_whatever_key_the_doors_keep_it() {
    let (url, heads) = serve(|_, _| result("1")).await;
    let called = client(HttpTransport::json(url).unwrap());
    let relay = Server::untyped("relay", "1.0.0").client(called);
    let relay = relay.action("relay", |_: Value, cx: soa_runtime::Context| async move {
        let kept = cx.value("ticket").is_some();
        let tools = cx.soa_client();
        tools.call_positional("tools", "one", [0; 0]).await?;
        Ok::<_, soa_runtime::ActionError>(soa_runtime::value!({ "kept": kept }))
    });
    let mut settings = HttpSettings::default();
    settings.token_key = "ticket".into();
    let doors = Doors::new(relay.build().unwrap().into(), settings).unwrap();
    let server = HttpServer::new(doors, HttpListener::bind("127.0.0.1:0").unwrap()).unwrap();
    let relay = HttpTransport::call(format!("{}/call", server.url())).unwrap();
    tokio::spawn(server.run_until(std::future::pending(), Duration::ZERO));
    let token = || std::future::ready(Ok(soa_http::Token::new("a-secret")));
    let client = Client::builder()
        .service("relay", relay.with_token(token))
        .build()
        .unwrap();
    let answer = client
        .call_action("relay", "relay", &soa_runtime::value!({}))
        .await
        .unwrap();
    assert_eq!(answer.get("kept"), Some(&true.into()));
    let head = format!("{:?}", heads.lock().unwrap().pop().unwrap());
    assert!(!head.contains("a-secret"), "{head}");
}
