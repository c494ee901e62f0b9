#!lua flags=allow-oom
-- End a job once, whichever worker or caller comes first, and free what it held.
-- Out of memory must not stop it: it deletes the picture before it keeps the answer.
-- KEYS  1 work  2 finished  3 callbacks, by when they are due  4 letters, by when they died
--       5 reply stream  6 job  7 image  8 result  9 events  10 listeners (the other reply streams)
--       11 hooks (its callbacks)  12 letter  13 its picture
-- ARGV  1 group  2 entry ('' by a caller)  3 id  4 outcome  5 status  6 result ttl (s)  7 job ttl (s)
--       8 reply ttl (s)  9 letter ttl (s; '' for no letter)  10 letters to keep  11 tries
--       12 bytes of an outcome that goes along with the reply, at most
-- Returns {1, ids of the letters that are too many} where this call ended the job, {0} where it had
-- ended before.
local time = redis.call('TIME')
local now = time[1] * 1000 + math.floor(time[2] / 1000)

local function bury()
  local request = redis.call('HGET', KEYS[6], 'request')
  redis.call('HSET', KEYS[12], 'request', request, 'outcome', ARGV[4], 'tries', ARGV[11], 'died', now)
  redis.call('EXPIRE', KEYS[12], ARGV[9])
  if redis.call('EXISTS', KEYS[7]) == 1 then
    redis.call('RENAME', KEYS[7], KEYS[13])
    redis.call('EXPIRE', KEYS[13], ARGV[9])
  end
  redis.call('ZADD', KEYS[4], now + time[2] % 1000 / 1000, ARGV[3]) -- two may die in one millisecond
  redis.call('EXPIRE', KEYS[4], ARGV[9])
  redis.call('ZREMRANGEBYSCORE', KEYS[4], '-inf', '(' .. now - ARGV[9] * 1000)
  local last = -ARGV[10] - 1
  local surplus = redis.call('ZRANGE', KEYS[4], 0, last)
  redis.call('ZREMRANGEBYRANK', KEYS[4], 0, last)
  return surplus
end

local function tell()
  redis.call('XADD', KEYS[9], 'MAXLEN', 16, '*', 'status', ARGV[5])
  redis.call('EXPIRE', KEYS[9], ARGV[7])
  -- Most outcomes are small: they go along, so that who waits need not come for them.
  local told = {'job', ARGV[3]}
  if #ARGV[4] <= tonumber(ARGV[12]) then
    told = {'job', ARGV[3], 'outcome', ARGV[4], 'about', redis.call('HGET', KEYS[6], 'about') or '{}'}
  end
  redis.call('SADD', KEYS[10], KEYS[5])
  for _, stream in ipairs(redis.call('SMEMBERS', KEYS[10])) do
    redis.call('XADD', stream, 'MAXLEN', '~', 1000, '*', unpack(told))
    redis.call('EXPIRE', stream, ARGV[8])
  end
  redis.call('DEL', KEYS[10])
  for _, hook in ipairs(redis.call('SMEMBERS', KEYS[11])) do
    redis.call('ZADD', KEYS[3], 'XX', now, hook)
  end
end

-- How many ended in each of the last 300 seconds, to tell how fast the queue drains.
local function count()
  if redis.call('HINCRBY', KEYS[2], time[1], 1) == 1 then
    for _, second in ipairs(redis.call('HKEYS', KEYS[2])) do
      if second ~= 'busy' and tonumber(second) < time[1] - 300 then
        redis.call('HDEL', KEYS[2], second)
      end
    end
    redis.call('EXPIRE', KEYS[2], 3600)
  end
end

if ARGV[2] ~= '' then
  redis.call('XACK', KEYS[1], ARGV[1], ARGV[2])
  redis.call('XDEL', KEYS[1], ARGV[2])
end
local status = redis.call('HGET', KEYS[6], 'status')
if status ~= 'queued' and status ~= 'running' then
  redis.call('UNLINK', KEYS[7])
  return {0}
end
local surplus = ARGV[9] ~= '' and bury() or {}
redis.call('UNLINK', KEYS[7])
if not redis.call('SET', KEYS[8], ARGV[4], 'NX', 'EX', ARGV[6]) then
  return {0}
end
redis.call('HSET', KEYS[6], 'status', ARGV[5])
redis.call('HDEL', KEYS[6], 'request', 'danger')
redis.call('EXPIRE', KEYS[6], ARGV[7])
tell()
if ARGV[2] ~= '' then
  count()
end
return {1, unpack(surplus)}
