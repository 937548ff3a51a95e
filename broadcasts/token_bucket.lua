-- Takes up to ARGV[3] tokens (or gives some back when negative) from the bucket KEYS[1] that fills at ARGV[1] a second
-- up to ARGV[2]; answers {granted, milliseconds until asking again}. The server's clock, never a client's.
-- Half a bucket at a time, unless less is wanted: single tokens would make single messages, each with a gate of its own.
local rate, capacity, want = tonumber(ARGV[1]), tonumber(ARGV[2]), tonumber(ARGV[3])
local silent = redis.call('PTTL', KEYS[1] .. ':silent')
if silent > 0 and want > 0 then
    return {0, silent}
end
local time = redis.call('TIME')
local now = time[1] * 1000 + time[2] / 1000
local known = redis.call('HMGET', KEYS[1], 'tokens', 'at')
local tokens = 0
if known[1] then
    tokens = math.min(capacity, tonumber(known[1]) + math.max(0, now - tonumber(known[2])) * rate / 1000)
end
local least = math.min(want, math.max(1, math.floor(capacity / 2)))
local granted = tokens < least and 0 or math.min(want, math.floor(tokens))
tokens = math.min(capacity, tokens - granted)
redis.call('HSET', KEYS[1], 'tokens', tokens, 'at', now)
redis.call('PEXPIRE', KEYS[1], 60000)
local wait = 0
if granted == 0 then
    wait = math.ceil(math.max(1, least - tokens) / rate * 1000)
end
return {granted, wait}
