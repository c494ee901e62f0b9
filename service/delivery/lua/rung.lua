#!lua flags=allow-oom
-- Write down what became of a callback that was taken.
-- KEYS  1 callback  2 callbacks, by when they are due
-- ARGV  1 id  2 ms until the next try ('' = none)  3 ms that it is remembered after that, at least
--       4.. fields and values to set
if redis.call('EXISTS', KEYS[1]) == 0 then
  return redis.call('ZREM', KEYS[2], ARGV[1])
end
for i = 4, #ARGV, 2 do
  redis.call('HSET', KEYS[1], ARGV[i], ARGV[i + 1])
end
if ARGV[2] == '' then
  redis.call('HDEL', KEYS[1], 'body')
  return redis.call('ZREM', KEYS[2], ARGV[1])
end
redis.call('PEXPIRE', KEYS[1], ARGV[2] + ARGV[3], 'GT') -- its receiver may have asked for a long pause
local time = redis.call('TIME')
redis.call('ZADD', KEYS[2], time[1] * 1000 + math.floor(time[2] / 1000) + ARGV[2], ARGV[1])
return 1
