#!lua flags=allow-oom
-- Deletes a record.
-- KEYS: record, index of the user
-- ARGV: entry, channel, id
redis.call('ZREM', KEYS[2], ARGV[1])
local removed = redis.call('DEL', KEYS[1])
redis.pcall('PUBLISH', ARGV[2], ARGV[3])
return removed
