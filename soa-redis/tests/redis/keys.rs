//! Plain keys, on the connections of the transport.

use std::error::Error as _;
use std::time::{Duration, Instant};

use bytes::Bytes;
use soa_redis::{
    RedisClientTransport, RedisConnection, RedisKeys, RedisScript, RedisSettings, RedisValue,
    component_key, service_key,
};
use soa_runtime::{Client, TransportError, TransportErrorKind, value};

use crate::cluster::Cluster;
use crate::support::{Redis, Reply, Running, ring, service, until};

const MINUTE: Duration = Duration::from_secs(60);

fn keys(settings: RedisSettings) -> RedisKeys {
    RedisConnection::new(settings).unwrap().keys()
}

/// The text of an error with its source.
fn text(error: &TransportError) -> String {
    let source = error.source().map(ToString::to_string);
    format!("{error}: {}", source.unwrap_or_default())
}

#[tokio::test]
async fn a_key_is_set_read_and_deleted_and_expires() {
    let redis = Redis::start();
    let keys = keys(redis.settings());
    assert_eq!(keys.get("pysoa:a").await.unwrap(), None);
    keys.set("pysoa:a", "one", None).await.unwrap();
    assert_eq!(keys.get("pysoa:a").await.unwrap().unwrap(), "one");
    assert_eq!(redis.integer("PTTL pysoa:a"), -1);
    keys.set("pysoa:a", &b"\xff\0"[..], Some(MINUTE))
        .await
        .unwrap();
    let ttl = redis.integer("PTTL pysoa:a");
    assert!((50_000..=60_000).contains(&ttl), "{ttl}");
    assert!(!keys.set_if_absent("pysoa:a", "two", MINUTE).await.unwrap());
    assert_eq!(keys.get("pysoa:a").await.unwrap().unwrap(), &b"\xff\0"[..]);
    assert!(keys.delete("pysoa:a").await.unwrap());
    assert!(!keys.delete("pysoa:a").await.unwrap());
    assert!(keys.set_if_absent("pysoa:a", "two", MINUTE).await.unwrap());
    assert!(
        keys.expire("pysoa:a", Duration::from_millis(20))
            .await
            .unwrap()
    );
    tokio::time::sleep(Duration::from_millis(60)).await;
    assert_eq!(keys.get("pysoa:a").await.unwrap(), None);
    assert!(!keys.expire("pysoa:a", MINUTE).await.unwrap());
}

#[tokio::test]
async fn a_hash_and_a_sorted_set_have_members() {
    let redis = Redis::start();
    let keys = keys(redis.settings());
    let none: [(&str, &str); 0] = [];
    keys.hash_set("pysoa:h", none).await.unwrap();
    assert_eq!(keys.hash_get_all("pysoa:h").await.unwrap(), []);
    keys.hash_set("pysoa:h", [("a", "1"), ("b", "2")])
        .await
        .unwrap();
    keys.hash_set("pysoa:h", [("b", "3")]).await.unwrap();
    let mut fields = keys.hash_get_all("pysoa:h").await.unwrap();
    fields.sort();
    let pair =
        |(field, value): (&'static str, &'static str)| (Bytes::from(field), Bytes::from(value));
    assert_eq!(fields, [("a", "1"), ("b", "3")].map(pair));
    assert!(keys.hash_delete("pysoa:h", "a").await.unwrap());
    assert!(!keys.hash_delete("pysoa:h", "a").await.unwrap());

    assert!(keys.sorted_set_add("pysoa:z", 2.5, "x").await.unwrap());
    assert!(keys.sorted_set_add("pysoa:z", -1.0, "y").await.unwrap());
    assert!(keys.sorted_set_add("pysoa:z", 1e15, "z").await.unwrap());
    assert!(!keys.sorted_set_add("pysoa:z", 3.5, "x").await.unwrap());
    let range = async |scores, count| {
        keys.sorted_set_range("pysoa:z", scores, count)
            .await
            .unwrap()
    };
    let all = range(f64::NEG_INFINITY..=f64::INFINITY, 10).await;
    let expected = [("y", -1.0), ("x", 3.5), ("z", 1e15)];
    assert_eq!(
        all,
        expected.map(|(member, score)| (Bytes::from(member), score))
    );
    assert_eq!(range(0.0..=4.0, 10).await.len(), 1);
    assert_eq!(range(-1.0..=4.0, 1).await[0].0, "y");
    assert!(keys.sorted_set_remove("pysoa:z", "x").await.unwrap());
    assert!(!keys.sorted_set_remove("pysoa:z", "x").await.unwrap());
    assert_eq!(range(0.0..=4.0, 10).await, []);
}

