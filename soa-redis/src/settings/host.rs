//! A host with its port as text: `cache`, `cache:6380`, `[::1]:6380`.

use serde::de::{Deserialize, Deserializer, Error};
use serde::ser::Serializer;

/// Port of a Redis, and of a node of a cluster.
pub(super) const REDIS_PORT: u16 = 6379;

/// Port of a sentinel.
pub(super) const SENTINEL_PORT: u16 = 26379;

/// Stands for a port that the text does not tell. No server has it.
pub(super) const NO_PORT: u16 = 0;

/// Reads a host and its port, which is [`NO_PORT`] where the text has none. An error does not repeat the text: there may
/// be a password in it.
pub(super) fn read(text: &str) -> Result<(String, u16), &'static str> {
    let (host, port) = match text.strip_prefix('[') {
        Some(rest) => {
            let (host, port) = rest.split_once(']').ok_or("`]` is missing")?;
            if !port.is_empty() && !port.starts_with(':') {
                return Err("`:` and the port must follow `]`");
            }
            (host, port)
        }
        None if is_bare_ipv6(text) => {
            return Err("an IPv6 address needs brackets, as in `[::1]:6379`");
        }
        None => text.split_at(text.find(':').unwrap_or(text.len())),
    };
    if host.is_empty() {
        return Err("there is no host");
    }
    if host.contains(['/', '@', ',', ' ']) {
        return Err("the host is not a name or an address");
    }
    let port = match port {
        "" => NO_PORT,
        port => {
            let port = port.strip_prefix(':').and_then(|port| port.parse().ok());
            let port = port.filter(|port| *port != NO_PORT);
            port.ok_or("the port is not a number from 1 to 65535")?
        }
    };
    Ok((host.to_owned(), port))
}

/// True if the text is an address of version 6 without brackets, whose port cannot be told apart.
fn is_bare_ipv6(text: &str) -> bool {
    let is_part = |byte: u8| byte.is_ascii_hexdigit() || byte == b':' || byte == b'.';
    text.matches(':').count() > 1 && text.bytes().all(is_part)
}

/// Formats a host and its port as they are read.
pub(in super::super) fn shown(host: &str, port: u16) -> String {
    if host.contains(':') {
        format!("[{host}]:{port}")
    } else {
        format!("{host}:{port}")
    }
}

/// Writes hosts with their ports, for the schema's default.
pub(super) fn serialize<S: Serializer>(
    hosts: &[(String, u16)],
    serializer: S,
) -> Result<S::Ok, S::Error> {
    serializer.collect_seq(hosts.iter().map(|(host, port)| shown(host, *port)))
}

/// Reads hosts, each with a port or [`NO_PORT`].
pub(super) fn deserialize<'de, D: Deserializer<'de>>(
    deserializer: D,
) -> Result<Vec<(String, u16)>, D::Error> {
    let hosts = Vec::<Host>::deserialize(deserializer)?;
    Ok(hosts
        .into_iter()
        .map(|Host(host, port)| (host, port))
        .collect())
}

struct Host(String, u16);

impl<'de> Deserialize<'de> for Host {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = String::deserialize(deserializer)?;
        let (host, port) = read(&text)
            .map_err(|why| Error::custom(format!("expected HOST or HOST:PORT, but {why}")))?;
        Ok(Self(host, port))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_host_is_read_as_it_is_written() {
        for text in ["a:1", "[::1]:7000", "127.0.0.1:6379"] {
            let (host, port) = read(text).unwrap();
            assert_eq!(shown(&host, port), text);
        }
        for (text, host) in [("a", "a"), ("[::1]", "::1")] {
            assert_eq!(read(text), Ok((host.to_owned(), NO_PORT)));
        }
        for text in [
            "",
            ":1",
            "a:",
            "a:x",
            "a:0",
            "a:65536",
            "[::1",
            "[::1]x",
            "redis://a",
            "a@b",
            "a b",
        ] {
            assert!(read(text).is_err(), "{text}");
        }
    }
}
