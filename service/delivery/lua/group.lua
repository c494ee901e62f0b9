#!lua flags=allow-oom
-- Make the group, and the stream with it; a full broker must not keep the first worker out.
-- KEYS  1 work
-- ARGV  1 group
for _, fields in ipairs(redis.call('EXISTS', KEYS[1]) == 1 and redis.call('XINFO', 'GROUPS', KEYS[1]) or {}) do
  if fields[2] == ARGV[1] then
    return 0 -- another worker was first
  end
end
redis.call('XGROUP', 'CREATE', KEYS[1], ARGV[1], '0', 'MKSTREAM')
return 1
