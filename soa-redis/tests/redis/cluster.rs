//! Redis Cluster.

use std::time::Duration;

use soa_redis::{RedisClientTransport, RedisConnection, RedisServerTransport, RedisSettings};
use soa_runtime::transport::ServerTransport as _;
use soa_runtime::{Client, value};

use crate::support::{Load, Redis, Reply, Running, client, free_port, service, until};

/// Three nodes, each with a third of the slots.
pub(crate) struct Cluster {
    pub(crate) nodes: Vec<Redis>,
}

impl Cluster {
    pub(crate) async fn start() -> Self {
        let nodes: Vec<_> = (0..3).map(|_| node()).collect();
        let slots = [(0, 5460), (5461, 10922), (10923, 16383)];
        for (node, (first, last)) in nodes.iter().zip(slots) {
            ok(node, &format!("CLUSTER ADDSLOTSRANGE {first} {last}"));
            let (redis, bus) = (nodes[0].port, bus(&nodes[0]));
            ok(node, &format!("CLUSTER MEET 127.0.0.1 {redis} {bus}"));
        }
        let cluster = Self { nodes };
        until("the cluster is whole", || {
            cluster.nodes.iter().all(|node| {
                let info = String::from_utf8(node.text("CLUSTER INFO").bytes()).unwrap();
                info.contains("cluster_state:ok") && info.contains("cluster_known_nodes:3")
            })
        })
        .await;
        cluster
    }

    pub(crate) fn settings(&self) -> RedisSettings {
        // Some nodes are enough to find the others, and those that are gone do no harm.
        RedisSettings::cluster([
            ("127.0.0.1", free_port()),
            ("127.0.0.1", self.nodes[1].port),
        ])
    }

    /// The node that has a slot.
    pub(crate) fn owner(&self, slot: i64) -> usize {
        let is_own = |node: &Redis| {
            let Reply::List(ranges) = node.text("CLUSTER SLOTS") else {
                panic!()
            };
            ranges.iter().any(|range| {
                let Reply::List(range) = range else { panic!() };
                let (Reply::Integer(first), Reply::Integer(last)) = (&range[0], &range[1]) else {
                    panic!()
                };
                let Reply::List(master) = &range[2] else {
                    panic!()
                };
                (first..=last).contains(&&slot) && master[1] == Reply::Integer(node.port.into())
            })
        };
        self.nodes.iter().position(is_own).unwrap()
    }

    /// Gives an empty slot to another node.
    pub(crate) async fn give(&self, slot: i64, to: usize) {
        let id = String::from_utf8(self.nodes[to].text("CLUSTER MYID").bytes()).unwrap();
        // The new owner first: the others learn of it.
        for index in [to, (to + 1) % 3, (to + 2) % 3] {
            let give = format!("CLUSTER SETSLOT {slot} NODE {id}");
            let said = self.nodes[index].text(&give);
            assert_eq!(said, Reply::Text("+OK".to_owned()));
        }
    }
}

fn node() -> Redis {
    let bus = free_port().to_string();
    Redis::with(&[
        "--cluster-enabled",
        "yes",
        "--cluster-port",
        &bus,
        "--cluster-config-file",
        &format!("nodes-{bus}.conf"),
        "--cluster-node-timeout",
        "2000",
    ])
}

fn bus(node: &Redis) -> u16 {
    let Reply::List(setting) = node.text("CONFIG GET cluster-port") else {
        panic!()
    };
    String::from_utf8(setting[1].clone().bytes())
        .unwrap()
        .parse()
        .unwrap()
}

fn ok(node: &Redis, command: &str) {
    assert_eq!(
        node.text(command),
        Reply::Text("+OK".to_owned()),
        "{command}"
    );
}

impl Drop for Cluster {
    fn drop(&mut self) {
        // After a failure, a node may be gone, and a second panic would end the other tests.
        if std::thread::panicking() {
            return;
        }
        for node in &self.nodes {
            let Reply::List(setting) = node.text("CONFIG GET cluster-config-file") else {
                continue;
            };
            let name = String::from_utf8(setting[1].clone().bytes()).unwrap();
            let directory = std::path::Path::new(env!("CARGO_TARGET_TMPDIR"));
            let _ = std::fs::remove_file(directory.join(name));
        }
    }
}

