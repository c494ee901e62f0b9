#!lua flags=allow-oom
-- Take callbacks that are due, for a lease: who takes one and dies leaves it to the next.
-- KEYS  1 callbacks, by when they are due
-- ARGV  1 prefix of a callback's key, in the same slot  2 how many  3 lease (ms)
-- Returns the fields of each, as HGETALL.
local time = redis.call('TIME')
local now = time[1] * 1000 + math.floor(time[2] / 1000)
local taken = {}
for _, id in ipairs(redis.call('ZRANGEBYSCORE', KEYS[1], '-inf', now, 'LIMIT', 0, ARGV[2])) do
  local callback = redis.call('HGETALL', ARGV[1] .. id)
  if #callback == 0 then
    redis.call('ZREM', KEYS[1], id) -- its time is over
  else
    redis.call('ZADD', KEYS[1], now + ARGV[3], id)
    taken[#taken + 1] = callback
  end
end
return taken
