-- Keys: the given-up processes, the answered jobs of this one, its slots.
-- Arguments: this process, for each slot its name, its known length and the bits of jobs that need no answer any more.
-- Returns 1, or -1 if this process was given up.
if redis.call('ZSCORE', KEYS[1], ARGV[1]) then return -1 end
-- A script that has written is not refused for memory.
redis.call('PERSIST', KEYS[3])
for slot = 1, #KEYS - 2 do
  local first = 3 * slot - 1
  answered(KEYS[2], KEYS[2 + slot], ARGV[first], tonumber(ARGV[first + 1]), tonumber(ARGV[first + 2]))
end
return 1
