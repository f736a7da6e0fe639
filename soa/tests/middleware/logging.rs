//! One record for each job and call, without secrets.

use std::fmt::{Debug, Write as _};
use std::sync::{Arc, Mutex, Once};

use soa::middleware::{Authentication, Credentials, Identity, Logging};
use soa::redact::Redaction;
use soa::{ActionError, Client, Context, LogLevel, Server, TransportErrorKind, Value, value};
use tracing::field::{Field, Visit};
use tracing::span;
use tracing::{Event, Level, Metadata, Subscriber};

use crate::support::{Breaking, Failure, SECOND, Shop, ShopClient, client, server};

/// Takes the records of jobs up to a level.
#[derive(Clone)]
struct Records {
    up_to: Level,
    texts: Arc<Mutex<Vec<String>>>,
}

impl Records {
    fn up_to(up_to: Level) -> Self {
        Self {
            up_to,
            texts: Arc::default(),
        }
    }

    fn take(&self) -> Vec<String> {
        std::mem::take(&mut self.texts.lock().unwrap())
    }
}

impl Subscriber for Records {
    fn enabled(&self, metadata: &Metadata<'_>) -> bool {
        metadata.target() == "soa::jobs" && *metadata.level() <= self.up_to
    }

    fn new_span(&self, _: &span::Attributes<'_>) -> span::Id {
        span::Id::from_u64(1)
    }

