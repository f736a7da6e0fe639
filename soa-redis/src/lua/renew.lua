-- Keys: the leases, the given-up processes, the connections of processes, jobs to run again, suspects, ids of jobs whose
-- callers are gone.
-- Arguments: this process, its connection (empty if unknown), the number of its slots, the time of its last sign of life, and
-- its times for peers.
-- Returns 0 if this process was given up; otherwise 1, the time of Redis (ms), all leases and all given-up processes with their
-- times, the numbers of jobs to run again and of suspects, and the ids that were noted since that time: the latest 1,000, as
-- jobs of callers that are gone are finished anyhow, and each process reads these once a second.
if redis.call('ZSCORE', KEYS[2], ARGV[1]) then return {0} end
-- A script that has written is not refused for memory.
redis.call('ZREM', KEYS[1], '')
local time = redis.call('TIME')
local now = string.format('%d', time[1] * 1000 + math.floor(time[2] / 1000))
redis.call('ZADD', KEYS[1], now, ARGV[1])
redis.call('HSET', KEYS[3], ARGV[1], ARGV[2], ARGV[1] .. ':slots', ARGV[3], ARGV[1] .. ':times', ARGV[5])
return {1, now, redis.call('ZRANGE', KEYS[1], 0, -1, 'WITHSCORES'),
  redis.call('ZRANGE', KEYS[2], 0, -1, 'WITHSCORES'), redis.call('LLEN', KEYS[4]), redis.call('LLEN', KEYS[5]),
  redis.call('ZRANGE', KEYS[6], '+inf', ARGV[4], 'BYSCORE', 'REV', 'LIMIT', 0, 1000)}
