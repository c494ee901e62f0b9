#!lua flags=allow-oom
-- Mark claimed jobs as running; let go of those that have ended meanwhile (cancelled, finished, expired).
-- KEYS  1 work  2.. job and events of each entry, in turn
-- ARGV  1 group  2.. entry ids, in the order of the jobs
-- Returns for each entry nil where it was let go, else {request, reply stream, ms since submission,
-- deliveries, ms until its deadline or ''}. A job past its deadline (0 or less) is left to be ended.
local time = redis.call('TIME')
local now = time[1] * 1000 + math.floor(time[2] / 1000)
local taken = {}
for i = 2, #ARGV do
  local entry, job_key, events = ARGV[i], KEYS[2 * i - 2], KEYS[2 * i - 1]
  local job = redis.call('HMGET', job_key, 'status', 'request', 'reply', 'submitted', 'deadline')
  if job[1] == 'queued' or job[1] == 'running' then
    local left = job[5] and job[5] - now or ''
    if job[1] == 'queued' and not (job[5] and left <= 0) then
      redis.call('HSET', job_key, 'status', 'running')
      redis.call('XADD', events, 'MAXLEN', 16, '*', 'status', 'running')
      redis.call('PEXPIRE', events, redis.call('PTTL', job_key))
    end
    local pending = redis.call('XPENDING', KEYS[1], ARGV[1], entry, entry, 1)
    local deliveries = pending[1] and pending[1][4] or 1
    taken[i - 1] = {job[2], job[3], now - tonumber(job[4]), deliveries, left}
  else
    redis.call('XACK', KEYS[1], ARGV[1], entry)
    redis.call('XDEL', KEYS[1], entry)
    taken[i - 1] = false
  end
end
return taken
