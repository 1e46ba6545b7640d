#!lua
-- Reads a room's log; begins an epoch where there is none.
--
-- KEYS  meta, stream
-- ARGV  generation, new epoch, meta_ttl_ms, epoch that is continued or "", offset it stands at
-- Returns {epoch, top, entries}; without entries when the epoch or the offset is not to be had.

local meta = redis.call('HMGET', KEYS[1], 'epoch', 'top', 'generation')
local epoch, top = meta[1], tonumber(meta[2]) or 0
if not epoch or meta[3] ~= ARGV[1] then
  epoch = ARGV[2]
  redis.call('DEL', KEYS[2])
  redis.call('HSET', KEYS[1], 'epoch', epoch, 'top', string.format('%.0f', top),
    'generation', ARGV[1], 'bytes', '0', 'marks', '')
  redis.call('PEXPIRE', KEYS[1], ARGV[3])
end
local after = tonumber(ARGV[5])
if ARGV[4] ~= '' and (ARGV[4] ~= epoch or after > top) then
  return {epoch, top}
end
local entries = {}
local from = string.format('%.0f', after + 1)
for index, entry in ipairs(redis.call('XRANGE', KEYS[2], from, '+')) do
  entries[index] = entry[2][2]
end
return {epoch, top, entries}
