-- Keys: the request list, an empty slot. Argument: the most jobs that it may get. Moves them into the slot: all at once
-- where there are no more, and what is moved does not come through here. Returns the number of jobs that are left.
local length, most = redis.call('LLEN', KEYS[1]), tonumber(ARGV[1])
if length > most then
  for _ = 1, most do redis.call('LMOVE', KEYS[1], KEYS[2], 'LEFT', 'RIGHT') end
  return length - most
end
if length > 0 then
  redis.call('RENAME', KEYS[1], KEYS[2])
  redis.call('PERSIST', KEYS[2])
end
return 0
