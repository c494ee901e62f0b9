#!lua
-- Say which job answers a request: one of its own, or one that answers the same already. One call, so
-- that of two requests at once one is first. Where a job is claimed but not enqueued yet, whoever comes
-- enqueues it under its id, so it does not matter who dies.
-- KEYS  1 flight (what answers the same question)  2 idempotency key
-- ARGV  1 new id  2 reply stream of who asks  3 prefix of every key, all in one slot
--       4 longest age of an answer (ms; '' = neither answers nor jobs are shared)
--       5 result ttl (ms)  6 model revision ('' = no answer is served again)
--       7 what the job's record shows of the request  8 1 where that need not be the same for a kept answer
--       9 ms until the deadline ('' for none)  10 job ttl (s)
--       11 fingerprint of the request ('' = no idempotency key)  12 idempotency ttl (s)
-- Returns {outcome, id, 1 where the job is known to the queue, the kept outcome or nil}; outcomes: own,
-- miss, shared, hit; again, reused, gone (the last three for an idempotency key that was used before).
local id, prefix = ARGV[1], ARGV[3]
local function key(kind, job)
  return prefix .. kind .. ':' .. job
end
local function now()
  local time = redis.call('TIME')
  return time[1] * 1000 + math.floor(time[2] / 1000)
end
local function listen(job)
  redis.call('SADD', key('listeners', job), ARGV[2])
  redis.call('EXPIRE', key('listeners', job), ARGV[10])
end

local function kept(job)
  local age = tonumber(ARGV[5]) - redis.call('PTTL', key('result', job))
  if ARGV[6] == '' or age > tonumber(ARGV[4]) then
    return nil
  end
  local outcome = redis.call('GET', key('result', job))
  -- Quotes within texts are escaped, so that no text can look like this member.
  return outcome and string.find(outcome, '"revision":"' .. ARGV[6] .. '"', 1, true) and outcome or nil
end

local function join(job, deadline)
  if redis.call('INCR', key('wanted', job)) < 2 then
    redis.call('DEL', key('wanted', job)) -- everybody had left it
    return false
  end
  if deadline and ARGV[9] == '' then
    redis.call('HDEL', key('job', job), 'deadline')
  elseif deadline then
    redis.call('HSET', key('job', job), 'deadline', math.max(deadline, now() + ARGV[9]))
  end
  return true
end

local function find()
  if ARGV[4] == '' then
    return 'own', id, 0
  end
  local flight = redis.call('HMGET', KEYS[1], 'job', 'about')
  if flight[1] then
    local found = redis.call('HMGET', key('job', flight[1]), 'status', 'deadline')
    local status, deadline, alike = found[1], tonumber(found[2] or nil), flight[2] == ARGV[7]
    if status == 'done' and (alike or ARGV[8] == '1') then
      local outcome = kept(flight[1])
      if outcome then
        return 'hit', flight[1], 1, outcome
      end
    end
    local running = status == 'queued' or status == 'running' or not status
    if running and alike and not (deadline and deadline <= now()) and join(flight[1], deadline) then
      return 'shared', flight[1], status and 1 or 0
    end
  end
  redis.call('HSET', KEYS[1], 'job', id, 'about', ARGV[7])
  redis.call('EXPIRE', KEYS[1], ARGV[10])
  redis.call('SET', key('wanted', id), 1, 'EX', ARGV[10])
  return 'miss', id, 0
end

if ARGV[11] ~= '' then
  local used = redis.call('HMGET', KEYS[2], 'fingerprint', 'job', 'enqueued')
  if used[1] and used[1] ~= ARGV[11] then
    return {'reused', used[2], 0}
  elseif used[1] then
    local known = redis.call('EXISTS', key('job', used[2]))
    if known == 0 and used[3] then
      return {'gone', used[2], 0}
    end
    listen(used[2])
    return {'again', used[2], known}
  end
end
local outcome, job, known, answer = find()
listen(job)
if ARGV[11] ~= '' then
  redis.call('HSET', KEYS[2], 'fingerprint', ARGV[11], 'job', job)
  redis.call('EXPIRE', KEYS[2], ARGV[12])
  if known == 1 then
    redis.call('HSET', KEYS[2], 'enqueued', 1)
  end
end
return {outcome, job, known, answer}
