//! Names of the keys in Redis.

/// Prefix of all keys.
pub(super) const PREFIX: &str = "pysoa:";

/// The list of a service's requests.
pub(super) fn request_key(service: &str) -> String {
    format!("{PREFIX}service.{service}")
}
