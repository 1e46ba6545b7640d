#!lua
-- Appends a batch to a room's log and tells every subscribed node, in one step.
--
-- KEYS  meta, stream, ids, values, channel
-- ARGV  generation, PUBLISH or SPUBLISH, new epoch, floor, keep_ms, keep_bytes, ids_max, values_max,
--       meta_ttl_ms, ttl_ms, number of logged events, then for each of these
--       (id, slot or "", version, packed), then for each loose event (slot or "", packed)
-- The first line makes it a script of Redis 7, which a full Redis refuses as a whole.
-- Returns {epoch, first, last}; last < first when every logged event was known.

local META, STREAM, IDS, VALUES, CHANNEL = KEYS[1], KEYS[2], KEYS[3], KEYS[4], KEYS[5]
local generation, how, new_epoch, floor = ARGV[1], ARGV[2], ARGV[3], tonumber(ARGV[4])
local keep_ms, keep_bytes = tonumber(ARGV[5]), tonumber(ARGV[6])
local ids_max, values_max = tonumber(ARGV[7]), tonumber(ARGV[8])
local meta_ttl_ms, ttl_ms, logged = ARGV[9], ARGV[10], tonumber(ARGV[11])
local LOGGED_FROM, LOOSE_FROM = 12, 12 + 4 * logged
local NO_EVENTS = string.char(0x90)

-- tostring() would write large offsets as 1e+15.
local function decimal(number)
  return string.format('%.0f', number)
end

local function packed_array(items)
  local count = #items
  if count < 16 then
    return string.char(0x90 + count) .. table.concat(items)
  end
  return string.char(0xdc, math.floor(count / 256), count % 256) .. table.concat(items)
end

local meta = redis.call('HMGET', META, 'epoch', 'top', 'generation', 'bytes', 'marks')
local epoch, top = meta[1], tonumber(meta[2]) or 0
local bytes, marks = tonumber(meta[4]) or 0, meta[5] or ''

local function begin_epoch()
  epoch, bytes, marks = new_epoch, 0, ''
  top = math.max(top, floor)
  redis.call('DEL', STREAM)
end

-- Of what an earlier Redis process said, acknowledged parts may be missing; so may they below the
-- floor. Offsets only grow: the new epoch alone makes old positions invalid.
if not epoch or meta[3] ~= generation or top < floor then
  begin_epoch()
end

local fresh, fresh_ids, newest, slots = {}, {}, {}, {}

local function keep_value(slot, version, packed)
  if slot == '' then
    return
  end
  local held = newest[slot]
  if not held then
    slots[#slots + 1] = slot
  end
  if not held or tonumber(version) >= tonumber(held[1]) then
    newest[slot] = {version, packed}
  end
end

if logged > 0 then
  local ids = {}
  for index = 0, logged - 1 do
    ids[index + 1] = ARGV[LOGGED_FROM + 4 * index]
  end
  local known = redis.call('ZMSCORE', IDS, unpack(ids))
  for index = 0, logged - 1 do
    if not known[index + 1] then
      local at = LOGGED_FROM + 4 * index
      fresh[#fresh + 1] = ARGV[at + 3]
      fresh_ids[#fresh_ids + 1] = ARGV[at]
      keep_value(ARGV[at + 1], ARGV[at + 2], ARGV[at + 3])
    end
  end
end

local loose = {}
for at = LOOSE_FROM, #ARGV, 2 do
  loose[#loose + 1] = ARGV[at + 1]
  keep_value(ARGV[at], '0', ARGV[at + 1])
end

local now = redis.call('TIME')
local now_ms = now[1] * 1000 + math.floor(now[2] / 1000)

-- A MessagePack array of four: epoch, first, logged, loose.
local function envelope(events)
  return string.char(0x94) .. cmsgpack.pack(epoch, top + 1) .. packed_array(fresh) .. events
end

local function append()
  local entry = envelope(NO_EVENTS)
  local id = decimal(top + #fresh) .. '-0'
  return redis.pcall('XADD', STREAM, id, 'b', entry), #entry
end

local body = envelope(packed_array(loose))
if #fresh > 0 then
  local added, size = append()
  if type(added) == 'table' and added.err and not string.find(added.err, 'equal or smaller') then
    return added
  elseif type(added) == 'table' and added.err then
    -- The stream is ahead of the meta: keys of different ages were put back.
    begin_epoch()
    body = envelope(packed_array(loose))
    added, size = append()
  end
  local scored = {}
  for index, id in ipairs(fresh_ids) do
    scored[#scored + 1] = decimal(top + index)
    scored[#scored + 1] = id
  end
  redis.call('ZADD', IDS, unpack(scored))
  redis.call('ZREMRANGEBYRANK', IDS, 0, -ids_max - 1)
  bytes = bytes + size
end

local first, last = top + 1, top + #fresh

-- Eight marks (time, offset, bytes so far) over the window say what to trim, without reading it.
local marked_ms, marked_bytes = string.match(marks, '(%d+):%d+:(%d+)$')
if not marked_ms or now_ms - marked_ms >= keep_ms / 8 or bytes - marked_bytes >= keep_bytes / 8 then
  local kept, trim = {}, nil
  for at_ms, offset, at_bytes in string.gmatch(marks, '(%d+):(%d+):(%d+)') do
    if now_ms - at_ms > keep_ms or bytes - at_bytes > keep_bytes then
      trim = tonumber(offset)
    else
      kept[#kept + 1] = at_ms .. ':' .. offset .. ':' .. at_bytes
    end
  end
  kept[#kept + 1] = decimal(now_ms) .. ':' .. decimal(last) .. ':' .. decimal(bytes)
  marks = table.concat(kept, ' ')
  if trim then
    redis.call('XTRIM', STREAM, 'MINID', decimal(trim + 1))
  end
end

if #slots > 0 then
  if redis.call('HLEN', VALUES) > values_max then
    redis.call('DEL', VALUES)
  end
  local held = redis.call('HMGET', VALUES, unpack(slots))
  for index, slot in ipairs(slots) do
    local version = held[index] and tonumber(string.match(held[index], '^%d+'))
    if not version or tonumber(newest[slot][1]) >= version then
      redis.call('HSET', VALUES, slot, newest[slot][1] .. ':' .. newest[slot][2])
    end
  end
  redis.call('PEXPIRE', VALUES, ttl_ms)
end

redis.call('HSET', META, 'epoch', epoch, 'top', decimal(last), 'generation', generation,
  'bytes', decimal(bytes), 'marks', marks)
redis.call('PEXPIRE', META, meta_ttl_ms)
redis.call('PEXPIRE', STREAM, keep_ms)
redis.call('PEXPIRE', IDS, ttl_ms)
if #fresh > 0 or #loose > 0 then
  redis.call(how, CHANNEL, body)
end
return {epoch, first, last}
