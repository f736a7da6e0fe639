-- Keys: jobs to run again, suspects, a slot, the given-up processes. Arguments: this process, the number of jobs wanted, 1 if a
-- suspect may be among them. Returns the number of suspects, and the jobs, which come before the others.
if redis.call('ZSCORE', KEYS[4], ARGV[1]) then return {0, {}} end
local out, suspects, wanted = {}, 0, tonumber(ARGV[2])
local function move(from)
  -- Taking first makes room: a Redis without memory does not refuse what follows.
  local job = redis.call('LPOP', from)
  if not job then return false end
  redis.call('RPUSH', KEYS[3], job)
  out[#out + 1] = job
  return true
end
if ARGV[3] == '1' and wanted > 0 and move(KEYS[2]) then suspects = 1 end
while #out < wanted and move(KEYS[1]) do end
return {suspects, out}
