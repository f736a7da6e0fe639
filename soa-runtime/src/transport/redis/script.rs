//! What runs inside Redis.
//!
//! A script runs as a whole or not at all: the check of the capacity, the push and the time to live belong
//! together. It is called by its hash; a Redis that does not know it, since it was started again, gets the
//! text.

use super::backend::sha1;

/// A Lua script and the hash under which Redis knows it.
#[derive(Debug)]
pub(super) struct Script {
    pub(super) text: &'static str,
    pub(super) hash: String,
}

/// Key: a list. Arguments: the time that it has to live at least (ms), how many messages it may hold, and the
/// messages. Appends as many as there is room for and returns how many. A longer time to live stays: the
/// reference sets it back, so that a short-lived message takes longer-lived ones with it.
///
/// A script is not undone when it fails half-way. So what may be refused (by an ACL, or for its argument) comes before
/// the push, also on a list that is not there yet, where it changes nothing: a refusal has pushed nothing.
const PUSH: &str = include_str!("push.lua");

/// Key: a list. Arguments: as above, without the capacity. Puts messages back to the front, the last one first.
const GIVE_BACK: &str = "\
local ttl = redis.call('PTTL', KEYS[1])
if ttl < tonumber(ARGV[1]) then redis.call('PEXPIRE', KEYS[1], ARGV[1]) end
redis.call('LPUSH', KEYS[1], unpack(ARGV, 2))
if ttl == -2 then redis.call('PEXPIRE', KEYS[1], ARGV[1]) end
return #ARGV - 1";

impl Script {
    pub(super) fn push() -> Self {
        Self::new(PUSH)
    }

    pub(super) fn give_back() -> Self {
        Self::new(GIVE_BACK)
    }

    fn new(text: &'static str) -> Self {
        Self {
            text,
            hash: sha1(text),
        }
    }
}
