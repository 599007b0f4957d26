# SPDX-License-Identifier: Apache-2.0
"""What Redis does in one go: scripts in its own language."""

#: States of an item in which somebody is at work on it, or will be.
IN_FLIGHT = ('posted', 'running', 'waiting')

_FLIGHT = """
local function flying(state)
  return state == 'posted' or state == 'running' or state == 'waiting'
end
"""

#: Begins an item, unless it is in flight. KEYS: item. ARGV: token, then
#: fields and values. Gives the token that is in force.
BEGIN = (
    _FLIGHT
    + """
local state = redis.call('hget', KEYS[1], 'state')
if flying(state) then return redis.call('hget', KEYS[1], 'token') end
redis.call('del', KEYS[1])
redis.call('hset', KEYS[1], 'token', ARGV[1], 'state', 'posted',
           unpack(ARGV, 2))
return ARGV[1]
"""
)

#: Takes an item for a job. KEYS: item. ARGV: token, job, worker, time. Only
#: the first job that was posted for a token gets it.
TAKE = """
local now = redis.call('hmget', KEYS[1], 'state', 'token', 'job')
if now[2] ~= ARGV[1] then return 0 end
if now[3] and now[3] ~= ARGV[2] then return 0 end
if now[1] ~= 'posted' and now[1] ~= 'running' then return 0 end
redis.call('hset', KEYS[1], 'state', 'running', 'job', ARGV[2],
           'worker', ARGV[3], 'since', ARGV[4])
return 1
"""

#: Writes fields of an item. KEYS: item. ARGV: token, fields and values.
WRITE = (
    _FLIGHT
    + """
local now = redis.call('hmget', KEYS[1], 'state', 'token')
if now[2] ~= ARGV[1] or not flying(now[1]) then return 0 end
redis.call('hset', KEYS[1], unpack(ARGV, 2))
return 1
"""
)

#: Deletes a key of ours, or renews it. KEYS: key. ARGV: owner, milliseconds
#: (0 to delete it).
KEEP = """
local owner = redis.call('get', KEYS[1])
if owner and owner ~= ARGV[1] then return 0 end
if ARGV[2] == '0' then
  redis.call('del', KEYS[1])
else
  redis.call('set', KEYS[1], ARGV[1], 'px', ARGV[2])
end
return 1
"""

#: Takes room for one of so many. KEYS: room. ARGV: who, limit, milliseconds.
ENTER = """
local time = redis.call('time')
local now = time[1] * 1000 + math.floor(time[2] / 1000)
redis.call('zremrangebyscore', KEYS[1], '-inf', now)
if not redis.call('zscore', KEYS[1], ARGV[1]) then
  if redis.call('zcard', KEYS[1]) >= tonumber(ARGV[2]) then return 0 end
end
redis.call('zadd', KEYS[1], now + ARGV[3], ARGV[1])
redis.call('pexpire', KEYS[1], ARGV[3])
return 1
"""

#: Reserves a request's time. KEYS: pace. ARGV: microseconds a request, and of
#: requests that may go at once. Gives the microseconds until then.
RESERVE = """
local time = redis.call('time')
local now = time[1] * 1000000 + time[2]
local next = tonumber(redis.call('get', KEYS[1]) or 0)
if next < now - ARGV[2] then next = now - ARGV[2] end
next = next + ARGV[1]
redis.call('set', KEYS[1], string.format('%.0f', next), 'px', 60000)
return math.max(0, math.floor(next - now))
"""
