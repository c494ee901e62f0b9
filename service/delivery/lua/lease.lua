#!lua flags=allow-oom
-- Set how long the consumer's entries have been silent: 0 renews its leases, a whole lease gives them up.
-- An entry that another consumer has taken over stays with that one.
-- KEYS  1 work  2.. job of each entry
-- ARGV  1 group  2 consumer  3 idle (ms)  4 1 where the jobs were not tried  5.. entry ids
-- Returns the entries that the consumer does not hold.
local lost = {}
for i = 5, #ARGV do
  local entry = ARGV[i]
  local pending = redis.call('XPENDING', KEYS[1], ARGV[1], entry, entry, 1)[1]
  if pending and pending[2] == ARGV[2] then
    redis.call('XCLAIM', KEYS[1], ARGV[1], ARGV[2], 0, entry, 'IDLE', ARGV[3], 'JUSTID')
    if ARGV[4] == '1' then
      redis.call('HDEL', KEYS[i - 3], 'danger')
    end
  else
    lost[#lost + 1] = entry
  end
end
return lost
