//! Addresses: a channel, and the URL at which it is.

use std::fmt;
use std::str::FromStr;

use soa_runtime::BuildError;
use soa_wire::{Name, redact};

/// A way to call an instance: a channel, and the URL at which the instance offers it.
///
/// In registries, an address is the text `channel(url)`, and the addresses of an instance are such texts with commas between
/// them. The form is that of Aspyx. Its `Display` is this text, with all that the URL has, for registries; its `Debug`, for
/// logs, leaves out a login and the query of the URL.
///
/// ```
/// use soa_registry::Address;
///
/// let addresses = Address::parse_list("rest(http://10.0.0.1:8000),dispatch-json(http://10.0.0.1:8000)");
/// assert_eq!(addresses.len(), 2);
/// assert_eq!((addresses[1].channel(), addresses[1].url()), ("dispatch-json", "http://10.0.0.1:8000"));
/// assert_eq!(addresses[0].to_string(), "rest(http://10.0.0.1:8000)");
/// ```
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Address {
    channel: Name,
    url: String,
}

impl Address {
    /// Creates an address. A slash at the end of the URL is left out.
    ///
    /// # Errors
    /// The channel is no word of letters, digits, `-` and `_`, or the URL has a comma, a parenthesis, a space or a control
    /// character: the form of registries cannot hold it.
    pub fn new(channel: impl Into<Name>, url: impl Into<String>) -> Result<Self, BuildError> {
        let (channel, mut url) = (channel.into(), url.into());
        let is_word = |c: char| c.is_ascii_alphanumeric() || c == '-' || c == '_';
        if channel.is_empty() || !channel.chars().all(is_word) {
            return Err(BuildError::new(format!(
                "invalid channel `{channel}`: a channel is a word of letters, digits, `-` and `_`"
            )));
        }
        let breaks = |c: char| matches!(c, ',' | '(' | ')') || c.is_whitespace() || c.is_control();
        if url.contains(breaks) {
            return Err(BuildError::new(format!(
                "invalid address `{}`: an address has no comma, parenthesis or space",
                redact::url(&url)
            )));
        }
        url.truncate(url.trim_end_matches('/').len());
        Ok(Self { channel, url })
    }

    /// Returns the name of the channel: `dispatch-json`.
    pub fn channel(&self) -> &str {
        &self.channel
    }

    /// Returns the URL, without a slash at its end.
    pub fn url(&self) -> &str {
        &self.url
    }

    /// Returns the address for logs and errors: without the login and the query that its URL may have.
    pub(crate) fn shown(&self) -> String {
        format!("{}({})", self.channel, redact::url(&self.url))
    }

    /// Reads a list of addresses as registries have it. Parts that are no address are left out.
    pub fn parse_list(list: &str) -> Vec<Self> {
        Self::listed(list).collect()
    }

    /// Reads the addresses of a list, one by one.
    pub(crate) fn listed(list: &str) -> impl Iterator<Item = Self> {
        let parts = list.split(',').map(str::trim);
        parts.filter_map(|part| part.parse().ok())
    }
}

impl FromStr for Address {
    type Err = BuildError;

    fn from_str(text: &str) -> Result<Self, BuildError> {
        let parts = text.split_once('(');
        let parts = parts.and_then(|(channel, rest)| Some((channel, rest.strip_suffix(')')?)));
        let Some((channel, url)) = parts else {
            return Err(BuildError::new(format!(
                "invalid address `{}`: expected a channel and a URL, such as `dispatch-json(http://10.0.0.1:8000)`",
                redact::url(text)
            )));
        };
        Self::new(channel.to_owned(), url)
    }
}

impl fmt::Display for Address {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}({})", self.channel, self.url)
    }
}

impl fmt::Debug for Address {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Address").field(&self.shown()).finish()
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn secrets_are_for_the_registry_and_not_for_people() {
        let whole = "rest(http://me:pass@a:1/x?key=pass)";
        let address: Address = whole.parse().unwrap();
        assert_eq!(address.to_string(), whole);
        assert_eq!(address.shown(), "rest(http://a:1/x?…)");
        assert_eq!(format!("{address:?}"), "Address(\"rest(http://a:1/x?…)\")");
        for wrong in [
            "rest(http://me:pass@a:1",
            "rest(http://me:pass@a:1 )",
            "me:pass@a:1",
        ] {
            let error = wrong.parse::<Address>().unwrap_err().to_string();
            assert!(!error.contains("pass"), "{error}");
        }
    }

    proptest! {
        #[test]
        fn an_address_is_read_as_it_is_written(channel in "[a-zA-Z0-9_-]{1,9}", url in "[^,()\\s\\p{Cc}]*") {
            let address = Address::new(channel, url).unwrap();
            let text = address.to_string();
            prop_assert_eq!(text.parse::<Address>().unwrap(), address.clone());
            let list = format!("{text},what?,{text}");
            prop_assert_eq!(Address::parse_list(&list), [address.clone(), address]);
        }

        #[test]
        fn any_text_is_a_list_of_addresses_that_can_be_written(text: String) {
            for address in Address::parse_list(&text) {
                prop_assert_eq!(address.to_string().parse::<Address>().unwrap(), address);
            }
        }
    }
}
