#!lua flags=allow-oom
-- Delete dead letters.
-- KEYS  1 letters  2.. letter and picture of each, in turn
-- ARGV  1.. ids
-- Returns how many there were.
local dropped = 0
for i = 1, #ARGV do
  redis.call('ZREM', KEYS[1], ARGV[i])
  dropped = dropped + redis.call('DEL', KEYS[2 * i])
  redis.call('DEL', KEYS[2 * i + 1])
end
return dropped
