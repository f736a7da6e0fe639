-- Records that jobs of a slot are answered. The slot is forgotten when all of them are, and it is as long as its taker knows.
local function answered(done, slot, field, known, bits)
  local all = 2 ^ known - 1
  local length = redis.call('LLEN', slot)
  if length == 0 then return redis.call('HDEL', done, field) end
  if bits == all and length <= known then
    redis.call('DEL', slot)
    return redis.call('HDEL', done, field)
  end
  local before = tonumber(redis.call('HGET', done, field) or 0)
  local total = bit.bor(before, bits)
  if total < 0 then total = total + 4294967296 end
  if total == all and length <= known then
    redis.call('DEL', slot)
    redis.call('HDEL', done, field)
  else
    redis.call('HSET', done, field, string.format('%d', total))
  end
end
