#!lua flags=allow-oom
-- Take a claim back whose job was refused; one that somebody else could enqueue stays.
-- KEYS  1 flight  2 idempotency key  3 job  4 listeners  5 wanted
-- ARGV  1 id
if redis.call('EXISTS', KEYS[3]) == 1 then
  return 0
end
for i = 1, 2 do
  if redis.call('HGET', KEYS[i], 'job') == ARGV[1] then
    redis.call('DEL', KEYS[i])
  end
end
redis.call('DEL', KEYS[4], KEYS[5])
return 1
