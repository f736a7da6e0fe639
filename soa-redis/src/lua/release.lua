-- Keys: the given-up processes, the answered jobs of this one, a slot, the request list, jobs to run again, suspects, dead
-- letters, reply lists. Arguments: this process, the name of the slot, its known length, the bits, the time to live of lists
-- (ms), then for each job what becomes of it: the number of a key, its score, and the message.
-- Returns 1, or -1 if this process was given up.
if redis.call('ZSCORE', KEYS[1], ARGV[1]) then return -1 end
-- A script that has written is not refused for memory.
redis.call('PERSIST', KEYS[3])
for place = 6, #ARGV, 3 do put(tonumber(ARGV[place]), ARGV[place + 1], ARGV[place + 2], ARGV[5], 4) end
answered(KEYS[2], KEYS[3], ARGV[2], tonumber(ARGV[3]), tonumber(ARGV[4]))
return 1
