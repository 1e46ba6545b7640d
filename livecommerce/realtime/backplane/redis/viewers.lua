#!lua
-- Stores one node's count of a room and sums those of all nodes whose lease has not run out.
--
-- KEYS  counts: node -> "count:end of lease in ms"
-- ARGV  generation (not used), node, count, lease_ms

local now = redis.call('TIME')
local now_ms = now[1] * 1000 + math.floor(now[2] / 1000)
local lease_ms = tonumber(ARGV[4])
if tonumber(ARGV[3]) > 0 then
  redis.call('HSET', KEYS[1], ARGV[2], ARGV[3] .. ':' .. string.format('%.0f', now_ms + lease_ms))
  redis.call('PEXPIRE', KEYS[1], lease_ms)
else
  redis.call('HDEL', KEYS[1], ARGV[2])
end
local sum = 0
local all = redis.call('HGETALL', KEYS[1])
for index = 1, #all, 2 do
  local count, ends_ms = string.match(all[index + 1], '(%d+):(%d+)')
  if tonumber(ends_ms) > now_ms then
    sum = sum + tonumber(count)
  else
    redis.call('HDEL', KEYS[1], all[index])
  end
end
return sum
