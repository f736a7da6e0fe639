local length = redis.call('LLEN', KEYS[1])
local count = math.min(tonumber(ARGV[2]) - length, #ARGV - 2)
if count <= 0 then return {0, length} end
local ttl = redis.call('PTTL', KEYS[1])
redis.call('RPUSH', KEYS[1], unpack(ARGV, 3, count + 2))
if ttl < tonumber(ARGV[1]) then redis.pcall('PEXPIRE', KEYS[1], ARGV[1]) end
return {count, length + count}