/// Moves a number from one key to another, and tells both.
const MOVE: &str = "\
local moved = tonumber(ARGV[1])
redis.call('DECRBY', KEYS[1], moved)
return {redis.call('INCRBY', KEYS[2], moved), redis.call('GET', KEYS[1]), false, {'x'}}";

#[tokio::test]
async fn a_script_runs_by_its_digest_and_by_its_text_where_it_is_unknown() {
    let redis = Redis::start();
    let keys = keys(redis.settings());
    let script = RedisScript::new(MOVE);
    let both = ["{pysoa:service.test}.from", "{pysoa:service.test}.to"];
    let two = [Bytes::from_static(b"2")];
    let run = || keys.run_script(&script, &both, &two);
    for round in 1..=3 {
        let expected = RedisValue::List(vec![
            RedisValue::Integer(2 * round),
            RedisValue::Bytes((-2 * round).to_string().into()),
            RedisValue::Nil,
            RedisValue::List(vec![RedisValue::Bytes("x".into())]),
        ]);
        assert_eq!(run().await.unwrap(), expected);
        if round == 2 {
            redis.text("SCRIPT FLUSH");
        }
    }
    // At first, after it was forgotten, and before that the trial whether the login may.
    assert_eq!(redis.calls("eval"), 3);
    let failing = RedisScript::new("return redis.error_reply('LIMIT reached')");
    let error = keys
        .run_script(&failing, &["pysoa:a"], &[])
        .await
        .unwrap_err();
    assert!(text(&error).contains("LIMIT reached"), "{}", text(&error));
    for wrong in [&[][..], &["pysoa:a", "pysoa:b"]] {
        let error = keys.run_script(&script, wrong, &[]).await.unwrap_err();
        assert_eq!(error.kind(), TransportErrorKind::Misconfigured, "{error}");
    }
}

#[tokio::test]
async fn plain_keys_open_no_connections_of_their_own() {
    let redis = Redis::start();
    let running = Running::start(service().build().unwrap(), redis.settings());
    let connection = RedisConnection::new(redis.settings()).unwrap();
    let transport = RedisClientTransport::on(&connection, "test");
    let client = Client::builder()
        .service("test", transport)
        .build()
        .unwrap();
    client
        .call_action("test", "echo", &value!({}))
        .await
        .unwrap();
    let before = redis.connections();
    let keys = connection.keys();
    let tasks = (0..50).map(|number| {
        let keys = keys.clone();
        tokio::spawn(async move {
            let key = format!("pysoa:{number}");
            keys.set(&key, "x", Some(MINUTE)).await.unwrap();
            keys.hash_get_all("pysoa:h").await.unwrap();
        })
    });
    for task in tasks.collect::<Vec<_>>() {
        task.await.unwrap();
    }
    assert_eq!(redis.connections(), before);
    running.stop().await;
}

#[tokio::test]
async fn keys_with_the_same_tag_are_on_the_same_master_of_a_ring() {
    let (masters, settings) = ring(3);
    let keys = keys(settings);
    let script = RedisScript::new(MOVE);
    for number in 0..20 {
        let both = [format!("{{t{number}}}.from"), format!("{{t{number}}}.to")];
        let both = both.each_ref().map(String::as_str);
        let one = [Bytes::from_static(b"1")];
        keys.run_script(&script, &both, &one).await.unwrap();
        keys.set(&format!("pysoa:{number}"), "x", None)
            .await
            .unwrap();
        assert!(
            keys.get(&format!("pysoa:{number}"))
                .await
                .unwrap()
                .is_some()
        );
    }
    let counts: Vec<_> = masters.iter().map(|master| master.keys()).collect();
    assert_eq!(counts.iter().map(Vec::len).sum::<usize>(), 60);
    // Each master has a part, and both keys of each tag that it has.
    for keys in counts {
        assert!(keys.len() > 5, "{keys:?}");
        for key in keys.iter().filter(|key| key.ends_with(".from")) {
            assert!(keys.contains(&key.replace(".from", ".to")), "{keys:?}");
        }
    }
}

