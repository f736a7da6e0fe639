//! Masters that sentinels watch, and that are replaced.

use std::io::Write;
use std::net::{TcpListener, TcpStream};
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use soa_redis::{RedisClientTransport, RedisConnection, RedisSettings, SentinelSettings};
use soa_runtime::{ErrorKind, TransportErrorKind, value};

use crate::support::{Load, Redis, Reply, Running, client, free_port, service, until};

/// A sentinel on a free port; it ends with this.
pub(crate) struct Sentinel {
    pub(crate) port: u16,
    process: Child,
    configuration: PathBuf,
}

impl Sentinel {
    /// Watches masters with these names and ports. `lines` go before in its configuration.
    pub(crate) fn watch(masters: &[(&str, u16)], lines: &str) -> Self {
        let port = free_port();
        let name = format!("sentinel-{port}.conf");
        let configuration = PathBuf::from(env!("CARGO_TARGET_TMPDIR")).join(name);
        let mut file = std::fs::File::create(&configuration).unwrap();
        writeln!(file, "port {port}\nbind 127.0.0.1\n{lines}").unwrap();
        for (name, master) in masters {
            writeln!(file, "sentinel monitor {name} 127.0.0.1 {master} 1").unwrap();
            writeln!(file, "sentinel down-after-milliseconds {name} 500").unwrap();
            writeln!(file, "sentinel failover-timeout {name} 3000").unwrap();
            if lines.contains("# password") {
                writeln!(file, "sentinel auth-pass {name} secret").unwrap();
            }
        }
        drop(file);
        let mut command = Command::new("redis-server");
        command.arg(&configuration).arg("--sentinel");
        command.current_dir(env!("CARGO_TARGET_TMPDIR"));
        let process = command.stdout(Stdio::null()).stderr(Stdio::null()).spawn();
        let sentinel = Self {
            port,
            process: process.expect("`redis-server` can be started"),
            configuration,
        };
        let limit = Instant::now() + Duration::from_secs(20);
        while TcpStream::connect(("127.0.0.1", port)).is_err() {
            assert!(Instant::now() < limit, "the sentinel does not start");
            std::thread::sleep(Duration::from_millis(5));
        }
        sentinel
    }

    pub(crate) fn settings(&self, sentinel: SentinelSettings) -> RedisSettings {
        RedisSettings::sentinel([("127.0.0.1", self.port)], sentinel)
    }

    pub(crate) fn text(&self, command: &str) -> Reply {
        Redis::command_at(self.port, command)
    }

    /// The port of the master, as the sentinel knows it.
    pub(crate) fn master(&self, name: &str) -> u16 {
        let command = format!("SENTINEL GET-MASTER-ADDR-BY-NAME {name}");
        let Reply::List(mut address) = self.text(&command) else {
            panic!()
        };
        let port = address.pop().unwrap().bytes();
        String::from_utf8(port).unwrap().parse().unwrap()
    }

    /// Waits until it knows a replica that could take over.
    pub(crate) async fn knows_a_replica(&self, name: &str) {
        until("the sentinel knows the replica", || {
            let Reply::List(replicas) = self.text(&format!("SENTINEL REPLICAS {name}")) else {
                panic!()
            };
            let text = |reply: &Reply| match reply {
                Reply::Bytes(bytes) => String::from_utf8_lossy(bytes).into_owned(),
                _ => String::new(),
            };
            replicas.iter().any(|fields| match fields {
                Reply::List(fields) => fields
                    .windows(2)
                    .any(|pair| text(&pair[0]) == "master-link-status" && text(&pair[1]) == "ok"),
                _ => false,
            })
        })
        .await;
    }
}

impl Drop for Sentinel {
    fn drop(&mut self) {
        let _ = self.process.kill();
        let _ = self.process.wait();
        let _ = std::fs::remove_file(&self.configuration);
    }
}

