-- Keys: a slot of a given-up process, its answered jobs, the request list, jobs to run again, suspects, dead letters, reply
-- lists. Arguments: the name of the slot, its length and its answered jobs as they were read, the time to live of lists (ms),
-- then as for a release.
-- Returns 1, or 0 if the slot is not as it was read: then another process has settled it, or it has to be read again.
if redis.call('LLEN', KEYS[1]) ~= tonumber(ARGV[2]) then return 0 end
if (redis.call('HGET', KEYS[2], ARGV[1]) or '0') ~= ARGV[3] then return 0 end
redis.call('DEL', KEYS[1])
redis.call('HDEL', KEYS[2], ARGV[1])
for place = 5, #ARGV, 3 do put(tonumber(ARGV[place]), ARGV[place + 1], ARGV[place + 2], ARGV[4], 3) end
return 1
