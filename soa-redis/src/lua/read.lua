-- Keys: a slot, the answered jobs of its process. Argument: the name of the slot. Returns its answered jobs, and all jobs.
return {redis.call('HGET', KEYS[2], ARGV[1]) or '0', redis.call('LRANGE', KEYS[1], 0, -1)}
