//! Scripts that run inside Redis.
//!
//! A script runs as a whole or not at all: the check of the capacity, the push and the time to live belong together. It is
//! called by its digest; a Redis that does not know it, since it was started again, runs its text.

use super::backend::Script;

/// Key: a list. Arguments: the time that it has to live at least (ms), how many messages it may hold, and the
/// messages. Appends as many as there is room for, and returns how many, and the length of the list. A longer time to live stays: the
/// reference sets it back, so that a short-lived message takes longer-lived ones with it.
///
/// A script is not undone when it fails half-way, so nothing behind the push may fail: the times to live are set by
/// `pcall`, and what they need to know is asked before. The push is the first command that writes, as Redis looks at
/// its `maxmemory` until then only.
const PUSH: &str = include_str!("push.lua");

/// The same with the commands of the reference. Before Redis 7, EXPIRE cannot keep the longer time.
const PLAIN_PUSH: &str = "\
local length = redis.call('LLEN', KEYS[1])
local count = math.min(tonumber(ARGV[2]) - length, #ARGV - 2)
if count <= 0 then return {0, length} end
local ttl = math.ceil(tonumber(ARGV[1]) / 1000)
redis.call('RPUSH', KEYS[1], unpack(ARGV, 3, count + 2))
local raised = length > 0 and redis.pcall('EXPIRE', KEYS[1], ttl, 'GT')
if type(raised) ~= 'number' then redis.pcall('EXPIRE', KEYS[1], ttl) end
return {count, length + count}";

/// Text to replace, and its replacement, in a push of all messages or none.
const WHOLE: (&str, &str) = ("count <= 0", "count < #ARGV - 2");

/// Key: a list. Arguments: as above, without the capacity. Puts messages back to the front, the last one first.
const GIVE_BACK: &str = "\
local ttl = redis.call('PTTL', KEYS[1])
if ttl < tonumber(ARGV[1]) then redis.call('PEXPIRE', KEYS[1], ARGV[1]) end
redis.call('LPUSH', KEYS[1], unpack(ARGV, 2))
if ttl == -2 then redis.call('PEXPIRE', KEYS[1], ARGV[1]) end
return #ARGV - 1";

/// The same for a login without the commands for it: to the end, which is late, but not lost.
const PLAIN_GIVE_BACK: &str = "\
local ttl = math.ceil(tonumber(ARGV[1]) / 1000)
redis.call('EXPIRE', KEYS[1], ttl)
for i = #ARGV, 2, -1 do redis.call('RPUSH', KEYS[1], ARGV[i]) end
redis.call('EXPIRE', KEYS[1], ttl)
return #ARGV - 1";

/// Key: a list. Arguments: how far to look, and messages. Removes those that are found and returns how many.
const TAKE_BACK: &str = "\
local count = 0
for i = 2, #ARGV do
  if redis.call('LPOS', KEYS[1], ARGV[i], 'MAXLEN', ARGV[1]) then
    count = count + redis.call('LREM', KEYS[1], 1, ARGV[i])
  end
end
return count";

/// Keys: the leases of a service's processes, the ids of jobs whose callers are gone. Arguments: such ids. Notes them, with the
/// time of Redis (ms), if a process of the service holds requests. They are kept for a minute, 10,000 at most.
const CANCEL: &str = "\
if redis.call('EXISTS', KEYS[1]) == 0 then return 0 end
local time = redis.call('TIME')
local now = time[1] * 1000 + math.floor(time[2] / 1000)
for i = 1, #ARGV do redis.call('ZADD', KEYS[2], string.format('%d', now), ARGV[i]) end
redis.call('ZREMRANGEBYSCORE', KEYS[2], '-inf', string.format('(%d', now - 60000))
redis.call('ZREMRANGEBYRANK', KEYS[2], 0, -10001)
redis.call('PEXPIRE', KEYS[2], 60000)
return #ARGV";

/// Keys: lists. Arguments: how many messages are wanted at most, and their size from which on no more are taken. Takes what
/// is there, without waiting, and returns the places of the lists, each followed by its messages. A key that is no list has
/// none. Of each list it takes 1, 2, 4, … messages, as long as those before were small.
const SWEEP: &str = "\
local out, left, room = {}, tonumber(ARGV[1]), tonumber(ARGV[2])
for place, key in ipairs(KEYS) do
  if left <= 0 or room <= 0 then break end
  local all, step = {}, 1
  while left > 0 and room > 0 do
    local count = math.min(left, step)
    local got = redis.pcall('LPOP', key, count)
    if type(got) ~= 'table' or got.err then break end
    local largest = 1
    for _, message in ipairs(got) do
      all[#all + 1] = message
      room = room - #message
      largest = math.max(largest, #message)
    end
    left = left - #got
    if #got < count then break end
    step = math.max(1, math.min(step * 2, math.floor(room / largest)))
  end
  if #all > 0 then
    out[#out + 1] = place
    out[#out + 1] = all
  end
end
return out";

/// The same with the commands of the reference: in a script, BLPOP does not wait.
const PLAIN_SWEEP: &str = "\
local out, left, room = {}, tonumber(ARGV[1]), tonumber(ARGV[2])
for place, key in ipairs(KEYS) do
  local all = {}
  while left > 0 and room > 0 do
    local got = redis.pcall('BLPOP', key, 1)
    if type(got) ~= 'table' or got.err then break end
    all[#all + 1] = got[2]
    left = left - 1
    room = room - #got[2]
  end
  if #all > 0 then
    out[#out + 1] = place
    out[#out + 1] = all
  end
end
return out";

/// The scripts that push.
#[derive(Debug)]
pub(super) struct PushScripts {
    /// Pushes as many messages as there is room for.
    pub(super) some: Script,
    /// Pushes all of the messages, or none.
    pub(super) whole: Script,
}

impl PushScripts {
    pub(super) fn new() -> Self {
        let whole = |text: &str| text.replace(WHOLE.0, WHOLE.1);
        Self {
            some: Script::new(PUSH, PLAIN_PUSH),
            whole: Script::new(whole(PUSH), whole(PLAIN_PUSH)),
        }
    }
}

/// Puts messages back that were taken.
pub(super) fn give_back() -> Script {
    Script::new(GIVE_BACK, PLAIN_GIVE_BACK)
}

/// Removes messages that nobody has taken.
pub(super) fn take_back() -> Script {
    Script::new(TAKE_BACK, TAKE_BACK)
}

/// Notes the ids of jobs whose callers are gone.
pub(super) fn cancel() -> Script {
    Script::new(CANCEL, CANCEL)
}

/// Takes messages from many lists.
pub(super) fn sweep() -> Script {
    Script::new(SWEEP, PLAIN_SWEEP)
}