#[tokio::test]
async fn keys_of_a_cluster_are_found_by_their_slots_also_where_these_move() {
    let cluster = Cluster::start().await;
    let keys = keys(cluster.settings());
    for number in 0..30 {
        keys.set(&format!("pysoa:{number}"), "x", None)
            .await
            .unwrap();
    }
    let counts = cluster.nodes.iter().map(|node| node.keys().len());
    let counts: Vec<_> = counts.collect();
    assert!(counts.iter().all(|count| *count > 0), "{counts:?}");
    assert_eq!(counts.iter().sum::<usize>(), 30);
    // A connection to each node, however many slots are used.
    for node in &cluster.nodes {
        let list = String::from_utf8(node.text("CLIENT LIST").bytes()).unwrap();
        let clients = list.lines().filter(|line| line.contains("flags=N"));
        assert_eq!(clients.count(), 2, "one is that of the test: {list}");
    }
    let script = RedisScript::new(MOVE);
    let both = ["{pysoa:service.test}.from", "{pysoa:service.test}.to"];
    let one = [Bytes::from_static(b"1")];
    keys.run_script(&script, &both, &one).await.unwrap();
    // The slot moves to another node, without its keys.
    let slot = cluster.nodes[0].integer("CLUSTER KEYSLOT {pysoa:service.test}.to");
    let owner = cluster.owner(slot);
    for key in both {
        cluster.nodes[owner].text(&format!("DEL {key}"));
    }
    cluster.give(slot, (owner + 1) % 3).await;
    keys.run_script(&script, &both, &one).await.unwrap();
    let moved = cluster.nodes[(owner + 1) % 3].keys();
    assert!(moved.contains(&both[1].to_owned()), "{moved:?}");
}

#[tokio::test]
async fn the_line_of_the_guide_is_enough_for_keys_of_components_and_services() {
    let redis = Redis::start();
    let user = "ACL SETUSER limited on >secret ~pysoa:* ~{pysoa:* -@all +evalsha +script|load +llen +rpush +expire \
                +blpop +get +set +pexpire +del +hset +hgetall +hdel +zadd +zrangebyscore +zrem";
    assert_eq!(redis.text(user), Reply::Text("+OK".to_owned()));
    let connection = RedisConnection::new(redis.settings().user("limited", "secret")).unwrap();
    let keys = connection.keys();
    for key in [component_key("library", "a"), service_key("books", "a")] {
        assert!(key.starts_with("{pysoa:"), "{key}");
        keys.set(&key, "1", Some(MINUTE)).await.unwrap();
        assert_eq!(keys.get(&key).await.unwrap().as_deref(), Some(&b"1"[..]));
        assert!(!keys.set_if_absent(&key, "2", MINUTE).await.unwrap());
        assert!(keys.expire(&key, MINUTE).await.unwrap());
        assert!(keys.delete(&key).await.unwrap());
        keys.hash_set(&key, [("a", "b")]).await.unwrap();
        assert_eq!(keys.hash_get_all(&key).await.unwrap().len(), 1);
        assert!(keys.hash_delete(&key, "a").await.unwrap());
        assert!(keys.sorted_set_add(&key, 1.0, "x").await.unwrap());
        assert_eq!(
            keys.sorted_set_range(&key, 0.0..=2.0, 9)
                .await
                .unwrap()
                .len(),
            1
        );
        assert!(keys.sorted_set_remove(&key, "x").await.unwrap());
    }
}

