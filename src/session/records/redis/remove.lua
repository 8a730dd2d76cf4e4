#!lua flags=allow-oom
-- Deletes a record.
-- KEYS: record, index of the user
-- ARGV: entry
redis.call('ZREM', KEYS[2], ARGV[1])
return redis.call('DEL', KEYS[1])
