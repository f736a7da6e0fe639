//! What is counted, seen through a recorder as programs have one.

use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use metrics_exporter_prometheus::{PrometheusBuilder, PrometheusHandle, PrometheusRecorder};
use soa::wire::{ProtocolVersion, write_request};
use soa::{
    ActionError, ActionRequest, Body, Client, Context, ContextHeader, Control, Encoding,
    JobRequest, LocalTransport, Server, Value, value,
};

/// A recorder for what the closure makes on this thread.
fn recorded(make: impl FnOnce()) -> PrometheusHandle {
    let recorder: PrometheusRecorder = PrometheusBuilder::new()
        .set_buckets(&[0.1, 1.0, 10.0])
        .unwrap()
        .build_recorder();
    metrics::with_local_recorder(&recorder, make);
    recorder.handle()
}

fn run(future: impl Future<Output = ()>) {
    let runtime = tokio::runtime::Builder::new_current_thread();
    { runtime }.enable_time().build().unwrap().block_on(future);
}

/// A service that calls another.
fn chain() -> Client {
    let back = Server::untyped("back", "1")
        .action("good", |body: Value, _: Context| async {
            Ok::<_, ActionError>(body)
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
            cx.soa_client()
                .call_action("back", "good", &body)
                .await
                .map_err(ActionError::from)
        })
        .build()
        .unwrap();
    Client::builder()
        .service("front", LocalTransport::new(front))
        .build()
        .unwrap()
}

fn page(handle: &PrometheusHandle) -> String {
    handle.run_upkeep();
    handle.render()
}

fn assert_has(page: &str, line: &str) {
    assert!(
        page.lines().any(|found| found == line),
        "no `{line}` in\n{page}"
    );
}

async fn fault() -> Result<Value, ActionError> {
    panic!("a fault")
}

#[test]
fn who_calls_whom_is_counted_on_both_sides() {
    let handle = recorded(|| {
        run(async {
            let client = chain();
            for _ in 0..3 {
                client
                    .call_action("front", "relay", &value!({}))
                    .await
                    .unwrap();
            }
        });
    });
    let page = page(&handle);
    for side in ["server", "client"] {
        assert_has(
            &page,
            &format!("{side}_call{{from=\"program\",to=\"front\",action=\"relay\"}} 3"),
        );
        assert_has(
            &page,
            &format!("{side}_call{{from=\"front\",to=\"back\",action=\"good\"}} 3"),
        );
    }
}

#[test]
fn jobs_actions_and_calls_are_timed_and_nothing_is_left_in_flight() {
    let handle = recorded(|| {
        run(async {
            chain()
                .call_action("front", "relay", &value!({}))
                .await
                .unwrap();
        });
    });
    let page = page(&handle);
    for service in ["front", "back"] {
        assert_has(
            &page,
            &format!("server_job_time_count{{service=\"{service}\"}} 1"),
        );
        assert_has(
            &page,
            &format!("server_worker_busy{{service=\"{service}\"}} 0"),
        );
        assert_has(&page, &format!("client_pending{{service=\"{service}\"}} 0"));
    }
    assert_has(
        &page,
        "server_action_time_count{service=\"back\",action=\"good\"} 1",
    );
    assert_has(
        &page,
        "client_call_time_count{service=\"front\",action=\"relay\"} 1",
    );
}

#[test]
fn errors_are_counted_by_their_codes_and_panics_as_faults() {
    let handle = recorded(|| {
        run(async {
            let back = Server::untyped("back", "1")
                .action("bad", |_: Value, _: Context| async {
                    Err::<Value, _>(ActionError::caller("ODD", "it is odd"))
                })
                .action("worse", |_: Value, _: Context| fault())
                .build()
                .unwrap();
            let client = Client::builder()
                .service("back", LocalTransport::new(back))
                .build()
                .unwrap();
            for action in ["bad", "worse", "a name that nobody has"] {
                client
                    .call_action("back", action, &value!({}))
                    .await
                    .unwrap_err();
            }
            let call = client.call_action("nowhere", "bad", &value!({}));
            call.await.unwrap_err();
        });
    });
    let page = page(&handle);
    assert_has(
        &page,
        "server_action_error{service=\"back\",action=\"bad\",code=\"ODD\"} 1",
    );
    let fault = "server_action_error{service=\"back\",action=\"worse\",code=\"SERVER_ERROR\"} 1";
    assert_has(&page, fault);
    assert_has(&page, "server_error_unhandled_error{service=\"back\"} 1");
    // The name is the caller's choice, so there is no label with it.
    assert_has(
        &page,
        "server_action_error{service=\"back\",action=\"\",code=\"UNKNOWN\"} 1",
    );
    assert!(!page.contains("nowhere"), "{page}");
}

