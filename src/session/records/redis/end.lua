#!lua flags=allow-oom
-- Deletes records of a user, and refuses to store them later.
-- KEYS: index of the user, then a record and its tombstone, again and again
-- ARGV: lifetime of the tombstones, channel, then the entry and the id of each record
local removed = {}
for number = 1, (#ARGV - 2) / 2 do
  redis.call('ZREM', KEYS[1], ARGV[2 * number + 1])
  redis.call('SET', KEYS[2 * number + 1], '', 'EX', ARGV[1])
  removed[number] = redis.call('DEL', KEYS[2 * number])
  redis.pcall('PUBLISH', ARGV[2], ARGV[2 * number + 2])
end
return removed
