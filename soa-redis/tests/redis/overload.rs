//! More calls than a server can answer, for longer than its callers wait.

use std::time::{Duration, Instant};

use soa_redis::RedisSettings;
use soa_runtime::{
    ActionError, Client, ClientError, Context, ErrorKind, ServerBuilder, TransportError,
    TransportErrorKind, Value, value,
};
use tokio::sync::Mutex;
use tokio::task::JoinSet;

use crate::support::{Redis, Reply, Running, client, logged, service, suppressed, until};

/// Time that a job takes.
const JOB: Duration = Duration::from_millis(100);

/// A server that answers so many calls a second, at most.
fn server(capacity: usize) -> ServerBuilder {
    let slow = |body: Value, _: Context| async {
        tokio::time::sleep(JOB).await;
        Ok::<_, ActionError>(body)
    };
    service().action("slow", slow).concurrency(capacity / 10)
}

/// A call that has ended.
struct Ended {
    /// Time at which it was made, since the begin of the load.
    at: Duration,
    took: Duration,
    error: Option<ClientError>,
}

/// Calls that are made whatever becomes of those before: so many a second. Those that tell how long they wait do.
async fn load(client: &Client, rate: u32, time: Duration, timeout: Option<Duration>) -> Vec<Ended> {
    let (begun, mut calls) = (Instant::now(), JoinSet::new());
    for number in 0.. {
        let at = Duration::from_secs(1) * number / rate;
        if at >= time {
            break;
        }
        if let Some(early) = at.checked_sub(begun.elapsed()) {
            tokio::time::sleep(early).await;
        }
        let body = value!({ "number": (i64::from(number)) });
        let call = client.call_action("test", "slow", &body);
        calls.spawn(async move {
            let made = Instant::now();
            let outcome = match timeout {
                Some(timeout) => call.timeout(timeout).await,
                None => call.await,
            };
            let error = match outcome {
                Ok(answer) => {
                    assert_eq!(answer, body);
                    None
                }
                Err(error) => Some(error),
            };
            let took = made.elapsed();
            Ended { at, took, error }
        });
    }
    calls.join_all().await
}

fn count<'a>(calls: impl IntoIterator<Item = &'a Ended>, is: impl Fn(&Ended) -> bool) -> usize {
    calls.into_iter().filter(|ended| is(ended)).count()
}

/// The code of the error of a job that failed as a whole.
fn code(error: &ClientError) -> Option<&str> {
    let errors = error.errors().first()?;
    (error.kind() == ErrorKind::Job).then(|| &*errors.code)
}

/// One load at a time: what a server can do depends on what else the machine does.
static TURN: Mutex<()> = Mutex::const_new(());