/// A request frame whose sender waits `lifetime`, and says `timeout` in its control header.
fn frame(lifetime: Duration, timeout: Option<f64>, from: &str) -> Bytes {
    let mut control = Control::default();
    if let Some(timeout) = timeout {
        control.extra.insert("timeout", timeout);
    }
    let mut context = ContextHeader::fresh();
    context.calling_service = Some(from.into());
    let body = Body::encode(Encoding::MessagePack, &value!({}));
    let job = JobRequest::new(context, control, vec![ActionRequest::new("status", body)]);
    let (version, encoding) = (ProtocolVersion::V3, Encoding::MessagePack);
    write_request(version, encoding, 1, "service.a.b!c", lifetime, &job).unwrap()
}

#[test]
fn the_wait_in_the_queue_is_measured_whatever_the_sender_waits() {
    let handle = recorded(|| {
        run(async {
            let server = Server::untyped("queue", "1").build().unwrap();
            let minute = Duration::from_secs(60);
            for (lifetime, timeout) in [
                (minute, None),
                (Duration::from_secs(5), Some(5.0)),
                (Duration::from_millis(2_500), Some(2.5)),
                // Here the sender has to say when it was.
                (Duration::from_secs(5), None),
                (Duration::from_secs(600), None),
                (minute, Some(5.0)),
            ] {
                let frame = frame(lifetime, timeout, "a");
                std::thread::sleep(Duration::from_millis(150));
                assert!(server.answer(frame).await.is_some());
            }
        });
    });
    let page = page(&handle);
    assert_has(&page, "server_queue_wait_count{service=\"queue\"} 6");
    assert_has(
        &page,
        "server_queue_wait_bucket{service=\"queue\",le=\"0.1\"} 0",
    );
    assert_has(
        &page,
        "server_queue_wait_bucket{service=\"queue\",le=\"10\"} 6",
    );
}

#[test]
fn messages_that_are_dropped_are_counted_by_their_reasons() {
    let handle = recorded(|| {
        run(async {
            let server = Server::untyped("queue", "1").build().unwrap();
            assert!(
                server
                    .answer(Bytes::from_static(b"no message"))
                    .await
                    .is_none()
            );
            let expired = frame(Duration::ZERO, None, "a");
            std::thread::sleep(Duration::from_millis(5));
            assert!(server.answer(expired).await.is_none());
        });
    });
    let page = page(&handle);
    assert_has(
        &page,
        "server_message_dropped{service=\"queue\",reason=\"malformed\"} 1",
    );
    let expired = "server_transport_redis_gateway_receive_error_message_expired";
    assert_has(&page, &format!("{expired}{{service=\"queue\"}} 1"));
}

#[test]
fn a_peer_with_ever_new_names_does_not_fill_the_recorder() {
    let handle = recorded(|| {
        run(async {
            let server = Arc::new(Server::untyped("queue", "1").build().unwrap());
            for number in 0..2_000 {
                let frame = frame(Duration::from_secs(60), None, &format!("service{number}"));
                assert!(server.answer(frame).await.is_some());
            }
        });
    });
    let page = page(&handle);
    let lines = page.lines().filter(|line| line.starts_with("server_call{"));
    assert!(lines.count() < 600);
    let rest = "server_call{from=\"other\",to=\"queue\",action=\"status\"} ";
    assert!(page.lines().any(|line| line.starts_with(rest)), "{page}");
}

#[test]
fn names_that_are_too_long_for_labels_are_counted_together() {
    let handle = recorded(|| {
        run(async {
            let long = "x".repeat(129);
            let server = Server::untyped("called", "1").build().unwrap();
            let client = Client::builder().service("called", LocalTransport::new(server));
            let client = client.build().unwrap();
            let call = client.call_action("called", "status", &value!({}));
            let call = call.context("calling_service", long.as_str());
            let _ = call.await;
            let call = client.call_action("called", long, &value!({}));
            call.await.unwrap_err();
        });
    });
    let page = page(&handle);
    let from_other = "server_call{from=\"other\",to=\"called\",action=\"status\"} 1";
    assert_has(&page, from_other);
    let to_other = "client_call{from=\"program\",to=\"called\",action=\"other\"} 1";
    assert_has(&page, to_other);
    assert!(!page.contains(&"x".repeat(129)), "{page}");
}
