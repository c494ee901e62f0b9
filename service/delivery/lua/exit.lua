#!lua flags=allow-oom
-- A request of a key is over: its place is free, and pictures that were not taken are the key's again today.
-- KEYS  1 usage  2 open requests
-- ARGV  1 lease  2 pictures to give back
if redis.call('ZREM', KEYS[2], ARGV[1]) == 0 or tonumber(ARGV[2]) == 0 then
  return 0 -- sent again, or nothing to give back
end
local time = redis.call('TIME')
local used = redis.call('HMGET', KEYS[1], 'day', 'used')
if tonumber(used[1] or '-1') == math.floor(time[1] / 86400) then
  redis.call('HSET', KEYS[1], 'used', math.max(0, used[2] - ARGV[2]))
end
return 1
