-- Keys: the leases, the connections of processes. Argument: a process, which ends and holds nothing.
redis.call('ZREM', KEYS[1], ARGV[1])
redis.call('HDEL', KEYS[2], ARGV[1], ARGV[1] .. ':slots', ARGV[1] .. ':times')
return 1
