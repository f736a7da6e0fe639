-- Keys: a reply list, the given-up processes, the answered jobs of this one, its slots.
-- Arguments: the time to live of the list (ms), its capacity, this process, the number of messages, for each its slot and its
-- bit in one number, the messages, for each slot its name and its known length, further pieces of a single message.
-- Returns the number of messages that were pushed, or -1 if this process was given up: then its jobs are answered by others.
local count = tonumber(ARGV[4])
if redis.call('ZSCORE', KEYS[2], ARGV[3]) then return -1 end
local last = 4 + 2 * count
local pieces = last + 2 * (#KEYS - 3) + 1
local more = #ARGV - pieces + 1
local room = tonumber(ARGV[2]) - redis.call('LLEN', KEYS[1])
if room < count and more > 0 or room < count + more and more > 0 then return 0 end
local pushed = math.min(room, count)
if pushed <= 0 then return 0 end
local ttl = redis.call('PTTL', KEYS[1])
local function push()
  local result = redis.pcall('RPUSH', KEYS[1], unpack(ARGV, 5 + count, 4 + count + pushed))
  if type(result) == 'number' and more > 0 then
    redis.call('RPUSH', KEYS[1], unpack(ARGV, pieces))
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
local bits = {}
for place = 1, pushed do
  local tag = tonumber(ARGV[4 + place])
  local slot = math.floor(tag / 4294967296)
  if slot > 0 then bits[slot] = (bits[slot] or 0) + tag % 4294967296 end
end
for slot, sum in pairs(bits) do
  answered(KEYS[2 + 1], KEYS[3 + slot], ARGV[last + 2 * slot - 1], tonumber(ARGV[last + 2 * slot]), sum)
end
return pushed
