//! The readers of foreign bytes, for fuzz targets and for nobody else.

use crate::address::Address;
use crate::consul::entries;
#[cfg(feature = "redis")]
use crate::redis::instance;

/// Reads bytes as all that registries answer: a list of Consul, a record of Redis, a list of addresses.
///
/// # Panics
/// An address is not read as it is written.
pub fn answers(body: &[u8]) {
    let mut instances = entries(body).unwrap_or_default().instances;
    #[cfg(feature = "redis")]
    instances.extend(instance("id", body));
    for instance in &instances {
        assert!(!instance.addresses.is_empty());
    }
    let text = String::from_utf8_lossy(body);
    let listed = instances.drain(..).flat_map(|instance| instance.addresses);
    for address in listed.chain(Address::parse_list(&text)) {
        assert_eq!(address.to_string().parse::<Address>().ok(), Some(address));
    }
}
