#!lua flags=allow-oom
-- Mark claimed jobs as running; let go of those that have ended meanwhile (cancelled, finished, expired).
-- KEYS  1 work  2.. job of each entry
-- ARGV  1 group  2.. entry ids, in the order of the jobs
-- Returns for each entry nil where it was let go, else {request, reply stream, ms since submission,
-- deliveries}.
local time = redis.call('TIME')
local now = time[1] * 1000 + math.floor(time[2] / 1000)
local taken = {}
for i = 2, #KEYS do
  local entry = ARGV[i]
  local job = redis.call('HMGET', KEYS[i], 'status', 'request', 'reply', 'submitted')
  if job[1] == 'queued' or job[1] == 'running' then
    redis.call('HSET', KEYS[i], 'status', 'running')
    local pending = redis.call('XPENDING', KEYS[1], ARGV[1], entry, entry, 1)
    local deliveries = pending[1] and pending[1][4] or 1
    taken[i - 1] = {job[2], job[3], now - tonumber(job[4]), deliveries}
  else
    redis.call('XACK', KEYS[1], ARGV[1], entry)
    redis.call('XDEL', KEYS[1], entry)
    taken[i - 1] = false
  end
end
return taken