#[tokio::test]
async fn a_login_without_a_command_or_a_key_gets_a_clear_error_and_serves_all_the_same() {
    let redis = Redis::start();
    let user = "ACL SETUSER limited on >secret ~pysoa:* +@all -hset -zadd";
    assert_eq!(redis.text(user), Reply::Text("+OK".to_owned()));
    let settings = redis.settings().user("limited", "secret");
    let running = Running::start(service().build().unwrap(), settings.clone());
    let connection = RedisConnection::new(settings).unwrap();
    let transport = RedisClientTransport::on(&connection, "test");
    let client = Client::builder()
        .service("test", transport)
        .build()
        .unwrap();
    client
        .call_action("test", "echo", &value!({}))
        .await
        .unwrap();
    let keys = connection.keys();
    let before = redis.integer("INCR pysoa:number");
    assert_eq!(before, 1);
    let list = redis.text("RPUSH pysoa:list x");
    assert_eq!(list, Reply::Integer(1));
    let connections = redis.connections();
    for _ in 0..5 {
        for (error, expected) in [
            (
                keys.hash_set("pysoa:h", [("a", "b")]).await.unwrap_err(),
                "permission denied: the login may not run HSET",
            ),
            (
                keys.sorted_set_add("pysoa:z", 1.0, "x").await.unwrap_err(),
                "permission denied: the login may not run ZADD",
            ),
            (
                keys.get("{pysoa:service.test}.x").await.unwrap_err(),
                "permission denied: the login may not use the key `{pysoa:service.test}.x`",
            ),
            (
                keys.get("pysoa:list").await.unwrap_err(),
                "wrong type: GET does not fit what the key `pysoa:list` holds",
            ),
        ] {
            assert_eq!(error.kind(), TransportErrorKind::Misconfigured, "{error}");
            let text = text(&error);
            assert!(text.contains(expected), "{text}");
            assert!(
                text.contains("NOPERM") || text.contains("WRONGTYPE"),
                "{text}"
            );
            assert!(text.contains(&redis.port.to_string()), "{text}");
        }
        client
            .call_action("test", "echo", &value!({}))
            .await
            .unwrap();
    }
    // None of that is held against the connection or the master.
    assert_eq!(redis.connections(), connections);
    let logged = redis.logged();
    // The line that would add the keys is told once.
    let line = "to add them: ACL SETUSER limited ~{pysoa:*";
    let told = logged.iter().filter(|logged| logged.contains(line));
    assert_eq!(told.count(), 1, "{logged:#?}");
    assert!(
        !logged.iter().any(|line| line.contains("Redis failed")),
        "{logged:#?}"
    );
    running.stop().await;
}

#[tokio::test]
async fn a_redis_that_is_away_is_told_in_time_and_found_again() {
    let mut redis = Redis::start();
    let settings = redis.settings().command_timeout(Duration::from_millis(500));
    let keys = keys(settings);
    keys.set("pysoa:a", "x", None).await.unwrap();
    // It hangs: the outcome is unknown.
    redis.signal("STOP");
    let start = Instant::now();
    let error = keys.set("pysoa:a", "y", None).await.unwrap_err();
    assert!(
        start.elapsed() < Duration::from_secs(5),
        "{:?}",
        start.elapsed()
    );
    assert_eq!(error.kind(), TransportErrorKind::Transient);
    assert!(
        error
            .to_string()
            .contains("SET on the key `pysoa:a` timed out"),
        "{error}"
    );
    redis.signal("CONT");
    redis.kill();
    let start = Instant::now();
    let error = keys.get("pysoa:a").await.unwrap_err();
    assert!(
        start.elapsed() < Duration::from_secs(5),
        "{:?}",
        start.elapsed()
    );
    assert_eq!(error.kind(), TransportErrorKind::Transient);
    assert!(
        error.to_string().contains(&redis.port.to_string()),
        "{error}"
    );
    redis.start_again();
    let limit = Instant::now() + Duration::from_secs(20);
    while keys.set("pysoa:b", "z", None).await.is_err() {
        assert!(Instant::now() < limit, "it does not recover");
    }
    assert_eq!(keys.get("pysoa:b").await.unwrap().unwrap(), "z");
    until("the log says that", || {
        redis
            .logged()
            .iter()
            .any(|line| line.contains("Redis works again"))
    })
    .await;
}
