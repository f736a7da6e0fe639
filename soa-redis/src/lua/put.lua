-- Puts a message into one of the keys from `first` on: the request list (its front), jobs to run again, suspects, dead
-- letters, or a reply list.
local function put(number, score, message, ttl, first)
  local key = KEYS[first + number]
  if number == 0 then
    redis.call('LPUSH', key, message)
    if redis.call('PTTL', key) < tonumber(ttl) then redis.call('PEXPIRE', key, ttl) end
  elseif number == 3 then
    redis.call('ZADD', key, score, message)
    redis.call('ZREMRANGEBYRANK', key, 0, -10001)
    redis.call('ZREMRANGEBYSCORE', key, '-inf', tonumber(score) - 2592000000)
  else
    redis.call('RPUSH', key, message)
    if number > 3 and redis.call('PTTL', key) < tonumber(ttl) then redis.call('PEXPIRE', key, ttl) end
  end
end
