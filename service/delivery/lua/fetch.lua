#!lua flags=allow-oom
-- Give a job's picture out to be decoded: the job is in danger from now on.
-- KEYS  1 job  2 image
local picture = redis.call('GET', KEYS[2])
if picture and redis.call('HGET', KEYS[1], 'status') == 'running' then
  redis.call('HSET', KEYS[1], 'danger', 1)
end
return picture
