//! The watchdog: handlers that block their thread are found. There is one in a process, so a test that ends its process
//! runs itself again, as a child with a mark in its environment.

#![allow(clippy::unwrap_used, clippy::expect_used)] // Helpers of tests may fail loudly, too.

use std::sync::{Arc, Mutex, mpsc};
use std::time::Duration;

use soa::{ActionError, Blocked, Context, Value, Watchdog, service, value};

struct Sleepy;

#[service(name = "sleepy", version = "1.0.0")]
impl Sleepy {
    /// Blocks its thread until it has been found.
    #[action]
    async fn block(&self, cx: &Context) -> Result<(), ActionError> {
        // Another handler inside of this one is noted, and is over when this one blocks.
        let sleepy = SleepyClient::local(Sleepy);
        sleepy.wait(value!({})).await?;
        let found = cx.extension::<Found>().expect("the test leaves it");
        let found = found.0.lock().expect("one test uses it");
        for times in 0..2 {
            let blocked = found
                .recv_timeout(Duration::from_secs(60))
                .expect("it is found");
            assert_eq!((&*blocked.service, &*blocked.action), ("sleepy", "block"));
            assert_eq!(blocked.what, "a handler");
            assert!(
                blocked.time >= Duration::from_millis(200 << times),
                "{blocked:?}"
            );
        }
        Ok(())
    }

    /// Has another action of this server block the thread.
    #[action]
    async fn block_in_a_local_call(&self, cx: &Context) -> Result<(), ActionError> {
        cx.call_local(SleepyClient::BLOCK, ()).await
    }

    /// Waits for longer, without blocking.
    #[action]
    async fn wait(&self, _request: Value) -> Result<(), ActionError> {
        tokio::time::sleep(Duration::from_millis(500)).await;
        Ok(())
    }
}

#[derive(Clone)]
struct Found(Arc<Mutex<mpsc::Receiver<Blocked>>>);

#[tokio::test]
async fn a_handler_that_blocks_is_found_and_told_again_when_the_time_has_doubled() {
    let (sender, found) = mpsc::channel();
    let watchdog = Watchdog::new()
        .warn_after(Duration::from_millis(200))
        .on_blocked(move |blocked| drop(sender.send(blocked.clone())));
    assert!(watchdog.start());
    assert!(!Watchdog::new().start(), "there is one already");
    let found = Found(Arc::new(Mutex::new(found)));
    let server = soa::Server::builder(Sleepy)
        .action_middleware(soa::middleware::from_fn(
            move |mut call: soa::ActionCall,
                  next: soa::middleware::Next<soa::middleware::ActionStage>| {
                call.context.extensions_mut().insert(found.clone());
                next.run(call)
            },
        ))
        .build()
        .unwrap();
    let sleepy = SleepyClient::local(server);
    sleepy.block().await.unwrap();
    sleepy.block_in_a_local_call().await.unwrap();
}

/// Blocks its thread until it is found that this blocks.
fn block_until_found(found: &mpsc::Receiver<Blocked>, what: &str) {
    let blocked = std::iter::from_fn(|| found.recv_timeout(Duration::from_secs(60)).ok());
    let mut blocked = blocked.map(|blocked| (blocked.what, blocked.action));
    let action = match what {
        "action middleware" => "quick",
        "a health check" => "shelf",
        _ => "",
    };
    assert!(
        blocked.any(|found| found == (what, action.into())),
        "{what}"
    );
}

/// The one that has a watchdog of its own.
const OTHERS: &str = "SOA_TEST_WATCHDOG_OTHERS";

#[test]
fn middleware_and_kept_health_checks_that_block_are_named() {
    if std::env::var_os(OTHERS).is_some() {
        return block_elsewhere();
    }
    let name = "middleware_and_kept_health_checks_that_block_are_named";
    let mut child = std::process::Command::new(std::env::current_exe().unwrap());
    child
        .args([name, "--exact", "--nocapture"])
        .env(OTHERS, "1");
    let output = child.output().unwrap();
    assert!(output.status.success(), "{output:?}");
}

/// The child of the test above.
fn block_elsewhere() {
    use soa::health::HealthCheck;
    use soa::middleware::{ActionStage, JobStage, Next, from_fn};

    let (sender, found) = mpsc::channel();
    let watchdog = Watchdog::new()
        .warn_after(Duration::from_millis(200))
        .on_blocked(move |blocked| drop(sender.send(blocked.clone())));
    assert!(watchdog.start());
    let found = std::sync::Arc::new(std::sync::Mutex::new(found));
    let [of_job, of_action, of_check] = std::array::from_fn(|_| std::sync::Arc::clone(&found));
    let server = soa::Server::untyped("others", "1.0.0")
        .action("quick", |_: Value, _: Context| async {
            Ok::<_, ActionError>(value!({}))
        })
        .job_middleware(from_fn(
            move |job: soa::JobRequest, next: Next<JobStage>| {
                block_until_found(&of_job.lock().unwrap(), "job middleware");
                next.run(job)
            },
        ))
        .action_middleware(from_fn(
            move |call: soa::ActionCall, next: Next<ActionStage>| {
                if &*call.action == "quick" {
                    block_until_found(&of_action.lock().unwrap(), "action middleware");
                }
                next.run(call)
            },
        ))
        .health_check(
            HealthCheck::new("shelf", move |_| {
                let found = std::sync::Arc::clone(&of_check);
                async move { block_until_found(&found.lock().unwrap(), "a health check") }
            })
            .cached(Duration::from_secs(60)),
        )
        .build()
        .unwrap();
    let client = soa::Client::builder()
        .service("others", soa::LocalTransport::new(server))
        .build()
        .unwrap();
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .unwrap();
    for action in ["quick", "status"] {
        let answer = runtime.block_on(client.call_action("others", action, &()).into_future());
        answer.unwrap();
    }
}

