#!lua flags=no-writes
-- A job as it stands, at one moment; a script, since a full Redis 7.0 refuses even reads within MULTI.
-- KEYS  1 result  2 job  3 image
-- Returns {outcome or nil, status or nil, 1 while the picture is there, 1 once past its deadline,
-- what its record shows of the request}.
local job = redis.call('HMGET', KEYS[2], 'status', 'deadline', 'about')
local time = redis.call('TIME')
local now = time[1] * 1000 + math.floor(time[2] / 1000)
local late = job[2] and tonumber(job[2]) <= now
return {redis.call('GET', KEYS[1]), job[1], redis.call('EXISTS', KEYS[3]), late and 1 or 0, job[3]}