/// Loads a server with twice its capacity, and checks that at least this part of it is used for answers in time.
async fn double_load(
    least: f64,
    settings: &RedisSettings,
    capacity: u32,
    time: Duration,
    timeout: Option<Duration>,
) {
    let _turn = TURN.lock().await;
    let server = server(usize::try_from(capacity).unwrap()).build().unwrap();
    let running = Running::start(server, settings.clone());
    let calls = load(&client(settings.clone()), capacity * 2, time, timeout).await;
    // What is there in the first seconds is fine in any case.
    let from = settings.receive_timeout * 2;
    let late = || calls.iter().filter(|ended| ended.at >= from);
    let answered = count(late(), |ended| ended.error.is_none());
    let refused = count(late(), |ended| {
        ended.error.as_ref().and_then(code) == Some("OVERLOADED")
    });
    let mut times: Vec<_> = late()
        .filter(|ended| ended.error.is_none())
        .map(|ended| ended.took)
        .collect();
    times.sort_unstable();
    let seconds = (time - from).as_secs_f64();
    let used = answered as f64 / seconds / f64::from(capacity);
    let others = late().count() - answered - refused;
    let median = times.get(times.len() / 2);
    assert!(
        used >= least,
        "used {used:.2}, refused {refused}, others {others}, median {median:?}"
    );
    assert!(running.server.stats().refused() >= u64::try_from(refused).unwrap());
    running.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn at_twice_the_capacity_most_of_it_is_used_for_answers_in_time() {
    let redis = Redis::start();
    let settings = redis.settings().receive_timeout(Duration::from_secs(1));
    double_load(0.75, &settings, 100, Duration::from_secs(6), None).await;
    let told = logged("overloaded: the queue is older");
    assert!(!told.is_empty());
    assert!(told[0].contains("age"), "{told:?}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn callers_that_tell_how_long_they_wait_are_answered_in_time_too() {
    let redis = Redis::start();
    let settings = redis.settings().receive_timeout(Duration::from_secs(1));
    let timeout = Some(Duration::from_secs(1));
    // They are started when there is hardly more time than the job takes, so a slow machine loses some.
    double_load(0.5, &settings, 100, Duration::from_secs(6), timeout).await;
}

/// Commands that a server and a client of the reference send.
const REFERENCE: &str = "+evalsha +script|load +llen +rpush +expire +blpop";

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_login_that_may_not_tell_the_age_serves_an_overload_all_the_same() {
    let redis = Redis::start();
    let user = format!("ACL SETUSER plain on >secret ~pysoa:* -@all {REFERENCE}");
    assert_eq!(redis.text(&user), Reply::Text("+OK".to_owned()));
    let settings = redis.settings().user("plain", "secret");
    let settings = settings.receive_timeout(Duration::from_secs(1));
    // It takes one request at a time, so it finds young ones slowly.
    double_load(0.1, &settings, 100, Duration::from_secs(5), None).await;
    let told = logged(&format!("127.0.0.1:{}", redis.port));
    let told = told.iter().filter(|line| line.contains("telling the age"));
    assert_eq!(told.count(), 1);
}

#[tokio::test]
async fn a_burst_that_can_be_answered_in_time_is() {
    let redis = Redis::start();
    let settings = redis.settings().receive_timeout(Duration::from_secs(2));
    let running = Running::start(server(200).build().unwrap(), settings.clone());
    // The last of them waits for 1.4 s.
    let calls = load(&client(settings), 300_000, Duration::from_millis(1), None).await;
    assert_eq!(
        (calls.len(), count(&calls, |call| call.error.is_some())),
        (300, 0)
    );
    running.stop().await;
}

#[tokio::test]
async fn requests_without_an_answer_are_never_refused() {
    let redis = Redis::start();
    let settings = redis.settings().receive_timeout(Duration::from_millis(100));
    for _ in 0..30 {
        suppressed(settings.clone()).await.unwrap();
    }
    tokio::time::sleep(Duration::from_millis(200)).await;
    let running = Running::start(service().concurrency(1).build().unwrap(), settings);
    until("all ran", || running.server.stats().jobs() == 30).await;
    running.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_age_of_an_old_queue_is_in_redis_while_it_is_old() {
    const KEY: &str = "{pysoa:service.test}.age";
    let redis = Redis::start();
    let settings = redis.settings().receive_timeout(Duration::from_secs(1));
    let running = Running::start(server(100).build().unwrap(), settings.clone());
    let client = client(settings);
    let calls = load(&client, 20, Duration::from_secs(1), None).await;
    assert_eq!(count(&calls, |call| call.error.is_some()), 0);
    assert_eq!(redis.text(&format!("GET {KEY}")), Reply::Nil);
    let calls = tokio::spawn(async move {
        load(&client, 300, Duration::from_secs(2), None).await;
    });
    until("it is told", || {
        redis.text(&format!("GET {KEY}")) != Reply::Nil
    })
    .await;
    let age = String::from_utf8(redis.text(&format!("GET {KEY}")).bytes()).unwrap();
    assert!((250..1_000).contains(&age.parse::<u64>().unwrap()), "{age}");
    calls.await.unwrap();
    until("it is forgotten", || {
        redis.text(&format!("GET {KEY}")) == Reply::Nil
    })
    .await;
    running.stop().await;
}

#[tokio::test]
async fn a_client_that_is_set_to_does_not_call_while_the_queue_is_old() {
    const KEY: &str = "{pysoa:service.test}.age";
    let redis = Redis::start();
    let running = Running::start(service().build().unwrap(), redis.settings());
    let careful = redis.settings().max_queue_age(Duration::from_secs(2));
    let (careful, other) = (client(careful), client(redis.settings()));
    let call = |client: &Client| {
        client
            .call_action("test", "echo", &value!({}))
            .into_future()
    };
    call(&careful).await.unwrap();
    redis.text(&format!("SET {KEY} 3000"));
    let limit = Instant::now() + Duration::from_secs(20);
    let error = loop {
        match call(&careful).await {
            Ok(_) => assert!(Instant::now() < limit, "it calls all the same"),
            Err(error) => break error,
        }
        tokio::time::sleep(Duration::from_millis(5)).await;
    };
    let reason = error.reason().unwrap().downcast_ref::<TransportError>();
    assert_eq!(reason.unwrap().kind(), TransportErrorKind::QueueFull);
    assert!(
        error.is_transient() && error.to_string().contains("3.0 s old"),
        "{error}"
    );
    let jobs = running.server.stats().jobs();
    call(&careful).await.unwrap_err();
    assert_eq!(running.server.stats().jobs(), jobs);
    call(&other).await.unwrap();
    redis.text(&format!("SET {KEY} 1000"));
    while call(&careful).await.is_err() {
        assert!(Instant::now() < limit, "it does not call again");
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
    running.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
#[ignore = "it takes a minute"]
async fn a_long_overload_is_borne_with_the_usual_time_limits() {
    let redis = Redis::start();
    let settings = redis.settings();
    double_load(0.75, &settings, 1_000, Duration::from_secs(40), None).await;
}
