//! A Lua script, in the two forms that logins need.

use bytes::Bytes;

/// A script in full, and with no commands but those of the reference.
#[derive(Debug)]
pub(in super::super) struct Script {
    full: Variant,
    plain: Variant,
}

/// A Lua script and its digest, by which Redis knows it.
#[derive(Debug)]
pub(super) struct Variant {
    pub(super) text: Bytes,
    pub(super) digest: Bytes,
}

impl Script {
    /// A script for logins that may use all commands, and one that does the same for those that may not.
    pub(in super::super) fn new(full: impl Into<String>, plain: impl Into<String>) -> Self {
        Self {
            full: Variant::new(full.into()),
            plain: Variant::new(plain.into()),
        }
    }

    /// Returns the command that runs it by its digest, with its words: the same for every login.
    pub(in super::super) fn by_digest(
        &self,
        keys: &[&Bytes],
        arguments: &[Bytes],
    ) -> (&'static str, Vec<Bytes>) {
        let count = Bytes::from(keys.len().to_string());
        let words = [self.full.digest.clone(), count];
        let words = words.into_iter().chain(keys.iter().copied().cloned());
        ("EVALSHA", words.chain(arguments.iter().cloned()).collect())
    }

    /// The variant for a login that may use all commands, or for one that may not.
    pub(super) fn variant(&self, is_full: bool) -> &Variant {
        if is_full { &self.full } else { &self.plain }
    }
}

impl Variant {
    fn new(text: String) -> Self {
        Self {
            digest: sha1_smol::Sha1::from(&text).digest().to_string().into(),
            text: text.into(),
        }
    }
}
