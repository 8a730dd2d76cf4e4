#!lua flags=allow-oom
-- Deletes a record, if it is there.
-- KEYS: record, any other key of the slot, then the index of the user
-- ARGV: channel, id, then the entry
if KEYS[3] then
  redis.call('ZREM', KEYS[3], ARGV[3])
end
local removed = redis.call('DEL', KEYS[1])
-- An earlier call may have deleted it on this server only. WAIT then needs another write of its connection.
redis.call('SET', KEYS[2], '')
redis.call('DEL', KEYS[2])
redis.pcall('PUBLISH', ARGV[1], ARGV[2])
return removed
