#!lua flags=allow-oom
-- One step of jobs in a worker's hands.
-- KEYS  1 work  2.. job and events of each entry, in turn
-- ARGV  1 group  2 consumer  3 step, not 'hand'  4.. entry ids, in the order of the jobs
-- Returns for each entry what `take` does.
-- include taking
local taken = {}
for i = 4, #ARGV do
  taken[i - 3] = take(ARGV[i], KEYS[2 * i - 6], KEYS[2 * i - 5])
end
return taken
