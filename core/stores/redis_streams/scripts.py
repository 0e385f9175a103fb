"""What is asked of the server in one step, so that the parts of an answer fit each other."""

READ = """
local record = redis.call('HGET', KEYS[1], ARGV[1])
if not record then return nil end
local packed = redis.call('HGET', KEYS[2], ARGV[1])
if packed then return {record, packed, ''} end
local rows = {}
if ARGV[3] ~= '0' then
  for i, item in ipairs(redis.call('XRANGE', KEYS[3], '(0-' .. ARGV[2], '+', 'COUNT', ARGV[3])) do
    rows[i] = item[2][2]
  end
end
return {record, false, '[' .. table.concat(rows, ',') .. ']'}
"""
"""sessions, packed, log; id, since, limit -> the record, and the packed log or a JSON array of rows."""

LIST = """
local records = {}
for i, place in ipairs(redis.call('ZRANGE', KEYS[1], ARGV[1], '-', 'BYLEX', 'REV', 'LIMIT', 0, ARGV[2])) do
  records[i] = redis.call('HGET', KEYS[2], string.match(place, '[^%z]*$'))
end
return records
"""
"""order, sessions; the place to begin at, limit -> records, newest activity first."""

LEASE = """
local time = redis.call('TIME')
local now = time[1] * 1000 + math.floor(time[2] / 1000)
if ARGV[2] == '0' then
  redis.call('ZREM', KEYS[1], ARGV[1])
else
  redis.call('ZADD', KEYS[1], now + ARGV[2], ARGV[1])
end
redis.call('ZREMRANGEBYSCORE', KEYS[1], '-inf', now)
return redis.call('ZRANGE', KEYS[1], 0, -1)
"""
"""owners; owner, milliseconds -> the owners that live."""
