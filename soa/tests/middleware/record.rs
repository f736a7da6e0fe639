//! Records of actions: which of them there are, and what is in them.

use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use metrics_exporter_prometheus::PrometheusBuilder;
use soa::middleware::Record;
use soa::recording::{Entry, Outcome};
use soa::settings::{NoSection, Settings};
use soa::{Client, LocalTransport, Server, ServerBuilder, Value, value};

use crate::support::{Shop, server};

/// The longest time until a thread has written.
const WAIT_LIMIT: Duration = Duration::from_secs(30);

/// A file that is there as long as the test.
struct File(PathBuf);

impl File {
    fn new(name: &str) -> Self {
        let path = Path::new(env!("CARGO_TARGET_TMPDIR")).join(format!("record-{name}.jsonl"));
        let _ = std::fs::remove_file(&path);
        Self(path)
    }

    /// Waits for this number of entries, and returns them.
    fn entries(&self, count: usize) -> Vec<Entry> {
        let end = Instant::now() + WAIT_LIMIT;
        loop {
            let text = std::fs::read_to_string(&self.0).unwrap_or_default();
            let entries: Vec<_> = text.lines().map(Entry::from_line).collect();
            if entries.len() >= count {
                return entries.into_iter().map(|entry| entry.unwrap()).collect();
            }
            assert!(Instant::now() < end, "{count} entries in {text}");
            std::thread::sleep(Duration::from_millis(10));
        }
    }
}

impl Drop for File {
    fn drop(&mut self) {
        let _ = std::fs::remove_file(&self.0);
    }
}

fn client(server: Server) -> Client {
    let client = Client::builder().caller("tests");
    let client = client.service("shop", LocalTransport::new(server));
    client.build().unwrap()
}

fn recorded(record: Record) -> ServerBuilder {
    server(Shop::default()).action_middleware(record)
}

#[tokio::test]
async fn an_entry_has_what_a_replay_needs() {
    let file = File::new("entry");
    let client = client(recorded(Record::to_file(&file.0)).build().unwrap());
    let call = client.call_action("shop", "find", &value!({ "price": 1.5 }));
    let call = call
        .switch(7)
        .context("locale", "fr_FR")
        .correlation_id("c1");
    call.await.unwrap();
    let refused = value!({ "fail": "caller" });
    client
        .call_action("shop", "find", &refused)
        .await
        .unwrap_err();
    client
        .call_action("shop", "pay", &value!({}))
        .await
        .unwrap();
    let [found, failed, paid] = file.entries(3).try_into().unwrap();
    assert_eq!((&*found.service, &*found.action), ("shop", "find"));
    assert_eq!((&*found.correlation_id, found.switches), ("c1", vec![7]));
    assert_eq!(found.caller.as_deref(), Some("tests"));
    assert_eq!(found.context.value, value!({ "locale": "fr_FR" }));
    assert_eq!(found.request.value, value!({ "price": 1.5 }));
    let Outcome::Answered(response) = found.outcome else {
        panic!("a response")
    };
    assert_eq!(response.value, value!({ "run": 1 }));
    let Outcome::Failed(errors) = failed.outcome else {
        panic!("errors")
    };
    let errors = errors.value.as_list().unwrap();
    assert_eq!(errors[0].get("code").and_then(Value::as_str), Some("NO"));
    assert!(found.is_idempotent && !paid.is_idempotent);
}

#[tokio::test]
async fn status_and_introspect_are_recorded_only_if_they_are_named() {
    let file = File::new("named");
    let record = Record::to_file(&file.0);
    let all = client(recorded(record.clone()).build().unwrap());
    let named = client(recorded(record.actions(["status"])).build().unwrap());
    for client in [all, named] {
        for action in ["status", "introspect"] {
            client
                .call_action("shop", action, &value!({}))
                .await
                .unwrap();
        }
        client
            .call_action("shop", "find", &value!({}))
            .await
            .unwrap();
    }
    let entries = file.entries(2);
    let actions: Vec<_> = entries.iter().map(|entry| &*entry.action).collect();
    assert_eq!(actions, ["find", "status"]);
}

#[tokio::test]
async fn services_that_share_a_file_are_told_apart() {
    let file = File::new("shared");
    let record = Record::to_file(&file.0);
    for name in ["shop", "kiosk"] {
        let server = recorded(record.clone()).name(name).build().unwrap();
        let client = Client::builder().service(name, LocalTransport::new(server));
        let client = client.build().unwrap();
        client.call_action(name, "find", &value!({})).await.unwrap();
    }
    let entries = file.entries(2);
    let mut services: Vec<_> = entries.iter().map(|entry| &*entry.service).collect();
    services.sort_unstable();
    assert_eq!(services, ["kiosk", "shop"]);
}

#[test]
fn what_is_not_recorded_is_counted_by_its_reason() {
    let file = File::new("counted");
    let recorder = PrometheusBuilder::new().build_recorder();
    let page = recorder.handle();
    metrics::with_local_recorder(&recorder, || {
        let runtime = tokio::runtime::Builder::new_current_thread();
        let runtime = { runtime }.enable_time().build().unwrap();
        runtime.block_on(async {
            let record = Record::to_file(&file.0).max_record_bytes(100);
            let client = client(recorded(record.clone()).build().unwrap());
            let large = value!({ "text": ("x".repeat(100)) });
            client.call_action("shop", "find", &large).await.unwrap();
            client
                .call_action("shop", "find", &value!({}))
                .await
                .unwrap();
            file.entries(1);
            let limited = Record::to_file(&file.0).max_rate(0);
            let client = self::client(recorded(limited).build().unwrap());
            client
                .call_action("shop", "find", &value!({}))
                .await
                .unwrap();
        });
    });
    let page = page.render();
    for reason in ["too_large", "rate"] {
        let line = format!(r#"server_recording_dropped{{service="shop",reason="{reason}"}} 1"#);
        assert!(page.contains(&line), "{line} in\n{page}");
    }
    assert!(
        page.contains(r#"server_recording_written{service="shop"} 1"#),
        "{page}"
    );
}

#[tokio::test]
async fn settings_name_it_with_its_limits() {
    let file = File::new("settings");
    let settings = |rest: &str| {
        let text = format!("server.middleware = [{{ name = \"record\"{rest} }}]");
        let text: &'static str = text.leak();
        Settings::<NoSection>::loader().defaults(text).load()
    };
    let path = file.0.display();
    let good = format!(", file = \"{path}\", share = 1.0, rate = 5, redact = [\"price\"]");
    let built = settings(&good)
        .unwrap()
        .server
        .apply(server(Shop::default()));
    let client = client(built.unwrap().build().unwrap());
    let body = value!({ "price": 1.5 });
    client.call_action("shop", "find", &body).await.unwrap();
    let entries = file.entries(1);
    assert_eq!(entries[0].request.redacted, ["/price"]);
    for (wrong, told) in [
        ("", "expected a file, or `redis`"),
        (", file = \"a\", redis = \"127.0.0.1:1\"", "found both"),
        (", file = \"a\", share = 2", "share"),
        (", file = \"a\", when_full = \"wait\"", "when_full"),
    ] {
        let error = settings(wrong).unwrap_err().to_string();
        assert!(error.contains(told), "{error}");
    }
}
