#!lua
-- include oldest
-- include enqueue
-- Admit one job and enqueue it, or refuse it; KEYS and ARGV are those of `enqueue`.
-- Returns {''} once enqueued, {why} where it is refused.
return {enqueue()}
