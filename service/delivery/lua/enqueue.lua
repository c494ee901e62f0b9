-- For scripts that include it behind `oldest`.
-- KEYS  1 work  2 finished  3 job  4 image  5 events
-- ARGV  1 id  2 picture  3 request  4 reply stream  5 depth limit  6 age limit (ms)  7 image ttl (s)
--       8 job ttl (s)  9 milliseconds until its deadline ('' for none)
--       10 what its record shows of the request

-- Admit one job and enqueue it; '', or 'depth' or 'age' where too many wait, or one has for too long.
local function enqueue()
  if redis.call('EXISTS', KEYS[3]) == 1 then
    return '' -- sent again by a client that lost our reply
  end
  local now = milliseconds()
  local depth = redis.call('XLEN', KEYS[1])
  if depth >= tonumber(ARGV[5]) then
    return 'depth'
  end
  local _, waiting = ages(KEYS[1], now)
  if waiting > tonumber(ARGV[6]) then
    return 'age'
  end
  redis.call('SET', KEYS[4], ARGV[2], 'EX', ARGV[7])
  redis.call('HSET', KEYS[3], 'status', 'queued', 'request', ARGV[3], 'reply', ARGV[4], 'submitted', now,
    'about', ARGV[10])
  if ARGV[9] ~= '' then
    -- By the server's clock, so that nobody else's need be right.
    redis.call('HSET', KEYS[3], 'deadline', now + ARGV[9])
  end
  redis.call('EXPIRE', KEYS[3], ARGV[8])
  redis.call('XADD', KEYS[5], 'MAXLEN', 16, '*', 'status', 'queued')
  redis.call('EXPIRE', KEYS[5], ARGV[8])
  if depth == 0 then
    redis.call('HSET', KEYS[2], 'busy', now)
    redis.call('EXPIRE', KEYS[2], 3600)
  end
  redis.call('XADD', KEYS[1], '*', 'job', ARGV[1])
  return ''
end