/// A master, its replica, and a sentinel that watches them as `alpha`.
pub(crate) async fn watched() -> (Redis, Redis, Sentinel) {
    let master = Redis::with(&["--repl-diskless-sync-delay", "0"]);
    let replica = Redis::with(&["--replicaof", &format!("127.0.0.1 {}", master.port)]);
    until("the replica follows", || {
        let said = String::from_utf8(replica.text("INFO replication").bytes()).unwrap();
        said.contains("master_link_status:up")
    })
    .await;
    let sentinel = Sentinel::watch(&[("alpha", master.port)], "");
    sentinel.knows_a_replica("alpha").await;
    (master, replica, sentinel)
}

#[tokio::test]
async fn the_ring_is_made_of_all_masters_or_of_those_that_are_named() {
    let (first, second) = (Redis::start(), Redis::start());
    let masters = [("alpha", first.port), ("beta", second.port)];
    let sentinel = Sentinel::watch(&masters, "");
    let send = async |settings: RedisSettings| {
        let client = client(settings);
        for _ in 0..4 {
            let call = client.call_action("test", "echo", &value!({}));
            drop(call.send().await.unwrap());
        }
        let lengths = [&first, &second].map(|redis| redis.integer("LLEN pysoa:service.test"));
        first.text("FLUSHALL");
        second.text("FLUSHALL");
        lengths
    };
    let all = sentinel.settings(SentinelSettings::default());
    assert_eq!(send(all.clone()).await, [2, 2]);
    let named = SentinelSettings::default().services(vec!["beta".to_owned()]);
    assert_eq!(send(sentinel.settings(named)).await, [0, 4]);

    let running = Running::start(service().build().unwrap(), all.clone());
    let client = client(all);
    for number in 0..20_i64 {
        let body = value!({ "number": (number) });
        let answer = client.call_action("test", "echo", &body).await.unwrap();
        assert_eq!(answer, body);
    }
    running.stop().await;
}

#[tokio::test]
async fn sentinels_that_refuse_or_say_nothing_are_passed_over() {
    let redis = Redis::start();
    let sentinel = Sentinel::watch(&[("alpha", redis.port)], "");
    let silent = TcpListener::bind("127.0.0.1:0").unwrap();
    let silent = silent.local_addr().unwrap().port();
    let settings = RedisSettings::sentinel(
        [free_port(), silent, sentinel.port].map(|port| ("127.0.0.1", port)),
        SentinelSettings::default(),
    );
    let settings = settings.connect_timeout(Duration::from_secs(2));
    let running = Running::start(service().build().unwrap(), settings.clone());
    let client = client(settings);
    let call = client.call_action("test", "echo", &value!({}));
    call.timeout(Duration::from_secs(30)).await.unwrap();
    running.stop().await;
}

#[tokio::test]
async fn a_server_that_is_told_by_no_sentinel_stops_all_the_same() {
    let silent = TcpListener::bind("127.0.0.1:0").unwrap();
    let port = silent.local_addr().unwrap().port();
    let settings = RedisSettings::sentinel([("127.0.0.1", port)], SentinelSettings::default());
    let settings = settings.connect_timeout(Duration::from_secs(600));
    let running = Running::start(service().build().unwrap(), settings);
    let accepted = tokio::task::spawn_blocking(move || silent.accept().unwrap());
    let _connection = accepted.await.unwrap();
    running.stop().await;
}

#[tokio::test]
async fn a_master_that_no_sentinel_knows_fails_calls_at_once_or_after_the_retries() {
    let redis = Redis::start();
    let sentinel = Sentinel::watch(&[("alpha", redis.port)], "");
    let unknown = SentinelSettings::default().services(vec!["unknown".to_owned()]);
    let fails = async |sentinel: &Sentinel, retries| {
        let settings = sentinel.settings(unknown.clone().failover_retries(retries));
        let client = client(settings);
        let call = client.call_action("test", "echo", &value!({}));
        let start = Instant::now();
        let error = call.timeout(Duration::from_secs(20)).await.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Transport, "{error}");
        let source = error.reason().unwrap();
        let source = source
            .downcast_ref::<soa_runtime::TransportError>()
            .unwrap();
        assert_eq!(source.kind(), TransportErrorKind::Transient);
        assert!(
            source.to_string().contains("no master of Redis"),
            "{source}"
        );
        start.elapsed()
    };
    let at_once = fails(&sentinel, 0).await;
    // A quarter, a half and one second, and something at random.
    let later = fails(&sentinel, 3).await;
    assert!(later > Duration::from_millis(1_700), "{later:?}");
    assert!(at_once < later, "{at_once:?}");
}

