#!lua
-- Names a new session in the index of its sid, unless the provider ended that session before.
-- KEYS: index of the sid, mark of the sid
-- ARGV: now, entry, end of the entry, lifetime of the index, issued_at
local now = tonumber(ARGV[1])
local mark = redis.call('HMGET', KEYS[2], 'issued_at', 'until')
if mark[1] and tonumber(ARGV[5]) <= tonumber(mark[1]) and now < tonumber(mark[2]) then
  return 'ended'
end
redis.call('ZREMRANGEBYSCORE', KEYS[1], '-inf', now)
redis.call('ZADD', KEYS[1], ARGV[3], ARGV[2])
redis.call('EXPIRE', KEYS[1], math.max(tonumber(ARGV[4]), redis.call('TTL', KEYS[1])))
return 'stored'
