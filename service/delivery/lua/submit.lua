#!lua
-- Admit one job and enqueue it, or refuse it and tell how fast the queue drains.
-- KEYS  1 work  2 job  3 image  4 finished  5 events
-- ARGV  1 id  2 picture  3 request  4 reply stream  5 depth limit  6 image ttl (s)  7 job ttl (s)
--       8 window of the drain rate (s)  9 milliseconds until its deadline ('' for none)
--       10 what its record shows of the request
-- Returns {1} once enqueued, {0, depth, jobs finished in the window, milliseconds that they took}.
if redis.call('EXISTS', KEYS[2]) == 1 then
  return {1} -- sent again by a client that lost our reply
end
local time = redis.call('TIME')
local now = time[1] * 1000 + math.floor(time[2] / 1000)
local depth = redis.call('XLEN', KEYS[1])
if depth >= tonumber(ARGV[5]) then
  local count, span = 0, 0
  for _, moment in ipairs(redis.call('LRANGE', KEYS[4], 0, -1)) do
    local age = now - tonumber(moment)
    if age <= ARGV[8] * 1000 then
      count, span = count + 1, math.max(span, age)
    end
  end
  return {0, depth, count, span}
end
redis.call('SET', KEYS[3], ARGV[2], 'EX', ARGV[6])
redis.call('HSET', KEYS[2], 'status', 'queued', 'request', ARGV[3], 'reply', ARGV[4], 'submitted', now,
  'about', ARGV[10])
if ARGV[9] ~= '' then
  -- By the server's clock, so that nobody else's need be right.
  redis.call('HSET', KEYS[2], 'deadline', now + ARGV[9])
end
redis.call('EXPIRE', KEYS[2], ARGV[7])
redis.call('XADD', KEYS[5], 'MAXLEN', 16, '*', 'status', 'queued')
redis.call('EXPIRE', KEYS[5], ARGV[7])
redis.call('XADD', KEYS[1], '*', 'job', ARGV[1])
return {1}
