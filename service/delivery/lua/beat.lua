#!lua flags=allow-oom
-- Publish a worker for a while; a full broker must not make it look dead.
-- KEYS  1 workers  2 worker
-- ARGV  1 consumer  2 what it tells of itself  3 ttl (ms)
redis.call('SADD', KEYS[1], ARGV[1])
redis.call('SET', KEYS[2], ARGV[2], 'PX', ARGV[3])
return 1
