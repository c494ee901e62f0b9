#!lua flags=allow-oom
-- Let one request of a key in, and charge the pictures that it brings; a full broker is no key's fault.
-- Rate: the generic cell rate algorithm, with a burst of one minute. Day: UTC.
-- KEYS  1 usage  2 open requests (a sorted set of leases by the moment at which they run out)
-- ARGV  1 pictures  2 lease ('' = none is taken)  3 lease (ms)
--       4 pictures a minute  5 requests at once  6 pictures a day (each 0 = no limit)
-- Returns {pictures granted, what ran out ('' if nothing), ms until more, left this minute,
-- ms until the minute's is full, left today, ms until tomorrow}; what has no limit is told as -1.
local time = redis.call('TIME')
local now = time[1] * 1000000 + time[2] -- microseconds
local wanted, granted, reason, retry = tonumber(ARGV[1]), tonumber(ARGV[1]), '', 0
local rate, most, daily = tonumber(ARGV[4]), tonumber(ARGV[5]), tonumber(ARGV[6])

local day = math.floor(now / 86400000000)
local midnight = (day + 1) * 86400000000 - now
local used = redis.call('HMGET', KEYS[1], 'full', 'day', 'used')
local full = math.max(now, tonumber(used[1] or '0')) -- the moment at which the minute's is full again
local spent = tonumber(used[2] or '-1') == day and tonumber(used[3]) or 0
local each = rate > 0 and 60000000 / rate or 0

local function lack(have, why, micros)
  if have < granted then
    granted, reason, retry = math.max(0, have), why, micros
  end
end

if daily > 0 then
  lack(daily - spent, 'quota', midnight)
end
if rate > 0 then
  -- A millionth of a picture makes up for the rounding of the quotient.
  local have = math.floor((60000000 - (full - now)) / each + 0.000001)
  lack(have, 'rate', full + (have + 1) * each - 60000000 - now)
end
if ARGV[2] ~= '' and granted > 0 then
  redis.call('ZREMRANGEBYSCORE', KEYS[2], '-inf', now / 1000)
  if redis.call('ZSCORE', KEYS[2], ARGV[2]) then
    wanted, granted, reason, retry = 0, granted, '', 0 -- sent again by a client that lost our reply
  elseif most > 0 and redis.call('ZCARD', KEYS[2]) >= most then
    wanted, granted, reason, retry = 0, 0, 'concurrency', 1000000
  else
    redis.call('ZADD', KEYS[2], now / 1000 + ARGV[3], ARGV[2])
    redis.call('PEXPIRE', KEYS[2], ARGV[3])
  end
end

if wanted > 0 and granted > 0 then
  full, spent = full + granted * each, spent + granted
  redis.call('HSET', KEYS[1], 'full', string.format('%.0f', full), 'day', day, 'used', spent)
  redis.call('EXPIRE', KEYS[1], 172800)
end
return {
  granted, reason, math.ceil(retry / 1000),
  rate > 0 and math.max(0, math.floor((60000000 - (full - now)) / each + 0.000001)) or -1,
  rate > 0 and math.ceil((full - now) / 1000) or -1,
  daily > 0 and math.max(0, daily - spent) or -1, daily > 0 and math.ceil(midnight / 1000) or -1
}
