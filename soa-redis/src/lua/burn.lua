-- Keys: the leases, the given-up processes, the connections of processes.
-- Arguments: a process, and its lease as it was seen; an empty text for any, of all processes whose names begin so.
-- Gives the process up if it has not renewed its lease since. Returns the number of processes that were given up.
local time = redis.call('TIME')
local now = string.format('%d', time[1] * 1000 + math.floor(time[2] / 1000))
local count = 0
local function burn(process)
  redis.call('ZREM', KEYS[1], process)
  redis.call('ZADD', KEYS[2], now, process)
  count = count + 1
end
if ARGV[2] ~= '' then
  if redis.call('ZSCORE', KEYS[1], ARGV[1]) == ARGV[2] then burn(ARGV[1]) end
else
  for _, process in ipairs(redis.call('ZRANGE', KEYS[1], 0, -1)) do
    if string.sub(process, 1, #ARGV[1]) == ARGV[1] then burn(process) end
  end
end
-- After a day nobody can come back under these names.
for _, old in ipairs(redis.call('ZRANGE', KEYS[2], 0, 99)) do
  if tonumber(redis.call('ZSCORE', KEYS[2], old)) > tonumber(now) - 86400000 then break end
  redis.call('ZREM', KEYS[2], old)
  redis.call('HDEL', KEYS[3], old, old .. ':slots', old .. ':times')
end
return count
