//! Questions to sentinels and to nodes of a cluster, each over a connection of its own: they are rare. And what a sentinel
//! announces, for which one connection is kept.

use std::ops::RangeInclusive;
use std::time::Duration;

use super::access::Access;
use super::dialogue::Dialogue;
use super::error::{Error, ErrorKind};
use super::failure::is_answer;
use super::node::Node;
use super::tls::{Lifetime, Listening};
use super::words::{Value, word};

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
    let masters = answer.into_list().into_iter().filter_map(|fields| {
        let mut fields = fields.into_list().into_iter();
        let (mut name, mut host, mut port, mut flags) = (None, None, None, String::new());
        while let (Some(key), Some(value)) = (fields.next(), fields.next()) {
            match key.text()? {
                "name" => name = value.text().map(str::to_owned),
                "ip" => host = value.text().map(str::to_owned),
                "port" => port = u16::try_from(value.number()?).ok(),
                "flags" => value.text()?.clone_into(&mut flags),
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

/// The outcome of a look at whether a Redis is there.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in super::super) enum Pulse {
    /// It answers, whatever it says.
    Alive,
    /// It says nothing.
    Silent,
    /// There is no connection to it.
    Refused,
}

/// Finds out whether a Redis answers on a new connection within this time.
pub(in super::super) async fn pulse(access: &Access, node: &Node, within: Duration) -> Pulse {
    match tokio::time::timeout(within, question(access, node, "PING", "x")).await {
        Ok(Ok(_)) => Pulse::Alive,
        // It does not know what to do with messages yet.
        Ok(Err(error)) if error.details().starts_with("LOADING") => Pulse::Silent,
        Ok(Err(error)) if is_answer(&error) || error.kind() == ErrorKind::Auth => Pulse::Alive,
        Ok(Err(_)) => Pulse::Refused,
        Err(_) => Pulse::Silent,
    }
}

/// Asks a node of a cluster for the slots of each node.
pub(in super::super) async fn slots(
    access: &Access,
    node: &Node,
) -> Result<Vec<(RangeInclusive<u16>, Node)>, String> {
    let answer = ask(access, node, "CLUSTER", "SLOTS").await?;
    let slots = answer.into_list().into_iter().filter_map(|range| {
        let mut range = range.into_list().into_iter();
        let mut slot = || u16::try_from(range.next()?.number()?).ok();
        let slots = slot()?..=slot()?;
        let mut master = range.next()?.into_list().into_iter();
        let host = master.next()?;
        // A node that does not know its own name reports none: it is the one that was asked.
        let host = host.text().filter(|host| !host.is_empty());
        let node = Node {
            host: host.unwrap_or(&node.host).to_owned(),
            port: u16::try_from(master.next()?.number()?).ok()?,
        };
        Some((slots, node))
    });
    Ok(slots.collect())
}

/// A master that has moved, as a sentinel announces it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(in super::super) struct Move {
    pub(in super::super) name: String,
    pub(in super::super) from: Node,
    pub(in super::super) to: Node,
}

/// The announcements of a sentinel that a master has moved.
#[derive(Debug)]
pub(in super::super) struct Announcements(Subscription);

/// A connection that was told to listen to a channel.
#[derive(Debug)]
enum Subscription {
    Own(Dialogue),
    Encrypted(Listening),
}

/// The reason why a sentinel announces nothing.
#[derive(Debug)]
pub(in super::super) enum NoAnnouncements {
    /// The login may not subscribe.
    Refused(String),
    /// It cannot be reached, or does not answer.
    Unreachable,
}

/// The name of the channel of announcements.
const SWITCHES: &str = "+switch-master";

impl Announcements {
    /// Subscribes to the announcements of a sentinel.
    pub(in super::super) async fn of(
        access: &Access,
        sentinel: &Node,
    ) -> Result<Self, NoAnnouncements> {
        let subscribing = async {
            if let Some(client) = access.client(sentinel, Lifetime::OneQuestion) {
                let listening = client.listen(SWITCHES).await?;
                return Ok(Self(Subscription::Encrypted(listening)));
            }
            let mut dialogue = access.dialogue(sentinel).await?;
            dialogue.ask("SUBSCRIBE", &[word(SWITCHES)]).await?;
            Ok(Self(Subscription::Own(dialogue)))
        };
        match tokio::time::timeout(access.time_limit(), subscribing).await {
            Ok(Ok(announcements)) => Ok(announcements),
            Ok(Err(error)) if is_answer(&error) => Err(NoAnnouncements::Refused(error.to_string())),
            Ok(Err(_)) | Err(_) => Err(NoAnnouncements::Unreachable),
        }
    }

    /// Waits for the next one; `None` when the connection has ended. Giving up loses nothing.
    pub(in super::super) async fn next(&mut self) -> Option<Move> {
        loop {
            let text = match &mut self.0 {
                Subscription::Own(dialogue) => message(dialogue.next().await.ok()?),
                Subscription::Encrypted(listening) => Some(listening.next().await?),
            };
            if let Some(moved) = text.as_ref().and_then(Value::text).and_then(read_move) {
                return Some(moved);
            }
        }
    }
}

/// Reads what comes on a connection that listens: `message`, the channel and the text. `None` for anything else.
fn message(pushed: Result<Value, Error>) -> Option<Value> {
    let mut pushed = pushed.ok()?.into_list().into_iter();
    let is_message = pushed.next()?.text() == Some("message");
    let _channel = pushed.next()?;
    pushed.next().filter(|_| is_message)
}

/// Reads `name host port host port`, which the last ones replace the first by.
fn read_move(text: &str) -> Option<Move> {
    let words: Vec<&str> = text.split(' ').collect();
    let [name, from, from_port, to, to_port] = words.as_slice() else {
        return None;
    };
    let node = |host: &str, port: &str| {
        let (host, port) = (host.to_owned(), port.parse().ok()?);
        Some(Node { host, port })
    };
    Some(Move {
        name: (*name).to_owned(),
        from: node(from, from_port)?,
        to: node(to, to_port)?,
    })
}

async fn ask(
    access: &Access,
    node: &Node,
    name: &'static str,
    subcommand: &'static str,
) -> Result<Value, String> {
    let question = question(access, node, name, subcommand);
    match tokio::time::timeout(access.time_limit(), question).await {
        Ok(Ok(answer)) => Ok(answer),
        Ok(Err(error)) => Err(format!("{node}: {error}")),
        Err(_) => Err(format!("{node}: timed out")),
    }
}

/// Asks one thing on a connection of its own, which closes with the answer, or with whoever gives up.
async fn question(
    access: &Access,
    node: &Node,
    name: &'static str,
    argument: &'static str,
) -> Result<Value, Error> {
    match access.client(node, Lifetime::OneQuestion) {
        Some(client) => client.ask(name, argument).await,
        None => {
            let mut dialogue = access.dialogue(node).await?;
            dialogue.ask(name, &[word(argument)]).await
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_announcement_names_both_places() {
        let node = |port| Node {
            host: "10.0.0.1".to_owned(),
            port,
        };
        let moved = read_move("alpha 10.0.0.1 6379 10.0.0.1 6380").unwrap();
        let expected = Move {
            name: "alpha".to_owned(),
            from: node(6379),
            to: node(6380),
        };
        assert_eq!(moved, expected);
        for wrong in [
            "",
            "alpha",
            "alpha a 1 b",
            "alpha a 1 b x",
            "alpha a 1 b 70000",
        ] {
            assert_eq!(read_move(wrong), None, "{wrong}");
        }
    }

    #[test]
    fn a_message_is_told_from_what_else_comes_on_a_subscription() {
        let pushed = |kind, text| {
            let words = vec![word(kind), word(SWITCHES), text];
            message(Ok(Value::List(words)))
        };
        assert_eq!(pushed("message", word("text")), Some(word("text")));
        assert_eq!(pushed("subscribe", Value::Integer(1)), None);
        assert_eq!(message(Ok(word("PONG"))), None);
        assert_eq!(message(Ok(Value::List(vec![word("message")]))), None);
        let error = Error::new(ErrorKind::Unknown, "ERR x");
        assert_eq!(message(Err(error)), None);
    }
}
