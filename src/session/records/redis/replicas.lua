#!lua flags=no-writes
-- Returns the number of replicas that follow this server, or -1 if the user may not read it.
-- KEYS: any key of the slot
local info = redis.pcall('INFO', 'replication')
if type(info) == 'table' then
  return -1
end
-- One that is still loading the first copy confirms nothing, and is behind every other one.
local _, number = string.gsub(info, 'state=online', '')
return number
