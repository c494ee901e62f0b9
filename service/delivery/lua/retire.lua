#!lua flags=allow-oom
-- Forget consumers that hold nothing: the named one, and those silent for long (crashed workers).
-- KEYS  1 work
-- ARGV  1 group  2 consumer  3 silence (ms)
for _, fields in ipairs(redis.call('XINFO', 'CONSUMERS', KEYS[1], ARGV[1])) do
  local consumer = {}
  for i = 1, #fields, 2 do
    consumer[fields[i]] = fields[i + 1]
  end
  local over = consumer.name == ARGV[2] or consumer.idle > tonumber(ARGV[3])
  if over and consumer.pending == 0 then
    redis.call('XGROUP', 'DELCONSUMER', KEYS[1], ARGV[1], consumer.name)
  end
end
return 1