#[tokio::test]
async fn services_are_spread_over_the_nodes_and_one_connection_reaches_them_all() {
    let cluster = Cluster::start().await;
    let settings = cluster.settings();
    let connection = RedisConnection::connect(settings).await.unwrap();
    // Their lists are on different nodes.
    let names = ["one", "two", "three", "four", "five", "six"];
    let mut servers = Vec::new();
    let mut builder = Client::builder();
    for name in names {
        let server = service().name(name).build().unwrap();
        let transport = RedisServerTransport::on(&connection, name);
        let taken_from = transport.clone();
        servers.push((
            transport,
            tokio::spawn(async move { server.run(taken_from).await }),
        ));
        builder = builder.service(name, RedisClientTransport::on(&connection, name));
    }
    let client = builder.build().unwrap();
    let calls = (0..300_u16).map(|number| {
        let body = value!({ "number": (i64::from(number)) });
        let call = client.call_action(names[usize::from(number % 6)], "echo", &body);
        tokio::spawn(async move {
            let answer = call.timeout(Duration::from_secs(30)).await.unwrap();
            assert_eq!(answer, body);
        })
    });
    for call in calls.collect::<Vec<_>>() {
        call.await.unwrap();
    }
    let used = cluster.nodes.iter().filter(|node| node.calls("rpush") > 0);
    assert!(used.count() > 1, "all is on one node");
    for (transport, task) in servers {
        transport.close();
        tokio::time::timeout(Duration::from_secs(20), task)
            .await
            .expect("it stops")
            .unwrap()
            .unwrap();
    }
}

#[tokio::test]
async fn many_clients_of_one_service_have_their_answers_on_all_nodes() {
    let cluster = Cluster::start().await;
    let running = Running::start(service().build().unwrap(), cluster.settings());
    for number in 0..12_i64 {
        let client = client(cluster.settings());
        let body = value!({ "number": (number) });
        let call = client.call_action("test", "echo", &body);
        assert_eq!(call.timeout(Duration::from_secs(20)).await.unwrap(), body);
    }
    running.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_service_whose_list_moves_to_another_node_goes_on() {
    let cluster = Cluster::start().await;
    let (server, runs) = Load::service();
    let running = Running::start(server.build().unwrap(), cluster.settings());
    let load = Load::start(&client(cluster.settings()), runs);
    load.goes_on(200).await;
    let Reply::Integer(slot) = cluster.nodes[0].text("CLUSTER KEYSLOT pysoa:service.test") else {
        panic!()
    };
    let from = cluster.owner(slot);
    let to = (from + 1) % 3;
    // A slot with keys cannot be given away so; the list is empty every other moment.
    let node = &cluster.nodes[from];
    until("the list was empty when the slot was given away", || {
        node.text(&format!(
            "CLUSTER SETSLOT {slot} NODE {}",
            id(&cluster.nodes[to])
        )) == Reply::Text("+OK".to_owned())
    })
    .await;
    cluster.give(slot, to).await;
    load.goes_on(200).await;
    load.finish().await;
    running.stop().await;
    assert_eq!(cluster.owner(slot), to);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_node_that_is_killed_is_replaced_by_its_replica() {
    let mut cluster = Cluster::start().await;
    let Reply::Integer(slot) = cluster.nodes[0].text("CLUSTER KEYSLOT pysoa:service.test") else {
        panic!()
    };
    let killed = cluster.owner(slot);
    let replica = node();
    let other = &cluster.nodes[(killed + 1) % 3];
    ok(
        &replica,
        &format!("CLUSTER MEET 127.0.0.1 {} {}", other.port, bus(other)),
    );
    let replicate = format!("CLUSTER REPLICATE {}", id(&cluster.nodes[killed]));
    until("it knows its master", || {
        replica.text(&replicate) == Reply::Text("+OK".to_owned())
    })
    .await;
    until("the replica follows, and the others know it", || {
        let said = String::from_utf8(replica.text("INFO replication").bytes()).unwrap();
        let knows = |node: &Redis| {
            let nodes = String::from_utf8(node.text("CLUSTER NODES").bytes()).unwrap();
            nodes
                .lines()
                .any(|line| line.contains("slave") && line.contains("connected"))
        };
        said.contains("master_link_status:up") && cluster.nodes.iter().all(knows)
    })
    .await;
    let (server, runs) = Load::service();
    let running = Running::start(server.build().unwrap(), cluster.settings());
    let load = Load::start(&client(cluster.settings()), runs);
    load.goes_on(100).await;
    cluster.nodes[killed].kill();
    until("calls go to the replica", || replica.calls("rpush") > 50).await;
    load.goes_on(100).await;
    load.finish().await;
    running.stop().await;
    cluster.nodes[killed] = replica;
}

fn id(node: &Redis) -> String {
    String::from_utf8(node.text("CLUSTER MYID").bytes()).unwrap()
}
