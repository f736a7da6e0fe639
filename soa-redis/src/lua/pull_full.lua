-- Keys: the request list, a slot. Argument: the number of jobs. For a Redis without memory: taking first makes room.
local out = {}
while #out < tonumber(ARGV[1]) do
  local job = redis.call('LPOP', KEYS[1])
  if not job then break end
  redis.call('RPUSH', KEYS[2], job)
  out[#out + 1] = job
end
return out
