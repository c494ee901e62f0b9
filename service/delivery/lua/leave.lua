#!lua flags=allow-oom
-- Count one who asked for a job out.
-- KEYS  1 wanted
-- Returns how many still want it; from 0 on nobody can join it any more.
if redis.call('EXISTS', KEYS[1]) == 0 then
  return 0
end
local left = redis.call('DECR', KEYS[1])
if left <= 0 then
  redis.call('DEL', KEYS[1])
end
return math.max(0, left)
