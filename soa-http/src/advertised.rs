//! The address by which others reach a listener.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr, UdpSocket};

/// Addresses that stand for none: those of documentation. A socket that is connected to one tells the own address that would
/// be used; nothing is sent.
const OUTSIDE: (Ipv4Addr, Ipv6Addr) = (
    Ipv4Addr::new(192, 0, 2, 1),
    Ipv6Addr::new(0x2001, 0xdb8, 0, 0, 0, 0, 0, 1),
);

/// Any port will do.
const OUTSIDE_PORT: u16 = 9;

/// Returns the address of a listener as `host:port`: the given one, which may have no port, or that of the listener.
pub(crate) fn advertised(given: Option<&str>, bound: SocketAddr) -> String {
    let port = bound.port();
    match given.map(parts) {
        Some(Some((host, given))) => format!("{host}:{}", given.unwrap_or(port)),
        // The settings refuse one that cannot be read.
        Some(None) | None if !bound.ip().is_unspecified() => bound.to_string(),
        Some(None) | None => SocketAddr::new(outward(bound.ip()), port).to_string(),
    }
}

/// Returns true for a host, or a host with a port.
pub(crate) fn is_advertised_address(given: &str) -> bool {
    parts(given).is_some()
}

/// Splits an address into its host, as it is in URLs, and its port.
fn parts(given: &str) -> Option<(String, Option<u16>)> {
    if let Ok(address) = given.parse::<SocketAddr>() {
        if address.ip().is_unspecified() {
            return None;
        }
        let host = host_of(address.ip());
        return Some((host, Some(address.port())));
    }
    let without_brackets = given
        .strip_prefix('[')
        .and_then(|rest| rest.strip_suffix(']'));
    if let Ok(ip) = without_brackets.unwrap_or(given).parse::<IpAddr>() {
        return (!ip.is_unspecified()).then(|| (host_of(ip), None));
    }
    let (host, port) = match given.split_once(':') {
        Some((host, port)) => (host, Some(port.parse().ok()?)),
        None => (given, None),
    };
    let is_of_host = |c: char| c.is_ascii_alphanumeric() || matches!(c, '-' | '.' | '_');
    let is_host = !host.is_empty() && host.chars().all(is_of_host);
    is_host.then(|| (host.to_owned(), port))
}

fn host_of(ip: IpAddr) -> String {
    match ip {
        IpAddr::V4(ip) => ip.to_string(),
        IpAddr::V6(ip) => format!("[{ip}]"),
    }
}

/// Returns the address of the interface to the outside, for a listener on every address. A machine without one has only
/// callers of its own.
fn outward(every: IpAddr) -> IpAddr {
    let own = |from: IpAddr, to: IpAddr| {
        let socket = UdpSocket::bind((from, 0)).ok()?;
        socket.connect((to, OUTSIDE_PORT)).ok()?;
        let own = socket.local_addr().ok()?.ip();
        (!own.is_unspecified()).then_some(own)
    };
    let v4 = || own(Ipv4Addr::UNSPECIFIED.into(), OUTSIDE.0.into());
    let v6 = || own(Ipv6Addr::UNSPECIFIED.into(), OUTSIDE.1.into());
    match every {
        IpAddr::V4(_) => v4().unwrap_or(Ipv4Addr::LOCALHOST.into()),
        IpAddr::V6(_) => v6().or_else(v4).unwrap_or(Ipv6Addr::LOCALHOST.into()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(given: Option<&str>, bound: &str) -> String {
        advertised(given, bound.parse().unwrap())
    }

    #[test]
    fn an_address_is_its_own_where_none_is_given() {
        assert_eq!(of(None, "10.0.0.7:8000"), "10.0.0.7:8000");
        assert_eq!(of(None, "[::1]:8000"), "[::1]:8000");
    }

    #[test]
    fn an_address_that_is_given_has_the_port_of_the_listener_if_it_has_none() {
        for (given, expected) in [
            ("shop.internal", "shop.internal:8000"),
            ("shop.internal:80", "shop.internal:80"),
            ("10.0.0.7", "10.0.0.7:8000"),
            ("10.0.0.7:80", "10.0.0.7:80"),
            ("2001:db8::7", "[2001:db8::7]:8000"),
            ("[2001:db8::7]", "[2001:db8::7]:8000"),
            ("[2001:db8::7]:80", "[2001:db8::7]:80"),
        ] {
            assert_eq!(of(Some(given), "0.0.0.0:8000"), expected);
            assert!(is_advertised_address(given));
        }
    }

    #[test]
    fn what_is_no_address_is_refused() {
        for given in [
            "0.0.0.0:80",
            "[::]:80",
            "0.0.0.0",
            "::",
            "",
            ":80",
            "a:b",
            "a:99999",
            "a b",
            "http://a",
            "a,b",
            "a(b",
            "a/b",
        ] {
            assert!(!is_advertised_address(given), "{given}");
        }
    }

    #[test]
    fn an_address_for_all_interfaces_is_told_as_one_that_can_be_called() {
        for every in ["0.0.0.0:8000", "[::]:8000"] {
            let told: SocketAddr = of(None, every).parse().unwrap();
            assert!(!told.ip().is_unspecified(), "{told}");
            assert_eq!(told.port(), 8000);
        }
    }
}
