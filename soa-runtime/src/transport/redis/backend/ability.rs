//! What a login may do, and what this Redis can do.
//!
//! The reference needs few commands (EVALSHA, SCRIPT LOAD, LLEN, RPUSH, EXPIRE, BLPOP), and there are logins that may use
//! no others. What more is used here is tried once on each connection, in a form that changes nothing: with an argument
//! that is refused, but only after the login and the command were. What is missing is made up for.

use fred::error::{Error, ErrorKind};
use fred::types::Value;

use super::Link;

/// What of it can be used.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in super::super) struct Abilities {
    /// Popping many messages, and from many lists: otherwise BLPOP, one by one if need be.
    pub(in super::super) blmpop: bool,
    /// Popping several messages without waiting.
    pub(in super::super) lpop: bool,
    /// Ending a pop that waits: otherwise pops wait shorter.
    pub(in super::super) unblock: bool,
    /// Reading times to live and setting them in milliseconds, in scripts: otherwise whole seconds.
    pub(in super::super) times: bool,
    /// Finding a message in a list and removing it: otherwise requests that nobody waits for stay.
    pub(in super::super) take_back: bool,
}

/// A key that no list has: all that is tried is about it.
const KEY: &str = "pysoa:";

impl Link {
    /// Finds out what can be used here.
    pub(super) async fn probe(&self) -> Result<Abilities, Error> {
        let allows = async |name, arguments: &[&str]| {
            let arguments = arguments.iter().map(|text| Value::from(*text)).collect();
            match self.command(name, arguments).await {
                Ok(_) => Ok(true),
                Err(error) if is_lacking(&error) => Ok(false),
                Err(error) if is_not_now(&error) => Err(error),
                Err(error)
                    if super::is_answer(&error) || *error.kind() == ErrorKind::InvalidArgument =>
                {
                    Ok(true)
                }
                Err(error) => Err(error),
            }
        };
        let abilities = tokio::try_join!(
            allows("BLMPOP", &["x", "1", KEY, "LEFT"]),
            allows("LPOP", &[KEY, "-1"]),
            allows("CLIENT", &["UNBLOCK", "0"]),
            allows("CLIENT", &["ID"]),
            allows("PTTL", &[KEY]),
            allows("PEXPIRE", &[KEY, "x"]),
            allows("LPOS", &[KEY, "x", "RANK", "0"]),
            allows("LREM", &[KEY, "x", "x"]),
        )?;
        let (blmpop, lpop, unblock, id, pttl, pexpire, lpos, lrem) = abilities;
        let abilities = Abilities {
            blmpop,
            lpop,
            unblock: unblock && id,
            times: pttl && pexpire,
            take_back: lpos && lrem,
        };
        Ok(abilities)
    }
}

impl Abilities {
    /// Stands for what was not asked yet.
    pub(super) const UNKNOWN: u8 = u8::MAX;

    /// A bit for each.
    pub(super) fn bits(self) -> u8 {
        let bits = [
            self.blmpop,
            self.lpop,
            self.unblock,
            self.times,
            self.take_back,
        ];
        let bits = bits.into_iter().zip(0..);
        bits.map(|(is_there, place)| u8::from(is_there) << place)
            .sum()
    }

    /// What the bits say; everything, as long as it is not known.
    pub(super) fn from_bits(bits: u8) -> Self {
        let is_there = |place: u8| bits & (1 << place) != 0;
        Self {
            blmpop: is_there(0),
            lpop: is_there(1),
            unblock: is_there(2),
            times: is_there(3),
            take_back: is_there(4),
        }
    }

    /// The names of the commands that are missing; nothing when all are there.
    pub(in super::super) fn missing(self) -> String {
        let commands = [
            (self.blmpop, "BLMPOP"),
            (self.lpop, "LPOP with a count"),
            (self.unblock, "CLIENT UNBLOCK or CLIENT ID"),
            (self.times, "PTTL or PEXPIRE"),
            (self.take_back, "LPOS or LREM"),
        ];
        let missing = commands.into_iter().filter(|(is_there, _)| !is_there);
        let missing: Vec<_> = missing.map(|(_, name)| name).collect();
        missing.join(", ")
    }
}

/// Whether it is the command that is refused or unknown, and not what it was given: a login may well have no rights to
/// the key that things are tried with.
pub(super) fn is_lacking(error: &Error) -> bool {
    let text = error.details();
    // A script says it in other words.
    let is_refused = text.starts_with("NOPERM") || text.contains("ACL failure");
    is_refused && text.contains("to run")
        || text.contains("can't run this command")
        || text.contains("unknown command")
        || text.contains("wrong number of arguments")
}

/// Whether nothing can be found out here just now.
fn is_not_now(error: &Error) -> bool {
    let is = |word: &&str| error.details().starts_with(*word);
    ["LOADING", "READONLY", "MASTERDOWN", "NOAUTH"]
        .iter()
        .any(is)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn abilities_are_what_their_bits_say() {
        assert!(
            Abilities::from_bits(Abilities::UNKNOWN)
                .missing()
                .is_empty()
        );
        for bits in 0..32 {
            let abilities = Abilities::from_bits(bits);
            assert_eq!(abilities.bits(), bits);
            assert_eq!(abilities.missing().is_empty(), bits == 31);
        }
    }
}
