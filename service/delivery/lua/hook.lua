#!lua flags=allow-oom
-- Remember a callback; it is due when its job ends, now where it has ended. A broker that has taken the
-- job in takes this as well.
-- KEYS  1 callback  2 hooks of the job  3 callbacks, by when they are due  4 job
-- ARGV  1 id  2 job id  3 url  4 caller  5 metadata  6 ms until it is looked at in any case  7 ttl (s)
if redis.call('EXISTS', KEYS[1]) == 1 then
  return 0
end
local time = redis.call('TIME')
local now = time[1] * 1000 + math.floor(time[2] / 1000)
local status = redis.call('HGET', KEYS[4], 'status')
local open = not status or status == 'queued' or status == 'running'
redis.call('HSET', KEYS[1], 'id', ARGV[1], 'job', ARGV[2], 'url', ARGV[3], 'caller', ARGV[4],
  'metadata', ARGV[5], 'status', 'pending', 'tries', 0)
redis.call('EXPIRE', KEYS[1], ARGV[7])
redis.call('SADD', KEYS[2], ARGV[1])
redis.call('EXPIRE', KEYS[2], ARGV[7])
redis.call('ZADD', KEYS[3], open and now + ARGV[6] or now, ARGV[1])
return 1
