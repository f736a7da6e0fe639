-- Keys: a reply list, the given-up processes, the answered jobs of this one, its slots.
-- Arguments: the time to live of the list (ms), its capacity, this process, the number of messages, the messages, for each
-- slot its name, its known length and the bits of the jobs that the messages answer, further pieces of a single message.
-- Returns the number of messages, and the length of the list; or -1 if this process was given up: then its jobs are answered
-- by others; or, if there is no room for all, -2 less the number of those that there is room for: then nothing was pushed.
if redis.call('ZSCORE', KEYS[2], ARGV[3]) then return {-1} end
local last = 4 + tonumber(ARGV[4])
local pieces = last + 3 * (#KEYS - 3) + 1
local more = #ARGV - pieces + 1
local room = math.max(0, tonumber(ARGV[2]) - redis.call('LLEN', KEYS[1]))
if room < last - 4 + more then return {more > 0 and -2 or -2 - room} end
local ttl = redis.call('PTTL', KEYS[1])
local function push()
  local result = redis.pcall('RPUSH', KEYS[1], unpack(ARGV, 5, last))
  if type(result) == 'number' and more > 0 then
    result = redis.call('RPUSH', KEYS[1], unpack(ARGV, pieces))
  end
  return result
end
local result = push()
if type(result) ~= 'number' and string.find(result.err, 'OOM', 1, true) and #KEYS > 3 then
  -- A script that has written is not refused for memory, and the slot is given back below.
  redis.call('PERSIST', KEYS[4])
  result = push()
end
if type(result) ~= 'number' then return result end
if ttl < tonumber(ARGV[1]) then redis.pcall('PEXPIRE', KEYS[1], ARGV[1]) end
for slot = 4, #KEYS do
  local at = last + 3 * (slot - 4)
  answered(KEYS[3], KEYS[slot], ARGV[at + 1], tonumber(ARGV[at + 2]), tonumber(ARGV[at + 3]))
end
return {last - 4, result}
