#!lua flags=no-writes
-- include oldest
-- How loaded the queue is.
-- KEYS  1 work  2 finished
-- Returns {depth, age of the oldest job (ms), of the oldest unclaimed one, ms since the queue was last
-- empty, then in pairs: ms since the beginning of a second, jobs that ended in it}.
local now = milliseconds()
local oldest, waiting = ages(KEYS[1], now)
local busy, ended = 0, {}
local finished = redis.call('HGETALL', KEYS[2])
for i = 1, #finished, 2 do
  if finished[i] == 'busy' then
    busy = now - tonumber(finished[i + 1])
  else
    ended[#ended + 1] = now - tonumber(finished[i]) * 1000
    ended[#ended + 1] = tonumber(finished[i + 1])
  end
end
local depth = redis.call('XLEN', KEYS[1])
return {depth, oldest, waiting, depth > 0 and busy or 0, unpack(ended)}