#[tokio::test]
async fn passwords_of_sentinels_and_masters_are_two_things() {
    let redis = Redis::with(&["--requirepass", "secret"]);
    let sentinel = Sentinel::watch(&[("alpha", redis.port)], "requirepass hidden\n# password");
    let named = SentinelSettings::default().services(vec!["alpha".to_owned()]);
    let settings = sentinel.settings(named.clone().password("hidden"));
    let settings = settings.connect_timeout(Duration::from_secs(2));
    let connection = RedisConnection::connect(settings.clone().password("secret")).await;
    let shown = format!("{:?}", connection.unwrap());
    assert!(
        !shown.contains("secret") && !shown.contains("hidden"),
        "{shown}"
    );
    for wrong in [
        settings.clone(),
        sentinel
            .settings(named)
            .password("secret")
            .connect_timeout(Duration::from_secs(2)),
    ] {
        let error = RedisClientTransport::connect("test", wrong)
            .await
            .unwrap_err();
        assert!(!error.to_string().contains("secret"), "{error}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_planned_failover_hangs_no_call_and_runs_nothing_twice() {
    let (_master, replica, sentinel) = watched().await;
    let settings = sentinel.settings(SentinelSettings::default());
    let (server, runs) = Load::service();
    let running = Running::start(server.build().unwrap(), settings.clone());
    let load = Load::start(&client(settings), runs);
    load.goes_on(200).await;
    assert_eq!(
        sentinel.text("SENTINEL FAILOVER alpha"),
        Reply::Text("+OK".to_owned())
    );
    until("the replica is the master", || {
        sentinel.master("alpha") == replica.port
    })
    .await;
    until("calls go there", || replica.calls("rpush") > 100).await;
    load.goes_on(200).await;
    load.finish().await;
    running.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_master_killed_under_load_hangs_no_call_and_runs_nothing_twice() {
    let (mut master, replica, sentinel) = watched().await;
    let settings = sentinel.settings(SentinelSettings::default());
    let (server, runs) = Load::service();
    let running = Running::start(server.build().unwrap(), settings.clone());
    let load = Load::start(&client(settings), runs);
    load.goes_on(200).await;
    master.kill();
    until("the replica is the master", || {
        sentinel.master("alpha") == replica.port
    })
    .await;
    load.goes_on(200).await;
    load.finish().await;
    running.stop().await;
}

#[tokio::test]
async fn a_sentinel_that_names_a_master_which_says_it_is_none_is_not_believed() {
    let (first, second) = (Redis::start(), Redis::start());
    let behind = Sentinel::watch(&[("alpha", first.port)], "");
    let ahead = Sentinel::watch(&[("alpha", second.port)], "");
    let names = SentinelSettings::default().services(vec!["alpha".to_owned()]);
    let hosts = [("127.0.0.1", behind.port), ("127.0.0.1", ahead.port)];
    let settings = RedisSettings::sentinel(hosts, names);
    let running = Running::start(service().build().unwrap(), settings.clone());
    let client = client(settings);
    let call = || client.call_action("test", "echo", &value!({}));
    call().timeout(Duration::from_secs(10)).await.unwrap();
    assert_eq!(second.calls("evalsha"), 0);
    // The first sentinel finds out after a while only.
    first.text(&format!("REPLICAOF 127.0.0.1 {}", free_port()));
    let limit = Instant::now() + Duration::from_secs(20);
    while call().timeout(Duration::from_secs(1)).await.is_err() {
        assert!(Instant::now() < limit, "it does not recover");
    }
    assert!(second.calls("evalsha") > 0);
    assert_eq!(behind.master("alpha"), first.port);
    running.stop().await;
}
