#!lua
-- Adds those who came to a room's HyperLogLog and reads how many different ones there were.
--
-- KEYS  the HyperLogLog: 12 KiB however many came, right within about one percent
-- ARGV  generation (not used), keep_ms, names …

if #ARGV > 2 then
  redis.call('PFADD', KEYS[1], unpack(ARGV, 3))
end
redis.call('PEXPIRE', KEYS[1], ARGV[2])
return redis.call('PFCOUNT', KEYS[1])
