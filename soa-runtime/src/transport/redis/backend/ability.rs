//! What a login may do, and what this Redis can do.
//!
//! The reference needs few commands (EVALSHA, SCRIPT LOAD, LLEN, RPUSH, EXPIRE, BLPOP), and there are logins that may use
//! no others. What more is used here is tried once on each connection, in a form that changes nothing: with an argument
//! that is refused, but only after the login and the command were. What is missing is made up for.

use fred::error::{Error, ErrorKind};
use fred::types::Value;

use super::Link;

/// What of it can be used. By default all.
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
    /// Deleting reply lists: otherwise they expire.
    pub(in super::super) delete: bool,
}

impl Default for Abilities {
    fn default() -> Self {
        Self {
            blmpop: true,
            lpop: true,
            unblock: true,
            times: true,
            take_back: true,
            delete: true,
        }
    }
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
            allows("DEL", &[KEY]),
        )?;
        let (blmpop, lpop, unblock, id, pttl, pexpire, lpos, lrem, delete) = abilities;
        let abilities = Abilities {
            blmpop,
            lpop,
            unblock: unblock && id,
            times: pttl && pexpire,
            take_back: lpos && lrem,
            delete,
        };
        Ok(abilities)
    }
}

impl Abilities {
    /// The names of the commands that are missing; nothing when all are there.
    pub(in super::super) fn missing(self) -> String {
        let commands = [
            (self.blmpop, "BLMPOP"),
            (self.lpop, "LPOP with a count"),
            (self.unblock, "CLIENT UNBLOCK or CLIENT ID"),
            (self.times, "PTTL or PEXPIRE"),
            (self.take_back, "LPOS or LREM"),
            (self.delete, "DEL"),
        ];
        let missing = commands.into_iter().filter(|(is_there, _)| !is_there);
        let missing: Vec<_> = missing.map(|(_, name)| name).collect();
        missing.join(", ")
    }
}

/// Whether it is the command that is refused or unknown, and not what it was given: a login may well have no rights to
/// the key that things are tried with.
fn is_lacking(error: &Error) -> bool {
    let text = error.details();
    let is_refused = text.starts_with("NOPERM") && text.contains("to run");
    is_refused || text.contains("unknown command") || text.contains("wrong number of arguments")
}
