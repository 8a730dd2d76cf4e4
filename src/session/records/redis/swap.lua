#!lua flags=allow-oom
-- Replaces a record that has a revision, even if the memory is full: the session must go on.
-- KEYS: record, index of the user
-- ARGV: revision, record, lifetime of the record, entry, ends_at, channel, message, lifetime of the index
local revision = redis.call('GETRANGE', KEYS[1], 0, 7)
if revision == '' then
  return 'gone'
end
if revision ~= ARGV[1] then
  if redis.call('GET', KEYS[1]) ~= ARGV[2] then
    return 'changed'
  end
  -- The client of a cluster sends a call again if the connection breaks.
end
redis.call('SET', KEYS[1], ARGV[2], 'EX', ARGV[3])
-- Another sign-in may have removed the entry, if the session would have ended while it was refreshed.
redis.call('ZADD', KEYS[2], ARGV[5], ARGV[4])
redis.call('EXPIRE', KEYS[2], math.max(tonumber(ARGV[8]), redis.call('TTL', KEYS[2])))
-- Without the right to publish, the other gateways see the change a moment later.
redis.pcall('PUBLISH', ARGV[6], ARGV[7])
return 'stored'
