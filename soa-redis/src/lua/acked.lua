-- Keys: the answered jobs of this process, its slots, one for each message. Arguments: for each its name and its bit.
-- Returns for each message whether it is answered: 1, or 0.
local out = {}
for place = 1, #KEYS - 1 do
  local slot, name, mask = KEYS[1 + place], ARGV[2 * place - 1], tonumber(ARGV[2 * place])
  local done = tonumber(redis.call('HGET', KEYS[1], name) or 0)
  local gone = redis.call('EXISTS', slot) == 0
  out[place] = (gone or bit.band(done, mask) ~= 0) and 1 or 0
end
return out
