-- Keys: the request list, a key that nobody uses. Tries all commands that holding needs, leaves nothing behind, and returns the
-- errors.
local list, key = KEYS[1], KEYS[2]
local out = {}
for _, command in ipairs({
  {'TIME'}, {'LLEN', list}, {'RPUSH', key, 'x'}, {'LPUSH', key, 'x'}, {'LRANGE', key, 0, 0}, {'LMOVE', key, key, 'LEFT', 'RIGHT'},
  {'BLMOVE', key, key, 'LEFT', 'RIGHT', '0.01'}, {'RENAME', key, key}, {'PTTL', key}, {'PEXPIRE', key, 1000}, {'PERSIST', key}, {'EXISTS', key},
  {'LPOP', key}, {'DEL', key}, {'HSET', key, 'x', 1}, {'HGET', key, 'x'}, {'HDEL', key, 'x'}, {'DEL', key}, {'ZADD', key, 1, 'x'},
  {'ZSCORE', key, 'x'}, {'ZRANGE', key, 0, 0}, {'ZREMRANGEBYSCORE', key, 2, 1}, {'ZREMRANGEBYRANK', key, 5, 4}, {'ZREM', key, 'x'},
  {'DEL', key}
}) do
  local result = redis.pcall(unpack(command))
  -- A Redis without memory has the command, though not the key.
  if type(result) == 'table' and result.err and not string.find(result.err, 'OOM', 1, true)
    and not string.find(result.err, 'WRONGTYPE', 1, true) and not string.find(result.err, 'no such key', 1, true) then
    out[#out + 1] = command[1] .. ': ' .. result.err
  end
end
return out
