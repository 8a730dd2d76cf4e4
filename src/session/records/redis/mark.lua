#!lua flags=allow-oom
-- Refuses later sign-ins of a tag, and returns the entries of its sessions.
-- KEYS: mark, index of the user, index of the sid, any other key of the slot
-- ARGV: whether to mark, issued_at, until, lifetime of the mark
if ARGV[1] == '1' then
  local issued_at, till = tonumber(ARGV[2]), tonumber(ARGV[3])
  local old = redis.call('HMGET', KEYS[1], 'issued_at', 'until')
  if old[1] then
    -- A token that arrives late must not admit what a newer one refused.
    issued_at, till = math.max(issued_at, tonumber(old[1])), math.max(till, tonumber(old[2]))
  end
  redis.call('HSET', KEYS[1], 'issued_at', string.format('%.0f', issued_at), 'until', string.format('%.0f', till))
  redis.call('EXPIRE', KEYS[1], math.max(tonumber(ARGV[4]), redis.call('TTL', KEYS[1])))
end
-- An earlier call may have ended sessions on this server only. WAIT then needs another write of its connection.
redis.call('SET', KEYS[4], '')
redis.call('DEL', KEYS[4])
return { redis.call('ZRANGE', KEYS[2], 0, -1), redis.call('ZRANGE', KEYS[3], 0, -1) }
