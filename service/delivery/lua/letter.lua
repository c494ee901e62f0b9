#!lua flags=no-writes
-- A dead letter.
-- KEYS  1 letter  2 its picture
-- Returns {fields and values, bytes of the picture}.
return {redis.call('HGETALL', KEYS[1]), redis.call('STRLEN', KEYS[2])}
