//! Sessions in Redis.

use std::time::{Duration, Instant};

use soa_redis::{RedisConnection, RedisSessions, RedisSettings};
use soa_runtime::middleware::Sessions;
use soa_runtime::{Client, Context, LocalTransport, Value, value};

use crate::support::{Redis, service, until};

const MINUTE: Duration = Duration::from_secs(60);

fn sessions(settings: RedisSettings) -> Sessions {
    let redis = RedisConnection::new(settings).unwrap();
    Sessions::new(RedisSessions::new(&redis, "test")).expiry(MINUTE)
}

#[tokio::test]
async fn a_session_is_a_key_with_the_hash_of_its_token_and_expires() {
    let redis = Redis::start();
    let sessions = sessions(redis.settings());
    let session = sessions.of("ada");
    assert_eq!(session.get::<Value>().await.unwrap(), None);
    let cart = value!({ "books": ["Emma"], "at": 7 });
    session.set(&cart).await.unwrap();
    assert_eq!(session.get::<Value>().await.unwrap(), Some(cart));

    // The SHA-256 of `ada`.
    let id = "fdee430d40bd57deeac186cd9790033d0f06f909a8806e7ce6e717ab7c7d5029";
    let key = format!("{{pysoa:service.test}}.session.{id}");
    assert_eq!(redis.keys(), [key.as_str()]);
    let ttl = redis.integer(&format!("PTTL {key}"));
    assert!((50_000..=60_000).contains(&ttl), "{ttl}");

    assert!(session.end().await.unwrap());
    assert!(!session.end().await.unwrap());
    assert_eq!(redis.keys(), [""; 0]);

    let short = sessions.expiry(Duration::from_millis(20));
    let token = short.open("bob").await.unwrap();
    assert!(!redis.keys().iter().any(|key| key.contains(&token)));
    until("it has expired", || redis.keys().is_empty()).await;
    assert_eq!(short.of(&token).get::<String>().await.unwrap(), None);
}

#[tokio::test]
async fn sessions_outlive_the_process_that_made_them() {
    let redis = Redis::start();
    let token = sessions(redis.settings()).open("ada").await.unwrap();
    // Another process of the service, with connections of its own.
    let other = sessions(redis.settings());
    let session = other.of(&token).get::<String>().await.unwrap();
    assert_eq!(session.as_deref(), Some("ada"));
}

#[tokio::test]
async fn a_redis_that_is_away_fails_only_those_who_ask_and_they_go_on_when_it_is_back() {
    let mut redis = Redis::start();
    let mut settings = redis.settings();
    settings.command_timeout = Duration::from_millis(500);
    let server = service()
        .action("look", |_: Value, cx: Context| async move {
            let name: Option<String> = cx.session().await?;
            Ok::<_, soa_runtime::ActionError>(value!({ "name": (name) }))
        })
        .job_middleware(sessions(settings))
        .build()
        .unwrap();
    let client = Client::builder().service("test", LocalTransport::new(server));
    let client = client.build().unwrap();
    let call = |action| {
        let call = client.call_action("test", action, &value!({}));
        call.context("token", "ada")
    };
    assert_eq!(call("look").await.unwrap(), value!({ "name": nil }));

    redis.kill();
    let since = Instant::now();
    let error = call("look").await.unwrap_err();
    assert!(since.elapsed() < Duration::from_secs(5), "{error}");
    assert_eq!(error.errors()[0].code, "SERVER_ERROR");
    assert!(
        !error.to_string().contains(&redis.port.to_string()),
        "{error}"
    );
    call("echo").await.unwrap();

    redis.start_again();
    let limit = Instant::now() + Duration::from_secs(20);
    while let Err(error) = call("look").await {
        assert!(Instant::now() < limit, "it does not go on: {error}");
    }
}