/// Set in the child that is to be ended.
const CHILD: &str = "SOA_TEST_WATCHDOG_CHILD";

#[test]
fn a_process_whose_handler_blocks_for_too_long_is_ended_after_a_grace() {
    if std::env::var_os(CHILD).is_some() {
        block_for_ever();
    }
    let name = "a_process_whose_handler_blocks_for_too_long_is_ended_after_a_grace";
    let mut child = std::process::Command::new(std::env::current_exe().unwrap());
    child.args([name, "--exact", "--nocapture"]).env(CHILD, "1");
    let output = child.output().unwrap();
    assert_eq!(
        output.status.code(),
        Some(Watchdog::EXIT_CODE),
        "{output:?}"
    );
    let said = String::from_utf8_lossy(&output.stdout);
    assert!(said.contains("the server may stop now"), "{said}");
}

/// The end of the child.
#[allow(clippy::print_stdout)] // The parent reads it.
fn block_for_ever() -> ! {
    let started = Watchdog::new()
        .warn_after(Duration::from_millis(100))
        .exit_after(Duration::from_millis(300), Duration::from_millis(200))
        .on_exit(|| println!("the server may stop now"))
        .start();
    assert!(started);
    let server = soa::Server::untyped("stuck", "1.0.0")
        .action("stuck", |_: Value, _: Context| async {
            std::thread::sleep(Duration::from_secs(600));
            Ok::<_, ActionError>(value!({}))
        })
        .build()
        .unwrap();
    let client = soa::Client::builder()
        .service("stuck", soa::LocalTransport::new(server))
        .build()
        .unwrap();
    let runtime = tokio::runtime::Builder::new_current_thread()
        .build()
        .unwrap();
    let answer = runtime.block_on(client.call_action("stuck", "stuck", &()).into_future());
    panic!("it came to an end: {answer:?}")
}

/// Set in the child whose end is told over HTTP.
const ENDING: &str = "SOA_TEST_WATCHDOG_ENDING";

#[test]
fn a_process_that_is_to_be_ended_does_not_live_over_http() {
    if std::env::var_os(ENDING).is_some() {
        return ask_while_it_ends();
    }
    let name = "a_process_that_is_to_be_ended_does_not_live_over_http";
    let mut child = std::process::Command::new(std::env::current_exe().unwrap());
    child
        .args([name, "--exact", "--nocapture"])
        .env(ENDING, "1");
    let output = child.output().unwrap();
    assert!(output.status.success(), "{output:?}");
}

/// What the child of the test above does.
fn ask_while_it_ends() {
    use axum::body::Body;
    use axum::http::Request;
    use http_body_util::BodyExt;
    use tower::ServiceExt;

    let (release, blocked) = mpsc::channel::<()>();
    let blocked = Arc::new(Mutex::new(blocked));
    let server = soa::Server::untyped("stuck", "1.0.0")
        .action("stuck", move |_: Value, _: Context| {
            let blocked = Arc::clone(&blocked);
            async move {
                let _ = blocked.lock().unwrap().recv();
                Ok::<_, ActionError>(value!({}))
            }
        })
        .build()
        .unwrap();
    let router = soa::http::router(&server).unwrap();
    let client = soa::Client::builder().service("stuck", soa::LocalTransport::new(server));
    let client = client.build().unwrap();
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(2)
        .enable_all()
        .build()
        .unwrap();
    runtime.block_on(async move {
        let ask = async || {
            let probe = Request::get("/livez").body(Body::empty()).unwrap();
            let answer = router.clone().oneshot(probe).await.unwrap();
            let (head, body) = answer.into_parts();
            let body = body.collect().await.unwrap().to_bytes();
            (
                head.status.as_u16(),
                String::from_utf8_lossy(&body).into_owned(),
            )
        };
        let watchdog = Watchdog::new().warn_after(Duration::from_millis(100));
        let grace = Duration::from_secs(3600);
        assert!(
            watchdog
                .exit_after(Duration::from_millis(300), grace)
                .start()
        );
        let stuck = tokio::spawn(client.call_action("stuck", "stuck", &()).into_future());
        assert_eq!(ask().await.0, 200, "it has a while yet");
        let (status, body) = loop {
            let (status, body) = ask().await;
            if status != 200 {
                break (status, body);
            }
            tokio::time::sleep(Duration::from_millis(20)).await;
        };
        let reason = "the process ends: a handler blocks its thread (`stuck`, `stuck`)";
        let expected = format!(r#"{{"status":"ERROR","reasons":["{reason}"]}}"#);
        assert_eq!((status, body), (503, expected));
        drop(release);
        stuck.await.unwrap().unwrap();
    });
}
