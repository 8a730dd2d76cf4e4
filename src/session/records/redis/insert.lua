#!lua
-- Stores a new session.
-- KEYS: record, index of the user, mark of the user, tombstone
-- ARGV: now, record, lifetime of the record, entry, ends_at, lifetime of the index, sessions per user, issued_at
local now = tonumber(ARGV[1])
local ends_at = redis.call('GETRANGE', KEYS[1], 8, 15)
if ends_at ~= '' and struct.unpack('>I8', ends_at) > now then
  -- The call may come again because the connection broke.
  return redis.call('GET', KEYS[1]) == ARGV[2] and 'stored' or 'collision'
end
local mark = redis.call('HMGET', KEYS[3], 'issued_at', 'until')
if mark[1] and tonumber(ARGV[8]) <= tonumber(mark[1]) and now < tonumber(mark[2]) then
  return 'ended'
end
if redis.call('EXISTS', KEYS[4]) == 1 then
  return 'ended'
end
redis.call('ZREMRANGEBYSCORE', KEYS[2], '-inf', now)
if redis.call('ZCARD', KEYS[2]) >= tonumber(ARGV[7]) then
  return 'user_full'
end
redis.call('SET', KEYS[1], ARGV[2], 'EX', ARGV[3])
redis.call('ZADD', KEYS[2], ARGV[5], ARGV[4])
redis.call('EXPIRE', KEYS[2], math.max(tonumber(ARGV[6]), redis.call('TTL', KEYS[2])))
return 'stored'
