-- For scripts that take jobs into a worker's hands.
-- KEYS  1 work
-- ARGV  1 group  2 consumer  3 step: 'claim', 'hand' (in danger from now on where its picture goes along),
--       'begin' (in danger from now on), 'rest' (no longer)
local time = redis.call('TIME')
local now = time[1] * 1000 + math.floor(time[2] / 1000)

local function held(entry)
  local pending = redis.pcall('XPENDING', KEYS[1], ARGV[1], entry, entry, 1)
  return not pending.err and pending[1] and pending[1][2] == ARGV[2]
end

local function mark(key, danger)
  if ARGV[3] == 'begin' then
    redis.call('HSET', key, 'danger', 1)
  elseif danger then
    redis.call('HDEL', key, 'danger')
    if ARGV[3] ~= 'rest' and danger ~= ARGV[2] then -- else sent again by a client that lost our reply
      redis.call('HINCRBY', key, 'tries', 1)
    end
  end
end

local function run(key, events)
  redis.call('HSET', key, 'status', 'running')
  redis.call('XADD', events, 'MAXLEN', 16, '*', 'status', 'running')
  redis.call('PEXPIRE', events, redis.call('PTTL', key))
end

local function hand(key, image)
  local picture = redis.call('GET', image)
  if picture then
    redis.call('HSET', key, 'danger', ARGV[2])
  end
  return picture
end

-- One step of a job; false where it has ended or is another consumer's, else {request, reply stream, ms since
-- submission, tries, ms until its deadline or '', picture or false}.
-- One that has ended meanwhile (cancelled, expired) is let go of, and one past its deadline left to be ended.
-- A job that was in danger when it is claimed has cost its last worker's life: that was a try.
-- A suspect's picture is not handed out: it must not be in danger beside others.
local function take(entry, key, events, image)
  local job = redis.call('HMGET', key, 'status', 'request', 'reply', 'submitted', 'deadline', 'danger')
  if job[1] ~= 'queued' and job[1] ~= 'running' then
    redis.call('XACK', KEYS[1], ARGV[1], entry)
    redis.call('XDEL', KEYS[1], entry)
    return false
  end
  if not held(entry) then
    return false
  end
  local left = job[5] and job[5] - now or ''
  local early, picture = left == '' or left > 0, false
  if early then
    mark(key, job[6])
    if job[1] == 'queued' then
      run(key, events)
    end
  end
  local tries = tonumber(redis.call('HGET', key, 'tries') or 0)
  if early and tries == 0 and ARGV[3] == 'hand' then
    picture = hand(key, image)
  end
  return {job[2], job[3], now - tonumber(job[4]), tries, left, picture}
end
