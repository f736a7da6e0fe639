-- Keys: slots that a process may have. Returns the places of those that there are.
local out = {}
for place, key in ipairs(KEYS) do
  if redis.call('EXISTS', key) == 1 then out[#out + 1] = place end
end
return out