    fn record(&self, _: &span::Id, _: &span::Record<'_>) {}

    fn record_follows_from(&self, _: &span::Id, _: &span::Id) {}

    fn event(&self, event: &Event<'_>) {
        struct Text(String);
        impl Visit for Text {
            fn record_debug(&mut self, field: &Field, value: &dyn Debug) {
                write!(self.0, " {}={value:?}", field.name()).unwrap();
            }

            fn record_str(&mut self, field: &Field, value: &str) {
                write!(self.0, " {}={value}", field.name()).unwrap();
            }
        }
        let mut text = Text(event.metadata().level().to_string());
        event.record(&mut text);
        self.texts.lock().unwrap().push(text.0);
    }

    fn enter(&self, _: &span::Id) {}

    fn exit(&self, _: &span::Id) {}
}

fn echo() -> soa::ServerBuilder {
    Server::untyped("echo", "1.0.0")
        .action("echo", |body: Value, _: Context| async {
            Ok::<_, ActionError>(body)
        })
        .action("fail", |_: Value, _: Context| async {
            let error = ActionError::caller("NO", "No").variable("token", "abc");
            Err::<Value, _>(error.variable("n", 1))
        })
}

fn echo_client(logging: Logging) -> soa::Client {
    soa::Client::builder()
        .service(
            "echo",
            soa::LocalTransport::new(echo().job_middleware(logging).build().unwrap()),
        )
        .build()
        .unwrap()
}

#[tokio::test(start_paused = true)]
async fn a_job_is_one_record_with_all_but_the_secrets() {
    let records = Records::up_to(Level::INFO);
    let _guard = listening(records.clone());
    let client = echo_client(Logging::new());
    client
        .job(vec![
            client.call_action("echo", "echo", &value!({ "password": "abc", "n": 1 })),
            client.call_action("echo", "fail", &value!({})),
        ])
        .context("token", "abc")
        .correlation_id("cid")
        .await
        .unwrap_err();
    assert_eq!(
        records.take(),
        [
            r#"INFO message=a job was run correlation_id=cid actions=echo fail=NO outcome=error took=0ns context={"token": "**********"} request=echo {"password": "**********", "n": 1}; fail {} response=echo {"password": "**********", "n": 1}; fail NO: No {"token": "**********", "n": 1}"#
        ]
    );
}

#[tokio::test(start_paused = true)]
async fn success_and_error_have_levels_of_their_own() {
    let levels = Logging::new()
        .levels(LogLevel::Debug, LogLevel::Warn)
        .bodies(false);
    let client = echo_client(levels);
    for (up_to, expected) in [
        (Level::DEBUG, &["DEBUG", "WARN"][..]),
        (Level::INFO, &["WARN"]),
        (Level::ERROR, &[]),
    ] {
        let records = Records::up_to(up_to);
        let _guard = listening(records.clone());
        let _ = client.call_action("echo", "echo", &value!({})).await;
        let _ = client.call_action("echo", "fail", &value!({})).await;
        let texts = records.take();
        let levels: Vec<_> = texts
            .iter()
            .filter_map(|text| text.split(' ').next())
            .collect();
        assert_eq!(levels, expected);
        assert!(
            texts.iter().all(|text| !text.contains("request=")),
            "{texts:?}"
        );
    }
}

#[tokio::test(start_paused = true)]
async fn names_of_the_services_own_are_hidden_as_well() {
    let records = Records::up_to(Level::INFO);
    let _guard = listening(records.clone());
    let redaction = Redaction::standard().with(["medical_record"]);
    let client = echo_client(Logging::new().redaction(redaction));
    let body = value!({ "medicalRecord": { "n": 1 }, "name": "x" });
    client.call_action("echo", "echo", &body).await.unwrap();
    let [text] = &records.take()[..] else {
        panic!("one record");
    };
    assert!(
        text.contains(r#"echo {"medicalRecord": "**********", "name": "x"}"#),
        "{text}"
    );
}

#[tokio::test(start_paused = true)]
async fn what_is_large_is_cut_and_what_is_very_large_is_not_decoded() {
    let records = Records::up_to(Level::INFO);
    let _guard = listening(records.clone());
    let client = echo_client(Logging::new().length(100));
    for length in [200, 2000] {
        let body = value!({ "text": ("x".repeat(length)) });
        client.call_action("echo", "echo", &body).await.unwrap();
    }
    let texts = records.take();
    assert!(
        texts[0].contains("xxx…") && texts[0].len() < 500,
        "{}",
        texts[0]
    );
    assert!(texts[1].contains("echo <2009 bytes>"), "{}", texts[1]);
}

/// What a log of lines would have, written by the formatter that logs usually have.
#[derive(Clone, Default)]
struct Lines(Arc<Mutex<Vec<u8>>>);

impl std::io::Write for Lines {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        self.0.lock().unwrap().extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> std::io::Result<()> {
        Ok(())
    }
}

/// Makes it the subscriber of this test's thread.
///
/// Whether somebody listens to a place in the code is remembered for all threads. So there is one who listens to all of
/// them and keeps nothing: else a test that begins while another ends may be told that nobody does.
fn listening(
    subscriber: impl tracing::Subscriber + Send + Sync,
) -> tracing::subscriber::DefaultGuard {
    static EVERYWHERE: Once = Once::new();
    EVERYWHERE.call_once(|| {
        let everything = tracing_subscriber::fmt()
            .with_max_level(tracing::Level::TRACE)
            .with_writer(std::io::sink);
        everything.init();
    });
    tracing::subscriber::set_default(subscriber)
}

/// Lines from here on.
fn lines() -> (Lines, tracing::subscriber::DefaultGuard) {
    let lines = Lines::default();
    let writer = lines.clone();
    let subscriber = tracing_subscriber::fmt()
        .with_ansi(false)
        .without_time()
        .with_writer(move || writer.clone())
        .finish();
    (lines, listening(subscriber))
}

#[tokio::test(start_paused = true)]
async fn an_error_with_what_a_peer_has_said_is_one_line() {
    let (lines, _guard) = lines();
    let server = Server::untyped("front", "1")
        .action("ask", |_: Value, _: Context| async {
            let said = format!(
                "no\nERROR forged: all is lost\u{1b}[2J{}",
                "x".repeat(300_000)
            );
            Err::<Value, _>(ActionError::internal(said))
        })
        .build()
        .unwrap();
    let client = Client::builder().service("front", soa::LocalTransport::new(server));
    let call = client
        .build()
        .unwrap()
        .call_action("front", "ask", &value!({}));
    call.await.unwrap_err();
    let bytes = lines.0.lock().unwrap();
    let text = String::from_utf8_lossy(&bytes);
    assert_eq!(text.lines().count(), 1, "{} bytes", text.len());
    assert!(text.contains("an action failed"), "{text}");
    assert!(text.len() < 16_000, "{} bytes", text.len());
}

#[tokio::test(start_paused = true)]
async fn names_that_peers_choose_forge_no_lines_and_make_none_long() {
    let (lines, _guard) = lines();
    let client = echo_client(Logging::new());
    let forged = "\nERROR forged: all is lost\u{1b}[2J";
    let long = "x".repeat(300_000);
    for name in [forged, &long] {
        let call = client.call_action("echo", name.to_owned(), &value!({}));
        call.correlation_id(name).await.unwrap_err();
    }
    let bytes = lines.0.lock().unwrap();
    let text = String::from_utf8_lossy(&bytes);
    assert_eq!(text.lines().count(), 2, "{} bytes", text.len());
    for line in text.lines() {
        assert!(line.contains("a job was run"), "{line}");
        assert!(!line.contains(char::is_control), "{line:?}");
        assert!(line.len() < 16_000, "{} bytes", line.len());
    }
}

#[tokio::test(start_paused = true)]
async fn a_client_logs_its_calls() {
    let records = Records::up_to(Level::INFO);
    let _guard = listening(records.clone());
    let client = client(server(Shop::default()))
        .middleware(Logging::new())
        .build()
        .unwrap();
    let shop = ShopClient::new(&client);
    shop.pay(value!({ "pin": 1234 }))
        .correlation_id("cid")
        .await
        .unwrap();
    let nowhere = client
        .call_action("nowhere", "go", &value!({}))
        .correlation_id("cid");
    nowhere.await.unwrap_err();
    assert_eq!(
        records.take(),
        [
            r#"INFO message=a service was called service=shop correlation_id=cid actions=pay outcome=ok took=0ns context={} request=pay {"pin": "**********"} response=pay {"run": 1}"#,
            "INFO message=a service was called service=nowhere correlation_id=cid actions=go outcome=error took=0ns context={} request=go {} response=no route to service `nowhere`: this client knows `shop`; add one with the setting `client_routing.nowhere` or with `ClientBuilder::service`",
        ]
    );
}

#[tokio::test(start_paused = true)]
async fn a_call_that_is_given_up_has_its_record() {
    let records = Records::up_to(Level::WARN);
    let _guard = listening(records.clone());
    let levels = || Logging::new().levels(LogLevel::Debug, LogLevel::Warn);
    let silent = Breaking::new(server(Shop::default()), &[Failure::Silence]);
    let client = Client::builder().service("shop", silent);
    let client = client.middleware(levels()).build().unwrap();
    let call = ShopClient::new(&client).find(value!({}));
    let call = call.timeout(SECOND).correlation_id("cid");
    call.await.unwrap_err();
    let texts = records.take();
    let expected = "WARN message=a service was called service=shop correlation_id=cid actions=find outcome=given up \
        took=1s context={} request=find {} response=given up after 1s";
    assert_eq!(texts, [expected]);

    let server = Server::untyped("slow", "1")
        .action("wait", |_: Value, _: Context| {
            std::future::pending::<Result<Value, ActionError>>()
        })
        .job_middleware(levels())
        .build()
        .unwrap();
    let body = soa::Body::encode(soa::Encoding::MessagePack, &value!({}));
    let request = soa::JobRequest::new(
        soa::ContextHeader::new("cid"),
        soa::Control::default(),
        vec![soa::ActionRequest::new("wait", body)],
    );
    let run = server.execute(request);
    tokio::time::timeout(SECOND, run).await.unwrap_err();
    let texts = records.take();
    let expected = "WARN message=a job was run correlation_id=cid actions=wait outcome=given up \
        took=1s context={} request=wait {} response=given up after 1s";
    assert_eq!(texts, [expected]);
}

#[tokio::test(start_paused = true)]
async fn a_client_logs_what_caused_an_error() {
    let records = Records::up_to(Level::WARN);
    let _guard = listening(records.clone());
    let lost = Failure::Of(TransportErrorKind::Transient);
    let client = Client::builder()
        .service("shop", Breaking::new(server(Shop::default()), &[lost; 3]))
        .middleware(Logging::new().levels(LogLevel::Debug, LogLevel::Warn))
        .build()
        .unwrap();
    let call = ShopClient::new(&client).pay(value!({}));
    call.await.unwrap_err();
    let texts = records.take();
    assert!(texts[0].contains("as told"), "{texts:?}");
}

#[tokio::test(start_paused = true)]
async fn a_token_is_hidden_wherever_it_is() {
    let records = Records::up_to(Level::INFO);
    let _guard = listening(records.clone());
    let who = Authentication::new(|_: Credentials| async { Ok(Identity::new("ada")) });
    let server = server(Shop::default()).job_middleware(Logging::new());
    let server = server.job_middleware(who.key("visitor_card"));
    let client = client(server).middleware(Logging::new()).build().unwrap();
    let shop = ShopClient::new(&client);
    let call = shop.find(value!({})).context("visitor_card", "abc123");
    call.await.unwrap();
    let texts = records.take();
    assert_eq!(texts.len(), 2);
    assert!(
        texts.iter().all(|text| !text.contains("abc123")),
        "{texts:?}"
    );
}

#[test]
fn what_goes_to_logs_by_debug_has_no_secrets() {
    let mut context = soa::ContextHeader::new("cid");
    context.extra.insert("token", "abc");
    let control = {
        let mut control = soa::Control::default();
        control.extra.insert("secret", "abc");
        control
    };
    let job = soa::JobRequest::new(context, control, Vec::new());
    assert!(!format!("{job:?}").contains("abc"), "{job:?}");
    let error = ActionError::caller("NO", "No").variable("password", "abc");
    assert!(!format!("{error:?}").contains("abc"), "{error:?}");
}
