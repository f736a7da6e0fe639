//! Questions to an agent: targets and bodies.

use std::time::Duration;

use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};
use serde::Serialize;

use crate::instance::Registration;
use crate::registry::Version;

/// The tag of every instance of a component.
const COMPONENT_TAG: &str = "component";

/// The beginning of the tag of an instance with a weight.
pub(super) const WEIGHT_TAG: &str = "weight=";

/// Characters that are encoded in a segment of a path. Consul's own clients leave the colon.
const ENCODED: &AsciiSet = &NON_ALPHANUMERIC
    .remove(b'-')
    .remove(b'.')
    .remove(b'_')
    .remove(b'~')
    .remove(b':');

pub(super) const REGISTER: &str = "/v1/agent/service/register";

fn encoded(text: &str) -> impl std::fmt::Display + '_ {
    utf8_percent_encode(text, ENCODED)
}

/// Returns the target of what the agent knows of an instance.
pub(super) fn service(id: &str) -> String {
    format!("/v1/agent/service/{}", encoded(id))
}

pub(super) fn deregister(id: &str) -> String {
    format!("/v1/agent/service/deregister/{}", encoded(id))
}

/// Returns the target of a look-up, which waits for another version than this one for a time.
pub(super) fn look_up(
    component: &str,
    wait: Option<(Version, Duration)>,
    datacenter: Option<&str>,
) -> String {
    let mut target = format!("/v1/health/service/{}?passing=1", encoded(component));
    if let Some((Version(index), wait)) = wait {
        target += &format!("&index={}&wait={}", index.max(1), period(wait));
    }
    if let Some(datacenter) = datacenter {
        target += &format!("&dc={}", encoded(datacenter));
    }
    target
}

/// The registration of an instance at an agent.
#[derive(Debug, Serialize)]
pub(super) struct Service<'a> {
    pub(super) name: &'a str,
    pub(super) id: &'a str,
    pub(super) address: String,
    pub(super) port: u16,
    pub(super) tags: Vec<String>,
    pub(super) meta: Meta,
    check: Check<'a>,
}

#[derive(Debug, Serialize)]
pub(super) struct Meta {
    pub(super) channels: String,
}

#[derive(Debug, Serialize)]
struct Check<'a> {
    http: &'a str,
    interval: String,
    timeout: String,
    #[serde(rename = "DeregisterCriticalServiceAfter")]
    removed_after: String,
}

impl<'a> Service<'a> {
    pub(super) fn new(registration: &'a Registration) -> Self {
        let (instance, health) = (&registration.instance, &registration.health);
        let mut tags = vec![COMPONENT_TAG.to_owned()];
        if instance.weight != 1 {
            tags.push(format!("{WEIGHT_TAG}{}", instance.weight));
        }
        tags.extend(registration.tags.iter().cloned());
        let channels: Vec<_> = instance.addresses.iter().map(ToString::to_string).collect();
        Self {
            name: &registration.component,
            id: &instance.id,
            address: registration.host.ip().to_string(),
            port: registration.host.port(),
            tags,
            meta: Meta {
                channels: channels.join(","),
            },
            check: Check {
                http: &health.url,
                interval: period(health.interval),
                timeout: period(health.timeout),
                removed_after: period(health.removed_after),
            },
        }
    }
}

/// Returns a time as Consul reads it.
fn period(time: Duration) -> String {
    let (seconds, millis) = (time.as_secs(), time.subsec_millis());
    match (seconds, millis) {
        (seconds, 0) if seconds >= 120 && seconds % 60 == 0 => format!("{}m", seconds / 60),
        (seconds, 0) => format!("{seconds}s"),
        _ => format!("{}ms", time.as_millis()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_are_those_of_consul() {
        let written = |millis| period(Duration::from_millis(millis));
        assert_eq!(written(10_000), "10s");
        assert_eq!(written(60_000), "60s");
        assert_eq!(written(300_000), "5m");
        assert_eq!(written(86_400_000), "1440m");
        assert_eq!(written(90_000), "90s");
        assert_eq!(written(1500), "1500ms");
    }

    #[test]
    fn names_cannot_leave_their_place_in_a_target() {
        assert_eq!(service("../x?y#z"), "/v1/agent/service/..%2Fx%3Fy%23z");
        let wait = Some((Version(0), Duration::from_secs(60)));
        assert_eq!(
            look_up("a b", wait, Some("dc&1")),
            "/v1/health/service/a%20b?passing=1&index=1&wait=60s&dc=dc%261"
        );
    }
}
