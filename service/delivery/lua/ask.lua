#!lua
-- include oldest
-- include enqueue
-- Say which job answers a request: one that answers the same already, or a new one, which is enqueued. One
-- call, so that of two requests at once one is first, and a job that others may join is in the queue.
-- KEYS  1 to 5 of `enqueue`  6 flight (what answers the same question)  7 idempotency key
-- ARGV  1 to 10 of `enqueue`  11 prefix of every key, all in one slot
--       12 longest age of an answer (ms; '' = neither answers nor jobs are shared)
--       13 result ttl (ms)  14 model revision ('' = no answer is served again)
--       15 what the job's record shows of the request  16 1 where that need not be the same for a kept answer
--       17 fingerprint of the request ('' = no idempotency key)  18 idempotency ttl (s)
-- Returns {why} where a new job is refused, else {'', outcome, id, the kept outcome or nil}; outcomes: own,
-- miss (both new), shared, hit; again, reused, gone (for an idempotency key that was used before).
local id, prefix = ARGV[1], ARGV[11]
local function key(kind, job)
  return prefix .. kind .. ':' .. job
end
local function listen(job)
  redis.call('SADD', key('listeners', job), ARGV[4])
  redis.call('EXPIRE', key('listeners', job), ARGV[8])
end

local function kept(job)
  local age = tonumber(ARGV[13]) - redis.call('PTTL', key('result', job))
  if ARGV[14] == '' or age > tonumber(ARGV[12]) then
    return nil
  end
  local outcome = redis.call('GET', key('result', job))
  -- Quotes within texts are escaped, so that no text can look like this member.
  return outcome and string.find(outcome, '"revision":"' .. ARGV[14] .. '"', 1, true) and outcome or nil
end

local function join(job, deadline)
  if job == id then
    return true -- sent again by a client that lost our reply
  elseif redis.call('INCR', key('wanted', job)) < 2 then
    redis.call('DEL', key('wanted', job)) -- everybody had left it
    return false
  end
  if deadline and ARGV[9] == '' then
    redis.call('HDEL', key('job', job), 'deadline')
  elseif deadline then
    redis.call('HSET', key('job', job), 'deadline', math.max(deadline, milliseconds() + ARGV[9]))
  end
  listen(job)
  return true
end

-- What answers the same: outcome, job, answer; nothing where there is none.
local function find()
  local flight = redis.call('HMGET', KEYS[6], 'job', 'about')
  if not flight[1] then
    return
  end
  local found = redis.call('HMGET', key('job', flight[1]), 'status', 'deadline')
  local status, deadline, alike = found[1], tonumber(found[2] or nil), flight[2] == ARGV[15]
  if status == 'done' and (alike or ARGV[16] == '1') then
    local outcome = kept(flight[1])
    if outcome then
      return 'hit', flight[1], outcome
    end
  end
  local running = status == 'queued' or status == 'running'
  if running and alike and not (deadline and deadline <= milliseconds()) and join(flight[1], deadline) then
    return flight[1] == id and 'miss' or 'shared', flight[1]
  end
end

if ARGV[17] ~= '' then
  local used = redis.call('HMGET', KEYS[7], 'fingerprint', 'job')
  if used[1] and used[1] ~= ARGV[17] then
    return {'', 'reused', used[2]}
  elseif used[1] and redis.call('EXISTS', key('job', used[2])) == 0 then
    return {'', 'gone', used[2]}
  elseif used[1] then
    listen(used[2])
    return {'', 'again', used[2]}
  end
end

local shares, outcome, job, answer = ARGV[12] ~= ''
if shares then
  outcome, job, answer = find()
end
if not outcome then
  local why = enqueue()
  if why ~= '' then
    return {why}
  end
  outcome, job = shares and 'miss' or 'own', id
end
if outcome == 'miss' then
  redis.call('HSET', KEYS[6], 'job', id, 'about', ARGV[15])
  redis.call('EXPIRE', KEYS[6], ARGV[8])
  redis.call('SET', key('wanted', id), 1, 'EX', ARGV[8], 'NX')
end
if ARGV[17] ~= '' then
  redis.call('HSET', KEYS[7], 'fingerprint', ARGV[17], 'job', job)
  redis.call('EXPIRE', KEYS[7], ARGV[18])
end
return {'', outcome, job, answer}
