//! The commands that this Redis has and that the login may use.
//!
//! The reference needs few commands (EVALSHA, SCRIPT LOAD, LLEN, RPUSH, EXPIRE, BLPOP), and there are logins that may use
//! no others. The further commands that are used here are tried once on each connection, in a form that changes nothing: with
//! an argument that is refused, but only after the login and the command were accepted. Missing commands are replaced by
//! others.

use super::error::{Error, ErrorKind};
use super::failure::is_answer;
use super::words::Value;

/// The abilities of a login at a Redis.
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
    /// Finding a message in a list and removing it: otherwise requests that timed out stay.
    pub(in super::super) take_back: bool,
    /// Running a script by its text, when Redis does not know its digest: otherwise the text is loaded first.
    pub(in super::super) eval: bool,
    /// Raising a time to live, and setting one where there is none, from Redis 7 on: otherwise only scripts push.
    pub(in super::super) raise: bool,
}

/// A command that is tried, and the place of the ability that needs it.
pub(super) struct Probe {
    place: u8,
    pub(super) command: &'static str,
    pub(super) arguments: &'static [&'static str],
}

/// A key that does not exist, for all that is tried.
const KEY: &str = "pysoa:";

/// All commands that are tried.
pub(super) const PROBES: [Probe; 10] = [
    Probe::new(0, "BLMPOP", &["x", "1", KEY, "LEFT"]),
    Probe::new(1, "LPOP", &[KEY, "-1"]),
    Probe::new(2, "CLIENT", &["UNBLOCK", "0"]),
    Probe::new(2, "CLIENT", &["ID"]),
    Probe::new(3, "PTTL", &[KEY]),
    Probe::new(3, "PEXPIRE", &[KEY, "x"]),
    Probe::new(4, "LPOS", &[KEY, "x", "RANK", "0"]),
    Probe::new(4, "LREM", &[KEY, "x", "x"]),
    Probe::new(5, "EVAL", &["", "x"]),
    Probe::new(6, "PEXPIRE", &[KEY, "x", "NX"]),
];

impl Probe {
    const fn new(place: u8, command: &'static str, arguments: &'static [&'static str]) -> Self {
        Self {
            place,
            command,
            arguments,
        }
    }

    /// The bit of the ability that is missing, or none.
    ///
    /// # Errors
    /// Redis did not say whether it has the command.
    pub(super) fn missing(&self, outcome: Result<Value, Error>) -> Result<u8, Error> {
        match outcome {
            Ok(_) => Ok(0),
            Err(error) if is_lacking(&error) => Ok(1 << self.place),
            Err(error) if is_not_now(&error) => Err(error),
            Err(error) if is_answer(&error) || error.kind() == ErrorKind::InvalidArgument => Ok(0),
            Err(error) => Err(error),
        }
    }
}

impl Abilities {
    /// Bits before the first probe.
    pub(super) const UNKNOWN: u8 = u8::MAX;

    /// The bits of all abilities.
    pub(super) const ALL: u8 = 0b111_1111;

    /// The abilities that bits stand for; all of them, as long as they are unknown.
    pub(super) fn from_bits(bits: u8) -> Self {
        let has = |place: u8| bits & (1 << place) != 0;
        Self {
            blmpop: has(0),
            lpop: has(1),
            unblock: has(2),
            times: has(3),
            take_back: has(4),
            eval: has(5),
            raise: has(6),
        }
    }

    /// The number of messages that a pop of so many may bring.
    pub(in super::super) fn most_popped(self, count: usize) -> usize {
        if self.blmpop || self.lpop {
            count
        } else {
            count.min(1)
        }
    }

    /// Names of the commands that are missing and of consequence; empty when all are there.
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

/// True if the command is refused or unknown, whatever it was given: a login may well have no rights to the key of the
/// probes.
pub(super) fn is_lacking(error: &Error) -> bool {
    let text = error.details();
    // A script says it in other words.
    let is_refused = text.starts_with("NOPERM") || text.contains("ACL failure");
    is_refused && text.contains("to run")
        || text.contains("can't run this command")
        || text.contains("unknown command")
        || text.contains("wrong number of arguments")
}

/// True if this Redis cannot tell at present.
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
    fn a_refused_command_takes_its_ability_away() {
        let unknown = Abilities::from_bits(Abilities::UNKNOWN);
        assert_eq!(unknown.missing(), "");
        assert_eq!(unknown, Abilities::from_bits(Abilities::ALL));
        for probe in &PROBES {
            let refused = || Error::new(ErrorKind::Unknown, "ERR unknown command 'X'");
            let missing = probe.missing(Err(refused())).unwrap();
            assert_eq!(missing.count_ones(), 1);
            let abilities = Abilities::from_bits(Abilities::ALL & !missing);
            // What is done in the place of this one is as good.
            if matches!(probe.place, 5 | 6) {
                assert!(!(abilities.eval && abilities.raise));
                continue;
            }
            assert!(abilities.missing().contains(probe.command), "{abilities:?}");
            // Another error says that the command is there.
            let error = Error::new(ErrorKind::Unknown, "ERR value is out of range");
            assert_eq!(probe.missing(Err(error)).unwrap(), 0);
            let busy = Error::new(ErrorKind::Unknown, "LOADING Redis is loading");
            assert!(probe.missing(Err(busy)).is_err());
        }
    }
}
