#!lua flags=allow-oom
-- Take the job that the command before this one has delivered, if it came alone: one way there and back for both.
-- KEYS  1 work
-- ARGV  1 group  2 consumer  3 step: 'hand'  4 what the name of a job's key begins with  5 the same of its events
--       6 the same of its image (nobody who calls knows which job it is; all keys lie in one slot)
--       7.. ids of jobs that the consumer has in hand
-- Returns {entry, id, what `take` returns}; {} where the consumer has none, or several.
-- include taking
local pending = redis.call('XPENDING', KEYS[1], ARGV[1], '-', '+', 2, ARGV[2])
local delivered = #pending == 1 and redis.call('XRANGE', KEYS[1], pending[1][1], pending[1][1])[1]
if not delivered then
  return {}
end
local entry, id = delivered[1], delivered[2][2]
for i = 7, #ARGV do
  if ARGV[i] == id then
    return {}
  end
end
return {entry, id, take(entry, ARGV[4] .. id, ARGV[5] .. id, ARGV[6] .. id)}
