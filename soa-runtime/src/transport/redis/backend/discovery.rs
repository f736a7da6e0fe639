//! Questions to sentinels and to nodes of a cluster, each over a connection of its own: they are rare.

use std::ops::RangeInclusive;

use fred::interfaces::ClientLike;
use fred::types::{ClusterHash, ConnectHandle, CustomCommand, Value};

use super::access::Access;
use super::node::Node;

/// A master as a sentinel sees it.
#[derive(Clone, Debug)]
pub(in super::super) struct SentinelMaster {
    pub(in super::super) name: String,
    pub(in super::super) node: Node,
    /// True if it works, as far as the sentinel knows.
    pub(in super::super) is_up: bool,
}

/// Asks a sentinel for all masters that it watches, in its order.
pub(in super::super) async fn masters(
    access: &Access,
    sentinel: &Node,
) -> Result<Vec<SentinelMaster>, String> {
    let answer = ask(access, sentinel, "SENTINEL", "MASTERS").await?;
    let masters = list(answer).into_iter().filter_map(|fields| {
        let mut fields = list(fields).into_iter();
        let (mut name, mut host, mut port, mut flags) = (None, None, None, String::new());
        while let (Some(key), Some(value)) = (fields.next(), fields.next()) {
            match &*text(key)? {
                "name" => name = text(value),
                "ip" => host = text(value),
                "port" => port = text(value)?.parse().ok(),
                "flags" => flags = text(value)?,
                _ => {}
            }
        }
        let is_down = |flag| matches!(flag, "s_down" | "o_down" | "disconnected");
        Some(SentinelMaster {
            name: name?,
            node: Node {
                host: host?,
                port: port?,
            },
            is_up: flags.split(',').any(|flag| flag == "master") && !flags.split(',').any(is_down),
        })
    });
    Ok(masters.collect())
}

/// Asks a node of a cluster for the slots of each node.
pub(in super::super) async fn slots(
    access: &Access,
    node: &Node,
) -> Result<Vec<(RangeInclusive<u16>, Node)>, String> {
    let answer = ask(access, node, "CLUSTER", "SLOTS").await?;
    let slots = list(answer).into_iter().filter_map(|range| {
        let mut range = list(range).into_iter();
        let mut slot = || u16::try_from(range.next()?.as_u64()?).ok();
        let slots = slot()?..=slot()?;
        let mut master = list(range.next()?).into_iter();
        // A node that does not know its own name reports none: it is the one that was asked.
        let host = text(master.next()?).filter(|host| !host.is_empty());
        let node = Node {
            host: host.unwrap_or_else(|| node.host.clone()),
            port: u16::try_from(master.next()?.as_u64()?).ok()?,
        };
        Some((slots, node))
    });
    Ok(slots.collect())
}

async fn ask(
    access: &Access,
    node: &Node,
    name: &'static str,
    subcommand: &str,
) -> Result<Value, String> {
    let client = access.client(node, None);
    let question = async {
        let _task = Task(client.init().await?);
        let command = CustomCommand::new_static(name, ClusterHash::FirstKey, false);
        let answer = client.custom(command, vec![Value::from(subcommand)]).await;
        let _ = client.quit().await;
        answer
    };
    match tokio::time::timeout(access.time_limit(), question).await {
        Ok(Ok(answer)) => Ok(answer),
        Ok(Err(error)) => Err(format!("{node}: {error}")),
        Err(_) => Err(format!("{node}: timed out")),
    }
}

/// The task of a connection; it ends with this, also when the answer did not come in time.
struct Task(ConnectHandle);

impl Drop for Task {
    fn drop(&mut self) {
        self.0.abort();
    }
}

fn list(value: Value) -> Vec<Value> {
    match value {
        Value::Array(values) => values,
        _ => Vec::new(),
    }
}

fn text(value: Value) -> Option<String> {
    value.as_string()
}
