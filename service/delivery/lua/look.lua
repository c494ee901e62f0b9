#!lua flags=no-writes
-- A job as it stands, at one moment; a script, since a full Redis 7.0 refuses even reads within MULTI.
-- KEYS  1 result  2 job  3 image
-- Returns {outcome or nil, status or nil, 1 while the picture is there}.
return {
  redis.call('GET', KEYS[1]), redis.call('HGET', KEYS[2], 'status'), redis.call('EXISTS', KEYS[3])
}
