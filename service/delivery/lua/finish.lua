#!lua flags=allow-oom
-- End a job once, whichever worker or caller comes first, and free what it held.
-- Out of memory must not stop it: it deletes the picture before it keeps the answer.
-- KEYS  1 work  2 job  3 image  4 result  5 reply stream  6 finished  7 dead letters  8 events
--       9 listeners (the other reply streams)  10 hooks (its callbacks)  11 callbacks, by when they are due
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
redis.call('SADD', KEYS[9], KEYS[5])
for _, stream in ipairs(redis.call('SMEMBERS', KEYS[9])) do
  redis.call('XADD', stream, 'MAXLEN', '~', 1000, '*', 'job', ARGV[3])
  redis.call('EXPIRE', stream, ARGV[8])
end
redis.call('DEL', KEYS[9])
local time = redis.call('TIME')
local now = time[1] * 1000 + math.floor(time[2] / 1000)
for _, hook in ipairs(redis.call('SMEMBERS', KEYS[10])) do
  redis.call('ZADD', KEYS[11], 'XX', now, hook)
end
if ARGV[2] ~= '' then
  redis.call('LPUSH', KEYS[6], now)
  redis.call('LTRIM', KEYS[6], 0, 63)
end
if ARGV[9] ~= '' then
  redis.call('XADD', KEYS[7], 'MAXLEN', '~', 1000, '*', 'job', ARGV[3], 'deliveries', ARGV[9])
end
return 1
