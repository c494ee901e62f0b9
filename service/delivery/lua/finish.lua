#!lua flags=allow-oom
-- End a job once, whichever worker or caller comes first, and free what it held.
-- Out of memory must not stop it: it deletes the picture before it keeps the answer.
-- KEYS  1 work  2 job  3 image  4 result  5 reply stream  6 finished  7 dead letters  8 events
-- ARGV  1 group  2 entry ('' by a caller)  3 id  4 outcome  5 status  6 result ttl (s)  7 job ttl (s)
--       8 reply ttl (s)  9 deliveries of a dead letter ('' for none)
-- Returns 1 where this call ended the job, 0 where it had ended before.
redis.call('DEL', KEYS[3])
if ARGV[2] ~= '' then
  redis.call('XACK', KEYS[1], ARGV[1], ARGV[2])
  redis.call('XDEL', KEYS[1], ARGV[2])
end
local status = redis.call('HGET', KEYS[2], 'status')
if status ~= 'queued' and status ~= 'running' then
  return 0
end
if not redis.call('SET', KEYS[4], ARGV[4], 'NX', 'EX', ARGV[6]) then
  return 0
end
redis.call('HSET', KEYS[2], 'status', ARGV[5])
redis.call('HDEL', KEYS[2], 'request')
redis.call('EXPIRE', KEYS[2], ARGV[7])
redis.call('XADD', KEYS[8], 'MAXLEN', 16, '*', 'status', ARGV[5])
redis.call('EXPIRE', KEYS[8], ARGV[7])
redis.call('XADD', KEYS[5], 'MAXLEN', '~', 1000, '*', 'job', ARGV[3])
redis.call('EXPIRE', KEYS[5], ARGV[8])
if ARGV[2] ~= '' then
  local time = redis.call('TIME')
  redis.call('LPUSH', KEYS[6], time[1] * 1000 + math.floor(time[2] / 1000))
  redis.call('LTRIM', KEYS[6], 0, 63)
end
if ARGV[9] ~= '' then
  redis.call('XADD', KEYS[7], 'MAXLEN', '~', 1000, '*', 'job', ARGV[3], 'deliveries', ARGV[9])
end
return 1
