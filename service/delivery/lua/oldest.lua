-- For scripts that include it.

-- Milliseconds since the oldest job of the stream was submitted, and the oldest that no worker has claimed.
local function ages(work, now)
  local function age(from)
    local entry = redis.call('XRANGE', work, from, '+', 'COUNT', 1)[1]
    return entry and math.max(0, now - tonumber(string.match(entry[1], '^%d+'))) or 0
  end
  if redis.call('EXISTS', work) == 0 then
    return 0, 0
  end
  local claimed = '-'
  for _, group in ipairs(redis.call('XINFO', 'GROUPS', work)) do
    for i = 1, #group, 2 do
      if group[i] == 'last-delivered-id' then
        claimed = '(' .. group[i + 1]
      end
    end
  end
  return age('-'), age(claimed)
end

local function milliseconds()
  local time = redis.call('TIME')
  return time[1] * 1000 + math.floor(time[2] / 1000)
end
