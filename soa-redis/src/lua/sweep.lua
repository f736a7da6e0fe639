-- Keys: the given-up processes, the answered jobs of this one, a slot.
-- Arguments: this process, the name of the slot, its known length, the places and messages of jobs that nobody waits for any more.
-- Acknowledges these, and empties the answered jobs: they keep their places. Returns 1, or -1 if this process was given up.
if redis.call('ZSCORE', KEYS[1], ARGV[1]) then return -1 end
-- A script that has written is not refused for memory.
redis.call('PERSIST', KEYS[3])
local bits = 0
for word = 4, #ARGV, 2 do
  -- The slot may have been used anew meanwhile.
  if redis.call('LINDEX', KEYS[3], ARGV[word]) == ARGV[word + 1] then bits = bits + 2 ^ tonumber(ARGV[word]) end
end
if bits > 0 then answered(KEYS[2], KEYS[3], ARGV[2], tonumber(ARGV[3]), bits) end
if redis.call('EXISTS', KEYS[3]) == 0 then return 1 end
local done = tonumber(redis.call('HGET', KEYS[2], ARGV[2]) or 0)
for place = 0, tonumber(ARGV[3]) - 1 do
  if bit.band(done, bit.lshift(1, place)) ~= 0 then redis.call('LSET', KEYS[3], place, '') end
end
return 1
